"""Instructions that only mean something beside others: accepted in the order in which compilers emit them.

Compared are code units, not decoded instructions: CPython steps over some of them by count, and reads others raw.
"""

from __future__ import annotations

from recell.verifier import opcodes as ops
from recell.verifier.decode import WHOLE, Program, Refused
from recell.verifier.trusting import GENERATOR_FLAGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from recell.verifier.actions import Handler

__all__ = ["check_idioms"]


def check_idioms(
    program: Program, handlers: list[tuple[int, int, Handler]], leaders: set[int], dispatcher: bool
) -> None:
    """Refuse what no compiler makes, as far as neighbours show it.

    Args:
        program: decoded.
        handlers: its exception table.
        leaders: indexes that jumps and handlers lead to.
        dispatcher: whether a generator's flags without RETURN_GENERATOR are right.
    """
    if any(handler[0] < program.prefix for _, _, handler in handlers):
        raise Refused(WHOLE, "a handler leads to where it reads the compiler's own variables")
    idioms = program.machine.idioms
    present = set(program.units[::2])
    if idioms.send in present:
        for index, unit in _each(program, idioms.send):
            _check_send(program, index, unit)
    if idioms.make_function in present and idioms.set_attribute >= 0:
        for index, unit in _each(program, idioms.make_function):
            _check_attributes(program, index, unit, leaders)
    if idioms.cleanup_throw in present:
        _check_cleanup(program, handlers)
    _check_opening(program, leaders, present, dispatcher)
    if idioms.import_star in present or idioms.intrinsic in present:
        _check_star(program)


def _each(program: Program, number: int) -> Iterator[tuple[int, int]]:
    """Index and code unit of every instruction with this opcode, prefixes apart."""
    units, begins, prefix = program.units, program.begins, program.machine.numbers["EXTENDED_ARG"]
    numbers = units[::2]
    unit = numbers.find(number)
    while unit >= 0:
        begin = unit
        while begin and numbers[begin - 1] == prefix and begin not in program.index:
            begin -= 1
        index = program.index.get(begin)
        if index is not None and begins[index] == begin:
            yield index, unit
        unit = numbers.find(number, unit + 1)


def _check_send(program: Program, index: int, unit: int) -> None:
    """SEND, YIELD_VALUE, RESUME, and the jump back: `throw()` and `close()` find them by count."""
    machine, units = program.machine, program.units
    idioms, numbers = machine.idioms, units[::2]
    behind = unit + 1 + machine.release.caches.get("SEND", 0)
    back = behind + 2 + machine.release.caches.get("RESUME", 0)
    found = (*numbers[behind : behind + 2], *numbers[back : back + 1])
    argument, distance = units[2 * unit + 1], back + 1 - behind
    if (
        program.begins[index] != unit
        or found != idioms.behind_send
        or units[2 * behind + 3] & 3 < 2
        or back + 1 - units[2 * back + 1] != unit
        or not distance <= argument <= distance + idioms.between
    ):
        raise program.refuse(
            index, "is not followed by the yield, the resumption and the jump back that belong to it"
        )


def _check_attributes(program: Program, index: int, unit: int, leaders: set[int]) -> None:
    """A function gets its attributes at once, each once: until then it can be found and called without its closure."""
    machine, units = program.machine, program.units
    at, seen = unit + 1, 0
    while units[2 * at : 2 * at + 1] == machine.idioms.attribute_byte:
        flag = units[2 * at + 1]
        index += 1
        if seen & flag or index in leaders:
            raise program.refuse(index, f"sets attribute {flag} of a function that is not new")
        seen |= flag
        at += 1
        program.attributes.add(index)


def _check_cleanup(program: Program, handlers: list[tuple[int, int, Handler]]) -> None:
    """CLEANUP_THROW is reached by `throw()` alone: from the yield that its handler guards, and from nothing else."""
    machine = program.machine
    number, yields = machine.idioms.cleanup_throw, machine.numbers["YIELD_VALUE"]
    targets: dict[int, list[tuple[int, int]]] = {}
    for first, last, handler in handlers:
        targets.setdefault(handler[0], []).append((first, last))
    for index, _ in _each(program, number):
        regions = targets.get(index, [])
        guarded = [program.read(at)[0] for first, last in regions for at in range(first, last)]
        before = program.ends.get(index - 1)
        falls = before is None or (before[0] == ops.JUMP and before[4])
        if not regions or set(guarded) != {yields} or falls or index in program.jumped_to:
            raise program.refuse(index, "is reached by something else than the yield that it guards")


def _check_opening(program: Program, leaders: set[int], present: set[int], dispatcher: bool) -> None:
    """Free variables are copied first, and a generator is made before anything else runs."""
    machine, code = program.machine, program.code
    if not machine.release.unified_locals:
        return
    free = len(code.co_freevars)
    if free and program.moves[0][6] != ops.FREE_VARS and not dispatcher:
        raise Refused(WHOLE, "the cells of its free variables are never copied")
    flagged = code.co_flags & GENERATOR_FLAGS
    start = machine.numbers[machine.release.generator_start]
    if flagged and start not in present and not dispatcher:
        raise Refused(WHOLE, "co_flags say that this is a generator, and it makes none")
    if flagged and start in present:
        before = machine.idioms.before_generator
        for index in range(len(program.moves)):
            number = program.read(index)[0]
            if number == start:
                return
            if number not in before or (index in leaders and index):
                raise program.refuse(index, "runs before the generator is made")


def _check_star(program: Program) -> None:
    """`import *` writes the locals back: it belongs where no variable of the compiler's own is one of them."""
    code, machine = program.code, program.machine
    if not code.co_flags & 1 and not any(name.startswith(".") for name in code.co_varnames):
        return
    for index in range(len(program.moves)):
        number, argument = program.read(index)
        if number == machine.idioms.import_star or (number == machine.idioms.intrinsic and argument == 2):
            raise program.refuse(index, "writes locals from outside")
