"""Decorators that hold a change in force while a function, coroutine, generator or test class runs.

They inject no arguments, and `functools.wraps` leaves the signature that pytest sees as it is.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from recell.errors import short

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from recell.layers.changes import Change

__all__ = ["decorate"]


def decorate(change: Change, decorated: Any) -> Any:
    """Return what runs `decorated` with the change in force; of a class each `test*` method, inherited ones too.

    The changes around a function are in its `recell_changes`, the outermost first.

    Raises:
        TypeError: it is neither a function nor a class.
    """
    if isinstance(decorated, type):
        for name, value in _test_methods(decorated):
            setattr(decorated, name, decorate(change, value))
        return decorated
    if type(decorated) in (staticmethod, classmethod):
        return type(decorated)(decorate(change, decorated.__func__))
    if not callable(decorated):
        msg = f"{change!r} decorates functions and classes, not {short(decorated)}"
        raise TypeError(msg)
    wrapper: Any = functools.wraps(decorated)(_runner(change, decorated))
    wrapper.recell_changes = (change, *getattr(decorated, "recell_changes", ()))
    return wrapper


def _test_methods(cls: type) -> list[tuple[str, Any]]:
    found: dict[str, Any] = {}
    for base in cls.__mro__:
        for name, value in vars(base).items():
            if name.startswith("test"):
                found.setdefault(name, value)
    return [
        (name, value)
        for name, value in found.items()
        if inspect.isroutine(value) and not isinstance(value, type)
    ]


def _runner(change: Change, decorated: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of the same kind that runs the decorated one inside the change."""
    func: Any = decorated
    if inspect.iscoroutinefunction(decorated):

        async def later(*args: Any, **kwargs: Any) -> Any:
            with change:
                return await func(*args, **kwargs)

        return later
    if inspect.isasyncgenfunction(decorated):

        async def stream(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            # `async for` would not pass on what is sent or thrown in
            with change:
                inside = func(*args, **kwargs)
                step = inside.__anext__()
                while True:
                    try:
                        value = await step
                    except StopAsyncIteration:
                        return
                    try:
                        sent: Any = yield value
                    except GeneratorExit:
                        await inside.aclose()
                        raise
                    except BaseException as error:  # noqa: BLE001 - whatever is thrown in goes to the generator
                        step = inside.athrow(error)
                    else:
                        step = inside.asend(sent)

        return stream
    if inspect.isgeneratorfunction(decorated):

        def generate(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            with change:
                made: Generator[Any, Any, Any] = func(*args, **kwargs)
                return (yield from made)

        return generate

    def call(*args: Any, **kwargs: Any) -> Any:
        with change:
            return func(*args, **kwargs)

    return call
