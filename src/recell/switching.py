"""The everyday override, made fast: the only layer of its function, and one store of a code object."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from recell.installing import WITH_GIL
from recell.layers import LOCK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recell.installing import State
    from recell.layers import Edit, FunctionStack, Layer

__all__ = ["Switch"]

_system = vars(sys)


class Switch:
    """Does what a function's stack does for its first and only layer, and leaves everything else to the stack.

    Both methods say whether they did it.
    """

    __slots__ = ("above", "base", "edit", "func", "layers", "stack")

    def __init__(
        self, stack: FunctionStack, layers: Sequence[Layer], edit: Edit, base: State, above: State
    ) -> None:
        self.stack = stack
        self.func = stack.func
        self.layers = layers
        self.edit = edit
        self.base = base
        self.above = above

    def enter(self, entries: list[Sequence[Layer]]) -> bool:
        """Enters the layer, unless there are others, or the function is not what it was."""
        with LOCK:
            stack, func, base = self.stack, self.func, self.base
            if (
                stack.edits
                or stack.busy
                or func.__code__ is not base.code
                or func.__closure__ is not base.closure
                or base.face is not None
                or _system.get("_is_gil_enabled") is not WITH_GIL
            ):
                return False
            above = self.above
            stack.busy = True
            try:
                stack.edits.append(self.edit)
                stack.states = [base, above]
                stack.installed = base
                func.__code__ = above.code
                stack.installed = above
                entries.append(self.layers)
            except BaseException:
                if entries and entries[-1] is self.layers:
                    entries.pop()
                stack.edits.remove(self.edit)
                self._settle(above)
                raise
            stack.busy = False
            if len(stack.edits) != 1:  # an audit hook, told of the store, entered something of its own
                stack.settle()
            return True

    def leave(self, entries: list[Sequence[Layer]]) -> bool:
        """Leaves the layer, unless there are others, or somebody assigned something else."""
        with LOCK:
            stack, func, above = self.stack, self.func, self.above
            if (
                len(stack.edits) != 1
                or not entries
                or entries[-1] is not self.layers
                or stack.installed is not above
                or stack.busy
                or func.__code__ is not above.code
                or func.__closure__ is not above.closure
                or _system.get("_is_gil_enabled") is not WITH_GIL
            ):
                return False
            base = self.base
            stack.busy = True
            try:
                entries.pop()
                stack.edits.pop()
                stack.states.pop()
                func.__code__ = base.code
                stack.installed = base
            except BaseException:
                if func.__code__ is not base.code:
                    entries.append(self.layers)
                    stack.edits.insert(0, self.edit)
                self._settle(base)
                raise
            stack.busy = False
            if stack.edits:
                stack.settle()
            else:
                stack.states.pop()
                stack.installed = None
            return True

    def _settle(self, wanted: State) -> None:
        """After an interruption: what is installed is what the function says, and the stack does the rest."""
        stack = self.stack
        stack.busy = False
        stack.installed = wanted if self.func.__code__ is wanted.code else stack.installed
        stack.recompute(0)
        stack.settle()
        stack.rest()
