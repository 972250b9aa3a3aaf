"""Statements with branches, wherever they stand: also the last ones, whose branches the compiler ends one by one."""

from __future__ import annotations

import itertools
import types
from typing import Any, Dict, List, Tuple

import pytest

import recell

HEAD = "YES = 1\nNO = 0\n"
SHAPES: List[Tuple[str, Tuple[str, ...]]] = [
    ("name = {} if {} else {}", ("1", "YES", "2")),
    ("name = {} and {}", ("YES", "2")),
    ("name = {} or {}", ("NO", "2")),
    ("if {}:\n name = {}\nelse:\n name = {}", ("YES", "1", "2")),
    ("if {}:\n name = {}\nelse:\n other = {}", ("YES", "1", "2")),
    ("if {}:\n name = 1\nelif YES:\n other = {}\nelse:\n third = {}", ("NO", "2", "3")),
    ("if {}:\n if YES:\n  name = {}\n else:\n  other = 1\nelse:\n third = {}", ("YES", "2", "3")),
    ("try:\n name = {}\n len({})\nexcept TypeError:\n other = {}", ("1", "'a'", "2")),
    ("try:\n name = {}\nfinally:\n other = {}", ("1", "2")),
    ("while {}:\n name = {}\n break\nelse:\n other = {}", ("YES", "1", "2")),
    ("for each in ({},):\n if each:\n  name = {}\n  break\nelse:\n other = {}", ("YES", "1", "2")),
    ("def f(): return {}\nif {}:\n g = f\nelse:\n def g(): return {}", ("1", "NO", "2")),
]
VALUES = {"YES": "NO", "NO": "YES", "'a'": "5"}


def edits() -> List[Tuple[str, str]]:
    """Each shape with one of its parts changed, alone and before another statement."""
    found = []
    for shape, parts in SHAPES:
        for at, tail in itertools.product(range(len(parts)), ("", "\nlast = 2", "\nlast = len('abc')")):
            other = list(parts)
            other[at] = VALUES.get(parts[at], parts[at] + "5")
            found.append((shape.format(*parts) + tail, shape.format(*other) + tail))
    return found


def names(holder: Any) -> Dict[str, Any]:
    return {
        name: value() if callable(value) else value
        for name, value in vars(holder).items()
        if not name.startswith("__") and name not in ("C", "f")
    }


def module_of(text: str) -> types.ModuleType:
    module = types.ModuleType("branching")
    exec(compile(text, "branching.py", "exec", dont_inherit=True), vars(module))
    return module


@pytest.mark.parametrize("in_class", [False, True], ids=["module", "class"])
@pytest.mark.parametrize("backwards", [False, True], ids=["there", "back"])
def test_every_part_of_a_branching_statement(in_class: bool, backwards: bool) -> None:
    """What is bound is what a fresh import binds; what only the old branch bound goes, or the report names it."""
    for pair in edits():
        old, new = (
            HEAD + ("class C:\n  base = 1\n  " + text.replace("\n", "\n  ") if in_class else text)
            for text in (pair[::-1] if backwards else pair)
        )
        module, fresh = module_of(old), module_of(new)
        holder, expected = (one.C if in_class else one for one in (module, fresh))
        before = names(holder)
        report = recell.reload(module, source=new, was=old)
        told = {name.rpartition(".")[2] for name, _ in report.kept} - names(expected).keys()
        now = {name: value for name, value in names(holder).items() if name not in told}
        assert now == names(expected), (old, new, str(report))
        assert not in_class or not told, (old, new, str(report))
        report.undo()
        assert names(holder) == before, (old, new)
