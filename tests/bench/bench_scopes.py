"""promote and freeze of one name over the library's leaf functions; loops that read a promoted or frozen name; sizes."""

from __future__ import annotations

import gc
import opcode
import os
import statistics
import subprocess
import sys
import time
from types import CodeType, FunctionType
from typing import Any, Callable

import corpus

import recell
from bench import Benchmark

LOAD_GLOBAL = opcode.opmap["LOAD_GLOBAL"]


def widths() -> list[int]:
    """Bytes of each opcode with its caches."""
    from recell import compat

    found = [2] * 256
    for name, units in compat.require("benchmarks").caches.items():
        found[opcode.opmap[name]] += 2 * units
    return found


WIDTHS = widths()


def walk(code: CodeType) -> CodeType:
    """The reference: one raw walk over the instructions, a copy of the bytes, and `replace`."""
    raw, i, count = code.co_code, 0, 0
    out = bytearray(raw)
    size = len(raw)
    while i < size:
        op = raw[i]
        if op == LOAD_GLOBAL:
            count += 1
        i += WIDTHS[op]
    return code.replace(co_code=bytes(out))


def leaves() -> list[tuple[FunctionType, str]]:
    """Functions without nested ones, each with the first global that it reads."""
    found = []
    for func in corpus.sample(corpus.live_functions(), 1500):
        code = func.__code__
        if (
            any(isinstance(constant, CodeType) for constant in code.co_consts)
            or LOAD_GLOBAL not in code.co_code[::2]
        ):
            continue
        report = recell.scope(func)
        names = sorted(
            {*report.globals, *report.builtins} - report.assigned - {*code.co_varnames, *code.co_cellvars}
        )
        if names:
            found.append((func, names[0]))
    return found


_leaves: list[tuple[FunctionType, str]] = []


def over(edit: Callable[[FunctionType, str], object]) -> Callable[[], tuple[float, float]]:
    """One round: the median over the functions of the ratio edit / walk."""

    def measure() -> tuple[float, float]:
        if not _leaves:
            _leaves.extend(leaves())
        clock = time.perf_counter
        ratios = []
        for func, name in _leaves:
            code = func.__code__
            best = [float("inf"), float("inf")]
            for _ in range(7):
                start = clock()
                walk(code)
                middle = clock()
                edit(func, name)
                end = clock()
                best = [min(best[0], middle - start), min(best[1], end - middle)]
            ratios.append(best[1] / best[0])
        return statistics.median(ratios), 1.0

    return measure


LIMIT = 3


def loop(n: int) -> int:
    total = 0
    for _ in range(n):
        total += LIMIT
    return total


def calling_loop(n: int) -> int:
    total = 0
    for _ in range(n):
        total += len("ab")
    return total


def loops() -> dict[str, Any]:
    return {
        "plain": recell.replace(loop),
        "promoted": recell.promote(loop, LIMIT=3),
        "frozen": recell.freeze(loop, "LIMIT"),
        "plain_call": recell.replace(calling_loop),
        "promoted_call": recell.promote(calling_loop, len=len),
        "frozen_call": recell.freeze(calling_loop, "len"),
    }


def in_turn(measured: str, reference: str) -> tuple[float, float]:
    """A loop of 2,000 in one function and in the other, in nanoseconds: the least of many, taken in turn."""
    made, clock = loops(), time.perf_counter
    first, second = made[measured], made[reference]
    for _ in range(20):
        first(2000), second(2000)
    best = [float("inf"), float("inf")]
    for _ in range(200):
        start = clock()
        first(2000)
        middle = clock()
        second(2000)
        end = clock()
        best = [min(best[0], middle - start), min(best[1], end - middle)]
    return best[0] * 1e9, best[1] * 1e9


def looping(measured: str, reference: str) -> Callable[[], tuple[float, float]]:
    """One round: the two loops in a process of their own.

    Where a process happens to lie in memory is worth three per cent either way, as long as it lives: with rounds
    in one process that would be the figure.
    """

    def measure() -> tuple[float, float]:
        command = [sys.executable, __file__, measured, reference]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        output = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout
        first, second = map(float, output.split())
        return first, second

    return measure


def long_function(size: int) -> FunctionType:
    space: dict[str, Any] = {"LIMIT": 1}
    body = "\n".join(f"    total += LIMIT * {i} + other.name" for i in range(size))
    exec(f"def func(other):\n    total = 0\n{body}\n    return total", space)
    return space["func"]


def growth(edit: Callable[[FunctionType], object]) -> Callable[[], tuple[float, float]]:
    """Edit over raw walk for 8,000 lines, and for 500: a quotient of 1 is linear. Caches of the machine hit both alike."""

    def measure() -> tuple[float, float]:
        ratios = []
        for size in (500, 2000, 8000):
            func = long_function(size)
            code = func.__code__
            best = [float("inf"), float("inf")]
            gc.collect()
            gc.disable()  # its passes grow with everything else that lives in this process
            for _ in range(5):
                start = time.process_time()
                walk(code)
                middle = time.process_time()
                edit(func)
                end = time.process_time()
                best = [min(best[0], middle - start), min(best[1], end - middle)]
            gc.enable()
            ratios.append(best[1] / best[0])
        return ratios[2], ratios[0]

    return measure


BENCHMARKS = [
    Benchmark(
        "promote one name, leaf functions",
        over(lambda func, name: recell.promote(func, {name: 1})),
        reach=3.5,
        rounds=5,
    ),
    Benchmark(
        "freeze one name, leaf functions",
        over(lambda func, name: recell.freeze(func, **{name: 1})),
        reach=3.5,
        rounds=5,
    ),
    Benchmark("scope, leaf functions", over(lambda func, name: recell.scope(func)), reach=None, rounds=3),
    Benchmark("loop reading a promoted name", looping("promoted", "plain"), reach=1.03),
    Benchmark("loop reading a frozen name", looping("frozen", "plain"), reach=1.03),
    Benchmark("loop calling a promoted name", looping("promoted_call", "plain_call"), reach=1.03),
    Benchmark("loop calling a frozen name", looping("frozen_call", "plain_call"), reach=1.03),
    Benchmark(
        "promote, 500 to 8,000 lines", growth(lambda func: recell.promote(func, LIMIT=1)), reach=1.2, rounds=3
    ),
    Benchmark(
        "freeze, 500 to 8,000 lines", growth(lambda func: recell.freeze(func, "LIMIT")), reach=1.2, rounds=3
    ),
    Benchmark(
        "demote, 500 to 8,000 lines",
        growth(lambda func: recell.demote(recell.promote(func, LIMIT=1))),
        reach=1.2,
        rounds=3,
    ),
]

if __name__ == "__main__":
    print(*in_turn(*sys.argv[1:]))
