"""Whatever changes a function behind an `lru_cache`: no result of before is seen inside, and none of inside afterwards."""

from __future__ import annotations

import functools

import pytest

import recell
from recell import inserted

RATE = 10


def make(wrapper):
    bonus = 100

    def cached(self, x, y=1):
        def half(n):
            return n // 2

        total = x + y + bonus + RATE
        return half(total * 2)

    return wrapper(functools.lru_cache(maxsize=8)(cached))


def method(cache):
    """The cache within a class."""
    holder = type("Holder", (), {"cached": cache})
    return holder().cached, holder().cached


def function(cache):
    return cache, functools.partial(cache, None)


def static(cache):
    made = staticmethod(cache)
    return made, functools.partial(cache, None)


LINE = "total = x + y + bonus + RATE"
CALLS: list = []
CHANGES = {
    "override": lambda target: recell.override(target, RATE=0),
    "patch_closure": lambda target: recell.patch_closure(target, bonus=90),
    "patch_defaults": lambda target: recell.patch_defaults(target, y=-9),
    "patch_code": lambda target: recell.patch_code(target, inserted("y -= 10", at=LINE)),
    "patch_inner": lambda target: recell.patch_inner(target, "half", lambda n: n // 2 - 10),
    "swap": lambda target: recell.swap(target, lambda self, x, y=1: x + y + 100),
    "wrap": lambda target: recell.wrap(target, lambda func: lambda self, x, y=1: func(self, x, y) - 10),
    "spy": recell.spy,
    "probe": lambda target: recell.probe(target, lambda x: CALLS.append(x), at=LINE),
}


@pytest.mark.parametrize("holder", [function, method, static])
@pytest.mark.parametrize("kind", CHANGES)
def test_the_cache_is_empty_on_both_ways(kind, holder):
    target, call = make(holder)
    assert call(5) == call(5) == 116
    CALLS.clear()
    with CHANGES[kind](target) as change:
        assert call(5) == (116 if kind in ("spy", "probe") else 106)
        if kind == "spy":
            assert change.mock.call_count == 1
        if kind == "probe":
            assert CALLS == [5]
    assert call(5) == 116
    assert recell.active_changes() == []
