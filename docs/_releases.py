"""The tables of releases: from the files of `recell.compat`, and from rows that the tests ask of every interpreter."""

from __future__ import annotations

import importlib
import sys
import types
import warnings
from itertools import groupby
from typing import TYPE_CHECKING, Any, Callable, List, NamedTuple, Optional, Tuple

if TYPE_CHECKING:
    from recell.compat._release import Release


def plain() -> None:
    """A function for the probes."""


def generator() -> Any:
    yield


def warns_of_another_kind() -> bool:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        types.FunctionType(plain.__code__, globals()).__code__ = generator.__code__
    return bool(caught)


def specialises_calls_to(function: Any) -> bool:
    """Whether a loop that calls it gets an instruction for calls of this function (or the release knows none)."""
    import dis

    def loop() -> None:
        for _ in range(2000):
            function()

    tracing = sys.gettrace()
    sys.settrace(None)  # while something traces, 3.11 specialises no calls
    try:
        loop()
    finally:
        sys.settrace(tracing)
    try:
        names = [each.opname for each in dis.get_instructions(loop, adaptive=True)]
    except TypeError:  # before 3.11
        return True
    return any(name.startswith("CALL_PY") for name in names)


def changed() -> Any:
    """A function whose code was assigned."""
    function = eval("lambda: None")
    function.__code__ = plain.__code__
    return function


class Difference(NamedTuple):
    """Something that is different in later releases."""

    what: str
    answers: Tuple[str, ...]
    answer: Callable[[Release], int]
    """Which of the answers holds for a release."""
    here: Optional[Callable[[], int]] = None
    """Finds out which holds on the running interpreter, where that is possible: the tests compare."""


DIFFERENCES = (
    Difference(
        "builtins of a function",
        ("looked up in its globals at each call", "bound when it is made, and carried over"),
        lambda release: release.version >= (3, 10),
        lambda: hasattr(plain, "__builtins__"),
    ),
    Difference(
        "positions in tracebacks, kept by every edit",
        ("lines", "lines and columns"),
        lambda release: release.exception_table,
        lambda: hasattr(plain.__code__, "co_positions"),
    ),
    Difference(
        "type parameters (PEP 695)",
        ("none yet", "carried over"),
        lambda release: release.version >= (3, 12),
        lambda: hasattr(plain, "__type_params__"),
    ),
    Difference(
        "annotations",
        ("a dict", "evaluated on demand; copying does not evaluate them"),
        lambda release: release.version >= (3, 14),
        lambda: hasattr(plain, "__annotate__"),
    ),
    Difference(
        "calls of a function that `types.FunctionType` made",
        ("as fast as the compiler's", "slower for good; recell's are not"),
        lambda release: release.function_factory is not None,
        lambda: not specialises_calls_to(types.FunctionType(plain.__code__, globals())),
    ),
    Difference(
        "calls of a function that was changed in place",
        ("as fast as before", "not specialised again"),
        lambda release: release.function_factory is not None,
        lambda: not specialises_calls_to(changed()),
    ),
    Difference(
        "changing the length of a closure in place",
        (
            "in one C call; an audit hook must not call the function meanwhile",
            "through a stand-in code, safe at any instant",
        ),
        lambda release: not release.exchange.__module__.endswith("py38"),
    ),
    Difference(
        "a code object of another kind (generator, coroutine) assigned to a function",
        ("taken in silence by CPython", "CPython warns; recell goes around it"),
        lambda release: release.version >= (3, 13),
        warns_of_another_kind,
    ),
)


def known() -> List[Release]:
    from recell import compat

    return [compat.load((3, minor)) for minor in range(compat.OLDEST[1], compat.NEWEST[1] + 1)]


def differences() -> str:
    """A row for each difference, a column for each run of releases that answer all of them alike."""
    columns = [
        (", ".join(f"3.{release.version[1]}" for release in alike), answers)
        for answers, alike in (
            (answers, list(group))
            for answers, group in groupby(
                known(), lambda release: [each.answer(release) for each in DIFFERENCES]
            )
        )
    ]
    rows = ["| | " + " | ".join(title for title, _ in columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for position, each in enumerate(DIFFERENCES):
        cells: List[str] = []
        since: Tuple[int, str] = (-1, "")
        for title, answers in columns:
            if answers[position] == since[0]:
                cells.append(f"as {since[1]}")
            else:
                since = answers[position], title.partition(",")[0]
                cells.append(each.answers[answers[position]])
        rows.append(f"| {each.what} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def releases() -> str:
    """A row for each release: what its file says has changed, and the facts that limit what recell can do there."""
    rows = ["| CPython | what changed for functions and code objects | facts |", "|---|---|---|"]
    for facts in known():
        minor = facts.version[1]
        module = importlib.import_module(f"recell.compat.py3{minor}")
        news = (module.__doc__ or "").splitlines()[0].partition(": ")[2].rstrip(".")
        said = [
            "cells are locals" if facts.unified_locals else "cells numbered apart",
            "exception table" if facts.exception_table else "blocks on a stack",
            f"{sum(facts.caches.values())} cache units behind {len(facts.caches)} opcodes"
            if facts.caches
            else "no inline caches",
        ]
        if facts.function_factory is not None:
            said.append("functions made by its own instruction, to be called fast")
        rows.append(f"| 3.{minor} | {news[:1].upper()}{news[1:]} | {'; '.join(said)} |")
    return "\n".join(rows)
