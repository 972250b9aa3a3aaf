"""Code that trusts its arguments, since only compilers call it themselves: comprehensions, and generic scopes."""

from __future__ import annotations

from types import CodeType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from recell.verifier.opcodes import Machine

__all__ = ["GENERATOR_FLAGS", "takes_iterator", "trusting_name"]

GENERATOR_FLAGS = 0x20 | 0x80 | 0x200
# code that trusts its arguments, by their names
_TRUSTING: dict[tuple[str, ...], str] = {
    (".0",): "comprehension_code",
    (".defaults",): "defaults_code",
    (".kwdefaults",): "kwdefaults_code",
    (".defaults", ".kwdefaults"): "all_defaults_code",
}


def takes_iterator(code: CodeType, machine: Machine) -> bool:
    """Return whether this is a comprehension that loops over its argument as it comes."""
    if code.co_argcount != 1 or code.co_varnames[0] != ".0":
        return False
    units, numbers = code.co_code, machine.numbers
    for unit in range(0, len(units) - 2, 2):
        if units[unit] == numbers["LOAD_FAST"] and units[unit + 1] == 0:
            behind = unit + 2
            while units[behind] in machine.prefixes and behind + 2 < len(units):
                behind += 2
            return units[behind] == numbers["FOR_ITER"]
    return True


def trusting_name(code: CodeType, machine: Machine) -> str:
    """Return the kind of code that trusts all of its arguments, because only the compiler's own call passes them."""
    name = _TRUSTING.get(machine.release.scope_parameters(code), "")
    if code.co_kwonlyargcount or code.co_flags & 0xC or not name:
        return ""
    if name == "comprehension_code":
        return name if takes_iterator(code, machine) else ""
    return "" if code.co_flags & GENERATOR_FLAGS else name
