"""patch_inner: put in, taken out again, beside other changes; what replace_inner and patch_inner refuse."""

from __future__ import annotations

import functools
import gc
import types
from typing import Any
from unittest import mock

import pytest
from nested_shapes.counters import counter, make_step

from recell import (
    ClosureMismatchError,
    InterferenceError,
    Patcher,
    ScopeError,
    override,
    patch_inner,
    replace_inner,
)


class Holder:
    def __init__(self, v):
        self.v = v

    def method(self, x):
        def f(y):
            return self.v + x + y

        return f(1)

    @staticmethod
    def static(x):
        def f(y):
            return x + y

        return f(1)

    @property
    def prop(self):
        def f():
            return "old", self.v

        return f()

    @prop.setter
    def prop(self, value):
        self.v = value


def test_kinds_come_back_as_they_were_given() -> None:
    new = replace_inner(vars(Holder)["static"], "f", lambda y: "new")
    assert isinstance(new, staticmethod) and new.__func__(1) == "new"
    bound = replace_inner(Holder(1).method, "f", lambda y: "new")
    assert isinstance(bound, types.MethodType) and bound(2) == "new"
    prop = replace_inner(vars(Holder)["prop"], "f", lambda: "new")
    assert isinstance(prop, property) and prop.fget(Holder(1)) == "new"
    assert prop.fset is vars(Holder)["prop"].fset
    part = replace_inner(functools.partial(counter, 1), "step", len)
    assert part()[0]([1, 2]) == 2


def test_a_bound_method_means_the_classs_function() -> None:
    one, two = Holder(1), Holder(2)
    with patch_inner(one.method, "f", lambda y: "new"):
        assert one.method(1) == two.method(1) == "new"
    assert (one.method(1), two.method(1)) == (3, 4)


def test_as_decorator_and_with_start_and_undo() -> None:
    @patch_inner(counter, "step", lambda: "patched")
    def test(value):
        return counter(value)[0]()

    assert test(1) == "patched"
    assert counter(1)[0]() == 2
    change = patch_inner(counter, "step", lambda: "patched").start()
    assert counter(1)[0]() == "patched"
    change.undo()
    assert counter(1)[0]() == 2


def test_layers_may_overlap_and_leave_in_any_order() -> None:
    def outer():
        def f():
            return "f"

        def g():
            return "g"

        return f(), g(), len("abc")

    code = outer.__code__
    one = patch_inner(outer, "f", lambda: "F1").start()
    two = patch_inner(outer, "g", lambda: "G").start()
    three = patch_inner(outer, "f", lambda: "F2").start()
    four = override(outer, len=lambda text: 99).start()
    assert outer() == ("F2", "G", 99)
    one.undo()
    assert outer() == ("F2", "G", 99)
    two.undo()
    assert outer() == ("F2", "g", 99)
    three.undo()
    assert outer() == ("f", "g", 99)
    with patch_inner(outer, "f", lambda: "F3"):
        assert outer() == ("F3", "g", 99)
        four.undo()
        assert outer() == ("F3", "g", 3)
    assert outer() == ("f", "g", 3) and outer.__code__ is code


def test_interference_is_not_overwritten() -> None:
    def outer():
        def f():
            return 1

        return f()

    other = (lambda: 2).__code__
    code = outer.__code__
    change = patch_inner(outer, "f", lambda: 3).start()
    patched = outer.__code__
    outer.__code__ = other
    with pytest.raises(InterferenceError):
        change.undo()
    assert outer.__code__ is other
    outer.__code__ = patched
    change.undo()
    assert outer.__code__ is code


def test_existing_closures_follow_and_come_back() -> None:
    step, count = counter(10)
    code, cells, defaults = step.__code__, step.__closure__, step.__defaults__
    with patch_inner(counter, "step", make_step([]), existing=True):
        assert step() == -90 and count() == -90
        later, _ = counter(0)
        assert later() == -100
    assert step() == -89
    assert step.__code__ is code and step.__closure__ is cells and step.__defaults__ is defaults
    assert later() == -200  # what was made meanwhile keeps what it was made with
    with patch_inner(counter, "step", mock.Mock(return_value="mocked"), existing=True):
        assert step() == "mocked"
    assert step.__code__ is code and step() == -88
    with patch_inner(counter, "step", mock.Mock(return_value="mocked")):
        assert step() == -87


def test_existing_closures_without_the_cell_are_named_and_nothing_changes() -> None:
    def outer(a, b):
        def f():
            return a

        def g():
            return b

        return f, g

    f, g = outer(1, 2)

    def make(a=None, b=None):
        return lambda: (a, b)

    code, own = outer.__code__, f.__code__
    with pytest.raises(ClosureMismatchError, match="`b`"):
        patch_inner(outer, "f", make(), existing=True).start()
    assert outer.__code__ is code and f.__code__ is own and f() == 1
    with patch_inner(outer, "f", make()):
        assert outer(1, 2)[0]() == (1, 2)


def test_patcher_has_it() -> None:
    with Patcher() as patcher:
        patcher.patch_inner(counter, "step", lambda: "patched")
        assert counter(1)[0]() == "patched"
    assert counter(1)[0]() == 2


def test_the_outer_function_is_collected() -> None:
    """Nothing keeps a function alive that was patched, nor what replaced its nested function."""
    import weakref

    def outer():
        def f():
            return 1

        return f()

    class New:
        def __call__(self):
            return 2

    new = New()
    gone = weakref.ref(new), weakref.ref(outer)
    replaced = replace_inner(outer, "f", new)
    with patch_inner(outer, "f", new):
        assert outer() == replaced() == 2
    del new, outer, replaced
    gc.collect()
    assert [ref() for ref in gone] == [None, None]


# -- bad input ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", [replace_inner, patch_inner])
def test_bad_input(verb: Any) -> None:
    code = counter.__code__
    with pytest.raises(TypeError, match="needs a callable"):
        verb(counter, "step", 5)
    with pytest.raises(TypeError, match="class"):
        verb(Holder, "method", len)
    with pytest.raises(ScopeError, match="did you mean `step`") as caught:
        verb(counter, "stp", len)
    assert caught.value.names == ("step", "<lambda>") and "step (line" in str(caught.value)
    with pytest.raises(ScopeError):
        verb(len.__class__ and Holder.prop.fset, "nothing", len)
    assert counter.__code__ is code
