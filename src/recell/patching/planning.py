"""How a code object is edited so that names get another meaning in it: constants, private cells, or growth.

A plan is made once for a function's code and a set of names, and kept with what is known of the function: a template
of the edited code, whose last constants are filled in each time. It holds no function, and no value but literals.
"""

from __future__ import annotations

from sys import intern
from types import CodeType
from typing import TYPE_CHECKING, Any
from weakref import ref

from recell.cells import EMPTY, FORWARDED
from recell.code.to_cells import globals_to_cells
from recell.code.to_constants import NotConstant, reads_to_constants
from recell.errors import short

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recell.layers.records import Record

    Part = tuple[CodeType, tuple[Any, ...], tuple[tuple[int, str], ...], tuple[Any, ...]]

__all__ = ["LITERALS", "Plan", "dotted", "plan_of"]

LITERALS = frozenset({int, str, bool, float, bytes})


class Plan:
    """How names get their meaning in a code object.

    Args:
        code: the code object.
        names: the names, with dots where an attribute is meant.
        cells: those of them that get a cell in any case.
    """

    __slots__ = (
        "before",
        "dots",
        "forwards",
        "free",
        "grown",
        "head",
        "last",
        "nested",
        "only",
        "own",
        "places",
        "private",
        "spots",
        "template",
        "unused",
    )

    before: ref[CodeType]
    spots: tuple[tuple[int, str], ...]
    nested: tuple[Any, ...]
    dots: bool
    """True where some names have dots."""
    forwards: bool
    """True where the code only passes on to another function."""
    free: tuple[str, ...]
    """The free variables of the edited code."""
    grown: tuple[str, ...]
    """Globals that became free variables, in order."""
    places: tuple[tuple[int, str], ...]
    """Free variables that get a cell of their own: their places in the closure."""
    own: bool
    """True where an entry has cells or stand-ins of its own."""
    private: bool
    """True where it has cells of its own."""
    unused: frozenset[str]

    def __init__(self, code: CodeType, names: tuple[str, ...], cells: tuple[str, ...]) -> None:
        self.before = ref(code)
        freevars = code.co_freevars
        self.forwards = freevars == (FORWARDED,)
        holes: dict[str, object] = {}
        self.dots = False
        for name in names:
            root, *path = dotted(name)
            self.dots = self.dots or bool(path)
            holes[root] = EMPTY if root in cells else object()
        self.places = tuple([(index, name) for index, name in enumerate(freevars) if name in holes])
        constants = {name: hole for name, hole in holes.items() if hole is not EMPTY and name not in freevars}
        as_cells = [name for name, hole in holes.items() if hole is EMPTY and name not in freevars]
        used: set[str] = set()
        while True:
            try:
                after = reads_to_constants(code, constants, None, used)
                break
            except NotConstant as refused:  # assigned somewhere, or stored by a class body
                del constants[refused.name]
                as_cells.append(refused.name)
                used.clear()
        self.grown = ()
        if as_cells:
            after = globals_to_cells(after, as_cells)
            self.grown = after.co_freevars[len(freevars) :]
        self.free = after.co_freevars
        self.private = bool(self.places or self.grown)
        self.own = self.private or self.dots
        self.unused = frozenset(holes) - {*used, *self.grown, *freevars}
        self.template: Any = None
        self.only: str | None = None
        self.last: tuple[object, CodeType] | None = None
        if after is not code:
            back = {id(hole): name for name, hole in constants.items()}
            self.template, consts, self.spots, self.nested = _spots(after, back)
            self.head: tuple[Any, ...] = consts
            if len(self.spots) == 1 and not self.nested and self.spots[0][0] == len(consts) - 1:
                self.only = self.spots[0][1]
                self.head = consts[:-1]

    def code(self, before: CodeType, values: Mapping[str, object]) -> CodeType:
        """Return the edited code with the values in it."""
        template, only = self.template, self.only
        if template is None:
            return before
        if only is None:
            return _filled((template, self.head, self.spots, self.nested), values)
        value = values[only]
        last = self.last
        if last is not None and last[0] is value:
            return last[1]
        made: CodeType = template.replace(co_consts=(*self.head, value))
        if type(value) in LITERALS:
            self.last = value, made  # the same literal again is the same code object
        return made


def _spots(code: CodeType, back: Mapping[int, str]) -> Part:
    """Return the code without its placeholders, its constants, where which name goes, and the same of nested codes."""
    consts = code.co_consts
    spots: list[tuple[int, str]] = []
    nested: list[tuple[int, Part]] = []
    for at, const in enumerate(consts):
        if id(const) in back:
            spots.append((at, back[id(const)]))
        elif type(const) is CodeType:
            inside = _spots(const, back)
            if inside[2] or inside[3]:
                nested.append((at, inside))
    if spots:
        consts = tuple([None if id(const) in back else const for const in consts])
        code = code.replace(co_consts=consts)
    return code, consts, tuple(spots), tuple(nested)


def _filled(part: Part, values: Mapping[str, object]) -> CodeType:
    code, consts, spots, nested = part
    if not spots and not nested:
        return code
    filled = list(consts)
    for at, inside in nested:
        filled[at] = _filled(inside, values)
    for at, name in spots:
        filled[at] = values[name]
    return code.replace(co_consts=tuple(filled))


def plan_of(record: Record, code: CodeType, names: tuple[str, ...], cells: tuple[str, ...]) -> Plan:
    """Return the plan for names in a function's code; it is kept for the next time."""
    plans = record.plans
    key = (names, cells) if cells else names
    plan: Plan | None = plans.get(key)
    if plan is None or plan.before() is not code:
        plan = Plan(code, names, cells)
        if len(plans) > 15:
            plans.clear()
        plans[key] = plan
    return plan


def dotted(name: Any) -> list[str]:
    """Return a dotted name's parts. `.0` and `.type_params` are no dotted names but variables of the compiler's own.

    Raises:
        TypeError: it is no string.
    """
    if not isinstance(name, str):
        msg = f"override needs names as strings, not {short(name)}"
        raise TypeError(msg)
    if "." not in name:
        return [name]
    # interned: the interpreter's cache of attributes holds each string that it was asked for
    parts = [intern(part) for part in name.split(".")]
    return parts if all(parts) else [name]
