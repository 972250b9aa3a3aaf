"""Functions inside functions, and class cells: `json.encoder`'s inner functions, and `super()` in an added method."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

import recell
from recell.tour import Stage, Step

if TYPE_CHECKING:
    from collections.abc import Iterator


def run_a_nested_function(stage: Stage) -> None:
    """`wrapper` exists only once a function was decorated; here it runs by itself, with the variables it needs."""
    import functools

    stage.say(
        "functools.singledispatch makes `dispatch` only when something is decorated; alone it needs its cells:"
    )
    try:
        recell.inner(functools.singledispatch, "dispatch")
    except recell.RecellError as error:
        stage.say(f"{error}")
    from weakref import WeakKeyDictionary

    cache: WeakKeyDictionary[type, object] = WeakKeyDictionary()
    dispatch: Any = recell.inner(
        functools.singledispatch,
        "dispatch",
        registry={object: "any", int: "a number"},
        dispatch_cache=cache,
        cache_token=None,
    )
    stage.did('recell.inner(functools.singledispatch, "dispatch", registry={…}, …)', dispatch)
    stage.did("dispatch(bool), dispatch(str)", (dispatch(bool), dispatch(str)))
    stage.check("a unit test of a nested function", (dispatch(bool), dispatch(str)) == ("a number", "any"))


def patch_a_nested_function(stage: Stage) -> None:
    """json's pure Python encoder makes `_iterencode_list` in each call; another one stands in for a while."""
    import json.encoder

    make: FunctionType = vars(json.encoder)["_make_iterencode"]
    code = make.__code__

    def encode() -> str:
        encoder = json.JSONEncoder(indent=0)  # with an indent the pure Python encoder runs, on 3.8 as on 3.15
        with recell.override(json.JSONEncoder.iterencode, c_make_encoder=None):
            return "".join(encoder.iterencode([1, 2]))

    def shout(values: list[object], level: int) -> Iterator[str]:
        yield f"LIST OF {len(values)}"

    before = encode()
    with recell.patch_inner(make, "_iterencode_list", shout) as change:
        stage.did('with recell.patch_inner(json.encoder._make_iterencode, "_iterencode_list", shout)', change)
        during = encode()
        stage.did("json.dumps([1, 2], indent=0)", during)
    stage.check("the nested function was replaced, and nothing else", during == "LIST OF 2")
    stage.check("undone: the very same code, the same text", make.__code__ is code and encode() == before)


def replace_a_nested_function(stage: Stage) -> None:
    """contextlib.contextmanager makes `helper` for each generator function; a copy of it makes another one."""
    import contextlib

    def helper(*args: object) -> str:
        return f"no context for {len(args)} arguments"

    manager: Any = contextlib.contextmanager
    silent: Any = recell.replace_inner(manager, "helper", helper)
    stage.did('silent = recell.replace_inner(contextlib.contextmanager, "helper", helper)', silent)
    stage.did("silent(print)(1, 2)", silent(print)(1, 2))
    stage.check("the copy makes the other function", silent(print)(1, 2) == "no context for 2 arguments")
    stage.check("the original makes its own", manager(print) is not helper)


def repair_a_class_made_again(stage: Stage) -> None:
    """A class made a second time, for `__slots__`: its methods call super() of the first one until they are told."""

    class Point:
        def __repr__(self) -> str:
            return "a point: " + super().__repr__()

    namespace = {key: value for key, value in vars(Point).items() if key not in ("__dict__", "__weakref__")}
    slotted = type("Point", (), {**namespace, "__slots__": ("x", "y")})
    try:
        repr(slotted())
    except TypeError as error:
        stage.did("repr(Slotted())  # raises", error)
    with recell.repoint(slotted, old=Point) as change:
        stage.did("recell.repoint(Slotted, old=Point)", change)
        stage.check("super() works in the new class", repr(slotted()).startswith("a point: <"))


def add_a_method(stage: Stage) -> None:
    """A function written at module level calls super() and is added to a living class of the standard library."""
    import string

    def convert_field(self: Any, value: Any, conversion: Any) -> Any:
        if conversion == "u":
            return str(value).upper()
        return super().convert_field(value, conversion)  # type: ignore[misc]

    formatter = string.Formatter()

    class Shouting(string.Formatter):
        pass

    living = Shouting()
    change = recell.attach(Shouting, convert_field)
    stage.did("recell.attach(Shouting, convert_field)", change)
    stage.did('living.format("{0!u} {0!r}", "hi")', living.format("{0!u} {0!r}", "hi"))
    stage.check("super() finds the base class", living.format("{0!u} {0!r}", "hi") == "HI 'hi'")
    change.undo()
    stage.check("undone: the class has no such method", "convert_field" not in vars(Shouting))
    stage.check("the base class never changed", formatter.format("{0!r}", "hi") == "'hi'")


STEPS = [
    Step("A nested function tested by itself: functools.singledispatch", ("inner",), run_a_nested_function),
    Step("A nested function replaced for a while: json.encoder", ("patch_inner",), patch_a_nested_function),
    Step("A copy that makes another nested function", ("replace_inner",), replace_a_nested_function),
    Step("A class made again for __slots__", ("repoint",), repair_a_class_made_again),
    Step("super() in a method added to a living class", ("attach",), add_a_method),
]
