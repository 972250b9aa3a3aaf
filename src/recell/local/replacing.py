"""Entries of `local.swap` and `local.wrap`: replacements of the target's kind, that take its parameters."""

from __future__ import annotations

from types import CellType, FunctionType
from typing import TYPE_CHECKING, Any
from weakref import ref

from recell.code.guarded import own_code
from recell.errors import short
from recell.functions.building import remake
from recell.local.entries import Replacing, Wrapping
from recell.local.guards import relayed
from recell.local.parameters import check_takes
from recell.patching.replacements import swap_edit
from recell.patching.trampolines import BRIDGES, DECORATED, kind_of, trampoline

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from recell.local.boxes import Box

__all__ = ["replacing", "wrapping"]


def replacing(func: FunctionType, replacement: Any) -> Replacing:
    """Return the entry that puts a replacement in a function's place.

    Raises:
        TypeError: it is no callable, of a kind that cannot be bridged, or cannot take the function's parameters.
        ScopeError: it would call the function itself, in a circle.
    """
    return Replacing(_bridged(func, replacement, "local.swap", BRIDGES))


def wrapping(func: FunctionType, decorator: Callable[[Any], Any]) -> Wrapping:
    """Return the entry that puts what a decorator makes around a function.

    Raises:
        TypeError: what the decorator returns is no callable, of a kind that cannot be bridged, or cannot take the
            function's parameters.
    """
    beneath = _Beneath(func)
    # code that a constant leads to: the box is held weakly there
    original = remake(func, relayed(own_code(func), beneath))
    decorated = decorator(original)
    if not callable(decorated):
        msg = (
            f"local.wrap needs a decorator that returns a callable, and {short(decorator)} "
            f"returned {short(decorated)}"
        )
        raise TypeError(msg)
    return Wrapping(_bridged(func, decorated, "local.wrap", DECORATED), beneath)


def _bridged(
    func: FunctionType, replacement: Any, verb: str, bridges: Mapping[tuple[str, str], str]
) -> Callable[..., Any]:
    """Return a callable of the function's kind that calls the replacement."""
    edit = swap_edit(func, replacement, "take", verb, bridges)
    replacement = edit.replacement
    check_takes(func, own_code(func), replacement, verb)
    if kind_of(func) == kind_of(replacement):
        taken: Callable[..., Any] = replacement
        return taken
    code, face = trampoline(func, replacement, edit.bridge or "return")
    bridge = FunctionType(code, func.__globals__, func.__name__, face.defaults, (CellType(replacement),))
    bridge.__kwdefaults__ = face.kwdefaults
    bridge.__qualname__ = func.__qualname__
    return bridge


class _Beneath:
    """Finds what a wrapper is put around. It is a constant of code, and holds neither box nor function."""

    __slots__ = ("box", "func")

    def __init__(self, func: FunctionType) -> None:
        self.func = ref(func)
        self.box: Callable[[], Box | None] = _nothing

    def take(self, box: Box) -> None:
        """Find what lies beneath a box from now on."""
        self.box = ref(box)

    def __call__(self) -> Any:
        box = self.box()
        return self.func() if box is None else box.beneath


def _nothing() -> None:
    return None
