"""Copies carry everything over: each attribute equal, the very cells, whatever state the function is in."""

from __future__ import annotations

import functools
import inspect
from types import FunctionType
from typing import Any

import pytest
from equal_functions import assert_equal_but, make

import recell
from recell import (
    replace,
)

GLOBAL = "global"


def special(kind: str) -> Any:
    """Functions in states that only assignment brings about."""
    bump, positional = make()
    function: Any = positional
    if kind == "no docstring":
        function.__doc__ = None
    elif kind == "docstring no text":
        function.__doc__ = {"a": "dict"}
    elif kind == "names assigned":
        function.__name__, function.__qualname__, function.__module__ = "n", "q.n", "m"
    elif kind == "module deleted":
        del function.__module__
    elif kind == "module a dict":
        function.__module__ = {}
    elif kind == "empty defaults":
        function.__defaults__, function.__kwdefaults__ = (), {}
    elif kind == "more defaults than parameters":
        function.__defaults__ = (1, 2, 3, 4, 5)
    elif kind == "defaults a subclass of tuple":
        function.__defaults__ = type("Defaults", (tuple,), {})((5, 6))
    elif kind == "stray keyword defaults":
        function.__kwdefaults__ = {"stray": 1}
    elif kind == "keyword defaults a subclass of dict":
        function = bump
        function.__kwdefaults__ = type("Keywords", (dict,), {})(key=1, other=2)
    elif kind == "annotations assigned":
        function.__annotations__ = {"first": "here", "not a parameter": 3}
    elif kind == "annotations emptied":
        function.__annotations__ = {}
    elif kind == "odd attributes":
        function.__dict__.update({3: 4, "__wrapped__": bump, "_": function})
    elif kind == "dict a subclass":
        function.__dict__ = type("Attributes", (dict,), {})(a=1)
    elif kind == "empty closure":
        code = compile("def f(): pass", "<text>", "exec").co_consts[0]
        function = FunctionType(code, globals(), "f", None, ())
    elif kind == "closure a subclass of tuple":
        cells = type("Cells", (tuple,), {})(function.__closure__)
        function = FunctionType(function.__code__, globals(), "f", (1, 2), cells)
    elif kind == "globals a subclass of dict":
        names = type("Names", (dict,), {})(GLOBAL="own")
        function = FunctionType(function.__code__, names, "f", (1, 2), function.__closure__)
        function.__annotations__ = {"first": int}
    elif kind == "everything":
        function = bump
    return function


SPECIAL = [
    "plain",
    "no docstring",
    "docstring no text",
    "names assigned",
    "module deleted",
    "module a dict",
    "empty defaults",
    "more defaults than parameters",
    "defaults a subclass of tuple",
    "stray keyword defaults",
    "keyword defaults a subclass of dict",
    "annotations assigned",
    "annotations emptied",
    "odd attributes",
    "dict a subclass",
    "empty closure",
    "closure a subclass of tuple",
    "globals a subclass of dict",
    "everything",
]


@pytest.mark.parametrize("kind", SPECIAL)
def test_a_plain_copy_is_equal_in_every_attribute(kind: str) -> None:
    """Whatever state the function is in, with the very cells; each way of making copies alike."""
    function = special(kind)
    assert_equal_but(replace(function), function)
    if function.__closure__:
        assert_equal_but(replace(function, closure=function.__closure__), function)
    assert_equal_but(replace(function, verify=False), function)
    assert_equal_but(recell.rebind(function), function)
    assert_equal_but(recell.clone(function, share=function.__code__.co_freevars), function)
    assert_equal_but(replace(replace(function, doc="other"), doc=function.__doc__), function)


def test_mutable_parts_are_copies() -> None:
    """Changing the copy's leaves the original's, one level deep."""
    bump, _ = make()
    new: Any = replace(bump)
    new.other = 1
    new.__kwdefaults__["key"] = 99
    new.__annotations__["a"] = str
    assert not hasattr(bump, "other")
    assert bump.__kwdefaults__ == {"key": 3, "other": 4}  # type: ignore[attr-defined]
    assert bump.__annotations__["a"] == "int"
    assert new.tag is bump.tag  # type: ignore[attr-defined]


def test_signature_and_source_of_a_copy() -> None:
    bump, _ = make()
    for new in (replace(bump), replace(bump, name="other"), recell.rebind(bump, count=1), recell.clone(bump)):
        assert inspect.signature(new) == inspect.signature(bump)
        assert inspect.getsource(new) == inspect.getsource(bump)


def test_wrapped_is_carried() -> None:
    bump, _ = make()

    @functools.wraps(bump)
    def wrapper(*args: Any) -> Any:
        return bump(*args)

    new = replace(wrapper, name="other")
    assert new.__wrapped__ is bump  # type: ignore[attr-defined]
    assert inspect.signature(new) == inspect.signature(bump)
