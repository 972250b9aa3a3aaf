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
from recell.code.identity import identities_to_constants
from recell.code.imports import answered, bindings
from recell.code.slots import refuse_doubled
from recell.code.to_cells import globals_to_cells
from recell.code.to_constants import NotConstant, reads_to_constants
from recell.errors import short
from recell.patching.imported import Answer, paths_of
from recell.patching.standins import real_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from recell.code.imports import Binding, Statement
    from recell.layers.records import Record

    Fill = Callable[[Mapping[str, Any], dict[str, Any]], Any]
    Part = tuple[CodeType, tuple[Any, ...], tuple[tuple[int, str | Fill], ...], tuple[Any, ...]]

__all__ = ["LITERALS", "Plan", "dotted", "plan_of"]

LITERALS = frozenset({int, str, bool, float, bytes})


class Plan:
    """How names get their meaning in a code object.

    Args:
        code: the code object.
        names: the names, with dots where an attribute is meant.
        cells: those of them that get a cell in any case.
        stands: those of them, besides the roots of dotted names, whose value is a stand-in.
    """

    __slots__ = (
        "before",
        "dots",
        "forwards",
        "free",
        "grown",
        "head",
        "imported",
        "last",
        "nested",
        "only",
        "own",
        "paths",
        "places",
        "private",
        "spots",
        "template",
        "unused",
    )

    before: ref[CodeType]
    spots: tuple[tuple[int, str | Fill], ...]
    nested: tuple[Any, ...]
    dots: bool
    """True where some names have dots."""
    forwards: bool
    """True where the code only passes on to another function."""
    free: tuple[str, ...]
    """The free variables of the edited code."""
    grown: tuple[str, ...]
    """Globals that became free variables, in order."""
    imported: dict[str, tuple[Statement, Binding]]
    """Names that the code imports itself, and has from nowhere else."""
    paths: dict[str, str]
    """The dotted paths of what the code imports from somewhere -> the names that are bound to it."""
    places: tuple[tuple[int, str], ...]
    """Free variables that get a cell of their own: their places in the closure."""
    own: bool
    """True where an entry has cells or stand-ins of its own."""
    private: bool
    """True where it has cells of its own."""
    unused: frozenset[str]

    def __init__(
        self, code: CodeType, names: tuple[str, ...], cells: tuple[str, ...], stands: tuple[str, ...] = ()
    ) -> None:
        self.before = ref(code)
        freevars = code.co_freevars
        self.forwards = freevars == (FORWARDED,)
        holes: dict[str, object] = {}
        self.dots = False
        for name in names:
            root, *path = dotted(name)
            if path:
                self.dots = True
                stands = (*stands, root)
            holes[root] = EMPTY if root in cells else object()
        back: dict[int, str | Fill] = {}
        kept: list[object] = []  # as long as their ids are used
        real = self._hole(back, kept)
        compared: set[str] = set()

        def real_thing(name: str) -> object:
            compared.add(name)
            return real(_Real(name))

        beneath = identities_to_constants(code, stands, real_thing) if stands else code
        self.places = tuple([(index, name) for index, name in enumerate(freevars) if name in holes])
        if self.places:
            refuse_doubled(code, [name for _, name in self.places])
        constants = {name: hole for name, hole in holes.items() if hole is not EMPTY and name not in freevars}
        as_cells = [name for name, hole in holes.items() if hole is EMPTY and name not in freevars]
        used: set[str] = set()
        while True:
            try:
                after = reads_to_constants(beneath, constants, None, used)
                break
            except NotConstant as refused:  # assigned somewhere, or stored by a class body
                del constants[refused.name]
                as_cells.append(refused.name)
                used.clear()
        self.grown = ()
        if as_cells:
            after = globals_to_cells(after, as_cells)
            self.grown = after.co_freevars[len(freevars) :]
        found = {binding.name: (statement, binding) for statement, binding in bindings(code)}
        self.imported = {}
        self.paths = {}
        if found:
            own = {*found} & {*holes}
            self.imported = {name: found[name] for name in own.difference(used, self.grown, freevars)}
            self.paths = paths_of(found)
            answer = self._hole(back, kept)
            after = answered(after, own, cells, lambda *statement: answer(Answer(*statement)))
            used |= own
        used |= compared
        self.free = after.co_freevars
        self.private = bool(self.places or self.grown)
        self.own = self.private or self.dots
        self.unused = frozenset(holes) - {*used, *self.grown, *freevars}
        self.template: Any = None
        self.only: str | None = None
        self.last: tuple[object, CodeType] | None = None
        if after is not code:
            back.update({id(hole): name for name, hole in constants.items()})
            self.template, consts, self.spots, self.nested = _spots(after, back)
            self.head: tuple[Any, ...] = consts
            if len(self.spots) == 1 and not self.nested and self.spots[0][0] == len(consts) - 1:
                only = self.spots[0][1]
                if isinstance(only, str):
                    self.only = only
                    self.head = consts[:-1]

    def unused_of(self, names: Iterable[str]) -> list[str]:
        """Return those of the names that the code neither uses nor imports."""
        lost = self.unused
        return [name for name in names if dotted(name)[0] in lost and dotted(self.bound(name))[0] in lost]

    def bound(self, name: str) -> str:
        """Return a dotted name that is a path of what is imported, beginning with the name that is bound."""
        for path, own in self.paths.items():
            if name == path or name.startswith(path + "."):
                return own + name[len(path) :]
        return name

    def _hole(self, back: dict[int, str | Fill], kept: list[object]) -> Callable[[Fill], object]:
        def hole(fill: Fill) -> object:
            made = object()
            kept.append(made)
            back[id(made)] = fill
            return made

        return hole

    def code(
        self, before: CodeType, values: Mapping[str, object], namespace: dict[str, Any] | None = None
    ) -> CodeType:
        """Return the edited code with the values in it; `namespace` are the function's globals."""
        template, only = self.template, self.only
        if template is None:
            return before
        if only is None:
            return _filled((template, self.head, self.spots, self.nested), values, namespace or {})
        value = values[only]
        last = self.last
        if last is not None and last[0] is value:
            return last[1]
        made: CodeType = template.replace(co_consts=(*self.head, value))
        if type(value) in LITERALS:
            self.last = value, made  # the same literal again is the same code object
        return made


class _Real:
    """The constant that a stand-in stands in for."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, values: Mapping[str, Any], namespace: dict[str, Any]) -> Any:
        return real_of(values[self.name])


def _spots(code: CodeType, back: Mapping[int, str | Fill]) -> Part:
    """Return the code without its placeholders, its constants, where which name goes, and the same of nested codes."""
    consts = code.co_consts
    spots: list[tuple[int, str | Fill]] = []
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


def _filled(part: Part, values: Mapping[str, Any], namespace: dict[str, Any]) -> CodeType:
    code, consts, spots, nested = part
    if not spots and not nested:
        return code
    filled = list(consts)
    for at, inside in nested:
        filled[at] = _filled(inside, values, namespace)
    for at, name in spots:
        filled[at] = values[name] if isinstance(name, str) else name(values, namespace)
    return code.replace(co_consts=tuple(filled))


def plan_of(
    record: Record,
    code: CodeType,
    names: tuple[str, ...],
    cells: tuple[str, ...] = (),
    stands: tuple[str, ...] = (),
) -> Plan:
    """Return the plan for names in a function's code; it is kept for the next time."""
    plans = record.plans
    key = (names, cells, stands) if cells or stands else names
    plan: Plan | None = plans.get(key)
    if plan is None or plan.before() is not code:
        plan = Plan(code, names, cells, stands)
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
