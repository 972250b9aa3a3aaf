"""The walk over a decoded code object: what the stack, the locals and the cells may hold at every instruction.

Runs of instructions are walked with the state in local variables; where runs meet, states are joined, and a run is
walked again when its entry state grew. A state is `(stack, depth, unset, loose, blocks)`: the stack as `kinds` packs
it, its depth, one bit per slot that may be unbound, one per slot that may hold something else than a cell, and the
blocks of releases without exception tables.
"""

from __future__ import annotations

from heapq import heappop, heappush

from recell.verifier import kinds
from recell.verifier import opcodes as ops
from recell.verifier.call_actions import BY_NUMBER, CallActions
from recell.verifier.decode import ENDLESS, WHOLE, Program, Refused
from recell.verifier.trusting import GENERATOR_FLAGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, Tuple, Union

    from recell.verifier.actions import Blocks, Handler

    State = Tuple[int, int, int, int, Blocks]
    Successor = Tuple[int, int, int, int, int, Blocks]
    End = Tuple[Any, ...]
    Key = Union[int, Tuple[int, int, int, Blocks]]

WIDTH, ENTRY, KIND = kinds.WIDTH, kinds.ENTRY, kinds.KIND
SPECIAL_STORES = kinds.NULL | kinds.CELL | kinds.BORROWED


class Walk(CallActions):
    """One walk over one program."""

    run_end: int
    pending: bool

    def __init__(self, program: Program, handlers: list[tuple[int, int, Handler]]) -> None:
        super().__init__(program)
        self.limit: int = program.code.co_stacksize
        self.blocks: Blocks = ()
        self.states: dict[Any, State] = {}
        self.waiting: list[Any] = []
        self.queued: set[Any] = set()
        deepest = 1 << self.limit.bit_length()  # few masks serve all code, and none is too short
        self.every_borrowed: int = kinds.every(kinds.BORROWED, deepest)
        self.every_parameter: int = kinds.every(kinds.LARGEST_PARAMETER << kinds.PARAMETER, deepest)
        self.every_shape: int = kinds.every(SHAPE, deepest)
        code = program.code
        count = len(program.slots)
        arguments = (
            code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 4) + bool(code.co_flags & 8)
        )
        every = (1 << count + 1) - 1
        self.entry: State = (0, 0, every & ~((1 << arguments) - 1), every, ())
        self._cut(handlers)

    def _cut(self, handlers: list[tuple[int, int, Handler]]) -> None:
        """Runs of instructions: `runs[first] = (behind the last plain instruction, how it ends, its handler)`."""
        program = self.program
        ends, total = program.ends, len(program.moves)
        leaders = {end[5] for end in ends.values() if end[0] == ops.JUMP}
        cuts = leaders | {index + 1 for index in ends}
        cuts.add(0)
        for first, last, handler in handlers:
            leaders.add(handler[0])
            cuts.update((first, last))
        self.leaders = leaders
        if not program.machine.release.exception_table:
            leaders.update(end[3] for end in ends.values() if end[0] == ops.BLOCK and end[3] >= 0)
        ordered = sorted(cuts | leaders)
        self.runs: dict[int, tuple[int, Any, Handler | None]] = {}
        handlers = [*handlers, (ENDLESS, ENDLESS, (0, 0, 0, 0, ()))]
        region = iter(handlers)
        start, stop, handler = next(region)
        for first, after in zip(ordered, [*ordered[1:], total]):
            if first >= total:
                break
            while first >= stop:
                start, stop, handler = next(region)
            end = ends.get(after - 1)
            self.runs[first] = (after - 1 if end else after, end, handler if first >= start else None)

    # -- states ---------------------------------------------------------------------------------

    def walk(self) -> None:
        """Walk until nothing changes; raises Refused."""
        code, effects = self.program.code, self.machine.release
        if not self.program.moves:
            raise Refused(WHOLE, "there are no instructions")
        stack, depth, unset, loose, blocks = self.entry
        if effects.generator_start == "GEN_START" and code.co_flags & GENERATOR_FLAGS:
            stack, depth = kinds.OBJECT, 1  # the value that starts a generator
            if not self.limit:
                raise Refused(WHOLE, "co_stacksize leaves no place for the value that starts a generator")
        self.reach(0, 0, stack, depth, unset, loose, blocks)
        waiting, queued = self.waiting, self.queued
        while waiting:
            key = heappop(waiting)
            queued.discard(key)
            self.run(key)

    def reach(
        self, index: int, target: int, stack: int, depth: int, unset: int, loose: int, blocks: Blocks,
    ) -> None:  # fmt: skip
        """Control reaches `target` from `index` in this state: join it with what is known there."""
        if stack & self.every_parameter or stack & self.every_borrowed:
            stack = self.settle(index, stack)
        key: Key = target
        if self.machine.release.finally_calls:
            key = (target, depth, stack & self.every_shape, blocks)
        known = self.states.get(key)
        state = (stack, depth, unset, loose, blocks)
        if known is not None:
            if known == state:
                return
            if known[1] != depth or known[4] != blocks:
                raise self.refuse(
                    index,
                    f"reaches {2 * self.program.begins[target]} with {depth} values on the stack, not {known[1]}",
                )
            if stack & known[0] & self.every_borrowed and (stack ^ known[0]) & self.every_parameter:
                raise self.refuse(index, "brings another borrowed local on the stack")
            state = (stack | known[0], depth, unset | known[2], loose | known[3], blocks)
            if known == state:
                return
        self.states[key] = state
        if key not in self.queued:
            self.queued.add(key)
            heappush(self.waiting, key)

    def settle(self, index: int, stack: int) -> int:
        """Return what a stack holds for all who may come here: without the parameters of its entries.

        Borrowed locals keep theirs: 3.15's asynchronous comprehensions and `with` leave some to their handlers.
        """
        settled, shift = 0, 0
        while stack:
            entry = stack & ENTRY
            if not entry & (kinds.RETURN_ADDRESS | kinds.BORROWED):
                entry &= KIND
                if entry & kinds.PENDING:
                    raise self.refuse(index, "a function still lacks its closure")
                if entry & NEEDS_PARAMETER:
                    entry = entry & ~NEEDS_PARAMETER | kinds.BIT["tuple"]
                if entry & kinds.CODES:
                    entry = entry & ~kinds.CODES | kinds.OBJECT
            settled |= entry << shift
            shift += WIDTH
            stack >>= WIDTH
        return settled

    # -- one run --------------------------------------------------------------------------------

    def run(self, key: Key) -> None:
        """Walk from a leader to where control ends, jumps or reaches the next leader."""
        stack, depth, unset, loose, blocks = self.states[key]
        first: int = key[0] if isinstance(key, tuple) else key
        moves, runs, leaders, limit, methods = (
            self.program.moves,
            self.runs,
            self.leaders,
            self.limit,
            BY_NUMBER,
        )
        total = len(moves)
        lent = -1 if stack & self.every_borrowed else 0  # any: `check_lent` looks which
        while True:
            last, end, handler = runs[first]
            floor = 0
            if blocks:
                self.blocks = blocks
                handler = self.block_handler(blocks)
            self.pending = False
            if handler is not None:
                floor = handler[3]
                self.run_end = last + (end is not None)
                if depth - moves[first][0] < floor:
                    floor = ENDLESS  # PUSH_EXC_INFO, say, takes what the handler needs, and puts it back
                elif not blocks and not self.exposed(first):
                    self.pending = True
                else:
                    self.protect(first, handler, stack, depth, unset, loose)
            index = first - 1
            for needed, forbidden, down, up, pushed, change, action, operand in moves[first:last]:
                index += 1
                if depth - needed < floor or stack & forbidden:
                    floor = self.doubt(index, moves[index], stack, depth, unset, loose, floor, handler)
                if action:
                    if action == LOAD:
                        if unset & operand:
                            raise self.unbound(index, operand)
                        if not loose & operand:
                            pushed = kinds.CELL
                    elif action == BORROW:
                        if unset & operand:
                            raise self.unbound(index, operand)
                        if not loose & operand:
                            pushed ^= kinds.OBJECT | kinds.CELL
                        lent |= operand
                    elif action == STORE:
                        if stack & SPECIAL_STORES or not loose & operand or self.pending:
                            unset, loose = self.store(index, stack, depth, unset, loose, operand, handler)
                        elif unset & operand:
                            unset ^= operand
                        if lent & operand:
                            self.check_lent(index, stack >> WIDTH, operand)
                    elif action == CALL:
                        if stack & operand:
                            pushed = self.call(index, stack, depth, pushed)
                    elif action == TUPLE:
                        pushed = self.tuple_entry(stack, operand, pushed)
                    elif action == HAND_ON:
                        if lent:
                            pushed = self.hand_on(index, stack, down, pushed)
                    else:
                        if (action <= CLEAR or action == ops.MAKE_CELL) and lent & operand:
                            self.check_lent(index, stack, operand)
                        now = stack, depth, unset, loose, pushed
                        stack, depth, unset, loose, pushed = methods[action](
                            self, index, operand, now, handler
                        )
                stack = stack >> down << up | pushed
                depth += change
                if depth > limit:
                    raise self.refuse(index, f"makes the stack {depth} deep, co_stacksize is {limit}")
            if end is not None:
                shape = end[0]
                if shape == ops.JUMP:
                    went_on = self.jump(last, end, stack, depth, unset, loose, blocks, floor, handler)
                    if went_on is None:
                        return
                    stack, depth = went_on
                elif shape == ops.STOP:
                    self.stop(last, end, stack, depth, unset, loose, blocks, floor, handler)
                    return
                else:
                    after = self.change_blocks(last, end, stack, depth, unset, loose, blocks, floor, handler)
                    for successor in after:
                        if successor[0] >= total:
                            raise self.refuse(last, "is the last instruction, and control goes on behind it")
                        self.reach(last, *successor)
                    return
                last += 1
            if last >= total:
                raise self.refuse(last - 1, "is the last instruction, and control goes on behind it")
            if last in leaders:
                self.reach(last - 1, last, stack, depth, unset, loose, blocks)
                return
            first = last

    def doubt(
        self, index: int, move: Any, stack: int, depth: int, unset: int, loose: int, floor: int, handler: Any
    ) -> int:
        """Operands are missing, wrong, or belong to a handler: refuse, or answer the floor from here on."""
        needed, forbidden, down, action = move[0], move[1], move[2], move[6]
        if depth < needed or stack & forbidden:
            raise self.refuse(index, kinds.explain(stack, depth, move))
        # a generator gets a value back before anything is raised there
        taken = needed if action in (ops.SWAP, ops.ROTATE) else 0 if action == ops.YIELD else down // WIDTH
        number = self.program.read(index)[0]
        if index in self.program.loop_tails or (floor == ENDLESS and number in self.machine.moves_blocks):
            return ENDLESS  # compilers do not guard these either
        # a trace function, or a signal, raises in front of any instruction
        if floor == ENDLESS:
            self.protect(index, handler, stack, depth, unset, loose)
        if number in self.machine.quiet:
            return ENDLESS if depth - taken < handler[3] else int(handler[3])
        if depth - taken < handler[3]:
            raise self.refuse(index, f"takes a value that its handler needs, below a depth of {handler[3]}")
        return int(handler[3])

    def protect(self, index: int, handler: Handler, stack: int, depth: int, unset: int, loose: int) -> None:
        """An exception may leave this state to the handler: `(target, depth, entries, floor, blocks)`."""
        target, kept, entries, floor, blocks = handler
        if depth < floor:
            raise self.refuse(index, f"has {depth} values on the stack, its handler needs {floor}")
        if target < 0:
            return
        low = stack >> WIDTH * (depth - kept)
        count = entries.bit_length() + WIDTH - 1
        count //= WIDTH
        if kept + count > self.limit:
            raise self.refuse(target, f"its stack is {kept + count} deep, co_stacksize is {self.limit}")
        self.reach(index, target, low << WIDTH * count | entries, kept + count, unset, loose, blocks)

    def block_handler(self, blocks: Blocks) -> Handler:
        """Return what a stack of blocks does with an exception; releases without exception tables only."""
        raise NotImplementedError

    def change_blocks(
        self, index: int, end: Any, stack: int, depth: int, unset: int, loose: int, blocks: Blocks, floor: int,
        handler: Handler | None,
    ) -> Iterator[Successor]:  # fmt: skip
        """The states behind an instruction that sets up or removes a block."""
        raise NotImplementedError

    def jump(
        self, index: int, end: Any, stack: int, depth: int, unset: int, loose: int, blocks: Blocks, floor: int,
        handler: Any,
    ) -> tuple[int, int] | None:  # fmt: skip
        """Reach the target; answer the stack and its depth where the next instruction follows too."""
        _, _, falls, taken, goes_on, target, refines = end
        needed, forbidden, down, up, pushed, change, _, _ = falls
        if depth - needed < floor or stack & forbidden:
            self.doubt(index, falls, stack, depth, unset, loose, floor, handler)
        if falls[1] and end[1] == self.machine.numbers["FOR_ITER"] and needed == 2:
            # an index belongs to what GET_ITER left in place of an iterator, and only to that
            if (stack & kinds.NULL and stack >> WIDTH & kinds.BIT["virtual"]) or (
                stack & kinds.BIT["index"] and stack >> WIDTH & kinds.ITER
            ):
                raise self.refuse(index, "iterates over a value with another's index")
        moved = stack >> taken[2] << taken[3] | taken[4]
        stack = stack >> down << up | pushed
        if refines and stack & KIND == kinds.EXC_OR_NONE and self.copies(index - 1):
            # what was tested is a copy of what stays: after the test it is known
            moved = moved >> WIDTH << WIDTH | (kinds.NONE if refines > 0 else kinds.EXC)
            stack = stack >> WIDTH << WIDTH | (kinds.EXC if refines > 0 else kinds.NONE)
        if target <= index and self.program.late_cells:
            for bit, made in self.program.late_cells.items():
                if target < made and not loose & bit:
                    raise self.refuse(index, "goes back in front of where a cell is made that it keeps")
        self.reach(index, target, moved, depth + taken[5], unset, loose, blocks)
        if not goes_on:
            return None
        depth += change
        if depth > self.limit:
            raise self.refuse(index, f"makes the stack {depth} deep, co_stacksize is {self.limit}")
        return stack, depth

    def copies(self, index: int) -> bool:
        """Return whether the instruction copies the top of the stack, and nothing jumps in between."""
        move = self.program.moves[index]
        return index >= 0 and move[6] == ops.COPY and move[7] == 1 and index + 1 not in self.leaders

    def stop(
        self, index: int, end: Any, stack: int, depth: int, unset: int, loose: int, blocks: Blocks, floor: int,
        handler: Any,
    ) -> None:  # fmt: skip
        """Control ends here."""
        move = end[2]
        if depth - move[0] < floor or stack & move[1]:
            self.doubt(index, move, stack, depth, unset, loose, floor, handler)
        name, code = self.machine.names[end[1]], self.program.code
        if name.startswith("RETURN_"):
            if (
                code.co_flags & ASYNC_GENERATOR
                and not self.program.dispatcher
                and (stack & KIND & ~kinds.NONE or name == "RETURN_CONST")
            ):
                if name != "RETURN_CONST" or code.co_consts[move[7]] is not None:
                    raise self.refuse(index, "returns a value from an asynchronous generator")
            depth += move[5]
            if depth or blocks:
                raise self.refuse(index, f"returns with {depth} values and {len(blocks)} blocks left")


ASYNC_GENERATOR = 0x200
NEEDS_PARAMETER = kinds.CELLS | kinds.BIT["names"] | kinds.BIT["name_pairs"]
SHAPE = kinds.NULL | kinds.RETURN_ADDRESS | kinds.LARGEST_PARAMETER << kinds.PARAMETER
LOAD, BORROW, STORE, TUPLE, CALL, CLEAR = ops.LOAD, ops.BORROW, ops.STORE, ops.TUPLE, ops.CALL, ops.CLEAR
HAND_ON = ops.HAND_ON
