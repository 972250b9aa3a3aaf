"""inner, replace_inner and patch_inner on PEP 695 generic functions and inlined comprehensions (3.12+)."""

from __future__ import annotations

import inspect
import sys
import types

import pytest

import recell
from recell import ClosureMismatchError, inner, patch_inner, replace_inner


def outer(rate):
    def helper[T: (int, str), *Ts](x: T, y: int = 3, *, k=rate, z=2) -> T:
        return x, y, k, z, T, rate

    def plain[T](x: T) -> T:
        return x

    class C:
        def method[S](self, x: S = 1) -> S:
            return S, x, rate

    return helper(1), plain(2), C().method()


def names_of(function):
    return [parameter.__name__ for parameter in function.__type_params__]


def test_generic_functions_are_found_without_naming_the_scope_of_their_parameters() -> None:
    new = inner(outer, "helper", rate=5, defaults={"k": 7})
    assert new.__defaults__ == (3,) and new.__kwdefaults__ == {"k": 7, "z": 2}
    assert names_of(new) == ["T", "Ts"]
    x, y, k, z, parameter, rate = new(1)
    assert (x, y, k, z, rate) == (1, 3, 7, 2, 5)
    assert parameter is new.__type_params__[0] and parameter.__constraints__ == (int, str)
    assert new.__qualname__.endswith("outer.<locals>.helper")
    if sys.version_info >= (3, 14):
        assert new.__annotations__ == {"x": "T", "y": "int", "return": "T"}
    assert list(inspect.signature(new).parameters) == ["x", "y", "k", "z"]


def test_type_parameters_can_be_given_like_other_variables() -> None:
    assert inner(outer, "helper", rate=5, T="given", missing="empty")(1, k=2)[4] == "given"
    method = inner(outer, "C.method", rate=2)
    assert names_of(method) == ["S"] and method(None) == (method.__type_params__[0], 1, 2)
    with pytest.raises(ClosureMismatchError):
        inner(outer, "C.method")


def test_the_path_may_name_the_scope() -> None:
    assert inner(outer, "<generic parameters of plain>.plain").__name__ == "plain"


def test_objects_and_functions_take_the_place_of_generic_ones() -> None:
    replaced = replace_inner(outer, "helper", len)
    with pytest.raises(TypeError):
        replaced(1)
    assert replace_inner(outer, "plain", str)(1)[1] == "2"

    def make(rate=None):
        def helper(x, y="y"):
            return "new", x, y, rate

        return helper

    new = make()
    assert replace_inner(outer, "helper", new)(9)[0] == ("new", 1, "y", 9)
    assert replace_inner(outer, "C.method", make())(9)[2][3] == 9
    code = outer.__code__
    with patch_inner(outer, "helper", new):
        assert outer(8)[0] == ("new", 1, "y", 8)
    assert outer.__code__ is code and outer(4)[0][5] == 4


def test_a_replacement_keeps_its_own_type_parameters() -> None:
    def make(rate=None):
        def plain[Own](x: Own):
            return Own, rate

        return plain

    made = []

    def catching(rate):
        def plain[T](x: T):
            return T

        made.append(plain)
        return plain(rate), rate, [lambda: rate]

    replaced = replace_inner(catching, "plain", make())
    result = replaced(3)
    assert names_of(made[0]) == ["Own"] and result[0] == (made[0].__type_params__[0], 3)


def test_a_name_with_two_variables_is_told_apart() -> None:
    """An inlined comprehension's own variable and the free one of the same name have one name and two cells."""

    def make(k):
        def func():
            return k, [lambda: k for k in (5, 6)], lambda: k

        return func

    func = make(1)
    free = [const for const in func.__code__.co_consts if isinstance(const, types.CodeType)]
    assert len(free) == 2
    assert inner(func, free[0], k=3)() == 3
    assert inner(func, free[1])() == 1


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="annotations are lazy from 3.14 on")
def test_a_generic_function_whose_annotation_raises() -> None:
    """The scope of its type parameters evaluates them: nothing of that is known then."""
    namespace: dict[str, object] = {}
    text = "def outer():\n    def f[T](x: 1 / 0 = 2): return x\n    return f"
    exec(compile(text, "generic", "exec", dont_inherit=True), namespace)
    new = inner(namespace["outer"], "f")
    assert new() == 2 and new.__annotations__ == {} and new.__type_params__ == ()


def test_a_name_that_is_a_free_variable_and_a_comprehensions():
    """Nobody can tell which of the two a new function means; the one that the old function used is clear."""

    def outer(k):
        def both():
            return k, [(lambda: k, lambda: 1) for k in [5]][0]

        return both

    both = outer("outer")
    assert set(both.__code__.co_cellvars) & set(both.__code__.co_freevars) == {"k"}
    first, second = (c for c in both.__code__.co_consts if isinstance(c, types.CodeType))
    new = recell.replace_inner(both, first, (lambda k: lambda: (k, "new"))(3))
    assert new()[1][0]() == (5, "new")
    with pytest.raises(recell.UnsupportedCodeError, match="two variables"):
        recell.replace_inner(both, second, (lambda k: lambda: (k, "new"))(3))
    for verb in (recell.freeze, recell.demote):
        with pytest.raises(recell.UnsupportedCodeError):
            verb(both, "k")
