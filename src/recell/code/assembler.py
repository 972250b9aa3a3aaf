"""Code units put back into a code object: in place where the size stays, relocated where the layout changes.

An edit is `(start, end, raw)`: the code units from start to end become `raw`, which contains no jump out of
itself. A jump to `start` lands on the first unit of `raw`. Relocation moves jumps, handlers and locations and
compares the result with the original before anybody may run it.
"""

from __future__ import annotations

import os

from recell.code import tables
from recell.code.instructions import before, instruction, jumps, opcodes
from recell.errors import UnsupportedCodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType
    from typing import Any

    from recell.code.instructions import Jump

    Edit = tuple[int, int, bytes]

__all__ = ["VERIFY", "apply", "checked", "enter", "positions"]

VERIFY = os.environ.get("RECELL_VERIFY") == "1"


def checked(code: CodeType) -> CodeType:
    """Return an edited code object, verified where RECELL_VERIFY=1 asks for it: edits are right by construction."""
    if VERIFY:
        from recell.verifier.verify import verify_all

        verify_all(code, trusted=True)
    return code


def apply(code: CodeType, edits: Sequence[Edit], head: Edit | None = None, **fields: Any) -> CodeType:
    """The code with the edits made and the given fields replaced.

    Args:
        edits: in order, without overlap.
        head: an edit at the very start (the prologue of 3.11+), to which no jump leads.
        fields: arguments for `CodeType.replace`.

    Raises UnsupportedCodeError where the relocated code differs from the original in more than the edits.
    """
    out = bytearray(code.co_code)
    for start, end, new in edits:
        if len(new) != 2 * (end - start):
            code = _relocated(code, edits)
            out = bytearray(code.co_code)
            break
        out[2 * start : 2 * end] = new
    if head is None:
        return code.replace(co_code=bytes(out), **fields)
    _, end, new = head
    extra = len(new) // 2 - end
    out[: 2 * end] = new
    if not extra:
        return code.replace(co_code=bytes(out), **fields)
    lines, handlers = code.co_linetable, code.co_exceptiontable
    if extra > 0:
        lines = opcodes().release.no_location * extra + lines
    else:
        lines = tables.shorten_locations(lines, -extra, len(code.co_code) // 2)
    if handlers:
        handlers = tables.shift_exceptions(handlers, extra)
    return code.replace(co_code=bytes(out), co_linetable=lines, co_exceptiontable=handlers, **fields)


def enter(code: CodeType, unit: int, raw: bytes, silent: int, **fields: Any) -> CodeType:
    """Insert code units that each call runs once: no jump and no handler of the code covers them.

    Args:
        code: the code that gets them.
        unit: where they stand.
        raw: the code units; a jump out of them may lead behind them only.
        silent: so many of them have no location (3.11+), so that no trace function is told of a line. The others
            have the line of what is before them. Before 3.11 all belong to the first line of the body.
        fields: arguments for `CodeType.replace`.

    Raises UnsupportedCodeError as `apply` does.
    """
    return _relocated(code, ((unit, unit, raw),), unit, silent).replace(**fields)


def _relocated(code: CodeType, edits: Sequence[Edit], skipped: int = -1, silent: int = 0) -> CodeType:
    """The code with the edits made; jumps to the unit `skipped` lead behind what is inserted there."""
    raw, release = code.co_code, opcodes().release
    ops, args = raw[::2], raw[1::2]
    edited = {unit for start, end, _ in edits for unit in range(start, end)}
    kept = [jump for jump in jumps(ops, args) if jump[1] not in edited]
    # from the least that a jump may take, so that each round can only add
    widths = [at + 1 - start if release.padded_arguments else 1 for start, at, _, _ in kept]
    while True:
        # a jump that outgrows its EXTENDED_ARGs makes everything behind it move once more
        pieces = [
            *edits,
            *((start, at + 1, b"\0\0" * width) for (start, at, _, _), width in zip(kept, widths)),
        ]
        where = _where(len(ops), sorted(pieces, key=_place))
        ends = [*where]
        if skipped >= 0:
            where[skipped] += len(edits[0][2]) // 2
        written = [_jump(ops[jump[1]], jump, where, width) for jump, width in zip(kept, widths)]
        grown = [len(new) // 2 for new in written]
        if grown == widths:
            break
        widths = grown
    pieces = [*edits, *((start, at + 1, new) for (start, at, _, _), new in zip(kept, written))]
    out = bytearray()
    done = 0
    for start, end, new in sorted(pieces, key=_place):
        out += raw[2 * done : 2 * start]
        out += new
        done = end
    out += raw[2 * done :]
    fields: dict[str, Any] = {"co_code": bytes(out)}
    if release.exception_table:
        fields["co_exceptiontable"] = tables.move_exceptions(code.co_exceptiontable, where)
        if skipped < 0:
            fields["co_linetable"] = tables.move_locations(code.co_linetable, where)
        else:
            at, width = ends[skipped], where[skipped] - ends[skipped]
            others = [*ends[: skipped + 1], *[unit - width for unit in ends[skipped + 1 :]]]
            lines = tables.move_locations(code.co_linetable, others)
            fields["co_linetable"] = tables.insert_locations(lines, at, silent, width - silent)
    elif release.line_table == "co_linetable":
        fields["co_linetable"] = tables.move_lines(code.co_linetable, ends)
    else:
        fields["co_lnotab"] = tables.move_lnotab(code.co_lnotab, ends)
    moved = code.replace(**fields)
    difference = _difference(code, moved, edits, where, ends)
    if difference:
        msg = f"{code!r} cannot be edited exactly: {difference}; please report this"
        raise UnsupportedCodeError(msg, code=repr(code), reason=difference)
    return moved


def _place(edit: Edit) -> int:
    """Sorting keeps the order of equals: an insertion, an edit, stays in front of the jump that it precedes."""
    return edit[0]


def _jump(number: int, jump: Jump, where: Sequence[int], width: int) -> bytes:
    _, at, direction, target = jump
    known = opcodes()
    argument = where[target]
    if direction:
        argument = direction * (argument - where[at + 1] - known.caches[number])
    return instruction(number, 2 * argument // known.release.jump_unit, width)


def _where(size: int, edits: Sequence[Edit]) -> list[int]:
    """For each code unit, and for the end, the new position of what started there: an insertion comes after it."""
    where: list[int] = []
    shift = 0
    for start, end, new in edits:
        where.extend(range(len(where) + shift, start + shift + 1))
        width = len(new) // 2
        where.extend(start + shift + min(unit, width) for unit in range(1, end - start))
        shift += width - (end - start)
    where.extend(range(len(where) + shift, size + shift + 1))
    return where


def _difference(
    old: CodeType, new: CodeType, edits: Sequence[Edit], where: Sequence[int], ends: Sequence[int]
) -> str:
    """Name the difference besides the edits, found by decoding both; nothing is the expected answer.

    `ends[u]` is the new position behind what ended at unit `u`.
    """
    known = opcodes()
    (ops, args), (new_ops, new_args) = ((raw[::2], raw[1::2]) for raw in (old.co_code, new.co_code))
    if len(new_ops) != where[len(ops)]:
        return "the length"
    edited = {unit for start, end, _ in edits for unit in range(start, end)}
    inner = {unit for start, end, _ in edits for unit in range(start + 1, end)}
    targets = {at: target for _, at, _, target in jumps(ops, args)}
    new_targets = {at: target for _, at, _, target in jumps(new_ops, new_args)}
    places, new_places = positions(old), positions(new)
    for unit, number in enumerate(ops):
        if unit in edited or number == known.extended_arg:
            continue
        moved = ends[unit + 1] - 1
        if new_ops[moved] != number or new_places[moved] != places[unit]:
            return f"the instruction at offset {2 * unit} or its position"
        if unit in targets:
            if targets[unit] in inner or new_targets.get(moved) != where[targets[unit]]:
                return f"the jump at offset {2 * unit}"
        elif before(ops, args, unit + 1)[2] != before(new_ops, new_args, moved + 1)[2]:
            return f"the argument at offset {2 * unit}"
    if known.release.exception_table:
        expected = [
            (where[start], where[end], where[target], depth)
            for start, end, target, depth in tables.handlers(old.co_exceptiontable)
            if where[start] < where[end]
        ]
        if tables.handlers(new.co_exceptiontable) != expected:
            return "the exception handlers"
    return ""


def positions(code: CodeType) -> list[Any]:
    """Return the position of each code unit, or before 3.11 its line."""
    release = opcodes().release
    if release.exception_table:
        return list(code.co_positions())
    lines: list[Any] = []
    if release.line_table == "co_linetable":
        for start, end, line in code.co_lines():
            lines += [line] * ((end - start) // 2)
        return lines
    line, table = code.co_firstlineno, code.co_lnotab
    for ahead, step in zip(table[::2], table[1::2]):
        lines += [line] * ahead
        line += step - 256 if step > 127 else step
    lines += [line] * (len(code.co_code) - len(lines))
    return lines[::2]
