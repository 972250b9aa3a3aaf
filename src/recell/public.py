"""The mark of everything that users get from the front door."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    T = TypeVar("T")

__all__ = ["public"]


def public(obj: T, /) -> T:
    """Return a function or class after making it report `recell` as its module.

    `inspect` finds the source of a function by its code, and that of a class by its module: for a marked class it
    says that there is none, and the lines of its methods are found. Without the deletion below, 3.13 and later would
    show the lines of another file.
    """
    marked: Any = obj
    marked.__module__ = "recell"
    if "__firstlineno__" in vars(marked):
        del marked.__firstlineno__
    return obj
