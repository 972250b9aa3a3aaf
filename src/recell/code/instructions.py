"""Reading and writing code units: opcode numbers of the running release, finding instructions, making them.

`co_code` shows inline caches as zeros on every release, so a byte search over the opcodes (every second
byte) finds instructions and nothing else; no instruction before the one in question has to be decoded.
Positions are code units (two bytes each).
"""

from __future__ import annotations

from types import CodeType

from recell import compat
from recell.compat._release import CLOSURE
from recell.errors import UnsupportedCodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from recell.compat._release import Release

__all__ = ["Site", "before", "found", "free_base", "instruction", "jump_target", "opcodes", "padded", "sites"]


class Opcodes:
    """The opcode numbers that the editor asks for; -1 where the release has no such opcode."""

    extended_arg: int
    nop: int
    pop_top: int
    push_null: int
    jump_forward: int
    load_const: int
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
    dict_or_globals: int
    load_locals: int
    rare_names: list[int]
    copy_free_vars: int
    build_tuple: int
    make_function: int
    set_attribute: int
    global_shift: int
    global_units: int
    load_closure: int
    closure_loads: frozenset[int]
    closure_pairs: dict[int, int]
    slot_loads: set[int]
    slot_opcodes: frozenset[int]
    caches: list[int]
    jumps: dict[int, int]

    def __init__(self, release: Release) -> None:
        from opcode import opmap

        def number(name: str) -> int:
            return opmap.get(name, -1)

        self.release = release
        self.extended_arg = number("EXTENDED_ARG")
        self.nop = number("NOP")
        self.pop_top = number("POP_TOP")
        self.push_null = number("PUSH_NULL")
        self.jump_forward = number("JUMP_FORWARD")
        self.load_const = number("LOAD_CONST")
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
        self.dict_or_globals = number("LOAD_FROM_DICT_OR_GLOBALS")
        self.load_locals = number("LOAD_LOCALS") if release.class_deref != "LOAD_CLASSDEREF" else -1
        # what may use a global besides LOAD_GLOBAL
        self.rare_names = [self.store_global, self.delete_global, self.load_name]
        if self.dict_or_globals >= 0:
            self.rare_names.append(self.dict_or_globals)
        self.copy_free_vars = number("COPY_FREE_VARS")
        self.build_tuple = number("BUILD_TUPLE")
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
        if release.unified_locals:
            self.slot_loads.update(
                number(name) for name in release.local_opcodes if name.startswith("LOAD_FAST")
            )
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


def free_base(code: CodeType) -> int:
    """The slot of the code's first free variable."""
    cells = code.co_cellvars
    if not opcodes().release.unified_locals:
        return len(cells)
    return code.co_nlocals + (len(set(cells).difference(code.co_varnames)) if cells else 0)


class Site:
    """Where a code object makes a function of a nested one: the closure's loads, the constant, MAKE_FUNCTION.

    Attributes: `constant` (index of the nested code), `code`; `load`: units of its LOAD_CONST (start, end);
    `make`: unit of MAKE_FUNCTION, `flags` its argument or 8 with a closure; `build`: units of the closure's
    BUILD_TUPLE, or None; `slots`: what goes into the closure, in order; `loads`: for each of them (first
    unit, opcode's unit, half): half 0 for a load of its own, 1 or 2 for one half of a pair.
    """

    __slots__ = ("build", "code", "constant", "flags", "load", "loads", "make", "slots")

    code: CodeType
    constant: int
    flags: int
    load: tuple[int, int]
    make: int

    def __init__(self, constant: int, code: CodeType, load: tuple[int, int], make: int, flags: int) -> None:
        self.constant = constant
        self.code = code
        self.load = load
        self.make = make
        self.flags = flags
        self.build: tuple[int, int] | None = None
        self.slots: list[int] = []
        self.loads: list[tuple[int, int, int]] = []


def sites(code: CodeType, ops: bytes, args: bytes) -> list[Site]:
    """Every place where the code makes a function of one of its constants, in order.

    Raises UnsupportedCodeError where the instructions are not those that a compiler makes.
    """
    known, result = opcodes(), []
    for start, at, flags in found(ops, args, known.make_function):
        end = start
        if not known.release.qualname_in_code:
            end = before(ops, args, end)[0]
        load, opcode_at, index = before(ops, args, end)
        nested = code.co_consts[index] if ops[opcode_at] == known.load_const else None
        if type(nested) is not CodeType:
            continue  # its code comes from elsewhere: no part of this tree
        if known.set_attribute >= 0:
            flags = _attributes(ops, args, at)
        site = Site(index, nested, (load, opcode_at + 1), at, flags)
        if flags & CLOSURE:
            _closure(site, code, ops, args)
        if len(site.slots) != len(nested.co_freevars):
            raise _unsupported(code, at)
        result.append(site)
    return result


def _attributes(ops: bytes, args: bytes, make: int) -> int:
    flags, unit, number = 0, make + 1, opcodes().set_attribute
    while unit < len(ops) and ops[unit] == number:
        flags |= args[unit]
        unit += 1
    return flags


def _closure(site: Site, code: CodeType, ops: bytes, args: bytes) -> None:
    known = opcodes()
    start, at, count = before(ops, args, site.load[0])
    if ops[at] != known.build_tuple:
        raise _unsupported(code, at)
    site.build = (start, at + 1)
    while len(site.slots) < count:
        start, at, argument = before(ops, args, start)
        if ops[at] in known.closure_loads:
            site.slots.append(argument)
            site.loads.append((start, at, 0))
        elif ops[at] in known.closure_pairs:
            site.slots.append(argument & 15)
            site.loads.append((start, at, 2))
            if len(site.slots) < count:
                site.slots.append(argument >> 4)
                site.loads.append((start, at, 1))
        else:
            raise _unsupported(code, at)
    site.slots.reverse()
    site.loads.reverse()


def _unsupported(code: CodeType, unit: int) -> UnsupportedCodeError:
    reason = f"the function made at offset {2 * unit} is not made the way a compiler does it"
    msg = f"{code!r} cannot be edited: {reason}; only code that CPython compiled can be"
    return UnsupportedCodeError(msg, code=repr(code), reason=reason)
