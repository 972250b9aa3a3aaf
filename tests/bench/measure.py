"""How a figure is measured: rounds of (measured, reference), their ratios, the median and the quartiles."""

from __future__ import annotations

import gc
import importlib
import statistics
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from time import perf_counter
from typing import Any, Callable, Mapping

from sizes import pick

UNROLL = 10
TARGET_SECONDS = 0.002

# what other processes take of the machine is not counted, where that clock is fine enough (not on Windows)
CLOCK = time.process_time if time.get_clock_info("process_time").resolution < 1e-6 else perf_counter


def seconds_of(statement: str) -> float:
    """What an interpreter takes that runs a statement: the least of three, in the processor's time where it is known."""
    taken = []
    for _ in range(3):
        start = _spent_by_children()
        subprocess.run([sys.executable, "-c", statement], check=True)
        taken.append(_spent_by_children() - start)
    return min(taken)


def _spent_by_children() -> float:
    try:
        import resource
    except ImportError:
        return perf_counter()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Benchmark:
    """One figure.

    Args:
        name: what is measured, and against what.
        round: takes one interleaved round and returns (measured, reference).
        reach: the figure to reach, or None where it is only recorded.
        rounds: how many rounds by default.
        unit: what the two numbers are in.
        difference: the figure is measured minus reference, not their ratio.
        setup: makes the names that `round` needs; its result is passed to `round` where it is given.
        only: whether this interpreter is meant.
    """

    def __init__(
        self,
        name: str,
        round: Callable[..., tuple[float, float]],
        *,
        reach: float | None,
        rounds: int = 15,
        unit: str = "×",
        difference: bool = False,
        setup: Callable[[], Any] | None = None,
        only: Callable[[], bool] = lambda: True,
    ) -> None:
        self.name, self.round, self.reach, self.rounds = name, round, reach, rounds
        self.unit, self.difference, self.setup, self.only = unit, difference, setup, only
        self.topic = ""

    def run(self) -> Result:
        arguments = () if self.setup is None else (self.setup(),)
        self.round(*arguments)  # caches and specialisation warm up
        pairs = [self.round(*arguments) for _ in range(pick(self.rounds, 4 * self.rounds))]
        return Result(self, pairs)


class Result:
    """The rounds of one benchmark, and the figure they give."""

    def __init__(self, benchmark: Benchmark, pairs: list[tuple[float, float]]) -> None:
        self.benchmark, self.pairs = benchmark, pairs
        figures = [
            measured - reference if benchmark.difference else measured / reference
            for measured, reference in pairs
        ]
        self.figure = statistics.median(figures)
        quartiles = statistics.quantiles(figures, n=4) if len(figures) > 1 else [self.figure] * 3
        self.low, self.high = quartiles[0], quartiles[2]
        self.measured = statistics.median(measured for measured, _ in pairs)
        self.reference = statistics.median(reference for _, reference in pairs)

    @property
    def verdict(self) -> str:
        if self.benchmark.reach is None:
            return "-"
        return "ok" if self.figure <= self.benchmark.reach else "short"

    def as_dict(self) -> dict[str, object]:
        """The result for `--json`."""
        return {
            "topic": self.benchmark.topic,
            "name": self.benchmark.name,
            "unit": self.benchmark.unit,
            "figure": self.figure,
            "low": self.low,
            "high": self.high,
            "reach": self.benchmark.reach,
            "verdict": self.verdict,
            "measured": self.measured,
            "reference": self.reference,
            "rounds": len(self.pairs),
        }


def _timer(statement: str, names: Mapping[str, object]) -> Callable[[int], float]:
    """A function that runs the statement in a loop of its own code object, its names as locals, unrolled."""
    body = textwrap.indent("\n".join([textwrap.dedent(statement).strip()] * UNROLL), " " * 8)
    parameters = "".join(f", {name}={name}" for name in names)
    source = (
        f"def timer(loops, *, clock=clock{parameters}):\n"
        "    start = clock()\n"
        f"    for _ in range(loops):\n{body}\n"
        "    return clock() - start\n"
    )
    namespace: dict[str, Any] = {**names, "clock": CLOCK}
    exec(compile(source, "<benchmark>", "exec"), namespace)
    timer: Callable[[int], float] = namespace["timer"]
    return timer


def _calibrated(timer: Callable[[int], float]) -> int:
    loops = 1
    while True:
        seconds = min(timer(loops), timer(loops))
        if seconds > TARGET_SECONDS / 4:
            return max(1, int(loops * TARGET_SECONDS / seconds))
        loops *= 4


def compare(
    name: str,
    measured: str,
    reference: str,
    *,
    reach: float | None,
    setup: Callable[[], Mapping[str, object]],
    rounds: int = 25,
    only: Callable[[], bool] = lambda: True,
) -> Benchmark:
    """Two statements against each other; the numbers are nanoseconds for one run of each."""

    def prepare() -> list[tuple[Callable[[int], float], int]]:
        names = setup()
        timers = [_timer(statement, names) for statement in (measured, reference)]
        return [(timer, _calibrated(timer)) for timer in timers]

    def one_round(timers: list[tuple[Callable[[int], float], int]]) -> tuple[float, float]:
        enabled = gc.isenabled()
        gc.disable()
        try:
            # the least of three, taken in turn: what another process steals is not ours
            taken = [[timer(loops) / loops for timer, loops in timers] for _ in range(3)]
        finally:
            if enabled:
                gc.enable()
        first, second = (min(column) * 1e9 / UNROLL for column in zip(*taken))
        return first, second

    return Benchmark(name, one_round, reach=reach, rounds=rounds, setup=prepare, only=only)


def calls(
    name: str,
    measured: Callable[..., object],
    reference: Callable[..., object],
    *,
    reach: float | None,
    setup: Callable[[], Any] | None = None,
    rounds: int = 7,
    only: Callable[[], bool] = lambda: True,
) -> Benchmark:
    """Two callables against each other, each called once a round (with what `setup` made); the numbers are ns."""

    def one_round(*arguments: Any) -> tuple[float, float]:
        taken = []
        for function in (measured, reference):
            start = perf_counter()
            function(*arguments)
            taken.append((perf_counter() - start) * 1e9)
        return taken[0], taken[1]

    return Benchmark(name, one_round, reach=reach, rounds=rounds, setup=setup, only=only)


def linear(
    name: str,
    run: Callable[[Any], object],
    setup: Callable[[int], Any],
    *,
    sizes: tuple[int, int, int] = (100, 1000, 10000),
    reach: float = 1.5,
    rounds: int = 5,
    only: Callable[[], bool] = lambda: True,
) -> Benchmark:
    """The time for each unit of the largest size over that of the smallest; the numbers are ns for each unit.

    The middle size is measured too: where it costs more for each unit than the largest, it counts.
    """

    def prepare() -> list[tuple[int, Any]]:
        return [(size, setup(size)) for size in sizes]

    def one_round(prepared: list[tuple[int, Any]]) -> tuple[float, float]:
        each = []
        for size, made in prepared:
            repeats, taken = max(1, sizes[-1] // size // 10), []
            for _ in range(3):
                start = CLOCK()
                for _ in range(repeats):
                    run(made)
                taken.append((CLOCK() - start) * 1e9 / repeats / size)
            each.append(min(taken))
        return max(each[1:]), each[0]

    return Benchmark(name, one_round, reach=reach, rounds=rounds, setup=prepare, only=only)


def load_benchmarks(topics: list[str]) -> list[Benchmark]:
    """The benchmarks of the `bench_*.py` files of this folder, or of the topics named."""
    paths = sorted(Path(__file__).parent.glob("bench_*.py"))
    known = [path.stem[len("bench_") :] for path in paths]
    unknown = sorted(set(topics) - set(known))
    if unknown:
        msg = f"no topic {', '.join(unknown)}; there are {', '.join(known)}"
        raise ValueError(msg)
    found: list[Benchmark] = []
    for topic in known:
        if not topics or topic in topics:
            for benchmark in importlib.import_module(f"{__package__}.bench_{topic}").BENCHMARKS:
                benchmark.topic = topic
                found.append(benchmark)
    return found
