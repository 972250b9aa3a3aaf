"""What instructions do to the state besides moving values: locals, cells, functions, generators, calls.

Each action takes the index and operand of its instruction, the state as `(stack, depth, unset, loose, pushed)`, and
the handler in force; it answers the state, or refuses.
"""

from __future__ import annotations

from recell.verifier import kinds
from recell.verifier import opcodes as ops
from recell.verifier.decode import GENERATOR_FLAGS, Program, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Tuple

    Blocks = Tuple[Tuple[int, int, int], ...]
    Handler = Tuple[int, int, int, int, Blocks]
    """`(target, entries that stay, entries that are pushed, depth that must be there, blocks)`"""
    Now = Tuple[int, int, int, int, int]
    Action = Any  # a method of Actions, unbound: called once for each instruction

WIDTH, ENTRY, KIND = kinds.WIDTH, kinds.ENTRY, kinds.KIND


class Actions:
    """The state-independent half of a walk."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.machine = program.machine
        self.started = 1 << len(program.slots)  # stands for "RETURN_GENERATOR has run" among the slots
        self.leaders: set[int] = set()
        self.run_end = 0  # the index behind the run that is walked
        self.pending = False  # the handler was not told of what a comprehension cleared

    def exposed(self, index: int) -> bool:
        """Whether anything may be raised from an instruction on, before a local changes or the run ends.

        A trace function may, in front of any. Compilers neglect that around the slots that a comprehension clears for
        itself: CPython falls into it there by itself, so only there it does not count.
        """
        program, quiet = self.program, self.machine.quiet
        if not program.clears:
            return True
        while index < self.run_end:
            if program.read(index)[0] not in quiet:
                return True
            if program.moves[index][6] in (ops.STORE, ops.CLEAR):
                return False
            index += 1
        return False

    def protect(self, index: int, handler: Handler, stack: int, depth: int, unset: int, loose: int) -> None:
        """An exception may leave this state to the handler."""
        raise NotImplementedError

    def refuse(self, index: int, reason: str) -> Refused:
        """The signal that this instruction is not safe."""
        return self.program.refuse(index, reason)

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
        # only a cell variable's slot is left alone by whoever writes locals from outside
        loose = loose | bit if kind & ~kinds.CELL or not bit & self.program.cell_bits else loose & ~bit
        self.check_kept(index, bit, "stores into")
        if kind & ~kinds.CELL and bit == self.program.first_cell and not before[1] & bit:
            raise self.refuse(index, "puts something else in the place of the first argument's cell")
        if handler is not None and (self.pending or (unset | before[0], loose | before[1]) != before):
            self.pending = not self.exposed(index + 1)
            if not self.pending:
                self.protect(index, handler, stack >> WIDTH, depth - 1, unset, loose)
        return unset, loose

    def check_kept(self, index: int, bit: int, does: str) -> None:
        """Free variables keep their cells: `locals()`, tracers and the frame read them unasked."""
        if bit & self.program.free_bits:
            name = self.program.slots[bit.bit_length() - 1]
            raise self.refuse(index, f"{does} the place of free variable `{name}`")

    def check_lent(self, index: int, stack: int, bit: int) -> None:
        """A local must not change while a borrowed reference to it is on the stack."""
        slot = min(bit.bit_length() - 1, kinds.LARGEST_PARAMETER)
        while stack:
            if stack & kinds.BORROWED and (stack & ENTRY) >> kinds.PARAMETER == slot:
                name = self.program.slots[bit.bit_length() - 1]
                raise self.refuse(index, f"changes `{name}` while the stack holds a borrowed reference to it")
            stack >>= WIDTH

    def delete(self, index: int, bit: int, now: Now, handler: Handler | None) -> Now:
        stack, depth, unset, loose, pushed = now
        self.check_kept(index, bit, "deletes")
        if bit == self.program.first_cell and not loose & bit:
            raise self.refuse(index, "deletes the first argument's cell")
        unset |= bit
        loose |= bit
        if handler is not None:
            self.protect(index, handler, stack, depth, unset, loose)
        return stack, depth, unset, loose, pushed

    def clear(self, index: int, bit: int, now: Now, handler: Handler | None) -> Now:
        stack, depth, unset, loose, pushed = now
        self.check_kept(index, bit, "clears")
        pushed = kinds.OBJECT | kinds.CELL if loose & bit else kinds.CELL
        if unset & bit:
            pushed |= kinds.NULL
        unset |= bit
        loose |= bit
        if handler is not None:
            self.pending = not self.exposed(index + 1)
            if not self.pending:
                self.protect(index, handler, stack, depth, unset, loose)
        return stack, depth, unset, loose, pushed

    def deref(self, index: int, bit: int, now: Now, handler: Handler | None) -> Now:
        stack, depth, unset, loose, pushed = now
        if index < self.program.late_cells.get(bit, 0):
            raise self.refuse(index, "reads a cell that is made further down")
        if loose & bit or not bit & (self.program.cell_bits | self.program.free_bits):
            name = self.program.slots[bit.bit_length() - 1]
            raise self.refuse(index, f"`{name}` may hold no cell here")
        return stack, depth, unset, loose, pushed

    def check(self, index: int, bit: int, now: Now, handler: Handler | None) -> Now:
        stack, depth, unset, loose, pushed = now
        return stack, depth, unset & ~bit, loose, pushed if loose & bit else kinds.CELL

    def load_cell(self, index: int, bit: int, now: Now, handler: Handler | None) -> Now:
        stack, depth, unset, loose, _ = now
        if index < self.program.late_cells.get(bit, 0):
            raise self.refuse(index, "reads a cell that is made further down")
        return stack, depth, unset, loose, kinds.OBJECT if loose & bit else kinds.CELL

    def make_cell(self, index: int, bit: int, now: Now, handler: Handler | None) -> Now:
        stack, depth, unset, loose, pushed = now
        if not bit & self.program.cell_bits:
            raise self.refuse(index, f"`{self.program.slots[bit.bit_length() - 1]}` is no cell variable")
        return stack, depth, unset & ~bit, loose & ~bit, pushed

    def free_vars(self, index: int, count: int, now: Now, handler: Handler | None) -> Now:
        stack, depth, unset, loose, pushed = now
        free = len(self.program.code.co_freevars)
        if index or count != free:
            raise self.refuse(index, f"copies {count} free variables of {free}, as instruction {index + 1}")
        bits = (1 << free) - 1 << len(self.program.slots) - free
        return stack, depth, unset & ~bits, loose & ~bits, pushed

    # -- moves of entries -----------------------------------------------------------------------

    def copy(self, index: int, position: int, now: Now, handler: Handler | None) -> Now:
        stack, depth, unset, loose, pushed = now
        shift = WIDTH * (position - 1)
        entry = stack >> shift & ENTRY
        if entry & kinds.CHANGEABLE:  # who holds the other reference may change it
            stack ^= (entry ^ kinds.shared(entry)) << shift
            entry = kinds.shared(entry)
        return stack << WIDTH | entry, depth + 1, unset, loose, pushed

    def duplicate(self, index: int, count: int, now: Now, handler: Handler | None) -> Now:
        stack, depth, unset, loose, pushed = now
        two = kinds.shared(stack >> WIDTH & ENTRY) << WIDTH | kinds.shared(stack & ENTRY)
        return stack >> 2 * WIDTH << 4 * WIDTH | two << 2 * WIDTH | two, depth + 2, unset, loose, pushed

    def swap(self, index: int, position: int, now: Now, handler: Handler | None) -> Now:
        stack, depth, unset, loose, pushed = now
        shift = WIDTH * (position - 1)
        top, other = stack & ENTRY, stack >> shift & ENTRY
        stack ^= top | other << shift
        if (top | other) & kinds.VIRTUAL:  # parted from its index, it is only a value
            top, other = kinds.alone(top), kinds.alone(other)
        return stack | other | top << shift, depth, unset, loose, pushed

    def rotate(self, index: int, count: int, now: Now, handler: Handler | None) -> Now:
        """The top moves below the others."""
        stack, depth, unset, loose, pushed = now
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
        elif count and stack & kinds.INTERPOLATION:
            mask = kinds.repeated(KIND & ~kinds.BORROWED, count)
            if stack & mask == kinds.repeated(kinds.INTERPOLATION, count):
                return kinds.INTERPOLATIONS | min(count, kinds.LARGEST_PARAMETER) << kinds.PARAMETER
        elif (
            count == 3
            and not stack & KIND & ~kinds.FUNCTIONS
            and stack >> 2 * WIDTH & KIND == kinds.BIT["str"]
        ):
            if not stack >> WIDTH & KIND & ~(kinds.NONE | kinds.ACCEPTED["tuple"]):
                return kinds.BIT["alias"]
        return pushed

    def append(self, index: int, position: int, now: Now, handler: Handler | None) -> Now:
        """A list that holds anything but exceptions is no list of exceptions."""
        stack, depth, unset, loose, pushed = now
        shift = WIDTH * position
        if stack >> shift & kinds.EXCS and (stack & KIND & ~kinds.EXC_OR_NONE or not self.appends_one(index)):
            stack = stack & ~(ENTRY << shift) | kinds.LIST << shift
            if handler is not None:
                self.protect(index, handler, stack >> WIDTH, depth - 1, unset, loose)
        return stack, depth, unset, loose, pushed

    def appends_one(self, index: int) -> bool:
        return self.machine.names[self.program.read(index)[0]] == "LIST_APPEND"

    # -- functions, generators and calls --------------------------------------------------------

    def function(self, index: int, flags: int, now: Now, handler: Handler | None) -> Now:
        """MAKE_FUNCTION with everything on the stack: the closure must have as many cells as the code wants."""
        stack, depth, unset, loose, pushed = now
        below = 0 if self.machine.release.qualname_in_code else WIDTH
        wanted = (stack >> below & ENTRY) >> kinds.PARAMETER
        given = (stack >> below + WIDTH & ENTRY) >> kinds.PARAMETER if flags & 8 else 0
        if wanted != given:
            raise self.refuse(index, f"its closure has {given} cells, its code {wanted} free variables")
        pushed = (stack >> below & kinds.CODES) << kinds.TO_FUNCTION
        return stack, depth, unset, loose, pushed

    def bare_function(self, index: int, flags: int, now: Now, handler: Handler | None) -> Now:
        """MAKE_FUNCTION before its closure is set."""
        stack, depth, unset, loose, pushed = now
        wanted = (stack & ENTRY) >> kinds.PARAMETER
        pushed = (stack & kinds.CODES) << kinds.TO_FUNCTION
        if wanted:
            if index + 1 not in self.program.attributes:
                raise self.refuse(index, "a function still lacks its closure")
            pushed |= kinds.PENDING | wanted << kinds.PARAMETER
        return stack, depth, unset, loose, pushed

    def attribute(self, index: int, flag: int, now: Now, handler: Handler | None) -> Now:
        """SET_FUNCTION_ATTRIBUTE: the attribute lies below the function."""
        stack, depth, unset, loose, pushed = now
        wanted = {1: "tuple", 2: "dict", 4: "pairs", 8: "cells", 16: "function"}.get(flag)
        function, value = stack & ENTRY, stack >> WIDTH & ENTRY
        if index not in self.program.attributes:
            raise self.refuse(index, "sets an attribute of a function that is not new")
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

    def generator(self, index: int, operand: int, now: Now, handler: Handler | None) -> Now:
        stack, depth, unset, loose, pushed = now
        if not self.program.code.co_flags & GENERATOR_FLAGS:
            raise self.refuse(index, "makes a generator, but the flags say that this is a plain function")
        if depth > (2 if self.machine.release.resume_before_generator >= 0 else 0):
            raise self.refuse(index, f"leaves {depth} values on the stack of the generator")
        if not unset & self.started or any(leader <= index for leader in self.leaders):
            raise self.refuse(index, "makes a generator of a generator")
        resume = self.machine.numbers["RESUME"]
        for earlier in range(index):  # a frame that has been seen cannot move into a generator
            number, argument = self.program.read(earlier)
            if number == resume and argument != self.machine.release.resume_before_generator:
                raise self.refuse(index, f"makes a generator after RESUME {argument}")
        return stack, depth, unset & ~self.started, loose, pushed

    def yield_value(self, index: int, operand: int, now: Now, handler: Handler | None) -> Now:
        """A yield belongs into a generator, RESUME stands behind it, and SEND before one that delegates."""
        stack, depth, unset, loose, pushed = now
        if unset & self.started:
            raise self.refuse(index, "yields, but no generator was made")
        program, machine = self.program, self.machine
        number, argument = program.read(index + 1) if index + 1 < len(program.moves) else (-1, 0)
        if number != machine.numbers["RESUME"] or not argument & 3:
            raise self.refuse(index, "is not followed by a RESUME that says so")
        delegates = (argument & 3) >= 2 or (operand and machine.release.delegating_yields)
        if delegates and (
            not index or program.read(index - 1)[0] != machine.numbers["SEND"] or index in self.leaders
        ):
            raise self.refuse(index, "delegates, but does not follow SEND")
        if operand and machine.release.delegating_yields and argument & 3 < 2:
            raise self.refuse(index, f"delegates, but RESUME {argument} behind it does not say so")
        if handler is not None:
            self.protect(index, handler, stack >> WIDTH << WIDTH | kinds.OBJECT, depth, unset, loose)
        return stack, depth, unset, loose, pushed

    def intrinsic(self, index: int, number: int, now: Now, handler: Handler | None) -> Now:
        """What makes a RuntimeError of StopIteration looks at the generator it runs in."""
        if number == self.machine.release.stop_iteration_error and now[2] & self.started:
            raise self.refuse(index, "is for generators, but no generator was made")
        return now

    def keywords(self, index: int, count: int, now: Now, handler: Handler | None) -> Now:
        stack, depth, unset, loose, pushed = now
        names = (stack & ENTRY) >> kinds.PARAMETER
        if names > count:
            raise self.refuse(index, f"names {names} of {count} arguments")
        return stack, depth, unset, loose, pushed

    def call_names(self, index: int, constant: int, now: Now, handler: Handler | None) -> Now:
        """KW_NAMES: the call behind it must have as many arguments."""
        stack, depth, unset, loose, pushed = now
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

    def precall(self, index: int, count: int, now: Now, handler: Handler | None) -> Now:
        """PRECALL does CALL's work where it is specialised: both must mean the same."""
        stack, depth, unset, loose, pushed = now
        if self.program.read(index + 1) != (self.machine.numbers["CALL"], count) or index + 1 in self.leaders:
            raise self.refuse(index, "is not followed by a CALL with its argument")
        return stack, depth, unset, loose, pushed

    def keys(self, index: int, count: int, now: Now, handler: Handler | None) -> Now:
        """BUILD_CONST_KEY_MAP: one key for each value."""
        if (now[0] & ENTRY) >> kinds.PARAMETER != count:
            raise self.refuse(index, "does not have a constant key for each value")
        return now

    def template(self, index: int, operand: int, now: Now, handler: Handler | None) -> Now:
        """A template has one more string than interpolations."""
        strings, values = now[0] >> WIDTH & ENTRY, now[0] & ENTRY
        if values & KIND & kinds.BIT["name_pairs"] and values >> kinds.PARAMETER:
            raise self.refuse(index, "a tuple of strings stands for interpolations")
        if strings >> kinds.PARAMETER != (values >> kinds.PARAMETER) + 1:
            raise self.refuse(index, "does not have one string more than interpolations")
        return now

    def hand_on(self, index: int, stack: int, down: int, pushed: int) -> int:
        """What comes out may be what went in: borrowed still."""
        lent, marked = 0, 0
        for position in range(down // WIDTH):
            entry = stack >> WIDTH * position & ENTRY
            if entry & kinds.BORROWED:
                mark = kinds.BORROWED | entry >> kinds.PARAMETER << kinds.PARAMETER
                if lent and mark != lent:
                    raise self.refuse(index, "hands on one of two borrowed locals")
                lent = mark
        while lent and pushed >> WIDTH * marked:
            pushed |= lent << WIDTH * marked
            marked += 1
        return pushed

    def compare(self, index: int, count: int, now: Now, handler: Handler | None) -> Now:
        """Two integers compare to a bool."""
        stack, depth, unset, loose, pushed = now
        code = self.program.code
        if (
            count == self.machine.idioms.asks_format
            and code.co_argcount == code.co_posonlyargcount == 1
            and index < 8
        ):
            pushed = kinds.BIT["bool"]  # an annotation scope tests what its caller asks for
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
            raise self.refuse(
                index, f"calls a {kinds.describe(called)} with other arguments than it trusts to get"
            )
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

BY_NUMBER: list[Action] = [None] * ops.ACTIONS
"""The methods of Actions by the number of the action; None for what the walk does itself."""
for _number, _method in (
    (ops.DELETE, Actions.delete), (ops.CLEAR, Actions.clear), (ops.DEREF, Actions.deref), (ops.CHECK, Actions.check),
    (ops.LOAD_CELL, Actions.load_cell), (ops.MAKE_CELL, Actions.make_cell), (ops.FREE_VARS, Actions.free_vars),
    (ops.COPY, Actions.copy), (ops.SWAP, Actions.swap), (ops.ROTATE, Actions.rotate),
    (ops.DUPLICATE, Actions.duplicate), (ops.FUNCTION, Actions.function), (ops.BARE_FUNCTION, Actions.bare_function),
    (ops.ATTRIBUTE, Actions.attribute), (ops.GENERATOR, Actions.generator), (ops.YIELD, Actions.yield_value),
    (ops.KEYWORDS, Actions.keywords), (ops.CALL_NAMES, Actions.call_names), (ops.APPEND, Actions.append),
    (ops.COMPARE, Actions.compare), (ops.PRECALL, Actions.precall), (ops.KEYS, Actions.keys),
    (ops.INTRINSIC, Actions.intrinsic), (ops.TEMPLATE, Actions.template),
):  # fmt: skip
    BY_NUMBER[_number] = _method
