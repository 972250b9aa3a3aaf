"""One code object through all checks, and the error that says what was found."""

from __future__ import annotations

from types import CodeType

from recell.errors import UnsafeCodeError
from recell.verifier.block_walk import BlockWalk
from recell.verifier.checks import check_header, check_leaving, check_opening
from recell.verifier.code_tables import check_lines, parting_units, read_handlers
from recell.verifier.decode import Program, Refused
from recell.verifier.forged import check_forged
from recell.verifier.idioms import check_idioms
from recell.verifier.opcodes import Machine
from recell.verifier.walk import Walk

__all__ = ["Machine", "verify_one"]


def verify_one(code: CodeType, machine: Machine, trusted: bool = False, dispatcher: bool = False) -> None:
    """Raise UnsafeCodeError for a code object that is not safe by itself, whatever is nested in it.

    Args:
        code: a code object.
        machine: the running release's.
        trusted: whether only code that is verified too makes a function of it: then the compiler's own variables hold
            what its own calls pass.
        dispatcher: whether it may say that it is a generator and make none, as code does that passes its call on.
    """
    try:
        check_forged(code, machine)
        check_header(code, machine)
        program = Program(code, machine, trusted)
        if machine.release.exception_table and (inside := parting_units(program)):
            program = Program(code, machine, trusted, inside)
        program.dispatcher = dispatcher
        check_opening(program)
        check_lines(program)
        if machine.release.exception_table:
            handlers = read_handlers(program)
            walk = Walk(program, handlers)
            check_leaving(walk, handlers)
            check_idioms(program, handlers, walk.leaders, dispatcher)
            walk.walk()
        else:
            check_idioms(program, [], set(), dispatcher)
            BlockWalk(program, []).walk()
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
