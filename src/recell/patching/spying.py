"""`spy`: every call of a function recorded, and nothing changed."""

from __future__ import annotations

import functools
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from recell.callables import caches_in, function_of
from recell.patching.recording import RAISED, RETURNED, Recorder
from recell.patching.replacements import swap_edit
from recell.patching.swapping import Swap, copy_of
from recell.patching.trampolines import DECORATED
from recell.public import public

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

__all__ = ["Spy", "spy"]


@public
class Spy(Swap):
    """The calls of a function: what `spy` returns.

    >>> from recell import spy
    >>> def half(n, *, up=False):
    ...     return (n + up) // 2
    >>> with spy(half) as seen:
    ...     half(7), half(7, up=True)
    (3, 4)
    >>> seen.returned, seen.mock.call_count
    ([3, 4], 2)
    >>> seen.mock.assert_called_with(7, up=True)
    """

    __slots__ = ("_recorder",)

    _renews = True

    def __init__(self, function: FunctionType, caches: Collection[Any], *, bound: bool) -> None:
        original = copy_of(function)
        self._recorder = recorder = Recorder(original, bound=bound)
        recording = functools.wraps(original)(recorder.recording())
        super().__init__("spy", swap_edit(function, recording, "take", "spy", DECORATED, original), caches)

    def _renew(self) -> Sequence[Any]:
        if not self._entries:
            self._recorder.forget()  # used again, as a decorator perhaps: from the beginning
        layers: Sequence[Any] = self._layers
        return layers

    def _about(self) -> Iterable[str]:
        return ()

    @property
    def mock(self) -> Any:
        """A mock with the function's signature, called as the function was: `seen.mock.assert_called_once_with(7)`."""
        return self._recorder.mock

    @property
    def returned(self) -> list[Any]:
        """The values of the calls that returned one, in the order of the calls.

        A coroutine function's call returns what awaiting it gives, a generator's what it returns at its end.
        """
        return [call.value for call in self._recorder.calls if call.outcome == RETURNED]

    @property
    def raised(self) -> list[BaseException]:
        """The errors of the calls that raised one, in the order of the calls."""
        return [call.value for call in self._recorder.calls if call.outcome == RAISED]

    @property
    def yielded(self) -> list[list[Any]]:
        """The values that each call of a generator function has yielded so far, in the order of the calls."""
        return [[*call.yielded] for call in self._recorder.calls]


@public
def spy(target: Any, /) -> Spy:
    """Record every call of a function, through whatever reference, and change nothing of what it does.

    A call of a coroutine or generator function is recorded when it begins to run. For a bound method the class's
    function is meant, so that calls by all instances are recorded; they are shown without the instance, as they were
    written. Given as a function, `Class.method`, they are shown with it.

    Args:
        target: a function, or what stands for one.

    Returns:
        A `Change` that is active already: `mock` (for `assert_called_once_with` and the like), `returned`, `raised`,
        `yielded`, `original`, `running`.

    Raises:
        TypeError: no Python function as target.
        UnsupportedPythonError: it cannot be done safely here; nothing has changed.

    >>> from recell import spy
    >>> def area(a, b=1):
    ...     return a * b
    >>> seen = spy(area)
    >>> area(2, b=3)
    6
    >>> seen.mock.assert_called_once_with(a=2, b=3)
    >>> seen.undo()
    """
    function = function_of(target, "spy")
    caches = () if target is function else caches_in(target)
    return Spy(function, caches, bound=type(target) in (MethodType, classmethod))
