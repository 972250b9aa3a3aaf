"""Operations, and the run that counts what was tried, done and refused."""

from __future__ import annotations

import contextlib
import importlib
import math
import random
import sys
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from typing import Any, Callable, Sequence, TypeVar

from sizes import DEBUG, FULL, SEED

from . import harvest

T = TypeVar("T")


class Refused(Exception):
    """An operation declined a function, with a reason that can be counted."""


class Operation:
    """One capability's invariant, checked on real functions.

    Args:
        name: as in the table; unique.
        run: takes one function (or code object); raises on an invariant failure, `Refused(reason)` on a refusal.
        applies: which functions are meant.
        over: "functions" (live ones and those nested in them), "live" or "code".
        sample: how many a default run takes.
        ceiling: the share of refusals allowed.
    """

    def __init__(
        self,
        name: str,
        run: Callable[[Any], object],
        *,
        applies: Callable[[Any], bool] = lambda item: True,
        over: str = "functions",
        sample: int = 400,
        ceiling: float = 0.005,
    ) -> None:
        self.name, self.run, self.applies = name, run, applies
        self.over, self.sample, self.ceiling = over, sample, ceiling

    def __repr__(self) -> str:
        return f"<operation {self.name}>"

    def items(self, packages: tuple[str, ...] = ()) -> Sequence[Any]:
        source = {
            "functions": harvest.functions,
            "live": harvest.live_functions,
            "code": harvest.code_objects,
        }[self.over]
        return source(packages)


class Tally:
    """What one operation did with the functions it was given."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.tried = self.done = self.not_meant = 0
        self.refused: Counter[str] = Counter()
        self.refused_names: dict[str, str] = {}
        self.failures: list[tuple[str, BaseException]] = []
        self.places: dict[int, str] = {}
        self.seconds = 0.0

    @property
    def allowed(self) -> int:
        """Refusals within the ceiling; a sample may happen to hold a few more than its share."""
        exact = self.operation.ceiling * self.tried
        return math.floor(exact) if FULL else max(3, math.ceil(2 * exact))

    def report(self, most: int = 5) -> str:
        """The failures and refusals as text."""
        lines = [
            f"{self.operation.name}: {self.tried} tried, {self.done} done, {sum(self.refused.values())} refused "
            f"({self.allowed} allowed), {len(self.failures)} failed, {self.not_meant} not meant"
        ]
        for reason, count in self.refused.most_common(12):
            lines.append(f"  refused {count:5}  {reason} (e.g. {self.refused_names[reason]})")
        for name, error in self.failures[:most]:
            lines.append(
                f"  FAILED  {name}: {type(error).__name__}: {str(error)[:600]}  [{self.places[id(error)]}]"
            )
        if len(self.failures) > most:
            lines.append(f"  … and {len(self.failures) - most} more")
        return "\n".join(lines)


def sample(items: Sequence[T], count: int | None, seed: int = SEED) -> list[T]:
    """A seeded choice in the order of the items; all of them when count is None or large enough."""
    if count is None or count >= len(items):
        return list(items)
    chosen = sorted(random.Random(seed).sample(range(len(items)), count))
    return [items[index] for index in chosen]


def load_operations() -> list[Operation]:
    """The operations of all `op_*.py` files of this folder."""
    found: list[Operation] = []
    for path in sorted(Path(__file__).parent.glob("op_*.py")):
        found.extend(importlib.import_module(f"{__package__}.{path.stem}").OPERATIONS)
    repeated = [name for name, count in Counter(operation.name for operation in found).items() if count > 1]
    if repeated:
        msg = f"operations registered twice: {', '.join(repeated)}"
        raise ValueError(msg)
    return found


def run(
    operation: Operation,
    *,
    packages: tuple[str, ...] = (),
    count: int | None = None,
    progress: Callable[[Tally, int], None] | None = None,
) -> Tally:
    """Takes the operation through its functions: a seeded sample, all with RECELL_SIZE=full, or `count` of them."""
    tally = Tally(operation)
    if count is None and not FULL:
        count = operation.sample // 2 if DEBUG else operation.sample
    items = operation.items(packages)
    chosen = []
    # in the order of a seeded draw: a sample is complete long before every function was asked about
    for item in items if count is None else random.Random(SEED).sample(items, len(items)):
        if len(chosen) == count:
            break
        if operation.applies(item):
            chosen.append(item)
        else:
            tally.not_meant += 1
    start = time.perf_counter()
    for item in chosen:
        tally.tried += 1
        try:
            with _quiet():
                operation.run(item)
        except Refused as refusal:
            reason = str(refusal)
            tally.refused[reason] += 1
            tally.refused_names.setdefault(reason, harvest.name_of(item))
        except Exception as error:  # every failure is reported, and the run goes on
            *_, last = traceback.extract_tb(error.__traceback__)
            tally.places[id(error)] = f"{Path(last.filename).name}:{last.lineno}: {last.line}"
            error.__traceback__ = None  # the frames would keep the function's copies alive
            tally.failures.append((harvest.name_of(item), error))
        else:
            tally.done += 1
        if progress is not None:
            progress(tally, len(chosen))
    tally.seconds = time.perf_counter() - start
    return tally


@contextlib.contextmanager
def _quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # what the library's own attributes warn of when they are read is not the operation's doing
        for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning):
            warnings.filterwarnings("ignore", category=category, module=r"(?!recell)")
        yield


def table(tallies: Sequence[Tally]) -> str:
    """The tallies as a table."""
    widest = max([len(tally.operation.name) for tally in tallies] + [9])
    lines = [
        f"{'operation':{widest}}  {'tried':>7} {'done':>7} {'refused':>8} {'share':>7} {'failed':>7} {'seconds':>8}"
    ]
    for tally in tallies:
        refused = sum(tally.refused.values())
        share = f"{100 * refused / tally.tried:.2f} %" if tally.tried else "-"
        lines.append(
            f"{tally.operation.name:{widest}}  {tally.tried:7} {tally.done:7} {refused:8} {share:>7} "
            f"{len(tally.failures):7} {tally.seconds:8.1f}"
        )
    return "\n".join(lines)


def release() -> str:
    debug = " (debug)" if hasattr(sys, "gettotalrefcount") else ""
    return f"CPython {sys.version.split()[0]}{debug}"
