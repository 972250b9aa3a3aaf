"""A code object's tables: exception handlers and locations, read, moved along with the code, and written.

`where` is the map of every relocation: `where[u]` is the new position of what started at code unit `u`, with
one more item for the end of the code. Formats: Objects/exception_handling_notes.txt and Objects/locations.md
(3.11+), Objects/lnotab_notes.txt (3.8 to 3.10).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Handler = tuple[int, int, int, int]
    Position = tuple[int | None, int | None, int | None, int | None]

__all__ = [
    "handlers",
    "insert_locations",
    "move_exceptions",
    "move_lines",
    "move_lnotab",
    "move_locations",
    "shift_exceptions",
    "shorten_locations",
    "write_handlers",
    "write_lines",
    "write_locations",
]

# kinds of entries (3.11+)
NO_LOCATION = 15
LONG_LOCATION = 14
ONE_LINE = 10
NO_COLUMNS = 13


def handlers(table: bytes) -> list[Handler]:
    """The entries of `co_exceptiontable`: (start, end, target, depth and lasti bit), in code units."""
    numbers: list[int] = []
    value = 0
    for byte in table:
        value = value << 6 | byte & 63
        if not byte & 64:
            numbers.append(value)
            value = 0
    entries = zip(*[iter(numbers)] * 4)
    return [(start, start + size, target, depth) for start, size, target, depth in entries]


def write_handlers(entries: Sequence[Handler]) -> bytes:
    """The inverse of `handlers`."""
    table = bytearray()
    for start, end, target, depth in entries:
        first = 128
        for value in (start, end - start, target, depth):
            shift = 0
            while value >> shift > 63:
                shift += 6
            while shift:
                table.append(first | 64 | value >> shift & 63)
                first, shift = 0, shift - 6
            table.append(first | value & 63)
            first = 0
    return bytes(table)


def move_exceptions(table: bytes, where: Sequence[int]) -> bytes:
    """The exception table of relocated code; an empty range goes."""
    return write_handlers(
        [
            (where[start], where[end], where[target], depth)
            for start, end, target, depth in handlers(table)
            if where[start] < where[end]
        ]
    )


def shift_exceptions(table: bytes, units: int) -> bytes:
    """The exception table after `units` code units came in front of everything (or left there)."""
    out = bytearray(table)
    field = 0
    for position, byte in enumerate(table):
        if not field & 1:  # start or target
            value = (byte & 63) + units
            if byte & 64 or not 0 <= value < 64:
                break
            out[position] = byte & 128 | value
        if not byte & 64:
            field = field + 1 & 3
    else:
        return bytes(out)
    # a number of several bytes, or one that becomes so
    return write_handlers([(s + units, e + units, t + units, d) for s, e, t, d in handlers(table)])


def move_locations(table: bytes, where: Sequence[int]) -> bytes:
    """`co_linetable` of 3.11+ for relocated code: entries keep their bytes unless their length changes."""
    out = bytearray()
    unit = position = carried = 0
    size = len(table)
    while position < size:
        first = table[position]
        kind, units = first >> 3 & 15, (first & 7) + 1
        end = position + 1
        while end < size and not table[end] & 128:
            end += 1
        payload = table[position + 1 : end]
        left = where[unit + units] - where[unit]
        unit, position = unit + units, end
        if not left:  # its code is gone, but the lines after it count from its line
            carried += _line_step(kind, payload)
            continue
        if carried and kind != NO_LOCATION:
            kind, payload = _with_step(kind, payload, _line_step(kind, payload) + carried)
            carried = 0
        while left:
            step = min(left, 8)
            out.append(128 | kind << 3 | step - 1)
            out += payload
            left -= step
            if left and _line_step(kind, payload):
                kind, payload = _with_step(kind, payload, 0)
    return bytes(out)


def insert_locations(table: bytes, at: int, silent: int, located: int) -> bytes:
    """`co_linetable` of 3.11+ with code units inserted at a unit: some without location, some on the line before."""
    unit = position = 0
    size = len(table)
    out = bytearray()
    while unit < at:
        first = table[position]
        end = position + 1
        while end < size and not table[end] & 128:
            end += 1
        units = (first & 7) + 1
        if unit + units > at:  # one entry for what is before and behind
            kind, payload = first >> 3 & 15, table[position + 1 : end]
            out += bytes((128 | kind << 3 | at - unit - 1,)) + payload
            if _line_step(kind, payload):
                kind, payload = _with_step(kind, payload, 0)
            rest = bytes((128 | kind << 3 | unit + units - at - 1,)) + payload
            return bytes(out) + _entries(silent, located) + rest + table[end:]
        out += table[position:end]
        unit, position = unit + units, end
    return bytes(out) + _entries(silent, located) + table[position:]


def _entries(silent: int, located: int) -> bytes:
    out = bytearray()
    for kind, units, payload in ((NO_LOCATION, silent, b""), (NO_COLUMNS, located, b"\0")):
        while units:
            step = min(units, 8)
            out += bytes((128 | kind << 3 | step - 1,)) + payload
            units -= step
    return bytes(out)


def shorten_locations(table: bytes, units: int, total: int) -> bytes:
    """`co_linetable` of 3.11+ after the first `units` of `total` code units went."""
    first = table[0]
    if first >> 3 & 15 == NO_LOCATION and (first & 7) + 1 >= units:  # a prologue has no location
        return table[1:] if (first & 7) + 1 == units else bytes((first - units,)) + table[1:]
    return move_locations(table, [max(0, unit - units) for unit in range(total + 1)])


def _line_step(kind: int, payload: bytes) -> int:
    if kind in (NO_COLUMNS, LONG_LOCATION):
        value, _ = _varint(payload, 0)
        return -(value >> 1) if value & 1 else value >> 1
    return kind - 10 if 10 <= kind <= 12 else 0


def _with_step(kind: int, payload: bytes, step: int) -> tuple[int, bytes]:
    """The same columns on a line `step` after the line of the entry before, in the shortest form."""
    number = _write_varint(-step << 1 | 1 if step < 0 else step << 1)
    if kind in (NO_COLUMNS, LONG_LOCATION):
        return kind, number + payload[_varint(payload, 0)[1] :]
    if kind < 10:
        column = kind << 3 | payload[0] >> 4
        columns = bytes((column, column + (payload[0] & 15)))
    else:
        columns = payload
    if 0 <= step <= 2:  # each short form's columns fit the other's
        return 10 + step, columns
    return LONG_LOCATION, number + b"\0" + b"".join(_write_varint(column + 1) for column in columns)


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        value |= (byte & 63) << shift
        position, shift = position + 1, shift + 6
        if not byte & 64:
            return value, position


def _write_varint(value: int) -> bytes:
    out = bytearray()
    while value > 63:
        out.append(64 | value & 63)
        value >>= 6
    out.append(value)
    return bytes(out)


def move_lines(table: bytes, where: Sequence[int]) -> bytes:
    """`co_linetable` of 3.10 (PEP 626: lengths in bytes, line steps, -128 for no line) for relocated code."""
    out = bytearray()
    byte = 0
    for position in range(0, len(table), 2):
        length, step = table[position], table[position + 1]
        left = 2 * (where[(byte + length) // 2] - where[byte // 2])
        byte += length
        while left > 254:
            out += bytes((254, step))
            left, step = left - 254, 128 if step == 128 else 0
        if left or step not in (0, 128):
            out += bytes((left, step))
    return bytes(out)


def write_lines(lines: Sequence[int | None], first_line: int) -> bytes:
    """Return the `co_linetable` of 3.10 that gives each code unit this line."""
    out = bytearray()
    unit, size, last = 0, len(lines), first_line
    while unit < size:
        line, end = lines[unit], unit + 1
        while end < size and lines[end] == line:
            end += 1
        step = 0 if line is None else line - last
        left, unit = 2 * (end - unit), end
        while not -127 <= step <= 127:
            part = 127 if step > 0 else -127
            out += bytes((0, part & 255))
            step -= part
        while left > 254:
            out += bytes((254, 128 if line is None else step & 255))
            left, step = left - 254, 0
        out += bytes((left, 128 if line is None else step & 255))
        last = last if line is None else line
    return bytes(out)


def write_locations(positions: Sequence[Position], first_line: int) -> bytes:
    """Return the `co_linetable` of 3.11+ that gives each code unit this position: (line, end line, columns)."""
    out = bytearray()
    unit, size, last = 0, len(positions), first_line
    while unit < size:
        position, end = positions[unit], unit + 1
        while end < size and positions[end] == position:
            end += 1
        line, end_line, column, end_column = position
        left, unit = end - unit, end
        while left > 0:
            if line is None:
                kind, payload = NO_LOCATION, b""
            elif column is None or end_column is None or end_line is None:
                kind, payload = _with_step(NO_COLUMNS, b"\0", line - last)
            elif end_line != line or column > 127 or end_column > 127:
                numbers = (end_line - line, column + 1, end_column + 1)
                kind = LONG_LOCATION
                _, payload = _with_step(kind, b"\0", line - last)
                payload += b"".join(map(_write_varint, numbers))
            elif line == last and column < 80 and 0 <= end_column - column < 16:
                kind, payload = column >> 3, bytes(((column & 7) << 4 | end_column - column,))
            else:
                kind, payload = _with_step(ONE_LINE, bytes((column, end_column)), line - last)
            step = min(left, 8)
            out.append(128 | kind << 3 | step - 1)
            out += payload
            left -= step
            last = last if line is None else line
    return bytes(out)


def move_lnotab(table: bytes, where: Sequence[int]) -> bytes:
    """`co_lnotab` of 3.8 and 3.9 (steps in bytes and lines) for relocated code."""
    out = bytearray()
    byte = moved = 0
    for position in range(0, len(table), 2):
        byte += table[position]
        step = table[position + 1]
        if byte & 1:
            continue  # the first part of a step longer than 255 bytes
        target = 2 * where[byte // 2]
        ahead, moved = target - moved, target
        if ahead > 255:
            out += b"\xff\0" * (ahead // 255)
            ahead %= 255
            if not ahead and not step:
                continue
        out += bytes((ahead, step))
    return bytes(out)
