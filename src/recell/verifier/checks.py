"""Checks of a code object that need no walk: of its header and its opening."""

from __future__ import annotations

from types import CodeType

from recell.verifier import opcodes as ops
from recell.verifier.decode import WHOLE, Program, Refused
from recell.verifier.trusting import GENERATOR_FLAGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from recell.verifier.actions import Handler
    from recell.verifier.opcodes import Machine
    from recell.verifier.walk import Walk

_LARGEST_STACK = 1 << 24  # a frame is one allocation; CPython computes its size in an int
_KINDS_OF_FUNCTION = (0, 0x20, 0x80, 0x200)  # plain, generator, coroutine, asynchronous generator
_OPTIMIZED = 1
_LOOKS_AT_LOCALS = frozenset({"locals", "vars", "dir", "eval", "exec"})
_OPENING = frozenset(
    {"COPY_FREE_VARS", "MAKE_CELL", "RETURN_GENERATOR", "POP_TOP", "NOP", "LOAD_CONST", "STORE_FAST"}
)  # fmt: skip


def check_header(code: CodeType, machine: Machine) -> None:
    """Counts, flags and sizes."""
    release = machine.release
    if len(code.co_code) & 1:
        raise Refused(WHOLE, "co_code holds half a code unit")
    if code.co_nlocals != len(code.co_varnames):
        raise Refused(
            WHOLE, f"co_nlocals is {code.co_nlocals}, there are {len(code.co_varnames)} variable names"
        )
    if code.co_stacksize > _LARGEST_STACK:
        raise Refused(WHOLE, f"co_stacksize is {code.co_stacksize}")
    if code.co_flags & GENERATOR_FLAGS not in _KINDS_OF_FUNCTION:
        raise Refused(WHOLE, f"co_flags {code.co_flags:#x} make it more than one kind of generator")
    if code.co_flags & release.docstring_flag and not code.co_consts:
        raise Refused(WHOLE, "co_flags say that a constant is the docstring, there are no constants")


def check_opening(program: Program) -> None:
    """Check the opening: before RESUME no traceback could show a frame; it makes cells and generators only.

    An argument that is a cell variable is made a cell there: `super()` expects one without looking.
    """
    machine, code = program.machine, program.code
    if not machine.release.unified_locals:
        _check_class_derefs(program)
        if not code.co_flags & GENERATOR_FLAGS:
            for name in ("YIELD_VALUE", "YIELD_FROM"):
                _refuse_opcode(program, name, "yields, but the flags say that this is a plain function")
        return
    arguments = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 4) + bool(code.co_flags & 8)
    cells = code.co_cellvars
    wanted = (
        {slot for slot, name in enumerate(program.slots[:arguments]) if name in cells} if cells else set()
    )
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
        raise Refused(WHOLE, "there is no RESUME")
    if wanted:
        raise Refused(
            WHOLE, f"argument `{program.slots[min(wanted)]}` is a cell variable, but not made a cell first"
        )
    if code.co_freevars and machine.release.locals_need_cells and program.moves[0][6] != ops.FREE_VARS:
        reason = "looks at all locals, and the cells of the free variables were never copied"
        if "IMPORT_STAR" in machine.numbers:
            _refuse_opcode(program, "IMPORT_STAR", reason)
        if not _LOOKS_AT_LOCALS.isdisjoint(code.co_names):
            raise Refused(WHOLE, reason)
    if code.co_flags & _OPTIMIZED:
        _check_class_derefs(program)
    if not code.co_flags & 0x200 and "ASYNC_GEN_WRAP" in machine.numbers:
        _refuse_opcode(program, "ASYNC_GEN_WRAP", "belongs into an asynchronous generator")


def check_leaving(walk: Walk, handlers: list[tuple[int, int, Handler]]) -> None:
    """Check that no StopIteration gets past the code that makes a RuntimeError of it in a generator.

    What raises has a handler, or is the RERAISE behind that intrinsic. Compilers leave it out of some generators, a
    lambda's say: then nothing is asked.
    """
    program, machine = walk.program, walk.machine
    number = machine.release.stop_iteration_error
    if not number or not program.code.co_flags & GENERATOR_FLAGS:
        return
    wanted = machine.numbers["CALL_INTRINSIC_1"], number
    leaves = _unguarded(walk, handlers, wanted)
    if leaves is not None and any(program.read(index) == wanted for index in range(len(program.moves))):
        raise walk.refuse(leaves, "may let StopIteration out of a generator: it has no handler")


def _unguarded(walk: Walk, handlers: list[tuple[int, int, Handler]], wanted: tuple[int, int]) -> int | None:
    """The first instruction in a generator's body that may raise where no handler is, what `wanted` made apart."""
    program, machine = walk.program, walk.machine
    total, start, reraise = (
        len(program.moves),
        machine.numbers["RETURN_GENERATOR"],
        machine.numbers["RERAISE"],
    )
    behind = next((index for index in range(total) if program.read(index)[0] == start), total)
    for first, last, _ in [*handlers, (total, total, None)]:
        for index in range(behind + 1, first):
            found = program.read(index)
            if found[0] in machine.unguarded or found == wanted:
                continue
            made = program.read(index - 1) == wanted and index not in walk.leaders
            if found[0] != reraise or not made:
                return index
        behind = max(behind, last - 1)
    return None


def _check_class_derefs(program: Program) -> None:
    """LOAD_CLASSDEREF reads a class body's namespace, which an optimized function does not have."""
    machine, code = program.machine, program.code
    number = machine.numbers.get("LOAD_CLASSDEREF", -1)
    if number < 0 or number not in program.units[::2]:
        return
    first = 0 if machine.release.unified_locals else len(code.co_cellvars)
    for index, begin in enumerate(program.begins):
        found, argument = program.read(index)
        if found == number and (code.co_flags & _OPTIMIZED or argument < first):
            raise Refused(begin, "reads a namespace that this code does not have, or a cell variable")


def _refuse_opcode(program: Program, name: str, reason: str) -> None:
    number = program.machine.numbers[name]
    if number in program.units[::2]:
        begins = program.begins
        raise Refused(next(begins[at] for at in range(len(begins)) if program.read(at)[0] == number), reason)
