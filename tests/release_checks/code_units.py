"""Checks of the facts about code units."""

from __future__ import annotations

import dis
import opcode
import sys
import types
from typing import Any

from release_checks.base import WRITTEN, check, code_with, in_child, real, same


@check("jump_unit")
def jump_unit(facts: Any) -> None:
    """A jump's argument times the unit is the distance in bytes."""
    name = "JUMP_FORWARD"
    code = code_with((name, 4), *[("NOP", 0)] * 6, caches={})
    target = next(iter(dis.get_instructions(code))).argval
    same((target - 2) // 4, facts.jump_unit)


@check("padded_arguments")
def padded_arguments(facts: Any) -> None:
    """Only a debug build tells: a release build ignores the padding."""
    if hasattr(sys, "gettotalrefcount") and facts.padded_arguments:
        unit = opcode.opmap["EXTENDED_ARG"]
        in_child(
            "def f(): return 1\n"
            f"code = f.__code__\nf.__code__ = code.replace(co_code=code.co_code[:-2] + bytes(({unit}, 0)) + "
            "code.co_code[-2:], **({'co_linetable': code.co_linetable + b'\\xf8'} if "
            "hasattr(code, 'co_exceptiontable') else {}))\nassert f() == 1\n"
        )
    same(not hasattr(types.CodeType, "co_exceptiontable"), facts.padded_arguments)


@check("caches")
def caches(facts: Any) -> None:
    table = getattr(opcode, "_inline_cache_entries", {})
    if isinstance(table, (list, tuple)):  # by number on 3.11 and 3.12
        table = {dis.opname[number]: units for number, units in enumerate(table)}
    same({name: units for name, units in table.items() if units and name in WRITTEN}, dict(facts.caches))


@check("relative_jumps")
def relative_jumps(facts: Any) -> None:
    same(real(dis.hasjrel), facts.relative_jumps)


@check("absolute_jumps")
def absolute_jumps(facts: Any) -> None:
    same(real(dis.hasjabs), facts.absolute_jumps)


@check("backward_jumps")
def backward_jumps(facts: Any) -> None:
    """`dis` shows which way each jump goes."""
    backward = set()
    for name in real(dis.hasjrel):
        code = code_with(*[("NOP", 0)] * 8, (name, 4), *[("NOP", 0)] * 8, caches=caches_of(name))
        jump = next(each for each in dis.get_instructions(code) if each.opname == name)
        if jump.argval < jump.offset:
            backward.add(name)
    same(backward, facts.backward_jumps)


def caches_of(name: str) -> dict[str, int]:
    """The interpreter's own count of cache units, so that each fact is checked by itself."""
    table = getattr(opcode, "_inline_cache_entries", {})
    if isinstance(table, (list, tuple)):
        return {name: table[opcode.opmap[name]]}
    return {name: table.get(name, 0)}
