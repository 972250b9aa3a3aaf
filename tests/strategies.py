"""What the property-based tests draw from: functions that share cells in random ways, and values for cells."""

from __future__ import annotations

from types import CellType, FunctionType
from typing import Any, NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from sizes import pick

from recell import EMPTY, make_cell

NAMES = ("a", "b", "c", "d", "e")

# the draws depend on the test alone; --hypothesis-seed asks for others
sampled = settings(max_examples=pick(40, 2000), deadline=None, derandomize=True, database=None)


def contents() -> st.SearchStrategy[Any]:
    """What a cell may hold: anything, nothing, and the values that are easily taken for nothing."""
    return st.one_of(
        st.just(EMPTY),
        st.sampled_from([None, 0, "", (), False, EMPTY.__class__, NotImplemented]),
        st.integers(),
        st.text(max_size=5),
        st.lists(st.integers(), max_size=2),
        st.builds(object),
        st.builds(make_cell, st.integers()),
    )


def reader(names: tuple[str, ...]) -> FunctionType:
    """A function with these free variables, all cells empty; calling it reads them all."""
    namespace: dict[str, Any] = {}
    body = "".join(f"    if 0: {name} = 0\n" for name in names)
    inside = "(" + "".join(f"{name}, " for name in names) + ")"
    exec(f"def outer():\n{body}    def inner():\n        return {inside}\n    return inner", namespace)
    return namespace["outer"]()


class Sharing(NamedTuple):
    """Functions over a pool of cells: which function calls which cell by which name is random."""

    functions: list[FunctionType]
    cells: list[CellType]


@st.composite
def sharings(draw: Any) -> Sharing:
    """Functions that share cells, also under different names, some of whose cells hold the functions themselves."""
    cells = [make_cell() for _ in range(draw(st.integers(1, 6)))]
    functions = []
    for _ in range(draw(st.integers(1, 5))):
        names = tuple(sorted(draw(st.sets(st.sampled_from(NAMES), max_size=4))))
        model = reader(names)
        chosen = [draw(st.sampled_from(cells)) for _ in names]
        functions.append(FunctionType(model.__code__, model.__globals__, None, None, tuple(chosen) or None))
    values = st.one_of(contents(), st.sampled_from(functions))
    for cell in cells:
        value = draw(values)
        if value is not EMPTY:
            cell.cell_contents = value
    return Sharing(functions, cells)
