"""The walk on releases without exception tables, 3.8 to 3.10: what SETUP_FINALLY sets up, and what becomes of it.

A block is `(kind, target, level)`: one that waits for an exception, or the one that its handler runs in, whose three
saved values lie at `level` on the stack and are restored when it is left. On 3.8 `finally` bodies are subroutines
that find NULL, a return address or an exception on the stack: such states are not joined.
"""

from __future__ import annotations

from recell.verifier import kinds
from recell.verifier.walk import Walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, Tuple

    from recell.verifier.actions import Blocks, Handler

    Successor = Tuple[int, int, int, int, int, Blocks]
    Change = Tuple[int, int, int, Blocks]

WAITING, HANDLING = range(2)
MOST_BLOCKS = 20  # CO_MAXBLOCKS: one more is a fatal error
WIDTH, ENTRY, KIND = kinds.WIDTH, kinds.ENTRY, kinds.KIND


def _entries(*names: str) -> int:
    packed = 0
    for name in names:
        packed = packed << WIDTH | kinds.BIT[name]
    return packed


SAVED = _entries("prev_tb", "prev_value", "prev_type")
CAUGHT = _entries("exc_tb", "exc_value", "exc_type")
THREE = (1 << 3 * WIDTH) - 1


class BlockWalk(Walk):
    """One walk over one program with blocks."""

    def block_handler(self, blocks: Blocks) -> Handler:
        """Return what a stack of blocks does with an exception."""
        kind, _, level = blocks[-1]
        floor = level if kind == WAITING else level + 3
        for position in range(len(blocks) - 1, -1, -1):
            kind, target, level = blocks[position]
            if kind == WAITING:
                inner = (*blocks[:position], (HANDLING, -1, level))
                return target, level, SAVED << 3 * WIDTH | CAUGHT, floor, inner
        return -1, 0, 0, floor, blocks

    def protect(self, index: int, handler: Handler, stack: int, depth: int, unset: int, loose: int) -> None:
        """The blocks that an exception leaves on its way restore what they saved."""
        for kind, _, level in self.blocks:
            if kind == HANDLING and (
                depth < level + 3 or stack >> WIDTH * (depth - level - 3) & THREE != SAVED
            ):
                raise self.refuse(
                    index, f"may raise where a handler's saved exception is not at {level} on the stack"
                )
        super().protect(index, handler, stack, depth, unset, loose)

    def change_blocks(
        self, index: int, end: Any, stack: int, depth: int, unset: int, loose: int, blocks: Blocks, floor: int,
        handler: Handler | None,
    ) -> Iterator[Successor]:  # fmt: skip
        """The states behind an instruction that sets up or removes a block."""
        _, number, move, target, argument = end
        if depth - move[0] < floor or stack & move[1]:
            self.doubt(index, move, stack, depth, unset, loose, floor, handler)
        name = self.machine.names[number]
        if name == "RERAISE":
            if argument and not (blocks and blocks[-1][0] == HANDLING):
                raise self.refuse(index, "restores the line of a handler that is not running")
            return
        if name in _SETUPS:
            moved = stack >> move[2] << move[3] | move[4]
            depth += move[5]
            if len(blocks) == MOST_BLOCKS - 1:
                raise self.refuse(index, f"sets up more than {MOST_BLOCKS - 1} blocks")
            waiting = (WAITING, target, depth - _SETUPS[name])
            yield index + 1, moved, depth, unset, loose, (*blocks, waiting)
            return
        if name == "CALL_FINALLY":
            address = kinds.RETURN_ADDRESS | index + 1 << kinds.PARAMETER
            yield target, stack << WIDTH | address, depth + 1, unset, loose, blocks
            return
        change = getattr(self, name.lower())
        for after, stack_after, depth_after, blocks_after in change(index, argument, stack, depth, blocks):
            yield after, stack_after, depth_after, unset, loose, blocks_after

    def top(self, index: int, blocks: Blocks, kind: int) -> tuple[Blocks, int]:
        """The blocks below the top one, and its level."""
        if not blocks or blocks[-1][0] != kind:
            raise self.refuse(index, "there is no block of its kind")
        return blocks[:-1], blocks[-1][2]

    def pop_block(
        self, index: int, argument: int, stack: int, depth: int, blocks: Blocks
    ) -> Iterator[Change]:
        below, _ = self.top(index, blocks, WAITING)
        yield index + 1, stack, depth, below

    def pop_except(
        self, index: int, argument: int, stack: int, depth: int, blocks: Blocks
    ) -> Iterator[Change]:
        below, level = self.top(index, blocks, HANDLING)
        if depth - level not in (3, 4):
            raise self.refuse(index, f"the saved exception lies at {depth - 3}, its block says {level}")
        yield index + 1, stack >> 3 * WIDTH, depth - 3, below

    def leave(self, index: int, stack: int, depth: int, blocks: Blocks) -> tuple[int, int, Blocks]:
        """Restore what a handler's end restores, with everything above it dropped."""
        below, level = self.top(index, blocks, HANDLING)
        excess = depth - level - 3
        if excess < 0 or stack >> WIDTH * excess & THREE != SAVED:
            raise self.refuse(index, f"its saved exception is not at {level} on the stack")
        return stack >> WIDTH * (excess + 3), level, below

    def end_async_for(
        self, index: int, argument: int, stack: int, depth: int, blocks: Blocks
    ) -> Iterator[Change]:
        stack, depth, below = self.leave(index, stack, depth, blocks)
        if not depth or stack & kinds.NULL:  # pragma: no cover - its move asked for a value there
            raise self.refuse(index, "there is no asynchronous iterator below")
        yield index + 1, stack >> WIDTH, depth - 1, below

    # -- 3.8's subroutines ----------------------------------------------------------------------

    def found(self, index: int, stack: int, depth: int) -> int:
        """Return what a `finally` body found: NULL, a return address or an exception's type."""
        kind = stack & KIND
        if not depth or kind not in (kinds.NULL, kinds.RETURN_ADDRESS, EXC_TYPE):
            raise self.refuse(index, f"finds {kinds.describe(kind)}, no outcome that a finally body can have")
        if kind == EXC_TYPE and stack & THREE != CAUGHT:
            raise self.refuse(index, "finds an exception that is not complete")
        return kind

    def pop_finally(self, index: int, keeps: int, stack: int, depth: int, blocks: Blocks) -> Iterator[Change]:
        result = stack & ENTRY
        if keeps:
            if not depth or result & kinds.NULL:
                raise self.refuse(index, "has no value to keep")
            stack, depth = stack >> WIDTH, depth - 1
        if self.found(index, stack, depth) == EXC_TYPE:
            stack, depth, blocks = self.leave(index, stack, depth, blocks)
        else:
            stack, depth = stack >> WIDTH, depth - 1
        yield (
            (index + 1, stack << WIDTH | result, depth + 1, blocks)
            if keeps
            else (index + 1, stack, depth, blocks)
        )

    def end_finally(
        self, index: int, argument: int, stack: int, depth: int, blocks: Blocks
    ) -> Iterator[Change]:
        kind = self.found(index, stack, depth)
        if kind == kinds.NULL:
            yield index + 1, stack >> WIDTH, depth - 1, blocks
        elif kind == kinds.RETURN_ADDRESS:
            yield (stack & ENTRY) >> kinds.PARAMETER, stack >> WIDTH, depth - 1, blocks

    def with_cleanup_start(
        self, index: int, argument: int, stack: int, depth: int, blocks: Blocks
    ) -> Iterator[Change]:
        """Calls the exit function below, and closes the gap that it leaves."""
        kind = self.found(index, stack, depth)
        if kind == EXC_TYPE:
            below, level = self.top(index, blocks, HANDLING)
            if depth != level + 6 or not level or stack >> 6 * WIDTH & NO_FUNCTION:
                raise self.refuse(index, "there is no exit function below the exception")
            under, caught = stack >> 7 * WIDTH, stack & THREE
            stack = (under << 3 * WIDTH | SAVED) << WIDTH | kinds.NULL
            stack = stack << 3 * WIDTH | caught
            blocks = (*below, (HANDLING, -1, level - 1))
        else:
            if depth < 2 or stack >> WIDTH & NO_FUNCTION:
                raise self.refuse(index, "there is no exit function")
            stack, depth = stack >> 2 * WIDTH << WIDTH | stack & ENTRY, depth - 1
        yield index + 1, (stack << WIDTH | kinds.OBJECT) << WIDTH | kinds.OBJECT, depth + 2, blocks

    def with_cleanup_finish(
        self, index: int, argument: int, stack: int, depth: int, blocks: Blocks
    ) -> Iterator[Change]:
        if depth < 3 or stack & NO_FUNCTION or stack >> WIDTH & NO_FUNCTION:
            raise self.refuse(index, "there is no result of an exit function")
        stack, depth = stack >> 2 * WIDTH, depth - 2
        yield index + 1, stack, depth, blocks
        if self.found(index, stack, depth) == EXC_TYPE:  # the exit function may swallow it
            stack, depth, below = self.leave(index, stack, depth, blocks)
            yield index + 1, stack << WIDTH | kinds.NULL, depth + 1, below


EXC_TYPE = kinds.BIT["exc_type"]
NO_FUNCTION = KIND & ~kinds.ACCEPTED["value"]
# how many values SETUP_* leaves above the block's level
_SETUPS = {"SETUP_FINALLY": 0, "SETUP_WITH": 1, "SETUP_ASYNC_WITH": 1}
