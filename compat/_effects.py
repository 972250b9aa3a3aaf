"""The notation of stack effects: what an opcode takes from the value stack and leaves there.

`"value iter -- value"`: takes an iterator (on top) and a value below it, leaves a value. Items are kinds (their
names stand in `recell.verifier.kinds`), `kind*{arg}` is as many as the argument says, `kind*{below}` one fewer, and
items that stand at the head of both sides are looked at, not taken. A callable makes the text from the argument, or
answers None for an argument that no compiler emits.
"""

from __future__ import annotations

from typing import Callable, Mapping, Optional, TypeVar, Union

_T = TypeVar("_T")
Effect = Union[str, Callable[[int], Optional[str]]]


def opcodes(names: str) -> frozenset[str]:
    """Return the set of the opcodes in a text."""
    return frozenset(names.split())


def each(grouped: Mapping[str, str]) -> dict[str, str]:
    """Return `{opcode: value}` for `{value: "OPCODE OPCODE ..."}`."""
    return {name: value for value, names in grouped.items() for name in names.split()}


def changed(before: Mapping[str, Effect], *gone: str, **now: Effect) -> Mapping[str, Effect]:
    """Return a table without the opcodes that a release dropped, and with those that it added or changed."""
    return {**without(before, *gone), **now}


def without(before: Mapping[str, _T], *gone: str) -> dict[str, _T]:
    """Return a table without the opcodes that a release dropped."""
    return {name: value for name, value in before.items() if name not in gone}
