"""Defaults and annotations read from the code that makes a function: what constants and names gave, and nothing guessed."""

from __future__ import annotations

import sys

import pytest
from assembling import RELEASE, assemble

import recell
from recell.code.operands import UNKNOWN, Operands

TEXT = """
def top(kind):
    def outer(flag):
        def plain(a: int, b: "text", c: kind): pass
        def computed(a: int, b: [int], c: kind, *, d: str = 1): pass
        def chosen(a: int, b: (int if flag else str), c: kind = 2): pass
        class Body:
            def method(self, b: [int], c: str): pass
        return plain, computed, chosen
    return outer
"""


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="annotations are evaluated on demand")
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("plain", {"a": int, "b": "text", "c": float}),
        ("computed", {"a": int, "c": float, "d": str}),
        ("chosen", {"a": int, "c": float}),
        ("Body.method", {"c": str}),
    ],
)
def test_annotations_that_need_not_run(path, expected):
    """A function taken out of one that did not run has the annotations that are constants and names with values."""
    space = {"__name__": "pushed"}
    exec(compile(TEXT, "pushed", "exec", dont_inherit=True), space)
    found = recell.inner(space["top"](float), path)
    assert found.__annotations__ == expected


def operands(*instructions, **fields):
    """The values behind these instructions, and the unit behind them."""
    code = assemble(*instructions, "RETURN_VALUE", **fields)
    return Operands(code), len(code.co_code) // 2 - 1


CONSTS = {"co_consts": (1, 2, ("a", "b"), "name")}


def test_displays_of_constants():
    """A tuple of constants, built or loaded, and dicts with constant keys."""
    one, two = ("LOAD_CONST", 0), ("LOAD_CONST", 1)
    found, end = operands(one, two, ("BUILD_TUPLE", 2), **CONSTS)
    assert found.tuple(end) == [1, 2]
    found, end = operands(("LOAD_CONST", 2), one, **CONSTS)
    assert found.tuple(found.start(end)) == ["a", "b"]
    found, end = operands(("LOAD_CONST", 3), one, ("BUILD_MAP", 1), **CONSTS)
    assert found.mapping(end) == {"name": 1}
    if "BUILD_CONST_KEY_MAP" in RELEASE.const_opcodes or sys.version_info < (3, 14):
        found, end = operands(one, two, ("LOAD_CONST", 2), ("BUILD_CONST_KEY_MAP", 2), **CONSTS)
        assert found.mapping(end) == {"a": 1, "b": 2}


def test_other_expressions():
    """Something else: no items, and no guess."""
    found, end = operands(("LOAD_CONST", 0), **CONSTS)
    assert found.tuple(end) is None and found.mapping(end) is None
    assert found.values(end, 3)[:2] == [UNKNOWN, UNKNOWN]


def test_an_empty_stack_has_no_values():
    found, end = operands("NOP", **CONSTS)
    assert found.start(end) is None
    assert found.values(end, 2) == [UNKNOWN, UNKNOWN]
