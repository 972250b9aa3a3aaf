"""`substitute` of any constant: as if the text had a name in its place, told by value and type."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recell
from recell import ScopeError, make_function, substitute

# how a constant may stand in a function of `x`; C is the constant
FORMS = [
    "return [C, x]",
    "return x == C, C",
    "y = C\n    return y, y",
    "return (lambda: [C, x])()",
    "return [C for _ in range(2)], x",
    "return {'k': C, C: x}['k']",
    "return x if x else [C]",
    "def inner(a=C, *, b=(C, x)): return a, b\n    return inner()",
    "class K:\n        v = C\n    return K.v, x",
    "import json.decoder\n    return C, json.decoder.__name__",
    "from os import path as p\n    return C, p.__name__",
    "return repr(C) + f'{C!r:>12}'",
    "return (x, C, 'a')",
    "for i in range(3):\n        if i: return [i, C]",
    "try:\n        return [1 // 0, C]\n    except ZeroDivisionError:\n        return C, x",
    "a = [C, 'zz', x]\n    a[0] = C\n    return a",
    "return dict(a=C, b=x)",
    "global G\n    G = C\n    return G",
]
CONSTANTS = ["5", "-7", "300", "2.5", "-0.0", "1j", "b'ab'", "'text'", "True", "...", "100000000000000000000"]


def made(text: str, constant: str, **space: Any) -> Any:
    exec(f"def func(x):\n    {text.replace('C', constant)}\n", space)
    return space["func"]


@settings(deadline=None)
@given(st.sampled_from(FORMS), st.sampled_from(CONSTANTS), st.sampled_from([1.5, "other", None, (5, 7)]))
def test_it_is_as_if_a_name_stood_there(form: str, constant: str, value: Any) -> None:
    literal = eval(constant)
    if "{C!r" in form and constant[-1] == "'":
        constant = "5"  # no quotes within quotes before 3.12
        literal = 5
    func = made(form, constant)
    expected = made(form, "PLACE", PLACE=value)
    new = substitute(func, constants={literal: value})
    for argument in (5, [1]):
        assert new(argument) == expected(argument)
    assert new.__code__.co_names == func.__code__.co_names
    if not isinstance(literal, str):
        pair = substitute(func, constants={(literal, type(literal)): value})
        assert pair(1) == new(1)


def test_value_and_type_tell_constants_apart() -> None:
    func = made("return (x, 1, 1.0, True, 0.0, -0.0)", "")
    assert substitute(func, constants={1: "int"})(0) == (0, "int", 1.0, True, 0.0, -0.0)
    assert substitute(func, constants={1.0: "float"})(0) == (0, 1, "float", True, 0.0, -0.0)
    assert substitute(func, constants={True: "bool"})(0) == (0, 1, 1.0, "bool", 0.0, -0.0)
    assert substitute(func, constants={-0.0: "minus"})(0) == (0, 1, 1.0, True, 0.0, "minus")
    every = {(1, int): "i", (1.0, float): "f", (True, bool): "b"}
    assert substitute(func, constants=every)(0) == (0, "i", "f", "b", 0.0, -0.0)


def test_constants_within_others_and_whole_ones() -> None:
    func = made("return x in (1, 2, (3, 4)), (1, 2, (3, 4)), {3, 4}", "")
    assert substitute(func, constants={3: 9})(1) == (True, (1, 2, (9, 4)), {9, 4})
    assert substitute(func, constants={(1, 2, (3, 4)): [7]})(7) == (True, [7], {3, 4})
    assert substitute(func, constants={(3, 4): "pair"})(1) == (True, (1, 2, "pair"), {3, 4})


def test_a_value_that_looks_like_a_constant_is_left_alone() -> None:
    """What was put in is not looked into once more."""
    func = made("return x, 5, 1, 'a'", "")
    assert substitute(func, constants={5: (1, "a"), 1: 9, "a": 5})(0) == (0, (1, "a"), 9, 5)


def test_what_the_compiler_adds_stays() -> None:
    """Levels of imports, first lines of classes, what calls pass on, and lazy annotations."""
    text = (
        "from os import path\n    import sys\n    class K:\n        value = 0\n    def g(a: 2 = 2): return a\n"
        "    with open(__file__): pass\n    return K, g, 0, 4, 2"
    )
    func = made(text, "", __file__=__file__)
    line = func(1)[0].__dict__.get("__firstlineno__", 4)
    new = substitute(func, constants={0: "zero", line: "line", 2: "two"})
    cls, inner, *rest = new(1)
    assert cls.value == "zero"
    assert cls.__dict__.get("__firstlineno__", line) == line
    assert rest == ["zero", "line" if line == 4 else 4, "two"]
    assert inner() == "two"
    inner.__annotations__  # noqa: B018 - is evaluated without an error


def test_a_text_in_place_of_the_first_constant_is_no_docstring() -> None:
    func = made("return (lambda: 5)", "")
    inner = substitute(func, constants={5: "text"})(1)
    assert (inner(), inner.__doc__) == ("text", None)


def test_many_constants() -> None:
    """Where the new one is behind 255 others, instructions grow, and jumps and handlers follow."""
    numbers = ", ".join(f"{i}.5" for i in range(300))
    func = made(f"a = [{numbers}, x]\n    for i in a:\n        if i == 7: return i, 7, 7.0\n    return 7", "")
    new = substitute(func, constants={7: "seven", 299.5: 7})
    assert new(0) == "seven" or sys.version_info >= (3, 0)
    func = make_function(func.__code__.replace(co_consts=(*func.__code__.co_consts, *range(1000, 1300))))
    assert substitute(func, constants={7: "seven"})(0) == "seven"
    recell.verify(substitute(func, constants={7: "seven"}).__code__)


def test_a_constant_that_is_not_there() -> None:
    func = made("return x, 5, 'a'", "")
    for missing in (6, 5.0, False, b"a", (5,)):
        with pytest.raises(ScopeError, match="it has: "):
            substitute(func, constants={missing: 1})
