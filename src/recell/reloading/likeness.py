"""Comparisons of what a new text makes with what there is, without running anybody's code."""

from __future__ import annotations

from types import FunctionType
from typing import Any

from recell.cells import contents_of
from recell.reloading.constants import same_value

__all__ = ["alike", "same_annotation", "same_annotations", "stays"]


def stays(old: Any, new: Any) -> bool:
    """Return whether a default that the new text gives says nothing new, so that the existing object is kept.

    Constants are compared by value; a container that the text gives empty is state, whatever it holds by now.
    """
    if old is new or same_value(old, new):
        return True
    return type(old) is type(new) and type(old) in (list, dict, set, bytearray) and not new


def same_annotation(old: Any, new: Any) -> bool:
    """Return whether two annotations mean the same."""
    kind = type(old)
    if old is new or same_value(old, new):
        return True
    if kind is type(new) and kind.__module__ in ("annotationlib", "types", "typing"):
        try:
            return repr(old) == repr(new)
        except Exception:  # noqa: BLE001 - of an object in `Annotated`
            return False
    return False


def same_annotations(old: Any, new: Any) -> bool:
    """Return whether two dicts of annotations mean the same."""
    if not old or not new or type(old) is not dict or type(new) is not dict:
        return not old and not new
    return list(old) == list(new) and all(same_annotation(value, new[name]) for name, value in old.items())


def alike(old: Any, new: Any) -> bool:
    """Return whether two lazy annotations (functions, 3.14+) do the same."""
    one, other = getattr(old, "__code__", old), getattr(new, "__code__", new)
    if one is None or other is None or type(old) is not type(new):
        return one is other
    if one.co_code != other.co_code or one.co_consts != other.co_consts or one.co_names != other.co_names:
        return False
    for name, cell, there in zip(one.co_freevars, old.__closure__ or (), new.__closure__ or ()):
        if name[:2] == "__" and name != "__class__":
            continue  # the namespace of the class, and which annotations were passed
        inside, beside = contents_of(cell), contents_of(there)
        if type(inside) is FunctionType:
            if not alike(inside, beside):  # a typed dictionary's own
                return False
        elif inside is not beside and not same_value(inside, beside):
            if type(inside) in (list, dict, set):  # what a data class evaluates for its methods
                return False
    return True
