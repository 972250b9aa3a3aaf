"""The class in whose own attributes a function stands."""

from __future__ import annotations

import gc
import sys
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from recell.callables import functions_in

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["class_holding"]


def class_holding(function: FunctionType, given: Any = None) -> type | None:
    """Return the class that has a function, or something that stands for it, among its own attributes.

    It is looked for where the function's qualified name says, and then among all classes. None where there is none, or
    where there are several and nothing tells which is meant.

    Args:
        function: the function.
        given: what stands for it, where that is something else: a bound method says whose it is.
    """
    if type(given) is MethodType:
        owner: Any = given.__self__
        for cls in (owner if isinstance(owner, type) else type(owner)).__mro__:
            if _holds(cls, function):
                return cls
    *path, _ = function.__qualname__.split(".")
    named: Any = sys.modules.get(function.__module__)
    for part in path:
        named = getattr(named, "__dict__", {}).get(part)
    if isinstance(named, type) and _holds(named, function):
        return named
    found = list({id(cls): cls for cls in _holders(function)}.values())
    return found[0] if len(found) == 1 else None


def _holds(cls: type, function: FunctionType) -> bool:
    return any([function is one for value in vars(cls).values() for one in functions_in(value)])


def _holders(function: FunctionType) -> Iterator[type]:
    """Yield the classes that hold a function, in a descriptor perhaps."""
    spaces = []
    for holder in gc.get_referrers(function):
        if type(holder) is dict:
            spaces.append(holder)
        elif type(holder) is not FunctionType and function in functions_in(holder):
            spaces += [space for space in gc.get_referrers(holder) if type(space) is dict]
    for space in spaces:
        for cls in gc.get_referrers(space):
            if (
                isinstance(cls, type)
                and "__dict__" not in space.keys() - vars(cls).keys()
                and _holds(cls, function)
            ):
                yield cls
