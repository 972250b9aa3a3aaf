"""How a code object is edited so that names get another meaning in it: constants, private cells, or growth."""

from __future__ import annotations

from types import CellType, CodeType
from typing import TYPE_CHECKING, NamedTuple

from recell.cells import EMPTY
from recell.code.to_cells import globals_to_cells
from recell.code.to_constants import NotConstant, reads_to_constants

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Plan", "plan"]


class Plan(NamedTuple):
    """How names get their meaning in a code object."""

    before: CodeType
    after: CodeType
    places: tuple[tuple[int, str], ...]
    """Free variables that get a cell of their own: their places in the closure."""
    grown: tuple[str, ...]
    """Globals that became free variables, in order."""
    unused: tuple[str, ...]

    def closure(
        self, closure: tuple[CellType, ...] | None, cell: Callable[[str], CellType]
    ) -> tuple[CellType, ...] | None:
        """A closure with the private cells in it; the very same one where there are none."""
        if self.places:
            cells = list(closure or ())
            for index, name in self.places:
                cells[index] = cell(name)
            closure = tuple(cells)
        if self.grown:
            closure = (*(closure or ()), *map(cell, self.grown))
        return closure


def plan(code: CodeType, values: Mapping[str, object]) -> Plan:
    """Constants for what is only read, private cells for free variables, and growth for the rest."""
    freevars = code.co_freevars
    places = tuple((index, name) for index, name in enumerate(freevars) if name in values)
    constants: dict[str, object] = {}
    as_cells: list[str] = []
    for name, value in values.items():
        if name in freevars:
            continue
        if type(value) is CellType or value is EMPTY:
            as_cells.append(name)
        else:
            constants[name] = value
    used: set[str] = set()
    while True:
        try:
            after = reads_to_constants(code, constants, None, used)
            break
        except NotConstant as refused:  # assigned somewhere, or stored by a class body
            del constants[refused.name]
            as_cells.append(refused.name)
            used.clear()
    grown: tuple[str, ...] = ()
    if as_cells:
        after = globals_to_cells(after, as_cells)
        grown = after.co_freevars[len(freevars) :]
    found = {*used, *grown, *freevars}
    return Plan(code, after, places, grown, tuple(name for name in values if name not in found))
