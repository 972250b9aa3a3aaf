"""Import statements inside functions: found, and answered by a constant instead.

`from time import sleep` is compiled as: the level and the names as constants, IMPORT_NAME, and for each name
IMPORT_FROM and a store. The first three become one load of a constant, which the rest asks as it would ask the module.
"""

from __future__ import annotations

from opcode import opmap
from types import CodeType
from typing import TYPE_CHECKING, NamedTuple

from recell.code.assembler import apply, checked
from recell.code.instructions import before, found, instruction, opcodes, padded
from recell.code.making import nested_sites
from recell.code.operands import constant
from recell.code.slots import slot_names

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from recell.code.assembler import Edit

__all__ = ["Binding", "Statement", "answered", "bindings", "statements"]


class Binding(NamedTuple):
    """One name that an import statement binds: `path` leads to it from what IMPORT_NAME gives; none for that itself."""

    name: str
    path: tuple[str, ...]


class Statement(NamedTuple):
    """One import statement: `start` and `end` are its code units from the level's load to IMPORT_NAME."""

    start: int
    end: int
    module: str
    level: int
    fromlist: tuple[str, ...]
    bindings: tuple[Binding, ...]

    @property
    def chained(self) -> bool:
        """True for `import a.b as c`: what binds is reached through the module itself."""
        return not self.fromlist and any(binding.path for binding in self.bindings)


def statements(code: CodeType) -> list[Statement]:
    """Return the import statements of a code object itself, those that are compiled as CPython does it."""
    raw = code.co_code
    number = opmap["IMPORT_NAME"]
    if number not in raw[::2]:
        return []
    ops, args = raw[::2], raw[1::2]
    return [
        statement
        for start, at, argument in found(ops, args, number)
        if (statement := _statement(code, ops, args, start, at, argument)) is not None
    ]


def bindings(code: CodeType) -> Iterator[tuple[Statement, Binding]]:
    """Yield what the import statements of a code object, and of those nested in it, bind."""
    for statement in statements(code):
        for binding in statement.bindings:
            yield statement, binding
    for const in code.co_consts:
        if type(const) is CodeType:
            yield from bindings(const)


def answered(
    code: CodeType,
    names: Collection[str],
    asked: Collection[str],
    answer: Callable[[Statement, tuple[Binding, ...], bool], object],
) -> CodeType:
    """Return the code with the statements that bind some names answered by constants, nested code too.

    Args:
        code: where the statements are.
        names: the names; a statement that binds none of them stays.
        asked: those of them whose answer is asked for anew at each import.
        answer: the constant for a statement: given the statement, the bindings of these names, and whether the
            constant is asked for an attribute, as a module is, or is itself what is bound.
    """
    raw = code.co_code
    ops, args = raw[::2], raw[1::2]
    constants = list(code.co_consts)
    edits: list[Edit] = []
    for statement in statements(code):
        own = tuple([binding for binding in statement.bindings if binding.name in names])
        if not own:
            continue
        whole = not own[0].path
        ask = not whole or own[0].name in asked
        load = instruction(opcodes().load_const, len(constants))
        constants.append(answer(statement, own, ask))
        if whole and ask:  # IMPORT_FROM is what asks
            load += instruction(opmap["IMPORT_FROM"], before(ops, args, statement.end)[2] >> _shift())
            load += _swap() + bytes((opcodes().pop_top, 0))
        edits.append((statement.start, statement.end, padded(load, statement.end - statement.start)))
    changed = bool(edits)
    for site in nested_sites(code, ops, args):
        nested = answered(site.code, names, asked, answer)
        if nested is not site.code:
            constants[site.constant] = nested
            changed = True
    if not changed:
        return code
    return checked(apply(code, edits, co_consts=tuple(constants)))


def _shift() -> int:
    return opcodes().release.name_shift["IMPORT_NAME"]


def _swap() -> bytes:
    return bytes((opmap["SWAP"], 2)) if "SWAP" in opmap else bytes((opmap["ROT_TWO"], 0))


def _statement(
    code: CodeType, ops: bytes, args: bytes, start: int, at: int, argument: int
) -> Statement | None:
    names_start, names_at, names = before(ops, args, start)
    level_start, level_at, number = before(ops, args, names_start)
    fromlist = constant(code, ops[names_at], names)
    level = constant(code, ops[level_at], number)
    if type(level) is not int or type(fromlist) not in (tuple, type(None)):
        return None
    bound = _bound(code, ops, args, at + 1)
    if not bound:
        return None
    module = code.co_names[argument >> _shift()]
    return Statement(level_start, at + 1, module, level, fromlist or (), bound)


def _bound(code: CodeType, ops: bytes, args: bytes, unit: int) -> tuple[Binding, ...]:
    """Return what is bound by the instructions behind IMPORT_NAME; nothing where they are not the compiler's."""
    known = opcodes()
    import_from = opmap["IMPORT_FROM"]
    path: tuple[str, ...] = ()
    result: list[Binding] = []
    shift = known.release.name_shift["IMPORT_FROM"]
    swap = _swap()
    through: tuple[str, ...] = ()
    while unit < len(ops):
        argument = 0
        while ops[unit] == known.extended_arg:
            argument = (argument | args[unit]) << 8
            unit += 1
        number, argument = ops[unit], argument | args[unit]
        unit += 1
        if number == import_from:
            path = (*through, code.co_names[argument >> shift])
            if (ops[unit], args[unit]) == tuple(swap) and ops[unit + 1] == known.pop_top:
                through, unit = path, unit + 2
        elif number == known.pop_top:
            return tuple(result) if result and result[-1].path and not through else ()
        elif number != known.nop:
            name = _stored(code, number, argument)
            if name is None:
                return ()
            result.append(Binding(name, path))
            if not path or through:  # the module itself, or what a chain leads to
                return tuple(result)
    return ()


def _stored(code: CodeType, number: int, argument: int) -> str | None:
    """Return the name that an instruction stores to; of two joined into one, the first."""
    known = opcodes()
    if number in (known.store_global, known.store_name):
        return code.co_names[argument]
    if number == known.store_deref:
        return slot_names(code)[argument]
    if number == opmap["STORE_FAST"]:
        return code.co_varnames[argument]
    pairs = [name for name in known.release.local_pair_opcodes if name.startswith("STORE_FAST_")]
    if any(number == opmap[name] for name in pairs):
        return code.co_varnames[argument >> 4]
    return None
