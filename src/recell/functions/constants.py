"""Constants of a code object: equal by value and type, made of others, or the docstring."""

from __future__ import annotations

from types import CodeType
from typing import TYPE_CHECKING, Any

from recell import compat

if TYPE_CHECKING:
    from collections.abc import Container

__all__ = ["COMPOUND", "DOCSTRING_FLAG", "docstring_of", "holds", "key_of", "parts"]

COMPOUND = (tuple, frozenset, slice)
"""The constants that are made of constants."""

_RELEASE = compat.find()
DOCSTRING_FLAG = 0 if _RELEASE is None else _RELEASE.docstring_flag
"""CO_HAS_DOCSTRING (3.14+); 0 where a text as constant 0 is always one, or where it is not known."""


def key_of(const: Any) -> Any:
    """Return what constants of the same value and type have in common, and no others: 1, 1.0 and True differ."""
    kind = type(const)
    if kind is str:
        return const
    if kind in COMPOUND:
        inside = [key_of(part) for part in parts(const)]
        return kind, frozenset(inside) if kind is frozenset else tuple(inside)
    return kind, repr(const) if kind is not CodeType else id(const)


def parts(const: Any) -> tuple[Any, ...]:
    """Return the constants that one is made of."""
    return (const.start, const.stop, const.step) if type(const) is slice else tuple(const)


def holds(const: Any, keys: Container[Any]) -> bool:
    """Say whether a constant, or one that it is made of, has one of some keys."""
    return bool(keys) and (
        key_of(const) in keys or (type(const) in COMPOUND and any(holds(part, keys) for part in parts(const)))
    )


def docstring_of(code: CodeType) -> str | None:
    """Return the docstring that a function gets from its code, or None."""
    first = code.co_consts[0] if code.co_consts else None
    return first if type(first) is str and (not DOCSTRING_FLAG or code.co_flags & DOCSTRING_FLAG) else None
