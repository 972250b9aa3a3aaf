"""Opcodes that only the interpreter writes, over those that a compiler emitted: forged ones crash.

`co_code` shows the compiler's opcodes, the interpreter runs those in `_co_code_adaptive`. A specialised or instrumented
opcode there is right where the interpreter wrote it, and it writes none before the code has run once. Specialised ones
trust their caches, and a copy of what the interpreter wrote, its caches changed, cannot be told from the original:
where the interpreter offers a way (3.12+), they are taken out of the code that is verified.
"""

from __future__ import annotations

import sys
from types import CodeType

from recell.verifier.decode import WHOLE, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from recell.verifier.opcodes import Machine


def check_forged(code: CodeType, machine: Machine) -> None:
    """Refuse opcodes that only the interpreter writes, in code that has not run.

    With some of them even reading `co_code` follows a null pointer, so this comes first.
    """
    if not machine.release.exception_table:
        return
    raw: bytes = code._co_code_adaptive  # type: ignore[attr-defined]
    numbers = raw[::2]
    suspects = numbers.translate(None, machine.harmless)
    if not suspects or all(_stands_by_right(code, machine, raw, numbers, number) for number in set(suspects)):
        return
    if _despecialised(code, machine, raw):
        return
    counting = {machine.numbers[name] for name in machine.release.counting}
    fresh = machine.release.fresh_counter
    unit, forged, resume, plain = 0, -1, machine.numbers["RESUME"], False
    while unit < len(numbers):
        number = numbers[unit]
        plain = plain or number == resume
        if number in machine.after_resume and not plain:
            return  # it has run
        written, step = machine.facts[number] is None, machine.steps[number]
        if fresh and (step if written else number in counting):
            if int.from_bytes(raw[2 * unit + 2 : 2 * unit + 4], "little") != fresh:
                return  # it has run, whatever RESUME says: 3.12 leaves it, and so does a tracer that went away
        if written and forged < 0 and not _is_harmless(code, machine, raw, unit):
            forged = unit
        unit += 1 + step
    if forged >= 0:  # pragma: no branch - no release's fresh caches look like other opcodes yet
        raise _forged(machine, forged, numbers[forged])


def _despecialised(code: CodeType, machine: Machine, raw: bytes) -> bool:
    """Let the code run what `co_code` shows, from now on: specialised opcodes trust their caches, so they go.

    What a function that has run loses by that it gains again when it runs. False where that cannot be had: others'
    instrumented opcodes cannot be told from forged ones, or the interpreter offers no way.
    """
    release = machine.release
    if release.despecialise is None or (_needs_data(machine, raw) and not release.watched(code)):
        return False
    if not release.despecialise(code):
        return False
    raw, plain, unit = code._co_code_adaptive, code.co_code, 0  # type: ignore[attr-defined]
    right = machine.with_data | machine.after_resume  # RESUME's forms trust nothing
    while 2 * unit < len(raw):
        runs, shown = raw[2 * unit], plain[2 * unit]
        if runs != shown and runs not in right and not _is_harmless(code, machine, raw, unit):
            raise _forged(machine, unit, runs)
        unit += 1 + machine.steps[shown]
    return True


def _forged(machine: Machine, unit: int, number: int) -> Refused:
    name = machine.names[number] or number
    reason = f"{name} at {2 * unit} is no opcode that a compiler emits, and the code has never run"
    return Refused(WHOLE, reason)


def _needs_data(machine: Machine, raw: bytes) -> bool:
    """Return whether an opcode stands there that looks for data of the interpreter's own."""
    unit = 0
    while 2 * unit < len(raw):
        if raw[2 * unit] in machine.with_data:
            return True
        unit += 1 + machine.widths[raw[2 * unit]]
    return False


def _stands_by_right(code: CodeType, machine: Machine, raw: bytes, numbers: bytes, number: int) -> bool:
    """Return whether each suspect byte of this value is a new counter behind RESUME or a jump, or is harmless."""
    unit = numbers.find(number)
    while unit >= 0:
        counter = unit > 0 and numbers[unit - 1] in machine.jump_counters
        if not counter and not _is_harmless(code, machine, raw, unit):
            return False
        unit = numbers.find(number, unit + 1)
    return True


def _is_harmless(code: CodeType, machine: Machine, raw: bytes, unit: int) -> bool:
    """Return what may stand there without a run: pairs, which 3.12 joins as soon as the code is made, and constants."""
    name = machine.names[raw[2 * unit]]
    if name in ("LOAD_CONST_MORTAL", "LOAD_CONST_IMMORTAL"):
        if name == "LOAD_CONST_MORTAL" or (unit and raw[2 * unit - 2] == machine.numbers["EXTENDED_ARG"]):
            return name == "LOAD_CONST_MORTAL"
        index = raw[2 * unit + 1]
        return index < len(code.co_consts) and sys.getrefcount(code.co_consts[index]) >= _IMMORTAL
    second = name.partition("__")[2]
    if not second or 2 * unit + 2 == len(raw):
        return False
    behind = machine.names[raw[2 * unit + 2]]
    return second in (behind, behind.partition("__")[0])


_IMMORTAL = 1 << 30
