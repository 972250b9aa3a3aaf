"""The caches around a function: emptied whenever what it does changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recell.layers.values import ValueLayer, ValueStack

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["ClearedCache", "around"]


class _Cache(ValueStack):
    """The results in an `lru_cache`. There is nothing to put back: entering and leaving both empty it."""

    __slots__ = ("cache", "layers")

    def __init__(self, cache: Any) -> None:
        super().__init__()
        self.cache = cache
        self.layers: list[ValueLayer] = []

    def enter(self, layer: ValueLayer) -> None:
        self.cache.cache_clear()
        self.layers.append(layer)

    def leave(self, layer: ValueLayer) -> None:
        self.cache.cache_clear()
        if layer in self.layers:
            self.layers.remove(layer)

    def times(self, layer: ValueLayer) -> int:
        return self.layers.count(layer)


class ClearedCache(ValueLayer):
    """A cache that is empty when the layer comes and when it goes."""

    __slots__ = ()

    def __init__(self, cache: Any) -> None:
        super().__init__(None, _Cache(cache), None)


def around(caches: Iterable[Any], layers: Sequence[Any]) -> Sequence[Any]:
    """Return the layers of a change of what caches hold results of.

    Emptied before and after the others on both ways: what another thread computes meanwhile goes, too.
    """
    cleared = [ClearedCache(cache) for cache in caches]
    if not cleared:
        return layers
    return (*cleared, *layers, *cleared)
