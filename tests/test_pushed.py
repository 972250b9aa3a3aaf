"""Defaults and annotations read from the code that makes a function: what constants and names gave, and nothing guessed."""

from __future__ import annotations

import sys

import pytest
from assembling import RELEASE, assemble

import recell
from recell.code.operand_stack import Stack

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


def stack(*instructions, **fields):
    """What lies on the stack behind these instructions."""
    code = assemble(*instructions, "RETURN_VALUE", **fields)
    unit = len(code.co_code) // 2 - 1
    return Stack(code, code.co_code[::2], code.co_code[1::2], unit)


CONSTS = {"co_consts": (1, 2, ("a", "b"), "name")}


def test_displays_of_constants():
    """A tuple of constants, built or loaded, and dicts with constant keys."""
    one, two = ("LOAD_CONST", 0), ("LOAD_CONST", 1)
    assert stack(one, two, ("BUILD_TUPLE", 2), **CONSTS).items(0) == [1, 2]
    assert stack(("LOAD_CONST", 2), one, **CONSTS).items(1) == ["a", "b"]
    assert stack(("LOAD_CONST", 3), one, ("BUILD_MAP", 1), **CONSTS).mapping(0) == {"name": 1}
    if "BUILD_CONST_KEY_MAP" in RELEASE.const_opcodes or sys.version_info < (3, 14):
        keyed = (one, two, ("LOAD_CONST", 2), ("BUILD_CONST_KEY_MAP", 2))
        assert stack(*keyed, **CONSTS).mapping(0) == {"a": 1, "b": 2}


def test_what_is_no_display():
    """Nothing is on the stack, or something else: no items, and no guess."""
    assert stack(**CONSTS).items(0) is None
    assert stack(**CONSTS).mapping(0) == {}
    assert stack(("LOAD_CONST", 0), **CONSTS).items(0) is None
    assert stack(("LOAD_CONST", 0), **CONSTS).mapping(0) == {}
    # a value that was there before what was looked at
    below = stack(("LOAD_CONST", 2), "POP_TOP", **CONSTS)
    assert below.items(0) is None and below.mapping(0) == {}
