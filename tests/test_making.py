"""Defaults and annotations read backwards say what following every instruction in front of them says, or nothing."""

from __future__ import annotations

import io
import tokenize
from types import CodeType
from typing import Any, Iterator

import pytest
from corpus.harvest import LIBRARY
from sizes import DEBUG, FULL, pick

from recell.code.instructions import opcodes, sites
from recell.code.making import (
    ANNOTATE,
    ANNOTATIONS,
    DEFAULTS,
    KWDEFAULTS,
    Making,
    first_of,
    making,
    place,
    plain_defaults,
)
from recell.code.operand_stack import Stack

EXPRESSIONS = (
    "x",
    "1",
    "'text'",
    "x.y",
    "x or y",
    "x and 'a'",
    "x if y else 1",
    "1 if y else x",
    "(1, 2)",
    "[x]",
)
if DEBUG and not FULL:
    EXPRESSIONS = EXPRESSIONS[::2]
HEADS = ("{}a: {} = {}", "{}*, a: {} = {}", "{}b=1, *, c: {} = {}, d=3", "{}b: 1, a: {}, *c: {}")


def spelled() -> str:
    """Functions with every pair of these expressions as annotation and default, at each place."""
    lines: list[str] = []
    for head in HEADS:
        for one in EXPRESSIONS:
            for two in EXPRESSIONS:
                lines.append(f"    def f({head.format('', one, two)}) -> None: return a0\n")
                lines.append(f"    y = x\n    def f({head.format('', two, one)}): pass\n")
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


def named(name: str, from_cell: bool) -> object:
    return name, from_cell


def check(code: CodeType) -> tuple[int, int]:
    """How many of the functions that a code makes are read both ways, and how many there are with something to read."""
    read = whole = 0
    raw = code.co_code
    for site in sites(code, raw[::2], raw[1::2]):
        made = Making(code, site.code, raw, site.load[0], site.make)
        first = first_of(raw, made.load, made.flags)
        if made.flags & (DEFAULTS | KWDEFAULTS):
            whole += 1
            plain = made.plain_defaults()
            if plain is not None:
                read += 1
                positional, keyword = made.defaults()
                assert (plain[0] or ()) == tuple(positional.values())
                assert (plain[1] or {}) == keyword
            if not made.flags & (ANNOTATIONS | ANNOTATE):
                assert plain_defaults(code, raw, first, made.flags) == plain
        if made.flags & ANNOTATIONS:
            whole += 1
            unit, annotations = made._plain_annotations(named)
            if unit >= 0:
                read += 1
                assert annotations == Stack(code, made.ops, made.args, first, named).annotations()
        if made.flags & ANNOTATE:
            lazy: Any = made.annotate()
            assert lazy.nested.co_name in ("__annotate__", "__annotate_func__")
            assert lazy.end == first
    return read, whole


@pytest.mark.parametrize("annotations", ["evaluated", "text"])
def test_every_kind_of_expression(annotations: str) -> None:
    flags = 0x1000000 if annotations == "text" else 0  # CO_FUTURE_ANNOTATIONS
    if annotations == "text" and opcodes().release.version < (3, 10):
        flags = 0x100000
    for code in codes_in(spelled(), flags):
        read, whole = check(code)
        assert not whole or read > whole // 10


def test_functions_of_the_standard_library() -> None:
    read = whole = 0
    for text in library(pick(25, 400, debug=8)):
        for code in codes_in(text):
            of_one, of_all = check(code)
            read, whole = read + of_one, whole + of_all
    assert read > whole * 0.8


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
        seen: Any = place(module, constant, at)
        assert seen == place(module, constant)
        assert (seen[1], seen[2]) == (found[constant].load[0], found[constant].make)
        made: Any = making(module, constant)
        assert (made.flags, made.load, made.make) == (seen[3], seen[1], seen[2])
        assert made.plain_defaults() == ((float(constant.co_name[1:]) + 0.5,), {"b": constant.co_name[1:]})
        assert seen[4] in (None, constant.co_name)

    def outer() -> Any:
        return "placeholder"

    code = outer.__code__
    inside = module.co_consts[0]
    returning = code.replace(
        co_consts=tuple(inside if item == "placeholder" else item for item in code.co_consts)
    )
    assert making(returning, inside) is None
