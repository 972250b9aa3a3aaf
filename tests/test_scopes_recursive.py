"""scope(recurse=True): what a function and all that its names stand for resolve, each name told by its place."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recell
from recell import scope


def modules() -> dict[str, Any]:
    other = ModuleType("other")
    exec(
        "LIMIT = 5\ndef check(x):\n    global SEEN\n    SEEN = x\n    return x < LIMIT and abs(x)",
        vars(other),
    )
    space: dict[str, Any] = {"__name__": "main", "check": other.check, "LIMIT": 3, "functools": functools}
    text = (
        "def outer(rate):\n"
        "    def inner(x): return check(x) * rate + LIMIT + len(missing)\n"
        "    def both(x):\n        nonlocal rate\n        rate = 2\n        return inner(x) + rate\n"
        "    return inner, both\n"
        "@functools.lru_cache\ndef cached(x): return partial(x)\n"
        "partial = functools.partial(lambda x, y: recursive(x), 1)\n"
        "def recursive(x): return recursive, cached\n"
    )
    exec(text, space)
    return space


def test_names_of_other_places_are_told_by_their_place() -> None:
    """The names of another module's globals, and of another function's cells; a shared cell has one name."""
    space = modules()
    inner, both = space["outer"](10)
    found = scope(both, recurse=True)
    assert [function.__name__ for function in found.functions] == ["both", "inner", "check"]
    assert dict(found.nonlocals) == {"inner": inner, "rate": 10}
    assert dict(found.globals) == {"check": space["check"], "LIMIT": 3, "other.LIMIT": 5}
    assert found.unbound == {"missing"}
    assert set(found.builtins) == {"len", "abs"}
    assert found.assigned == {"rate", "other.SEEN"}
    alone = recell.rebind(inner, rate=1)
    assert set(scope(lambda: alone(1), recurse=True).nonlocals) == {"alone", "outer.<locals>.inner.rate"}


def test_what_stands_around_functions_is_looked_into() -> None:
    """Caches, partials, and functions that lead back."""
    found = scope(modules()["cached"], recurse=True)
    assert [function.__name__ for function in found.functions] == ["cached", "<lambda>", "recursive"]
    assert set(found.globals) == {"partial", "recursive", "cached"}


def test_without_it_the_function_alone_counts() -> None:
    space = modules()
    _, both = space["outer"](10)
    assert scope(both).functions == (both,)
    assert set(scope(both).globals) == set()


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12))
def test_every_function_that_names_lead_to_is_reached_once(calls: list[tuple[int, int]]) -> None:
    text = ""
    for caller in range(6):
        called = [f"f{callee}()" for at, callee in calls if at == caller]
        text += f"def f{caller}(): return [{', '.join([*called, f'N{caller}'])}]\n"
    space: dict[str, Any] = {f"N{i}": i for i in range(6)}
    exec(text, space)
    reached, waiting = {0}, [0]
    while waiting:
        at = waiting.pop()
        for caller, callee in calls:
            if caller == at and callee not in reached:
                reached.add(callee)
                waiting.append(callee)
    found = scope(space["f0"], recurse=True)
    assert sorted(function.__name__ for function in found.functions) == sorted(f"f{i}" for i in reached)
    assert {name for name in found.globals if name[0] == "N"} == {f"N{i}" for i in reached}


def test_errors_are_those_of_scope() -> None:
    with pytest.raises(TypeError, match="scope needs a Python function"):
        scope(len, recurse=True)
