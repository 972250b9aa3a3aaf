"""Functions whose code asks the context first: what they are for everybody who looks at them.

`recell.local` puts such code in front of a function's own. It alone runs; everything that reads, copies or edits a
function means the code behind it.
"""

from __future__ import annotations

from recell.compat import STAND_BY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FunctionType
    from typing import Any

__all__ = ["EVER", "Guarded", "behind", "is_stand_by", "own_code", "shown_code", "sink_of"]

EVER: list[bool] = []
"""Not empty once any function was given such code: until then nobody needs to look for it."""


class Guarded:
    """The last constant of code that asks the context first. It holds no function.

    Attributes: `code`, the function's own, which lies behind; `sink`, what is known of the function: process-wide
    changes go there instead of into the function.
    """

    __slots__ = ("code", "sink")

    code: CodeType
    sink: Any

    def __init__(self, code: CodeType, sink: Any) -> None:
        self.code = code
        self.sink = sink
        EVER[:] = [True]

    def owner(self) -> FunctionType | None:
        """Return the function that runs the code, while it lives."""
        func: FunctionType | None = self.sink.func()
        return func


def behind(code: CodeType) -> CodeType:
    """Return the code behind one that asks the context; every other code as it is."""
    consts = code.co_consts
    if consts and type(consts[-1]) is Guarded:
        own: CodeType = consts[-1].code
        return own
    return code


def own_code(func: FunctionType) -> CodeType:
    """Return the function's own code: behind the one that asks the context, where there is one."""
    return behind(func.__code__)


def shown_code(func: FunctionType) -> CodeType:
    """Return the code that process-wide changes have left a function, wherever it lies; without those in force now."""
    sink = sink_of(func)
    if sink is None:
        return func.__code__
    state = sink.root.state
    code: CodeType = own_code(func) if state is None else state.code
    return code


def is_stand_by(func: FunctionType) -> bool:
    """Return whether a function is one that recell made and keeps for itself."""
    return STAND_BY in (func.__name__, func.__module__)


def sink_of(func: FunctionType) -> Any:
    """Return what takes process-wide changes of a function instead of the function; None where nothing does."""
    consts = func.__code__.co_consts
    return consts[-1].sink if consts and type(consts[-1]) is Guarded else None
