"""What an override does to one function: the edit of its layer, and the state that it makes."""

from __future__ import annotations

from sys import intern
from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from recell.cells import FORWARDED, cell_for
from recell.functions.building import remake
from recell.layers.exchange import State, state_of
from recell.layers.function_layers import Edit
from recell.patching.planning import Plan, plan
from recell.patching.standins import Attributes, stand_in, value_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recell.layers.exchange import Face

__all__ = ["Overridden", "OverrideEdit", "Prepared", "dotted", "inside_of"]


class Overridden(State):
    """A state with overridden names: an override above it joins in, and both are computed from the same origin."""

    __slots__ = ("_origin", "given")

    given: Mapping[str, tuple[object, OverrideEdit]]

    def __init__(
        self,
        code: CodeType,
        closure: tuple[CellType, ...] | None,
        origin: State,
        given: Mapping[str, tuple[object, OverrideEdit]],
    ) -> None:
        self.code = code
        self.closure = closure
        self.face: Face | None = origin.face
        self.kept: tuple[Any, ...] | None = None
        self._origin = origin
        self.given = given
        """Name -> its value, and the entry that gives it (and holds its private cell)."""

    @property
    def public(self) -> State:
        return self._origin


def inside_of(state: State) -> FunctionType | None:
    """The function to which a function that only passes on passes on."""
    if state.code.co_freevars == (FORWARDED,) and state.closure:
        inside = state.closure[0].cell_contents
        if type(inside) is FunctionType:
            return inside
    return None


class Prepared:
    """What an override does to one function; kept, so that entering again costs only the switch."""

    __slots__ = ("_plan", "_planned", "_resolved", "_roots", "func", "values")

    def __init__(self, func: FunctionType, values: Mapping[str, object]) -> None:
        self.func: FunctionType = func
        self.values: dict[str, object] = {}
        self._roots: dict[str, Attributes] = {}
        for name, value in values.items():
            root, *path = dotted(name)
            if not path:
                self.values[name] = value
                continue
            attributes = self._roots.setdefault(root, Attributes())
            for part in path[:-1]:
                nested = attributes.fakes.get(part)
                if not isinstance(nested, Attributes):
                    nested = attributes.fakes[part] = Attributes()
                attributes = nested
            attributes.fakes[path[-1]] = value
        self._resolved: tuple[tuple[object, ...], dict[str, object]] = ((), self.values)
        self._plan: Plan | None = None
        self._planned: Mapping[str, object] = {}

    def resolve(self, state: State) -> dict[str, object]:
        """The values over a state: stand-ins are made from what the names mean there."""
        if not self._roots:
            return self.values
        reals = tuple([self._meaning(root, state) for root in self._roots])
        known, values = self._resolved
        if len(known) != len(reals) or any(new is not old for new, old in zip(reals, known)):
            values = dict(self.values)
            for real, (root, attributes) in zip(reals, self._roots.items()):
                values[root] = stand_in(real, attributes.fakes, self.func)
            self._resolved = (reals, values)
        return values

    def _meaning(self, root: str, state: State) -> object:
        if root in self.values:
            return self.values[root]
        if isinstance(state, Overridden) and root in state.given:
            return state.given[root][0]
        return value_of(self.func, state.public, root)

    def plan(self, code: CodeType, values: Mapping[str, object]) -> Plan:
        """How these values get into a code object; the last answer is kept."""
        if self._plan is None or self._plan.before is not code or not _same(self._planned, values):
            self._plan = plan(code, values)
            self._planned = values
        return self._plan

    @property
    def known(self) -> Plan | None:
        """The last plan, where it is good for every entry."""
        return None if self._roots else self._plan

    @property
    def switches(self) -> bool:
        """Whether it is one store of a code object, the same for every entry."""
        return self._plan is not None and not self._plan.places and not self._plan.grown and not self._roots


def _same(known: Mapping[str, object], values: Mapping[str, object]) -> bool:
    """Whether the names have the very same values."""
    if known is values:
        return True
    return len(known) == len(values) and all(known.get(name, known) is values[name] for name in values)


def dotted(name: str) -> list[str]:
    """A dotted name's parts. `.0` and `.type_params` are no dotted names but variables of the compiler's own."""
    if "." not in name:
        return [name]
    # interned: the interpreter's cache of attributes holds each string that it was asked for
    parts = [intern(part) for part in name.split(".")]
    return parts if all(parts) else [name]


class OverrideEdit(Edit):
    """One entry of an override: its private cells are its own."""

    __slots__ = ("_above", "_beneath", "_cells", "_prepared")
    private = True

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self._cells: dict[str, tuple[object, CellType]] = {}
        self._beneath: State | None = None
        self._above: State | None = None

    def __call__(self, state: State) -> State:
        if state is self._beneath and self._above is not None and self._above.face is state.face:
            return self._above
        prepared = self._prepared
        values = prepared.resolve(state)
        given: dict[str, tuple[object, OverrideEdit]] = {
            name: (value, self) for name, value in values.items()
        }
        origin = state
        if isinstance(state, Overridden):  # several overrides at once: the later meaning of a name counts
            origin = state.public
            given = {**state.given, **given}
            values = {name: value for name, (value, _) in given.items()}
        inside = inside_of(origin)
        shown = origin if inside is None else state_of(inside)
        how = prepared.plan(shown.code, values)
        closure = how.closure(shown.closure, lambda name: given[name][1].cell(name, given[name][0]))
        code = how.after
        if inside is not None:
            code, closure = origin.code, (CellType(remake(inside, code, closure)),)
        self._beneath = state
        self._above = Overridden(code, closure, origin, given)
        return self._above

    def cell(self, name: str, value: object) -> CellType:
        """The private cell of a name, the same one as long as the value is."""
        held = self._cells.get(name)
        if held is None or held[0] is not value:
            held = self._cells[name] = (value, cell_for(value))
        return held[1]

    def adopt(self, base: State, how: Plan, closure: tuple[CellType, ...]) -> None:
        """Takes over what was installed for it over a base already."""
        values = self._prepared.values
        places = [*how.places, *enumerate(how.grown, len(how.before.co_freevars))]
        self._cells = {name: (values[name], closure[index]) for index, name in places}
        self._beneath = base
        self._above = Overridden(
            how.after, closure, base, {name: (value, self) for name, value in values.items()}
        )
