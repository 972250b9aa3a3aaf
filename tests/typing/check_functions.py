"""What type checkers see of cells and rebuilt functions. Checked, never run."""

from __future__ import annotations

from types import CellType, FunctionType
from typing import Any, Callable

from typing_extensions import assert_type

import recell


def area(width: int, height: float = 1.0, *, unit: str = "m") -> str:
    return f"{width * height} {unit}"


class Shape:
    @staticmethod
    def sides() -> int:
        return 4

    def grow(self, by: int) -> Shape:
        return self


# a new function has the type of the old one: parameters, defaults and all
assert_type(recell.rebind(area, x=1)(2, unit="cm"), str)
assert_type(recell.rebind(area, {"x": 1})(2, 3.0), str)
assert_type(recell.replace(area, name="surface")(1), str)
assert_type(recell.clone(area)(1), str)
assert_type(recell.rebind(Shape().grow, x=1)(3), Shape)
recell.rebind(area, x=1)("two")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def decorated(function: Callable[[int], str]) -> Callable[[int], str]:
    return recell.rebind(function, calls=0)


cell = recell.make_cell(3)
assert_type(cell, CellType)
assert_type(recell.closure(area), recell.Closure)
assert_type(recell.closure(area)["x"], Any)
assert_type(recell.owners(cell), "list[FunctionType]")
assert_type(recell.sharing(area, decorated), "tuple[recell.SharedCell, ...]")
assert_type(recell.make_function(area.__code__, {}), FunctionType)
