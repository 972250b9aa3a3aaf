"""Reads of a global, exchanged for loads of another kind that take no more units."""

from __future__ import annotations

from types import CodeType

from recell.code.instructions import instruction, opcodes, padded

__all__ = ["called", "exchanged_loads"]


def called(loaded: bytes, null: int) -> bytes:
    """Return a load with the NULL that LOAD_GLOBAL's lowest bit asks for, below or above it."""
    if not null:
        return loaded
    known = opcodes()
    push = bytes((known.push_null, 0))
    return loaded + push if known.release.null_after_callable else push + loaded


def exchanged_loads(code: CodeType, name: str, number: int, argument: int) -> bytearray | None:
    """Return the code units of a function that reads one global with the reads exchanged, in the everyday case.

    It does nothing else with the global, has no functions in it, and the new loads take no more units. None in every
    other case, which the general edits take care of; for this one they cost a third more than all of `promote` may.
    """
    known = opcodes()
    names, raw = code.co_names, code.co_code
    if name not in names:
        return None
    index, shift, units = names.index(name), known.global_shift, known.global_units
    ops, args = raw[::2], raw[1::2]
    if index > 255 >> shift or ops[0] == known.extended_arg:
        return None
    for rare in known.rare_names:
        if rare in ops:
            return None
    for constant in code.co_consts:
        if type(constant) is CodeType:
            return None
    loads = known.loads.get((number, argument))
    if loads is None:
        load = instruction(number, argument)
        loads = [padded(called(load, null), units) for null in range(2 if shift else 1)]
        if len(loads[-1]) > 2 * units:
            return None
        if argument < 256:
            known.loads[number, argument] = loads
    out = bytearray(raw)
    at = ops.find(known.load_global)
    done = False
    while at >= 0:
        if args[at] >> shift == index:
            if at and ops[at - 1] == known.extended_arg:
                return None
            out[2 * at : 2 * (at + units)] = loads[args[at] & shift]
            done = True
        at = ops.find(known.load_global, at + units)
    return out if done else None
