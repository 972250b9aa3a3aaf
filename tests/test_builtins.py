"""Copies under other globals and builtins: the same on every release, and never silently others."""

from __future__ import annotations

import builtins
from types import FunctionType, ModuleType
from typing import Any

import pytest
from equal_functions import assert_equal_but, make

import recell
from recell import (
    BuiltinsMismatchError,
    replace,
)
from recell.errors import short

GLOBAL = "global"


def test_other_globals() -> None:
    """Without builtins of their own they get the function's, on every release; module and the rest stay."""
    bump, _ = make()
    names = {"GLOBAL": "other"}
    new: Any = replace(bump, globals=names)
    assert new(1)[-1] == "other"
    assert new.__globals__ is names
    assert new.__module__ == "equal_functions"
    counting = replace(lambda: len("abc"), globals={})
    assert counting() == 3
    assert_equal_but(new, bump, "__globals__", "__builtins__")


def own_builtins(**names: Any) -> dict[str, Any]:
    return {**vars(builtins), **names}


def test_builtins_follow_globals_that_have_some() -> None:
    counting = lambda: len("abc")
    assert replace(counting, globals={"__builtins__": own_builtins(len=lambda text: "own")})() == "own"
    module = ModuleType("own")
    module.len = lambda text: "module"  # type: ignore[attr-defined]
    assert replace(counting, globals={"__builtins__": module})() == "module"


def test_custom_builtins_are_carried() -> None:
    """Where globals say which, and (from 3.10 on, where a function has them) where they do not."""
    names: dict[str, Any] = {"__builtins__": own_builtins(len=lambda text: "own")}
    exec("def make(x):\n    def f(a=1, *, b=2): return len('abc'), x, a, b\n    return f", names)
    function = names["make"](5)
    assert replace(function)() == ("own", 5, 1, 2)
    if hasattr(FunctionType, "__builtins__"):
        del names["__builtins__"]
        for new in (
            replace(function),
            replace(function, name="g"),
            recell.rebind(function, x=5),
            recell.clone(function),
        ):
            assert new() == ("own", 5, 1, 2)
            assert new.__builtins__ is function.__builtins__
            assert "__builtins__" not in names
        assert replace(function, globals={})() == ("own", 5, 1, 2)
        assert replace(function, defaults=(3,))() == ("own", 5, 3, 2)


@pytest.mark.skipif(
    not hasattr(FunctionType, "__builtins__"), reason="functions look builtins up when called"
)
def test_other_builtins_than_the_globals_hold_now_cannot_be_carried() -> None:
    """A copy would silently get others: refused, unless the caller gives globals that say which."""
    names: dict[str, Any] = {"__builtins__": own_builtins(len=lambda text: "own")}
    exec("def f(): return len('abc')", names)
    function = names["f"]
    names["__builtins__"] = builtins
    for verb in (replace, recell.rebind, recell.clone, lambda f: replace(f, name="g", defaults=())):
        with pytest.raises(BuiltinsMismatchError) as caught:
            verb(function)
        assert caught.value.target == short(function)
    new = replace(function, globals=dict(names), defaults=())
    assert new() == 3
    assert function() == "own"


def test_builtins_are_looked_up_by_the_call_before_3_10_and_bound_by_the_function_since() -> None:
    names: dict[str, Any] = {"__builtins__": own_builtins(len=lambda text: "one")}
    exec("def f(): return len('abc')", names)
    new = replace(names["f"])
    names["__builtins__"] = own_builtins(len=lambda text: "two")
    assert new() == names["f"]() == ("one" if hasattr(FunctionType, "__builtins__") else "two")


def test_globals_without_builtins_at_all() -> None:
    """A function that never had any on 3.8 and 3.9 is copied as it is."""
    code = compile("def f(): return 1", "<text>", "exec").co_consts[0]
    names: dict[str, Any] = {}
    function = FunctionType(code, names)
    assert replace(function)() == replace(function, name="g")() == replace(function, globals={})() == 1
    assert names == {}
