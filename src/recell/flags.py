"""The flags of code objects, and the parameters that they count: the same on every release (Include/cpython/code.h)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType

__all__ = [
    "ASYNC_GENERATOR",
    "COROUTINE",
    "FUNCTION",
    "GENERATOR",
    "GENERATORS",
    "NESTED",
    "OPTIMIZED",
    "VARARGS",
    "VARKEYWORDS",
    "is_function",
    "parameters",
]

OPTIMIZED, NEWLOCALS, VARARGS, VARKEYWORDS, NESTED = 0x1, 0x2, 0x4, 0x8, 0x10
GENERATOR, COROUTINE, ASYNC_GENERATOR = 0x20, 0x80, 0x200
FUNCTION = OPTIMIZED | NEWLOCALS
"""Both flags are set in a function's code; a class body's or module's has neither."""
GENERATORS = GENERATOR | COROUTINE | ASYNC_GENERATOR
"""The flags of functions that a call does not run; at most one is set."""


def is_function(code: CodeType) -> bool:
    """Say whether this is a function's code, and not a class body's or a module's."""
    return code.co_flags & FUNCTION == FUNCTION


def parameters(code: CodeType) -> int:
    """Return how many of the first locals are parameters, `*args` and `**kwargs` included."""
    count = code.co_argcount + code.co_kwonlyargcount
    flags = code.co_flags
    return count + bool(flags & VARARGS) + bool(flags & VARKEYWORDS)
