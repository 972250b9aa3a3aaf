"""`Edit`: one layer over a function, and the ranks of layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recell.layers.exchange import CODE, DEFAULTS, FACE
from recell.layers.records import record_of, used_stack

if TYPE_CHECKING:
    from types import FunctionType

    from recell.layers.exchange import State
    from recell.layers.records import Record
    from recell.layers.stacks import Stack

__all__ = ["CODE", "CODE_EDIT", "DEFAULTS", "FACE", "PATCH", "TEXT", "Edit"]

TEXT, CODE_EDIT, PATCH = 0, 1, 2
"""Ranks: the text of a reload; edits of the code; overrides, swaps and the like."""


class Edit:
    """One layer over a function: called with the state beneath it, it returns the state above.

    It must be pure: it is called again whenever something beneath changes. An exception that it raises on entering is
    the caller's; one raised later counts as "leaves everything as it is". An edit may lie in its stack several times.

    Args:
        func: the function.
    """

    __slots__ = ("func", "record", "stack")

    rank = PATCH
    """Layers of a lower rank lie beneath, whenever they come; within one rank the order of entry counts."""
    touches = CODE
    """With DEFAULTS or FACE, `state.face` is there and says so much."""
    follows = False
    """True where `follow` is to be called with the state beneath, whenever that changes."""

    record: Record
    stack: Stack | None

    def __init__(self, func: FunctionType) -> None:
        self.func: FunctionType = func
        self.record = record_of(func)
        self.stack = self.record.idle

    def __call__(self, state: State) -> State:
        """Return the state above."""
        return state

    def follow(self, beneath: State) -> None:
        """Take notice of the state beneath."""
        raise NotImplementedError

    def find(self) -> Stack:
        """Return the stack of the function, made where there is none; under the lock."""
        stack = self.stack = used_stack(self.record)
        return stack

    def check(self) -> None:
        """Raise InterferenceError where somebody assigned code or closure away from what recell installed."""
        if self.stack is not None:
            self.stack.check(self.func)
