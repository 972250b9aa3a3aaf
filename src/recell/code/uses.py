"""The uses of names in a code object's tree: read, written, free, local, stored by a class body."""

from __future__ import annotations

from recell.code.instructions import found, opcodes
from recell.code.making import nested_sites
from recell.code.slots import free_base, inherited_slots
from recell.flags import parameters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import CodeType

__all__ = ["Use", "uses"]

READ, WRITTEN, FREE, FREE_READ, FREE_WRITTEN, CLASS_STORED, PARAMETER, LOCAL = (1 << bit for bit in range(8))


class _Bit:
    """An attribute that is one bit of a `Use`."""

    def __init__(self, bit: int) -> None:
        self.bit = bit

    def __get__(self, use: Use, owner: type[Use]) -> bool:
        return bool(use._bits & self.bit)


class Use:
    """The use of one name in a code object's tree.

    Attributes (all bool): `read` as a global or builtin; `written`: assigned or deleted as a global
    (`global x`); `free`: a free variable of the code itself, whether used or not; `free_read` and
    `free_written`: what the tree does with that free variable; `class_stored`: a class body that reads the
    name as a global or through that free variable also stores it in its own namespace; `parameter` and
    `local` (a cell variable is a local) of the code itself.
    """

    __slots__ = ("_bits",)

    read: _Bit = _Bit(READ)
    written: _Bit = _Bit(WRITTEN)
    free: _Bit = _Bit(FREE)
    free_read: _Bit = _Bit(FREE_READ)
    free_written: _Bit = _Bit(FREE_WRITTEN)
    class_stored: _Bit = _Bit(CLASS_STORED)
    parameter: _Bit = _Bit(PARAMETER)
    local: _Bit = _Bit(LOCAL)

    def __init__(self, bits: int = 0) -> None:
        self._bits = bits

    def __repr__(self) -> str:
        true = [name for name, value in vars(Use).items() if type(value) is _Bit and getattr(self, name)]
        return f"<use: {', '.join(true) or 'none'}>"


def uses(code: CodeType, names: Iterable[str] | None = None) -> dict[str, Use]:
    """Return the use of each of the names (or of every name) in the tree; a name that is not used has all False."""
    table: dict[str, int] = {}
    base = free_base(code)
    slots = dict(enumerate(code.co_freevars, base))
    stored: set[str] = set()
    through_dict: dict[str, int] = {}
    _collect(code, slots, table, stored, through_dict)
    for name, bits in through_dict.items():
        table[name] = table.get(name, 0) | bits | (CLASS_STORED if name in stored else 0)
    arguments = parameters(code)
    for i, name in enumerate(code.co_varnames):
        table[name] = table.get(name, 0) | (PARAMETER if i < arguments else LOCAL)
    for name in code.co_cellvars:
        if not table.get(name, 0) & PARAMETER:
            table[name] = table.get(name, 0) | LOCAL
    for name in code.co_freevars:
        table[name] = table.get(name, 0) | FREE
    if names is None:
        return {name: Use(bits) for name, bits in table.items()}
    return {name: Use(table.get(name, 0)) for name in names}


def _collect(
    code: CodeType,
    slots: Mapping[int, str],
    table: dict[str, int],
    stored: set[str],
    through_dict: dict[str, int],
) -> None:
    known = opcodes()
    raw = code.co_code
    ops, args = raw[::2], raw[1::2]
    names = code.co_names

    def note(name: str, bits: int) -> None:
        table[name] = table.get(name, 0) | bits

    for _, _, argument in found(ops, args, known.load_global):
        note(names[argument >> known.global_shift], READ)
    for number in (known.store_global, known.delete_global):
        for _, _, argument in found(ops, args, number):
            note(names[argument], WRITTEN)
    first: dict[str, int] = {}
    for number in (known.store_name, known.delete_name):
        for _, at, argument in found(ops, args, number):
            name = names[argument]
            first[name] = min(at, first.get(name, at))
    stored.update(first)
    for _, at, argument in found(ops, args, known.load_name):
        name = names[argument]
        # what the class body has stored before it reads is its own, as far as the order of the code tells
        if name not in first:
            note(name, READ)
        else:
            note(name, CLASS_STORED | (READ if at < first[name] else 0))
    for _, _, argument in found(ops, args, known.dict_or_globals):
        name = names[argument]
        through_dict[name] = through_dict.get(name, 0) | READ
    if slots:
        for number, bits in (
            (known.load_deref, FREE_READ),
            (known.store_deref, FREE_WRITTEN),
            (known.delete_deref, FREE_WRITTEN),
            (known.class_deref, FREE_READ),
        ):
            for _, _, argument in found(ops, args, number):
                if argument in slots:
                    name = slots[argument]
                    note(name, bits)
                    if number == known.class_deref:
                        through_dict[name] = through_dict.get(name, 0) | FREE_READ
    for site in nested_sites(code, ops, args):
        _collect(site.code, inherited_slots(site, slots), table, stored, through_dict)
