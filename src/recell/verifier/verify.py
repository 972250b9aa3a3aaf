"""The check that a code object can be run without harm: CPython itself checks almost nothing."""

from __future__ import annotations

from types import CodeType

from recell.errors import short
from recell.public import public

TYPE_CHECKING = False
if TYPE_CHECKING:
    from recell.verifier.opcodes import Machine

__all__ = ["verify", "verify_all", "verify_changed"]

_machine: Machine | None = None


@public
def verify(code: CodeType) -> None:
    """Raise for a code object that could crash or corrupt the interpreter.

    CPython runs whatever `CodeType.replace` lets through: an index out of range, a stack that underflows, a cell
    variable without its cell read or write memory that is not theirs. Every code object that a compiler made is
    accepted, nested ones included.

    Args:
        code: a code object; its code constants are checked too.

    Raises:
        UnsafeCodeError: with the offset, the instruction and the reason.
        UnsupportedPythonError: recell does not know this release's opcodes.
        TypeError: not a code object.

    >>> def greet(name):
    ...     return "hello " + name
    >>> verify(greet.__code__)
    >>> verify(greet.__code__.replace(co_consts=()))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    recell.UnsafeCodeError: ...
    """
    if not isinstance(code, CodeType):
        hint = "; pass its `__code__`" if hasattr(code, "__code__") else ""
        msg = f"verify() takes a code object, not {short(code)}{hint}"
        raise TypeError(msg)
    verify_all(code)


def verify_all(code: CodeType, *, trusted: bool = False, dispatcher: bool = False) -> None:
    """Raise for a code object that is not safe, or one nested in it: `verify`, with what recell knows of its own codes.

    Args:
        code: a code object.
        trusted: whether only code that is verified too will make a function of it, as of a nested one: then `.0` and
            other variables of the compiler's own hold what its own calls pass.
        dispatcher: whether it may carry a generator's flags without making one: it passes its call on, and whoever
            calls it gets what the other function makes.
    """
    _verify_tree(code, set(), trusted, dispatcher)


def verify_changed(code: CodeType, before: CodeType) -> None:
    """Raise for an edited code object that could crash the interpreter: `verify`, where the original stood.

    Nested code that stood in the original is passed over: it may be running, and the interpreter writes into it.
    """
    known: set[int] = set()
    waiting = [before]
    while waiting:
        found = waiting.pop()
        inside = [constant for constant in found.co_consts if constant.__class__ is CodeType]
        known.update(map(id, inside))
        waiting += inside
    _verify_tree(code, known, True, False)


def _verify_tree(code: CodeType, seen: set[int], trusted: bool, dispatcher: bool) -> None:
    from recell.verifier.verification import Machine, verify_one

    global _machine  # noqa: PLW0603 - built once
    if _machine is None:
        _machine = Machine()
    waiting = [code]
    while waiting:
        found = waiting.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        outermost = found is code
        verify_one(found, _machine, trusted or not outermost, dispatcher and outermost)
        waiting += [constant for constant in found.co_consts if constant.__class__ is CodeType]
