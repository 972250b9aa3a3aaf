"""What `define` refuses: with the line and column of the text given, and nothing registered."""

from __future__ import annotations

import linecache
import pickle
import traceback

import pytest

from recell import FreeVariableError, SourceError, define
from recell.source.textlines import syntax_problem


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("def f(:\n  pass", 1, 7),
        ("\n    def f():\n        x = = 1\n", 3, 13),
        ("", 1, 1),
        ("# only a comment", 1, 1),
        ("x = 1", 1, 1),
        ("x + 1", 1, 1),
        ("def f(): pass\ndef g(): pass", 2, 1),
        ("    def f(): pass\nx = 1", 2, 1),
        ("def f(): pass\nprint(1)", 2, 1),
        ("def f(): pass\nif 0: print(1)", 2, 1),
        ("if 1:\n  def f(): pass\nelse: x", 1, 1),
        ("class f: pass", 1, 1),
        ("def f():\n    return '\0'", 2, 13),
        ("def f():\n    return '\ud800'", 2, 13),
        ("lambda: 0, 1", 1, 1),
        ("f = g(lambda: 0)", 1, 1),
        ("return 1", 1, 1),
        ("def f():\n        return 1\n    return 2", 3, None),
        ("def f(a=1, b): pass", 1, None),
        ("def f():\n    nonlocal x\n    x = 1", 2, None),
        ("def f(): pass\n\fprint(1)", 2, None),
    ],
)
@pytest.mark.parametrize("options", [{}, {"name": "other"}], ids=["plain", "tree"])
def test_a_text_that_is_not_one_definition(text: str, line: int, column: int | None, options: dict) -> None:
    """The error is a SyntaxError with the caller's line and column, and nothing is registered."""
    before = dict(linecache.cache)
    with pytest.raises(SourceError) as caught:
        define(text, **options)
    error = caught.value
    assert isinstance(error, (SyntaxError, ValueError))
    assert error.lineno == line
    assert column is None or error.offset == column
    assert f"line {line}" in str(error)
    assert error.msg
    assert error.filename
    assert not linecache.cache.keys() - before
    again = pickle.loads(pickle.dumps(error))
    assert (again.lineno, again.offset, again.text, str(again)) == (
        error.lineno,
        error.offset,
        error.text,
        str(error),
    )


@pytest.mark.parametrize(
    "options",
    [
        {"name": "a b"},
        {"name": "class"},
        {"class_name": "1"},
        {"closure": {"not a name": 1}},
        {"closure": {"None": 1}},
        {"closure": {"x": 1, "\N{FULLWIDTH LATIN SMALL LETTER X}": 2}},
        {"closure": {"__x": 1, "_C__x": 2}, "class_name": "C"},
    ],
)
def test_names_that_are_none(options: dict) -> None:
    """Keywords, what is no identifier, and two spellings of one name are refused."""
    with pytest.raises(SourceError):
        define("def f(): return x", **options)


@pytest.mark.parametrize(
    "text", ["def f(): return y", "def f(x): return x", "def f():\n    x = 1\n    return x"]
)
def test_a_free_variable_that_is_none(text: str) -> None:
    """A name in `closure` that the function does not use as a free variable is a mistake."""
    before = dict(linecache.cache)
    with pytest.raises(FreeVariableError) as caught:
        define(text, closure={"x": 1})
    assert caught.value.name == "x"
    assert not linecache.cache.keys() - before


@pytest.mark.parametrize(
    "call",
    [
        lambda: define(b"def f(): pass"),
        lambda: define("def f(): pass", globals=[]),
        lambda: define("def f(): pass", closure=[1]),
        lambda: define("def f(): pass", filename=1),
        lambda: define("def f(): pass", name=1),
        lambda: define("def f(): pass", closure={1: 1}),
    ],
)
def test_wrong_types(call: object) -> None:
    """Wrong types are plain TypeErrors."""
    with pytest.raises(TypeError):
        call()


def test_an_error_of_a_decorator_shows_its_line() -> None:
    """What a decorator or default raises comes through, with the text's line in the traceback."""
    for options in ({}, {"closure": {"x": 1}}):
        with pytest.raises(ZeroDivisionError) as caught:
            define("def f(a=1 / 0): return x", **options)
        assert "1 / 0" in "".join(traceback.format_exception(caught.type, caught.value, caught.tb))


def test_what_the_compiler_says_without_a_place() -> None:
    """It is told of the text's beginning."""
    error = syntax_problem(ValueError("too much"), "def f(): pass", "<text>")
    assert (error.lineno, error.offset, error.reason) == (1, 1, "too much")


@pytest.mark.parametrize("closure", [None, {"y": 1}], ids=["as it is", "with a scope"])
@pytest.mark.parametrize("text", ["def f(a=missing): return x", "@x\ndef f(): return x"])
def test_globals_are_as_they_were_when_the_text_raises(text: str, closure: object) -> None:
    """A default or a decorator that raises: nothing stays behind, no builtins either."""
    names = {"x": 3}
    with pytest.raises((NameError, TypeError)):
        recell.define(text, globals=names, closure=closure and {**closure, "x": 3})
    assert names == {"x": 3}
