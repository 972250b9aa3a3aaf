"""`override` under, over and beside other changes of the same function."""

from __future__ import annotations

import types

import pytest
from overridden import everything, fetch, make
from snapshots import assert_same, snapshot

import recell
from recell import InterferenceError, override, patch_closure, swap

LIMIT = 10


COUNT = 0


def counting():
    global COUNT
    COUNT += 1
    return COUNT


def test_overlapping_overrides_of_one_function():
    """The later meaning of a name counts; each leaves on its own, in any order."""
    before = snapshot(everything)
    one, two, three = (
        override(everything, LIMIT=1),
        override(everything, LIMIT=2),
        override(everything, len=lambda x: 3),
    )
    one.start(), two.start(), three.start()
    assert everything(0)[:2] == (2, 3)
    two.undo()
    assert everything(0)[:2] == (1, 3)
    two.start()
    one.undo()
    assert everything(0)[:2] == (2, 3)
    three.undo()
    assert everything(0)[:2] == (2, 2)
    two.undo()
    assert_same(everything, before)


def test_one_change_entered_twice_is_two_layers():
    change = override(everything, LIMIT=1)
    other = override(everything, LIMIT=2)
    change.start(), other.start(), change.start()
    assert everything(0)[0] == 1
    change.undo()
    assert everything(0)[0] == 2 and change.active
    other.undo()
    assert everything(0)[0] == 1
    change.undo()
    assert everything(0)[0] == 10 and not change.active
    with pytest.raises(recell.ChangeError):
        change.undo()


def test_growing_and_shrinking_in_any_order():
    before = snapshot(counting)
    changes = [override(counting, COUNT=100 * i) for i in range(1, 4)]
    for change in changes:
        change.start()
    assert counting() == 301
    changes[1].undo()
    assert counting() == 302
    changes[2].undo()
    assert counting() == 101
    changes[0].undo()
    assert_same(counting, before)


def test_with_patch_closure_and_swap():
    """patch_closure means the cells beneath overrides; a swap on top hides an override, and leaves it."""
    first, second, third = make()
    before = snapshot(first)
    with override(first, shared=5):
        with patch_closure(first, shared=7):
            assert first()[0] == 5 and second() == 7
        assert second() == 1
        change = swap(first, second)
        assert first() == 1
        change.undo()
        assert first()[0] == 5
    with swap(third, second):
        with override(third, shared=9):
            assert third() == 9
        assert third() == 1
    hiding = override(first, other="O").start()
    replaced = swap(first, second)
    hiding.undo()
    assert first() == 1
    replaced.undo()
    assert_same(first, before)


def test_an_override_of_what_a_swap_put_there():
    """A name that only the swapped-in code uses is left out when the swap is undone beneath it."""

    def old():
        return "old"

    before = snapshot(old)
    change = swap(old, lambda: LIMIT)
    over = override(old, LIMIT=1).start()
    assert old() == 1
    change.undo()
    assert old() == "old"
    over.undo()
    assert_same(old, before)


def test_a_function_behind_a_trampoline():
    """A function from another module, swapped in: its own globals are overridden, for this function only."""
    module = types.ModuleType("elsewhere")
    exec("RATE = 3\ndef f(x): return x * RATE", vars(module))

    def old(x):
        return x

    with swap(old, module.f):
        with override(old, RATE=5):
            assert old(2) == 10 and module.f(2) == 6
        assert old(2) == 6
    assert old(2) == 2


def test_somebody_else_assigned_the_code():
    """Undoing would overwrite it: an error, nothing changes; assigned back, the undo works."""
    before = snapshot(fetch)
    change = override(fetch, {"time.sleep": lambda s: None}).start()
    installed, other = fetch.__code__, (lambda url: "other").__code__
    fetch.__code__ = other
    with pytest.raises(InterferenceError, match="__code__"):
        change.undo()
    assert fetch.__code__ is other and change.active
    with pytest.raises(InterferenceError):
        override(fetch, time=1).start()
    fetch.__code__ = installed
    change.undo()
    assert_same(fetch, before)


@pytest.mark.parametrize("time", [types.SimpleNamespace(), types.CellType(1)], ids=["constant", "cell"])
@pytest.mark.parametrize("entries", [1, 3])
def test_an_equal_code_assigned_by_somebody_else(entries, time):
    """Code objects compare by value: what counts is the very object, also for an override that knows its short way."""
    before = snapshot(fetch)
    change = override(fetch, time=time)
    for _ in range(entries - 1):
        with change:
            pass
    change.start()
    installed = fetch.__code__
    fetch.__code__ = equal = installed.replace()
    assert equal == installed and equal is not installed
    with pytest.raises(InterferenceError, match="somebody else assigned __code__ of") as caught:
        change.__exit__(None, None, None)
    error = caught.value
    assert (error.attribute, error.target) == ("__code__", recell.errors.short(fetch))
    assert (error.found, error.expected) == (recell.errors.short(equal), recell.errors.short(installed))
    assert fetch.__code__ is equal and change.active
    fetch.__code__ = installed
    change.undo()
    assert_same(fetch, before)


def seven():
    return LIMIT


@pytest.mark.parametrize("times", range(4))
@pytest.mark.parametrize("values", [{"LIMIT": 7}, {"LIMIT": types.CellType(7)}], ids=["constant", "cell"])
def test_what_is_assigned_between_two_entries_is_put_back(times, values):
    """An equal code as well: what was there before the last entry is there again, the very object."""
    change = override(seven, values)
    for _ in range(times):
        with change:
            assert seven() == 7
    seven.__code__ = equal = seven.__code__.replace()
    for _ in range(3):
        with change:
            assert seven() == 7
        assert seven.__code__ is equal and seven() == 10
    with swap(seven, fetch):
        pass
    assert seven.__code__ is equal
