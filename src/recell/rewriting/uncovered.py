"""The handler of what is put in front of an instruction whose own region in `co_exceptiontable` does not fit.

The compiler covers no opening of a `try` statement (3.11+), and no test whose jump it turned round (3.13+): they
raise nothing. A `continue` that leaves a `try` body lies outside that, and one that leaves a handler outside the region
that cleans up after it. Inserted code may raise: it belongs to the regions around the statement, which the statement's
own handlers tell, or to that of the instruction from which control comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from recell.rewriting.reading import ending

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Covering"]


class _Opcodes(NamedTuple):
    nop: int
    handler: int
    leave: int
    intrinsic: int
    tests: frozenset[int]


_resolved: _Opcodes | None = None


def _opcodes() -> _Opcodes:
    global _resolved  # noqa: PLW0603 - resolved once
    if _resolved is None:
        from opcode import opmap

        names = ("NOP", "PUSH_EXC_INFO", "POP_EXCEPT", "CALL_INTRINSIC_1")
        nop, handler, leave, intrinsic = (opmap.get(name, -1) for name in names)
        tests = frozenset(number for name, number in opmap.items() if name.startswith("POP_JUMP"))
        _resolved = _Opcodes(nop, handler, leave, intrinsic, tests)
    return _resolved


class Covering:
    """The regions of a code object, as instructions lie in them.

    Args:
        regions: (first instruction, the one behind the last, handler), without overlap.
        numbers: the opcodes.
        jumps: index of a jump -> index of the instruction it leads to.
        lines: the line of each instruction.
    """

    def __init__(
        self,
        regions: Sequence[tuple[int, int, int]],
        numbers: Sequence[int],
        jumps: Mapping[int, int],
        lines: Sequence[int | None],
    ) -> None:
        self.regions: Sequence[tuple[int, int, int]] = regions
        self.numbers: Sequence[int] = numbers
        self.jumps: Mapping[int, int] = jumps
        self.lines: Sequence[int | None] = lines

    def other(self, index: int) -> int:
        """Return the number of the region for code in front of an instruction; -1 where its own, or none, is right."""
        known, number = _opcodes(), self.numbers[index]
        if not self.regions:
            return -1
        own = self.at(index)
        if number == known.leave or (own < 0 and number in known.tests):
            return self.before(index, set())
        if index and 0 <= own == self.at(index - 1):
            return -1
        found = self.before(index, set())
        inside = found >= 0 and self.regions[found][2] not in self.chain(own)
        if inside and self.stands_before(index, self.regions[found][2]):
            return found
        return self.around_opening(index) if own < 0 and number == known.nop else -1

    def stands_before(self, index: int, handler: int) -> bool:
        """Say whether an instruction's line comes before those of a handler: then it is in the body that it guards."""
        later = (line for line in self.lines[handler:] if line is not None)
        line, first = self.lines[index], next(later, None)
        return line is not None and first is not None and line < first

    def chain(self, region: int) -> dict[int, int]:
        """Return a region and those around it, by their handlers."""
        found: dict[int, int] = {}
        while region >= 0 and self.regions[region][2] not in found:
            found[self.regions[region][2]] = region
            region = self.around(region)
        return found

    def at(self, index: int) -> int:
        """Return the number of the region in which an instruction lies, or -1."""
        found = (number for number, (first, last, _) in enumerate(self.regions) if first <= index < last)
        return next(found, -1)

    def around(self, region: int) -> int:
        """Return the number of the region around the statement that has a region, or -1."""
        handler = self.regions[region][2]
        found = self.at(handler)
        if found >= 0 and self.numbers[handler] == _opcodes().handler:
            found = self.at(self.regions[found][2])  # through the clean-up, which lies outside the statement
        return found

    def around_opening(self, index: int) -> int:
        """Return the number of the region around the `try` statement that an instruction opens."""
        nop, inside = _opcodes().nop, index
        while inside < len(self.numbers) and self.numbers[inside] == nop and self.at(inside) < 0:
            inside += 1  # each opens one more
        found, before = self.at(inside), self.at(index - 1)
        if found >= 0 and before >= 0 and self.regions[found][2] == self.regions[before][2]:
            return found  # the statement has no body: the region goes on behind it
        for _ in range(inside - index):
            if found >= 0:
                found = self.around(found)
        if found < 0:  # in a generator one is around everything
            intrinsic = _opcodes().intrinsic
            handlers = enumerate(self.numbers[handler] for _, _, handler in self.regions)
            found = next((number for number, opcode in handlers if opcode == intrinsic), -1)
        return found

    def before(self, index: int, seen: set[int]) -> int:
        """Return the number of the innermost region that all instructions share from which control comes."""
        chains = []
        seen.add(index)
        sources = [source for source, target in self.jumps.items() if target == index]
        if self.numbers[index - 1] not in ending():
            sources.append(index - 1)
        for source in sources:
            found = self.at(source)
            if found < 0 and source not in seen:  # one that raises nothing
                found = self.before(source, seen)
            chains.append(self.chain(found))
        shared = (
            found
            for handler, found in (chains[0] if chains else {}).items()
            if all(handler in chain for chain in chains)
        )
        return next(shared, -1)
