"""Rewriting beside the library's own round trip; probes beside `sys.monitoring` and `sys.settrace`."""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from types import CodeType, FunctionType
from typing import Any, Callable

from sizes import SEED, pick

import recell
from recell import probe
from recell.rewriting.library import library
from recell.rewriting.rewriting import rewritten

from .measure import Benchmark

HAS_MONITORING = hasattr(sys, "monitoring")


def codes() -> list[CodeType]:
    """The code of some functions of the standard library."""
    import difflib
    import inspect
    import json.decoder
    import logging
    import pickle
    import tarfile
    import textwrap
    import zipfile

    found = []
    for module in (argparse, difflib, inspect, json.decoder, logging, pickle, tarfile, textwrap, zipfile):
        for value in list(vars(module).values()):
            for one in (value, *(vars(value).values() if isinstance(value, type) else ())):
                if type(one) is FunctionType and one.__module__ == module.__name__:
                    found.append(one.__code__)
    random.Random(SEED).shuffle(found)
    return found[: pick(40, 400)]


def best(call: Callable[[], object], rounds: int = 3) -> float:
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        call()
        taken.append(time.process_time() - start)
    return min(taken) * 1e9


def over_codes(measured: Callable[[CodeType], object]) -> Callable[[list[CodeType]], tuple[float, float]]:
    """One round: nanoseconds for each code object, and those of the library's own round trip."""

    def one_round(found: list[CodeType]) -> tuple[float, float]:
        bytecode = library()
        mine = [best(lambda: measured(code)) for code in found]
        own = [best(lambda: bytecode.Bytecode.from_code(code).to_code()) for code in found]
        return statistics.median(mine), statistics.median(own)

    return one_round


def nothing(code: Any) -> None:
    """An edit that does nothing."""


def hook() -> None:
    """An action."""


def functions() -> list[tuple[FunctionType, int]]:
    """Functions of the standard library, each with a line in its midst."""
    import dis

    found = []
    for code in codes():
        lines = sorted({line for _, line in dis.findlinestarts(code) if line and line > code.co_firstlineno})
        if lines:
            found.append(
                (
                    FunctionType(
                        code, {}, None, None, tuple(map(recell.make_cell, code.co_freevars)) or None
                    ),
                    lines[len(lines) // 2],
                )
            )
    return found


def placing(found: list[tuple[FunctionType, int]]) -> tuple[float, float]:
    bytecode = library()
    mine, own = [], []
    for func, line in found:
        try:
            mine.append(best(lambda: probe(func, hook, at=line)))
        except recell.RecellError:
            continue
        own.append(best(lambda: bytecode.Bytecode.from_code(func.__code__).to_code()))
    return statistics.median(mine), statistics.median(own)


def loop(n: int, factor: int) -> int:
    total = 0
    for i in range(n):
        total += factor
    return total


LINE = loop.__code__.co_firstlineno + 3
COUNT = 20_000


def pass_of(change: Any) -> Callable[[], float]:
    """Nanoseconds that a pass over the line takes with a change in force."""

    def taken() -> float:
        with change:
            loop(COUNT, 1)
            return best(lambda: loop(COUNT, 1)) / COUNT

    return taken


def watched() -> float:
    """Nanoseconds that a pass takes with a LINE callback that does nothing, or a tracer that does nothing."""
    if HAS_MONITORING:
        monitoring = sys.monitoring  # type: ignore[attr-defined, unused-ignore]
        tool = 4
        monitoring.use_tool_id(tool, "bench")
        try:
            monitoring.register_callback(tool, monitoring.events.LINE, lambda code, line: None)
            monitoring.set_local_events(tool, loop.__code__, monitoring.events.LINE)
            loop(COUNT, 1)
            both = best(lambda: loop(COUNT, 1)) / COUNT
        finally:
            monitoring.set_local_events(tool, loop.__code__, 0)
            monitoring.free_tool_id(tool)
        return both

    def tracer(frame: Any, event: str, arg: Any) -> Any:
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        return best(lambda: loop(COUNT, 1)) / COUNT
    finally:
        sys.settrace(before)


def added(change: Callable[[], Any]) -> Callable[[], tuple[float, float]]:
    """One round: what a pass costs more with the change, and with an observer that does nothing on that line.

    An observer is told of both lines of the loop: half of it counts.
    """

    def one_round() -> tuple[float, float]:
        bare = best(lambda: loop(COUNT, 1)) / COUNT
        probed = pass_of(change())()
        return max(probed - bare, 0.1), (watched() - bare) / 2

    return one_round


def with_two() -> Any:
    def action(n: int, factor: int) -> None: ...

    return probe(loop, action, at=LINE)


def with_locals() -> Any:
    def action(i: int, total: int) -> None: ...

    return probe(loop, action, at=LINE)


def conditioned() -> Any:
    return probe(loop, hook, at=LINE, when="factor == 7")


def on_a_local() -> Any:
    return probe(loop, hook, at=LINE, when="i < 0")


HIT, FALSE = (0.5, 0.2) if HAS_MONITORING else (0.15, None)

BENCHMARKS = [
    Benchmark(
        "rewrite: an edit that does nothing, not verified, × the library's round trip",
        over_codes(lambda code: rewritten(code, [(nothing, "Bytecode")], checked=False)),
        reach=1.5,
        rounds=3,
        setup=codes,
    ),
    Benchmark(
        "rewrite: the same, verified",
        over_codes(lambda code: rewritten(code, [(nothing, "Bytecode")])),
        reach=1.8,
        rounds=3,
        setup=codes,
    ),
    Benchmark("probe: placing, × the library's round trip", placing, reach=0.3, rounds=3, setup=functions),
    Benchmark(
        "probe: a hit with two parameters, × an observer that does nothing",
        added(with_two),
        reach=HIT,
        rounds=5,
    ),
    Benchmark("probe: a hit with two locals, × the same", added(with_locals), reach=HIT, rounds=5),
    Benchmark(
        "probe: a false condition on a parameter, × the same", added(conditioned), reach=FALSE, rounds=5
    ),
    Benchmark("probe: a false condition on a local, × the same", added(on_a_local), reach=FALSE, rounds=5),
]
