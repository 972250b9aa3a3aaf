"""Whether what a new text makes is what there is already, asked without running anybody's code."""

from __future__ import annotations

from types import BuiltinFunctionType, FunctionType
from typing import Any

from recell.cells import contents_of

__all__ = ["ATOMS", "SHOWN", "alike", "assigns", "equal", "is_member", "same_annotation", "slots", "stays"]

ATOMS: frozenset[type[Any]] = frozenset(
    (type(None), type(...), type(NotImplemented), bool, int, float, complex, str, bytes)
)
"""Types whose values are compared by value and hold nothing."""

SHOWN: frozenset[type[Any]] = ATOMS | {tuple, frozenset, list, dict, set}
"""Types whose values a report shows."""


def slots(cls: type) -> Any:
    """The `__slots__` of a class as they were written, comparable."""
    slots = vars(cls).get("__slots__")
    if slots is None or isinstance(slots, str):
        return slots
    return tuple(slots)


def equal(old: Any, new: Any) -> bool:
    """Whether two values are equal, asked of Python's own types alone; other objects of one class count as equal."""
    if old is new:
        return True
    kind, other = type(old), type(new)
    if issubclass(kind, type) and issubclass(other, type):
        return (old.__module__, old.__qualname__) == (new.__module__, new.__qualname__)
    if is_member(old) and is_member(new) and old._name_ != new._name_:
        return False
    if kind is not other:  # the text makes the class anew
        return kind not in SHOWN and (kind.__module__, kind.__qualname__) == (
            other.__module__,
            other.__qualname__,
        )
    if kind in ATOMS:
        return bool(repr(old) == repr(new) if kind in (float, complex) else old == new)
    if kind not in SHOWN:
        return True
    if len(old) != len(new):
        return False
    if kind is dict:
        if not all(type(key) in ATOMS for key in old):
            return True
        return old.keys() == new.keys() and all(equal(value, new[key]) for key, value in old.items())
    if kind in (list, tuple):
        return all(map(equal, old, new))
    return bool(old == new) or not all(type(item) in ATOMS for item in old)


def is_member(value: Any) -> bool:
    """Whether a value is a member of an enumeration."""
    return "_member_map_" in vars(type(value))


def same_annotation(old: Any, new: Any) -> bool:
    """Whether two annotations mean the same: classes are compared by name (the text makes them anew)."""
    kind = type(old)
    if kind is type(new) and kind.__module__ in ("annotationlib", "types", "typing"):
        try:
            return repr(old) == repr(new)
        except Exception:  # noqa: BLE001 - of an object in `Annotated`
            return False
    return equal(old, new)


def alike(old: Any, new: Any) -> bool:
    """Whether two lazy annotations (functions, 3.14+) do the same."""
    one, other = getattr(old, "__code__", old), getattr(new, "__code__", new)
    if one is None or other is None or type(old) is not type(new):
        return one is other
    if one.co_code != other.co_code or one.co_consts != other.co_consts or one.co_names != other.co_names:
        return False
    for cell, there in zip(old.__closure__ or (), new.__closure__ or ()):
        inside, beside = contents_of(cell), contents_of(there)
        if type(inside) is FunctionType and not alike(inside, beside):  # a typed dictionary's own
            return False
    return True


def assigns(code: Any, name: str) -> bool:
    """Whether a function assigns a free variable."""
    import dis

    return any(
        step.opname in ("STORE_DEREF", "DELETE_DEREF") and step.argval == name
        for step in dis.get_instructions(code)
    )


def stays(old: Any, new: Any) -> bool:
    """Whether an object that the new text makes says nothing new: then the living one, with its state, is kept.

    Atoms are compared by value; other objects of one type are state, whatever they hold by now.
    """
    if old is new:
        return True
    kind = type(old)
    if kind is not type(new):
        return False
    if kind in ATOMS:
        return bool(repr(old) == repr(new) if kind in (float, complex) else old == new)
    if kind is tuple:
        return len(old) == len(new) and all(map(stays, old, new))
    if kind is frozenset:
        return bool(old == new)
    if kind is BuiltinFunctionType:
        return (old.__module__, old.__qualname__) == (new.__module__, new.__qualname__)
    return kind is not FunctionType and not isinstance(old, type) and not is_member(old)
