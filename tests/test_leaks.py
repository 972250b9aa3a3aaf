"""Functions made and dropped leave nothing behind: not memory, not objects, not references to what they shared."""

from __future__ import annotations

import gc
import inspect
import linecache
import sys
import weakref
from types import CellType, FunctionType
from typing import Any, Callable

import pytest
from leaks import left_by, stays_flat
from sizes import FULL, pick

import recell

LIMIT, COUNT = 3, 0
FAKE = object()


def outer(x: object = None, y: int = 2) -> FunctionType:
    def inner(a: int, b: int = 5, *, c: int = 7) -> object:
        """Something to carry."""
        return x, y, a, b, c

    inner.tag = "here"
    return inner


def reading(a: int = 1) -> object:
    global COUNT
    if a < 0:
        COUNT += 1
    return LIMIT, COUNT, len, [LIMIT for _ in "ab"], (lambda: LIMIT)


def template(a: int, b: int = 2, *, c: int = 3) -> object:
    total = a + b
    return total, c, "PLACE", a.real, LIMIT


def generating() -> Any:
    yield LIMIT


def suspended(x: object = None) -> Any:
    yield x


FUNC = outer()
CODE, OUTER_CODE = FUNC.__code__, outer.__code__
CELL: CellType = FUNC.__closure__[0]
SIGNATURE = inspect.signature(template)
VALUES, GLOBALS = {"n": 1}, {"n": 1}
SUSPENDED = suspended()
next(SUSPENDED)
TEXT = "def made(a, b=2):\n    return a + b + n\n"


def unsafe() -> None:
    """An error with its traceback and its data goes too."""
    try:
        recell.verify(CODE.replace(co_consts=()))
    except recell.UnsafeCodeError:
        pass


def mistaken() -> None:
    try:
        recell.promote(reading, LIMTI=1)
    except recell.ScopeError:
        pass


def broken() -> None:
    try:
        recell.define("def f(:\n    pass\n", filename="<leaks>")
    except SyntaxError:
        pass


MAKERS: dict[str, Callable[[], object]] = {
    "make_cell": lambda: recell.make_cell(1),
    "closure": lambda: dict(recell.closure(FUNC)),
    "rebind": lambda: recell.rebind(FUNC, x=1),
    "rebind to itself": lambda: recell.closure(twin := recell.rebind(FUNC, x=None)).__setitem__("x", twin),
    "replace": lambda: recell.replace(FUNC, name="other", defaults={"a": 1}, closure={"y": 3}),
    "clone": lambda: recell.clone(FUNC),
    "clone two": lambda: recell.clone(FUNC, outer()),
    "make_function": lambda: recell.make_function(CODE, {}, closure={"x": 1, "y": 2}),
    "sharing": lambda: recell.sharing(FUNC, FUNC),
    "substitute": lambda: recell.substitute(template, rename={"a": "z"}, constants={"PLACE": FAKE}),
    "promote": lambda: recell.promote(reading, LIMIT=FAKE),
    "promote what is assigned": lambda: recell.promote(reading, COUNT=FAKE, len=FAKE),
    "demote": lambda: recell.demote(FUNC, "x"),
    "freeze": lambda: recell.freeze(FUNC, "x"),
    "freeze a global": lambda: recell.freeze(reading, LIMIT=FAKE),
    "scope": lambda: recell.scope(reading).globals["LIMIT"],
    "inner": lambda: recell.inner(outer, "inner", x=FAKE, y=2),
    "inner of code": lambda: recell.inner(OUTER_CODE, "inner", x=1, y=2, defaults=(5,), globals=GLOBALS),
    "replace_inner": lambda: recell.replace_inner(outer, "inner", template),
    "verify": lambda: recell.verify(CODE),
    "verify, refused": unsafe,
    "a name mistaken": mistaken,
}

# one cycle searches the heap, or compiles text: (sample, full size)
DEAR: dict[str, tuple[int, int, Callable[[], object]]] = {
    "owners of a cell": (120, 1_000, lambda: recell.owners(CELL)),
    "owners of code": (120, 1_000, lambda: recell.owners(CODE)),
    "running": (60, 1_000, lambda: recell.running(suspended)),
    "define": (300, 100_000, lambda: recell.define(TEXT, globals=GLOBALS, filename="<leaks>")),
    "define, closing": (300, 100_000, lambda: recell.define(TEXT, closure=VALUES, filename="<leaks>")),
    "define, refused": (300, 20_000, broken),
    "build_function": (
        120,
        5_000,
        lambda: recell.build_function("made", SIGNATURE, ["return a, b, c"], filename="<leaks>"),
    ),
    "build_function of a text": (
        120,
        5_000,
        lambda: recell.build_function("made", "(a, b=2)", "return a, n", closure=VALUES, filename="<leaks>"),
    ),
    "forward": (300, 20_000, lambda: recell.forward(template)),
    "forward a signature": (300, 20_000, lambda: recell.forward(print, SIGNATURE)),
    "forward a generator": (300, 20_000, lambda: recell.forward(generating)),
}

SEARCHING = ["owners of a cell", "owners of code", "running"]


def held() -> list[object]:
    return [CODE, OUTER_CODE, FUNC.__globals__, *FUNC.__closure__, FUNC.__defaults__, FUNC.__kwdefaults__,
            FUNC.__dict__, outer, reading, reading.__code__, template, template.__code__, template.__defaults__,
            generating, SIGNATURE, VALUES, GLOBALS, SUSPENDED, FAKE]  # fmt: skip


@pytest.mark.parametrize("name", MAKERS)
def test_made_and_dropped_leaves_everything_flat(name: str) -> None:
    """A full run needs no byte more than before it, no object stays, and no reference."""
    stays_flat(MAKERS[name], pick(300, 100_000, debug=120), held)


@pytest.mark.parametrize("name", DEAR)
def test_dear_ones_leave_everything_flat(name: str) -> None:
    """The same for what searches the heap or compiles: no entry of `linecache` stays either."""
    sample, full, make = DEAR[name]
    if not FULL and name in SEARCHING:
        pytest.skip("searches of the whole heap, by the hundred: full size only")
    make()  # `linecache` itself may be imported here
    entries = len(linecache.cache)
    searching = name in SEARCHING
    stays_flat(make, full if FULL else sample, held, warm=5 if name == "running" else 50, searching=searching)
    assert len(linecache.cache) == entries


@pytest.mark.parametrize("name", ["define", "forward a text"])
def test_names_of_their_own_cost_no_more_than_without_recell(name: str) -> None:
    """What the interpreter keeps of every new file name (to 3.14 it interns them) is all that stays."""
    numbers = iter(range(10**9))

    def plain() -> None:
        exec(compile(TEXT, f"<recell made #{next(numbers)}>", "exec"), {"n": 1})

    def by_define() -> None:
        recell.define(TEXT, globals={"n": 1})

    def by_forward() -> None:
        recell.forward(print, "(a, b=2)")

    count = pick(300, 20_000)
    without = left_by(plain, count)
    left = left_by(by_define if name == "define" else by_forward, count)
    assert left.objects < 50 < count
    assert left.bytes - without.bytes < count * 24  # the text's lines alone would be ten times that


def test_running_keeps_nobody_alive() -> None:
    """No circle through its own frame: what it found, and its callers' variables, go without the collector."""

    def looked(generator: Any) -> None:
        assert len(recell.running(generator.gi_code)) == 1

    def alone() -> Any:
        yield 1

    gc.disable()
    try:
        generator = alone()
        next(generator)
        looked(generator)
        gone = weakref.ref(generator)
        del generator
        assert gone() is None
    finally:
        gc.enable()


def test_references_come_back_to_what_they_were() -> None:
    """Code, globals, cells and defaults of the original are held by nobody when the copies are gone."""
    gc.collect()
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
