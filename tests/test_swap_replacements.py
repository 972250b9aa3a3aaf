"""`swap`: what the replacement is taken as: with whose `super()`, unwrapped how, a mock, the target itself."""

from __future__ import annotations

import functools
from unittest import mock

import pytest
from snapshots import assert_same, snapshot
from swapped import result_of

import recell
from recell import ScopeError, swap


class Top:
    def greet(self):
        return "top"


class Left(Top):
    def greet(self):
        return "left " + super().greet()


class Right(Top):
    def greet(self):
        return "right"


class Far(Left):
    def greet(self):
        return "far " + super().greet()


@pytest.mark.parametrize(
    ("target", "replacement", "instance", "expected"),
    [
        (Right.greet, Left.greet, Right, "left top"),  # Right does not derive from Left: Right's own super()
        (Top.greet, Left.greet, Top, AttributeError),  # nothing above Top has it
        (Far.greet, Left.greet, Far, "left top"),  # Far derives from Left: as Left means it
        (Left.greet, Far.greet, Left, "far top"),
        (Left().greet, Far().greet, Left, "far top"),
        (Far.greet, Far.greet, Far, "far left top"),
    ],
)
def test_super_in_a_method(target, replacement, instance, expected):
    """`super()` looks behind the class that holds the target, or behind its own where that derives from it."""
    function = getattr(target, "__func__", target)
    before = snapshot(function)
    with swap(target, replacement):
        if isinstance(expected, str):
            assert instance().greet() == expected
        else:
            with pytest.raises(expected):
                instance().greet()
    assert_same(function, before)


def test_super_where_no_class_is():
    """A function that calls super() stands in for no function outside classes; one that only reads its class may."""

    def alone(self):
        return "alone"

    before = snapshot(alone)
    with pytest.raises(ScopeError, match="calls super"):
        swap(alone, Left.greet)
    assert_same(alone, before)

    class Named:
        def name(self):
            return __class__.__name__

    with swap(alone, Named.name):
        assert alone(None) == "Named"


def test_recursion_is_no_circle():
    """A function that calls itself by its global name, with that name made a variable of its own."""
    space = {}
    exec("def fact(n): return 1 if n < 2 else n * fact(n - 1)", space)
    fact = space["fact"]
    with swap(fact, recell.promote(fact, fact=fact)):
        assert fact(5) == 120
    assert fact(5) == 120

    def around(fact):
        def twice(n):
            return 2 * fact(n)

        return twice

    with pytest.raises(ScopeError, match="wrap"):
        swap(fact, around(fact))


def test_a_function_for_itself():
    """A change that does nothing, and can be undone."""

    class C:
        def method(self):
            return 1

    for target in (C.method, C().method):
        before = snapshot(C.method)
        change = swap(target, C.method)
        assert C().method() == 1 and change.active and change.original(None) == 1
        change.undo()
        assert_same(C.method, before)


def test_unwrapped_as_the_target():
    """What both are wrapped in stays; bound to objects that have nothing in common is an error that says what to do."""

    class A:
        def plain(self, n):
            return type(self).__name__, n

        @classmethod
        def made(cls, n):
            return cls.__name__, n

        @staticmethod
        def helper(n):
            return n

    class B:
        def plain(self, n):
            return "B", type(self).__name__, n

        @classmethod
        def made(cls, n):
            return "B", cls.__name__, n

        @staticmethod
        def helper(n):
            return "B", n

    with swap(A.made, B.made), swap(A.helper, B.helper):
        assert A.made(1) == ("B", "A", 1) and A.helper(2) == ("B", 2)
    with swap(functools.partial(A.helper, 1), functools.partial(B.helper, 2)):
        assert A.helper(3) == ("B", 3)
    with swap(A.helper, B().plain):  # no bound method as target: called as it is
        assert A.helper(1) == ("B", "B", 1)
    with pytest.raises(TypeError, match=r"B\.plain"):
        swap(A().plain, B().plain)
    with swap(A().plain, B.plain):
        assert A().plain(1) == ("B", "A", 1)


def test_default_makes_a_mock():
    """With the signature of the target; called as the target is, and awaited where that is a coroutine function."""

    async def later(n):
        return n

    class C:
        def method(self, n, *, m=2):
            return n

    with swap(later, mock.DEFAULT) as change:
        change.replacement.return_value = 7
        assert result_of(later, 1) == 7
        change.replacement.assert_called_once_with(n=1)
    with swap(C().method, mock.DEFAULT) as bound:
        C().method(1, m=3)
        bound.replacement.assert_called_once_with(1, m=3)
        with pytest.raises(TypeError):
            C().method(1, 2)
    instance = C()
    with swap(C.method, mock.DEFAULT) as change:
        instance.method(5)
        change.replacement.assert_called_once_with(instance, 5)
    assert instance.method(5) == 5
    with swap(C.method, mock.Mock(return_value="loose")):
        assert instance.method(1, 2, 3, x=4) == "loose"
