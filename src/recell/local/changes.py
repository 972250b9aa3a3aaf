"""Changes that one context sees, returned by `local.override`, `local.swap` and `local.wrap`."""

from __future__ import annotations

import functools
import inspect
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeVar, cast

from recell.errors import ChangeError, short
from recell.layers.changes import Change, name_of
from recell.local.layers import LocalLayer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FunctionType

    from recell.local.entries import Entry

    Entries = tuple[Sequence[Any], ...]

F = TypeVar("F", bound="Callable[..., Any]")

__all__ = ["LocalChange", "PutChange"]


class LocalChange(Change):
    """A change that only this context sees, and contexts copied from it.

    It can be undone from any context: that ends it in every context that sees it. Where it was entered in several
    contexts, `undo` and the end of a `with` block leave the entry that the current context sees, else the last one.
    """

    __slots__ = ()

    _renews = True
    _picks = True

    def _pick(self, entries: Entries) -> tuple[Sequence[Any], Entries]:
        """Return the entry to leave, and the others."""
        if len(entries) == 1:
            return entries[0], ()
        at = self._visible(entries)
        return entries[at], entries[:at] + entries[at + 1 :]

    def _visible(self, entries: Entries) -> int:
        """Return which entry the current context sees; the last one where it sees none."""
        for at in range(len(entries) - 1, -1, -1):
            if entries[at][0].is_seen():
                return at
        return len(entries) - 1

    def carry(self, func: F) -> F:
        """Return a callable that runs a function where this change is seen.

        For threads and executors, which start with an empty context.

        Args:
            func: a function or coroutine function. What it calls sees the change; what it hands to other threads
                in its turn does not.

        Returns:
            A callable with the same parameters. It keeps the context of whoever calls it, and adds the change.

        Raises:
            ChangeError: the change is not active; also when the callable is called after it was undone.
            TypeError: `func` is no callable, or makes a generator, which would run in the context of who iterates.

        >>> from concurrent.futures import ThreadPoolExecutor
        >>> from recell import local
        >>> def greet():
        ...     return GREETING
        >>> GREETING = "hello"
        >>> with ThreadPoolExecutor() as pool, local.override(greet, GREETING="bye") as change:
        ...     pool.submit(greet).result(), pool.submit(change.carry(greet)).result()
        ('hello', 'bye')
        """
        entries = self._entries
        if not entries:
            msg = f"{self!r} cannot be carried: it is not active (undone already, or never entered)"
            raise ChangeError(msg, change=repr(self))
        given: Any = func
        if not callable(given):
            msg = f"carry takes a function to run elsewhere, not {short(given)}"
            raise TypeError(msg)
        if inspect.isgeneratorfunction(given) or inspect.isasyncgenfunction(given):
            msg = (
                f"carry cannot take {short(given)}: a generator runs in the context of who iterates over it; "
                "carry the function that does so"
            )
            raise TypeError(msg)
        layers: Sequence[Any] = entries[self._visible(entries)]
        shown = repr(self)
        if inspect.iscoroutinefunction(given):

            async def carried_later(*args: Any, **kwargs: Any) -> Any:
                tokens = _let_see(layers, shown)
                try:
                    return await given(*args, **kwargs)
                finally:
                    for layer, token in zip(layers, tokens):
                        layer.stack.var.reset(token)

            later: Any = functools.wraps(given)(carried_later)
            return cast("F", later)

        def carried(*args: Any, **kwargs: Any) -> Any:
            return copy_context().run(_run, layers, shown, given, args, kwargs)

        wrapper: Any = functools.wraps(given)(carried)
        return cast("F", wrapper)


def _run(layers: Sequence[LocalLayer], shown: str, func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    _let_see(layers, shown)
    return func(*args, **kwargs)


def _let_see(layers: Sequence[LocalLayer], shown: str) -> list[Any]:
    """Let the current context see layers; return what takes them out again."""
    for layer in layers:
        if layer.box is None or not layer.box.alive:
            msg = f"{shown} was carried here, and has been undone meanwhile"
            raise ChangeError(msg, change=shown)
    return [layer.stack.var.set(layer.box) for layer in layers]  # type: ignore[union-attr, arg-type]


class PutChange(LocalChange):
    """A change that puts something in the place of one function, or around it."""

    __slots__ = ("_first", "_make", "_put")

    def __init__(self, verb: str, func: FunctionType, put: object, make: Callable[[], Entry]) -> None:
        self._put = put
        self._make = make
        self._first: Entry | None = make()  # what is wrong with it is said now
        super().__init__(verb, func, (), (name_of(put),))

    @property
    def replacement(self) -> Any:
        """The callable put in the function's place; for `unittest.mock.DEFAULT`, the mock. Of `wrap`, the decorator."""
        return self._put

    def _renew(self) -> Sequence[Any]:
        entry, self._first = self._first or self._make(), None
        return (LocalLayer(self._target, entry),)  # type: ignore[arg-type]
