"""A code object's exception table and line table: well-formed, and within the code."""

from __future__ import annotations

import re

from recell.verifier.decode import WHOLE, Program, Refused
from recell.verifier.kinds import BIT, WIDTH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from recell.verifier.actions import Handler

EXC, LASTI = BIT["exc"], BIT["lasti"] << WIDTH
# one entry of a location table (Objects/locations.md): short forms, one-line forms, no columns, long form, none
_LOCATIONS = re.compile(
    rb"(?:[\x80-\xcf][\x00-\x7f]|[\xd0-\xe7][\x00-\x7f]{2}|[\xe8-\xef][\x40-\x7f]{0,5}[\x00-\x3f]"
    rb"|[\xf0-\xf7](?:[\x40-\x7f]{0,5}[\x00-\x3f]){4}|[\xf8-\xff])*"
)
_LENGTHS = bytes((byte & 7) + 1 for byte in range(256))
_NOT_FIRST = bytes(range(128))


def check_lines(program: Program) -> None:
    """The line table describes the whole code, and no more."""
    release = program.machine.release
    if not release.exception_table:
        table = getattr(program.code, release.line_table)
        if len(table) & 1:
            raise Refused(WHOLE, f"{release.line_table} has half an entry")
        return
    table = program.code.co_linetable
    if not _LOCATIONS.fullmatch(table):
        raise Refused(WHOLE, "co_linetable cannot be read")
    described = sum(table.translate(_LENGTHS, _NOT_FIRST))
    if described != program.count:
        raise Refused(WHOLE, f"co_linetable describes {described} code units, there are {program.count}")
    first = program.code.co_firstlineno - 1 if program.machine.release.ascending_lines else -(1 << 40)
    starts = program.index
    before: int | None = None
    for start, _, line in program.code.co_lines():
        if start >> 1 not in starts and line != before:  # a long instruction has several entries
            raise Refused(WHOLE, f"co_linetable begins line {line} inside an instruction")
        if line is not None and line < first:
            raise Refused(WHOLE, f"co_linetable names line {line}, before the first, {first + 1}")
        before = line


def read_handlers(program: Program) -> list[tuple[int, int, Handler]]:
    """The exception table as `(first, behind the last, handler)`, by instruction."""
    handlers: list[tuple[int, int, Handler]] = []
    index, total, behind = program.region_bounds, len(program.moves), 0
    for start, end, target, depth in _entries(program):
        first = index.get(start)
        last = total if end == program.count else index.get(end)
        if first is None or last is None or not first < last or first < behind:
            raise Refused(WHOLE, f"co_exceptiontable: {2 * start} to {2 * end} is no range of instructions")
        if target not in program.index:
            raise Refused(WHOLE, f"co_exceptiontable: no instruction starts at {2 * target}")
        entries, depth = LASTI | EXC if depth & 1 else EXC, depth >> 1
        handlers.append((first, last, (program.index[target], depth, entries, depth, ())))
        behind = last
    return handlers


def parting_units(program: Program) -> frozenset[int]:
    """Code units behind an EXTENDED_ARG where a handler's region begins or ends.

    CPython looks a handler up by the code unit that raised: the instruction's own, or the first in front of it where a
    tracer raises. Compilers begin regions at EXTENDED_ARG, the `bytecode` library behind it.
    """
    prefix, numbers = program.machine.numbers["EXTENDED_ARG"], program.units[::2]
    return frozenset(
        unit
        for start, end, _, _ in _entries(program)
        for unit in (start, end)
        if unit not in program.index and 0 < unit < program.count
        if numbers[unit - 1] == prefix != numbers[unit]
    )


def _entries(program: Program) -> Iterator[tuple[int, int, int, int]]:
    """The table's entries: first code unit, the one behind the last, target, depth and whether it wants the index."""
    values: list[int] = []
    value, digits = 0, 0
    for byte in getattr(program.code, "co_exceptiontable", b""):
        if bool(byte & 0x80) != (not values and not digits):
            raise Refused(WHOLE, "co_exceptiontable cannot be read")
        value = value << 6 | byte & 63
        digits += 1
        if byte & 64:
            if digits > 4:
                raise Refused(WHOLE, "co_exceptiontable holds a number of more than five digits")
            continue
        values.append(value)
        value = digits = 0
        if len(values) == 4:
            start, length, target, depth = values
            yield start, start + length, target, depth
            values.clear()
    if values or digits:
        raise Refused(WHOLE, "co_exceptiontable is cut off")
