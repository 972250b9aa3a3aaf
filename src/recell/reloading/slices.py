"""A module's or class's body cut into statements, read from its raw code units: no text is parsed for it.

The body is cut where the value stack is empty and neither a jump nor an exception region crosses. Handlers that stand
behind the body (3.12+) join the statement that they serve. A slice never holds parts of two statements; one statement
may be several slices (`import a, b`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from recell.reloading.operations import operations

if TYPE_CHECKING:
    from types import CodeType

    from recell.reloading.operations import Operations

__all__ = ["Instruction", "lines_of", "slices"]


class Instruction(NamedTuple):
    """One instruction: where it starts and ends, in code units, and where it jumps to (-1: nowhere)."""

    op: int
    argument: int
    start: int
    end: int
    target: int


def instructions(code: CodeType) -> list[Instruction]:
    """The instructions of a code object, without caches and prefixes."""
    known = operations()
    raw = code.co_code
    extended, caches, jumps = known.extended, known.caches, known.jumps
    prefix, start = 0, -1
    found: list[Instruction] = []
    unit = -1
    for op, argument in zip(raw[::2], raw[1::2]):
        unit += 1
        if not op:
            continue
        if start < 0:
            start = unit
        if op == extended:
            prefix = (prefix | argument) << 8
            continue
        argument |= prefix
        end = unit + 1 + caches.get(op, 0)
        found.append(
            Instruction(op, argument, start, end, _target(known, op, argument, end) if op in jumps else -1)
        )
        prefix, start = 0, -1
    return found


def _target(known: Operations, op: int, argument: int, end: int) -> int:
    """The code unit that a jump leads to."""
    distance = argument * known.step // 2
    if op in known.absolute:
        return distance
    return end - distance if op in known.backwards else end + distance


def slices(code: CodeType) -> list[list[Instruction]]:
    """The instructions of a body, one list for each statement."""
    steps = instructions(code)
    if not steps:
        return []
    return _Cutter(code, steps).slices()


class _Cutter:
    def __init__(self, code: CodeType, steps: list[Instruction]) -> None:
        self.known = operations()
        self.steps = steps
        self.at = {step.start: number for number, step in enumerate(steps)}
        self.regions = self._regions(code)
        self.cold = len(steps)
        if self.known.handlers_last:
            self.cold = min([handler for _, _, handler in self.regions], default=self.cold)
        self.joined = [False] * (len(steps) + 1)  # [n]: no cut between n - 1 and n
        self.owner: dict[int, int] = {}  # a cold instruction -> the one it belongs to

    def _regions(self, code: CodeType) -> list[tuple[int, int, int]]:
        """Return where exceptions are handled: the first instruction, the one behind the last, the handler."""
        if not getattr(code, "co_exceptiontable", b""):
            return []
        from dis import _parse_exception_table  # type: ignore[attr-defined]

        at, size = self.at, len(self.steps)
        return [
            (at[entry.start >> 1], at.get(entry.end >> 1, size), at[entry.target >> 1])
            for entry in _parse_exception_table(code)
            if entry.start >> 1 in at and entry.target >> 1 in at
        ]

    def slices(self) -> list[list[Instruction]]:
        empty, jumps = self._depths()
        cold = self.cold
        for source, target in jumps:
            if source < cold and target < cold:
                self._join(min(source, target), max(source, target) - (target > source))
            elif source < cold:
                self.owner.setdefault(target, source)
        returned = next((at for at in range(cold) if self.steps[at].op in self.known.returns), cold)
        self._join(
            returned, cold - 1
        )  # each branch of a last statement returns by itself, with what follows it
        for start, end, handler in self.regions:
            if start < cold:
                self._join(start, min(end, cold) - 1)
                if self.known.handlers_last:
                    self._serve(start, handler)
                else:
                    self._join(min(start, handler), max(end - 1, handler))
        found: list[list[Instruction]] = []
        number: list[int] = []
        steps, joined = self.steps, self.joined
        for position in range(cold):
            if not found or (empty[position] and not joined[position]):
                found.append([])
            found[-1].append(steps[position])
            number.append(len(found) - 1)
        last = 0
        for position in range(cold, len(steps)):
            owner = self.owner.get(position, -1)
            last = number[owner] if 0 <= owner < cold else last
            found[last].append(steps[position])
        return found

    def _depths(self) -> tuple[list[bool], list[tuple[int, int]]]:
        """Return where the value stack is empty, and the jumps, as pairs of instructions."""
        known, at = self.known, self.at
        effect, ends = known.effect, known.ends
        empty: list[bool] = []
        jumps: list[tuple[int, int]] = []
        entries: dict[int, int] = {}
        depth, dead = 0, False
        for number, (op, argument, _, _, target) in enumerate(self.steps):
            if dead:
                depth, dead = entries.get(number, 0), False
            empty.append(depth == 0)
            if target >= 0:
                there = at.get(target)
                if there is not None:
                    entries.setdefault(there, depth + effect(op, argument, True))
                    jumps.append((number, there))
            depth = max(depth + effect(op, argument, False), 0)
            dead = op in ends
        return empty, jumps

    def _join(self, first: int, last: int) -> None:
        for position in range(first + 1, last + 1):
            self.joined[position] = True

    def _serve(self, start: int, handler: int) -> None:
        """Gives a handler that stands behind the body, and what it leads to, to the statement it serves."""
        steps, cold, waiting, seen = self.steps, self.cold, [handler], set()
        while waiting:
            position = waiting.pop()
            while position < len(steps) and position not in seen:
                if position < cold:
                    self._join(start, max(position - 1, start))
                    break
                seen.add(position)
                self.owner.setdefault(position, start)
                waiting += [to for first, end, to in self.regions if first <= position < end]
                step = steps[position]
                if step.target in self.at:
                    waiting.append(self.at[step.target])
                if step.op in self.known.ends:
                    break
                position += 1


def lines_of(code: CodeType) -> list[int]:
    """The line of each code unit; 0 where there is none."""
    from dis import findlinestarts

    starts = [(offset >> 1, line or 0) for offset, line in findlinestarts(code)]
    size = len(code.co_code) >> 1
    found = [0] * size
    for (start, line), (end, _) in zip(starts, [*starts[1:], (size, 0)]):
        found[start:end] = [line] * (end - start)
    return found
