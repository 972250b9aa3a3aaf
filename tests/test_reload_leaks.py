"""Modules reloaded again and again keep nothing of the texts before: with undo, and without."""

from __future__ import annotations

import gc
import linecache
import sys
import types
import weakref
from typing import Any, Callable

import pytest
from leaks import stays_flat
from reload_modules import RICH, RICHER, text
from sizes import DEBUG, FULL, pick

import recell

pytestmark = pytest.mark.skipif(DEBUG and not FULL, reason="a minute on a debug build: full size only")

# one cycle compiles and runs a module, and searches the heap
COUNT = pick(60, 2_000)
# To 3.10 every code object keeps a frame that was in use before (Objects/frameobject.c, `co_zombieframe`); what they
# take grows for hundreds of cycles, then no more. No code object that a cycle could leave is smaller than `least`.
PACE = {"warm": pick(10, 800), "every": 20, "least": 128, "searching": True}

# the classes have a base outside, so that those which wait for a collection do not fill the table of `object`
SMALL = """
    LIMIT = 1
    def plain(a, b=1, *, c=2):
        return a, b, c, LIMIT
    def counter(step=1):
        count = 0
        def bump():
            nonlocal count
            count += step
            return count
        return bump
    def numbers():
        yield 1
    class Child(Root):
        def m(self):
            return super().m(), 1
        @property
        def p(self):
            return 1
"""
CHANGED = (
    SMALL.replace("return 1", "return 2").replace("+= step", "+= step * 2").replace("a, b, c,", "c, b, a,")
)
GROWN = CHANGED + """
        def more(self):
            return LIMIT
    def added(a):
        return a
"""  # fmt: skip


class Root:
    def m(self) -> object:
        return "root"


@pytest.fixture()
def module() -> Any:
    made = types.ModuleType("leaking")
    vars(made)["Root"] = Root
    sys.modules["leaking"] = made
    exec(compile(text(SMALL), "leaking.py", "exec", dont_inherit=True), vars(made))
    yield made
    del sys.modules["leaking"]
    linecache.clearcache()


def turns(module: types.ModuleType, texts: list[str], undo: bool = False) -> Callable[[], None]:
    number = 0

    def cycle() -> None:
        nonlocal number
        number += 1
        report = recell.reload(module, source=texts[number % len(texts)])
        assert not report.refused
        if undo:
            report.undo()

    return cycle


KINDS: dict[str, tuple[list[str], bool]] = {
    "undone": ([text(CHANGED)], True),
    "undone, with names that come": ([text(GROWN)], True),
    "kept": ([text(SMALL), text(CHANGED)], False),
    "kept, with names that come and go": ([text(SMALL), text(GROWN)], False),
    "kept, the same text": ([text(SMALL)], False),
}


@pytest.mark.parametrize("name", KINDS)
def test_reloaded_again_and_again_stays_flat(module: types.ModuleType, name: str) -> None:
    """No layer, code, function, class or line of a text before stays when nobody can take that reload back."""
    texts, undo = KINDS[name]
    living = [module.plain, module.counter, module.numbers, module.Child, module.counter(), module.Child()]
    bump = living[4]
    stays_flat(turns(module, texts, undo), COUNT, lambda: [*living, bump.__closure__[0]], **PACE)
    assert bump() < bump()  # it lives, and counts


def test_a_text_that_is_new_each_time_stays_flat(module: types.ModuleType) -> None:
    """What is edited for a whole day is not kept a thousand times over."""
    number = 0

    def cycle() -> None:
        nonlocal number
        number += 1
        recell.reload(module, source=text(SMALL).replace("return 1", f"return {number}.5"))

    stays_flat(cycle, COUNT, **PACE)
    assert module.Child().p == number + 0.5


def test_refused_dry_and_failing_reloads_stay_flat(module: types.ModuleType) -> None:
    """Nothing is kept of a text that was never put to work."""

    def cycle() -> None:
        recell.reload(module, source=text(CHANGED), dry_run=True)
        for wrong in ("def f(:", text(CHANGED) + "raise ValueError\n"):
            with pytest.raises((SyntaxError, ValueError)):
                recell.reload(module, source=wrong, was=text(SMALL))

    stays_flat(cycle, COUNT, **{**PACE, "least": 3 * PACE["least"]})  # three texts in a cycle


def test_a_module_that_goes_takes_everything_along() -> None:
    """A module reloaded, with decorators, bases that change and names that come, is collected when it is dropped."""
    made = types.ModuleType("leaving")
    sys.modules["leaving"] = made
    exec(compile(text(RICH), "leaving.py", "exec", dont_inherit=True), vars(made))
    gone = [weakref.ref(each) for each in (made, made.plain, made.Base, made.Other, made.Third)]
    for source in (RICHER, RICH, RICHER):
        assert not recell.reload(made, source=text(source)).refused
    gone += [weakref.ref(made.Other), weakref.ref(made.plain)]
    del sys.modules["leaving"], made
    for _ in range(5):
        gc.collect()
    assert [each() for each in gone] == [None] * len(gone)
    linecache.clearcache()
