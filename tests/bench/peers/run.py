"""The run: in every round each way of each task takes its turn, and is divided by its task's reference of that round."""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Callable, Dict, List, Tuple

from sizes import pick

from ..measure import _calibrated, _timer, seconds_of
from . import copying, editing, patching, wrapping
from .ways import PACKAGES, Task, Way, installed

TASKS: Tuple[Task, ...] = (
    copying.COPY,
    copying.CALL,
    patching.NAME,
    patching.VARIABLE,
    patching.FUNCTION,
    patching.DURING,
    editing.EDIT,
    editing.GENERATE,
    editing.TAKE_OUT,
    wrapping.WRAPPER,
    wrapping.THROUGH,
    wrapping.CLASS,
    copying.TRAVEL,
)


class Entry:
    """A way in the run: its timer, what it took, and what was seen of its result."""

    def __init__(self, task: Task, way: Way) -> None:
        self.task, self.way = task, way
        self.seen, self.failure = way.note, ""
        self.taken: List[float] = []
        self.ratios: List[float] = []
        self.timer: Callable[[int], float] = lambda loops: 0.0
        self.loops = 0
        try:
            self._prepare()
        except ImportError as error:
            self.failure = f"not installed ({error.name})"
        except Exception as error:
            self.failure = f"raises `{type(error).__name__}: {error}`"

    def _prepare(self) -> None:
        names = self.task.setup()
        exec(self.way.before, names)
        try:
            code = compile(self.way.statement, "<way>", "eval")
        except SyntaxError:
            exec(self.way.statement, names)
        else:
            seen = self.task.look(names, eval(code, names))
            self.seen = "; ".join(filter(None, (seen, self.way.note)))
        used = compile(self.way.statement, "<way>", "exec").co_names
        self.timer = _timer(self.way.statement, {name: names[name] for name in used if name in names})
        self.loops = _calibrated(self.timer)

    @property
    def quartiles(self) -> Tuple[float, float, float]:
        """Lower quartile, median and upper quartile of the ratios."""
        low, median, high = statistics.quantiles(self.ratios, n=4)
        return low, median, high


def race(tasks: Tuple[Task, ...] = TASKS, rounds: int = 0) -> List[List[Entry]]:
    """Measures all ways of all tasks, interleaved; the entries of each task, the reference first."""
    field = [[Entry(task, way) for way in task.ways] for task in tasks]
    for entries in field:
        assert not entries[0].failure, (entries[0].task.title, entries[0].failure)
    for _ in range(rounds or pick(15, 60)):
        gc.collect()
        gc.disable()
        for entries in field:
            running = [entry for entry in entries if not entry.failure]
            # the least of three, taken in turn: what another process steals is not theirs
            turns = [[entry.timer(entry.loops) / entry.loops for entry in running] for _ in range(3)]
            least = [min(column) for column in zip(*turns)]
            for entry, seconds in zip(running, least):
                entry.taken.append(seconds * 1e8)  # the timer's loop is unrolled ten times
                entry.ratios.append(seconds / least[0])
        gc.enable()
    return field


IMPORTS = {"recell": "recell", **PACKAGES, "dataclasses": "dataclasses", "unittest.mock": "unittest.mock"}


def import_times(rounds: int = 0) -> Dict[str, Tuple[float, float, float]]:
    """An interpreter that imports each package, as a multiple of a bare one: quartiles, taken in turn."""
    modules = {
        package: module
        for package, module in IMPORTS.items()
        if package not in PACKAGES or installed(package)
    }
    found: Dict[str, List[float]] = {package: [] for package in modules}
    for _ in range(rounds or pick(7, 20)):
        bare = seconds_of("pass")
        for package, module in modules.items():
            found[package].append(seconds_of(f"import {module}") / bare)
    return {package: tuple(statistics.quantiles(taken, n=4)) for package, taken in found.items()}  # type: ignore[misc]


def main(arguments: List[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench peers", description=__doc__)
    parser.add_argument("--write", metavar="FOLDER", type=Path, help="write figures.md and figures.svg there")
    parser.add_argument("--rounds", type=int, default=0, help="rounds of the comparison (15)")
    parser.add_argument("--no-goals", action="store_true", help="without the figures to reach")
    options = parser.parse_args(arguments)
    from . import goals, page, plot

    start = time.perf_counter()
    field = race(rounds=options.rounds)
    imports = import_times(options.rounds)
    reached = [] if options.no_goals else goals.measure()
    about = {
        "version": sys.version.split()[0],
        "cores": os.cpu_count(),
        "seconds": time.perf_counter() - start,
    }
    text = page.write(field, imports, reached, about)
    if options.write:
        (options.write / "figures.md").write_text(text, encoding="utf-8")
        (options.write / "figures.svg").write_text(plot.draw(field), encoding="utf-8")
    else:
        print(text)
    print(f"{about['seconds']:.0f} s", file=sys.stderr)
    return 0
