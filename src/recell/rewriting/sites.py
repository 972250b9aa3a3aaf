"""Places among the library's instructions: where the statements of a line start, and how pieces are put there."""

from __future__ import annotations

from types import CodeType
from typing import TYPE_CHECKING, Any

from recell.rewriting.assembling import Parts, assembled, check_disassembly, parts_of, regions_of
from recell.rewriting.depths import Steps, flow
from recell.rewriting.library import disassembled, library
from recell.rewriting.places import body_start, line_sites, lines_in
from recell.rewriting.reading import marking
from recell.rewriting.uncovered import Covering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = [
    "all_lines",
    "edited_inside",
    "first_place",
    "jumps_of",
    "lines_of",
    "own_locals",
    "put_first",
    "put_in",
    "put_on_line",
    "statement_sites",
    "steps_of",
]


def put_on_line(items: Any, line: int, pieces: Callable[[Any, int], list[Any]]) -> bool:
    """Put pieces in front of the statements on a line, in nested functions where the function itself has none."""
    parts = parts_of(list.__iter__(items))
    sites = statement_sites(parts, line)
    if sites:
        put_in(items, sites, pieces, line)
        return True
    changed = False
    for item in parts.instructions:
        if type(item.arg) is CodeType:
            changed |= edited_inside(item, lambda inside: put_on_line(inside, line, pieces))
    return changed


def edited_inside(item: Any, edit: Callable[[Any], bool]) -> bool:
    """Edit the nested code that an instruction loads; say whether the edit changed anything."""
    inside = disassembled(item.arg)
    known, kept = check_disassembly(item.arg, list.__iter__(inside)), list(list.__iter__(inside))
    changed = edit(inside)
    if changed:
        item.arg = assembled(inside, item.arg, known)
    del kept  # the ids in `known` were theirs
    return changed


def statement_sites(parts: Parts, line: int) -> list[int]:
    """Return where statements on a line start: not where an expression that began there goes on."""
    numbers = [item.opcode for item in parts.instructions]
    found = line_sites(numbers, lines_of(parts), line, lambda: jumps_of(parts))
    if len(found) < 2:
        return found
    _, _, depths = flow(steps_of(parts), regions_of(parts))
    result: list[int] = []
    for site in found:
        # values that were pushed since an earlier start on the line and still lie there: the same statement
        pending = (
            other
            for other in result
            if depths[other] >= 0 and all(depth > depths[other] for depth in depths[other + 1 : site + 1])
        )
        if next(pending, None) is None:
            result.append(site)
    return result


def steps_of(parts: Parts) -> Steps:
    """Return the library's instructions as far as the stack is concerned."""
    instructions = parts.instructions
    ends = {index for index, item in enumerate(instructions) if item.is_final() or item.is_uncond_jump()}

    def effect(index: int, jump: bool) -> int:
        return instructions[index].stack_effect(jump)  # type: ignore[no-any-return]

    return Steps(len(instructions), jumps_of(parts), ends, effect)


def jumps_of(parts: Parts) -> dict[int, int]:
    """Return the index of each jump with that of the instruction it leads to."""
    label, marks = library().Label, marking()
    return {
        index: parts.places[id(item.arg)]
        for index, item in enumerate(parts.instructions)
        if isinstance(item.arg, label) and item.opcode not in marks
    }


def lines_of(parts: Parts) -> list[int | None]:
    """Return the line of each instruction; one without a location has that of the one before."""
    lines: list[int | None] = []
    for item in parts.instructions:
        if item.location is not None:
            lines.append(item.location.lineno)
        else:
            lines.append(lines[-1] if lines else None)
    return lines


def all_lines(items: Any) -> Iterator[int]:
    """Yield the lines of the library's instructions and of nested code, prologues left out."""
    parts = parts_of(list.__iter__(items))
    first = body_start([item.opcode for item in parts.instructions])
    yield from (line for line in lines_of(parts)[first:] if line is not None)
    for item in parts.instructions:
        if type(item.arg) is CodeType:
            yield from lines_in(item.arg)


def put_in(items: Any, sites: Sequence[int], pieces: Callable[[Any, int], list[Any]], line: int) -> None:
    """Put pieces in front of the instructions at these indices, made anew for each."""
    bytecode = library()
    where = [at for at, item in enumerate(list.__iter__(items)) if isinstance(item, bytecode.Instr)]
    parts = parts_of(list.__iter__(items))
    numbers = [item.opcode for item in parts.instructions]
    regions = [(first, last, parts.places[id(begin.target)]) for first, last, begin in parts.regions]
    if borrowing(parts.instructions):
        depths = flow(steps_of(parts), regions_of(parts))[2]
        if any(depths[site] for site in sites):
            own_locals(parts.instructions)  # none may be only borrowed where control divides
    covering = Covering(regions, numbers, jumps_of(parts), lines_of(parts))
    for site in reversed(sites):
        at, put = where[site], pieces(items, line)
        around = covering.other(site)
        if around >= 0:
            region = parts.regions[around][2]
            begin = bytecode.TryBegin(
                region.target, push_lasti=region.push_lasti, stack_depth=region.stack_depth
            )
            put = [begin, *put, bytecode.TryEnd(begin)]
        list.__setitem__(items, slice(at, at), put)


def put_first(items: Any, pieces: Callable[[Any, int], list[Any]]) -> None:
    """Put pieces in front of the body."""
    at = first_place(items)
    list.__setitem__(items, slice(at, at), pieces(items, items.first_lineno))


def first_place(items: Any) -> int:
    """Return where the body starts: behind the prologue, and in front of a loop that may come first."""
    bytecode = library()
    every = list(list.__iter__(items))
    where = [at for at, item in enumerate(every) if isinstance(item, bytecode.Instr)]
    first = body_start([every[at].opcode for at in where])
    return where[first - 1] + 1 if first else 0


def borrowing(instructions: Sequence[Any]) -> bool:
    """Say whether an instruction puts a local on the stack without owning it (3.14+)."""
    return any("_BORROW" in item.name for item in instructions)


def own_locals(instructions: Sequence[Any]) -> None:
    """Make instructions own the locals that they put on the stack."""
    for item in instructions:
        if "_BORROW" in item.name:
            item.set(item.name.replace("_BORROW", ""), item.arg)
