"""Hints of errors that a first user meets: what is out of reach, and how it can be reached."""

from __future__ import annotations

import functools
import time
from datetime import date

import pytest

import recell
from recell import ScopeError


def helper():
    return time.time()


def opaque(func):
    def wrapper():
        return func()

    return wrapper


def today():
    day = date.today()
    return day


def outer():
    def inside():
        return 1

    return inside()


@functools.wraps(outer)
def around():
    return outer()


def test_a_function_behind_a_decorator_is_reached_through_its_cell():
    decorated = opaque(helper)
    with pytest.raises(ScopeError, match=r'use override\(closure\(wrapper\)\["func"\], …\)'):
        recell.override(decorated, {"time.time": lambda: 3})
    with recell.override(recell.closure(decorated)["func"], {"time.time": lambda: 3}):
        assert decorated() == 3


def test_a_local_variable_is_told_from_a_name_of_outside():
    with pytest.raises(ScopeError, match="`day` is a local variable of it; patch what it is assigned from"):
        recell.override(today, day=1)


def test_an_override_above_a_wrap_is_told_where_it_may_go():
    """The wrapper uses other names; what it wraps can be overridden while the wrap is in force."""
    namespace = {"time": time}
    exec("def now(): return time.time()", namespace)
    now = namespace["now"]
    with recell.wrap(now, lambda func: lambda: ("wrapped", func())) as change:
        with pytest.raises(ScopeError, match=r"before a wrap, or override its `\.original`"):
            recell.override(now, {"time.time": lambda: 3})
        with recell.override(change.original, {"time.time": lambda: 3}):
            assert now() == ("wrapped", 3)
    with recell.override(now, {"time.time": lambda: 3}), recell.wrap(
        now, lambda func: lambda: ("wrapped", func())
    ):
        assert now() == ("wrapped", 3)


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        (time.sleep, "override its name in the Python function that calls it"),
        ("shop.fetch", "pass the function itself, not its name"),
        (helper.__code__, "is a code object; pass the function that runs it"),
    ],
)
def test_what_is_no_python_function(target, hint):
    with pytest.raises(TypeError, match=hint):
        recell.swap(target, helper)
    with pytest.raises(TypeError, match=hint):
        recell.override(target, time=1)


def test_a_nested_function_behind_a_decorator():
    with pytest.raises(ScopeError, match="it wraps another function: pass its `__wrapped__`"):
        recell.inner(around, "inside")
    assert recell.inner(around.__wrapped__, "inside")() == 1


def test_errors_of_substitute_come_alone():
    """No error of the quick way is shown with them."""
    for constants, error in (({10: 20}, ScopeError), ({"NOWHERE": 1}, ScopeError)):
        with pytest.raises(error) as caught:
            recell.substitute(helper, constants=constants)
        assert caught.value.__context__ is None
