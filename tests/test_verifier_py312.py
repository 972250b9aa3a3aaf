"""What compilers emit since 3.12 and only a close look accepts."""

from __future__ import annotations

import dis

import pytest

import recell


def test_a_comprehension_that_takes_the_name_of_a_cell_inside_with() -> None:
    """Nothing can be raised while the slot holds no cell, so the handler of `with` finds one."""

    def func(values, manager):
        def inner():
            return x

        with manager as x:
            x = [x for x in values if x]
        return inner, x

    recell.verify(func.__code__)


def test_the_scope_of_a_generic_function_with_keyword_defaults_alone() -> None:
    """Its one parameter is called `.defaults` and holds the dict of keyword defaults."""
    code = compile("def func[T](value: T, *, k=1, j=2) -> T: return k", "<text>", "exec")
    recell.verify(code)
    func = recell.inner(code, "func", globals={})
    assert (func.__defaults__, func.__kwdefaults__) == (None, {"k": 1, "j": 2})


def test_a_comprehension_inside_one_that_takes_the_name_of_a_cell() -> None:
    """Two slots are cleared in a row: nothing can be raised between the two."""

    def func(values):
        x = 0
        try:
            found = {a: [b for b in values] for a in values if str([x for x in values])}
        except ValueError:
            return x
        return found, lambda: x

    recell.verify(func.__code__)


def test_a_comprehension_that_makes_a_cell_of_its_own() -> None:
    """Before its handler begins, its variable's slot is cleared and gets a new cell; memory would have to run out."""

    def func(values, x=0):
        try:
            x += len([lambda: x for x in values])
        finally:
            str(x)
        with values:
            x = {a: [x for x in values] for a in values if any(a for b in values if x)}
        return x, lambda: x

    recell.verify(func.__code__)


def test_a_program_that_cpython_miscompiles_is_refused() -> None:
    """A free variable of a class body that a comprehension inside another one names too (gh-121377, gh-156664).

    CPython 3.13 passes an unbound slot on as the cell of the generator expression: the process dies of it.
    """

    def func(x=1):
        class Body:
            rows = [[x for x in range(2)] for _ in range(3) if any(x for _ in range(2))]
            other = x

        return Body.rows

    body = next(each for each in func.__code__.co_consts if hasattr(each, "co_code"))
    if "MAKE_CELL" in {each.opname for each in dis.get_instructions(body)}:
        return  # compiled to a cell of its own, which stays empty: wrong, and safe
    with pytest.raises(recell.UnsafeCodeError, match="reads `x`, which may be unbound"):
        recell.verify(func.__code__)
