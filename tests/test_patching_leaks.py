"""Changes entered and left leave nothing behind: not memory, not objects, not one reference."""

from __future__ import annotations

import time
from typing import Any, Callable

import pytest
from leaks import stays_flat
from sizes import FULL, pick

import recell

CYCLES = pick(250, 100_000, debug=120)
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


def outer(x: object = None) -> Any:
    def helper(a: int = 1) -> object:
        return a, x

    return helper


class Parent:
    def m(self) -> object:
        return "parent"


class Child(Parent):
    def own(self) -> object:
        return super().m()


def m(self: Any) -> object:
    return super().m()  # type: ignore[misc]


def fake_helper(a: int = 1) -> object:
    return FAKE, a


def again() -> type:
    """The class made again, as a decorator makes it: its methods' `__class__` is the old one."""
    return type("Child", (Parent,), {"own": Child.own})


FUNC, OTHER, GENERATE, OTHER_GENERATE = make(), make_other(1), make_generator(), make_generator()
FAKE, INSTANCE = object(), Answering()
HELPER, NEW = outer(1), again()


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


def repointed() -> None:
    recell.repoint(again(), old=Child).undo()


def what_runs() -> None:
    values = GENERATE()
    next(values)
    with recell.swap(GENERATE, OTHER_GENERATE) as change:
        assert change.running == [values]


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
    "attach": lambda: undone(lambda: recell.attach(Child, m)),
    "attach a property": lambda: undone(lambda: recell.attach(Child, property(m), "added")),
    "patch_inner, prepared": lambda: entered(recell.patch_inner(outer, "helper", fake_helper)),
    "patch_inner, anew": lambda: undone(lambda: recell.patch_inner(outer, "helper", fake_helper).start()),
    "repoint": lambda: undone(lambda: recell.repoint(NEW, old=Child)),
    "repoint, and the class dropped": lambda: repointed,
}

# one cycle searches the heap
DEAR: dict[str, Callable[[], Callable[[], None]]] = {
    "patch_inner, what exists": lambda: undone(
        lambda: recell.patch_inner(outer, "helper", fake_helper, existing=True).start()
    ),
    "what runs": lambda: what_runs,
}


def held() -> list[object]:
    func = FUNC
    return [func, func.__code__, func.__globals__, func.__closure__, *func.__closure__, func.__defaults__,
            func.__kwdefaults__, func.__dict__, OTHER, OTHER.__code__, GENERATE.__code__, FAKE, Shape,
            outer, outer.__code__, HELPER, HELPER.__code__, fake_helper, fake_helper.__code__, Child, NEW, Parent, m,
            m.__code__, Child.own, Child.own.__closure__[0]]  # fmt: skip


@pytest.mark.parametrize("name", CYCLES_OF)
def test_entered_and_left_leaves_everything_flat(name: str) -> None:
    """A full run of cycles needs no byte more than before it, no object stays, and no reference."""
    # what makes a class in each cycle fills the interpreter's own table of all classes first
    stays_flat(CYCLES_OF[name](), CYCLES, held, warm=3000 if name == "dotted, anew" else 200)


@pytest.mark.parametrize("name", DEAR)
def test_what_searches_the_heap_leaves_everything_flat(name: str) -> None:
    """The same, in fewer cycles."""
    if not FULL and name == "what runs":
        pytest.skip("searches of the whole heap, by the dozen: full size only")
    stays_flat(DEAR[name](), pick(60, 1_000), held, warm=10, searching=True)
