"""Methods attached, and classes repointed."""

from __future__ import annotations

from types import CellType, FunctionType
from typing import Any

import recell
from bench import calls, compare, linear
from recell.classes.class_cells import class_cells


class Base:
    def m(self):
        return 1


class Child(Base):
    pass


def added(self):
    return super().m()


def rebuilt(cls: type, func: FunctionType) -> None:
    """By hand: a function that has the free variable already, with a cell of its own, set as an attribute."""
    setattr(cls, "added", recell.rebind(func, {"__class__": CellType(cls)}))


def attached() -> dict[str, Any]:
    with recell.attach(Child, added):
        func = vars(Child)["added"]
    return {
        "recell": recell,
        "rebuilt": rebuilt,
        "Child": Child,
        "added": added,
        "func": func,
        "Cell": CellType,
    }


def classes(count: int = 1000) -> tuple[type, type]:
    """A class of that many methods with super(), and the same class made again."""
    lines = [f"    def m{i}(self, x=1):\n        return super().m(), x\n" for i in range(count)]
    namespace: dict[str, Any] = {"Base": Base}
    exec("class C(Base):\n" + "".join(lines), namespace)
    old = namespace["C"]
    again = {name: value for name, value in vars(old).items() if name not in ("__dict__", "__weakref__")}
    return type("C", (Base,), again), old


def there_and_back(made: tuple[type, type]) -> None:
    new, old = made
    recell.repoint(new, old=old).undo()


def search(made: tuple[type, type]) -> None:
    new, old = made
    class_cells(vars(new), old)


def read_cells(made: tuple[type, type]) -> None:
    """What a person writes who knows that every attribute is a plain function."""
    new, old = made
    found = []
    for value in vars(new).values():
        closure = getattr(value, "__closure__", None)
        if closure:
            for cell in closure:
                try:
                    if cell.cell_contents is old:
                        found.append(cell)
                except ValueError:
                    pass


BENCHMARKS = [
    compare(
        "attach and undo",
        "recell.attach(Child, added).undo()",
        "rebuilt(Child, func); del Child.added",
        reach=10,
        setup=attached,
    ),
    calls(
        "repoint of 1,000 methods, and undo", there_and_back, read_cells, reach=4, setup=classes, rounds=25
    ),
    calls("repoint of 1,000 methods: the search", search, read_cells, reach=4, setup=classes, rounds=25),
    linear("repoint: linear in the methods", there_and_back, classes, sizes=(100, 1000, 5000)),
]
