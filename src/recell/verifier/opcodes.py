"""The running release's opcodes by number: how each one's argument leads to a move of the value stack."""

from __future__ import annotations

from recell import compat
from recell.verifier import kinds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Dict

    from recell.compat._effects import Effect
    from recell.compat._release import Release
    from recell.verifier.kinds import Move

    _Cached = Dict[int, Move]
else:
    _Cached = dict

# how an argument leads to a move
FIXED, SLOT, CONSTANT, FLAGGED, COUNTED, JUMP, STOP, BLOCK, PAIR, EXTENDED = range(10)
# what an argument may not reach: an index into a code object's list of bounds
NO_BOUND, CONSTS, NAMES, NAMES_1, NAMES_2, SLOTS, DEREFS = range(7)
# what a move does besides moving; those from DELETE on are methods of the walk
(NOTHING, LOAD, BORROW, STORE, TUPLE, CALL, DELETE, CLEAR, DEREF, LOAD_CELL, MAKE_CELL, CHECK, FREE_VARS, COPY, SWAP,
 ROTATE, DUPLICATE, FUNCTION, BARE_FUNCTION, ATTRIBUTE, GENERATOR, YIELD, KEYWORDS, CALL_NAMES, APPEND, COMPARE,
 PRECALL, KEYS, INTRINSIC, HAND_ON, TEMPLATE, ACTIONS) = range(32)  # fmt: skip

SLOT_ACTIONS = frozenset({LOAD, BORROW, STORE, DELETE, CLEAR, DEREF, LOAD_CELL, MAKE_CELL, CHECK})
# the numbers of what `Release.actions` names
NUMBERS = {
    name: number
    for number, name in enumerate(
        ("load", "borrow", "store", "tuple", "call", "delete", "clear", "deref", "load_cell", "make_cell", "check",
         "free_vars", "copy", "swap", "rotate", "duplicate", "function", "bare_function", "attribute", "generator",
         "yield_value", "keywords", "call_names", "append", "compare", "precall", "keys", "intrinsic",
         "hand_on", "template"),
        LOAD,
    )
}  # fmt: skip


class Moves(_Cached):
    """The moves of one opcode, by argument, each made when first asked for."""

    high: int
    low: int

    def __init__(self, name: str, effect: Effect, action: int, span: tuple[int, int] | None) -> None:
        super().__init__()
        self.name = name
        self.effect = effect
        self.action = action
        self.low, self.high = span or (0, 1 << 32)

    def make(self, argument: int, stacksize: int) -> Move | str:
        """The move for an argument, or why there is none."""
        if not self.low <= argument <= self.high:
            return f"argument {argument} is not in the range {self.low} to {self.high}"
        counted = not isinstance(self.effect, str) or "{" in self.effect
        values = argument >> 8 if self.name == "UNPACK_EX" else argument
        if counted and values > max(stacksize, 255):
            return f"argument {argument} is more than its stack of {stacksize} can hold"
        if isinstance(self.effect, str):
            text: str | None = (
                self.effect.format(arg=argument, below=argument - 1) if counted else self.effect
            )
        else:
            text = self.effect(argument)
        if text is None:
            return f"argument {argument} has no meaning"
        move = self.parsed(text, argument)
        if argument < 512:
            self[argument] = move
        return move

    def parsed(self, text: str, argument: int) -> Move:
        """The move of another text than the opcode's own, for this argument."""
        operand = 1 << argument if self.action in SLOT_ACTIONS else argument
        # comprehensions are called in one way only; only without bit 4 a comparison may be no bool
        plain = (self.action == CALL and argument > 2) or (self.action == COMPARE and argument & 16)
        action = NOTHING if plain else self.action
        if action == CALL:  # where the callable may lie
            operand = kinds.repeated(kinds.TRUSTING | kinds.MAKE_ITERATOR, argument + 2)
        move = kinds.parse(text, action, operand)
        if self.action in (COPY, ROTATE) and "{" not in str(self.effect):  # 3.8 says it in the opcode's name
            move = (*move[:7], move[0])
        if self.action == BORROW:
            lent = kinds.BORROWED | min(argument, kinds.LARGEST_PARAMETER) << kinds.PARAMETER
            move = (*move[:4], move[4] | lent, *move[5:])
        return move


class Idioms:
    """The opcodes that `recell.verifier.idioms` looks for, by number; -1 where the release has no such opcode."""

    def __init__(self, numbers: dict[str, int], release: Release) -> None:
        def number(name: str) -> int:
            return numbers.get(name, -1)

        def some(names: Iterable[str]) -> frozenset[int]:
            return frozenset(numbers[name] for name in names if name in numbers)

        self.send: int = number("SEND")
        self.behind_send: tuple[int, ...] = tuple(
            number(name) for name in ("YIELD_VALUE", "RESUME", "JUMP_BACKWARD_NO_INTERRUPT")
        )
        self.between = (
            1 if "CLEANUP_THROW" in numbers else 0
        )  # it may stand between the jump back and SEND's target
        self.make_function: int = number("MAKE_FUNCTION")
        self.set_attribute: int = number("SET_FUNCTION_ATTRIBUTE")
        self.attribute_byte: bytes = bytes((self.set_attribute,)) if self.set_attribute >= 0 else b"??"
        self.cleanup_throw: int = number("CLEANUP_THROW")
        self.import_star: int = number("IMPORT_STAR")
        self.intrinsic: int = number("CALL_INTRINSIC_1") if self.import_star < 0 else -1
        self.asks_format: int = release.asks_format
        self.before_generator: frozenset[int] = some(release.before_generator)
        self.undisturbed: frozenset[int] = some(release.undisturbed)


class Machine:
    """The running release's opcodes.

    `facts[number]` is None for an opcode that no compiler emits, else `(shape, payload, cache units, bound)`.
    """

    def __init__(self, release: Release | None = None) -> None:
        import opcode

        self.release: Release = release or compat.require("verify")
        self.numbers: dict[str, int] = {name: number for name, number in opcode.opmap.items() if number < 256}
        self.names: list[str] = [""] * 256
        for name, number in self.numbers.items():
            self.names[number] = name
        self.facts: list[Any] = [None] * 256
        for name, effect in self.release.effects.items():
            if name in self.numbers:  # pragma: no branch - a pre-release may lack some
                self.facts[self.numbers[name]] = self._fact(name, effect)
        self.skipped: list[int] = [self.numbers[name] for name in self.release.skipped_after_loop]
        self.quiet: frozenset[int] = frozenset(
            self.numbers[name] for name in self.release.quiet if name in self.numbers
        )
        jumps = {
            number for name, number in self.numbers.items() if name.startswith(("JUMP_", "POP_JUMP_IF_"))
        }
        # compilers turn conditional jumps around, and give no handler to what they put there
        self.unguarded: frozenset[int] = self.quiet | jumps
        rewritten = self._rewritten(opcode)
        for name, number in rewritten.items():
            self.names[number] = self.names[number] or name
        # what stands for data of the interpreter's own, which must be there
        self.with_data: set[int] = {n for name, n in self.numbers.items() if "INSTRUMENTED" in name}
        self.with_data |= {self.numbers[name] for name in self.release.executors if name in self.numbers}
        written = {*rewritten.values(), *self.with_data}
        # what the interpreter does not write over other opcodes: numbers that nobody uses are refused anyway
        self.harmless: bytes = bytes(set(range(256)) - written)
        self.after_resume: frozenset[int] = frozenset(
            number
            for name, number in {**self.numbers, **rewritten}.items()
            if "RESUME" in name and name != "RESUME"
        )
        self.jump_counters: frozenset[int] = frozenset(
            self.numbers[name] for name in ("RESUME", "JUMP_BACKWARD") if self.release.caches.get(name)
        )
        self.steps: list[int] = [fact[2] if fact else 0 for fact in self.facts]
        self.widths: list[int] = list(self.steps)
        for base, specialised in getattr(opcode, "_specializations", {}).items():
            for name in specialised:
                self.widths[rewritten[name]] = self.steps[self.numbers[base]]
        # 3.12 sets up the caches behind specialised opcodes, too, when a code object is made
        if self.release.specialised_caches:
            self.steps = self.widths
        self.clears: bytes = (
            bytes(self.numbers[name] for name, what in self.release.actions.items() if what == "clear")
            or b"??"
        )
        self.moves_blocks: frozenset[int] = frozenset(
            self.numbers[name] for name in self.release.block_opcodes
        )
        self.idioms: Idioms = Idioms(self.numbers, self.release)
        self.loop_tail: bytes = bytes(self.numbers[name] for name in self.release.loop_tail)
        self.prefixes: frozenset[int] = frozenset(
            self.numbers[name] for name in ("EXTENDED_ARG", "NOP", "SETUP_FINALLY") if name in self.numbers
        )
        self.value: Move = kinds.parse("-- value")
        self.constants: dict[type, Move] = {
            type(None): kinds.parse("-- none"),
            bool: kinds.parse("-- bool"),
            str: kinds.parse("-- str"),
            int: kinds.parse("-- int"),
        }

    @staticmethod
    def _rewritten(opcode: Any) -> dict[str, int]:
        """The specialised opcodes: before 3.13 they have the numbers that others leave free, in order."""
        known: dict[str, int] | None = getattr(opcode, "_specialized_opmap", None)
        if known is not None:
            return known
        free = [number for number, name in enumerate(opcode.opname) if name.startswith("<")]
        return dict(zip(getattr(opcode, "_specialized_instructions", ()), free))

    def _fact(self, name: str, effect: Effect) -> tuple[int, Any, int, int]:
        release = self.release
        caches, bound, action = release.caches.get(name, 0), self._bound(name), self.action(name)
        moves = Moves(name, effect, action, release.argument_ranges.get(name))
        if name == "EXTENDED_ARG":
            return EXTENDED, None, 0, NO_BOUND
        if name in release.block_opcodes:
            return BLOCK, moves, caches, bound
        if name in release.relative_jumps or name in release.absolute_jumps:
            return JUMP, self._jump(name, moves), caches, bound
        if name in release.ends:
            return STOP, moves, caches, bound
        if name in release.local_pair_opcodes:
            first = next(
                half for half in ("LOAD_FAST_BORROW", "LOAD_FAST", "STORE_FAST") if name.startswith(half)
            )
            halves = (first, name[len(first) + 1 :])
            pair = tuple(Moves(half, release.effects[half], self.action(half), None) for half in halves)
            return PAIR, pair, caches, bound
        if name == "LOAD_CONST":
            return CONSTANT, None, caches, bound
        if action in SLOT_ACTIONS:
            return SLOT, moves, caches, bound
        if name in release.name_shift and not isinstance(effect, str):
            flagged = kinds.parse(effect(0) or "--"), kinds.parse(effect(1) or "--", action)
            return FLAGGED, flagged, caches, bound
        needs_argument = not isinstance(effect, str) or "{" in effect or name in release.argument_ranges
        if needs_argument or action in (FREE_VARS, ATTRIBUTE, CALL_NAMES):
            return COUNTED, moves, caches, bound
        return FIXED, moves.parsed(str(effect), 0), caches, bound

    def _jump(self, name: str, moves: Moves) -> tuple[Any, ...]:
        """`(move when it falls through, move when it jumps, falls through, direction, steps over, refines)`."""
        release, taken = self.release, self.release.jump_effects.get(name)
        direction = 0 if name in release.absolute_jumps else -1 if name in release.backward_jumps else 1
        return (
            kinds.parse(str(moves.effect)),
            None if taken is None else kinds.parse(taken),
            name not in self.release.ends,
            direction,
            len(self.release.skipped_after_loop) if name == "FOR_ITER" else 0,
            {"NONE": 1, "NOT_NONE": -1}.get(name.partition("_IF_")[2], 0),
        )

    def _bound(self, name: str) -> int:
        release = self.release
        if name in release.const_opcodes:
            return CONSTS
        if name in release.name_shift:
            return NAMES + release.name_shift[name]
        if name in release.local_opcodes:
            return SLOTS
        if name in release.deref_opcodes:
            return SLOTS if release.unified_locals else DEREFS
        return NO_BOUND

    def action(self, name: str) -> int:
        """Return what the opcode does besides moving."""
        return NUMBERS.get(self.release.actions.get(name, ""), NOTHING)
