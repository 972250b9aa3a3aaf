"""`Journal`: what a reload has changed so far, and the way back. The one place where reloading meets the layers.

What a reload changes is there at once, so that statements that run next see it. Each change is a layer of the lowest
rank: patches that were in force stay in force over the new text.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from recell.errors import RecellError
from recell.layers.changes import Change
from recell.layers.edits import TEXT
from recell.layers.exchange import state_of
from recell.layers.places import AttributeLayer, ItemLayer
from recell.layers.records import has_layers, layered, layers_of, up_to
from recell.layers.values import ABSENT
from recell.patching.replacements import swap_edit
from recell.patching.swap_edits import SwapEdit
from recell.patching.trampolines import DECORATED

if TYPE_CHECKING:
    from types import CodeType, FunctionType

    from recell.layers.exchange import State
    from recell.reloading.edits import Follow

__all__ = ["ABSENT", "Journal", "RefusedError", "layered", "text_code", "text_state"]


def text_state(function: FunctionType) -> State:
    """Return the state of a function by its text: beneath overrides and swaps, above earlier reloads."""
    return up_to(function, TEXT)


def text_code(function: FunctionType) -> CodeType:
    """The code of `text_state(function)`."""
    return up_to(function, TEXT).code if has_layers(function) else state_of(function).code


_KINDS = 0x20 | 0x80 | 0x200  # CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR


class RefusedError(Exception):
    """Something that cannot be changed. Attribute: `error`, which says what and why."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class _Bridge(SwapEdit):
    """A function of the old text that passes every call on to what the new one made."""

    __slots__ = ()
    rank = TEXT


class Journal:
    """Layers, entered one by one, all of which can be left again.

    Args:
        dry: whether nothing is to be entered.
    """

    def __init__(self, dry: bool = False) -> None:
        self._changes: list[Change] = []
        self.hidden: list[FunctionType] = []  # whose new text a swap hides
        self._dry = dry

    @property
    def layers(self) -> list[Any]:
        """The layers, in order of entry."""
        return [layer for change in self._changes for layer in change._layers]

    def _put(self, target: Any, layer: Any) -> None:
        if self._dry:
            return
        changes = self._changes
        change = Change("reload", target, (layer,))
        one = [change]
        try:
            changes += one  # first: whatever comes in between, `back` finds it
            change.start()
        except BaseException as error:
            if not change.active:
                changes.remove(change)
            if isinstance(error, (TypeError, AttributeError, RecellError)):
                raise RefusedError(error) from error
            raise

    def mark(self) -> int:
        """Return where `back` is to stop."""
        return len(self._changes)

    def back(self, mark: int = 0) -> None:
        """Leave the layers that came after a mark, the last first."""
        changes = self._changes
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # a function may have become a generator
            while len(changes) > mark:
                if changes[-1].active:
                    changes[-1].undo()
                del changes[-1]

    def follow(self, edit: Follow) -> None:
        """Give a function other code."""
        if (edit.func.__code__.co_flags ^ edit.code.co_flags) & _KINDS:
            with warnings.catch_warnings():  # a function may become a generator: its text says so
                warnings.simplefilter("ignore", DeprecationWarning)
                self._put(edit.func, edit)
        else:
            self._put(edit.func, edit)
        for one in layers_of(edit.func):
            if one.rank > TEXT and isinstance(one, SwapEdit) and one.original is None:
                self.hidden.append(edit.func)

    def forward(self, function: FunctionType, to: Any) -> None:
        """Make a function pass every call on to a callable."""
        try:
            edit = swap_edit(function, to, "take", "reload", DECORATED, kind=_Bridge)
        except RecellError as error:
            raise RefusedError(error) from error
        self._put(function, edit)

    def item(self, holder: Any, key: Any, value: Any) -> None:
        """Bind an item; `ABSENT` deletes it."""
        self._put(holder, ItemLayer(holder, key, value, rank=TEXT))

    def attribute(self, holder: Any, name: str, value: Any) -> None:
        """Bind an attribute; `ABSENT` deletes it."""
        self._put(holder, AttributeLayer(holder, name, value, rank=TEXT))

    def annotations(self, layer: Any) -> None:
        """Set what gives a class's annotations."""
        self._put(None, layer)

    def bind(self, cls: type | None, namespace: dict[str, Any], name: str, value: Any) -> None:
        """Bind a name in a module's namespace or in a class."""
        if cls is None:
            self.item(namespace, name, value)
        else:
            self.attribute(cls, name, value)
