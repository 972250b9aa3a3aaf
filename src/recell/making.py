"""What a code object gives to a function that it makes: the defaults and annotations that can be known without running it.

Everything is read from the instructions in front of MAKE_FUNCTION. Only constants count as known: an expression
that would have to run is `UNKNOWN`, and so is what several branches may have pushed.
"""

from __future__ import annotations

from types import CodeType

from recell.instructions import CLOSURE, Site, opcodes, sites

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

__all__ = ["ANNOTATE", "UNKNOWN", "Making", "making"]

DEFAULTS, KWDEFAULTS, ANNOTATIONS, ANNOTATE = 1, 2, 4, 16


class _Unknown:
    """The type of `UNKNOWN`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<unknown>"


UNKNOWN: object = _Unknown()
"""The value of an expression that is no constant."""


class Making:
    """One place where `code` makes a function of its constant `nested`.

    Attributes: `flags`: MAKE_FUNCTION's bits; `load`, `make`: the code units of LOAD_CONST and MAKE_FUNCTION;
    `end`: the code unit behind the last instruction that makes the function.
    """

    __slots__ = ("code", "end", "flags", "load", "make", "nested", "raw")

    def __init__(self, code: CodeType, nested: CodeType, raw: bytes, load: int, make: int) -> None:
        self.code, self.nested, self.raw, self.load, self.make = code, nested, raw, load, make
        set_attribute = opcodes().set_attribute
        at = 2 * make + 2
        if set_attribute < 0:
            self.flags = raw[at - 1]
        else:
            flags = 0
            while raw[at] == set_attribute:
                flags |= raw[at + 1]
                at += 2
            self.flags = flags
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
        return _slot_names(self.code)[argument | args[unit]] if ops[unit] == known.store_deref else None

    def plain_defaults(self) -> tuple[tuple[Any, ...] | None, dict[str, Any] | None] | None:
        """Defaults and keyword defaults in the everyday case, constants only; None where it is another one.

        Read backwards, without a pass over everything in front of them.
        """
        flags, raw, code = self.flags, self.raw, self.code
        if flags & (ANNOTATIONS | ANNOTATE):
            return None
        positional: Any = None
        keyword: dict[str, Any] | None = None
        unit, numbers = self._first(), _numbers()
        if flags & KWDEFAULTS:
            unit, number, count = _step(raw, unit)
            flat: list[Any] = []
            in_pairs = number == numbers.build_map
            if not in_pairs and number != numbers.build_const_key_map:
                return None
            wanted = 2 * count if in_pairs else count + 1
            while len(flat) < wanted:
                unit, number, argument = _step(raw, unit)
                flat.append(_constant(code, number, argument))
                if flat[-1] is UNKNOWN:
                    return None
            if in_pairs:
                flat.reverse()
                keyword = dict(zip(flat[::2], flat[1::2]))
            else:
                # branches may have been joined behind the first constant, unless a store stands in front of it
                if not flags & DEFAULTS and (not unit or raw[2 * unit - 2] not in numbers.stores):
                    return None
                keyword = dict(zip(flat[0], flat[:0:-1]))
        if flags & DEFAULTS:
            # whatever branches stand in the expressions, they are joined in front of BUILD_TUPLE
            _, number, argument = _step(raw, unit)
            positional = _constant(code, number, argument)
            if type(positional) is not tuple:
                return None
        return positional, keyword

    def defaults(self) -> tuple[dict[str, object], dict[str, object]]:
        """Positional and keyword-only defaults by parameter name, `UNKNOWN` where no constant gives them."""
        above = bin(self.flags & (ANNOTATIONS | ANNOTATE)).count("1")
        return self._defaults(self.nested, self.flags, self._first(), above)

    def defaults_passed(self, nested: CodeType) -> tuple[dict[str, object], dict[str, object]]:
        """The same for a generic function `nested`, where this is the making of the scope of its type parameters.

        Its defaults are evaluated outside of that scope, and passed to it as `.defaults` and `.kwdefaults`.
        """
        parameters = self.nested.co_varnames[: self.nested.co_argcount]
        unit = self._first()
        start, number, _ = _step(self.raw, unit)
        flags = DEFAULTS * (".defaults" in parameters) | KWDEFAULTS * (".kwdefaults" in parameters)
        return self._defaults(nested, flags, start if number == _numbers().swap else unit, 0)

    def _defaults(
        self, nested: CodeType, flags: int, unit: int, above: int
    ) -> tuple[dict[str, object], dict[str, object]]:
        """What lies on the stack in front of a code unit as the defaults of `nested`, under `above` other values."""
        positional: dict[str, object] = {}
        keyword: dict[str, object] = {}
        if not flags & (DEFAULTS | KWDEFAULTS):
            return positional, keyword
        count = nested.co_argcount
        items: Sequence[object] | None
        stack = _Stack(self, unit)
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
        return _Stack(self, self._first(), look_up).annotations() if self.flags & ANNOTATIONS else {}

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
    for constant in code.co_consts:
        if constant is nested:
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
            if not known.release.qualname_in_code:
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


def _slot_names(code: CodeType) -> tuple[str, ...]:
    """The names of the slots that the *_DEREF instructions count in."""
    own = code.co_varnames if opcodes().release.unified_locals else ()
    return (*own, *(name for name in code.co_cellvars if name not in own), *code.co_freevars)


class _Numbers:
    """More opcode numbers of the running release; -1 where it has no such opcode."""

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
        silent = ("STORE_", "DELETE_", "POP_", "NOP", "RESUME", "NOT_TAKEN", "END_FOR", "JUMP", "MAKE_CELL", "COPY_FREE")
        pushing = {number("STORE_FAST_LOAD_FAST"), number("STORE_FAST_MAYBE_NULL")}
        self.silent = {number(name) for name in names if name.startswith(silent)} - pushing


_numbers_found: _Numbers | None = None


def _numbers() -> _Numbers:
    global _numbers_found  # noqa: PLW0603 - resolved once
    if _numbers_found is None:
        _numbers_found = _Numbers()
    return _numbers_found


def _constant(code: CodeType, number: int, argument: int) -> object:
    """What an instruction pushes that loads a constant; `UNKNOWN` for any other."""
    if number == opcodes().load_const:
        return code.co_consts[argument]
    numbers = _numbers()
    if number == numbers.load_small_int:
        return argument
    if number == numbers.load_common_constant:
        import opcode

        return opcode._common_constants[argument]  # type: ignore[attr-defined]
    return UNKNOWN


class _Stack:
    """What lies on the stack in front of a code unit: for each value the instruction that pushed it last.

    One pass over the instructions computes the stack's depth; only differences within one expression count,
    so what the depth was before a block or handler does not matter.
    """

    def __init__(self, making: Making, unit: int, look_up: Callable[[str, bool], object] | None = None) -> None:
        self.making, self.look_up = making, look_up
        self.steps: list[tuple[int, int, int, int, int]] = []  # start, opcode, argument, depth before and after
        self.stop = unit
        self.depth = self._walk(unit)

    def _walk(self, stop: int) -> int:
        import opcode

        known, ops, args = opcodes(), self.making.ops, self.making.args
        effect, takes_argument, ends = opcode.stack_effect, opcode.HAVE_ARGUMENT, _numbers().ends
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
                depths.setdefault(_target(number, argument, unit), depth + effect(number, given, jump=True))
            self.steps.append((start, number, argument, depth, above))
            depth = above
            reachable = number not in ends
        return depth

    def _pushed(self, level: int, behind: int | None = None) -> int | None:
        """Which step in front of step `behind` (of the end) pushed the value at a level of the stack last."""
        silent = _numbers().silent
        for index in range((len(self.steps) if behind is None else behind) - 1, -1, -1):
            _, number, _, under, over = self.steps[index]
            if under <= level < over or (over == level + 1 and number not in silent):
                return index
            if over <= level:
                return None  # it was there before this expression
        return None

    def _value(self, index: int | None) -> object:
        if index is None or self._is_joined(index):
            return UNKNOWN
        _, number, argument, _, _ = self.steps[index]
        value = _constant(self.making.code, number, argument)
        return self._looked_up(number, argument) if value is UNKNOWN and self.look_up is not None else value

    def _is_joined(self, index: int) -> bool:
        """Whether a jump from further up lands behind the step: then another branch may have pushed the value."""
        end = self.steps[index + 1][0] if index + 1 < len(self.steps) else self.stop
        jumps = opcodes().jumps
        return any(
            jumps.get(number, -1) >= 0 and _target(number, argument, self.steps[at + 1][0]) == end
            for at, (_, number, argument, _, _) in enumerate(self.steps[:index])
        )

    def _looked_up(self, number: int, argument: int) -> object:
        known, code, look_up = opcodes(), self.making.code, self.look_up
        assert look_up is not None
        if number == known.load_global:
            return look_up(code.co_names[argument >> known.global_shift], False)
        if number == known.load_name:
            return look_up(code.co_names[argument], False)
        return look_up(_slot_names(code)[argument], True) if number == known.load_deref else UNKNOWN

    def items(self, below: int) -> list[object] | None:
        """The items of the tuple that lies `below` values under the top, or None where it is no display."""
        index = self._pushed(self.depth - 1 - below)
        if index is None:
            return None
        _, number, argument, under, _ = self.steps[index]
        if number == opcodes().build_tuple:
            return [self._value(self._pushed(level, index)) for level in range(under - argument, under)]
        value = self._value(index)
        return list(value) if isinstance(value, tuple) else None

    def mapping(self, below: int) -> dict[str, object]:
        """The dict with constant keys that lies `below` values under the top."""
        index = self._pushed(self.depth - 1 - below)
        if index is None:
            return {}
        numbers = _numbers()
        _, number, argument, under, _ = self.steps[index]
        keys: object = ()
        if number == numbers.build_const_key_map:
            keys = self._value(self._pushed(under - 1, index))
            levels = range(under - 1 - argument, under - 1)
        elif number == numbers.build_map:
            keys = [self._value(self._pushed(level, index)) for level in range(under - 2 * argument, under, 2)]
            levels = range(under - 2 * argument + 1, under, 2)
        else:
            return {}
        assert isinstance(keys, (tuple, list))
        return {key: self._value(self._pushed(level, index)) for key, level in zip(keys, levels)}

    def annotations(self) -> dict[str, object]:
        """The annotations on top of the stack: a dict (before 3.10) or a tuple of names and values."""
        flat = self.items(0)
        pairs: list[Any] = list(self.mapping(0).items()) if flat is None else list(zip(flat[::2], flat[1::2]))
        return {name: value for name, value in pairs if value is not UNKNOWN}


def _target(number: int, argument: int, behind: int) -> int:
    known = opcodes()
    distance = argument * known.release.jump_unit // 2
    direction = known.jumps[number]
    return behind + direction * distance if direction else distance
