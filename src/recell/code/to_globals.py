"""Free variables become globals, or go where nothing uses them any more."""

from __future__ import annotations

from types import CodeType

from recell.code.assembler import apply, checked
from recell.code.instructions import found, instruction, opcodes
from recell.code.making import Site, nested_sites
from recell.code.slots import (
    copying_units,
    free_base,
    free_slots,
    inherited_slots,
    left_over,
    refuse_remade,
)
from recell.compat._release import CLOSURE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from recell.code.assembler import Edit

__all__ = ["cells_to_globals", "drop_free_variables"]


def cells_to_globals(code: CodeType, names: Iterable[str]) -> CodeType:
    """Free variables of the code become globals; their names leave `co_freevars`, the order of the rest stays."""
    return checked(_without(code, free_slots(code, names)))


def drop_free_variables(code: CodeType, names: Iterable[str]) -> CodeType:
    """Free variables that no instruction of the tree uses any more leave `co_freevars` and every closure built.

    A name whose cell is still read or written somewhere stays.
    """
    slots = free_slots(code, names)
    used = _used(code, slots)
    return checked(_without(code, {slot: name for slot, name in slots.items() if name not in used}))


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
    for site in nested_sites(code, ops, args):
        inherited = inherited_slots(site, slots)
        if inherited:
            used |= _used(site.code, inherited)
    return used


def _without(code: CodeType, slots: Mapping[int, str]) -> CodeType:
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

    refuse_remade(code, ops, args, slots)
    closures = nested_sites(code, ops, args)
    for site in closures:
        inherited = inherited_slots(site, slots)
        if inherited:
            constants[site.constant] = _without(site.code, inherited)
            edits += _shorter_closure(site, slots, args)
    edits += _shorter_loads(code, ops, args, slots, closures)
    for number in known.slot_opcodes - known.closure_loads:
        for start, at, slot in found(ops, args, number):
            if slot not in slots:
                edits += _renumbered(number, slot, slots, start, at)
            elif number == known.load_deref:
                edits.append(_global_load(ops, args, start, at, index(slots[slot])))
            else:
                edits.append((start, at + 1, _as_global(number, index(slots[slot]), at + 1 - start)))
    head = None
    if known.copy_free_vars >= 0:
        end = copying_units(ops)
        left = len(code.co_freevars) - len(slots)
        if end:
            head = (0, end, instruction(known.copy_free_vars, left, end) if left else b"")
    base = free_base(code)
    freevars = tuple(name for i, name in enumerate(code.co_freevars, base) if i not in slots)
    return apply(
        code,
        sorted(edits),
        head,
        co_consts=tuple(constants),
        co_names=tuple(names),
        co_freevars=freevars,
    )


def _moved(slot: int, slots: Mapping[int, str]) -> int:
    """The number of a slot that stays, after some slots went."""
    return slot - sum(gone < slot for gone in slots)


def _renumbered(number: int, slot: int, slots: Mapping[int, str], start: int, at: int) -> list[Edit]:
    moved = _moved(slot, slots)
    return [] if moved == slot else [(start, at + 1, instruction(number, moved, at + 1 - start))]


def _as_global(number: int, index: int, units: int) -> bytes:
    known = opcodes()
    if number == known.class_deref:
        other = known.dict_or_globals if known.dict_or_globals >= 0 else known.load_name
    else:
        other = known.store_global if number == known.store_deref else known.delete_global
    return instruction(other, index, units)


def _global_load(ops: bytes, args: bytes, start: int, at: int, index: int) -> Edit:
    """LOAD_DEREF as LOAD_GLOBAL; the slack that `globals_to_cells` stepped over is undone."""
    known = opcodes()
    caches = b"\0\0" * (known.global_units - 1)
    argument = index << known.global_shift
    if caches:
        behind = at + 1 if known.release.null_after_callable else start - 1
        for null, first, jump in ((0, start, at + 1), (1, min(start, behind), max(at, behind) + 1)):
            if null and ops[behind] != known.push_null:
                break
            end = _slack_end(ops, args, jump)
            if end - first >= known.global_units:
                width = end - first - known.global_units + 1
                return first, end, instruction(known.load_global, argument | null, width) + caches
    return start, at + 1, instruction(known.load_global, argument, at + 1 - start) + caches


def _slack_end(ops: bytes, args: bytes, jump: int) -> int:
    """Return the target of a jump over nothing but padding; the jump's own place where it is something else."""
    known = opcodes()
    if jump >= len(ops) or ops[jump] != known.jump_forward:
        return jump
    end = jump + 1 + args[jump]
    return end if ops[jump + 1 : end] == bytes((known.nop,)) * args[jump] else jump


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

    edits: list[Edit] = []
    for number in known.slot_loads:
        for start, at, slot in found(ops, args, number):
            if slot not in slots:
                edits += _renumbered(number, slot, slots, start, at)
            elif at in going:
                edits.append((start, at + 1, b""))
            else:
                raise left_over(code, at)
    for number, single in known.closure_pairs.items():
        for start, at, pair in found(ops, args, number):
            kept = [slot for slot in (pair >> 4, pair & 15) if slot not in slots]
            if len(kept) == 2:
                raw = instruction(number, _moved(kept[0], slots) << 4 | _moved(kept[1], slots))
            elif at in going:
                raw = b"".join(instruction(single, _moved(slot, slots)) for slot in kept)
            else:
                raise left_over(code, at)
            if raw != bytes((number, pair)):
                edits.append((start, at + 1, raw))
    return edits
