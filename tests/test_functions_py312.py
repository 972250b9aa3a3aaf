"""PEP 695: generic functions keep their type parameters through every verb, and their hidden free variables work."""

from __future__ import annotations

import inspect
from types import FunctionType
from typing import Any, Callable, TypeVar

import pytest

import recell
from recell import clone, closure, make_cell, make_function, rebind, replace


def make[O](value: O) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def generic[T: int, *Ts, **P](first: T, *rest: *Ts) -> tuple[Any, ...]:
        """Uses its own parameter and one of the function around."""
        return (T, O, value)

    def unused[T](first: T) -> T:
        return first

    return generic, unused


class Holder[C]:
    def method[M](self, other: C | M) -> tuple[Any, ...]:
        return (C, M, __class__)  # type: ignore[name-defined]

    @property
    def kind(self) -> object:
        return C


VERBS: dict[str, Callable[[Any], Any]] = {
    "replace": replace,
    "replace, name": lambda f: replace(f, name="other"),
    "replace, defaults": lambda f: replace(f, defaults=()),
    "replace, globals": lambda f: replace(f, globals=dict(f.__globals__)),
    "rebind": rebind,
    "clone": clone,
    "clone, deep": lambda f: clone(f, deep=True),
}


@pytest.mark.parametrize("verb", VERBS)
def test_type_parameters_are_carried(verb: str) -> None:
    """The very objects: a type variable is known by identity."""
    for function in (*make(1), Holder.method):
        new = VERBS[verb](function)
        assert new.__type_params__ == function.__type_params__
        assert all(here is there for here, there in zip(new.__type_params__, function.__type_params__))
        assert inspect.signature(new) == inspect.signature(function)
        assert new.__annotations__ == function.__annotations__


@pytest.mark.parametrize("verb", VERBS)
def test_a_generic_function_knows_its_own_parameter(verb: str) -> None:
    generic, _ = make(1)
    new = VERBS[verb](generic)
    assert new(0) == generic(0)
    assert new(0)[0] is generic.__type_params__[0]  # type: ignore[attr-defined]
    assert VERBS[verb](Holder.method)(None, None) == Holder.method(None, None)  # type: ignore[arg-type]


def test_a_type_parameter_is_a_free_variable_only_where_it_is_used() -> None:
    generic, unused = make(1)
    assert closure(generic).names == ("O", "T", "value")
    assert closure(generic)["T"] is generic.__type_params__[0]  # type: ignore[attr-defined]
    assert closure(unused).names == ()
    with pytest.raises(recell.FreeVariableError):
        rebind(unused, T=int)


def test_a_type_parameter_can_be_rebound() -> None:
    """The body sees another; the declared parameters are `type_params`."""
    generic, _ = make(1)
    new = rebind(generic, T=str)
    assert new(0)[0] is str
    assert new.__type_params__ is generic.__type_params__  # type: ignore[attr-defined]
    assert generic(0)[0] is not str


def test_type_params_replace_and_none_clears() -> None:
    generic, _ = make(1)
    own = (TypeVar("X"),)  # type: ignore[misc]
    assert replace(generic, type_params=own).__type_params__ is own  # type: ignore[attr-defined]
    assert replace(generic, type_params=None).__type_params__ == ()  # type: ignore[attr-defined]
    assert replace(generic, type_params=()).__type_params__ == ()  # type: ignore[attr-defined]
    assert len(generic.__type_params__) == 3  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="type_params must be a tuple, not "):
        replace(generic, type_params=list(own))  # type: ignore[arg-type]


def test_a_generic_method_in_another_class() -> None:
    class Other:
        method = replace(Holder.method, closure={"__class__": make_cell(int)})
        kind = clone(vars(Holder)["kind"])

    assert Other.method(None, None)[2] is int  # type: ignore[arg-type]
    assert Other().kind is Holder.__type_params__[0]


def test_the_code_of_a_generic_function_made_anew() -> None:
    generic, _ = make(1)
    code = generic.__code__  # type: ignore[attr-defined]
    new = make_function(code, closure={"T": int, "O": str, "value": 5}, type_params=(int,))
    assert new(0) == (int, str, 5)
    assert new.__type_params__ == (int,)
    assert type(new) is FunctionType


def test_the_hidden_function_around_is_a_function_like_any_other() -> None:
    """Its names are no identifiers: `.defaults`, `.type_params`. It trusts its caller: the verifier refuses it alone."""
    module = compile("def f[T](x: T = 1) -> T: return (x, T)", "<text>", "exec")
    hidden = next(const for const in module.co_consts if hasattr(const, "co_code"))
    assert hidden.co_name == "<generic parameters of f>"
    around = make_function(hidden, verify=False)
    made = around((5,))
    assert made()[0] == 5
    assert clone(made)()[1] is made.__type_params__[0]


def test_names_with_dots_are_given_by_a_mapping() -> None:
    generic, _ = make(1)
    code = generic.__code__.replace(co_freevars=("O", ".type_params", "value"))  # type: ignore[attr-defined]
    new = replace(generic, code=code, closure={".type_params": "dotted"})
    assert closure(new)[".type_params"] == "dotted"
    assert new(0)[0] == "dotted"
