"""The free variables that `freeze` turns into constants without being told which."""

from __future__ import annotations

from types import FunctionType

from recell.callables import functions_in
from recell.cells import contents_of
from recell.code.uses import uses
from recell.scopes.scope import finds_class

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["freezable"]


def freezable(function: FunctionType) -> dict[str, Any]:
    """The free variables that `freeze` takes without being told: never assigned, hashable, not leading back."""
    code = function.__code__
    table = uses(code, code.co_freevars)
    found_values: dict[str, Any] = {}
    for name, cell in zip(code.co_freevars, function.__closure__ or ()):
        use = table[name]
        if use.free_written or use.class_stored or not use.free_read:
            continue
        if name == "__class__" and finds_class(code):
            continue
        try:
            value = cell.cell_contents
            hash(value)
        except Exception:  # noqa: BLE001 - empty, unhashable, or a __hash__ that raises anything
            continue
        if not _leads_back(value, function):
            found_values[name] = value
    return found_values


def _leads_back(value: object, function: FunctionType) -> bool:
    """Whether a value is the function, or a class, an instance or a closure that holds it directly.

    A constant is not seen by the garbage collector, so a circle through it would never be freed.
    """
    if _holds(value, function):
        return True
    if issubclass(type(value), type):
        return any(_holds(held, function) for base in type.mro(value) for held in vars(base).values())  # type: ignore[arg-type]
    if type(value) is FunctionType:
        return any(_holds(contents_of(cell), function) for cell in value.__closure__ or ())
    attributes = getattr(type(value), "__dict__", {}).values()
    if any(_holds(held, function) for held in attributes):
        return True
    import gc

    for held in gc.get_referents(value):
        if _holds(held, function) or (
            type(held) in (dict, tuple, list)
            and any(_holds(inner, function) for inner in gc.get_referents(held))
        ):
            return True
    return False


def _holds(value: Any, function: FunctionType) -> bool:
    """Whether a value is the function, or one of the usual wrappers around it."""
    if type(value) is FunctionType and value.__dict__.get("__wrapped__") is function:
        return True
    return any(found is function for found in functions_in(value))
