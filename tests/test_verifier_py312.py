"""What compilers emit since 3.12 and only a close look accepts."""

from __future__ import annotations

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
