"""A probe in a code object: by the assembler where a call is all there is, by the library where text is compiled."""

from __future__ import annotations

from types import CodeType
from typing import TYPE_CHECKING, Any, NamedTuple

from recell.code import assembler, tables
from recell.code.instructions import instruction, opcodes
from recell.errors import ScopeError
from recell.rewriting.places import ENTRY, body_start, line_sites
from recell.rewriting.reading import decode
from recell.rewriting.rewriting import rewritten
from recell.rewriting.uncovered import Covering

if TYPE_CHECKING:
    from recell.rewriting.actions import Hook
    from recell.rewriting.places import Moment
    from recell.rewriting.reading import Decoded

__all__ = ["Point", "codes_at", "holds", "probed", "sites_on"]


class Point(NamedTuple):
    """One thing to put into code: its place, the call, and the condition."""

    at: int | Moment
    hook: Hook
    condition: Any
    """The tree of an expression, or None."""
    tested: tuple[str, ...]
    """The variables that the condition reads."""


def probed(code: CodeType, point: Point, sites: list[int] | None = None) -> CodeType:
    """Return the code with a probe. Raises ScopeError where nothing starts on its line.

    `sites`: what `sites_on` says of the code, where that is known.
    """
    if isinstance(point.at, int):
        new = _on_line(code, point, point.at, sites)
        if new is None:
            msg = f"no code of {code.co_name} starts on line {point.at}"
            raise ScopeError(msg, name=str(point.at), names=(), target=code.co_name)
        return new
    if point.at is ENTRY and point.condition is None and _all_bound(code, point.hook.names):
        new = _first(code, point.hook)
        if new is not None:
            return new
    return _through_library(code, point, [])


def codes_at(code: CodeType, line: int) -> list[CodeType]:
    """Return the code objects in which a line starts: the outermost that have it."""
    if sites_on(code, line):
        return [code]
    return [
        found
        for constant in code.co_consts
        if type(constant) is CodeType
        for found in codes_at(constant, line)
    ]


def holds(code: CodeType, hook: Hook) -> bool:
    """Say whether the call of a hook stands in a code object or in one nested in it."""
    return any(
        constant is hook.call or (type(constant) is CodeType and holds(constant, hook))
        for constant in code.co_consts
    )


def sites_on(code: CodeType, line: int) -> list[int]:
    """Return the code units at which a line starts."""
    decoded = decode(code)
    lines = _lines(code, decoded)
    return [decoded.starts[index] for index in line_sites(decoded.numbers, lines, line, decoded.jumps)]


def _lines(code: CodeType, decoded: Decoded) -> list[int | None]:
    where = assembler.positions(code)
    if where and type(where[0]) is tuple:
        return [where[unit][0] for unit in decoded.units]
    return [where[unit] for unit in decoded.units]


def _on_line(code: CodeType, point: Point, line: int, sites: list[int] | None = None) -> CodeType | None:
    """Return the code with the probe on a line of it or of nested code; None where no code has the line."""
    units = sites_on(code, line) if sites is None else sites
    if units:
        if point.condition is None and _all_bound(code, point.hook.names):
            return _inserted(code, units, point.hook)
        return _through_library(code, point, units)
    constants: list[Any] = list(code.co_consts)
    changed = False
    for index, constant in enumerate(constants):
        if type(constant) is CodeType:
            new = _on_line(constant, point, line)
            if new is not None:
                constants[index], changed = new, True
    return code.replace(co_consts=tuple(constants)) if changed else None


def _all_bound(code: CodeType, names: tuple[str, ...]) -> bool:
    """Say whether variables are parameters that are never deleted: then they are bound everywhere."""
    if not names:
        return True
    from recell.code.instructions import found
    from recell.rewriting.reading import parameter_names

    if not set(names) <= set(parameter_names(code)) or set(names) & set(code.co_cellvars):
        return False
    known, raw = _numbers(), code.co_code
    ops, args = raw[::2], raw[1::2]
    slots = {code.co_varnames.index(name) for name in names}
    return all(argument not in slots for number in known for _, _, argument in found(ops, args, number))


_unbinding: list[int] | None = None


def _numbers() -> list[int]:
    """Return the opcodes that leave a local unbound."""
    global _unbinding  # noqa: PLW0603 - resolved once
    if _unbinding is None:
        from opcode import opmap

        _unbinding = [opmap[name] for name in ("DELETE_FAST", "LOAD_FAST_AND_CLEAR") if name in opmap]
    return _unbinding


def _first(code: CodeType, hook: Hook) -> CodeType | None:
    """Return the code with the call of a hook in front of its body; None where a loop would come back to it."""
    decoded = decode(code)
    first = body_start(decoded.numbers)
    if first:  # behind the last instruction of the prologue: a jump leads past it
        start, end = decoded.starts[first - 1], decoded.starts[first]
        constants = list(code.co_consts)
        raw = code.co_code[2 * start : 2 * end] + _call(code, hook, constants)
        return _with_calls(code, [(start, end, raw)], constants, hook)
    if 0 in decoded.jumps().values():
        return None
    return _inserted(code, [0], hook)


def _inserted(code: CodeType, units: list[int], hook: Hook) -> CodeType:
    """Return the code with the call of a hook in front of these code units."""
    constants = list(code.co_consts)
    raw = _call(code, hook, constants)
    new = _with_calls(code, [(unit, unit, raw) for unit in units], constants, hook)
    return _covered(code, units, new, raw) if opcodes().release.exception_table else new


def _with_calls(
    code: CodeType, edits: list[tuple[int, int, bytes]], constants: list[Any], hook: Hook
) -> CodeType:
    size = code.co_stacksize + 5 + len(hook.names)
    return assembler.apply(code, edits, co_consts=tuple(constants), co_stacksize=size)


def _call(code: CodeType, hook: Hook, constants: list[Any]) -> bytes:
    """Return the instructions that count and call a hook; what they load goes to the constants.

    They are those of `for _ in steps: call(…); break`, with the step left on the stack till the end.
    """
    release, numbers = opcodes().release, _opmap()

    def constant(value: object) -> bytes:
        constants.append(value)
        return operation("LOAD_CONST", len(constants) - 1)

    def operation(name: str, argument: int = 0) -> bytes:
        return instruction(numbers[name], argument) + b"\0\0" * release.caches.get(name, 0)

    null = operation("PUSH_NULL") if release.global_null_bit else b""
    load = constant(hook.call)
    call = load + null if release.null_after_callable else null + load
    for name in hook.names:
        call += operation("LOAD_FAST", code.co_varnames.index(name))
    for name in ("PRECALL", "CALL") if release.global_null_bit else ("CALL_FUNCTION",):
        if name in numbers:
            call += operation(name, len(hook.names))
    call += operation("POP_TOP")
    if release.skipped_after_loop:
        end = b"".join(map(operation, release.skipped_after_loop))
        end += operation("POP_ITER") if "POP_ITER" in numbers else b""
    else:
        call += operation("POP_TOP") * 2
        end = b""
    loop = operation("FOR_ITER", len(call) // release.jump_unit)
    return constant(hook.steps) + operation("GET_ITER") + loop + call + end


def _covered(code: CodeType, units: list[int], new: CodeType, raw: bytes) -> CodeType:
    """Return the new code with the calls in the regions that fit, where those of what follows them do not."""
    decoded = decode(code)
    at = decoded.index_of()
    handlers = tables.handlers(code.co_exceptiontable)
    regions = [(at[start], at[end], at[target]) for start, end, target, _ in handlers]
    covering = Covering(regions, decoded.numbers, decoded.jumps(), _lines(code, decoded))
    found = [covering.other(at[unit]) for unit in units]
    if max(found) < 0:
        return new
    moved = tables.handlers(new.co_exceptiontable)
    entries, place, whole = moved, -2, new.co_code
    for number in found:
        place = whole.index(raw, place + 2)
        if number >= 0:
            first, last = place // 2, (place + len(raw)) // 2
            rest = [
                (start, end, target, depth)
                for begin, behind, target, depth in entries
                for start, end in ((begin, min(behind, first)), (max(begin, last), behind))
                if start < end
            ]
            entries = sorted([*rest, (first, last, *moved[number][2:])])
    return new.replace(co_exceptiontable=tables.write_handlers(entries))


def _opmap() -> dict[str, int]:
    from opcode import opmap

    return opmap


def _through_library(code: CodeType, point: Point, units: list[int]) -> CodeType:
    from recell.rewriting.probe_texts import ProbeText

    return rewritten(code, [(ProbeText(point), "Bytecode")])
