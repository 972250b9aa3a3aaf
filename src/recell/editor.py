"""The code editor: names in a code object become constants, cells or globals, and nothing else changes.

Every function here takes a code object and returns one; it never mutates, works on the whole tree (nested
functions, lambdas, comprehensions, class bodies), and returns the very same object where nothing changes.
Free variables are told apart by slot and followed through the closures that the code builds: on 3.12+ one
name can have two slots.
"""

from __future__ import annotations

import os
from types import CodeType

from recell.assembler import apply
from recell.errors import UnsupportedCodeError
from recell.instructions import CLOSURE, Site, found, free_base, instruction, opcodes, padded, sites
from recell.uses import Use, uses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from recell.assembler import Edit

__all__ = [
    "NotConstant",
    "Use",
    "add_free_variables",
    "cells_to_globals",
    "drop_free_variables",
    "globals_to_cells",
    "reads_to_constants",
    "uses",
]


_VERIFY = os.environ.get("RECELL_VERIFY") == "1"


def _checked(code: CodeType) -> CodeType:
    """An edited code object, verified where RECELL_VERIFY=1 asks for it: edits are right by construction."""
    if _VERIFY:
        from recell.verifier import verify

        verify(code)
    return code


class NotConstant(Exception):  # noqa: N818 - a signal between modules, not an error that users see
    """A name cannot become a constant in this code. `reason`: "assigned" (or deleted), or "class body" (which stores it)."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason


# -- to constants -------------------------------------------------------------------------------------------


def reads_to_constants(
    code: CodeType,
    values: Mapping[str, object],
    free: Mapping[str, object] | None = None,
    used: set[str] | None = None,
) -> CodeType:
    """Reads of the globals (or builtins) in `values`, and of the code's own free variables in `free`, load constants.

    `co_freevars` stays, so that one `__code__` store can switch between the two. A name that is not used is
    ignored. Raises NotConstant where a name is assigned or deleted in the tree, or a class body that reads
    it also stores it.

    Args:
        values: global or builtin -> constant.
        free: free variable of the code -> constant.
        used: receives the names that became constants somewhere.
    """
    slots = {}
    if free:
        base = free_base(code)
        slots = {base + i: name for i, name in enumerate(code.co_freevars) if name in free}
    return _checked(_constants(code, values, slots, free or {}, code, set() if used is None else used))


def _constants(
    code: CodeType, values: Mapping[str, object], slots: Mapping[int, str], free: Mapping[str, object], root: CodeType,
    used: set[str],
) -> CodeType:
    known = opcodes()
    raw = code.co_code
    ops, args = raw[::2], raw[1::2]
    names = code.co_names
    indexes = {names.index(name): name for name in values if name in names}
    edits: list[Edit] = []
    constants = list(code.co_consts)
    placed: dict[tuple[bool, str], int] = {}

    def place(name: str, of_cell: bool) -> int:
        index = placed.get((of_cell, name))
        if index is None:
            index = placed[of_cell, name] = len(constants)
            constants.append(free[name] if of_cell else values[name])
            used.add(name)
        return index

    if indexes:
        _refuse(ops, args, (known.store_global, known.delete_global), indexes)
        units, shift = known.global_units, known.global_shift
        for start, at, argument in found(ops, args, known.load_global):
            name = indexes.get(argument >> shift)
            if name is not None:
                loaded = instruction(known.load_const, place(name, False))
                edits.append((start, at + units, padded(_called(loaded, shift and argument & 1), at + units - start)))
        for start, at, argument in found(ops, args, known.load_name):
            if argument in indexes:
                name = indexes[argument]
                if _stored(ops, args, argument):
                    raise NotConstant(name, "class body")
                edits.append((start, at + 1, instruction(known.load_const, place(name, False), at + 1 - start)))
        for start, at, argument in found(ops, args, known.dict_or_globals):
            if argument in indexes:
                name = indexes[argument]
                edits.append((start, at + 1, _instead_of_dict(place(name, False), name, root)))
    if slots:
        _refuse(ops, args, (known.store_deref, known.delete_deref), slots)
        for start, at, argument in found(ops, args, known.load_deref):
            if argument in slots:
                name = slots[argument]
                edits.append((start, at + 1, instruction(known.load_const, place(name, True), at + 1 - start)))
        for start, at, argument in found(ops, args, known.class_deref):
            if argument in slots:
                name = slots[argument]
                if known.load_locals >= 0:
                    edits.append((start, at + 1, _instead_of_dict(place(name, True), name, root)))
                    continue
                if name in names and _stored(ops, args, names.index(name)):
                    raise NotConstant(name, "class body")
                edits.append((start, at + 1, instruction(known.load_const, place(name, True), at + 1 - start)))
    changed = False
    for site in _nested(code, ops, args):
        nested = _constants(site.code, values, _inherited(site, slots), free, root, used)
        if nested is not site.code:
            constants[site.constant] = nested
            changed = True
    if edits:
        edits.sort()
        return apply(code, edits, co_consts=tuple(constants))
    return code.replace(co_consts=tuple(constants)) if changed else code


def _instead_of_dict(constant: int, name: str, root: CodeType) -> bytes:
    """A read that looks in a class's namespace first, its dict on the stack, as a constant."""
    known = opcodes()
    if _stored_in_class(root, name):
        raise NotConstant(name, "class body")
    return bytes((known.pop_top, 0)) + instruction(known.load_const, constant)


def _stored_in_class(code: CodeType, name: str) -> bool:
    raw = code.co_code
    ops, args = raw[::2], raw[1::2]
    if name in code.co_names and _stored(ops, args, code.co_names.index(name)):
        return True
    return any(_stored_in_class(site.code, name) for site in _nested(code, ops, args))


def _stored(ops: bytes, args: bytes, index: int) -> bool:
    """Whether a class body stores (or deletes) a name in its own namespace."""
    known = opcodes()
    return any(
        argument == index
        for number in (known.store_name, known.delete_name)
        for _, _, argument in found(ops, args, number)
    )


def _refuse(ops: bytes, args: bytes, numbers: tuple[int, ...], names: Mapping[int, str]) -> None:
    for number in numbers:
        for _, _, argument in found(ops, args, number):
            if argument in names:
                raise NotConstant(names[argument], "assigned")


def _called(loaded: bytes, null: int) -> bytes:
    """A load with the NULL that LOAD_GLOBAL's lowest bit asks for, below or above it."""
    if not null:
        return loaded
    known = opcodes()
    push = bytes((known.push_null, 0))
    return loaded + push if known.release.null_after_callable else push + loaded


# -- the tree -----------------------------------------------------------------------------------------------


def _nested(code: CodeType, ops: bytes, args: bytes) -> list[Site]:
    for constant in code.co_consts:
        if type(constant) is CodeType:
            return sites(code, ops, args)
    return []


def _inherited(site: Site, slots: Mapping[int, str]) -> dict[int, str]:
    """Which slots of the nested code are the same variables as some slots of the code that makes it."""
    if not slots:
        return {}
    base = free_base(site.code)
    return {base + i: slots[slot] for i, slot in enumerate(site.slots) if slot in slots}


# -- to cells -----------------------------------------------------------------------------------------------


def globals_to_cells(code: CodeType, names: Iterable[str]) -> CodeType:
    """Globals that the tree uses become free variables, appended to `co_freevars` in the order given.

    Reads, assignments and deletions go to the cell; nested functions and class bodies that use a name get
    the cell through their closure. Names that are not used are left out: compare `co_freevars`.
    """
    return _checked(_cells(code, tuple(names), False)[0])


def _cells(code: CodeType, names: tuple[str, ...], inner: bool) -> tuple[CodeType, tuple[str, ...]]:
    """The edited code, and the variables that it gained, in order."""
    known = opcodes()
    raw = code.co_code
    ops, args = raw[::2], raw[1::2]
    all_names = code.co_names
    indexes = {all_names.index(name): name for name in names if name in all_names}
    reads: list[tuple[int, int, int]] = []
    others: list[tuple[int, int, int]] = []
    own: set[str] = set()
    shift = known.global_shift
    if indexes:
        reads = [hit for hit in found(ops, args, known.load_global) if hit[2] >> shift in indexes]
        own.update(indexes[hit[2] >> shift] for hit in reads)
        for number in (known.store_global, known.delete_global, known.load_name, known.dict_or_globals):
            hits = [hit for hit in found(ops, args, number) if hit[2] in indexes]
            own.update(indexes[hit[2]] for hit in hits)
            others += hits
    gained = own
    inside: list[tuple[Site, CodeType, tuple[str, ...]]] = []
    for site in _nested(code, ops, args):
        nested, wanted = _cells(site.code, names, True)
        if wanted:
            inside.append((site, nested, wanted))
            gained = gained.union(wanted)
    if not gained:
        return code, ()
    added = tuple(name for name in names if name in gained) if len(names) > 1 else names
    slot_of = {name: slot for slot, name in enumerate(added, free_base(code) + len(code.co_freevars))}
    edits: list[Edit] = []
    units = known.global_units
    for start, at, argument in reads:
        loaded = instruction(known.load_deref, slot_of[indexes[argument >> shift]])
        edits.append((start, at + units, padded(_called(loaded, shift and argument & 1), at + units - start)))
    for start, at, argument in others:
        edits.append((start, at + 1, _as_deref(ops[at], slot_of[indexes[argument]], at + 1 - start)))
    fields: dict[str, object] = {}
    if inside:
        constants = list(code.co_consts)
        for site, nested, wanted in inside:
            constants[site.constant] = nested
            edits += _longer_closure(site, [slot_of[name] for name in wanted])
        fields["co_consts"] = tuple(constants)
        fields["co_stacksize"] = code.co_stacksize + len(added)
    if edits and (others or inside):
        edits.sort()
    shown = added
    if inner:
        # a local of the same name, where it is only passed on: trace functions of 3.8 to 3.12 write by name
        taken = {*code.co_varnames, *code.co_cellvars, *code.co_freevars}
        shown = tuple("." + name if name in taken and name not in own else name for name in added)
    return _appended(code, ops, args, shown, edits, fields), added


def _as_deref(number: int, slot: int, units: int) -> bytes:
    known = opcodes()
    if number == known.load_name:
        raw = instruction(known.class_deref, slot, units)
        return bytes((known.load_locals, 0)) + raw if known.load_locals >= 0 else raw
    if number == known.dict_or_globals:
        return instruction(known.class_deref, slot, units)
    return instruction(known.store_deref if number == known.store_global else known.delete_deref, slot, units)


def _longer_closure(site: Site, slots: list[int]) -> list[Edit]:
    """A nested function's closure with more cells at its end."""
    known = opcodes()
    loads = b"".join(instruction(known.load_closure, slot) for slot in slots)
    if site.build is not None:
        start, end = site.build
        build = instruction(known.build_tuple, len(site.slots) + len(slots), end - start)
        return [(start, end, loads + build)]
    start, _ = site.load
    edits = [(start, start, loads + instruction(known.build_tuple, len(slots)))]
    make = bytes((known.make_function, site.flags | CLOSURE))
    if known.set_attribute >= 0:
        make = bytes((known.make_function, 0, known.set_attribute, CLOSURE))
    edits.append((site.make, site.make + 1, make))
    return edits


def add_free_variables(code: CodeType, names: Iterable[str]) -> CodeType:
    """Free variables that no instruction uses, appended to `co_freevars` (such as `__class__`)."""
    names = tuple(names)
    if not names:
        return code
    raw = code.co_code
    return _checked(_appended(code, raw[::2], raw[1::2], names, [], {}))


def _appended(
    code: CodeType, ops: bytes, args: bytes, names: tuple[str, ...], edits: list[Edit], fields: dict[str, object]
) -> CodeType:
    """The code with more free variables at the end; where cells are set up by a prologue, it copies them too."""
    known = opcodes()
    freevars = fields["co_freevars"] = code.co_freevars + names
    head = None
    if known.copy_free_vars >= 0:
        end = _copying(ops)
        head = (0, end, instruction(known.copy_free_vars, len(freevars), end or 1))
    return apply(code, edits, head, **fields)


def _copying(ops: bytes) -> int:
    """How many code units COPY_FREE_VARS takes at the start; 0 where there is none."""
    known = opcodes()
    unit = 0
    while ops[unit] == known.extended_arg:
        unit += 1
    return unit + 1 if ops[unit] == known.copy_free_vars else 0


# -- to globals ---------------------------------------------------------------------------------------------


def cells_to_globals(code: CodeType, names: Iterable[str]) -> CodeType:
    """Free variables of the code become globals; their names leave `co_freevars`, the order of the rest stays."""
    return _checked(_without(code, _own_slots(code, names), True))


def drop_free_variables(code: CodeType, names: Iterable[str]) -> CodeType:
    """Free variables that no instruction of the tree uses any more leave `co_freevars` and every closure built.

    A name whose cell is still read or written somewhere stays.
    """
    slots = _own_slots(code, names)
    used = _used(code, slots)
    return _checked(_without(code, {slot: name for slot, name in slots.items() if name not in used}, False))


def _own_slots(code: CodeType, names: Iterable[str]) -> dict[int, str]:
    wanted = set(names)
    base = free_base(code)
    return {base + i: name for i, name in enumerate(code.co_freevars) if name in wanted}


def _used(code: CodeType, slots: Mapping[int, str]) -> set[str]:
    known = opcodes()
    raw = code.co_code
    ops, args = raw[::2], raw[1::2]
    used = {
        slots[argument]
        for number in (known.load_deref, known.store_deref, known.delete_deref, known.class_deref)
        for _, _, argument in found(ops, args, number)
        if argument in slots
    }
    for site in _nested(code, ops, args):
        inherited = _inherited(site, slots)
        if inherited:
            used |= _used(site.code, inherited)
    return used


def _without(code: CodeType, slots: Mapping[int, str], to_globals: bool) -> CodeType:
    """The code without these of its free variables; what still uses them reads and writes globals."""
    if not slots:
        return code
    known = opcodes()
    raw = code.co_code
    ops, args = raw[::2], raw[1::2]
    names, constants = list(code.co_names), list(code.co_consts)
    edits: list[Edit] = []

    def index(name: str) -> int:
        if name not in names:
            names.append(name)
        return names.index(name)

    closures = _nested(code, ops, args)
    for site in closures:
        inherited = _inherited(site, slots)
        if inherited:
            constants[site.constant] = _without(site.code, inherited, to_globals)
            edits += _shorter_closure(site, slots, args)
    edits += _shorter_loads(code, ops, args, slots, closures)
    for number in known.slot_opcodes - known.closure_loads:
        for start, at, slot in found(ops, args, number):
            if slot not in slots:
                moved = slot - sum(gone < slot for gone in slots)
                if moved != slot:
                    edits.append((start, at + 1, instruction(number, moved, at + 1 - start)))
            elif not to_globals:
                raise _left_over(code, at)
            elif number == known.load_deref:
                edits.append(_global_load(ops, args, start, at, index(slots[slot])))
            else:
                edits.append((start, at + 1, _as_global(number, index(slots[slot]), at + 1 - start)))
    if known.copy_free_vars >= 0:
        end = _copying(ops)
        left = len(code.co_freevars) - len(slots)
        if end:
            edits.append((0, end, instruction(known.copy_free_vars, left, end) if left else b""))
    base = free_base(code)
    freevars = tuple(name for i, name in enumerate(code.co_freevars, base) if i not in slots)
    return apply(
        code,
        sorted(edits),
        co_consts=tuple(constants),
        co_names=tuple(names),
        co_freevars=freevars,
    )


def _as_global(number: int, index: int, units: int) -> bytes:
    known = opcodes()
    if number == known.class_deref:
        other = known.dict_or_globals if known.dict_or_globals >= 0 else known.load_name
    else:
        other = known.store_global if number == known.store_deref else known.delete_global
    return instruction(other, index, units)


def _global_load(ops: bytes, args: bytes, start: int, at: int, index: int) -> Edit:
    """LOAD_DEREF as LOAD_GLOBAL; the slack that `globals_to_cells` stepped over is taken back."""
    known = opcodes()
    end, null = at + 1, 0
    if known.global_units > 1:
        ahead, behind = (start - 1, at + 1) if not known.release.null_after_callable else (start, at + 2)
        for with_null, first, jump in ((0, start, at + 1), (1, ahead, behind)):
            rest = args[jump] if jump < len(ops) and ops[jump] == known.jump_forward else 0
            units = jump + 1 + rest - first
            slack = ops[jump + 1 : jump + 1 + rest]
            pushed = not with_null or ops[start - 1 if first < start else at + 1] == known.push_null
            if rest and units >= known.global_units and slack == bytes((known.nop,)) * rest and pushed:
                start, end, null = first, first + units, with_null
                break
    argument = index << known.global_shift | null
    raw = instruction(known.load_global, argument, end - start - known.global_units + 1 if end > at + 1 else at + 1 - start)
    return start, end, raw + b"\0\0" * (known.global_units - 1)


def _shorter_closure(site: Site, slots: Mapping[int, str], args: bytes) -> list[Edit]:
    """A nested function's closure without some slots of the code that makes it, the loads themselves left."""
    known = opcodes()
    left = sum(slot not in slots for slot in site.slots)
    assert site.build is not None
    start, end = site.build
    edits: list[Edit] = [(start, end, instruction(known.build_tuple, left, end - start) if left else b"")]
    if not left:
        unit = site.make
        if known.set_attribute < 0:
            edits.append((unit, unit + 1, bytes((known.make_function, site.flags & ~CLOSURE))))
        else:
            while args[unit] != CLOSURE:
                unit += 1
            edits.append((unit, unit + 1, b""))
    return edits


def _shorter_loads(
    code: CodeType, ops: bytes, args: bytes, slots: Mapping[int, str], closures: list[Site]
) -> list[Edit]:
    """The loads of cells for closures: those of these slots go, those of slots behind them are renumbered."""
    known = opcodes()
    going = {at for site in closures for slot, (_, at, _) in zip(site.slots, site.loads) if slot in slots}

    def moved(slot: int) -> int:
        return slot - sum(gone < slot for gone in slots)

    edits: list[Edit] = []
    for number in known.slot_loads:
        for start, at, slot in found(ops, args, number):
            if slot not in slots:
                if moved(slot) != slot:
                    edits.append((start, at + 1, instruction(number, moved(slot), at + 1 - start)))
            elif at in going:
                edits.append((start, at + 1, b""))
            else:
                raise _left_over(code, at)
    for number, single in known.closure_pairs.items():
        for start, at, pair in found(ops, args, number):
            kept = [slot for slot in (pair >> 4, pair & 15) if slot not in slots]
            if len(kept) == 2:
                raw = instruction(number, moved(kept[0]) << 4 | moved(kept[1]))
            elif at in going:
                raw = b"".join(instruction(single, moved(slot)) for slot in kept)
            else:
                raise _left_over(code, at)
            if raw != bytes((number, pair)):
                edits.append((start, at + 1, raw))
    return edits


def _left_over(code: CodeType, unit: int) -> UnsupportedCodeError:
    reason = f"the instruction at offset {2 * unit} uses a free variable in a way that no compiler does"
    msg = f"{code!r} cannot be edited: {reason}; only code that CPython compiled can be"
    return UnsupportedCodeError(msg, code=repr(code), reason=reason)
