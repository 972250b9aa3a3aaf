"""The values that lie on the stack in front of a code unit: the instructions that computed them, read backwards.

Nothing runs. A value is known where one instruction loads a constant, or a name that the caller looks up; every
other expression is `UNKNOWN`, and so is what several branches may have pushed.
"""

from __future__ import annotations

from bisect import bisect_right
from opcode import HAVE_ARGUMENT, stack_effect

from recell.code.instructions import jumps, opcodes
from recell.code.slots import slot_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType
    from typing import Any

    LookUp = Callable[[str, bool], object]

__all__ = ["UNKNOWN", "Operands", "constant"]


class Unknown:
    """The type of `UNKNOWN`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<unknown>"


UNKNOWN: Any = Unknown()
"""The value of an expression that is no constant."""


def constant(code: CodeType, number: int, argument: int) -> Any:
    """The constant that an instruction pushes; `UNKNOWN` where it does something else."""
    known = opcodes()
    if number == known.load_const:
        return code.co_consts[argument]
    if number == known.load_small_int:
        return argument
    if number == known.load_common_constant:
        import opcode

        return opcode._common_constants[argument]  # type: ignore[attr-defined]
    return UNKNOWN


class Operands:
    """A code object, read backwards from any unit."""

    __slots__ = ("_joins", "_targets", "code", "raw")

    code: CodeType
    raw: bytes
    _joins: dict[int, int] | None
    _targets: list[int]

    def __init__(self, code: CodeType) -> None:
        self.code, self.raw, self._joins = code, code.co_code, None

    @property
    def joins(self) -> dict[int, int]:
        """The units to which jumps from further up lead, and the first jump that leads there."""
        if self._joins is None:
            joins: dict[int, int] = {}
            for start, _, _, target in jumps(self.raw[::2], self.raw[1::2]):
                if target > start:
                    joins[target] = min(start, joins.get(target, start))
            self._targets = sorted(joins)
            self._joins = joins
        return self._joins

    def last(self, end: int) -> tuple[int, int, int]:
        """The instruction that ends in front of a unit, caches included: (first unit, opcode, argument)."""
        raw, known = self.raw, opcodes()
        at = 2 * end - 2
        while raw[at] == known.cache:
            at -= 2
        number, argument, shift, extended = raw[at], raw[at + 1], 8, known.extended_arg
        while at and raw[at - 2] == extended:
            at -= 2
            argument |= raw[at + 1] << shift
            shift += 8
        return at >> 1, number, argument

    def span(self, end: int) -> tuple[int, int] | None:
        """Return the unit where the computation of the topmost value begins, and how many values begin there.

        A pair of loads is two.

        Where branches meet, the walk goes on in front of the first jump that leads there. None where it cannot go on:
        behind a loop that an exception ends.
        """
        joins, known = self.joins, opcodes()
        targets, ends = self._targets, known.ends
        unit, first, wanted = end, end, 1
        if end not in joins and end:  # a constant stands for itself
            unit, number, argument = self.last(end)
            if number == known.load_const:
                return unit, 1
            unit = end
        index = bisect_right(targets, end)
        while True:
            while index and targets[index - 1] > unit:
                index -= 1
                first = min(first, joins[targets[index]])
            if wanted <= 0 and first >= unit:
                return unit, 1 - wanted
            jump = unit in joins
            if not unit:
                return None
            if jump:
                source = joins[unit]
                number, argument = self._at(source)
                unit = source
            else:
                unit, number, argument = self.last(unit)
                if number in ends:
                    return None
            wanted -= stack_effect(number, argument if number >= HAVE_ARGUMENT else None, jump=jump)

    def _at(self, unit: int) -> tuple[int, int]:
        """The opcode and argument of the instruction that starts at a unit."""
        raw, argument, extended = self.raw, 0, opcodes().extended_arg
        while raw[2 * unit] == extended:
            argument = (argument | raw[2 * unit + 1]) << 8
            unit += 1
        return raw[2 * unit], argument | raw[2 * unit + 1]

    def start(self, end: int) -> int | None:
        """Return the unit where the computation of the topmost value begins."""
        span = self.span(end)
        return None if span is None else span[0]

    def value(self, end: int, look_up: LookUp | None = None) -> Any:
        """The topmost value in front of a unit, where one instruction gives it.

        `look_up(name, from_cell)` gives the value of a name that is read; without it, names are `UNKNOWN`.
        """
        if end in self.joins:
            return UNKNOWN
        start, number, argument = self.last(end)
        known, code = opcodes(), self.code
        if number in known.stores and start:
            start, number, _ = self.last(start)  # `name := value`
            return self.value(start, look_up) if number in known.copies else UNKNOWN
        value = constant(code, number, argument)
        if value is not UNKNOWN or look_up is None:
            return value
        if number == known.load_global:
            return look_up(code.co_names[argument >> known.global_shift], False)
        if number == known.load_name:
            return look_up(code.co_names[argument], False)
        return look_up(slot_names(code)[argument], True) if number == known.load_deref else UNKNOWN

    def ends(self, end: int, count: int) -> list[int | None]:
        """Return the units behind the topmost values in front of a unit, in the order in which they were pushed.

        None for those that have no end of their own, or that cannot be told apart.
        """
        found: list[int | None] = []
        while len(found) < count:
            span = self.span(end)
            if span is None:
                found += [None] * (count - len(found))
                break
            found.append(end)
            end, values = span
            found += [None] * (values - 1)
        return found[:count][::-1]

    def values(self, end: int, count: int, look_up: LookUp | None = None) -> list[Any]:
        """The topmost values in front of a unit, in the order in which they were pushed."""
        return [UNKNOWN if at is None else self.value(at, look_up) for at in self.ends(end, count)]

    def tuple(self, end: int, look_up: LookUp | None = None) -> list[Any] | None:
        """The items of the tuple on top; None where it is no display."""
        if end not in self.joins:
            start, number, argument = self.last(end)
            if number == opcodes().build_tuple:
                return self.values(start, argument, look_up)
        value = self.value(end)
        return list(value) if value.__class__ is tuple else None

    def mapping(self, end: int, look_up: LookUp | None = None) -> dict[Any, Any] | None:
        """The dict on top, where its keys are constants; None where it is no such display."""
        if end in self.joins:
            return None
        start, number, argument = self.last(end)
        known = opcodes()
        if number == known.build_map:
            flat = self.values(start, 2 * argument, look_up)
            keys, values = flat[::2], flat[1::2]
        elif number == known.build_const_key_map:
            *values, keys = self.values(start, argument + 1, look_up)
        else:
            return None
        if keys is UNKNOWN or any(key is UNKNOWN for key in keys):
            return None
        return dict(zip(keys, values))

    def key_ends(self, end: int) -> list[int | None]:
        """Return the units behind the constants that spell the names of the mapping, or names and values, on top."""
        start, number, argument = self.last(end)
        known = opcodes()
        if number == known.build_const_key_map:
            return [start]
        if number == known.build_map:
            return self.ends(start, 2 * argument)[::2]
        if number == known.build_tuple:
            return self.ends(start, argument)[::2]
        return [end]
