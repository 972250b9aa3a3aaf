"""Actions of instructions on the state besides moving values: locals, cells, functions, generators, calls.

Each action takes the index and operand of its instruction, the state as `(stack, depth, unset, loose, pushed)`, and
the handler in force; it answers the state, or refuses.
"""

from __future__ import annotations

from recell.verifier import kinds
from recell.verifier import opcodes as ops
from recell.verifier.decode import Program, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Tuple

    from recell.verifier.opcodes import Machine

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
        self.machine: Machine = program.machine
        self.started: int = 1 << len(program.slots)  # stands for "RETURN_GENERATOR has run" among the slots
        self.leaders: set[int] = set()
        self.run_end = 0  # the index behind the run that is walked
        self.pending: bool = False  # the handler was not told of what a comprehension cleared

    def exposed(self, index: int) -> bool:
        """Return whether anything may be raised from an instruction on, before a local changes or the run ends.

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
        # a free variable's cell may be wrapped once more: compilers do where an inlined comprehension has a cell of
        # the same name (gh-121377), and its slot holds a cell still
        if not bit & self.program.cell_bits and (not bit & self.program.free_bits or bit & (unset | loose)):
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
