"""Globals become free variables: cells appended to a closure, and passed on to the functions nested in it."""

from __future__ import annotations

from types import CodeType

from recell.code.assembler import VERIFY, apply, checked
from recell.code.global_reads import called, exchanged_loads
from recell.code.instructions import found, instruction, opcodes, padded
from recell.code.making import Site, nested_sites
from recell.code.site_edits import with_closure
from recell.code.slots import copying_units, free_base
from recell.code.tables import shift_exceptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from recell.code.assembler import Edit

__all__ = ["add_free_variables", "globals_to_cells", "with_cells"]


def globals_to_cells(code: CodeType, names: Iterable[str]) -> CodeType:
    """Globals that the tree uses become free variables, appended to `co_freevars` in the order given.

    Reads, assignments and deletions go to the cell; nested functions and class bodies that use a name get
    the cell through their closure. Names that are not used are left out: compare `co_freevars`.
    """
    return with_cells(code, tuple(dict.fromkeys(names)))[0]


def with_cells(code: CodeType, names: tuple[str, ...]) -> tuple[CodeType, tuple[str, ...]]:
    """`globals_to_cells`, and the names that became free variables."""
    new = _with_cell(code, names[0]) if len(names) == 1 else None
    if new is not None:
        added = names
    else:
        new, added = _cells(code, names, False)
    return (checked(new) if VERIFY else new), added


def _with_cell(code: CodeType, name: str) -> CodeType | None:
    """`_cells` in the everyday case, kept short; None in every other."""
    known = opcodes()
    freevars = code.co_freevars
    slot = free_base(code) + len(freevars)
    out = exchanged_loads(code, name, known.load_deref, slot) if slot < 255 else None
    if out is None:
        return None
    if known.copy_free_vars < 0:
        return code.replace(co_code=bytes(out), co_freevars=(*freevars, name))
    if out[0] == known.copy_free_vars:
        out[1] += 1
        return code.replace(co_code=bytes(out), co_freevars=(*freevars, name))
    handlers = code.co_exceptiontable
    return code.replace(
        co_code=bytes((known.copy_free_vars, len(freevars) + 1)) + out,
        co_freevars=(*freevars, name),
        co_linetable=known.release.no_location + code.co_linetable,
        co_exceptiontable=shift_exceptions(handlers, 1) if handlers else handlers,
    )


def _cells(code: CodeType, names: tuple[str, ...], inner: bool) -> tuple[CodeType, tuple[str, ...]]:
    """The edited code, and the variables that it gained, in order."""
    known = opcodes()
    raw = code.co_code
    ops, args = raw[::2], raw[1::2]
    all_names = code.co_names
    indexes = {all_names.index(name): name for name in names if name in all_names}
    reads: list[tuple[int, int, int]] = []
    others: list[tuple[int, int, int]] = []
    shift = known.global_shift
    if indexes:
        reads = [hit for hit in found(ops, args, known.load_global) if hit[2] >> shift in indexes]
        for number in known.rare_names:
            if number in ops:
                others += [hit for hit in found(ops, args, number) if hit[2] in indexes]
    own = {indexes[hit[2] >> shift] for hit in reads}
    if others:
        own.update(indexes[hit[2]] for hit in others)
    gained = own
    inside: list[tuple[Site, CodeType, tuple[str, ...]]] = []
    for site in nested_sites(code, ops, args):
        nested, wanted = _cells(site.code, names, True)
        if wanted:
            inside.append((site, nested, wanted))
            gained = gained.union(wanted)
    if not gained:
        return code, ()
    added = names if len(gained) == len(names) else tuple(name for name in names if name in gained)
    freevars = code.co_freevars
    slot_of = {name: slot for slot, name in enumerate(added, free_base(code) + len(freevars))}
    edits: list[Edit] = []
    units = known.global_units
    mask = 1 if shift else 0
    for start, at, argument in reads:
        slot, null = slot_of[indexes[argument >> shift]], argument & mask
        new = padded(called(instruction(known.load_deref, slot), null), at + units - start)
        edits.append((start, at + units, new))
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
    return _appended(code, ops, freevars + shown, edits, fields), added


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
    return [(start, start, loads + instruction(known.build_tuple, len(slots))), with_closure(site)]


def add_free_variables(code: CodeType, names: Iterable[str]) -> CodeType:
    """Free variables that no instruction uses, appended to `co_freevars` (such as `__class__`)."""
    names = tuple(names)
    if not names:
        return code
    return checked(_appended(code, code.co_code[::2], code.co_freevars + names, [], {}))


def _appended(
    code: CodeType, ops: bytes, freevars: tuple[str, ...], edits: list[Edit], fields: dict[str, object]
) -> CodeType:
    """The code with more free variables at the end; where cells are set up by a prologue, it copies them too."""
    known = opcodes()
    head = None
    if known.copy_free_vars >= 0:
        end = copying_units(ops)
        head = (0, end, instruction(known.copy_free_vars, len(freevars), end or 1))
    return apply(code, edits, head, co_freevars=freevars, **fields)
