"""`define` and `substitute` with type parameters and nested f-strings (3.12+)."""

from __future__ import annotations

import recell
from recell import closure, define


def test_a_generic_function() -> None:
    """Type parameters, with a closure and without; no scaffold in any name."""
    text = "def first[T](items: list[T], default: T = None) -> T:\n    return items[0] if items else other\n"
    for options in ({"globals": {"other": 1}}, {"closure": {"other": 1}}):
        func = define(text, **options)
        assert func([]) == 1
        assert [str(parameter) for parameter in func.__type_params__] == ["T"]
        assert func.__qualname__ == "first"
        assert func.__annotations__["items"] == list[func.__type_params__[0]]
    assert closure(func)["other"] == 1


def test_a_generic_method() -> None:
    """In a class, with its name mangled and its class known."""
    func = define(
        "def get[T](self, __x: T) -> T: return __class__, __x", class_name="C", closure={"__class__": int}
    )
    assert func(0, 1) == (int, 1)
    assert func.__qualname__ == "C.get"
    assert func.__code__.co_varnames[1] == "_C__x"


def test_nested_quotes_in_an_indented_text() -> None:
    """An f-string may go over lines and hold its own quotes."""
    text = """
        def f(a):
            return f"{
    {"key": a}["key"]
}|"
    """
    assert define(text)(1) == "1|"
    assert define(text, closure=None, name="g")(1) == "1|"


def test_substitute_in_a_comprehension() -> None:
    """Inlined comprehensions have their names in the function's own code."""

    def f(x, n):
        return [x for x in range(n)], x

    new = recell.substitute(f, rename={"x": "y"})
    assert new(5, 2) == ([0, 1], 5)
    assert new(y=5, n=2) == ([0, 1], 5)
