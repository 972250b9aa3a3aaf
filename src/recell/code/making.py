"""What a code object gives to a function that it makes: defaults and annotations, known without running it.

Everything is read from the instructions in front of MAKE_FUNCTION. Only constants count as known: an expression
that would have to run is `UNKNOWN`, and so is what several branches may have pushed.
"""

from __future__ import annotations

from types import CodeType

from recell.code.instructions import Site, opcodes, sites
from recell.code.operand_stack import UNKNOWN, Stack, constant, numbers, slot_names
from recell.compat._release import ANNOTATE, ANNOTATIONS, CLOSURE, DEFAULTS, KWDEFAULTS
from recell.compat.py312 import scope_parameters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Known = dict[str, Any]
    Plain = tuple[tuple[Any, ...] | None, dict[str, Any] | None]

__all__ = ["UNKNOWN", "Making", "first_of", "making", "place", "plain_defaults"]

_QUALNAME_IN_CODE = hasattr(CodeType, "co_qualname")


class Making:
    """One place where `code` makes a function of its constant `nested`.

    Attributes: `flags`: MAKE_FUNCTION's bits; `load`, `make`: the code units of LOAD_CONST and MAKE_FUNCTION;
    `end`: the code unit behind the last instruction that makes the function.
    """

    __slots__ = ("code", "end", "flags", "load", "make", "nested", "raw")

    code: CodeType
    end: int
    flags: int
    load: int
    make: int
    nested: CodeType
    raw: bytes

    def __init__(self, code: CodeType, nested: CodeType, raw: bytes, load: int, make: int) -> None:
        self.code, self.nested, self.raw, self.load, self.make = code, nested, raw, load, make
        set_attribute = opcodes().set_attribute
        at = 2 * make + 2
        if set_attribute < 0:
            self.flags = raw[at - 1]
        else:
            self.flags = 0
            while raw[at] == set_attribute:
                self.flags |= raw[at + 1]
                at += 2
        self.end = at >> 1

    @property
    def ops(self) -> bytes:
        """The opcodes of all code units."""
        return self.raw[::2]

    @property
    def args(self) -> bytes:
        """The arguments of all code units."""
        return self.raw[1::2]

    def site(self) -> Site:
        """The same place as the editor sees it, with the slots of the closure."""
        return next(site for site in sites(self.code, self.ops, self.args) if site.make == self.make)

    def qualname(self) -> str:
        """The qualified name that the instructions give (before 3.11)."""
        name: str = self.code.co_consts[_step(self.raw, self.make)[2]]
        return name

    def stored_as(self) -> str | None:
        """The cell variable to which the new function goes at once, or None (a decorator comes between, ...)."""
        known, unit, argument = opcodes(), self.end, 0
        ops, args = self.ops, self.args
        while ops[unit] == known.extended_arg:
            argument = (argument | args[unit]) << 8
            unit += 1
        return slot_names(self.code)[argument | args[unit]] if ops[unit] == known.store_deref else None

    def plain_defaults(self) -> Plain | None:
        """Defaults and keyword defaults in the everyday case, constants only; None where it is another one."""
        unit = first_of(self.raw, self.load, self.flags)
        if self.flags & ANNOTATE:
            lazy = self.annotate()
            unit = -1 if lazy is None else first_of(lazy.raw, lazy.load, lazy.flags)
        elif self.flags & ANNOTATIONS:
            unit = self._plain_annotations(_nothing)[0]
        return None if unit < 0 else plain_defaults(self.code, self.raw, unit, self.flags)

    def defaults(self) -> tuple[Known, Known]:
        """Positional and keyword-only defaults by parameter name, `UNKNOWN` where no constant gives them."""
        above = bin(self.flags & (ANNOTATIONS | ANNOTATE)).count("1")
        return self._defaults(self.nested, self.flags, first_of(self.raw, self.load, self.flags), above)

    def defaults_passed(self, nested: CodeType) -> tuple[Known, Known]:
        """The same for a generic function `nested`, where this is the making of the scope of its type parameters.

        Its defaults are evaluated outside of that scope, and passed to it as `.defaults` and `.kwdefaults`.
        """
        parameters = scope_parameters(self.nested)
        unit = first_of(self.raw, self.load, self.flags)
        start, number, _ = _step(self.raw, unit)
        flags = DEFAULTS * (".defaults" in parameters) | KWDEFAULTS * (".kwdefaults" in parameters)
        return self._defaults(nested, flags, start if number == numbers().swap else unit, 0)

    def _defaults(self, nested: CodeType, flags: int, unit: int, above: int) -> tuple[Known, Known]:
        """What lies on the stack in front of a code unit as the defaults of `nested`, under `above` other values."""
        positional: Known = {}
        keyword: Known = {}
        if not flags & (DEFAULTS | KWDEFAULTS):
            return positional, keyword
        count = nested.co_argcount
        items: Sequence[Any] | None
        stack = Stack(self.code, self.ops, self.args, unit)
        if flags & KWDEFAULTS:
            keyword_only = nested.co_varnames[count : count + nested.co_kwonlyargcount]
            keyword = stack.mapping(above) or dict.fromkeys(keyword_only, UNKNOWN)
            above += 1
        items = stack.items(above) if flags & DEFAULTS else ()
        if items is None:  # pragma: no cover - compilers push a constant or BUILD_TUPLE
            items = [UNKNOWN] * count
        if items:
            positional = dict(zip(nested.co_varnames[count - len(items) : count], items))
        return positional, keyword

    def annotations(self, look_up: Callable[[str, bool], object]) -> dict[str, object]:
        """The annotations that are constants or single names (before 3.14), `look_up(name, from_cell)` gives names."""
        if not self.flags & ANNOTATIONS:  # pragma: no cover - lazy ones, not made the compiler's way
            return {}
        unit, plain = self._plain_annotations(look_up)
        if unit >= 0:
            return plain
        return Stack(
            self.code, self.ops, self.args, first_of(self.raw, self.load, self.flags), look_up
        ).annotations()

    def annotate(self) -> Making | None:
        """Where the `__annotate__` function is made that this function gets (3.14+)."""
        if not self.flags & ANNOTATE:
            return None
        known, raw = opcodes(), self.raw
        at = 2 * first_of(self.raw, self.load, self.flags) - 2
        while raw[at] == known.set_attribute:
            at -= 2
        if raw[at] != known.make_function:  # pragma: no cover - compilers make it right in front
            return None
        load, number, index = _step(raw, at >> 1)
        nested = constant(self.code, number, index)
        return Making(self.code, nested, raw, load, at >> 1) if type(nested) is CodeType else None

    def _plain_annotations(self, look_up: Callable[[str, bool], object]) -> tuple[int, dict[str, object]]:
        """Where the annotations start, and what they are, in the everyday case; -1 where it is another one.

        Every one is a constant or a single name. Read backwards: what several branches may have pushed has a jump in
        front of it, and not the name of the parameter.
        """
        raw, code, known = self.raw, self.code, opcodes()
        other: tuple[int, dict[str, object]] = -1, {}
        unit, number, count = _step(raw, first_of(raw, self.load, self.flags))
        names: Any = None
        if number == known.load_const:
            flat = code.co_consts[count]
            return (unit, dict(zip(flat[::2], flat[1::2]))) if flat.__class__ is tuple else other
        if number == numbers().build_const_key_map:
            unit, number, argument = _step(raw, unit)
            names = constant(code, number, argument)
        elif number != known.build_tuple:  # pragma: no cover - compilers build a tuple or a mapping
            return other
        values: list[object] = []
        for _ in range(count):
            before = unit - known.global_units
            if not raw[2 * unit - 2] and before >= 0 and raw[2 * before] == known.load_global:
                unit = before + 1  # in front of its caches
            unit, number, argument = _step(raw, unit)
            value = constant(code, number, argument)
            if value is UNKNOWN:
                if number == known.load_global:
                    value = look_up(code.co_names[argument >> known.global_shift], False)
                elif number == known.load_name:
                    value = look_up(code.co_names[argument], False)
                elif number == known.load_deref:
                    value = look_up(slot_names(code)[argument], True)
                else:
                    return other
            values.append(value)
        if names is not None and unit and raw[2 * unit - 2] in known.jumps:
            return other
        values.reverse()
        pairs = zip(values[::2], values[1::2]) if names is None else zip(names, values)
        return unit, {name: value for name, value in pairs if value is not UNKNOWN}  # type: ignore[misc]


def _nothing(name: str, from_cell: bool) -> object:
    return UNKNOWN


def making(code: CodeType, nested: CodeType) -> Making | None:
    """The first place where `code` makes a function of `nested`; None where it does not do so the compiler's way."""
    found = place(code, nested)
    return None if found is None else Making(code, nested, found[0], found[1], found[2])


# LOAD_CONST's code unit by its argument, and the opcodes EXTENDED_ARG, MAKE_FUNCTION and SET_FUNCTION_ATTRIBUTE
_units: tuple[list[bytes], int, int, int] | None = None


def place(
    code: CodeType, nested: CodeType, index: int = -1
) -> tuple[bytes, int, int, int, str | None] | None:
    """What `making` finds, before an object is made of it.

    The code units as bytes; the units of LOAD_CONST and MAKE_FUNCTION; the flags; the qualified name that the
    instructions give (before 3.11). `index` says which constant `nested` is, where that is known.
    """
    global _units  # noqa: PLW0603 - resolved once
    if _units is None:
        known = opcodes()
        loads = [bytes((known.load_const, index)) for index in range(256)]
        _units = (loads, known.extended_arg, known.make_function, known.set_attribute)
    loads, extended, make_function, set_attribute = _units
    raw = code.co_code
    if index < 0:
        index = 0
        for found in code.co_consts:
            if found is nested:
                break
            index += 1
    if index > 255:
        for site in sites(code, raw[::2], raw[1::2]):
            if site.code is nested:
                made = Making(code, nested, raw, site.load[0], site.make)
                qualname = None if _QUALNAME_IN_CODE else made.qualname()
                return raw, made.load, made.make, made.flags, qualname
        return None
    pair = loads[index]
    at = raw.find(pair)
    while at >= 0:
        if not at & 1 and (not at or raw[at - 2] != extended):
            make = at + 2
            if not _QUALNAME_IN_CODE:
                named = 0
                while raw[make] == extended:
                    named = (named | raw[make + 1]) << 8
                    make += 2
                named |= raw[make + 1]
                make += 2
                if make < len(raw) and raw[make] == make_function:
                    return raw, at >> 1, make >> 1, raw[make + 1], code.co_consts[named]
            elif make < len(raw) and raw[make] == make_function:
                if set_attribute < 0:
                    return raw, at >> 1, make >> 1, raw[make + 1], None
                flags, behind = 0, make + 2
                while raw[behind] == set_attribute:
                    flags |= raw[behind + 1]
                    behind += 2
                return raw, at >> 1, make >> 1, flags, None
        at = raw.find(pair, at + 1)
    return None


def first_of(raw: bytes, unit: int, flags: int) -> int:
    """The code unit where the closure's loads start, or those of the code, at `unit`, where there is no closure."""
    if not flags & CLOSURE:
        return unit
    known = opcodes()
    pairs, extended = known.closure_pairs, known.extended_arg
    unit -= 1
    count = raw[2 * unit + 1]
    if unit and raw[2 * unit - 2] == extended:
        unit, _, count = _step(raw, unit + 1)
    while count > 0:
        unit -= 1
        count -= 2 if raw[2 * unit] in pairs else 1
        while unit and raw[2 * unit - 2] == extended:
            unit -= 1
    return unit


def plain_defaults(code: CodeType, raw: bytes, unit: int, flags: int) -> Plain | None:
    """Defaults and keyword defaults that end in front of a unit, constants only; None where they are others.

    Read backwards, without a pass over everything in front of them.
    """
    known, more, consts = opcodes(), numbers(), code.co_consts
    extended, load_const = known.extended_arg, known.load_const
    positional: Any = None
    keyword: dict[str, Any] | None = None
    at = 2 * unit
    if flags & KWDEFAULTS:
        at -= 2
        number, count = raw[at], raw[at + 1]
        if at and raw[at - 2] == extended:
            unit, number, count = _step(raw, unit)
            at = 2 * unit
        in_pairs = number == more.build_map
        if not in_pairs and number != more.build_const_key_map:
            return None  # pragma: no cover - compilers build a mapping
        flat: list[Any] = []
        for _ in range(2 * count if in_pairs else count + 1):
            at -= 2
            number, argument = raw[at], raw[at + 1]
            if at and raw[at - 2] == extended:
                unit, number, argument = _step(raw, (at >> 1) + 1)
                at = 2 * unit
            value = consts[argument] if number == load_const else constant(code, number, argument)
            if value is UNKNOWN:
                return None
            flat.append(value)
        if in_pairs:
            flat.reverse()
            keyword = dict(zip(flat[::2], flat[1::2]))
        else:
            # branches may have been joined behind the first constant, unless a store stands in front of it
            if not flags & DEFAULTS and (not at or raw[at - 2] not in more.stores):
                return None
            keyword = dict(zip(flat[0], flat[:0:-1]))
    if flags & DEFAULTS:
        # whatever branches stand in the expressions, they are joined in front of BUILD_TUPLE
        number, argument = raw[at - 2], raw[at - 1]
        if at > 2 and raw[at - 4] == extended:
            _, number, argument = _step(raw, at >> 1)
        positional = consts[argument] if number == load_const else UNKNOWN
        if positional.__class__ is not tuple:
            return None
    return positional, keyword


def _step(raw: bytes, unit: int) -> tuple[int, int, int]:
    """The instruction that ends where `unit` starts (one without caches): (first unit, opcode, argument)."""
    at = 2 * unit - 2
    number, argument, shift, extended = raw[at], raw[at + 1], 8, opcodes().extended_arg
    while at and raw[at - 2] == extended:
        at -= 2
        argument |= raw[at + 1] << shift
        shift += 8
    return at >> 1, number, argument
