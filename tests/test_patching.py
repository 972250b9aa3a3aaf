"""`patch_closure` and `Patcher`: contents of cells, attributes and items, for a while."""

from __future__ import annotations

import asyncio
import inspect
import os
import types
import unittest
from unittest import mock

import pytest

import recell
from recell import (
    EMPTY,
    EmptyCellError,
    FreeVariableError,
    Patcher,
    closure,
    make_cell,
    patch_closure,
    swap,
)
from recell.cells import contents_of


def make(rate=2, empty_one=True):
    if not empty_one:
        late = 1

    def price(n):
        return n * rate

    def tax(n):
        return n + rate

    def lazy():
        return late

    return price, tax, lazy


def test_everyone_who_shares_the_cell_sees_it():
    """The very object is put back; the cell itself stays."""
    rate = [2]
    price, tax, _ = make(rate)
    cell = price.__closure__[0]
    with patch_closure(price, rate=5) as change:
        assert price(2) == 10 and tax(2) == 7 and change.active
        assert repr(change) == f"<patch_closure of {__name__}.make.<locals>.price: rate; active>"
    assert price.__closure__[0] is cell and cell.cell_contents is rate


def test_empty_before_empty_after():
    *_, lazy = make()
    with patch_closure(lazy, late=3):
        assert lazy() == 3
    with pytest.raises(EmptyCellError):
        closure(lazy)["late"]
    *_, lazy = make(empty_one=False)
    with patch_closure(lazy, late=EMPTY), pytest.raises(NameError):
        lazy()
    assert lazy() == 1


@pytest.mark.parametrize("values", [(3,), (EMPTY,), (3, 4), (3, EMPTY), (EMPTY, 4)], ids=repr)
@pytest.mark.parametrize("bases", [(1, 2), (EMPTY, 2), (1, EMPTY)], ids=repr)
def test_each_entry_sets_all_the_variables_and_puts_all_back(bases, values):
    """Entered again and again, also within itself; empty cells and `EMPTY` among them."""
    a = b = None

    def func():
        return a, b

    cells = func.__closure__
    for name, base in zip("ab", bases):
        closure(func)[name] = base

    def contents():
        return tuple(map(contents_of, cells))

    change = patch_closure(func, dict(zip("ab", values)))
    inside = (*values, *bases[len(values) :])
    for _ in range(3):
        with change:
            assert contents() == inside
            with change:
                assert contents() == inside
            assert contents() == inside
        assert contents() == bases


def test_a_cell_is_contents_like_anything_else():
    price, tax, _ = make()
    cell = make_cell(3)
    with patch_closure(price, {"rate": cell}):
        assert closure(tax)["rate"] is cell


def test_what_the_code_assigned_is_restored():
    """A cell that the code under test assigned is simply restored, as mock does."""

    def counter():
        count = 0

        def bump():
            nonlocal count
            count += 1
            return count

        return bump

    bump = counter()
    with patch_closure(bump, count=10):
        assert bump() == 11
    assert bump() == 1


def test_layers_over_one_cell():
    """Leaving removes a layer wherever it lies."""
    price, tax, _ = make()
    one, two = patch_closure(price, rate=10), patch_closure(tax, rate=20)
    one.start(), two.start()
    assert price(1) == 20
    one.undo()
    assert price(1) == 20
    one.start()
    two.undo()
    assert price(1) == 10
    one.undo()
    assert price(1) == 2


def test_errors_name_what_there_is():
    price, tax, _ = make()
    with pytest.raises(FreeVariableError, match="did you mean `rate`") as caught:
        patch_closure(price, rat=1)
    assert caught.value.nearest == "rate"
    with pytest.raises(FreeVariableError, match=r"use override\(…, os=…\)"):

        def uses_os():
            return os.sep, price

        patch_closure(uses_os, os=1)
    with pytest.raises(FreeVariableError, match="override"):
        patch_closure(lambda: len("a"), len=1)
    with pytest.raises(TypeError, match="patch_closure needs a Python function"):
        patch_closure(len, x=1)
    assert price(1) == 2


def test_class_cells_hold_classes():
    class C:
        def m(self):
            return __class__

    with pytest.raises(TypeError, match="must be a class, not 5"):
        patch_closure(C.m, __class__=5)
    with patch_closure(C().m, __class__=int):
        assert C().m() is int
    assert C().m() is C


def test_all_or_nothing():
    price, tax, _ = make()
    with pytest.raises(FreeVariableError):
        patch_closure(price, rate=5, nothing=1)
    assert price(1) == 2


def test_after_a_swap_the_new_cells_are_meant():
    price, tax, lazy = make(empty_one=False)
    change = patch_closure(price, rate=7)
    with swap(price, lambda n: lazy() + n):
        with pytest.raises(FreeVariableError):
            change.start()
        with patch_closure(price, lazy=lambda: 100):
            assert price(1) == 101
    with change:
        assert price(1) == 7


def test_as_a_decorator_and_over_tasks():
    price, _, _ = make()

    @patch_closure(price, rate=3)
    async def later():
        await asyncio.sleep(0)
        return price(1)

    assert asyncio.run(later()) == 3 and price(1) == 2 and inspect.iscoroutinefunction(later)


class OnOldUnittest(unittest.TestCase):
    """`start()` and `addCleanup`, on every release."""

    def setUp(self):
        self.price, self.tax, _ = make()
        change = patch_closure(self.price, rate=4)
        change.start()
        self.addCleanup(change.undo)

    def test_it(self):
        self.assertEqual(self.price(2), 8)


# -- Patcher ------------------------------------------------------------------------------------------------


class Slotted:
    __slots__ = ("x",)
    other = 1


class Parent:
    inherited = "parent"

    @staticmethod
    def s():
        return "s"

    @property
    def p(self):
        return self._p

    @p.setter
    def p(self, value):
        self._p = value


class Child(Parent):
    pass


def test_a_patcher_undoes_everything_in_reverse():
    price, tax, _ = make()
    order, box, child = [], {"a": 1}, Child()
    child.p = "p"
    static = vars(Parent)["s"]
    with Patcher() as patcher:
        patcher.patch_closure(price, rate=5)
        patcher.override(tax, rate=6)
        patcher.swap(make, lambda: "swapped")
        patcher.wrap(make, lambda func: lambda: func() + "!")
        patcher.setattr(Child, "inherited", "child")
        patcher.setattr(Parent, "s", lambda: "patched")
        patcher.setattr(child, "p", "other")
        patcher.setattr(child, "inherited", "own")
        patcher.setattr(os, "sep", "|")
        patcher.delattr(Parent, "inherited")
        patcher.setitem(box, "a", 2)
        patcher.setitem(box, "b", 3)
        patcher.delitem(box, "a")
        patcher.callback(order.append, "callback")
        entered = patcher.enter_context(mock.patch.object(os, "linesep", "patched"))
        patcher.callback(order.append, "later")
        assert entered == os.linesep == "patched"
        assert (price(1), tax(1), make(), Parent.s(), child.p, child.inherited) == (
            5,
            7,
            "swapped!",
            "patched",
            "other",
            "own",
        )
        assert box == {"b": 3} and os.sep == "|" and not hasattr(Parent, "inherited")
        assert "<override of" in repr(patcher)
    assert order == ["later", "callback"]
    assert (price(1), tax(1), child.p, child.inherited, box) == (2, 3, "p", "parent", {"a": 1})
    assert vars(Parent)["s"] is static and "inherited" not in vars(Child) and vars(child) == {"_p": "p"}
    assert os.sep == os.path.sep and make()[0](1) == 2
    assert repr(patcher) == "<Patcher: nothing to undo>"


def test_slots_and_absent_attributes():
    slotted = Slotted()
    with Patcher() as patcher:
        patcher.setattr(slotted, "x", 1, raising=False)
        patcher.setattr(Slotted, "brand_new", 1, raising=False)
        patcher.delattr(Slotted, "nothing", raising=False)
        assert slotted.x == 1 and Slotted.brand_new == 1
    assert not hasattr(slotted, "x") and not hasattr(Slotted, "brand_new")
    with Patcher() as patcher:
        with pytest.raises(AttributeError, match="did you mean `other`"):
            patcher.setattr(Slotted, "othr", 1)
        with pytest.raises(AttributeError):
            patcher.delattr(Slotted, "nothing")
        with pytest.raises(KeyError):
            patcher.delitem({}, "nothing")
        with pytest.raises(AttributeError):
            patcher.setattr(slotted, "no_slot", 1, raising=False)
        assert repr(patcher) == "<Patcher: nothing to undo>"


def test_attribute_layers_in_any_order():
    one, two = Patcher(), Patcher()
    one.setattr(Slotted, "other", 2)
    two.setattr(Slotted, "other", 3)
    one.undo()
    assert Slotted.other == 3
    two.undo()
    assert Slotted.other == 1


def test_items_of_lists_and_slices():
    numbers = [1, 2, 3]
    with Patcher() as patcher:
        patcher.setitem(numbers, 0, 10)
        patcher.setitem(numbers, slice(1, 3), [20, 30])
        assert numbers == [10, 20, 30]
    assert numbers == [1, 2, 3]


def test_a_failure_while_entering_undoes_what_was_done():
    price, tax, _ = make()
    with pytest.raises(recell.ScopeError):
        with Patcher() as patcher:
            patcher.override(price, rate=5)
            patcher.override(tax, nothing=5)
    assert price(1) == 2


def test_a_failing_undo_never_abandons_the_rest():
    price, tax, _ = make()
    patcher = Patcher()
    patcher.patch_closure(price, rate=5)
    patcher.callback(lambda: 1 / 0)
    patcher.override(tax, rate=3)
    other = lambda n: "other"
    patcher.swap(tax, lambda n: "swapped")
    swapped = tax.__code__
    tax.__code__ = other.__code__
    with pytest.raises(recell.InterferenceError) as caught:
        patcher.undo()
    errors = [caught.value]
    while errors[-1].__cause__ is not None:
        errors.append(errors[-1].__cause__)
    assert [type(error) for error in errors] == [recell.InterferenceError] * 2 + [ZeroDivisionError]
    assert price(1) == 2 and tax.__code__ is other.__code__
    tax.__code__ = swapped


def test_a_change_undone_on_its_own_is_left_alone():
    price, _, _ = make()
    with Patcher() as patcher:
        change = patcher.patch_closure(price, rate=9)
        change.undo()
        assert price(1) == 2
        swapped = patcher.swap(price, lambda n: "new")
        swapped.undo()
    assert price(1) == 2


def test_a_patcher_can_be_used_again():
    price, _, _ = make()
    patcher = Patcher()
    for _ in range(2):
        patcher.override(price, rate=3)
        assert price(1) == 3
        patcher.undo()
        assert price(1) == 2
    patcher.undo()


def test_modules_with_getattr():
    module = types.ModuleType("lazy")
    module.__getattr__ = lambda name: f"computed {name}"
    with Patcher() as patcher:
        patcher.setattr(module, "thing", 1)
        assert module.thing == 1
    assert module.thing == "computed thing" and "thing" not in vars(module)


def test_a_patcher_does_what_the_other_modules_do():
    """`patch_inner`, `attach` and `repoint` are undone with the rest."""

    def outer():
        def helper():
            return "real"

        return helper()

    class Base:
        def who(self):
            return "base"

    class Child(Base):
        pass

    def who(self):
        return "child of " + super().who()

    class Old(Base):
        def who(self):
            return super().who() + " of old"

    New = type("New", (Base,), {"who": Old.who})
    with Patcher() as patcher:
        patcher.patch_inner(outer, "helper", lambda: "faked")
        patcher.attach(Child, who)
        patcher.repoint(New, old=Old)
        assert outer() == "faked" and Child().who() == "child of base" and New().who() == "base of old"
    assert outer() == "real" and Child().who() == "base" and "who" not in vars(Child)
    with pytest.raises(TypeError):
        New().who()


def test_deleting_what_is_not_there_may_be_allowed():
    items = {"there": 1}
    with Patcher() as patcher:
        with pytest.raises(KeyError):
            patcher.delitem(items, "absent")
        patcher.delitem(items, "absent", raising=False)
        patcher.delitem(items, "there")
        assert items == {}
    assert items == {"there": 1}
