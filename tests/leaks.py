"""One harness for leaks: what a number of cycles leaves behind in bytes, objects and references."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from typing import Callable, NamedTuple, Sequence


class Left(NamedTuple):
    """What is there after the cycles and was not before them."""

    bytes: int
    objects: int
    references: int
    """Of the whole interpreter; 0 where the build does not count them."""
    held: Sequence[int]
    """For each object asked about, how many references to it are new."""


def collect() -> None:
    """What a first round frees may hold garbage of its own: a stand-in, and the code that holds it."""
    for _ in range(5):
        if not gc.collect():
            return


def left_by(
    cycle: Callable[[], object],
    count: int,
    held: Callable[[], Sequence[object]] = tuple,
    *,
    warm: int = 200,
    every: int = 500,
    searching: bool = False,
) -> Left:
    """Runs the cycles and says what is left.

    Args:
        cycle: one cycle; what it returns is dropped.
        count: how many are measured.
        held: the objects whose own references are counted.
        warm: how many go before: caches, lazily imported modules, the interpreter's own tables.
        every: so many cycles are between collections; classes that wait for one fill the table of their base.
        searching: whether a cycle looks for objects of before in the whole heap; otherwise the collector passes over
            them, which spares most of the time.
    """
    gc.collect()
    if not searching:
        gc.freeze()
    tracemalloc.start()
    try:
        for _ in range(warm):
            cycle()
        collect()
        counts = [sys.getrefcount(each) for each in held()]
        size, objects, references = _now()
        for number in range(count):
            cycle()
            if number % every == 0:
                collect()
        collect()
        size_then, objects_then, references_then = _now()
        counts_then = [sys.getrefcount(each) for each in held()]
    finally:
        tracemalloc.stop()
        gc.unfreeze()
    return Left(
        size_then - size,
        objects_then - objects,
        references_then - references,
        [then - before for before, then in zip(counts, counts_then)],
    )


def stays_flat(
    cycle: Callable[[], object],
    count: int,
    held: Callable[[], Sequence[object]] = tuple,
    *,
    warm: int = 200,
    every: int = 500,
    searching: bool = False,
    least: int = 48,
) -> None:
    """The cycles need no byte more than those before them, no object stays, and no reference.

    Args:
        cycle, count, held, warm, every, searching: as above.
        least: the size of the smallest thing that a cycle could leave and the collector does not count.
    """
    most = min(20 * 1024, count * least)  # one leaked thing each would show
    references = min(100, count)
    assert count > 50
    for _ in range(3):  # a table of the interpreter grows once, by megabytes; what leaks does so every time
        left = left_by(cycle, count, held, warm=warm, every=every, searching=searching)
        if left.objects < 50 and left.references < references and left.bytes < most and not any(left.held):
            return
    raise AssertionError(left)


def _now() -> tuple[int, int, int]:
    size = tracemalloc.get_traced_memory()[0]
    return size, len(gc.get_objects()), getattr(sys, "gettotalrefcount", int)()
