"""Every function of a module follows, whoever holds it; the heap is searched only where somebody else may hold one."""

from __future__ import annotations

import gc
import random
import sys
import types
from typing import Any, Callable, List

import pytest
from reload_law import first_text, source
from sizes import SEED, pick

import recell
from recell.reloading.existing import functions_of, reachable


def module_of(text: str) -> types.ModuleType:
    module = types.ModuleType("counted")
    exec(compile(text, "counted.py", "exec", dont_inherit=True), vars(module))
    return module


def in_the_heap(module: types.ModuleType) -> set[int]:
    found = gc.get_referrers(vars(module))
    return {id(one) for one in found if type(one) is types.FunctionType and one.__globals__ is vars(module)}


@pytest.fixture()
def no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    def search(*objects: object) -> Any:
        raise AssertionError("the heap was searched")

    monkeypatch.setattr(gc, "get_referrers", search)


def test_what_is_reachable_is_all_there_is() -> None:
    """What the names of a module lead to is believed only where it is the same as what the heap holds."""
    rng, believed, count = random.Random(SEED), 0, pick(40, 1_000)
    for _ in range(count):
        module = module_of(source(first_text(rng)))
        held: List[Any] = [] if rng.random() < 0.6 else [module.tag("held"), module.bare(len)]
        found = reachable(module)
        expected = in_the_heap(module)
        if found is not None:
            believed += 1
            assert {id(one) for one in found} == expected
        assert not held or found is None
        assert {id(one) for one in functions_of([module])[id(module)]} == expected
    if not hasattr(sys, "_is_gil_enabled") or sys._is_gil_enabled():
        assert believed > 0.4 * count


HOLDERS: List[Callable[[types.ModuleType], Any]] = [
    lambda module: module.f,
    lambda module: module.C.m,
    lambda module: module.C().m,
    lambda module: module.C,
    lambda module: module.wrapped,
    lambda module: {"a": [module.f]},
]
TEXT = """
import functools
def around(f):
    @functools.wraps(f)
    def wrapper(): return f()
    return wrapper
def f(): return 1
class C:
    def m(self): return 1
    @property
    def p(self): return 1
@around
def wrapped(): return 1
TABLE = {"one": [lambda: 1]}
"""


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.usefixtures("no_search")
def test_what_names_lead_to_needs_no_search(holder: Callable[[types.ModuleType], Any]) -> None:
    """References to functions and classes that the module has itself are no reason to search."""
    module = module_of(TEXT)
    held, was = holder(module), TEXT
    for number in range(2, 5):
        text = TEXT.replace("return 1", f"return {number}")
        recell.reload(module, source=text, was=was)
        was = text
        assert module.f() == module.C().m() == module.C().p == module.wrapped() == number
    del held


@pytest.mark.parametrize("times", [1, 3])
def test_functions_of_one_text_that_only_others_hold(times: int) -> None:
    """A module whose text has run more than once: who holds what it was then follows too."""
    text = "def f(): return 1\n"
    module = module_of(text)
    held = []
    for _ in range(times):
        held.append(module.f)
        exec(compile(text, "counted.py", "exec", dont_inherit=True), vars(module))
    report = recell.reload(module, source="def f(): return 2\n", was=text)
    assert [module.f(), *(f() for f in held)] == [2] * (times + 1)
    report.undo()
    assert [module.f(), *(f() for f in held)] == [1] * (times + 1)


def test_many_old_codes_are_looked_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """`report.running` searches the heap once, not once for each function that changed."""
    text = "".join(f"def f{n}(): yield 1\n" for n in range(20))
    module = module_of(text)
    waiting = [module.f3(), module.f7()]
    report = recell.reload(module, source=text.replace("1\n", "2\n"), was=text)
    real, calls = gc.get_objects, []
    monkeypatch.setattr(gc, "get_objects", lambda: calls.append(1) or real())  # type: ignore[func-returns-value]
    assert {id(one) for one in report.running} == set(map(id, waiting))
    assert len(calls) == 1
