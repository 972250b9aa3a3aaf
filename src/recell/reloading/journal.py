"""`Journal`: what a reload has changed so far, and the way back. The one place where reloading meets the layers.

What a reload changes is there at once, so that statements that run next see it. Each change is a layer of the lowest
rank: patches that were in force stay in force over the new text.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from recell.errors import RecellError
from recell.layers.exchange import State, state_of
from recell.layers.function_layers import FunctionLayer
from recell.layers.values import ABSENT, LOCK, STACKS, AttributeLayer, CellLayer, ItemLayer
from recell.patching.swapping import swap_edit
from recell.patching.trampolines import DECORATED
from recell.reloading.edits import Follow

if TYPE_CHECKING:
    from collections.abc import Collection
    from types import CellType, CodeType, FunctionType

    from recell.layers.values import Layer

__all__ = ["ABSENT", "Journal", "RefusedError", "layered", "text_code", "text_state"]


def text_state(function: FunctionType) -> State:
    """What a function is by its text: beneath overrides and swaps, above earlier reloads."""
    stack = STACKS.get(id(function))
    if stack is None:
        return state_of(function)
    stack.spread()
    if not stack.edits:
        return state_of(function)
    state: State = stack.states[0]
    for edit in stack.edits:
        if isinstance(edit, Follow):
            state = edit(state)
    return state


def text_code(function: FunctionType) -> CodeType:
    """The code of `text_state(function)`."""
    return text_state(function).code if STACKS else function.__code__


def layered() -> Collection[object]:
    """The ids of the functions that have layers, or had some: the code of others is what it shows."""
    return set(STACKS) if STACKS else ()


_KINDS = 0x20 | 0x80 | 0x200  # CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR


class RefusedError(Exception):
    """Something that cannot be changed. Attribute: `error`, which says what and why."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class Journal:
    """Layers, entered one by one, all of which can be left again.

    Args:
        dry: whether nothing is to be entered.
    """

    def __init__(self, dry: bool = False) -> None:
        self.layers: list[Layer] = []
        self._dry = dry

    def _put(self, layer: Layer) -> None:
        if self._dry:
            return
        layers, one = self.layers, [layer]
        try:
            with LOCK:
                layer.enter()
                layers += one  # no call: a signal's handler cannot raise between the two
        except (TypeError, AttributeError, RecellError) as error:
            raise RefusedError(error) from error

    def mark(self) -> int:
        """Where `back` is to stop."""
        return len(self.layers)

    def back(self, mark: int = 0) -> None:
        """Leave the layers that came after a mark, the last first."""
        layers = self.layers
        with LOCK, warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # a function may have become a generator
            while len(layers) > mark:
                layers[-1].leave()
                del layers[-1]

    def follow(self, function: FunctionType, edit: Follow) -> None:
        """Give a function other code."""
        if (function.__code__.co_flags ^ edit.code.co_flags) & _KINDS:
            with warnings.catch_warnings():  # a function may become a generator: its text says so
                warnings.simplefilter("ignore", DeprecationWarning)
                self._put(FunctionLayer(function, edit))
        else:
            self._put(FunctionLayer(function, edit))

    def forward(self, function: FunctionType, to: Any) -> None:
        """Make a function pass every call on to a callable."""
        self._put(FunctionLayer(function, swap_edit(function, to, "take", "reload", DECORATED)))

    def item(self, holder: Any, key: Any, value: Any) -> None:
        """Bind an item; `ABSENT` deletes it."""
        self._put(ItemLayer(holder, key, value))

    def attribute(self, holder: Any, name: str, value: Any) -> None:
        """Bind an attribute; `ABSENT` deletes it."""
        self._put(AttributeLayer(holder, name, value))

    def cell(self, cell: CellType, value: Any) -> None:
        """Put something into a cell."""
        self._put(CellLayer(cell, value))

    def annotations(self, layer: Layer) -> None:
        """Set what gives a class's annotations."""
        self._put(layer)

    def bind(self, cls: type | None, namespace: dict[str, Any], name: str, value: Any) -> None:
        """Bind a name in a module's namespace or in a class."""
        if cls is None:
            self.item(namespace, name, value)
        else:
            self.attribute(cls, name, value)
