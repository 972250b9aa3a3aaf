"""Reads of a name where only the very object will do: compared by `is`, caught, raised, matched against."""

from __future__ import annotations

import opcode
from opcode import opname
from typing import TYPE_CHECKING

from recell.code.assembler import apply, checked
from recell.code.global_reads import called
from recell.code.instructions import found, instruction, opcodes, padded
from recell.code.making import nested_sites
from recell.code.slots import free_slots, inherited_slots

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from types import CodeType

    from recell.code.assembler import Edit

__all__ = ["identities_to_constants"]

# what asks for the identity of one of the values that it takes, and how many those are (RAISE_VARARGS: its argument)
_ASKING = {"IS_OP": 2, "CHECK_EXC_MATCH": 1, "JUMP_IF_NOT_EXC_MATCH": 2, "MATCH_CLASS": 3, "RAISE_VARARGS": 0}
_CATCHING = {"CHECK_EXC_MATCH", "JUMP_IF_NOT_EXC_MATCH"}
_COMPARED = {"is": False, "is not": False, "exception match": True}  # operators of COMPARE_OP before 3.9
_SILENT = {"NOP", "EXTENDED_ARG", "CACHE", "RESUME", "NOT_TAKEN"}


def identities_to_constants(
    code: CodeType, names: Collection[str], constant: Callable[[str], object]
) -> CodeType:
    """Return the code with these reads of some globals and free variables, nested ones too, as loads of constants.

    Args:
        code: where the names are read.
        names: the names.
        constant: makes the constant for a name.
    """
    return _edited(code, names, free_slots(code, names), constant)


def _edited(
    code: CodeType, names: Collection[str], slots: Mapping[int, str], constant: Callable[[str], object]
) -> CodeType:
    known, raw = opcodes(), code.co_code
    ops, args = raw[::2], raw[1::2]
    reads: list[tuple[int, int, str, int]] = []
    shift = known.global_shift
    for start, at, argument in found(ops, args, known.load_global):
        name = code.co_names[argument >> shift]
        if name in names:
            reads.append((start, at + known.global_units, name, shift and argument & 1))
    if slots:
        for start, at, argument in found(ops, args, known.load_deref):
            if argument in slots:
                reads.append((start, at + 1, slots[argument], 0))
    constants = list(code.co_consts)
    edits: list[Edit] = []
    for start, end, name, null in sorted(reads):
        if _asks_for_identity(ops, args, end):
            load = called(instruction(known.load_const, len(constants)), null)
            constants.append(constant(name))
            edits.append((start, end, padded(load, end - start)))
    changed = bool(edits)
    for site in nested_sites(code, ops, args):
        nested = _edited(site.code, names, inherited_slots(site, slots), constant)
        if nested is not site.code:
            constants[site.constant] = nested
            changed = True
    return checked(apply(code, edits, co_consts=tuple(constants))) if changed else code


def _asks_for_identity(ops: bytes, args: bytes, unit: int) -> bool:
    """Return whether what a load in front of a unit has pushed is taken by an instruction that asks for identity."""
    height, in_tuple, argument, jumps = 0, False, 0, opcodes().jumps
    operators: tuple[str, ...] = opcode.cmp_op  # six, where identity and catching have opcodes of their own
    while unit < len(ops):
        number, argument = ops[unit], argument << 8 | args[unit]
        name = opname[number]
        unit += 1 + opcodes().caches[number]
        if name == "EXTENDED_ARG":
            continue
        given, argument = argument, 0
        if name in _SILENT:
            continue
        takes, catches = _ASKING.get(name, -1), name in _CATCHING
        if name == "RAISE_VARARGS":
            takes = given
        elif name == "COMPARE_OP" and len(operators) > 6:
            operator = operators[given]
            takes, catches = 2 if operator in _COMPARED else -1, _COMPARED.get(operator, False)
        if takes > height:
            return catches or not in_tuple
        if name == "BUILD_TUPLE" and height < given:
            height, in_tuple = 0, True
            continue
        if number in jumps:
            return False
        effect = opcode.stack_effect(number, given if number >= opcode.HAVE_ARGUMENT else None, jump=False)
        loads = (
            name.startswith("LOAD_") and "ATTR" not in name and "METHOD" not in name
        ) or name == "PUSH_NULL"
        if not loads and (not height or height + effect <= 0):
            return False
        height += effect
    return False
