"""Whether a code object can be run without harm: CPython itself checks almost nothing."""

from __future__ import annotations

from types import CodeType

from recell.errors import UnsafeCodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from recell._decode import Refused
    from recell._opcodes import Machine

__all__ = ["verify"]

_machine: Machine | None = None


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

    >>> def double(x):
    ...     return 2 * x
    >>> verify(double.__code__)
    >>> verify(double.__code__.replace(co_consts=()))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    recell.errors.UnsafeCodeError: ...
    """
    global _machine  # noqa: PLW0603 - built once
    if not isinstance(code, CodeType):
        msg = f"verify() takes a code object, not {code!r}"
        raise TypeError(msg)
    if _machine is None:
        from recell._opcodes import Machine

        _machine = Machine()
    waiting, seen = [code], set()
    while waiting:
        found = waiting.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        _verify_one(found, _machine)
        waiting += [constant for constant in found.co_consts if constant.__class__ is CodeType]


def _verify_one(code: CodeType, machine: Machine) -> None:
    from recell._checks import check_header, check_opening
    from recell._code_tables import check_lines, read_handlers
    from recell._decode import Program, Refused
    from recell._forged import check_forged
    from recell._walk import Walk

    if not machine.release.exception_table:
        from recell._block_walk import BlockWalk as Walk
    try:
        check_forged(code, machine)
        check_header(code, machine)
        program = Program(code, machine)
        check_opening(program)
        check_lines(program)
        Walk(program, read_handlers(program)).walk()
    except Refused as refused:
        raise _error(code, machine, refused) from None


def _error(code: CodeType, machine: Machine, refused: Refused) -> UnsafeCodeError:
    offset, instruction = -1, ""
    if refused.unit >= 0:
        offset, instruction = 2 * refused.unit, _instruction(code.co_code, 2 * refused.unit, machine)
    where = f" at {offset}, {instruction}," if instruction else ""
    name = getattr(code, "co_qualname", code.co_name)
    msg = f"{code!r} is not safe to run: `{name}`{where} {refused.reason}"
    return UnsafeCodeError(
        msg, code=repr(code), offset=offset, instruction=instruction, reason=refused.reason
    )


def _instruction(units: bytes, offset: int, machine: Machine) -> str:
    """An instruction as `dis` names it, with its argument."""
    argument = 0
    while offset + 1 < len(units):
        number, argument = units[offset], argument << 8 | units[offset + 1]
        name = machine.names[number] or f"<{number}>"
        if name != "EXTENDED_ARG":
            return f"{name} {argument}"
        offset += 2
    return "EXTENDED_ARG"
