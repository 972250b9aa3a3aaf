"""`LocalOverride`: an override that one context sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recell.callables import functions_in
from recell.errors import short
from recell.layers.changes import locked
from recell.local.changes import LocalChange
from recell.local.entries import Overriding
from recell.local.layers import LocalLayer
from recell.local.places import place_of
from recell.patching.override_edits import OverrideEdit
from recell.patching.overriding import Override

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FunctionType

    from recell.layers.exchange import State

__all__ = ["LocalOverride", "shares_results"]


class LocalOverride(LocalChange, Override):
    """The change that `local.override` makes; also a mapping from names to the values that they have."""

    __slots__ = ("_made",)

    _verb = "local.override"

    def __init__(self, target: Any, values: Mapping[str, object]) -> None:
        self._made: list[Overriding] = []
        Override.__init__(self, target, values)
        for cache in self._caches:
            inside = functions_in(cache)
            if any(edit.func is func for edit in self._edits(self._layers) for func in inside):
                raise shares_results(cache, self._verb)

    def _shown(self, func: FunctionType) -> State:
        """Return what the override starts from: the function's own code, whatever it is swapped for."""
        start: State = locked(_start, func)
        return start

    def _edits(self, layers: Sequence[Any]) -> list[OverrideEdit]:
        return [layer for layer in layers if isinstance(layer, OverrideEdit)]

    def _renew(self) -> Sequence[Any]:
        edits, made = Override._renew(self), self._made
        if len(edits) == 1:
            [edit] = edits
            if not made or made[0].edit is not edit:
                made = self._made = [Overriding(edit)]
            place = edit.record.local
            return (LocalLayer(edit.func, made[0], None if place is None else place.place),)
        edits = self._edits(edits)
        if len(made) != len(edits) or any(entry.edit is not edit for entry, edit in zip(made, edits)):
            made = self._made = [Overriding(edit) for edit in edits]
        return tuple([LocalLayer(entry.edit.func, entry) for entry in made])


def shares_results(cache: object, verb: str) -> TypeError:
    """Return the error for a function behind a cache, which would hand the results of one context to all others."""
    shown = short(cache)
    msg = (
        f"{verb} would put results of this context into the cache of {shown}, which all contexts share; change the "
        f"function inside, `__wrapped__`, where it is not called through the cache, or the whole process"
    )
    return TypeError(msg)


def _start(func: FunctionType) -> State:
    return place_of(func).start(func)
