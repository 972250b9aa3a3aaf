"""Copies of a function: made, called, and sent to another process."""

from __future__ import annotations

import inspect
import sys
from types import CellType, FunctionType
from typing import Any, Dict

import recell

from ..bench_functions import by_hand, outer
from .ways import Task, Way

SOURCE = """def outer(x=1, y=2):
    def counter(a: int, b: int = 5, *, c: int = 7) -> int:
        "A closure with everything that a function can carry."
        return x + y + a + b + c
    return counter
"""


def subject() -> Dict[str, Any]:
    """A closure with two free variables and everything else that a function can carry."""
    func = outer()
    if sys.version_info >= (3, 12):
        from typing import TypeVar

        func.__type_params__ = (TypeVar("T"),)
    return {
        "recell": recell,
        "func": func,
        "old": func.__closure__,
        "by_hand": by_hand,
        "make_cell": CellType,
        "FunctionType": FunctionType,
    }


def what_is_lost(names: Dict[str, Any], copy: Any) -> str:
    """What of the original the copy lacks, found by comparing them."""
    func = names["func"]
    if not isinstance(copy, FunctionType):
        return f"an object of type `{type(copy).__name__}`"
    lost = []
    if len(copy.__closure__ or ()) != 2 or copy.__closure__[0].cell_contents != 3:
        lost.append("the new value (it only copies)")
    elif copy.__closure__[1] is not func.__closure__[1]:
        lost.append("the sharing of `y`")
    for name, words in (
        ("__defaults__", "defaults"),
        ("__kwdefaults__", "keyword defaults"),
        ("__annotations__", "annotations"),
        ("__type_params__", "type parameters"),
        ("__dict__", "attributes"),
        ("__doc__", "docstring"),
        ("__qualname__", "qualified name"),
        ("__module__", "module"),
    ):
        if getattr(copy, name, None) != getattr(func, name, None):
            lost.append(words)
    if not any("default" in each for each in lost) and str(inspect.signature(copy)) != str(
        inspect.signature(func)
    ):
        lost.append("signature")
    return "loses " + ", ".join(lost) if lost else "nothing lost"


MAKERS = {
    "by hand": ("by_hand(func, (make_cell(3), old[1]))", ""),
    "recell": ("recell.rebind(func, x=3)", ""),
    "standard library": (
        "FunctionType(func.__code__, func.__globals__, func.__name__, func.__defaults__, (make_cell(3), old[1]))",
        "",
    ),
    "boltons": ("funcutils.copy_function(func)", "from boltons import funcutils"),
    "innerscope": ("innerscope.bindwith(x=3)(func)", "import innerscope"),
    "cloudpickle": ("cloudpickle.loads(cloudpickle.dumps(func))", "import cloudpickle"),
    "dill": ("dill.copy(func)", "import dill"),
    "bytecode": (
        "FunctionType(Bytecode.from_code(func.__code__).to_code(), func.__globals__, func.__name__,"
        " func.__defaults__, (make_cell(3), old[1]))",
        "from bytecode import Bytecode",
    ),
}


def simple() -> Dict[str, Any]:
    """A closure without defaults, as calls are specialised best."""

    def outer(x: int, y: int) -> Any:
        return lambda value: x + y + value

    func = outer(1, 2)
    return {**subject(), "func": func, "old": func.__closure__}


def calling(who: str) -> Way:
    statement, before = MAKERS[who]
    made_by = statement.partition("(")[0]
    return Way(
        who,
        "made(1)",
        f"{before}\nmade = {statement}",
        f"made by `{made_by}`",
        label=made_by.replace(f"{who}.", ""),
    )


COPY = Task(
    "Copy a function, with another value for one of its closure's variables",
    "Two free variables, defaults, keyword defaults, annotations, attributes. By hand is `FunctionType` and then "
    "everything that it forgets. What the copy lacks is found by comparing it with the original.",
    subject,
    (
        Way("by hand", *MAKERS["by hand"], "a helper of fifteen lines that differ from release to release",
            label="FunctionType, then all the rest"),
        Way("recell", *MAKERS["recell"]),
        Way("standard library", *MAKERS["standard library"], shown="FunctionType(func.__code__, …, (make_cell(3), old[1]))"),
        *(Way(who, *MAKERS[who]) for who in ("boltons", "innerscope", "cloudpickle", "dill")),
        Way("bytecode", *MAKERS["bytecode"], shown="FunctionType(Bytecode.from_code(…).to_code(), …)",
            label="Bytecode.from_code, to_code"),
        Way("standard library", "exec(text, space); space['outer'](3, 2)", f"text = {SOURCE!r}; space = {{}}",
            "the source again, `y` no longer shared", label="exec of the source"),
    ),
    what_is_lost,
)  # fmt: skip

CALL = Task(
    "Call what came out",
    "Against a call of the function as the compiler made it. From CPython 3.13 on, the interpreter specialises calls "
    "only to functions that its own instruction made.",
    simple,
    (
        Way("by hand", "func(1)", "", "the compiler's own function", label="the compiler's own"),
        *(calling(who) for who in MAKERS if who != "by hand"),
    ),
)

TRAVEL = Task(
    "Send a function through pickle",
    "Dump and load, for reference: what recell made travels as the original does.",
    lambda: {**subject(), "rebound": recell.rebind(outer(), x=3)},
    (
        Way("cloudpickle", "cloudpickle.loads(cloudpickle.dumps(func))", "import cloudpickle", "the original", label="the original"),
        Way("cloudpickle", "cloudpickle.loads(cloudpickle.dumps(rebound))", "import cloudpickle", "made by `recell.rebind`", label="made by rebind"),
        Way("dill", "dill.loads(dill.dumps(func))", "import dill", "the original", label="the original"),
        Way("dill", "dill.loads(dill.dumps(rebound))", "import dill", "made by `recell.rebind`", label="made by rebind"),
    ),
)  # fmt: skip
