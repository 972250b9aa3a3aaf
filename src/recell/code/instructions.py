"""Reading and writing code units: opcode numbers of the running release, finding instructions, making them.

`co_code` shows inline caches as zeros on every release, so a byte search over the opcodes (every second
byte) finds instructions and nothing else; no instruction before the one in question has to be decoded.
Positions are code units (two bytes each).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from recell import compat

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

    from recell.compat._release import Release

    Jump = tuple[int, int, int, int]

__all__ = [
    "Instruction",
    "before",
    "decoded",
    "found",
    "instruction",
    "jump_target",
    "jumps",
    "opcodes",
    "padded",
]


class Opcodes:
    """The opcode numbers that the editor asks for; -1 where the release has no such opcode."""

    cache: int
    extended_arg: int
    nop: int
    pop_top: int
    push_null: int
    jump_forward: int
    load_const: int
    load_small_int: int
    load_common_constant: int
    load_global: int
    store_global: int
    delete_global: int
    load_name: int
    store_name: int
    delete_name: int
    load_deref: int
    store_deref: int
    delete_deref: int
    class_deref: int
    make_cell: int
    load_and_clear: int
    dict_or_globals: int
    load_locals: int
    rare_names: list[int]
    copy_free_vars: int
    resume: int
    return_generator: int
    build_tuple: int
    build_map: int
    build_const_key_map: int
    swap: int
    get_iter: int
    call: int
    for_iter: int
    make_function: int
    set_attribute: int
    global_shift: int
    global_units: int
    load_closure: int
    closure_loads: frozenset[int]
    closure_pairs: dict[int, int]
    stores: set[int]
    copies: set[int]
    slot_loads: set[int]
    local_loads: set[int]
    slot_opcodes: frozenset[int]
    caches: list[int]
    jumps: dict[int, int]
    no_jumps: bytes
    ends: frozenset[int]

    def __init__(self, release: Release) -> None:
        from opcode import opmap

        def number(name: str) -> int:
            return opmap.get(name, -1)

        self.release = release
        self.cache = number("CACHE")
        self.extended_arg = number("EXTENDED_ARG")
        self.nop = number("NOP")
        self.pop_top = number("POP_TOP")
        self.push_null = number("PUSH_NULL")
        self.jump_forward = number("JUMP_FORWARD")
        self.load_const = number("LOAD_CONST")
        self.load_small_int = number("LOAD_SMALL_INT")
        self.load_common_constant = number("LOAD_COMMON_CONSTANT")
        self.load_global = number("LOAD_GLOBAL")
        self.store_global = number("STORE_GLOBAL")
        self.delete_global = number("DELETE_GLOBAL")
        self.load_name = number("LOAD_NAME")
        self.store_name = number("STORE_NAME")
        self.delete_name = number("DELETE_NAME")
        self.load_deref = number("LOAD_DEREF")
        self.store_deref = number("STORE_DEREF")
        self.delete_deref = number("DELETE_DEREF")
        self.class_deref = number(release.class_deref)
        self.make_cell = number("MAKE_CELL")
        self.load_and_clear = number("LOAD_FAST_AND_CLEAR")
        self.dict_or_globals = number("LOAD_FROM_DICT_OR_GLOBALS")
        self.load_locals = number("LOAD_LOCALS") if release.class_deref != "LOAD_CLASSDEREF" else -1
        self.stores = {number("STORE_FAST"), self.store_global, self.store_name, self.store_deref}
        # what doubles the topmost value, where a store follows
        self.copies = {number("COPY"), number("DUP_TOP")} - {-1}
        # what may use a global besides LOAD_GLOBAL
        self.rare_names = [self.store_global, self.delete_global, self.load_name]
        if self.dict_or_globals >= 0:
            self.rare_names.append(self.dict_or_globals)
        self.copy_free_vars = number("COPY_FREE_VARS")
        self.resume = number("RESUME")
        self.return_generator = number("RETURN_GENERATOR")
        self.build_tuple = number("BUILD_TUPLE")
        self.build_map = number("BUILD_MAP")
        self.build_const_key_map = number("BUILD_CONST_KEY_MAP")
        self.swap = number("SWAP")
        self.get_iter = number("GET_ITER")
        self.call = number("CALL")
        self.for_iter = number("FOR_ITER")
        self.make_function = number("MAKE_FUNCTION")
        self.set_attribute = number("SET_FUNCTION_ATTRIBUTE")
        self.global_shift = release.name_shift["LOAD_GLOBAL"]
        self.global_units = 1 + release.caches.get("LOAD_GLOBAL", 0)
        self.load_closure = number("LOAD_CLOSURE" if "LOAD_CLOSURE" in release.closure_loads else "LOAD_FAST")
        self.closure_loads = frozenset(map(number, release.closure_loads - release.local_pair_opcodes))
        # a pair of loads, and the single load that one half of it is
        self.closure_pairs = {
            number(name): number(name[: len(name) // 2])
            for name in release.closure_loads & release.local_pair_opcodes
        }
        # what could read a free variable's slot as it is: cells have slots among the locals only from 3.11 on
        self.slot_loads = set(self.closure_loads)
        self.local_loads = {number(name) for name in release.local_opcodes if name.startswith("LOAD_FAST")}
        if release.unified_locals:
            self.slot_loads |= self.local_loads
        self.slot_opcodes = frozenset(map(number, release.deref_opcodes))
        # a load with its argument (below 256) -> what replaces LOAD_GLOBAL without and with a NULL, made once
        self.loads: dict[tuple[int, int], list[bytes]] = {}
        self.caches = [0] * 256
        for name, units in release.caches.items():
            self.caches[opmap[name]] = units
        # jumps: +1 forwards, -1 backwards, 0 absolute
        self.jumps = {number(name): 1 for name in release.relative_jumps - release.backward_jumps}
        self.jumps.update((number(name), -1) for name in release.backward_jumps)
        self.jumps.update((number(name), 0) for name in release.absolute_jumps)
        self.no_jumps = bytes(number for number in range(256) if number not in self.jumps)
        self.ends = frozenset(map(number, release.ends))


_opcodes: Opcodes | None = None


def opcodes() -> Opcodes:
    """The running release's numbers. Raises UnsupportedPythonError where they are unknown."""
    global _opcodes  # noqa: PLW0603 - resolved once
    if _opcodes is None:
        _opcodes = Opcodes(compat.require("editing code"))
    return _opcodes


def found(ops: bytes, args: bytes, number: int) -> list[tuple[int, int, int]]:
    """All instructions with this opcode: (first unit with its EXTENDED_ARGs, unit of the opcode, argument)."""
    result: list[tuple[int, int, int]] = []
    if number < 0:
        return result
    at = ops.find(number)
    if at < 0:
        return result
    extended = opcodes().extended_arg
    while at >= 0:
        if at and ops[at - 1] == extended:
            result.append(before(ops, args, at + 1))
        else:
            result.append((at, at, args[at]))
        at = ops.find(number, at + 1)
    return result


def before(ops: bytes, args: bytes, unit: int) -> tuple[int, int, int]:
    """The instruction that ends where `unit` starts (one without caches): (first unit, opcode's unit, argument)."""
    at = start = unit - 1
    if at < 0:
        return 0, 0, 0
    argument, shift, extended = args[at], 8, opcodes().extended_arg
    while start and ops[start - 1] == extended:
        start -= 1
        argument |= args[start] << shift
        shift += 8
    return start, at, argument


def jump_target(number: int, argument: int, behind: int) -> int:
    """The code unit to which a jump leads; `behind` is the one behind it and its caches."""
    known = opcodes()
    distance = argument * known.release.jump_unit // 2
    direction = known.jumps[number]
    return behind + direction * distance if direction else distance


def jumps(ops: bytes, args: bytes) -> list[Jump]:
    """All jumps: (first unit, opcode's unit, direction, target unit)."""
    known = opcodes()
    result: list[Jump] = []
    for number in set(ops.translate(None, known.no_jumps)):  # the jumps that there are: one pass, and in C
        direction = known.jumps[number]
        for start, at, argument in found(ops, args, number):
            target = jump_target(number, argument, at + 1 + known.caches[number])
            result.append((start, at, direction, target))
    return result


class Instruction(NamedTuple):
    """One instruction: the byte of its last code unit, its opcode's name and number, its whole argument."""

    offset: int
    name: str
    number: int
    argument: int
    wide: bool


def decoded(code: CodeType) -> Iterator[Instruction]:
    """All instructions, one after the other, caches left out."""
    from opcode import opname

    known = opcodes()
    raw, extended, wide = code.co_code, 0, False
    for offset in range(0, len(raw), 2):
        number = raw[offset]
        if number == known.cache:
            continue
        argument = extended << 8 | raw[offset + 1]
        if number == known.extended_arg:
            extended, wide = argument, True
            continue
        yield Instruction(offset, opname[number], number, argument, wide)
        extended, wide = 0, False


def instruction(number: int, argument: int, units: int = 1) -> bytes:
    """The code units of one instruction, its caches left out; `units` of them at least, where the release allows it."""
    if argument < 256 and units == 1:
        return bytes((number, argument))
    raw = bytes((number, argument & 255))
    known = opcodes()
    extended = known.extended_arg
    if not known.release.padded_arguments:
        units = 1
    argument >>= 8
    while argument or len(raw) < 2 * units:
        raw = bytes((extended, argument & 255)) + raw
        argument >>= 8
    return raw


def padded(raw: bytes, units: int) -> bytes:
    """The instructions with the slack up to `units` stepped over: padding that runs would slow the function."""
    rest = units - len(raw) // 2
    if rest <= 0:
        return raw
    known = opcodes()
    if rest == 1:
        return (
            bytes((known.extended_arg, 0)) + raw
            if known.release.padded_arguments
            else raw + bytes((known.nop, 0))
        )
    over = 2 * (rest - 1) // known.release.jump_unit
    return raw + bytes((known.jump_forward, over)) + bytes((known.nop, 0)) * (rest - 1)
