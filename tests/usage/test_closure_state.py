"""State in closures: set for a while, shared by all that share the variable."""

import pytest

import recell
from usage.shop import decorated


def test_set_for_a_while():
    with recell.patch_closure(decorated.current, count=41):
        assert decorated.advance() == 42
    assert decorated.current() == 0


def test_one_function_alone():
    with recell.override(decorated.current, count=99):
        assert decorated.current() == 99 and decorated.advance() == 1
    assert decorated.current() == 1
    recell.closure(decorated.current)["count"] = 0


def test_a_name_that_is_none(patcher):
    with pytest.raises(recell.FreeVariableError, match="count"):
        patcher.patch_closure(decorated.current, counts=1)
    assert decorated.current() == 0


@recell.patch_closure(decorated.advance, step=5)
def test_decorated():
    with recell.patch_closure(decorated.advance, count=0):
        assert decorated.advance() == 5
