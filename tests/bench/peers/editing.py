"""Code edited, generated, and taken out of other code."""

from __future__ import annotations

import ast
import inspect
import textwrap
from types import CellType, CodeType, FunctionType
from typing import Any, Dict

import recell

from ..bench_patching import leaf
from ..bench_scopes import walk
from ..bench_source import TEXT, plain_exec
from .ways import Task, Way

LIMIT = 3
OTHER = 4


class Renamer(ast.NodeTransformer):
    def visit_Name(self, node: ast.Name) -> ast.Name:
        if node.id == "LIMIT":
            node.id = "OTHER"
        return node


def through_ast(func: FunctionType) -> Any:
    tree = Renamer().visit(ast.parse(textwrap.dedent(inspect.getsource(func))))
    space: Dict[str, Any] = {"OTHER": 4}
    exec(compile(tree, "<tree>", "exec"), space)
    return space[func.__name__]


def through_source(func: FunctionType) -> Any:
    space: Dict[str, Any] = {"OTHER": 4}
    exec(textwrap.dedent(inspect.getsource(func)).replace("LIMIT", "OTHER"), space)
    return space[func.__name__]


def through_bytecode(func: FunctionType) -> Any:
    from bytecode import Bytecode, Instr

    code = Bytecode.from_code(func.__code__)
    for instruction in code:
        if isinstance(instruction, Instr) and instruction.name == "LOAD_GLOBAL":
            if isinstance(instruction.arg, tuple) and instruction.arg[1] == "LIMIT":
                instruction.arg = (instruction.arg[0], "OTHER")
            elif instruction.arg == "LIMIT":
                instruction.arg = "OTHER"
    return FunctionType(code.to_code(), func.__globals__, func.__name__)


def editing() -> Dict[str, Any]:
    return {
        "recell": recell,
        "leaf": FunctionType(leaf.__code__, {**leaf.__globals__, "LIMIT": 3, "OTHER": 4}, "leaf"),
        "walk": walk,
        "through_ast": through_ast,
        "through_source": through_source,
        "through_bytecode": through_bytecode,
    }


def works(names: Dict[str, Any], result: Any) -> str:
    """Whether the edited function does the other thing."""
    if not callable(result):
        return ""
    found = result("a=4\nb=5")  # innerscope's functions return a scope
    assert getattr(found, "return_value", found) == [("a", 4), ("b", 5)], "another result"
    if not isinstance(result, FunctionType):
        return f"an object of type `{type(result).__name__}`"
    lost = [
        words
        for words, of in (
            ("lines of the source", lambda f: f.__code__.co_firstlineno),
            ("qualified name", lambda f: f.__qualname__),
        )
        if of(result) != of(names["leaf"])
    ]
    return f"loses {', '.join(lost)}" if lost else ""


PATCHY = """\
import difflib, patchy
old = textwrap.dedent(inspect.getsource(leaf)).splitlines(True)
new = [line.replace("LIMIT", "OTHER") for line in old]
text = "".join(list(difflib.unified_diff(old, new))[2:])
"""

EDIT = Task(
    "Let a twenty-line function read something else for one global",
    "By hand is the least that any such edit costs: one loop over the instructions, a copy of the bytes, and "
    "`CodeType.replace`.",
    editing,
    (
        Way("by hand", "walk(leaf.__code__)", "", "a bare loop; edits nothing", label="a bare loop over the instructions"),
        Way("recell", "recell.promote(leaf, LIMIT=4)", "", "a variable of its own"),
        Way("recell", "recell.freeze(leaf, LIMIT=4)", "", "a constant"),
        Way("recell", "recell.substitute(leaf, rename={'LIMIT': 'OTHER'})", "", "another name"),
        Way("bytecode", "through_bytecode(leaf)", "import bytecode", "`Bytecode.from_code`, a loop, `to_code`", label="Bytecode.from_code, to_code"),
        Way("innerscope", "innerscope.bindwith(LIMIT=4)(leaf)", "import innerscope"),
        Way("patchy", "with patchy.temp_patch(leaf, text): pass", "import inspect, textwrap\n" + PATCHY,
            "a diff of the source; in place, and back"),
        Way("standard library", "through_source(leaf)", "", "`inspect.getsource`, `str.replace`, `exec`", label="getsource, exec"),
        Way("standard library", "through_ast(leaf)", "", "`ast.parse`, a `NodeTransformer`, `exec`", label="ast, exec"),
    ),
    works,
)  # fmt: skip

SIGNATURE = "area(width, height=2, *, scale=1)"


def texts() -> Dict[str, Any]:
    return {
        "recell": recell,
        "text": TEXT,
        "signature": SIGNATURE,
        "body": textwrap.dedent(TEXT.partition("\n")[2]),
        "plain_exec": plain_exec,
    }


GENERATE = Task(
    "Make a function from a text",
    "Six lines, against `compile` and `exec`, which leave tracebacks and `inspect.getsource` without the lines.",
    texts,
    (
        Way("standard library", "plain_exec(text)", "", "`compile`, `exec`", label="compile, exec"),
        Way("recell", "recell.define(text)", "", "source kept"),
        Way("recell", "recell.build_function('area', '(width, height=2, *, scale=1)', body.splitlines())", "", "source kept"),
        Way("makefun", "makefun.create_function(signature, lambda *args, **kwargs: None)", "import makefun",
            "a signature in front of a function"),
        Way("boltons", "FunctionBuilder('area', body=body, args=['width', 'height'], defaults=(2,), kwonlyargs=['scale'],"
            " kwonlydefaults={'scale': 1}).get_func()", "from boltons.funcutils import FunctionBuilder"),
    ),
)  # fmt: skip


def invoice(items: Any, rate: float) -> Any:
    def total(net: float, digits: int = 2) -> float:
        return round(net * (1 + rate), digits)

    return [total(item) for item in items]


def out_of_constants(func: FunctionType, name: str, *values: object) -> FunctionType:
    """What people find when they search for it: the code among the constants, and a new function."""
    for constant in func.__code__.co_consts:
        if isinstance(constant, CodeType) and constant.co_name == name:
            return FunctionType(constant, func.__globals__, name, None, tuple(map(CellType, values)))
    raise LookupError(name)


TAKE_OUT = Task(
    "Take out a nested function, to test it",
    "By hand is a loop over the constants of the outer function's code, and `FunctionType`.",
    lambda: {"recell": recell, "invoice": invoice, "out_of_constants": out_of_constants},
    (
        Way("by hand", "out_of_constants(invoice, 'total', 0.25)", "", "no defaults, no annotations; cells by position", label="a loop over the constants"),
        Way("recell", "recell.inner(invoice, 'total', rate=0.25)", "", "defaults and annotations recovered"),
        Way("innerscope", "innerscope.call(invoice, [], 0.25)['total']", "import innerscope", "runs the outer function"),
    ),
)  # fmt: skip
