"""What all edits share: the tree of nested functions, the everyday exchange of reads, verification on demand."""

from __future__ import annotations

import os
from types import CodeType

from recell.code.instructions import Site, found, free_base, instruction, opcodes, padded, sites
from recell.compat._release import CLOSURE
from recell.errors import UnsupportedCodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "VERIFY",
    "called",
    "checked",
    "copying_units",
    "exchanged_loads",
    "inherited_slots",
    "left_over",
    "nested_sites",
    "refuse_remade",
    "with_closure",
]

VERIFY = os.environ.get("RECELL_VERIFY") == "1"


def checked(code: CodeType) -> CodeType:
    """An edited code object, verified where RECELL_VERIFY=1 asks for it: edits are right by construction."""
    if VERIFY:
        from recell.verifier.verify import verify

        verify(code)
    return code


def nested_sites(code: CodeType, ops: bytes, args: bytes) -> list[Site]:
    """Where the code makes functions of the code objects among its constants."""
    for constant in code.co_consts:
        if type(constant) is CodeType:
            return sites(code, ops, args)
    return []


def inherited_slots(site: Site, slots: Mapping[int, str]) -> dict[int, str]:
    """Which slots of the nested code are the same variables as some slots of the code that makes it."""
    if not slots:
        return {}
    base = free_base(site.code)
    return {base + i: slots[slot] for i, slot in enumerate(site.slots) if slot in slots}


def with_closure(site: Site) -> tuple[int, int, bytes]:
    """The edit by which MAKE_FUNCTION takes a closure where it took none."""
    known, make = opcodes(), site.make
    if known.set_attribute < 0:
        return make, make + 1, bytes((known.make_function, site.flags | CLOSURE))
    return make, make + 1, bytes((known.make_function, 0, known.set_attribute, CLOSURE))


def refuse_remade(code: CodeType, ops: bytes, args: bytes, slots: Mapping[int, str]) -> None:
    """Raise where the code makes a new cell in the place of one of its free variables.

    CPython 3.12+ compiles that, wrongly, for an inlined comprehension whose own cell has the name of a free
    variable (gh-121377).
    """
    for _, at, argument in found(ops, args, opcodes().make_cell):
        if argument in slots:
            raise left_over(code, at)


def left_over(code: CodeType, unit: int) -> UnsupportedCodeError:
    """The error for an instruction that uses a free variable as no correct compiler does."""
    reason = (
        f"the instruction at offset {2 * unit} uses a free variable in a way that no correct compiler does"
    )
    msg = f"{code!r} cannot be edited: {reason}; rename one of two variables of that name"
    return UnsupportedCodeError(msg, code=repr(code), reason=reason)


def called(loaded: bytes, null: int) -> bytes:
    """A load with the NULL that LOAD_GLOBAL's lowest bit asks for, below or above it."""
    if not null:
        return loaded
    known = opcodes()
    push = bytes((known.push_null, 0))
    return loaded + push if known.release.null_after_callable else push + loaded


def exchanged_loads(code: CodeType, name: str, number: int, argument: int) -> bytearray | None:
    """The code units where a function reads one global, does nothing else with it and has no functions in it.

    The reads become loads of another kind that take no more units. None in every other case, which the general
    edits take care of.
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


def copying_units(ops: bytes) -> int:
    """How many code units COPY_FREE_VARS takes at the start; 0 where there is none."""
    known = opcodes()
    unit = 0
    while ops[unit] == known.extended_arg:
        unit += 1
    return unit + 1 if ops[unit] == known.copy_free_vars else 0
