"""The making of functions by a code object: site, closure, defaults, annotations.

All of it is read from the instructions around MAKE_FUNCTION; nothing runs.
"""

from __future__ import annotations

from types import CodeType

from recell.code.instructions import before, found, instruction, opcodes
from recell.code.operands import UNKNOWN, Operands
from recell.code.slots import slot_names
from recell.compat._release import ANNOTATE, ANNOTATIONS, CLOSURE, DEFAULTS, KWDEFAULTS
from recell.errors import UnsupportedCodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Known = dict[str, Any]
    Plain = tuple[tuple[Any, ...] | None, dict[str, Any] | None]

__all__ = ["UNKNOWN", "Site", "making", "nested_sites", "plain", "sites"]


class Site:
    """One place where `outer` makes a function of its constant `code`.

    Attributes: `constant`: the index of the nested code; `load`: the units of its LOAD_CONST (start, end); `make`: the
    unit of MAKE_FUNCTION, `end`: that behind the last instruction that makes the function; `flags`: what the function
    gets (MAKE_FUNCTION's bits). `build`, `slots` and `loads` are there once `find_closure` was called: the units of the
    closure's BUILD_TUPLE, or None; what goes into the closure, in order; and for each of them (first unit, opcode's
    unit, half): half 0 for a load of its own, 1 or 2 for one half of a pair.
    """

    __slots__ = (
        *("build", "code", "constant", "end", "flags", "load"),
        *("loads", "make", "outer", "raw", "slots", "_operands"),
    )

    build: tuple[int, int] | None
    code: CodeType
    constant: int
    end: int
    flags: int
    load: tuple[int, int]
    loads: list[tuple[int, int, int]]
    make: int
    outer: CodeType
    raw: bytes
    slots: list[int]

    def __init__(
        self, outer: CodeType, raw: bytes, constant: int, load: tuple[int, int], make: int, flags: int
    ) -> None:
        self.outer, self.raw, self.constant, self.load, self.make = outer, raw, constant, load, make
        self.code = outer.co_consts[constant]
        self._operands: Operands | None = None
        self.flags = flags
        self.end = make + 1
        set_attribute = opcodes().set_attribute
        if set_attribute >= 0:
            at = 2 * make + 2
            while raw[at] == set_attribute:
                self.flags |= raw[at + 1]
                at += 2
            self.end = at >> 1

    @property
    def operands(self) -> Operands:
        """The outer code, read backwards."""
        if self._operands is None:
            self._operands = Operands(self.outer)
        return self._operands

    def find_closure(self, ops: bytes, args: bytes) -> None:
        """Read the closure. Raises UnsupportedCodeError where it is not made the way a compiler does it."""
        self.build, self.slots, self.loads = None, [], []
        if self.flags & CLOSURE:
            known, slots, loads = opcodes(), self.slots, self.loads
            start, at, count = before(ops, args, self.load[0])
            if ops[at] != known.build_tuple:
                raise _unsupported(self.outer, at)
            self.build = (start, at + 1)
            while len(slots) < count:
                start, at, argument = before(ops, args, start)
                if ops[at] in known.closure_loads:
                    slots.append(argument)
                    loads.append((start, at, 0))
                elif ops[at] in known.closure_pairs:
                    slots.append(argument & 15)
                    loads.append((start, at, 2))
                    if len(slots) < count:
                        slots.append(argument >> 4)
                        loads.append((start, at, 1))
                else:
                    raise _unsupported(self.outer, at)
            slots.reverse()
            loads.reverse()
        if len(self.slots) != len(self.code.co_freevars):
            raise _unsupported(self.outer, self.make)

    def qualname(self) -> str:
        """The qualified name that the instructions give (before 3.11)."""
        raw, at, consts = self.raw, 2 * self.make, self.outer.co_consts
        wide = at > 2 and raw[at - 4] == opcodes().extended_arg
        name: str = consts[self.operands.last(self.make)[2] if wide else raw[at - 1]]
        return name

    def stored_as(self) -> str | None:
        """The cell variable to which the new function goes at once, or None (a decorator comes between, ...)."""
        known, unit, argument, raw = opcodes(), self.end, 0, self.raw
        while raw[2 * unit] == known.extended_arg:
            argument = (argument | raw[2 * unit + 1]) << 8
            unit += 1
        if raw[2 * unit] != known.store_deref:
            return None
        return slot_names(self.outer)[argument | raw[2 * unit + 1]]

    # -- what the function gets ----------------------------------------------------------------------------------

    def operand(self, attribute: int) -> int | None:
        """The unit behind the value of one attribute, such as DEFAULTS; None where it cannot be found.

        With 0 as the attribute, the unit behind what lies under all of them.
        """
        end: int | None = self.load[0]
        for bit in self._order():
            if bit == attribute:
                return end
            end = None if end is None else self.operands.start(end)
        return end if not attribute else None

    def _order(self) -> list[int]:
        """The attributes that the function gets, from the top of the stack down."""
        if self.end > self.make + 1:
            return [self.raw[2 * unit + 1] for unit in range(self.make + 1, self.end)]
        return [bit for bit in (CLOSURE, ANNOTATIONS, KWDEFAULTS, DEFAULTS) if self.flags & bit]

    def defaults(self) -> tuple[Known, Known]:
        """Positional and keyword-only defaults by parameter name, `UNKNOWN` where no constant gives them."""
        if not self.flags & (DEFAULTS | KWDEFAULTS):
            return {}, {}
        # compilers copy short code behind a branch: what the copies agree on is known
        every = [site._own_defaults() for site in self._copies()]
        positional, keyword = every[0]
        for others in every[1:]:
            for own, other in zip((positional, keyword), others):
                own.update((name, UNKNOWN) for name in own if other.get(name, UNKNOWN) is not own[name])
        return positional, keyword

    def _copies(self) -> list[Site]:
        """The places where the same function is made: here, and further down."""
        result: list[Site] = [self]
        site = making(self.outer, self.code, self.constant, self.end)
        while site is not None:
            site._operands = self.operands
            result.append(site)
            site = making(self.outer, self.code, self.constant, site.end)
        return result

    def _own_defaults(self) -> tuple[Known, Known]:
        ends = [self.operand(bit) if self.flags & bit else -1 for bit in (DEFAULTS, KWDEFAULTS)]
        return _read_defaults(self.operands, self.code, *ends)

    def defaults_passed(self, nested: CodeType) -> tuple[Known, Known]:
        """The same for a generic function `nested`, where this is the making of the scope of its type parameters.

        Its defaults are evaluated outside of that scope, and passed to it as `.defaults` and `.kwdefaults`.
        """
        names = opcodes().release.scope_parameters(self.code)
        operands = self.operands
        end = self.operand(0)
        if end is not None and end and operands.last(end)[1] == opcodes().swap:
            end = operands.last(end)[0]
        keyword = end if ".kwdefaults" in names else -1
        if ".kwdefaults" in names and end is not None:
            end = operands.start(end)
        return _read_defaults(operands, nested, end if ".defaults" in names else -1, keyword)

    def annotations(self, look_up: Callable[[str, bool], object]) -> dict[str, object]:
        """The annotations that are constants or single names (before 3.14); `look_up(name, from_cell)` gives names."""
        operands, end = self.operands, self.operand(ANNOTATIONS)
        if end is None:
            return {}
        flat = operands.tuple(end, look_up)
        pairs: Any = (
            (operands.mapping(end, look_up) or {}).items() if flat is None else zip(flat[::2], flat[1::2])
        )
        return {name: value for name, value in pairs if value is not UNKNOWN and name is not UNKNOWN}

    def annotate(self) -> Site | None:
        """Return the place where the `__annotate__` function is made that this function gets (3.14+)."""
        if not self.flags & ANNOTATE:
            return None
        end = self.operand(ANNOTATE)
        raw = self.outer.co_code
        return next((site for site in sites(self.outer, raw[::2], raw[1::2]) if site.end == end), None)

    def key_units(self, attribute: int) -> list[int | None]:
        """The units behind the LOAD_CONSTs that spell the names of keyword defaults or annotations."""
        end = self.operand(attribute)
        return [None] if end is None else self.operands.key_ends(end)


def _read_defaults(
    operands: Operands, nested: CodeType, positional: int | None, keyword: int | None
) -> tuple[Known, Known]:
    """Defaults that end in front of two units: -1 where there are none, None where nobody can tell."""
    count = nested.co_argcount
    by_position: Known = {}
    by_name: Known = {}
    if positional != -1:
        items = None if positional is None else operands.tuple(positional)
        names = nested.co_varnames[:count]
        if items is None:
            by_position = dict.fromkeys(names, UNKNOWN)
        elif items:
            by_position = dict(zip(names[-len(items) :], items))
    if keyword != -1:
        found = None if keyword is None else operands.mapping(keyword)
        names = nested.co_varnames[count : count + nested.co_kwonlyargcount]
        by_name = dict.fromkeys(names, UNKNOWN) if found is None else found
    return by_position, by_name


def plain(positional: Known, keyword: Known) -> Plain | None:
    """Defaults as a function keeps them; None where one of them is `UNKNOWN`."""
    for value in (*positional.values(), *keyword.values()):
        if value is UNKNOWN:
            return None
    return (*positional.values(),) or None, keyword or None


# -- finding ---------------------------------------------------------------------------------------------------------


def sites(code: CodeType, ops: bytes, args: bytes) -> list[Site]:
    """Every place where the code makes a function of one of its constants, in order, with its closure.

    Raises UnsupportedCodeError where the instructions are not those that a compiler makes.
    """
    known, result = opcodes(), []
    raw, operands = code.co_code, Operands(code)
    for start, at, flags in found(ops, args, known.make_function):
        end = start
        if not known.release.qualname_in_code:
            end = before(ops, args, end)[0]
        load, opcode_at, index = before(ops, args, end)
        if ops[opcode_at] != known.load_const or type(code.co_consts[index]) is not CodeType:
            continue  # its code comes from elsewhere: no part of this tree
        load_units = (load, opcode_at + 1)
        site = Site(code, raw, index, load_units, at, 0 if known.set_attribute >= 0 else flags)
        site._operands = operands
        site.find_closure(ops, args)
        result.append(site)
    return result


def nested_sites(code: CodeType, ops: bytes, args: bytes) -> list[Site]:
    """`sites`, at no price where the code has no other among its constants."""
    for constant in code.co_consts:
        if type(constant) is CodeType:
            return sites(code, ops, args)
    return []


def making(code: CodeType, nested: CodeType, index: int = -1, unit: int = 0) -> Site | None:
    """The first place where `code` makes a function of `nested`; None where it does not do so the compiler's way.

    `index` says which constant `nested` is, where that is known; `unit` where to begin.
    """
    if index < 0:
        index = 0
        for constant in code.co_consts:
            if constant is nested:
                break
            index += 1
    known, raw = opcodes(), code.co_code
    extended, make_function, in_code = known.extended_arg, known.make_function, known.release.qualname_in_code
    pair = bytes((known.load_const, index & 255))
    wide = instruction(extended, index)[:-2] if index > 255 else b""  # its EXTENDED_ARGs
    at = raw.find(pair, 2 * unit)
    while at >= 0:
        start = at - len(wide) if wide else at
        if not at & 1 and raw[start:at] == wide and (not start or raw[start - 2] != extended):
            make = at + 2
            if not in_code:
                while raw[make] == extended:
                    make += 2
                make += 2
            if make < len(raw) and raw[make] == make_function:
                flags = 0 if known.set_attribute >= 0 else raw[make + 1]
                return Site(code, raw, index, (start >> 1, (at >> 1) + 1), make >> 1, flags)
        at = raw.find(pair, at + 1)
    return None


def _unsupported(code: CodeType, unit: int) -> UnsupportedCodeError:
    reason = f"the function made at offset {2 * unit} is not made the way a compiler does it"
    msg = f"{code!r} cannot be edited: {reason}; only code that CPython compiled can be"
    return UnsupportedCodeError(msg, code=repr(code), reason=reason)
