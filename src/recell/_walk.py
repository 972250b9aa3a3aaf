"""The walk over a decoded code object: what the stack, the locals and the cells may hold at every instruction.

Runs of instructions are walked with the state in local variables; where runs meet, states are joined, and a run is
walked again when its entry state grew. A state is `(stack, depth, unset, loose, blocks)`: the stack as `_kinds` packs
it, its depth, one bit per slot that may be unbound, one per slot that may hold something else than a cell, and the
blocks of releases without exception tables.
"""

from __future__ import annotations

from heapq import heappop, heappush

from recell import _kinds as kinds
from recell import _opcodes as ops
from recell._decode import ENDLESS, GENERATOR_FLAGS, Program, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Tuple

    Blocks = Tuple[Tuple[Any, ...], ...]
    State = Tuple[int, int, int, int, Blocks]
    Handler = Tuple[int, int, int, int, Blocks]

WIDTH, ENTRY, KIND = kinds.WIDTH, kinds.ENTRY, kinds.KIND
SPECIAL_STORES = kinds.NULL | kinds.CELL | kinds.BORROWED


class Walk:
    """One walk over one program."""

    def __init__(self, program: Program, handlers: list[tuple[int, int, Handler]]) -> None:
        self.program = program
        self.machine = program.machine
        self.limit = program.code.co_stacksize
        self.blocks: Blocks = ()
        self.states: dict[Any, State] = {}
        self.waiting: list[Any] = []
        self.queued: set[Any] = set()
        code = program.code
        count = len(program.slots)
        arguments = (
            code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 4) + bool(code.co_flags & 8)
        )
        self.started = 1 << count  # stands for "RETURN_GENERATOR has run" among the slots
        every = (1 << count + 1) - 1
        self.entry: State = (0, 0, every & ~((1 << arguments) - 1), every, ())
        self.methods = [
            None, None, None, None, None, None, self.delete, self.clear, self.deref, self.load_cell, self.make_cell,
            self.check, self.free_vars, self.copy, self.swap, self.rotate, self.duplicate, self.function,
            self.bare_function, self.attribute, self.generator, self.yield_value, self.keywords, self.call_names,
            self.append, self.compare, self.precall,
        ]  # fmt: skip
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
        code, effects = self.program.code, self.machine.effects
        if not self.program.moves:
            raise Refused(-1, "there are no instructions")
        stack, depth, unset, loose, blocks = self.entry
        if effects.generator_start == "GEN_START" and code.co_flags & GENERATOR_FLAGS:
            stack, depth = kinds.OBJECT, 1  # the value that starts a generator
        self.reach(0, 0, stack, depth, unset, loose, blocks)
        waiting, queued = self.waiting, self.queued
        while waiting:
            key = heappop(waiting)
            queued.discard(key)
            self.run(key)

    def reach(
        self, index: int, target: int, stack: int, depth: int, unset: int, loose: int, blocks: Blocks
    ) -> None:
        """Control reaches `target` from `index` in this state: join it with what is known there."""
        if stack & kinds.EVERY_PARAMETER or stack & kinds.EVERY_BORROWED:
            stack = self.settle(index, stack)
        key: Any = target
        if self.machine.effects.finally_calls:
            key = (target, depth, stack & EVERY_SHAPE, blocks)
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
            state = (stack | known[0], depth, unset | known[2], loose | known[3], blocks)
            if known == state:
                return
        self.states[key] = state
        if key not in self.queued:
            self.queued.add(key)
            heappush(self.waiting, key)

    def settle(self, index: int, stack: int) -> int:
        """What a stack holds for all who may come here: without the parameters of its entries."""
        settled, shift = 0, 0
        while stack:
            entry = stack & ENTRY
            if entry & kinds.BORROWED:
                raise self.refuse(
                    index, "a borrowed local is still on the stack where control divides or meets"
                )
            if not entry & kinds.RETURN_ADDRESS:
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

    def refuse(self, index: int, reason: str) -> Refused:
        """The signal that this instruction is not safe."""
        begins = self.program.begins
        unit = begins[index] if begins[index] >= 0 else begins[index - 1]
        return Refused(unit, reason)

    # -- one run --------------------------------------------------------------------------------

    def run(self, key: Any) -> None:
        """Walk from a leader to where control ends, jumps or reaches the next leader."""
        stack, depth, unset, loose, blocks = self.states[key]
        first = key[0] if key.__class__ is tuple else key
        moves, runs, leaders, limit, methods = (
            self.program.moves,
            self.runs,
            self.leaders,
            self.limit,
            self.methods,
        )
        total = len(moves)
        lent = 0
        while True:
            last, end, handler = runs[first]
            floor = 0
            if blocks:
                self.blocks = blocks
                handler = self.block_handler(blocks)
            if handler is not None:
                floor = handler[3]
                if depth - moves[first][0] < floor:
                    floor = ENDLESS  # PUSH_EXC_INFO, say: the handler's part is not in order yet
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
                        if stack & SPECIAL_STORES or not loose & operand:
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
                    else:
                        if lent & operand and action <= CLEAR:
                            self.check_lent(index, stack, operand)
                        stack, depth, unset, loose, pushed = methods[action](
                            index, operand, stack, depth, unset, loose, pushed, handler
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
                    change = self.change_blocks(last, end, stack, depth, unset, loose, blocks, floor, handler)
                    for target, *after in change:
                        if target >= total:
                            raise self.refuse(last, "is the last instruction, and control goes on behind it")
                        self.reach(last, target, *after)
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
        if handler is None:
            return floor
        # a generator gets a value back before anything is raised there
        taken = needed if action in (ops.SWAP, ops.ROTATE) else 0 if action == ops.YIELD else down // WIDTH
        if self.program.read(index)[0] in self.machine.quiet:
            # it raises nothing, but what comes behind it might: look at each instruction until the stack is in order
            return ENDLESS if depth - taken < handler[3] or floor == ENDLESS else floor
        if floor == ENDLESS:
            self.protect(index, handler, stack, depth, unset, loose)
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
        """What a stack of blocks does with an exception; releases without exception tables only."""
        raise NotImplementedError

    def change_blocks(self, index: int, end: Any, *state: Any) -> Any:
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
        self.reach(index, target, moved, depth + taken[5], unset, loose, blocks)
        if not goes_on:
            return None
        depth += change
        if depth > self.limit:
            raise self.refuse(index, f"makes the stack {depth} deep, co_stacksize is {self.limit}")
        return stack, depth

    def copies(self, index: int) -> bool:
        """Whether the instruction copies the top of the stack, and nothing jumps in between."""
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
        if self.machine.names[end[1]].startswith("RETURN_"):
            depth += move[5]
            if depth or blocks:
                raise self.refuse(index, f"returns with {depth} values and {len(blocks)} blocks left")

    # -- locals and cells -----------------------------------------------------------------------

    def unbound(self, index: int, bit: int) -> Refused:
        """The signal that a local may be read before it is bound."""
        return self.refuse(index, f"reads `{self.program.slots[bit.bit_length() - 1]}`, which may be unbound")

    def store(
        self, index: int, stack: int, depth: int, unset: int, loose: int, bit: int, handler: Any
    ) -> tuple[int, int]:
        """A local gets what may be nothing, or a cell; or a slot that holds a cell gets something else."""
        kind = stack & KIND
        if kind & kinds.BORROWED:
            raise self.refuse(index, "stores a borrowed local")
        before = unset, loose
        unset = unset | bit if kind & kinds.NULL else unset & ~bit
        loose = loose | bit if kind & ~kinds.CELL else loose & ~bit
        slot = bit.bit_length() - 1
        free = len(self.program.slots) - len(self.program.code.co_freevars)
        if slot >= free and kind & ~kinds.CELL:
            raise self.refuse(
                index, f"stores what is no cell in the place of free variable `{self.program.slots[slot]}`"
            )
        if handler is not None and (unset | before[0], loose | before[1]) != before:
            self.protect(index, handler, stack >> WIDTH, depth - 1, unset, loose)
        return unset, loose

    def check_lent(self, index: int, stack: int, bit: int) -> None:
        """A local must not change while a borrowed reference to it is on the stack."""
        slot = min(bit.bit_length() - 1, kinds.LARGEST_PARAMETER)
        while stack:
            if stack & kinds.BORROWED and (stack & ENTRY) >> kinds.PARAMETER == slot:
                name = self.program.slots[bit.bit_length() - 1]
                raise self.refuse(index, f"changes `{name}` while the stack holds a borrowed reference to it")
            stack >>= WIDTH

    def delete(self, index, bit, stack, depth, unset, loose, pushed, handler):
        unset |= bit
        loose |= bit
        if handler is not None:
            self.protect(index, handler, stack, depth, unset, loose)
        return stack, depth, unset, loose, pushed

    def clear(self, index, bit, stack, depth, unset, loose, pushed, handler):
        pushed = kinds.OBJECT | kinds.CELL if loose & bit else kinds.CELL
        if unset & bit:
            pushed |= kinds.NULL
        unset |= bit
        loose |= bit
        if handler is not None:
            self.protect(index, handler, stack, depth, unset, loose)
        return stack, depth, unset, loose, pushed

    def deref(self, index, bit, stack, depth, unset, loose, pushed, handler):
        if loose & bit:
            name = self.program.slots[bit.bit_length() - 1]
            raise self.refuse(index, f"`{name}` may hold no cell here")
        return stack, depth, unset, loose, pushed

    def check(self, index, bit, stack, depth, unset, loose, pushed, handler):
        return stack, depth, unset & ~bit, loose, pushed if loose & bit else kinds.CELL

    def load_cell(self, index, bit, stack, depth, unset, loose, pushed, handler):
        return stack, depth, unset, loose, kinds.OBJECT if loose & bit else kinds.CELL

    def make_cell(self, index, bit, stack, depth, unset, loose, pushed, handler):
        name = self.program.slots[bit.bit_length() - 1]
        if name not in self.program.code.co_cellvars:
            raise self.refuse(index, f"`{name}` is no cell variable")
        return stack, depth, unset & ~bit, loose & ~bit, pushed

    def free_vars(self, index, count, stack, depth, unset, loose, pushed, handler):
        free = len(self.program.code.co_freevars)
        if index or count != free:
            raise self.refuse(index, f"copies {count} free variables of {free}, as instruction {index + 1}")
        bits = (1 << free) - 1 << len(self.program.slots) - free
        return stack, depth, unset & ~bits, loose & ~bits, pushed

    # -- moves of entries -----------------------------------------------------------------------

    def copy(self, index, position, stack, depth, unset, loose, pushed, handler):
        return stack << WIDTH | (stack >> WIDTH * (position - 1) & ENTRY), depth + 1, unset, loose, pushed

    def duplicate(self, index, count, stack, depth, unset, loose, pushed, handler):
        return stack << 2 * WIDTH | (stack & (1 << 2 * WIDTH) - 1), depth + 2, unset, loose, pushed

    def swap(self, index, position, stack, depth, unset, loose, pushed, handler):
        shift = WIDTH * (position - 1)
        difference = (stack ^ stack >> shift) & ENTRY
        return stack ^ difference ^ difference << shift, depth, unset, loose, pushed

    def rotate(self, index, count, stack, depth, unset, loose, pushed, handler):
        """The top moves below the others."""
        shift = WIDTH * (count - 1)
        part = stack & (1 << shift + WIDTH) - 1
        part = part >> WIDTH | (part & ENTRY) << shift
        return stack >> shift + WIDTH << shift + WIDTH | part, depth, unset, loose, pushed

    def tuple_entry(self, stack: int, count: int, pushed: int) -> int:
        """A tuple of cells is a closure, one of name, type parameters and function a type alias."""
        if stack & kinds.CELL and count:
            mask = kinds.repeated(KIND & ~kinds.BORROWED, count)
            if stack & mask == kinds.repeated(kinds.CELL, count):
                return kinds.CELLS | min(count, kinds.LARGEST_PARAMETER) << kinds.PARAMETER
        elif (
            count == 3
            and not stack & KIND & ~kinds.FUNCTIONS
            and stack >> 2 * WIDTH & KIND == kinds.BIT["str"]
        ):
            if not stack >> WIDTH & KIND & ~(kinds.NONE | kinds.ACCEPTED["tuple"]):
                return kinds.BIT["alias"]
        return pushed

    def append(self, index, position, stack, depth, unset, loose, pushed, handler):
        """A list that holds anything but exceptions is no list of exceptions."""
        shift = WIDTH * position
        if stack >> shift & kinds.EXCS and (stack & KIND & ~kinds.EXC_OR_NONE or not self.appends_one(index)):
            stack = stack & ~(ENTRY << shift) | kinds.LIST << shift
        return stack, depth, unset, loose, pushed

    def appends_one(self, index: int) -> bool:
        return self.machine.names[self.program.read(index)[0]] == "LIST_APPEND"

    # -- functions, generators and calls --------------------------------------------------------

    def function(self, index, flags, stack, depth, unset, loose, pushed, handler):
        """MAKE_FUNCTION with everything on the stack: the closure must have as many cells as the code wants."""
        below = 0 if self.machine.release.qualname_in_code else WIDTH
        wanted = (stack >> below & ENTRY) >> kinds.PARAMETER
        given = (stack >> below + WIDTH & ENTRY) >> kinds.PARAMETER if flags & 8 else 0
        if wanted != given:
            raise self.refuse(index, f"its closure has {given} cells, its code {wanted} free variables")
        pushed = (stack >> below & kinds.CODES) << kinds.TO_FUNCTION
        return stack, depth, unset, loose, pushed

    def bare_function(self, index, flags, stack, depth, unset, loose, pushed, handler):
        """MAKE_FUNCTION before its closure is set."""
        wanted = (stack & ENTRY) >> kinds.PARAMETER
        pushed = (stack & kinds.CODES) << kinds.TO_FUNCTION
        if wanted:
            pushed |= kinds.PENDING | wanted << kinds.PARAMETER
        return stack, depth, unset, loose, pushed

    def attribute(self, index, flag, stack, depth, unset, loose, pushed, handler):
        """SET_FUNCTION_ATTRIBUTE: the attribute lies below the function."""
        wanted = {1: "tuple", 2: "dict", 4: "pairs", 8: "cells", 16: "function"}.get(flag)
        function, value = stack & ENTRY, stack >> WIDTH & ENTRY
        if wanted is None or depth < 2 or function & KIND & ~(kinds.FUNCTIONS | kinds.PENDING):
            raise self.refuse(index, f"cannot set attribute {flag} of {kinds.describe(function)}")
        if value & KIND & ~(kinds.ACCEPTED[wanted] | kinds.BORROWED):
            raise self.refuse(index, f"cannot set attribute {flag} to {kinds.describe(value)}")
        if flag == 8:
            if value >> kinds.PARAMETER != function >> kinds.PARAMETER:
                cells, free = value >> kinds.PARAMETER, function >> kinds.PARAMETER
                raise self.refuse(index, f"its closure has {cells} cells, its code {free} free variables")
            function &= kinds.FUNCTIONS
        return stack >> 2 * WIDTH << WIDTH | function, depth - 1, unset, loose, pushed

    def generator(self, index, operand, stack, depth, unset, loose, pushed, handler):
        if not self.program.code.co_flags & GENERATOR_FLAGS:
            raise self.refuse(index, "makes a generator, but the flags say that this is a plain function")
        if not unset & self.started:
            raise self.refuse(index, "makes a generator of a generator")
        return stack, depth, unset & ~self.started, loose, pushed

    def yield_value(self, index, operand, stack, depth, unset, loose, pushed, handler):
        """A yield belongs into a generator, RESUME stands behind it, and SEND before one that delegates."""
        if unset & self.started:
            raise self.refuse(index, "yields, but no generator was made")
        program, machine = self.program, self.machine
        number, argument = program.read(index + 1) if index + 1 < len(program.moves) else (-1, 0)
        if number != machine.numbers["RESUME"] or not argument & 3:
            raise self.refuse(index, "is not followed by a RESUME that says so")
        delegates = argument & 3 >= 2 if False else (argument & 3) >= 2
        if (
            delegates
            or (
                operand
                and "YIELD_VALUE" in machine.effects.ranges
                and machine.effects.ranges["YIELD_VALUE"][1] == 1
            )
        ) and (not index or program.read(index - 1)[0] != machine.numbers["SEND"] or index in self.leaders):
            raise self.refuse(index, "delegates, but does not follow SEND")
        if handler is not None:
            self.protect(index, handler, stack >> WIDTH << WIDTH | kinds.OBJECT, depth, unset, loose)
        return stack, depth, unset, loose, pushed

    def keywords(self, index, count, stack, depth, unset, loose, pushed, handler):
        names = (stack & ENTRY) >> kinds.PARAMETER
        if names > count:
            raise self.refuse(index, f"names {names} of {count} arguments")
        return stack, depth, unset, loose, pushed

    def call_names(self, index, constant, stack, depth, unset, loose, pushed, handler):
        """KW_NAMES: the call behind it must have as many arguments."""
        names = self.program.code.co_consts[constant]
        if type(names) is not tuple or not all(type(name) is str for name in names):
            raise self.refuse(index, "its constant is no tuple of names")
        number, argument = self.program.read(index + 1)
        if (
            self.machine.names[number] not in ("PRECALL", "CALL")
            or argument < len(names)
            or index + 1 in self.leaders
        ):
            raise self.refuse(index, "is not followed by a call with as many arguments")
        return stack, depth, unset, loose, pushed

    def precall(self, index, count, stack, depth, unset, loose, pushed, handler):
        """PRECALL does CALL's work where it is specialised: both must mean the same."""
        if self.program.read(index + 1) != (self.machine.numbers["CALL"], count) or index + 1 in self.leaders:
            raise self.refuse(index, "is not followed by a CALL with its argument")
        return stack, depth, unset, loose, pushed

    def compare(self, index, count, stack, depth, unset, loose, pushed, handler):
        """Two integers compare to a bool."""
        if stack & KIND == INT and stack >> WIDTH & KIND == INT:
            pushed = kinds.BIT["bool"]
        return stack, depth, unset, loose, pushed

    def call(self, index: int, stack: int, depth: int, pushed: int) -> int:
        """A function that trusts its arguments must get what it expects; a generator expression makes an iterator."""
        release, count = self.machine.release, self.program.read(index)[1]
        entries = [stack >> WIDTH * position & KIND for position in range(count + 2)]
        if release.unified_locals:
            below, above = entries[count + 1], entries[count]
            if release.null_after_callable:
                called, count = below, count + (above != kinds.NULL)
            elif below == kinds.NULL:
                called = above
            else:
                called, count = below, count + 1
        else:
            called = entries[count]
        expected = EXPECTED.get(called & kinds.TRUSTING, ())
        if called & kinds.TRUSTING and (
            len(expected) != count or any(entry & ~accepted for entry, accepted in zip(entries, expected))
        ):
            raise self.refuse(index, f"calls a {kinds.describe(called)} with other arguments than it trusts to get")
        if any(entry & kinds.TRUSTING for entry in entries[:count]):
            raise self.refuse(index, "passes a function on that trusts its arguments")
        return pushed if called & ~kinds.MAKE_ITERATOR else kinds.ITER


INT = kinds.BIT["int"]
# what functions that trust their arguments expect, the last first
EXPECTED = {
    kinds.BIT["comprehension"]: (kinds.ITER,),
    kinds.BIT["generator_expression"]: (kinds.ITER,),
    kinds.BIT["defaults_function"]: (kinds.ACCEPTED["tuple"],),
    kinds.BIT["kwdefaults_function"]: (kinds.BIT["dict"],),
    kinds.BIT["all_defaults_function"]: (kinds.BIT["dict"], kinds.ACCEPTED["tuple"]),
}
NEEDS_PARAMETER = kinds.CELLS | kinds.BIT["names"] | kinds.BIT["name_pairs"]
EVERY_SHAPE = kinds.repeated(
    kinds.NULL | kinds.RETURN_ADDRESS | kinds.LARGEST_PARAMETER << kinds.PARAMETER, 512
)
LOAD, BORROW, STORE, TUPLE, CALL, CLEAR = ops.LOAD, ops.BORROW, ops.STORE, ops.TUPLE, ops.CALL, ops.CLEAR
