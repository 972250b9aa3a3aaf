"""Constants that spell a name: the keys of a nested function's defaults and annotations, its qualified name, keywords.

Bytecode keeps such names as constants among all others. Here the instructions that load them are found, by
following a MAKE_FUNCTION's operands back to where they are pushed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from recell import compat
from recell.compat._release import ANNOTATIONS, CLOSURE, DEFAULTS, KWDEFAULTS
from recell.errors import UnsupportedCodeError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

    from recell.compat._release import Release

__all__ = ["Operands", "exchange_constants"]


class Instruction(NamedTuple):
    """One instruction: where its last code unit stands, its opcode's name and number, its whole argument."""

    offset: int
    name: str
    number: int
    argument: int
    wide: bool


class Operands:
    """A code object's instructions, and the constants that they load as names."""

    release: Release
    instructions: list[Instruction]

    def __init__(self, code: CodeType) -> None:
        self.code = code
        self.release = compat.require("following names into constants")
        self.instructions = list(_instructions(code))

    def uses(self, names: tuple[str, ...]) -> list[int]:
        """The positions of LOAD_CONST right before one of the opcodes named, and of KW_NAMES where it is named."""
        return [
            at if instruction.name == "KW_NAMES" else at - 1
            for at, instruction in enumerate(self.instructions)
            if instruction.name in names
            and (instruction.name == "KW_NAMES" or self.instructions[at - 1].name == "LOAD_CONST")
        ]

    def loads(self, index: int) -> list[int]:
        """The positions of all instructions that use a constant."""
        return [
            at
            for at, instruction in enumerate(self.instructions)
            if instruction.argument == index and instruction.name in self.release.const_opcodes
        ]

    def made(self) -> Iterator[tuple[CodeType, int]]:
        """The code of each nested function or class, and the position of its MAKE_FUNCTION."""
        qualname_on_stack = not self.release.qualname_in_code
        for at, instruction in enumerate(self.instructions):
            if instruction.name == "MAKE_FUNCTION":
                loaded = self.instructions[at - 2 if qualname_on_stack else at - 1]
                if loaded.name == "LOAD_CONST":
                    yield self.code.co_consts[loaded.argument], at

    def attributes(self, at: int) -> Iterator[tuple[int, int]]:
        """For a MAKE_FUNCTION: (attribute bit, position of the last instruction of its operand)."""
        made = self.instructions[at]
        qualname_on_stack = not self.release.qualname_in_code
        end = at - (3 if qualname_on_stack else 2)
        bits = [bit for bit in (DEFAULTS, KWDEFAULTS, ANNOTATIONS, CLOSURE) if made.argument & bit]
        if self.release.function_factory is not None:  # 3.13+: they follow one by one
            bits, after = [], at + 1
            while (
                after < len(self.instructions) and self.instructions[after].name == "SET_FUNCTION_ATTRIBUTE"
            ):
                bits.insert(0, self.instructions[after].argument)
                after += 1
        for bit in reversed(bits):
            yield bit, end
            end = self.start(end) - 1

    def start(self, end: int) -> int:
        """Where the computation of a value begins whose last instruction stands at `end`."""
        from opcode import HAVE_ARGUMENT, stack_effect

        depth = 0
        for at in range(end, -1, -1):
            instruction = self.instructions[at]
            argument = instruction.argument if instruction.number >= HAVE_ARGUMENT else None
            depth += stack_effect(instruction.number, argument, jump=False)
            if depth == 1:
                return at
        what = "a default value or annotation that branches"
        raise self.refusal(what)

    def items(self, end: int, count: int) -> list[int]:
        """The positions of the last instructions of `count` values that the instruction at `end` takes."""
        ends: list[int] = []
        last = end - 1
        for _ in range(count):
            ends.insert(0, last)
            last = self.start(last) - 1
        return ends

    def keys(self, end: int) -> list[int]:
        """The LOAD_CONSTs that push the keys of a mapping, or names and values in turn, built at `end`."""
        built = self.instructions[end]
        if built.name == "LOAD_CONST":  # names and values, all of them constants
            return [end]
        if built.name == "BUILD_CONST_KEY_MAP":
            return [end - 1]
        if built.name == "BUILD_MAP":
            found = self.items(end, 2 * built.argument)[::2]
        elif built.name == "BUILD_TUPLE":
            found = self.items(end, built.argument)[::2]
        else:
            found = [end]
        if any(self.instructions[at].name != "LOAD_CONST" for at in found):
            what = "names of defaults or annotations"
            raise self.refusal(what)
        return found

    def refusal(self, what: str) -> UnsupportedCodeError:
        msg = f"{self.code!r} has {what} that cannot be followed without compiling it again; define it from its source"
        return UnsupportedCodeError(msg, code=repr(self.code), reason=what)


def _instructions(code: CodeType) -> Iterator[Instruction]:
    from opcode import opname

    raw, extended, wide = code.co_code, 0, False
    for offset in range(0, len(raw), 2):
        number = raw[offset]
        name = opname[number]
        if name == "CACHE":
            continue
        argument = extended << 8 | raw[offset + 1]
        if name == "EXTENDED_ARG":
            extended, wide = argument, True
            continue
        yield Instruction(offset, name, number, argument, wide)
        extended, wide = 0, False


def exchange_constants(code: CodeType, operands: Operands, sites: dict[int, Any]) -> CodeType:
    """The code with other constants loaded at some instructions (position -> constant); the rest keep theirs."""
    consts = list(code.co_consts)
    raw = bytearray(code.co_code)
    by_index: dict[int, dict[int, Any]] = {}
    for at, value in sites.items():
        by_index.setdefault(operands.instructions[at].argument, {})[at] = value
    for index, wanted in by_index.items():
        values = list(wanted.values())
        if set(operands.loads(index)) == set(wanted) and all(value == values[0] for value in values):
            consts[index] = values[0]
            continue
        for at, value in wanted.items():
            new = len(consts)
            instruction = operands.instructions[at]
            if instruction.wide or new > 255:
                what = "more than 255 constants"
                raise operands.refusal(what)
            consts.append(value)
            raw[instruction.offset + 1] = new
    return code.replace(co_consts=tuple(consts), co_code=bytes(raw))
