"""The instructions of a code object, decoded, and compared with the list that they are said to be.

The library reads and writes; what it did is checked here, instruction by instruction. So whatever differs between
an original and its rewriting is the edit and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from recell.code.assembler import positions
from recell.code.instructions import jump_target, opcodes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import CodeType

__all__ = ["Decoded", "decode", "difference", "ending", "marking", "parameter_names"]

_CONST, _NAME, _LOCAL, _PAIR, _DEREF = range(1, 6)


class Decoded(NamedTuple):
    """The instructions of a code object: their first units, opcodes' units, opcodes and arguments."""

    starts: list[int]
    units: list[int]
    numbers: list[int]
    arguments: list[int]
    end: int

    def index_of(self) -> dict[int, int]:
        """First unit of an instruction -> its index; the end of the code counts as one."""
        table = {unit: index for index, unit in enumerate(self.starts)}
        table[self.end] = len(self.starts)
        return table

    def jumps(self) -> dict[int, int]:
        """Index of a jump -> index of the instruction it leads to (-1 where it leads to none)."""
        known = opcodes()
        jumps, caches, at = known.jumps, known.caches, self.index_of()
        return {
            index: at.get(
                jump_target(number, self.arguments[index], self.units[index] + 1 + caches[number]), -1
            )
            for index, number in enumerate(self.numbers)
            if number in jumps
        }


def decode(code: CodeType) -> Decoded:
    """Decode the instructions of a code object; caches are left out, arguments are whole."""
    known = opcodes()
    raw, caches, extended = code.co_code, known.caches, known.extended_arg
    ops, args = raw[::2], raw[1::2]
    starts: list[int] = []
    units: list[int] = []
    numbers: list[int] = []
    arguments: list[int] = []
    unit, end = 0, len(ops)
    while unit < end:
        starts.append(unit)
        number, argument = ops[unit], args[unit]
        while number == extended and unit + 1 < end:
            unit += 1
            number, argument = ops[unit], argument << 8 | args[unit]
        units.append(unit)
        numbers.append(number)
        arguments.append(argument)
        unit += 1 + caches[number]
    return Decoded(starts, units, numbers, arguments, end)


_ending: frozenset[int] = frozenset()


def ending() -> frozenset[int]:
    """Return the opcodes behind which control never goes on with the next instruction."""
    global _ending  # noqa: PLW0603 - resolved once
    if not _ending:
        from opcode import opmap

        _ending = frozenset(opmap[name] for name in opcodes().release.ends if name in opmap)
    return _ending


_marking: frozenset[int] | None = None


def marking() -> frozenset[int]:
    """Return the opcodes whose target is told to monitors alone: control never takes it."""
    global _marking  # noqa: PLW0603 - resolved once
    if _marking is None:
        from opcode import opmap

        release = opcodes().release
        names = release.relative_jumps - set(release.jump_effects) if release.exception_table else ()
        _marking = frozenset(opmap[name] for name in names if name in opmap)
    return _marking


def parameter_names(code: CodeType) -> tuple[str, ...]:
    """Return the names of a code object's parameters."""
    count = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 4) + bool(code.co_flags & 8)
    return code.co_varnames[:count]


_kinds: dict[int, tuple[int, int]] | None = None


def _kinds_of_arguments() -> dict[int, tuple[int, int]]:
    """Opcode -> (kind of its argument, flag bits below it)."""
    global _kinds  # noqa: PLW0603 - resolved once
    if _kinds is None:
        from opcode import opmap

        release = opcodes().release
        table = [
            *((name, (_CONST, 0)) for name in release.const_opcodes),
            *((name, (_NAME, shift)) for name, shift in release.name_shift.items()),
            *((name, (_LOCAL, 0)) for name in release.local_opcodes),
            *((name, (_PAIR, 0)) for name in release.local_pair_opcodes),
            *((name, (_DEREF, 0)) for name in release.deref_opcodes),
        ]
        _kinds = {opmap[name]: kind for name, kind in table if name in opmap}
    return _kinds


def difference(
    items: Sequence[Any],
    places: Mapping[int, int],
    code: CodeType,
    decoded: Decoded,
    known: Mapping[int, tuple[Any, int]],
) -> str:
    """Return what differs between a code object and the instructions that it is said to be: nothing is expected.

    Args:
        items: the library's instructions, without labels and other marks.
        places: id of a label -> the index of the instruction behind it.
        code: the code object, `decoded` what stands in it.
        known: id of an instruction -> its (argument, encoded argument) in the original, where it comes from there.
    """
    if len(items) != len(decoded.numbers):
        return f"{len(decoded.numbers)} instructions for {len(items)}"
    kinds, jumps = _kinds_of_arguments(), decoded.jumps()
    slots = _Slots(code)
    consts, names = code.co_consts, code.co_names
    where: list[Any] = positions(code)
    columns = opcodes().release.exception_table
    takes_argument = _takes_argument()
    seen: dict[int, tuple[Any, ...]] = {}
    index = 0
    for item, number, argument, unit in zip(items, decoded.numbers, decoded.arguments, decoded.units):
        if item.opcode != number:
            return f"`{item.name}`, instruction {index}: it is another one"
        if number >= takes_argument:
            arg = item.arg
            if index in jumps:
                if places.get(id(arg)) != jumps[index]:
                    return f"the jump `{item.name}`, instruction {index}"
            else:
                kind, shift = kinds.get(number, (0, 0))
                if kind == _CONST:
                    right = consts[argument] is arg
                elif kind == _NAME:
                    right = (
                        _as_name(arg) == names[argument >> shift]
                        and _flags(arg) == argument & (1 << shift) - 1
                    )
                elif kind:
                    right = slots.encoded(arg, kind) == argument
                else:
                    original = known.get(id(item))
                    if original is not None and original[0] is arg:
                        right = original[1] == argument
                    else:
                        right = type(arg) is not int or arg == argument
                if not right:
                    return f"the argument of `{item.name}`, instruction {index}"
        location = item.location
        if location is not None:
            there = where[unit]
            if not columns:
                if there != location.lineno:
                    return f"the line of `{item.name}`, instruction {index}"
            else:
                expected = seen.get(id(location))
                if expected is None:
                    expected = seen[id(location)] = (
                        location.lineno,
                        location.end_lineno,
                        location.col_offset,
                        location.end_col_offset,
                    )
                if there != expected and not _like(there, expected):
                    return f"the position of `{item.name}`, instruction {index}"
        index += 1  # noqa: SIM113 - `enumerate` of a `zip` costs a tuple more
    return ""


def _like(there: Any, expected: Any) -> bool:
    """True where a location without an end equals one that ends on its line."""
    return expected[1] is None and there[0] == expected[0] == there[1] and there[2:] == expected[2:]


def _takes_argument() -> int:
    import opcode

    return opcode.HAVE_ARGUMENT


def _as_name(arg: Any) -> Any:
    return arg[-1] if type(arg) is tuple else arg


def _flags(arg: Any) -> int:
    if type(arg) is not tuple:
        return 0
    return sum(bool(flag) << bit for bit, flag in enumerate(arg[:-1]))


class _Slots:
    """The slots of a code object's variables, as arguments count them."""

    def __init__(self, code: CodeType) -> None:
        own = code.co_varnames
        self.locals = {name: slot for slot, name in enumerate(own)}
        unified = opcodes().release.unified_locals
        taken = len(own) if unified else 0
        self.cells: dict[str, int] = {}
        for name in code.co_cellvars:
            if unified and name in self.locals:
                self.cells[name] = self.locals[name]
            else:
                self.cells[name] = taken
                taken += 1
        self.free = {name: taken + at for at, name in enumerate(code.co_freevars)}

    def slot(self, arg: Any) -> int:
        if type(arg) is str:
            return self.locals.get(arg, -1)
        name = getattr(arg, "name", None)
        table = self.free if type(arg).__name__ == "FreeVar" else self.cells
        return table.get(name, -1)  # type: ignore[arg-type]

    def encoded(self, arg: Any, kind: int) -> int:
        if kind == _PAIR:
            return self.slot(arg[0]) << 4 | self.slot(arg[1])
        return self.slot(arg)
