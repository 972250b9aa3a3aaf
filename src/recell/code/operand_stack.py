"""What lies on the stack in front of a code unit, as far as constants pushed it: read, not run."""

from __future__ import annotations

from recell.code.instructions import jump_target, opcodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType
    from typing import Any

__all__ = ["UNKNOWN", "Stack", "constant", "numbers", "slot_names"]


class Unknown:
    """The type of `UNKNOWN`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<unknown>"


UNKNOWN: Any = Unknown()
"""The value of an expression that is no constant."""


def slot_names(code: CodeType) -> tuple[str, ...]:
    """The names of the slots that the *_DEREF instructions count in."""
    own = code.co_varnames if opcodes().release.unified_locals else ()
    return (*own, *(name for name in code.co_cellvars if name not in own), *code.co_freevars)


class Numbers:
    """More opcode numbers of the running release; -1 where it has no such opcode."""

    swap: int
    load_small_int: int
    load_common_constant: int
    build_map: int
    build_const_key_map: int
    stores: set[int]
    ends: set[int]
    silent: set[int]

    def __init__(self) -> None:
        from opcode import opmap

        def number(name: str) -> int:
            return opmap.get(name, -1)

        self.swap = number("SWAP")
        self.load_small_int = number("LOAD_SMALL_INT")
        self.load_common_constant = number("LOAD_COMMON_CONSTANT")
        self.build_map = number("BUILD_MAP")
        self.build_const_key_map = number("BUILD_CONST_KEY_MAP")
        names = set(opmap)
        self.stores = {number(name) for name in names if name.startswith("STORE_") and "LOAD" not in name}
        ends = ("RETURN_", "RAISE_", "RERAISE", "JUMP_FORWARD", "JUMP_ABSOLUTE", "JUMP_BACKWARD")
        self.ends = {number(name) for name in names if name.startswith(ends)} - {number("RETURN_GENERATOR")}
        # what pushes nothing: it leaves a value on top that another instruction pushed
        silent = ("STORE_", "DELETE_", "POP_", "NOP", "RESUME", "NOT_TAKEN", "END_FOR", "JUMP")
        pushing = {number("STORE_FAST_LOAD_FAST"), number("STORE_FAST_MAYBE_NULL")}
        self.silent = {number(name) for name in names if name.startswith(silent)} - pushing
        self.silent |= {number("MAKE_CELL"), number("COPY_FREE_VARS")}


_numbers_found: Numbers | None = None


def numbers() -> Numbers:
    """The running release's numbers."""
    global _numbers_found  # noqa: PLW0603 - resolved once
    if _numbers_found is None:
        _numbers_found = Numbers()
    return _numbers_found


def constant(code: CodeType, number: int, argument: int) -> Any:
    """What an instruction pushes that loads a constant; `UNKNOWN` for any other."""
    if number == opcodes().load_const:
        return code.co_consts[argument]
    more = numbers()
    if number == more.load_small_int:
        return argument
    if number == more.load_common_constant:
        import opcode

        return opcode._common_constants[argument]  # type: ignore[attr-defined]
    return UNKNOWN


class Stack:
    """What lies on the stack in front of a code unit: for each value the instruction that pushed it last.

    One pass over the instructions computes the stack's depth; only differences within one expression count,
    so what the depth was before a block or handler does not matter.
    """

    code: CodeType
    ops: bytes
    args: bytes
    depth: int

    def __init__(
        self,
        code: CodeType,
        ops: bytes,
        args: bytes,
        unit: int,
        look_up: Callable[[str, bool], object] | None = None,
    ) -> None:
        self.code, self.ops, self.args = code, ops, args
        self.look_up: Callable[[str, bool], object] | None = look_up
        # start, opcode, argument, depth before and after
        self.steps: list[tuple[int, int, int, int, int]] = []
        self.stop = unit
        self.depth = self._walk(unit)

    def _walk(self, stop: int) -> int:
        import opcode

        known, ops, args = opcodes(), self.ops, self.args
        effect, takes_argument, ends = opcode.stack_effect, opcode.HAVE_ARGUMENT, numbers().ends
        depths: dict[int, int] = {}
        depth, reachable, unit = 0, True, 0
        while unit < stop:
            start, argument = unit, args[unit]
            while ops[unit] == known.extended_arg:
                unit += 1
                argument = argument << 8 | args[unit]
            number = ops[unit]
            unit += 1 + known.caches[number]
            given = argument if number >= takes_argument else None
            if not reachable:
                depth = depths.get(start, 0)
            above = depth + effect(number, given, jump=False)
            if number in known.jumps:
                depths.setdefault(
                    jump_target(number, argument, unit), depth + effect(number, given, jump=True)
                )
            self.steps.append((start, number, argument, depth, above))
            depth = above
            reachable = number not in ends
        return depth

    def _pushed(self, level: int, behind: int | None = None) -> int | None:
        """Which step in front of step `behind` (of the end) pushed the value at a level of the stack last."""
        silent = numbers().silent
        for index in range((len(self.steps) if behind is None else behind) - 1, -1, -1):
            _, number, _, under, over = self.steps[index]
            if under <= level < over or (over == level + 1 and number not in silent):
                return index
            if over <= level:
                return None  # it was there before this expression
        return None  # pragma: no cover - the first instruction stands on an empty stack

    def _value(self, index: int | None) -> object:
        if index is None or self._is_joined(index):
            return UNKNOWN
        _, number, argument, _, _ = self.steps[index]
        value = constant(self.code, number, argument)
        return self._looked_up(number, argument) if value is UNKNOWN and self.look_up is not None else value

    def _is_joined(self, index: int) -> bool:
        """Whether a jump from further up lands behind the step: then another branch may have pushed the value."""
        end = self.steps[index + 1][0] if index + 1 < len(self.steps) else self.stop
        jumps = opcodes().jumps
        return any(
            jumps.get(number, -1) >= 0 and jump_target(number, argument, self.steps[at + 1][0]) == end
            for at, (_, number, argument, _, _) in enumerate(self.steps[:index])
        )

    def _looked_up(self, number: int, argument: int) -> object:
        known, code, look_up = opcodes(), self.code, self.look_up
        assert look_up is not None
        if number == known.load_global:
            return look_up(code.co_names[argument >> known.global_shift], False)
        if number == known.load_name:
            return look_up(code.co_names[argument], False)
        return look_up(slot_names(code)[argument], True) if number == known.load_deref else UNKNOWN

    def items(self, below: int) -> list[Any] | None:
        """The items of the tuple that lies `below` values under the top, or None where it is no display."""
        index = self._pushed(self.depth - 1 - below)
        if index is None:
            return None
        _, number, argument, under, _ = self.steps[index]
        if number == opcodes().build_tuple:
            return [self._value(self._pushed(level, index)) for level in range(under - argument, under)]
        value: Any = self._value(index)
        return list(value) if value.__class__ is tuple else None

    def mapping(self, below: int) -> dict[str, Any]:
        """The dict with constant keys that lies `below` values under the top."""
        index = self._pushed(self.depth - 1 - below)
        if index is None:
            return {}
        more = numbers()
        _, number, argument, under, _ = self.steps[index]
        keys: Any = ()
        if number == more.build_const_key_map:
            keys = self._value(self._pushed(under - 1, index))
            levels = range(under - 1 - argument, under - 1)
        elif number == more.build_map:
            keys = [
                self._value(self._pushed(level, index)) for level in range(under - 2 * argument, under, 2)
            ]
            levels = range(under - 2 * argument + 1, under, 2)
        else:
            return {}
        return {key: self._value(self._pushed(level, index)) for key, level in zip(keys, levels)}

    def annotations(self) -> dict[str, object]:
        """The annotations on top of the stack: a dict (before 3.10) or a tuple of names and values."""
        flat = self.items(0)
        pairs: list[Any] = list(self.mapping(0).items()) if flat is None else list(zip(flat[::2], flat[1::2]))
        return {name: value for name, value in pairs if value is not UNKNOWN}
