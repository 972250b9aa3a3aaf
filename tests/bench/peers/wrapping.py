"""Wrappers that keep a signature, calls through them, and classes of ten fields."""

from __future__ import annotations

import functools
import inspect
from types import FunctionType
from typing import Any, Dict

import recell

from ..bench_source import around, bare_class, by_attrs, ours, ours_cold, theirs, wrapped
from .ways import Task, Way


def plain_wraps(func: Any) -> Any:
    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **kwargs)

    return wrapper


def caller(func: Any, *args: Any, **kwargs: Any) -> Any:
    return func(*args, **kwargs)


def passing(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    return wrapped(*args, **kwargs)


def names() -> Dict[str, Any]:
    return {
        "recell": recell,
        "wrapped": wrapped,
        "around": around,
        "plain_wraps": plain_wraps,
        "caller": caller,
        "passing": passing,
    }


def keeps_signature(names: Dict[str, Any], result: Any) -> str:
    """Whether wrong arguments are refused where they come in, by the wrapper itself."""
    kind = "" if isinstance(result, FunctionType) else f"an object of type `{type(result).__name__}`; "
    own = inspect.signature(result, follow_wrapped=False)
    return kind + ("its own" if str(own) == str(inspect.signature(wrapped)) else f"its own is `{own}`")


MAKERS = {
    "standard library": ("plain_wraps(wrapped)", ""),
    "recell": ("recell.forward(around, signature=wrapped)", ""),
    "decorator": ("decorator.decorate(wrapped, caller)", "import decorator"),
    "makefun": ("makefun.wraps(wrapped)(around)", "import makefun"),
    "boltons": ("funcutils.wraps(wrapped)(around)", "from boltons import funcutils"),
    "wrapt": ("wrapt.FunctionWrapper(wrapped, passing)", "import wrapt"),
}

LABELS = {"standard library": "functools.wraps"}

WRAPPER = Task(
    "Make a wrapper with the signature of what it wraps",
    "Five parameters, annotations. Against `functools.wraps` around a nested function, which only says that it has the "
    "signature. Noted is what the wrapper's own signature is.",
    names,
    tuple(Way(who, *MAKERS[who], label=LABELS.get(who, "")) for who in MAKERS),
    keeps_signature,
)

THROUGH = Task(
    "Call through the wrapper",
    "Against a call of the function without a wrapper.",
    names,
    (
        Way("by hand", "wrapped(1, scale=2)", "", "no wrapper", label="no wrapper"),
        *(
            Way(who, "made(1, scale=2)", f"{before}\nmade = {statement}", f"made by `{statement.partition('(')[0]}`",
                label=LABELS.get(who, statement.partition("(")[0].replace(f"{who}.", "")))
            for who, (statement, before) in MAKERS.items()
        ),
        Way("recell", "target(1, scale=2)", "target = recell.clone(wrapped)\n"
            "recell.wrap(target, lambda func: lambda *args, **kwargs: func(*args, **kwargs))", "`recell.wrap`, in place", label="wrap, in place"),
    ),
)  # fmt: skip


def classes() -> Dict[str, Any]:
    ours()  # the templates are there from the second class of a shape on
    return {
        "dataclass_of_ten": theirs,
        "attrs_of_ten": by_attrs,
        "quickclass_of_ten": ours,
        "first_quickclass_of_ten": ours_cold,
        "plain_class_of_ten": bare_class,
    }


CLASS = Task(
    "Make a class of ten fields",
    "`__init__`, `__repr__` and `__eq__`. recell's is the example `tests/examples/quickclass.py`, in less than 120 lines: "
    "it compiles the methods of the first class of a shape, and renames those of the next.",
    classes,
    (
        Way("standard library", "dataclass_of_ten()", "", "`dataclasses.dataclass`", label="dataclasses"),
        Way(
            "recell",
            "quickclass_of_ten()",
            "",
            "the example, from the second class of a shape on",
            label="the example, warm",
        ),
        Way(
            "recell",
            "first_quickclass_of_ten()",
            "",
            "the example, the first class of a shape",
            label="the example, cold",
        ),
        Way("attrs", "attrs_of_ten()", "import attr", "`attr.s(auto_attribs=True)`", label="attr.s"),
    ),
)
