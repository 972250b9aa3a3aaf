"""Constants compared: equal of one type, without running anybody's code."""

from __future__ import annotations

from typing import Any

__all__ = ["constant_key", "is_constant", "same_value"]


def constant_key(value: Any) -> Any:
    """A key that is equal for constants of one type and value only: `1`, `True` and `1.0` are three."""
    kind = type(value)
    if kind is tuple:
        return (kind, *map(constant_key, value))
    if kind is frozenset:
        return kind, frozenset(map(constant_key, value))
    if kind in (float, complex, slice):
        return kind, repr(value)
    return kind, value


def same_value(one: Any, other: Any) -> bool:
    """Return whether two values of Python's own immutable types are of one type and equal."""
    return type(one) is type(other) and type(one) in _IMMUTABLE and constant_key(one) == constant_key(other)


_IMMUTABLE = (bool, int, float, complex, str, bytes, tuple, frozenset, type(None), type(...))


def is_constant(value: Any) -> bool:
    """Return whether a value is of Python's own immutable types, and so are all in it."""
    kind = type(value)
    return kind in _IMMUTABLE and (kind not in (tuple, frozenset) or all(map(is_constant, value)))
