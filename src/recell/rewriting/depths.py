"""The depth of the stack at every instruction, for handlers and stack sizes that an edit made necessary."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from recell.rewriting.reading import ending, marking

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from recell.rewriting.reading import Decoded

__all__ = ["Region", "Steps", "flow", "steps_of"]


class Region(NamedTuple):
    """Instructions that a handler covers, by index."""

    first: int
    last: int
    """The index behind the last instruction."""
    handler: int
    depth: int
    """The stack that the handler finds: above that of `anchor`, where there is one."""
    lasti: int
    anchor: int
    """The instruction whose depth counts as zero; -1: none."""


class Steps(NamedTuple):
    """Instructions as far as the stack is concerned."""

    size: int
    targets: Mapping[int, int]
    """Index of a jump -> index of the instruction it leads to."""
    ends: Container[int]
    """Indices of the instructions that never go on to the next one."""
    effect: Callable[[int, bool], int]
    """The effect on the stack of the instruction at an index, with the jump taken or not."""


def steps_of(decoded: Decoded) -> Steps:
    """Return the steps of decoded instructions."""
    import opcode

    stack_effect, takes_argument = opcode.stack_effect, opcode.HAVE_ARGUMENT
    codes, arguments, last = decoded.numbers, decoded.arguments, ending()

    def effect(index: int, jump: bool) -> int:
        code = codes[index]
        return stack_effect(code, arguments[index] if code >= takes_argument else None, jump=jump)

    ends = {index for index, code in enumerate(codes) if code in last}
    marks = marking()
    targets = {index: target for index, target in decoded.jumps().items() if codes[index] not in marks}
    return Steps(len(codes), targets, ends, effect)


def flow(steps: Steps, regions: Sequence[Region]) -> tuple[int, list[int], list[int]]:
    """Return the deepest stack, the depth of each region, and the depth in front of each instruction.

    An instruction that nobody reaches has the depth -1.
    """
    size, targets, ends, effect = steps
    depths = [-1] * size
    found = [region.depth if region.anchor < 0 else -1 for region in regions]
    covering = {
        index: number for number, region in enumerate(regions) for index in range(region.first, region.last)
    }
    entered: set[int] = set()
    deepest = 0
    steps_left = 10 * size + 1000
    waiting = [(0, 0)]
    while True:
        while waiting:
            index, depth = waiting.pop()
            # the deepest arrival counts (before 3.9 a finally clause has several), but no loop that grows for good
            while 0 <= index < size and depths[index] < depth and steps_left:
                depths[index] = depth
                steps_left -= 1
                number = covering.get(index, -1)
                if number >= 0 and number not in entered:
                    region = regions[number]
                    if found[number] < 0 and depths[region.anchor] >= 0:
                        found[number] = depths[region.anchor] + region.depth
                    if found[number] >= 0:
                        entered.add(number)
                        above = found[number] + 1 + region.lasti
                        deepest = max(deepest, above)
                        waiting.append((region.handler, above))
                if index in targets:
                    taken = depth + effect(index, True)
                    deepest = max(deepest, taken)
                    waiting.append((targets[index], max(taken, 0)))
                if index in ends:
                    break
                depth += effect(index, False)
                deepest = max(deepest, depth)
                depth = max(depth, 0)  # `verify` refuses it
                index += 1
        for number, region in enumerate(regions):
            inside = [depth for depth in depths[region.first : region.last] if depth >= 0]
            if number not in entered and inside:
                # control comes in behind the anchor: the least depth in a region is what a compiler takes
                if found[number] < 0:
                    found[number] = min(inside)
                entered.add(number)
                waiting.append((region.handler, found[number] + 1 + region.lasti))
        if not waiting:
            return deepest, [max(depth, 0) for depth in found], depths
