"""Where the old text is lost: constants and class attributes follow, as far as their values tell; the rest is told."""

from __future__ import annotations

import types
from typing import Any

import pytest

import recell


def module_of(text: str) -> types.ModuleType:
    module = types.ModuleType("lost")
    exec(compile(text, "lost.py", "exec", dont_inherit=True), vars(module))
    return module


VALUES = [
    ("'S/' + VERSION", "'T/' + VERSION", "T/1"),
    ("'S'", "'T/' + VERSION", "T/1"),
    ("'S/' + VERSION", "'T'", "T"),
    ("f'{VERSION}.0'", "f'{VERSION}.2'", "1.2"),
    ("(1, VERSION)", "(2, VERSION)", (2, "1")),
    ("VERSION", "VERSION * 2", "11"),
    ("VERSION[0]", "VERSION[:1] + 'x'", "1x"),
    ("not VERSION", "VERSION == '1' and 5", 5),
    ("1 if VERSION else 2", "-1 if VERSION else 2", -1),
]


@pytest.mark.parametrize("place", ["{}", "class C:\n {}"], ids=["module", "class"])
@pytest.mark.parametrize(("old", "new", "value"), VALUES)
def test_what_is_made_of_constants_follows(old: str, new: str, value: Any, place: str) -> None:
    """An attribute that is computed from constants alone is one: its value tells whether the text has changed."""
    head = "VERSION = '1'\n"
    module = module_of(head + place.format(f"name = {old}"))
    holder: Any = module.C if "class" in place else module  # type: ignore[attr-defined]
    before = holder.name
    same = recell.reload(module, source=head + place.format(f"name = {old}"))
    assert "nothing to change" in str(same) and not same.unknown and not same.ran
    same.undo()
    report = recell.reload(module, source=head + place.format(f"name = {new}"))
    assert holder.name == value and not report.unknown
    report.undo()
    assert holder.name is before


def test_what_follows_from_a_constant_that_changed() -> None:
    text = "VERSION = '1'\nclass C:\n name = 'S/' + VERSION\n"
    module = module_of(text)
    recell.reload(module, source=text.replace("'1'", "'2'"))
    assert module.C.name == "S/2"


def test_what_the_program_has_bound_stays() -> None:
    """An attribute that functions of the module assign is the program's, and the report says so."""
    text = "VERSION = '1'\nclass C:\n name = 'S/' + VERSION\n def m(self): C.name = 'mine'\n"
    module = module_of(text)
    module.C().m()
    report = recell.reload(module, source=text)
    assert module.C.name == "mine"
    assert "C.name" in dict(report.kept)


@pytest.mark.parametrize("value", ["[1]", "list(VERSION)", "VERSION.upper()", "make()", "{VERSION: 1}"])
def test_what_takes_a_call_is_told(value: str) -> None:
    """Nothing is called and no container made anew to see what a statement would give: the report counts it."""
    text = "VERSION = 'a'\nCALLS = []\ndef make():\n    CALLS.append(1)\n    return 1\n"
    module = module_of(f"{text}class C:\n name = {value}\n")
    calls, before = list(module.CALLS), module.C.name
    report = recell.reload(module, source=f"{text}class C:\n name = {value}\n")
    assert module.C.name is before and module.CALLS == calls
    assert report.unknown and "not compared" in str(report)
