"""What type checkers see of cells and rebuilt functions. Checked, never run."""

from __future__ import annotations

import functools
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


# several at once: a tuple of the types given, in order
assert_type(recell.clone(area, Shape.sides)[0](1), str)
assert_type(recell.clone(area, Shape.sides)[1](), int)
one, two, three = recell.clone(area, cell, 5, share="x", deep=True)
assert_type(three, int)
assert_type(recell.clone(area, area, area, area, area)[4](1), str)


class Counter:
    count = 0

    @property
    def total(self) -> int:
        return self.count

    @classmethod
    def make(cls) -> Counter:
        return cls()


# other kinds keep their types too, and so do coroutine functions and generators
assert_type(recell.replace(Counter.make, name="build")(), Counter)
assert_type(recell.rebind(functools.partial(area, 1), x=1)(), str)
assert_type(recell.replace(property(lambda self: 1), doc="x"), property)


async def fetch(url: str) -> bytes:
    return url.encode()


async def use() -> None:
    assert_type(await recell.rebind(fetch, x=1)("x"), bytes)


# parts that cannot be are refused
recell.replace(area, closure=[cell])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
recell.replace(area, name=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
recell.replace(area, consts=())  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
recell.make_function(area)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
recell.rebind(area, ["x"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
recell.owners(area)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

# what may be given for parts
recell.replace(area, closure={"x": recell.EMPTY, "y": cell}, defaults={"height": 2.0}, kwdefaults=None)
recell.replace(area, closure=recell.closure(area), defaults=(1.0,), annotations=None, attributes={"tag": 1})
recell.replace(
    area, closure=(cell,), code=area.__code__, globals=globals(), doc=None, module="m", verify=False
)
recell.make_function(area.__code__, None, "area", (1.0,), {"x": 1}, kwdefaults={"unit": "m"}, qualname="q")

# errors carry typed data
try:
    recell.rebind(area, x=1)
except recell.FreeVariableError as error:
    assert_type(error.name, str)
    assert_type(error.names, "tuple[str, ...]")
    assert_type(error.nearest, "str | None")
except recell.ClosureMismatchError as error:
    assert_type(error.missing, "tuple[str, ...]")
except recell.EmptyCellError as error:
    assert_type(error.target, str)
