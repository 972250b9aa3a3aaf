"""Generating functions: from a text, by template, as forwards; and a class of ten fields made with them."""

from __future__ import annotations

import dataclasses
import importlib.util
import inspect
from types import FunctionType
from typing import Any, Callable

from examples import quickclass as example

import recell
from bench import Benchmark, compare

TEXT = '''def area(width, height=2, *, scale=1):
    """The area of a rectangle."""
    result = width * height * scale
    if result < 0:
        raise ValueError("negative: " + str(result))
    return [result for _ in range(3)] and result
'''
CLOSED = TEXT.replace("* scale", "* scale * factor")


def plain_exec(text: str) -> Any:
    names: dict[str, Any] = {}
    exec(compile(text, "<text>", "exec"), names)
    return names["area"]


def defining() -> dict[str, Any]:
    return {
        "define": recell.define,
        "plain_exec": plain_exec,
        "text": TEXT,
        "closed": CLOSED,
        "values": {"factor": 3},
    }


def template(self, first, second=1):
    self.first = first
    self.tag = "PLACE"
    return first + second


def by_hand(func: FunctionType, old: str, new: str, text: str, value: object) -> FunctionType:
    """What `substitute` does with one name and one constant, written for that, with no check, and slower to call."""
    code = func.__code__
    changed = code.replace(
        co_varnames=tuple([new if name == old else name for name in code.co_varnames]),
        co_names=tuple([new if name == old else name for name in code.co_names]),
        co_consts=tuple([value if const is text else const for const in code.co_consts]),
    )
    made = FunctionType(changed, func.__globals__, func.__name__, func.__defaults__, func.__closure__)
    made.__kwdefaults__ = func.__kwdefaults__
    made.__annotations__ = func.__annotations__
    made.__qualname__, made.__module__, made.__doc__ = func.__qualname__, func.__module__, func.__doc__
    made.__dict__.update(func.__dict__)
    return made


def substituting() -> dict[str, Any]:
    code = template.__code__
    names = {
        "substitute": recell.substitute,
        "template": template,
        "rename": {"first": "width"},
        "constants": {"PLACE": object()},
        "FunctionType": FunctionType,
        "code": code,
        "names": globals(),
        "by_hand": by_hand,
        "place": next(const for const in code.co_consts if const == "PLACE"),
        "text": "def template(self, first, second=1):\n    self.first = first\n    return first + second\n",
        "run": lambda text: exec(text, {}),
    }
    recell.substitute(template, rename=names["rename"])
    return names


def wrapped(width: int, height: int = 2, *args: int, scale: int = 1, **more: int) -> int:
    """A function to wrap."""
    return width


def around(*args: int, **kwargs: int) -> int:
    return wrapped(*args, **kwargs)


def has(name: str) -> Callable[[], bool]:
    return lambda: importlib.util.find_spec(name) is not None


def wrapping(peer: str) -> Callable[[], dict[str, Any]]:
    def setup() -> dict[str, Any]:
        names: dict[str, Any] = {
            "forward": recell.forward,
            "around": around,
            "wrapped": wrapped,
            "signature": inspect.signature(wrapped),
        }
        if peer == "makefun":
            import makefun

            names["wraps"] = makefun.wraps
        if peer == "boltons":
            from boltons import funcutils

            names["wraps"] = funcutils.wraps
        return names

    return setup


FIELDS = [f"field{index}" for index in range(10)]


def bare_class() -> type:
    return type("Row", (), {"__annotations__": dict.fromkeys(FIELDS, int), "field9": 9})


def theirs() -> type:
    return dataclasses.dataclass(bare_class())


def ours() -> type:
    return example.quickclass(bare_class())


def ours_cold() -> type:
    example._templates.clear()
    return example.quickclass(bare_class())


def by_attrs() -> type:
    import attr

    return attr.s(auto_attribs=True)(bare_class())


def classes() -> dict[str, Any]:
    first, second = ours(), theirs()
    values = tuple(range(10))
    return {
        "Ours": first,
        "Theirs": second,
        "values": values,
        "ours": first(*values),
        "same": first(*values),
        "theirs": second(*values),
        "alike": second(*values),
    }


def making() -> dict[str, Any]:
    return {"ours": ours, "ours_cold": ours_cold, "theirs": theirs, "by_attrs": by_attrs}


BENCHMARKS: list[Benchmark] = [
    compare("define(text) / compile + exec", "define(text)", "plain_exec(text)", reach=1.5, setup=defining),
    compare(
        "define(text, closure=…) / compile + exec",
        "define(closed, closure=values)",
        "plain_exec(closed)",
        reach=3,
        setup=defining,
    ),
    compare(
        "substitute of a name and a constant / code.replace + FunctionType",
        "substitute(template, rename=rename, constants=constants)",
        "FunctionType(code.replace(co_name='other'), names)",
        reach=3,
        setup=substituting,
    ),
    compare(
        "the same by hand, nothing checked / code.replace + FunctionType",
        "by_hand(template, 'first', 'width', place, names)",
        "FunctionType(code.replace(co_name='other'), names)",
        reach=None,
        setup=substituting,
    ),
    compare(
        "substitute of a name and a constant / exec of the source",
        "substitute(template, rename=rename, constants=constants)",
        "run(text)",
        reach=None,
        setup=substituting,
    ),
    compare(
        "forward(f, signature=g) / makefun.wraps",
        "forward(around, signature=wrapped)",
        "wraps(wrapped)(around)",
        reach=0.25,
        setup=wrapping("makefun"),
        only=has("makefun"),
    ),
    compare(
        "forward(f, signature=g) / boltons.funcutils.wraps",
        "forward(around, signature=wrapped)",
        "wraps(wrapped)(around)",
        reach=0.25,
        setup=wrapping("boltons"),
        only=has("boltons"),
    ),
    compare(
        "forward(f, signature=Signature) / boltons.funcutils.wraps",
        "forward(around, signature)",
        "wraps(wrapped)(around)",
        reach=0.25,
        setup=wrapping("boltons"),
        only=has("boltons"),
    ),
    compare("class of ten fields, cold / dataclasses", "ours_cold()", "theirs()", reach=0.6, setup=making),
    compare("class of ten fields, warm / dataclasses", "ours()", "theirs()", reach=0.1, setup=making),
    compare(
        "class of ten fields, cold / attrs",
        "ours_cold()",
        "by_attrs()",
        reach=0.6,
        setup=making,
        only=has("attr"),
    ),
    compare(
        "class of ten fields, warm / attrs", "ours()", "by_attrs()", reach=0.1, setup=making, only=has("attr")
    ),
    compare(
        "instance of ten fields / dataclasses", "Ours(*values)", "Theirs(*values)", reach=1.05, setup=classes
    ),
    compare(
        "equality of ten fields / dataclasses", "ours == same", "theirs == alike", reach=1.05, setup=classes
    ),
]
