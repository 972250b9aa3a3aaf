"""Reads of names become loads of constants, in place: nothing moves."""

from __future__ import annotations

from types import CodeType

from recell.code.assembler import VERIFY, apply, checked
from recell.code.global_reads import called, exchanged_loads
from recell.code.instructions import found, instruction, opcodes, padded
from recell.code.making import nested_sites
from recell.code.slots import free_slots, inherited_slots, refuse_remade

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from recell.code.assembler import Edit

__all__ = ["NotConstant", "reads_to_constants"]


class NotConstant(Exception):  # noqa: N818 - a signal between modules, not an error that users see
    """A name cannot become a constant in this code.

    `reason`: "assigned" (or deleted), or "class body", which stores the name in its own namespace.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason


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
    if len(values) == 1 and not free:
        for name, value in values.items():
            out = exchanged_loads(code, name, opcodes().load_const, len(code.co_consts))
            if out is not None:
                if used is not None:
                    used.add(name)
                new = code.replace(co_code=bytes(out), co_consts=(*code.co_consts, value))
                return checked(new) if VERIFY else new
    slots = free_slots(code, free) if free else {}
    return checked(_constants(code, values, slots, free or {}, code, set() if used is None else used))


def _constants(
    code: CodeType,
    values: Mapping[str, object],
    slots: Mapping[int, str],
    free: Mapping[str, object],
    root: CodeType,
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

    def exchange(start: int, at: int, name: str, of_cell: bool) -> None:
        edits.append((start, at + 1, instruction(known.load_const, place(name, of_cell), at + 1 - start)))

    if indexes:
        for number in (known.store_global, known.delete_global):
            if number in ops:
                _refuse(ops, args, number, indexes)
        units, shift = known.global_units, known.global_shift
        for start, at, argument in found(ops, args, known.load_global):
            name = indexes.get(argument >> shift)
            if name is not None:
                loaded = instruction(known.load_const, place(name, False))
                edits.append(
                    (start, at + units, padded(called(loaded, shift and argument & 1), at + units - start))
                )
        for start, at, argument in found(ops, args, known.load_name) if known.load_name in ops else ():
            if argument in indexes:
                name = indexes[argument]
                if _stored(ops, args, argument):
                    raise NotConstant(name, "class body")
                exchange(start, at, name, False)
        for start, at, argument in found(ops, args, known.dict_or_globals):
            if argument in indexes:
                name = indexes[argument]
                edits.append((start, at + 1, _instead_of_dict(place(name, False), name, root)))
    if slots:
        refuse_remade(code, ops, args, slots)
        for number in (known.store_deref, known.delete_deref):
            if number in ops:
                _refuse(ops, args, number, slots)
        for start, at, argument in found(ops, args, known.load_deref):
            if argument in slots:
                exchange(start, at, slots[argument], True)
        for start, at, argument in found(ops, args, known.class_deref):
            if argument in slots:
                name = slots[argument]
                if known.load_locals >= 0:
                    edits.append((start, at + 1, _instead_of_dict(place(name, True), name, root)))
                    continue
                if name in names and _stored(ops, args, names.index(name)):
                    raise NotConstant(name, "class body")
                exchange(start, at, name, True)
    changed = False
    for site in nested_sites(code, ops, args):
        nested = _constants(site.code, values, inherited_slots(site, slots), free, root, used)
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
    return any(_stored_in_class(site.code, name) for site in nested_sites(code, ops, args))


def _stored(ops: bytes, args: bytes, index: int) -> bool:
    """Say whether a class body stores (or deletes) a name in its own namespace."""
    known = opcodes()
    return any(
        argument == index
        for number in (known.store_name, known.delete_name)
        for _, _, argument in found(ops, args, number)
    )


def _refuse(ops: bytes, args: bytes, number: int, names: Mapping[int, str]) -> None:
    for _, _, argument in found(ops, args, number):
        if argument in names:
            raise NotConstant(names[argument], "assigned")
