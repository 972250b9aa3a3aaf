"""Defaults and annotations read from the code that makes a function are what its text says, or unknown: nothing is guessed."""

from __future__ import annotations

import ast
import io
import tokenize
from types import CodeType
from typing import Any, Dict, Iterator, Tuple

import pytest
from corpus.harvest import LIBRARY
from sizes import DEBUG, FULL, pick

from recell.code.instructions import opcodes
from recell.code.making import UNKNOWN, making, plain, sites
from recell.code.tree import is_generic
from recell.compat._release import ANNOTATIONS, DEFAULTS, KWDEFAULTS

EXPRESSIONS = (
    "x",
    "1",
    "'text'",
    "x.y",
    "x or y",
    "x and 'a'",
    "x if y else 1",
    "1 if y else x",
    "1 if x and y else 2",
    "1 if x or y else 2",
    "(1, 2)",
    "[x]",
    "{1: 'a', **x}",
    "[item for item in x if item]",
    "x < y < 3",
    "f'{x}{y!r:>{x}}'",
    "lambda z=x or 1: z",
    "(0 if x else 1, 2 if y else 3)",
)
if DEBUG and not FULL:
    EXPRESSIONS = EXPRESSIONS[::2]
HEADS = ("{}a: {} = {}", "{}*, a: {} = {}", "{}b=1, *, c: {} = {}, d=3", "{}b: 1, a: {}, *c: {}")

Key = Tuple[str, int]


def spelled() -> str:
    """Functions with every pair of these expressions as annotation and default, at each place."""
    lines: list[str] = []
    for head in HEADS:
        for one in EXPRESSIONS:
            for two in EXPRESSIONS:
                lines.append(f"    def f({head.format('', one, two)}) -> None: return a0\n")
                lines.append(f"    y = x\n    def f({head.format('', two, one)}): pass\n")
    lines += [f"    async def g():\n        def f(b=1, *, a={one}): pass\n" for one in EXPRESSIONS]
    lines += [f"    k = lambda: lambda a={one}, b=2: a\n" for one in EXPRESSIONS]
    lines += [f"    def f(a=1, b=({two}, {one}), c=2): pass\n" for one in EXPRESSIONS for two in EXPRESSIONS]
    lines += ["    async def g():\n        def f(a=1, b=[i async for i in x], c=2): pass\n"]
    return "def outer(a0, x, y):\n" + "".join(lines)


def library(count: int) -> Iterator[str]:
    for path in sorted(LIBRARY.glob("*.py"))[:count]:
        with tokenize.open(path) as file:
            yield file.read()


def codes_in(text: str, flags: int = 0) -> Iterator[CodeType]:
    waiting = [compile(text, "<text>", "exec", flags, True)]
    while waiting:
        code = waiting.pop()
        yield code
        waiting += [constant for constant in code.co_consts if type(constant) is CodeType]


def heads_in(text: str) -> Dict[Key, ast.arguments]:
    """The parameters of every function, by name and first line, where these mean one function alone."""
    found: Dict[Key, Any] = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            name = "<lambda>" if isinstance(node, ast.Lambda) else node.name
            line = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
            found[name, line] = None if (name, line) in found else node
    return {key: node for key, node in found.items() if node is not None}


def check_value(value: object, node: ast.expr) -> bool:
    """Whether the reader knows an expression's value; it may, where nothing has to run."""
    if any(isinstance(part, ast.Name) and part.id == "__debug__" for part in ast.walk(node)):
        return False
    if value is UNKNOWN:
        return False
    constant = eval(compile(ast.Expression(node), "<text>", "eval"), {"__builtins__": {}})
    assert (type(value), repr(value)) == (type(constant), repr(constant))
    return True


def walked(node: Any) -> Iterator[ast.AST]:
    """The parts of a function's defaults; what lies in front of a loop that an exception ends cannot be told."""
    for each in (*node.args.defaults, *filter(None, node.args.kw_defaults)):
        yield from ast.walk(each)


def named(name: str, from_cell: bool) -> object:
    return "look up", name


def check(code: CodeType, heads: Dict[Key, Any], annotated: bool = True) -> Tuple[int, int]:
    """How many of the values that a code gives to functions are known, and how many there are."""
    known = whole = 0
    raw = code.co_code
    if is_generic(code):
        return 0, 0  # its defaults are evaluated around it
    for site in sites(code, raw[::2], raw[1::2]):
        node = heads.get((site.code.co_name, site.code.co_firstlineno))
        if node is None:
            continue
        arguments = node.args
        nodes = [*arguments.defaults], [each for each in arguments.kw_defaults if each is not None]
        if site.flags & (DEFAULTS | KWDEFAULTS):
            read = site.defaults()
            assert [len(values) for values in read] == [len(values) for values in nodes]
            for values, expressions in zip(read, nodes):
                whole += len(values)
                known += sum(map(check_value, values.values(), expressions))
                if not any(getattr(part, "is_async", 0) for part in walked(node)):
                    for value, expression in zip(values.values(), expressions):
                        assert value is not UNKNOWN or not isinstance(expression, ast.Constant)
            if plain(*read) is not None:
                assert [*(plain(*read)[0] or ())] == [*read[0].values()]
        if site.flags & ANNOTATIONS and annotated:
            every = [*getattr(arguments, "posonlyargs", ()), *arguments.args, *arguments.kwonlyargs]
            every += [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
            texts = {each.arg: each.annotation for each in every if each.annotation is not None}
            texts["return"] = node.returns
            for name, value in site.annotations(named).items():
                text = texts.get(name)
                if text is None:  # a name that the class mangles
                    continue
                if isinstance(value, tuple) and value[:1] == ("look up",):
                    assert isinstance(text, ast.Name) and text.id == value[1]
                elif not isinstance(value, str) or isinstance(text, ast.Constant):
                    check_value(value, text)
    return known, whole


@pytest.mark.parametrize("annotations", ["evaluated", "text"])
def test_every_kind_of_expression(annotations: str) -> None:
    flags = 0x1000000 if annotations == "text" else 0  # CO_FUTURE_ANNOTATIONS
    if annotations == "text" and opcodes().release.version < (3, 10):
        flags = 0x100000
    text = spelled()
    heads = heads_in(text)
    found = [check(code, heads, not flags) for code in codes_in(text, flags)]
    known, whole = (sum(each) for each in zip(*found))
    assert known > whole // 4


def test_functions_of_the_standard_library() -> None:
    known = whole = 0
    for text in library(pick(10, 400, debug=5)):
        heads = heads_in(text)
        for code in codes_in(text):
            of_one, of_all = check(code, heads)
            known, whole = known + of_one, whole + of_all
    assert known > whole * 0.8


def test_copies_that_a_compiler_makes_of_short_code_agree_or_are_unknown() -> None:
    """Behind a branch the same function may be made twice, each time with another constant."""
    text = "f = lambda x: lambda a=(1 if x else 2): a\ng = lambda x: lambda a=3, *, b=(4 if x else 4): a\n"
    for code in codes_in(text):
        for nested in code.co_consts:
            if type(nested) is CodeType and nested.co_varnames[:1] == ("a",):
                made: Any = making(code, nested)
                positional, keyword = made.defaults()
                assert positional == ({"a": 3} if keyword else {"a": UNKNOWN})


def test_the_place_is_what_the_editor_finds() -> None:
    """Also behind more than 255 constants, and where a code object is a constant that is not made into a function."""
    text = io.StringIO()
    for index in range(300):
        text.write(f"def f{index}(a={index}.5, *, b='{index}'): pass\n")
    module = compile(text.getvalue(), "<text>", "exec")
    found = {site.code: site for site in sites(module, module.co_code[::2], module.co_code[1::2])}
    assert len(found) == 300
    for at, constant in enumerate(module.co_consts):
        if type(constant) is not CodeType:
            continue
        site = found[constant]
        for made in (making(module, constant, at), making(module, constant)):
            assert made is not None
            assert (made.load, made.make, made.end) == (site.load, site.make, site.end)
            assert (made.flags, made.code) == (site.flags, constant)
        expected = ((float(constant.co_name[1:]) + 0.5,), {"b": constant.co_name[1:]})
        assert plain(*site.defaults()) == expected
        if not opcodes().release.qualname_in_code:
            assert site.qualname() == constant.co_name

    def outer() -> Any:
        return "placeholder"

    code = outer.__code__
    inside = module.co_consts[0]
    returning = code.replace(
        co_consts=tuple(inside if item == "placeholder" else item for item in code.co_consts)
    )
    assert making(returning, inside) is None
