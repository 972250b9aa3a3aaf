"""A code object's instructions as moves of the value stack, their arguments checked against the code's own tables.

One pass over the code units: every opcode known, every argument in range, every cache unit empty, every jump on the
start of an instruction. What the moves do to each other is `walk`'s part.
"""

from __future__ import annotations

from types import CellType, CodeType

from recell.verifier import kinds
from recell.verifier import opcodes as ops
from recell.verifier.trusting import GENERATOR_FLAGS, takes_iterator, trusting_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from recell.verifier.kinds import Move
    from recell.verifier.opcodes import Machine

ENDLESS = 1 << 40
WHOLE = -1  # in the place of a code unit: what is wrong is the code object as a whole


class Refused(Exception):  # noqa: N818 - a signal between these modules, made into an UnsafeCodeError
    """Why a code object is not safe, and where: the index of a code unit, or WHOLE."""

    def __init__(self, unit: int, reason: str) -> None:
        super().__init__(unit, reason)
        self.unit = unit
        self.reason = reason


class Program:
    """One code object, decoded.

    `moves` has one entry for each instruction (two for a super-instruction), `begins` the code unit where it starts,
    `ends` says for some indexes how the run of instructions ends there: `(shape, number, move, ...)`.
    """

    def __init__(
        self,
        code: CodeType,
        machine: Machine,
        trusted: bool = False,
        inside: frozenset[int] = frozenset(),
    ) -> None:
        self.inside: frozenset[int] = inside  # code units behind an EXTENDED_ARG where another handler begins
        self.parted: dict[
            int, int
        ] = {}  # indexes of what that parts: -1, and the argument before the instruction
        self.code = code
        self.trusted = trusted  # only code that is verified too makes a function of it
        self.dispatcher = False  # it says that it is a generator, and passes its call on
        self.attributes: set[int] = (
            set()
        )  # SET_FUNCTION_ATTRIBUTE behind the MAKE_FUNCTION that it belongs to
        self.jumped_to: set[int] = set()
        self.prefix: int = 0  # so many instructions run before anything else can
        self.machine = machine
        self.units: bytes = code.co_code
        self.count: int = len(self.units) // 2
        self.moves: list[Move] = []
        self.begins: list[int] = []
        self.ends: dict[int, tuple[Any, ...]] = {}
        locals_, cells, free = code.co_varnames, code.co_cellvars, code.co_freevars
        if machine.release.unified_locals:
            plain = [name for name in cells if name not in locals_] if cells else ()
            self.slots: tuple[str, ...] = (*locals_, *plain, *free)
            slot_count = len(self.slots)
        else:
            self.slots = locals_
            slot_count = len(locals_)
        free_bits = (1 << len(free)) - 1 << slot_count - len(free) if machine.release.unified_locals else 0
        self.free_bits = free_bits
        self.cell_bits: int = 0
        if machine.release.unified_locals:
            for name in cells:
                self.cell_bits |= 1 << (
                    locals_.index(name) if name in locals_ else len(locals_) + plain.index(name)
                )
        self.first_cell = (
            1
            if self.cell_bits & 1 and code.co_argcount + code.co_posonlyargcount + bool(code.co_flags & 4)
            else -1
        )
        names = len(code.co_names)
        self.bounds: tuple[int, ...] = (
            ENDLESS, len(code.co_consts), names, names << 1, names << 2, slot_count, len(cells) + len(free)
        )  # fmt: skip
        self.loop_tails: set[int] = set()
        self.late_cells: dict[
            int, int
        ] = {}  # a cell variable's bit -> the first MAKE_CELL, behind the opening
        self.clears: bool = machine.clears in self.units[::2]
        self._decode()
        tail = machine.loop_tail
        if tail and code.co_flags & GENERATOR_FLAGS and tail in self.units[::2]:
            numbers = [self.units[2 * begin] if begin >= 0 else -1 for begin in self.begins]
            for index in range(len(numbers) - 2):
                if tuple(numbers[index : index + 3]) == tuple(tail):
                    self.loop_tails.update(range(index, index + 3))
        self.index: dict[int, int] = dict(zip(self.begins, range(len(self.begins))))
        self.region_bounds: dict[int, int] = dict(self.index) if inside else self.index
        for unit in inside:
            self.index.pop(unit, None)  # no jump leads there, and no line begins there
        self._resolve_jumps()
        if machine.release.locals_need_cells and self.cell_bits:
            self._find_late_cells()
        kept = machine.release.compiler_names.keys()
        if trusted and not kept.isdisjoint(self.slots):
            self._know_compiler_names()

    def _find_late_cells(self) -> None:
        """`locals()` takes a slot for a cell if its MAKE_CELL stands, in the order of the code, before what runs."""
        for index, move in enumerate(self.moves):
            if move[6] == ops.MAKE_CELL and move[7] not in self.late_cells and move[7] & self.cell_bits:
                self.late_cells[move[7]] = index

    def refuse(self, index: int, reason: str) -> Refused:
        """Return the signal that this instruction is not safe."""
        unit = self.begins[index] if self.begins[index] >= 0 else self.begins[index - 1]
        return Refused(unit, reason)

    def _decode(self) -> None:
        units, facts, bounds = self.units, self.machine.facts, self.bounds
        numbers, arguments = units[::2], units[1::2]
        moves, begins, ends = self.moves, self.begins, self.ends
        add, begin_at = moves.append, begins.append
        constants: dict[int, Move] = {}
        stacksize = self.code.co_stacksize
        refuses_empty = not self.machine.release.padded_arguments
        known = self.machine.numbers
        nop = bytes((known["NOP"],))
        forward = known["JUMP_FORWARD"] if self.machine.release.jump_unit == 2 else -1
        unit, begin, extended, count = 0, 0, 0, self.count
        while unit < count:
            fact = facts[numbers[unit]]
            if fact is None:
                raise Refused(begin, "is no opcode that a compiler emits")
            shape, payload, caches, bound = fact
            argument = arguments[unit] | extended
            if argument >= bounds[bound]:
                raise Refused(begin, f"argument {argument} is out of range: there are {bounds[bound]}")
            if shape == ops.FIXED:
                add(payload)
            elif shape == ops.SLOT or shape == ops.COUNTED:
                move = payload.get(argument) or payload.make(argument, stacksize)
                if move.__class__ is str:
                    raise Refused(begin, move)
                add(move)
            elif shape == ops.CONSTANT:
                add(constants.get(argument) or constants.setdefault(argument, self._constant(argument)))
            elif shape == ops.FLAGGED:
                add(payload[argument & 1])
            elif shape == ops.EXTENDED:
                unit += 1
                extended = argument << 8
                if unit - begin > 3 or unit == count:
                    raise Refused(begin, "has an argument of more than four bytes, or nothing behind it")
                if not extended and refuses_empty:
                    raise Refused(begin, "extends an argument by nothing")
                if unit in self.inside:
                    # a tracer raises in front, with one handler, the instruction itself with another
                    self.parted[len(moves)] = -1
                    self.parted[len(moves) + 1] = extended
                    add(facts[nop[0]][1])
                    begin_at(begin)
                    begin = unit
                continue
            elif shape == ops.JUMP:
                padding = numbers[unit + 1 : unit + 1 + argument]
                if argument and numbers[unit] == forward and padding == nop * argument:
                    add(
                        facts[nop[0]][1]
                    )  # a jump over padding does what the padding does, and nothing meets behind it
                else:
                    ends[len(moves)] = (shape, numbers[unit], *payload, unit + 1 + caches, argument)
                    add(payload[0])
            elif shape == ops.PAIR:
                add(self._half(begin, payload[0], argument >> 4))
                begin_at(begin)
                add(self._half(begin, payload[1], argument & 15))
                begin = -1
            else:  # STOP, BLOCK
                move = payload.get(argument) or payload.make(argument, stacksize)
                if move.__class__ is str:
                    raise Refused(begin, move)
                ends[len(moves)] = (shape, numbers[unit], move, unit + 1, argument)
                add(move)
            begin_at(begin)
            unit += 1
            if caches:
                # co_code shows zeros there, unless they are cut off
                if units[2 * unit : 2 * (unit + caches)] != _CACHES[caches]:  # pragma: no cover - UB to make
                    raise Refused(begin, f"is not followed by its {caches} empty cache units")
                unit += caches
            begin = unit
            extended = 0

    def _half(self, begin: int, moves: ops.Moves, slot: int) -> Move:
        if slot >= self.bounds[ops.SLOTS]:
            raise Refused(begin, f"local {slot} is out of range: there are {self.bounds[ops.SLOTS]}")
        move = moves.get(slot) or moves.make(slot, 0)
        assert not isinstance(move, str)
        return move

    def _constant(self, index: int) -> Move:
        """Return what LOAD_CONST pushes."""
        value = self.code.co_consts[index]
        machine, kind = self.machine, type(value)
        known = machine.constants.get(kind)
        if known is not None:
            return known
        if kind is CodeType:
            name = trusting_name(value, machine) or "code"
            if value.co_flags & 0x20:  # calling its function makes an iterator
                name = "generator_expression_code" if name == "comprehension_code" else "generator_code"
            entry = kinds.BIT[name] | self._parameter(len(value.co_freevars))
        elif kind is CellType:
            entry = kinds.CELL
        elif kind is tuple:
            items = set(map(type, value))
            if items <= {str}:
                entry = kinds.BIT["names" if len(value) & 1 else "name_pairs"] | self._parameter(len(value))
            elif items == {CellType}:
                entry = kinds.CELLS | self._parameter(len(value))
            else:
                entry = kinds.BIT["tuple" if len(value) & 1 else "pairs"] | self._parameter(len(value))
        else:
            return machine.value
        return (*machine.value[:4], entry, *machine.value[5:])

    @staticmethod
    def _parameter(value: int) -> int:
        if value > kinds.LARGEST_PARAMETER:
            raise Refused(
                WHOLE, f"a constant with {value} items or free variables is more than can be followed"
            )
        return value << kinds.PARAMETER

    def _resolve_jumps(self) -> None:
        """Jump targets as indexes of instructions."""
        step = self.machine.release.jump_unit
        for index, end in list(self.ends.items()):
            shape, number = end[0], end[1]
            if shape == ops.JUMP:
                _, _, falls, taken, goes_on, direction, steps_over, refines, after, argument = end
                target = self._target(index, direction, after, argument, step)
                if steps_over:
                    target = self._over(index, target)
                if target == 0 and self.machine.release.exception_table:
                    raise Refused(self.begins[index], "jumps to the first instruction")
                if taken is None:  # END_ASYNC_FOR: the argument only tells a monitor where the loop was
                    del self.ends[index]
                else:
                    self.jumped_to.add(target)
                    self.ends[index] = (shape, number, falls, taken, goes_on, target, refines)
            elif shape == ops.BLOCK:
                _, _, move, after, argument = end
                name = self.machine.names[number]
                target = -1
                if name in self.machine.release.relative_jumps:
                    target = self._target(index, 1, after, argument, step)
                self.ends[index] = (shape, number, move, target, argument)

    def _target(self, index: int, direction: int, after: int, argument: int, step: int) -> int:
        steps = argument if direction >= 0 else -argument
        if step == 1:
            if argument & 1:
                raise Refused(self.begins[index], "jumps into the middle of a code unit")
            steps //= 2
        unit = steps if direction == 0 else after + steps
        target = self.index.get(unit)
        if target is None or unit < 0:
            raise Refused(self.begins[index], f"jumps to {2 * unit}, where no instruction starts")
        return target

    def _over(self, index: int, target: int) -> int:
        """Return where FOR_ITER goes on: behind what stands at its target for the loop's end."""
        for number in self.machine.skipped:
            unit = self.begins[target] if target < len(self.begins) else -1
            if unit < 0 or self.units[2 * unit] != number:  # CPython skips code units
                raise Refused(self.begins[index], f"its target is not {self.machine.names[number]}")
            target += 1
        if target >= len(self.begins):
            raise Refused(self.begins[index], "leads behind the last instruction")
        return target

    def read(self, index: int) -> tuple[int, int]:
        """An instruction's opcode and argument; the second half of a pair reads as a NOP, and raises as little."""
        if index >= len(self.begins):
            return -1, 0
        unit, argument = self.begins[index], 0
        if unit < 0:
            return self.machine.numbers["NOP"], 0
        if index in self.parted:
            before = self.parted[index]
            if before < 0:
                return self.machine.numbers["NOP"], 0
            return self.units[2 * unit], before | self.units[2 * unit + 1]
        while True:
            number, argument = self.units[2 * unit], argument << 8 | self.units[2 * unit + 1]
            if number != self.machine.numbers["EXTENDED_ARG"]:
                return number, argument
            unit += 1

    def _know_compiler_names(self) -> None:
        """Loads and stores of the compiler's own variables have kinds."""
        machine, kept = self.machine, self.machine.release.compiler_names
        parameters = machine.release.scope_parameters(self.code)
        arguments = len(parameters) if trusting_name(self.code, machine) else 0
        known = {
            slot: kept[name]
            for slot, name in enumerate((*parameters, *self.slots[len(parameters) :]))
            if name in kept and (slot < arguments or (name in _CELL_NAMES and name in self.code.co_cellvars))
            if name != ".0" or takes_iterator(self.code, machine)
        }
        first_target = min((target for target in self.jumped_to), default=len(self.begins))
        for index, begin in enumerate(self.begins):
            if begin < 0:
                continue
            number, argument = self.read(index)
            if index >= first_target:
                break
            if number not in machine.idioms.undisturbed:
                self._know_class_parameters(index, number, argument, known)
                break
            self.prefix = index + 1
            name = machine.names[number]
            shape, payload, _, bound = machine.facts[number]
            if shape == ops.PAIR:
                for half, (moves, slot) in enumerate(zip(payload, (argument >> 4, argument & 15))):
                    self._know(index + half, moves, moves.name, slot, known)
            elif bound == ops.SLOTS:
                moves = (
                    payload
                    if isinstance(payload, ops.Moves)
                    else ops.Moves(name, "", machine.action(name), None)
                )
                self._know(index, moves, name, argument, known)

    def _know_class_parameters(self, index: int, number: int, slot: int, known: dict[int, str]) -> None:
        """A generic class in a class looks for its type parameters in the outer one's namespace before their cell.

        What a metaclass puts there under their name is taken for a tuple, whoever compiled it: a fault of CPython's.
        """
        machine = self.machine
        if machine.names[number] != machine.release.class_deref or not index:
            return
        before, place = self.read(index - 1)
        if (
            machine.names[before] == "LOAD_DEREF"
            and self.free_bits >> place & 1
            and self.slots[place] == "__classdict__"
        ):
            self._know(index, machine.facts[number][1], machine.names[number], slot, known)

    def _know(self, index: int, moves: ops.Moves, name: str, slot: int, known: dict[int, str]) -> None:
        if slot not in known:
            return
        kind = known[slot]
        if name in ("STORE_FAST", "STORE_DEREF"):
            self.moves[index] = moves.parsed(f"{kind} --", slot)
        elif name == "LOAD_FROM_DICT_OR_DEREF":
            self.moves[index] = moves.parsed(f"value -- {kind}", slot)
        elif name == "LOAD_DEREF" or (name.startswith("LOAD_FAST") and self.slots[slot] not in _CELL_NAMES):
            self.moves[index] = moves.parsed(f"-- {kind}", slot)


# this is no argument, but a cell variable
_CELL_NAMES = (".type_params",)
_CACHES = [bytes(2 * units) for units in range(16)]
