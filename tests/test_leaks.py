"""Functions made and dropped leave nothing behind: not memory, not objects, not references to what they shared."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from types import FunctionType
from typing import Callable

import pytest
from sizes import pick

import recell


def outer(x: object = None, y: int = 2) -> FunctionType:
    def inner(a: int, b: int = 5, *, c: int = 7) -> object:
        """Something to carry."""
        return x, y, a, b, c

    inner.tag = "here"
    return inner


FUNC = outer()
CODE = FUNC.__code__

MAKERS: dict[str, Callable[[], object]] = {
    "make_cell": lambda: recell.make_cell(1),
    "closure": lambda: dict(recell.closure(FUNC)),
    "rebind": lambda: recell.rebind(FUNC, x=1),
    "rebind to itself": lambda: recell.closure(twin := recell.rebind(FUNC, x=None)).__setitem__("x", twin),
    "replace": lambda: recell.replace(FUNC, name="other", defaults={"a": 1}, closure={"y": 3}),
    "clone": lambda: recell.clone(FUNC),
    "clone two": lambda: recell.clone(FUNC, outer()),
    "make_function": lambda: recell.make_function(CODE, {}, closure={"x": 1, "y": 2}),
    "owners": lambda: recell.sharing(FUNC, FUNC),
}


@pytest.mark.parametrize("name", MAKERS)
def test_made_and_dropped_leaves_memory_flat(name: str) -> None:
    """The second half of the run needs no byte more than the first, and no object stays."""
    make = MAKERS[name]
    count = pick(2_000, 100_000)

    def batch() -> None:
        for _ in range(count):
            make()

    for _ in range(200):  # caches and lazily imported modules come first
        make()
    gc.collect()
    tracemalloc.start()
    try:
        batch()
        gc.collect()
        before, objects = tracemalloc.get_traced_memory()[0], len(gc.get_objects())
        batch()
        gc.collect()
        after, then = tracemalloc.get_traced_memory()[0], len(gc.get_objects())
    finally:
        tracemalloc.stop()
    assert then - objects < 50
    assert after - before < 20 * 1024 < count * 48  # a single leaked pointer-sized thing each would show


def test_references_come_back_to_what_they_were() -> None:
    """Code, globals, cells and defaults of the original are held by nobody when the copies are gone."""
    held = [CODE, FUNC.__globals__, *FUNC.__closure__, FUNC.__defaults__, FUNC.__kwdefaults__, FUNC.__dict__]
    before = [sys.getrefcount(each) for each in held]
    copies = [
        make()
        for _ in range(10)
        for name, make in MAKERS.items()
        if name in ("rebind", "replace", "clone", "make_function")
    ]
    assert sys.getrefcount(CODE) > before[0]
    del copies
    gc.collect()
    assert [sys.getrefcount(each) for each in held] == before
