"""What a code object gives to a function that it makes: defaults and annotations, known without running it.

Everything is read from the instructions in front of MAKE_FUNCTION. Only constants count as known: an expression
that would have to run is `UNKNOWN`, and so is what several branches may have pushed.
"""

from __future__ import annotations

from types import CodeType

from recell.compat.py312 import scope_parameters
from recell.instructions import CLOSURE, Site, opcodes, sites
from recell.pushed import UNKNOWN, Stack, constant, numbers, slot_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Known = dict[str, Any]

__all__ = ["ANNOTATE", "ANNOTATIONS", "UNKNOWN", "Making", "making"]

_QUALNAME_IN_CODE = hasattr(CodeType, "co_qualname")
DEFAULTS, KWDEFAULTS, ANNOTATIONS, ANNOTATE = 1, 2, 4, 16


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
        raw, at = self.raw, 2 * self.make
        index = raw[at - 1] if raw[at - 4] != opcodes().extended_arg else _step(raw, self.make)[2]
        name: str = self.code.co_consts[index]
        return name

    def stored_as(self) -> str | None:
        """The cell variable to which the new function goes at once, or None (a decorator comes between, ...)."""
        known, unit, argument = opcodes(), self.end, 0
        ops, args = self.ops, self.args
        while ops[unit] == known.extended_arg:
            argument = (argument | args[unit]) << 8
            unit += 1
        return slot_names(self.code)[argument | args[unit]] if ops[unit] == known.store_deref else None

    def plain_defaults(self) -> tuple[tuple[Any, ...] | None, dict[str, Any] | None] | None:
        """Defaults and keyword defaults in the everyday case, constants only; None where it is another one.

        Read backwards, without a pass over everything in front of them.
        """
        flags, raw, code = self.flags, self.raw, self.code
        if flags & (ANNOTATIONS | ANNOTATE):
            return None
        positional: Any = None
        keyword: dict[str, Any] | None = None
        unit, more = self._first(), numbers()
        if flags & KWDEFAULTS:
            unit, number, count = _step(raw, unit)
            flat: list[Any] = []
            in_pairs = number == more.build_map
            if not in_pairs and number != more.build_const_key_map:
                return None
            wanted = 2 * count if in_pairs else count + 1
            while len(flat) < wanted:
                unit, number, argument = _step(raw, unit)
                flat.append(constant(code, number, argument))
                if flat[-1] is UNKNOWN:
                    return None
            if in_pairs:
                flat.reverse()
                keyword = dict(zip(flat[::2], flat[1::2]))
            else:
                # branches may have been joined behind the first constant, unless a store stands in front of it
                if not flags & DEFAULTS and (not unit or raw[2 * unit - 2] not in more.stores):
                    return None
                keyword = dict(zip(flat[0], flat[:0:-1]))
        if flags & DEFAULTS:
            # whatever branches stand in the expressions, they are joined in front of BUILD_TUPLE
            _, number, argument = _step(raw, unit)
            positional = constant(code, number, argument)
            if positional.__class__ is not tuple:
                return None
        return positional, keyword

    def defaults(self) -> tuple[Known, Known]:
        """Positional and keyword-only defaults by parameter name, `UNKNOWN` where no constant gives them."""
        above = bin(self.flags & (ANNOTATIONS | ANNOTATE)).count("1")
        return self._defaults(self.nested, self.flags, self._first(), above)

    def defaults_passed(self, nested: CodeType) -> tuple[Known, Known]:
        """The same for a generic function `nested`, where this is the making of the scope of its type parameters.

        Its defaults are evaluated outside of that scope, and passed to it as `.defaults` and `.kwdefaults`.
        """
        parameters = scope_parameters(self.nested)
        unit = self._first()
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
        if items is None:
            items = [UNKNOWN] * count
        if items:
            positional = dict(zip(nested.co_varnames[count - len(items) : count], items))
        return positional, keyword

    def annotations(self, look_up: Callable[[str, bool], object]) -> dict[str, object]:
        """The annotations that are constants or single names (before 3.14), `look_up(name, from_cell)` gives names."""
        if not self.flags & ANNOTATIONS:
            return {}
        return Stack(self.code, self.ops, self.args, self._first(), look_up).annotations()

    def annotate(self) -> Making | None:
        """Where the `__annotate__` function is made that this function gets (3.14+)."""
        if not self.flags & ANNOTATE:
            return None
        first = self._first()
        for site in sites(self.code, self.ops, self.args):
            other = Making(self.code, site.code, self.raw, site.load[0], site.make)
            if other.end == first:
                return other
        return None

    def _first(self) -> int:
        """The code unit where the closure's loads start, or those of the code where there is none."""
        if not self.flags & CLOSURE:
            return self.load
        pairs, raw = opcodes().closure_pairs, self.raw
        unit, _, count = _step(raw, self.load)
        while count > 0:
            unit, number, _ = _step(raw, unit)
            count -= 2 if number in pairs else 1
        return unit


def making(code: CodeType, nested: CodeType) -> Making | None:
    """The first place where `code` makes a function of `nested`; None where it does not do so the compiler's way."""
    known = opcodes()
    raw = code.co_code
    index = 0
    for found in code.co_consts:
        if found is nested:
            break
        index += 1
    if index > 255:
        for site in sites(code, raw[::2], raw[1::2]):
            if site.code is nested:
                return Making(code, nested, raw, site.load[0], site.make)
        return None
    extended, load_const = known.extended_arg, known.load_const
    pair = bytes((load_const, index))
    at = raw.find(pair)
    while at >= 0:
        if not at & 1 and (not at or raw[at - 2] != extended):
            make = at + 2
            if not _QUALNAME_IN_CODE:
                while raw[make] == extended:
                    make += 2
                make += 2
            if make < len(raw) and raw[make] == known.make_function:
                return Making(code, nested, raw, at >> 1, make >> 1)
        at = raw.find(pair, at + 1)
    return None


def _step(raw: bytes, unit: int) -> tuple[int, int, int]:
    """The instruction that ends where `unit` starts (one without caches): (first unit, opcode, argument)."""
    at = 2 * unit - 2
    number, argument, shift, extended = raw[at], raw[at + 1], 8, opcodes().extended_arg
    while at and raw[at - 2] == extended:
        at -= 2
        argument |= raw[at + 1] << shift
        shift += 8
    return at >> 1, number, argument
