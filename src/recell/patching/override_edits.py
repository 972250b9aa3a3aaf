"""The edit of an override for one function, and the state that it makes."""

from __future__ import annotations

from types import CellType, FunctionType
from typing import TYPE_CHECKING, Any

from recell.cells import EMPTY, FORWARDED, cell_for
from recell.functions.building import remake
from recell.layers.edits import Edit
from recell.layers.exchange import State, state_of
from recell.layers.records import record_of
from recell.layers.values import ABSENT
from recell.patching.imported import imported_value
from recell.patching.planning import LITERALS, Plan, dotted, plan_of
from recell.patching.standins import Attributes, is_stand_in, stand_in, value_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recell.layers.exchange import Face

__all__ = ["Overridden", "OverrideEdit", "cell_names", "inside_of", "tree_of"]


class Overridden(State):
    """A state with overridden names: an override above it joins in, and both are computed from the same origin."""

    __slots__ = ("given", "origin")

    given: Any
    origin: State

    @property
    def public(self) -> State:
        return self.origin

    def shown_as(self, face: Face) -> State:
        """Return the same with another face."""
        above = Overridden()
        above.code, above.closure, above.face, above.kept = self.code, self.closure, face, None
        above.origin, above.given = self.origin.shown_as(face), self.given
        return above


def inside_of(state: State) -> FunctionType | None:
    """Return the function to which a function that only passes on passes on."""
    if state.code.co_freevars == (FORWARDED,) and state.closure:
        inside = state.closure[0].cell_contents
        if type(inside) is FunctionType:
            return inside
    return None


def cell_names(values: Mapping[str, object]) -> tuple[str, ...]:
    """Return the names whose value has to be in a cell: those given as cells, and as `EMPTY`."""
    return tuple([name for name, value in values.items() if type(value) is CellType or value is EMPTY])


def stand_ins(values: Mapping[str, object]) -> tuple[str, ...]:
    """Return the names whose value is a stand-in."""
    return tuple([name for name, value in values.items() if is_stand_in(value)])


def tree_of(values: Mapping[str, object]) -> dict[str, object]:
    """Return the values by their roots: `Attributes` for those of dotted names."""
    found: dict[str, object] = {}
    for name, value in values.items():
        root, *path = dotted(name)
        at: Any = found.get(root)
        if not path:
            if type(at) is Attributes:
                at.over = value
            else:
                found[root] = value
            continue
        if type(at) is not Attributes:
            at = found[root] = Attributes(found.get(root, ABSENT))
        for part in path[:-1]:
            nested = at.fakes.get(part)
            if type(nested) is not Attributes:
                nested = at.fakes[part] = Attributes()
            at = nested
        at.fakes[path[-1]] = value
    return found


class OverrideEdit(Edit):
    """One entry of an override: its cells and stand-ins are its own, the same ones as often as it is computed.

    `overriding` fills it in without an `__init__`, which would cost more than the rest.
    """

    __slots__ = ("made", "plan", "stands", "values")

    made: dict[str, tuple[object, CellType]] | None
    """Name -> its value and the cell that holds it."""
    stands: dict[str, tuple[object, object]] | None
    """Root -> what it means, and what stands in for that."""
    plan: Plan
    values: Mapping[str, object]
    """Root name -> value; `Attributes` for what stands in for what the name means."""

    def __call__(self, state: State) -> State:
        plan, values, given = self.plan, self.values, state.given
        only = plan.only
        if (
            only is not None and given is None and not plan.own and plan.before() is state.code
        ):  # the everyday case
            value = values[only]
            above = Overridden()
            if type(value) in LITERALS:
                above.code = plan.code(state.code, values)
            else:
                above.code = plan.template.replace(co_consts=(*plan.head, value))
            above.closure = state.closure
            above.face = state.face
            above.kept = None
            above.origin = state
            above.given = values
            return above
        if plan.dots:
            values = self.resolved(state)
        if given is None:
            origin, merged = state, values
        else:  # several overrides at once: the later meaning of a name counts
            origin, merged = state.public, {**given, **values}
        own, inside = origin, None
        if given is not None or plan.before() is not origin.code:
            inside = inside_of(origin)
            record = self.record
            if inside is not None:
                own, record = state_of(inside), record_of(inside)
            plan = plan_of(record, own.code, tuple(merged), cell_names(merged), stand_ins(merged))
        closure = own.closure
        if plan.private:
            beneath = state
            if inside is not None and given is not None:
                beneath = state_of(inside_of(state) or inside)
            closure = self._closure(plan, beneath, closure, merged, values)
        code = plan.code(own.code, merged, self.func.__globals__)
        if inside is not None:
            code, closure = origin.code, (CellType(remake(inside, code, closure)),)
        above = Overridden()
        above.code = code
        above.closure = closure
        above.face = origin.face
        above.kept = None
        above.origin = origin
        above.given = merged
        return above

    def _closure(
        self,
        plan: Plan,
        state: State,
        closure: tuple[CellType, ...] | None,
        merged: Mapping[str, object],
        values: Mapping[str, object],
    ) -> tuple[CellType, ...]:
        """Return the closure with private cells in it: those beneath have theirs, for the names that they give."""
        beneath = dict(zip(state.code.co_freevars, state.closure or ())) if merged is not values else {}
        cells = list(closure or ())
        for index, name in plan.places:
            cells[index] = self._cell(name, values[name]) if name in values else beneath[name]
        for name in plan.grown:
            if name not in values and name in beneath:
                cells.append(beneath[name])
            else:  # its own, or a constant beneath that something above assigns
                cells.append(self._cell(name, merged[name]))
        return tuple(cells)

    def _cell(self, name: str, value: object) -> CellType:
        """Return the private cell of a name, the same one as long as the value is."""
        made = self.made
        if made is None:
            made = self.made = {}
        held = made.get(name)
        if held is None or held[0] is not value:
            held = made[name] = (value, cell_for(value))
        return held[1]

    def _meaning(self, name: str, value: Attributes, state: State) -> Any:
        """Return what a name means over a state."""
        given = state.given
        if value.over is not ABSENT:
            return value.over
        if given is not None and name in given:
            return given[name]
        if name in self.plan.imported:
            return imported_value(self.func, *self.plan.imported[name])
        return value_of(self.func, state.public, name)

    def resolved(self, state: State) -> Mapping[str, object]:
        """Return the values over a state: stand-ins are made from what the names mean there."""
        stands = self.stands
        if stands is None:
            stands = self.stands = {}
        values = {}
        for name, value in self.values.items():
            if type(value) is Attributes:
                real = self._meaning(name, value, state)
                known = stands.get(name)
                if known is None or known[0] is not real:
                    known = stands[name] = (real, stand_in(real, value.fakes, self.func))
                value = known[1]
            values[name] = value
        return values

    def again(self) -> OverrideEdit:
        """Return an edit for another entry, with cells and stand-ins of its own."""
        edit: OverrideEdit = object.__new__(OverrideEdit)
        edit.func = self.func
        edit.record = self.record
        edit.stack = self.stack
        edit.values = self.values
        edit.plan = self.plan
        edit.made = edit.stands = None
        return edit
