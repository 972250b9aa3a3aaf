"""Calls of a function as a spy records them, whatever the function's kind."""

from __future__ import annotations

from contextlib import suppress
from threading import RLock
from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from recell.patching.trampolines import ASYNC_GENERATOR, COROUTINE, GENERATOR, kind_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator

__all__ = ["Call", "Recorder"]

UNDER_WAY, RETURNED, RAISED = range(3)


class Call:
    """One call: its arguments as they were given, and how it ended.

    Attributes: `args`, `kwargs`; `outcome` (UNDER_WAY, RETURNED or RAISED) and `value` (what it returned or raised);
    `yielded`: the values that a generator has yielded so far.
    """

    __slots__ = ("args", "kwargs", "outcome", "value", "yielded")

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outcome: int
    value: Any
    yielded: list[Any]

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.args = args
        self.kwargs = kwargs
        self.outcome = UNDER_WAY
        self.value = None
        self.yielded = []

    def end(self, outcome: int, value: object) -> None:
        """Note how the call ended."""
        self.value = value
        self.outcome = outcome


class Recorder:
    """The calls of one function, and the mock that is told of them once somebody asks for it."""

    __slots__ = ("_lock", "_mock", "_skipped", "calls", "original")

    calls: list[Call]

    def __init__(self, original: FunctionType, *, bound: bool) -> None:
        self._lock = RLock()
        self._mock: Any = None
        self._skipped = 1 if bound else 0
        self.original: FunctionType = original
        self.calls = []

    @property
    def mock(self) -> Any:
        """A mock with the function's signature that has been called as the function was, and is from now on."""
        with self._lock:
            if self._mock is None:
                made = _mock_of(self.original, bound=bool(self._skipped))
                for call in self.calls:
                    _tell(made, call)
                self._mock = made
            return self._mock

    def forget(self) -> None:
        """Begin anew, with no calls and another mock."""
        with self._lock:
            self.calls = []
            self._mock = None

    def begin(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        """Note a call that begins."""
        call = Call(args[self._skipped :], kwargs)
        with self._lock:
            self.calls.append(call)
            if self._mock is not None:
                _tell(self._mock, call)
        return call

    def recording(self) -> Callable[..., Any]:
        """Return a plain function that calls the original and records it."""
        original, begin = self.original, self.begin
        watch = _WATCHES.get(kind_of(original))
        if watch is not None:
            later = watch

            def record_later(*args: Any, **kwargs: Any) -> Any:
                return later(original, begin(args, kwargs), args, kwargs)

            return record_later

        def record(*args: Any, **kwargs: Any) -> Any:
            call = begin(args, kwargs)
            try:
                value = original(*args, **kwargs)
            except BaseException as error:
                call.end(RAISED, error)
                raise
            call.end(RETURNED, value)
            return value

        return record


async def _awaited(
    original: Callable[..., Awaitable[Any]], call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    try:
        value = await original(*args, **kwargs)
    except BaseException as error:
        call.end(RAISED, error)
        raise
    call.end(RETURNED, value)
    return value


def _generated(
    original: Callable[..., Any], call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> _Generated:
    try:
        return _Generated(original(*args, **kwargs), call)
    except BaseException as error:
        call.end(RAISED, error)  # the arguments do not fit
        raise


def _generated_later(
    original: Callable[..., Any], call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> _GeneratedLater:
    try:
        return _GeneratedLater(original(*args, **kwargs), call)
    except BaseException as error:
        call.end(RAISED, error)
        raise


_WATCHES: dict[str, Callable[..., Any]] = {
    COROUTINE: _awaited,
    GENERATOR: _generated,
    ASYNC_GENERATOR: _generated_later,
}


class _Generated:
    """A generator whose steps are recorded."""

    __slots__ = ("_call", "_inside")

    def __init__(self, inside: Generator[Any, Any, Any], call: Call) -> None:
        self._inside = inside
        self._call = call

    def __iter__(self) -> _Generated:
        return self

    def __next__(self) -> Any:
        return self._step(self._inside.__next__)

    def send(self, value: object) -> Any:
        """Resume it with a value."""
        return self._step(self._inside.send, value)

    def throw(self, kind: Any, value: Any = None, traceback: Any = None) -> Any:
        """Resume it with an error."""
        error = kind if value is None else value
        if traceback is not None:
            error = error.with_traceback(traceback)
        return self._step(self._inside.throw, error)

    def close(self) -> Any:
        """Finish it early: it has neither returned nor raised then."""
        return self._inside.close()

    def _step(self, step: Callable[..., Any], *given: Any) -> Any:
        try:
            value = step(*given)
        except StopIteration as end:
            self._call.end(RETURNED, end.value)
            raise
        except BaseException as error:
            self._call.end(RAISED, error)
            raise
        self._call.yielded.append(value)
        return value


class _GeneratedLater:
    """An asynchronous generator whose steps are recorded."""

    __slots__ = ("_call", "_inside")

    def __init__(self, inside: AsyncGenerator[Any, Any], call: Call) -> None:
        self._inside = inside
        self._call = call

    def __aiter__(self) -> _GeneratedLater:
        return self

    def __anext__(self) -> Coroutine[Any, Any, Any]:
        return self._step(self._inside.__anext__())

    def asend(self, value: object) -> Coroutine[Any, Any, Any]:
        """Resume it with a value."""
        return self._step(self._inside.asend(value))

    def athrow(self, error: BaseException) -> Coroutine[Any, Any, Any]:
        """Resume it with an error."""
        return self._step(self._inside.athrow(error))

    def aclose(self) -> Any:
        """Finish it early."""
        return self._inside.aclose()

    async def _step(self, step: Awaitable[Any]) -> Any:
        try:
            value = await step
        except StopAsyncIteration:
            self._call.end(RETURNED, None)
            raise
        except BaseException as error:
            self._call.end(RAISED, error)
            raise
        self._call.yielded.append(value)
        return value


class _Signature:
    """The specification of a mock: a signature and nothing else.

    Given a function, a mock looks at each attribute that a function has: that costs more than all the rest.
    """

    def __init__(self, call: object) -> None:
        self.__dict__["__call__"] = call

    def __dir__(self) -> list[str]:
        return []


def _mock_of(original: FunctionType, *, bound: bool) -> Any:
    from types import MethodType
    from unittest.mock import AsyncMock, Mock

    code: CodeType = original.__code__
    # without annotations: reading a signature may evaluate them
    cells = tuple([CellType() for _ in code.co_freevars])
    shape = FunctionType(code, {}, original.__name__, original.__defaults__, cells)
    shape.__kwdefaults__ = original.__kwdefaults__
    signature = _Signature(MethodType(shape, shape) if bound else shape)
    kind = AsyncMock if kind_of(original) == COROUTINE else Mock
    return kind(spec=signature, return_value=None, name=original.__name__)


def _tell(mock: Any, call: Call) -> None:
    told = mock(*call.args, **call.kwargs)
    if told is not None:  # an AsyncMock also counts how often it was awaited
        with suppress(StopIteration):
            told.send(None)
