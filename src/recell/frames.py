"""`running`: which frames, generators and coroutines run a code object now."""

from __future__ import annotations

import sys
from types import AsyncGeneratorType, CodeType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any

from recell import compat
from recell.callables import function_of
from recell.code.guarded import sink_of
from recell.public import public

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

__all__ = ["running", "running_in"]

_KINDS: dict[type, tuple[str, str]] = {
    GeneratorType: ("gi_code", "gi_frame"),
    CoroutineType: ("cr_code", "cr_frame"),
    AsyncGeneratorType: ("ag_code", "ag_frame"),
}


@public
def running(func_or_code: Any) -> list[Any]:
    """The frames that run a function's code now: they finish with that code, whatever is put in its place.

    Generators and coroutines are found through the garbage collector, so those in `gc.freeze()` are not: a
    `RuntimeWarning` says so.

    Args:
        func_or_code: a function, what stands for one, or a code object.

    Returns:
        The generators, coroutines and asynchronous generators that are suspended in it (or not yet begun), and
        the frames of all threads that run it.

    Raises:
        TypeError: the argument holds no Python function.

    >>> from recell import running
    >>> def count(n):
    ...     yield from range(n)
    >>> numbers = count(3)
    >>> running(count) == [numbers]
    True
    >>> list(numbers)
    [0, 1, 2]
    >>> running(count)
    []
    """
    return running_in(_codes(func_or_code))


def _codes(func_or_code: Any) -> list[CodeType]:
    """Return the codes that a function runs: in some contexts another one than in others."""
    if type(func_or_code) is CodeType:
        return [func_or_code]
    func = function_of(func_or_code, "running")
    sink = sink_of(func)
    return [func.__code__, *(sink.codes(func) if sink is not None else ())]


def running_in(wanted: Iterable[CodeType]) -> list[Any]:
    """Return what runs any of several code objects, as `running` does, by one search of the heap."""
    import gc

    codes = {id(code): code for code in wanted}
    if not codes:
        return []
    compat.warn_of_frozen("generators", 3)
    found: list[Any] = []
    own_frames: set[int] = set()
    for obj in gc.get_objects():
        names = _KINDS.get(type(obj))
        if names is not None and id(getattr(obj, names[0])) in codes:
            frame = getattr(obj, names[1])
            if frame is not None:
                found.append(obj)
                own_frames.add(id(frame))
    for frame in sys._current_frames().values():
        found.extend(_frames(frame, codes, own_frames))
    frame = None  # one of them is this frame: it would hold itself, what was found and its callers
    return found


def _frames(frame: FrameType | None, codes: dict[int, CodeType], but: set[int]) -> list[FrameType]:
    found: list[FrameType] = []
    while frame is not None:
        if id(frame.f_code) in codes and id(frame) not in but:
            found.append(frame)
        frame = frame.f_back
    return found
