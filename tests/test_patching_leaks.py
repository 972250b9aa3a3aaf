"""Changes entered and left leave nothing behind: not memory, not objects, not one reference."""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from typing import Any, Callable

import pytest
from sizes import pick

import recell

CYCLES = pick(500, 100_000)
LIMIT, COUNT = 3, 0


def make(x: object = None, y: int = 2) -> Any:
    def func(a: int = 1, *, b: int = 2) -> object:
        """Something to carry."""
        global COUNT
        if a < 0:
            COUNT += 1
        return x, y, LIMIT, COUNT, time.sleep, len, a, b

    func.tag = "here"
    return func


def make_other(z: object) -> Any:
    def other(*args: object) -> object:
        return z, args

    return other


class Answering:
    def __call__(self, a: int = 1) -> int:
        return a


def make_generator() -> Any:
    def generate(a: int = 1) -> Any:
        yield a, LIMIT

    return generate


class Shape:
    def area(self) -> int:
        return LIMIT

    def name(self) -> object:
        return LIMIT, type(self)


FUNC, OTHER, GENERATE = make(), make_other(1), make_generator()
FAKE, INSTANCE = object(), Answering()


def decorator(func: Callable[..., Any]) -> Callable[..., Any]:
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **kwargs)

    return wrapped


def entered(change: recell.Change) -> Callable[[], None]:
    def cycle() -> None:
        with change:
            FUNC()

    return cycle


def twice(change: recell.Change) -> Callable[[], None]:
    def cycle() -> None:
        with change, change:
            FUNC()

    return cycle


def overlapping(first: recell.Change, second: recell.Change) -> Callable[[], None]:
    def cycle() -> None:
        first.start()
        second.start()
        FUNC()
        first.undo()
        second.undo()

    return cycle


def undone(verb: Callable[[], recell.Change]) -> Callable[[], None]:
    def cycle() -> None:
        change = verb()
        FUNC()
        change.undo()

    return cycle


def failing() -> None:
    try:
        with recell.override(FUNC, LIMIT=5):
            recell.override(FUNC, no_such_name=1)
    except recell.ScopeError:
        pass


def abandoned() -> None:
    """Nobody can undo it: what is in force has become the base."""
    recell.override(make(1), x=FAKE, COUNT=2).start()


def suspended() -> None:
    with recell.override(GENERATE, LIMIT=FAKE):
        values = GENERATE()
        next(values)


def patcher() -> None:
    with recell.Patcher() as patch:
        patch.override(FUNC, LIMIT=FAKE)
        patch.patch_closure(FUNC, x=FAKE)
        patch.swap(OTHER, FUNC)
        patch.wrap(GENERATE, decorator)
        patch.setattr(Shape, "area", FAKE)
        patch.setitem(globals(), "LIMIT", 5)


CYCLES_OF: dict[str, Callable[[], Callable[[], None]]] = {
    "a read name, prepared": lambda: entered(recell.override(FUNC, LIMIT=FAKE)),
    "a read name, anew": lambda: undone(lambda: recell.override(FUNC, LIMIT=FAKE).start()),
    "growing, prepared": lambda: entered(recell.override(FUNC, COUNT=FAKE)),
    "growing, anew": lambda: undone(lambda: recell.override(FUNC, COUNT=FAKE).start()),
    "a free variable, prepared": lambda: entered(recell.override(FUNC, x=FAKE)),
    "all of them at once": lambda: entered(recell.override(FUNC, LIMIT=FAKE, COUNT=FAKE, x=FAKE)),
    "dotted, prepared": lambda: entered(recell.override(FUNC, {"time.sleep": FAKE})),
    "dotted, anew": lambda: undone(lambda: recell.override(FUNC, {"time.sleep": FAKE}).start()),
    "a class": lambda: entered(recell.override(Shape, LIMIT=FAKE)),
    "twice": lambda: twice(recell.override(FUNC, LIMIT=FAKE)),
    "growing twice": lambda: twice(recell.override(FUNC, COUNT=FAKE)),
    "overlapping": lambda: overlapping(recell.override(FUNC, LIMIT=FAKE), recell.override(FUNC, COUNT=1)),
    "a suspended generator": lambda: suspended,
    "never undone": lambda: abandoned,
    "a failure": lambda: failing,
    "patch_closure, prepared": lambda: entered(recell.patch_closure(FUNC, x=FAKE)),
    "patch_closure, anew": lambda: undone(lambda: recell.patch_closure(FUNC, x=FAKE).start()),
    "swap": lambda: undone(lambda: recell.swap(FUNC, OTHER)),
    "swap for no function": lambda: undone(lambda: recell.swap(FUNC, INSTANCE)),
    "wrap": lambda: undone(lambda: recell.wrap(FUNC, decorator)),
    "a Patcher": lambda: patcher,
}


def held() -> list[object]:
    func = FUNC
    return [func, func.__code__, func.__globals__, func.__closure__, *func.__closure__, func.__defaults__,
            func.__kwdefaults__, func.__dict__, OTHER, OTHER.__code__, GENERATE.__code__, FAKE, Shape]  # fmt: skip


def collect() -> None:
    """A stand-in and the code that holds it go one after the other."""
    for _ in range(5):
        if not gc.collect():
            return


def references() -> int:
    return getattr(sys, "gettotalrefcount", int)()


@pytest.mark.parametrize("name", CYCLES_OF)
def test_entered_and_left_leaves_everything_flat(name: str) -> None:
    """A full run of cycles needs no byte more than before it, no object stays, and no reference."""
    cycle = CYCLES_OF[name]()
    tracemalloc.start()
    try:
        # caches and lazily imported modules come first, and the interpreter's own table of all classes
        for _ in range(3000 if name == "dotted, anew" else 200):
            cycle()
        collect()
        counts = [sys.getrefcount(each) for each in held()]
        before, objects, total = tracemalloc.get_traced_memory()[0], len(gc.get_objects()), references()
        for number in range(CYCLES):
            cycle()
            if not number % 500:
                collect()  # that table grows with the classes that wait for it
        collect()
        after, then, total_then = tracemalloc.get_traced_memory()[0], len(gc.get_objects()), references()
        counts_then = [sys.getrefcount(each) for each in held()]
    finally:
        tracemalloc.stop()
    assert counts_then == counts
    assert then - objects < 50 < CYCLES
    assert total_then - total < 100 < CYCLES
    assert after - before < 20 * 1024 < CYCLES * 48  # a single leaked pointer-sized thing each would show
