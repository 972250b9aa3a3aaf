"""Entries of context-local changes, each with what it makes of a function: a variant, a replacement, a wrapper."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

from recell.compat import STAND_BY
from recell.functions.building import build, remake

if TYPE_CHECKING:
    from collections.abc import Callable

    from recell.layers.exchange import State
    from recell.local.boxes import Box

__all__ = ["Entry", "Overriding", "Replacing", "Wrapping", "variant"]

_HAS_BUILTINS = "__builtins__" in vars(FunctionType)


def variant(func: FunctionType, state: State) -> FunctionType:
    """Return a function that does what `func` would do in a state; it is called with all arguments as bound.

    It needs defaults only where a process-wide swap has given the function other parameters: they are bound then.
    """
    code, face = state.code, state.face
    defaults = kwdefaults = None
    if face is not None:
        defaults, kwdefaults = face.defaults, face.kwdefaults
    new = build(code, func.__globals__, func.__name__, defaults, state.closure, kwdefaults)
    if _HAS_BUILTINS and new.__builtins__ is not func.__builtins__:  # type: ignore[attr-defined, unused-ignore]
        new = remake(func, code, state.closure)
    qualname = func.__qualname__
    if new.__qualname__ is not qualname:
        new.__qualname__ = qualname
    new.__module__ = STAND_BY
    return new


class Entry:
    """Makes what a box shows, whenever what lies beneath changes."""

    __slots__ = ()

    def over(
        self, func: FunctionType, box: Box, state: State, call: Callable[..., Any] | None
    ) -> tuple[State, Callable[..., Any], Callable[..., Any] | None]:
        """Return what the box is to show over what lies beneath.

        Args:
            func: the function.
            box: the entry's box; nothing in it is changed.
            state: the state beneath, from which an override starts.
            call: what calls beneath go to; None: to the function itself.

        Returns:
            The state above, the function to which calls go, and the one around which that is, if any.
        """
        raise NotImplementedError


class Overriding(Entry):
    """A variant of the function with other meanings of names. The same edit over the same state makes it once."""

    __slots__ = ("edit", "last")

    def __init__(self, edit: Any) -> None:
        self.edit: Any = edit
        self.last: tuple[State, State, Callable[..., Any]] | None = None

    def over(
        self, func: FunctionType, box: Box, state: State, call: Callable[..., Any] | None
    ) -> tuple[State, Callable[..., Any], None]:
        last = self.last
        if last is None or not _same(last[0], state):
            above = self.edit(state)
            last = self.last = state, above, variant(func, above)
        return last[1], last[2], None


def _same(one: State, other: State) -> bool:
    """Return whether an edit makes the same of two states."""
    if one is other:
        return True
    return one.code is other.code and one.closure is other.closure and not (one.given or other.given)


class Replacing(Entry):
    """Another function in its place, whatever lies beneath."""

    __slots__ = ("replacement",)

    def __init__(self, replacement: Callable[..., Any]) -> None:
        self.replacement: Callable[..., Any] = replacement

    def over(
        self, func: FunctionType, box: Box, state: State, call: Callable[..., Any] | None
    ) -> tuple[State, Callable[..., Any], None]:
        return state, self.replacement, None


class Wrapping(Entry):
    """A wrapper around what lies beneath.

    Args:
        decorated: the wrapper.
        beneath: what the wrapper asks for the function to call; it takes a box, and calls go to `box.beneath`.
    """

    __slots__ = ("beneath", "decorated")

    def __init__(self, decorated: Callable[..., Any], beneath: Any) -> None:
        self.decorated: Callable[..., Any] = decorated
        self.beneath: Any = beneath

    def over(
        self, func: FunctionType, box: Box, state: State, call: Callable[..., Any] | None
    ) -> tuple[State, Callable[..., Any], Callable[..., Any]]:
        self.beneath.take(box)
        return state, self.decorated, call or variant(func, state)
