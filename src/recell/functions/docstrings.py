"""What of a code object's constants spells names, when names are exchanged: it has to follow them."""

from __future__ import annotations

from types import CodeType
from typing import TYPE_CHECKING, Any

from recell import compat
from recell.code.operands import Operands, exchange_constants
from recell.compat._release import ANNOTATIONS, KWDEFAULTS

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

__all__ = ["COMPOUND", "DOCSTRING_FLAG", "docstring_of", "followed", "holds", "parts"]

COMPOUND = (tuple, frozenset, slice)
"""The constants that are made of constants."""

_RELEASE = compat.find()
DOCSTRING_FLAG = 0 if _RELEASE is None else _RELEASE.docstring_flag
"""CO_HAS_DOCSTRING (3.14+); 0 where a text as constant 0 is always one, or where it is not known."""

_CO_OPTIMIZED = 1

# what loads a tuple of strings that are names, not data
_NAME_TUPLES = ("KW_NAMES", "CALL_KW", "CALL_FUNCTION_KW", "IMPORT_NAME", "MATCH_CLASS")


def holds(const: Any, constants: Mapping[str, object]) -> bool:
    """Whether a constant made of constants holds a placeholder."""
    if not constants:
        return False
    if type(const) is str:
        return const in constants
    return type(const) in COMPOUND and any(holds(part, constants) for part in parts(const))


def parts(const: Any) -> tuple[Any, ...]:
    return (const.start, const.stop, const.step) if type(const) is slice else tuple(const)


def docstring_of(code: CodeType) -> str | None:
    """The docstring that a function gets from its code, or None."""
    first = code.co_consts[0] if code.co_consts else None
    return first if type(first) is str and (not DOCSTRING_FLAG or code.co_flags & DOCSTRING_FLAG) else None


def followed(
    code: CodeType,
    rename: Mapping[str, str],
    constants: Mapping[str, object],
    qualname: str,
    new_qualname: str,
) -> tuple[CodeType, Container[int], dict[int, tuple[str, str]]]:
    """The code with the constants renamed that spell names; which constants are names; the nested qualified names."""
    operands = Operands(code)
    sites: dict[int, Any] = {}
    places: dict[int, tuple[str, str]] = {}
    if rename:
        for nested, at in operands.made():
            old, new = _nested_names(operands, nested, at, rename, qualname, new_qualname)
            places[id(nested)] = old, new
            _follow_function(operands, nested, at, rename, sites)
            # before 3.11 MAKE_FUNCTION takes it from the stack
            if new != old and not hasattr(code, "co_qualname"):
                own = rename.get(nested.co_name, nested.co_name)
                sites[at - 1] = new if nested.co_flags & _CO_OPTIMIZED else own
        if new_qualname != qualname:
            for at in operands.uses(("STORE_NAME",)):  # a class body
                if code.co_consts[operands.instructions[at].argument] == qualname:
                    sites[at] = new_qualname
        if code.co_name == "__annotate__":
            _follow_annotate(operands, rename, sites)
    names = {
        at
        for at in operands.uses(_NAME_TUPLES)
        if holds(code.co_consts[operands.instructions[at].argument], constants)
    }
    for at in names:
        argument = operands.instructions[at].argument
        if not names.issuperset(operands.loads(argument)):
            sites[at] = code.co_consts[argument]  # one of its own, for the name
    if sites:
        code = exchange_constants(code, operands, sites)
        operands = Operands(code)
    spelled = {operands.instructions[at].argument for at in (*names, *sites)}
    return code, spelled, places


def _nested_names(
    operands: Operands, nested: CodeType, at: int, rename: Mapping[str, str], qualname: str, new_qualname: str
) -> tuple[str, str]:
    """The qualified name of a nested function or class, before and after."""
    old = getattr(nested, "co_qualname", None)
    if old is None:
        old = operands.code.co_consts[operands.instructions[at - 1].argument]
        if not nested.co_flags & _CO_OPTIMIZED:  # a class's is spelled in its body
            old = f"{qualname}.{'<locals>.' * (operands.code.co_flags & _CO_OPTIMIZED)}{old}"
    new = old
    if new_qualname != qualname and old.startswith(qualname + "."):
        new = new_qualname + old[len(qualname) :]
    name = nested.co_name
    if name in rename and new.endswith(name):
        new = new[: -len(name)] + rename[name]
    return old, new


def _follow_function(
    operands: Operands, nested: CodeType, at: int, rename: Mapping[str, str], sites: dict[int, Any]
) -> None:
    """Note the constants around a nested function that spell its parameters, or a class's name."""
    consts = operands.code.co_consts
    if not nested.co_flags & _CO_OPTIMIZED:
        if nested.co_name in rename:
            for later in range(at + 1, min(at + 4, len(operands.instructions))):
                instruction = operands.instructions[later]
                if instruction.name == "LOAD_CONST" and consts[instruction.argument] == nested.co_name:
                    sites[later] = rename[nested.co_name]
        return
    count = nested.co_argcount + nested.co_kwonlyargcount
    count += bool(nested.co_flags & 4) + bool(nested.co_flags & 8)
    if rename.keys().isdisjoint(nested.co_varnames[:count]):
        return
    for bit, end in operands.attributes(at):
        if bit in (KWDEFAULTS, ANNOTATIONS):
            every_second = operands.instructions[end].name == "LOAD_CONST"
            for key in operands.keys(end):
                names = consts[operands.instructions[key].argument]
                new = _renamed(names, rename, every_second)
                if new != names:
                    sites[key] = new


def _follow_annotate(operands: Operands, rename: Mapping[str, str], sites: dict[int, Any]) -> None:
    """Note the keys of the dict that a function's `__annotate__` returns (3.14+)."""
    consts = operands.code.co_consts
    if rename.keys().isdisjoint(const for const in consts if type(const) is str):
        return
    for at, instruction in enumerate(operands.instructions):
        following = operands.instructions[at + 1 : at + 2]
        if instruction.name == "BUILD_MAP" and following and following[0].name == "RETURN_VALUE":
            for key in operands.keys(at):
                name = consts[operands.instructions[key].argument]
                if name in rename:
                    sites[key] = rename[name]


def _renamed(names: Any, rename: Mapping[str, str], every_second: bool) -> Any:
    if type(names) is str:
        return rename.get(names, names)
    return tuple(
        rename.get(name, name) if type(name) is str and not (every_second and index % 2) else name
        for index, name in enumerate(names)
    )
