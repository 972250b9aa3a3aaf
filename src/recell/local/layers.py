"""One entry of a context-local change into one function, as a layer that `Change` enters and leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recell.local.places import Place, place_of

if TYPE_CHECKING:
    from types import FunctionType

    from recell.local.boxes import Box, WayOut
    from recell.local.entries import Entry

__all__ = ["Held", "LocalLayer"]


class LocalLayer:
    """A layer that one context sees. It is entered once.

    Args:
        func: the function.
        entry: makes what the context sees.
        stack: the function's place, where that is known.
    """

    __slots__ = ("box", "entry", "func", "stack", "way_out")

    box: Box | None
    way_out: WayOut | None

    def __init__(self, func: FunctionType, entry: Entry, stack: Place | None = None) -> None:
        self.func: FunctionType = func
        self.entry: Entry = entry
        self.stack = stack
        self.box = self.way_out = None

    def find(self) -> Place:
        """Return the function's place; under the lock."""
        place = self.stack = place_of(self.func)
        return place

    def check(self) -> None:
        """Raise InterferenceError where leaving would overwrite what somebody else assigned."""
        if self.stack is not None:
            self.stack.check(self.func)

    def is_seen(self) -> bool:
        """Return whether the current context sees this layer."""
        place = self.stack
        box = None if place is None else place.var.get()
        while box is not None and box is not self.box:
            box = box.parent
        return box is not None


class Held:
    """A layer that keeps a function localized; also its own stack."""

    __slots__ = ("count", "func", "place")

    def __init__(self, func: FunctionType) -> None:
        self.func: FunctionType = func
        self.count: int = 0
        self.place: Place | None = None

    @property
    def stack(self) -> Held:
        """Itself: it is entered into no other stack."""
        return self

    def find(self) -> Held:
        """Return the same."""
        return self

    def enter(self, _: Held) -> None:
        """Localize the function."""
        place = self.place = place_of(self.func)
        place.hold(self.func)
        self.count += 1

    def leave(self, _: Held) -> None:
        """Let the function go; where that is done already, that is all right."""
        if self.count and self.place is not None:
            self.place.let_go(self.func)
            self.count -= 1

    def times(self, _: Held) -> int:
        """Return how often it is entered."""
        return self.count

    def check(self) -> None:
        """Raise InterferenceError where somebody assigned other code."""
        if self.place is not None:
            self.place.check(self.func)
