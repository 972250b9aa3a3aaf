"""What can be told of a code object without walking it: its header, its opening, whether it can be read at all."""

from __future__ import annotations

from types import CodeType

from recell import _opcodes as ops
from recell._decode import GENERATOR_FLAGS, Program, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from recell._opcodes import Machine

_LARGEST_STACK = 1 << 24  # a frame is one allocation; CPython computes its size in an int
_KINDS_OF_FUNCTION = (0, 0x20, 0x80, 0x200)  # plain, generator, coroutine, asynchronous generator
_OPTIMIZED = 1
_OPENING = frozenset(
    {"COPY_FREE_VARS", "MAKE_CELL", "RETURN_GENERATOR", "POP_TOP", "NOP", "LOAD_CONST", "STORE_FAST"}
)  # fmt: skip


def check_readable(code: CodeType, machine: Machine) -> None:
    """Refuse a forged opcode that stands for one kept elsewhere: reading co_code would follow a null pointer.

    Only code that has run can hold one by right, and there RESUME has become something else.
    """
    if not machine.kept_elsewhere:
        return
    numbers: bytes = code._co_code_adaptive[::2]  # type: ignore[attr-defined]
    if not any(number in numbers for number in machine.kept_elsewhere):
        return
    unit = 0
    while unit < len(numbers):
        number = numbers[unit]
        if number in machine.kept_elsewhere:
            raise Refused(-1, f"{machine.names[number]} stands at {2 * unit}, but the code has never run")
        fact = machine.facts[number]
        if number in machine.after_resume:
            return
        unit += 1 + (fact[2] if fact else 0)


def check_header(code: CodeType, machine: Machine) -> None:
    """Counts, flags and sizes."""
    release = machine.release
    if len(code.co_code) & 1:
        raise Refused(-1, "co_code holds half a code unit")
    if code.co_nlocals != len(code.co_varnames):
        raise Refused(-1, f"co_nlocals is {code.co_nlocals}, there are {len(code.co_varnames)} variable names")
    if code.co_stacksize > _LARGEST_STACK:
        raise Refused(-1, f"co_stacksize is {code.co_stacksize}")
    if code.co_flags & GENERATOR_FLAGS not in _KINDS_OF_FUNCTION:
        raise Refused(-1, f"co_flags {code.co_flags:#x} make it more than one kind of generator")
    if code.co_flags & release.docstring_flag and not code.co_consts:
        raise Refused(-1, "co_flags say that a constant is the docstring, there are no constants")


def check_opening(program: Program) -> None:
    """What runs before RESUME belongs to no frame that a traceback could show; it makes cells and generators only.

    An argument that is a cell variable is made a cell there: `super()` expects one without looking.
    """
    machine, code = program.machine, program.code
    if not machine.release.unified_locals:
        _check_class_derefs(program)
        return
    arguments = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 4) + bool(code.co_flags & 8)
    cells = code.co_cellvars
    wanted = {slot for slot, name in enumerate(program.slots[:arguments]) if name in cells} if cells else set()
    resume, names, units = machine.numbers["RESUME"], machine.names, program.units
    for index, begin in enumerate(program.begins):
        number = units[2 * begin] if begin >= 0 else 0
        if number == resume:
            break
        if number == machine.numbers["EXTENDED_ARG"]:
            number = program.read(index)[0]
        if names[number] not in _OPENING:
            raise Refused(max(begin, 0), "runs before RESUME")
        move = program.moves[index]
        if move[6] == ops.MAKE_CELL:
            wanted.discard(move[7].bit_length() - 1)
    else:
        raise Refused(-1, "there is no RESUME")
    if wanted:
        raise Refused(-1, f"argument `{program.slots[min(wanted)]}` is a cell variable, but not made a cell first")
    if code.co_flags & _OPTIMIZED:
        _check_class_derefs(program)


def _check_class_derefs(program: Program) -> None:
    """LOAD_CLASSDEREF reads a class body's namespace, which an optimized function does not have."""
    machine, code = program.machine, program.code
    number = machine.numbers.get("LOAD_CLASSDEREF", -1)
    if number < 0 or number not in program.units[::2]:
        return
    first = 0 if machine.release.unified_locals else len(code.co_cellvars)
    for index, begin in enumerate(program.begins):
        found, argument = program.read(index) if begin >= 0 else (-1, 0)
        if found == number and (code.co_flags & _OPTIMIZED or argument < first):
            raise Refused(begin, "reads a namespace that this code does not have, or a cell variable")
