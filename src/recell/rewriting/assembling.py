"""From the library's instructions to a code object: everything around the edit made right, and compared.

The library encodes instructions, jumps and positions. Recell does what the library does wrong or not at all: names of
variables keep their slots, constants their identity, handlers their depths; the table of handlers is written here, so
that regions may nest and start where their instruction starts; the prologue makes the cells that the edit brought in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from recell import compat
from recell.code import tables
from recell.code.instructions import opcodes
from recell.errors import UnsafeCodeError, short
from recell.rewriting.depths import Region, flow, steps_of
from recell.rewriting.library import library, unsupported
from recell.rewriting.reading import decode, difference, parameter_names
from recell.rewriting.yields import GENERATORS, with_deeper_yields
from recell.source.sourcelines import holding, lines_held

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import CodeType

    from recell.rewriting.reading import Decoded

__all__ = ["Above", "Parts", "assembled", "check_disassembly", "halves", "parts_of", "regions_of"]


class Parts(NamedTuple):
    """A `Bytecode` taken apart: instructions, where its labels stand, and the regions that handlers cover."""

    instructions: list[Any]
    places: dict[int, int]
    """Id of a label -> index of the instruction behind it."""
    regions: list[tuple[int, int, Any]]
    """(first index, index behind the last, the library's TryBegin), in order, without overlap: the innermost counts."""


def parts_of(items: Iterable[Any]) -> Parts:
    """Take a list of the library's objects apart. Raises TypeError for anything else in it."""
    bytecode = library()
    instr, label, begin, end = bytecode.Instr, bytecode.Label, bytecode.TryBegin, bytecode.TryEnd
    instructions: list[Any] = []
    places: dict[int, int] = {}
    regions: list[tuple[int, int, Any]] = []
    opened: list[Any] = []
    since = 0

    def close() -> None:
        at = len(instructions)
        if opened and at > since:
            regions.append((since, at, opened[-1]))

    for item in items:
        if isinstance(item, instr):
            instructions.append(item)
        elif isinstance(item, label):
            places[id(item)] = len(instructions)
        elif isinstance(item, begin):
            close()
            since = len(instructions)
            opened.append(item)
        elif isinstance(item, end):
            if any(item.entry is one for one in opened):
                close()
                since = len(instructions)
                opened = [one for one in opened if one is not item.entry]
        elif not isinstance(item, bytecode.SetLineno):
            msg = f"the edit left {short(item)} among the instructions; `bytecode` takes Instr, Label, TryBegin, TryEnd"
            raise TypeError(msg)
    close()
    return Parts(instructions, places, regions)


def check_disassembly(code: CodeType, items: Iterable[Any]) -> dict[int, tuple[Any, int]]:
    """Check that the library read a code object right.

    Returns, by the id of each instruction, its argument and how that was encoded.
    """
    parts, decoded = parts_of(items), decode(code)
    reason = difference(parts.instructions, parts.places, code, decoded, {})
    if not reason and opcodes().release.exception_table:
        at = (*decoded.starts, decoded.end)
        written = [
            (
                at[first],
                at[last],
                at[parts.places[id(begin.target)]],
                begin.stack_depth << 1 | begin.push_lasti,
            )
            for first, last, begin in parts.regions
        ]
        if joined(written) != joined(tables.handlers(code.co_exceptiontable)):
            reason = "the handlers of exceptions"
    if reason:
        raise unsupported(code, f"the library `bytecode` reads it wrong ({reason})")
    return {id(item): (item.arg, argument) for item, argument in zip(parts.instructions, decoded.arguments)}


def joined(handlers: Iterable[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    """Return handlers with neighbours of the same target and depth made one."""
    result: list[tuple[int, int, int, int]] = []
    for start, end, target, depth in handlers:
        if start == end:
            continue
        if result and result[-1][1:] == (start, target, depth):
            result[-1] = (result[-1][0], end, target, depth)
        else:
            result.append((start, end, target, depth))
    return result


def assembled(items: Any, code: CodeType, known: Mapping[int, tuple[Any, int]]) -> CodeType:
    """Return the code object that a `Bytecode` describes, with everything else as in the original.

    Args:
        items: what the edits left behind.
        code: the original.
        known: what `check_disassembly` says of it.
    """
    bytecode = library()
    _check_frame(items, code)
    listed = list(list.__iter__(items))
    if not any(isinstance(item, bytecode.Instr) for item in listed):
        raise _unsafe(code, "the edit left no instructions")
    free, cells = _variables(listed, items, code)
    listed = _with_prologue(listed, free, cells)
    slots = _local_names(listed, code, cells)
    listed = _pairs_split(listed, slots)
    parts = parts_of(listed)
    if code.co_flags & GENERATORS and opcodes().release.exception_table:
        listed = with_deeper_yields(listed, parts)
        parts = parts_of(listed)
    _check_labels(parts, code)
    constants = _Constants(code)
    plain = bytecode.Bytecode()
    for attribute in ("argcount", "posonlyargcount", "kwonlyargcount", "first_lineno", "name", "filename"):
        setattr(plain, attribute, getattr(items, attribute))
    plain.flags = bytecode.CompilerFlags(code.co_flags)
    plain.argnames, plain.freevars, plain.cellvars = slots, list(free), list(cells)
    if code.co_consts:
        plain.docstring = 0  # the first constant, whatever it is, stays the first
    regions = (bytecode.TryBegin, bytecode.TryEnd)
    list.extend(plain, (constants.placed(item) for item in listed if not isinstance(item, regions)))
    try:
        converter = bytecode.concrete._ConvertBytecodeToConcrete(plain)
        for index in range(len(code.co_consts)):  # each keeps its number: other edits know nested code by it
            converter.add_const(index)
        concrete = converter.to_concrete_bytecode(compute_exception_stack_depths=False)
        made = concrete.to_code(stacksize=code.co_stacksize, compute_exception_stack_depths=False)
    except Exception as error:
        shown = f"{type(error).__name__}: {error}".rstrip(": ")
        raise unsupported(
            code, f"the library `bytecode` cannot assemble what the edit left ({shown})"
        ) from error
    decoded = decode(made)
    if len(decoded.starts) != len(parts.instructions):
        count = f"{len(decoded.starts)} for {len(parts.instructions)}"
        raise unsupported(code, f"the library `bytecode` made another number of instructions: {count}")
    ranges = regions_of(parts)
    deepest, depths, _ = flow(steps_of(decoded), ranges)
    fields: dict[str, Any] = {}
    release = opcodes().release
    if release.line_table == "co_linetable":
        fields["co_linetable"] = _line_table(parts.instructions, decoded, code)
    if release.exception_table:
        at = (*decoded.starts, decoded.end)
        fields["co_exceptiontable"] = tables.write_handlers(
            joined(
                (at[region.first], at[region.last], at[region.handler], depth << 1 | region.lasti)
                for region, depth in zip(ranges, depths)
            )
        )
    if release.qualname_in_code:
        fields["co_qualname"] = code.co_qualname  # type: ignore[attr-defined, unused-ignore]
    lines = lines_held(code)
    if lines is not None:
        fields.update(holding(lines, made.co_names, made.replace(**fields)))
    new: CodeType = made.replace(
        co_consts=tuple(constants.values[index] for index in made.co_consts),
        co_flags=code.co_flags,
        co_stacksize=max(code.co_stacksize, deepest),
        **fields,
    )
    reason = difference(parts.instructions, parts.places, new, decoded, known)
    if reason:
        raise unsupported(code, f"the library `bytecode` wrote something else than the edit left ({reason})")
    return new


def _line_table(instructions: Sequence[Any], decoded: Decoded, code: CodeType) -> bytes:
    """Return the table of positions (3.10: lines); an instruction without a location has that of the one before.

    The library's own gives columns from 128 on a form that CPython cannot read, and a line to what has none (3.10).
    """
    where: list[Any] = []
    seen: dict[int, Any] = {}
    columns = opcodes().release.exception_table
    position: Any = (code.co_firstlineno, None, None, None) if columns else code.co_firstlineno
    for item, end in zip(instructions, (*decoded.starts[1:], decoded.end)):
        location = item.location
        if location is not None:
            position = seen.get(id(location))
            if position is None and not columns:
                position = location.lineno
            elif position is None:
                position = (
                    location.lineno,
                    location.end_lineno,
                    location.col_offset,
                    location.end_col_offset,
                )
                seen[id(location)] = position
        where += [position] * (end - len(where))
    if columns:
        return tables.write_locations(where, code.co_firstlineno)
    return tables.write_lines(where, code.co_firstlineno)


def regions_of(parts: Parts) -> list[Region]:
    """Return the regions with what is known of their depths; a new one has that of its first instruction."""
    anchors: dict[int, int] = {}
    result = []
    for first, last, begin in parts.regions:
        target = parts.places[id(begin.target)]
        anchor = anchors.setdefault(id(begin), first)
        depth = begin.stack_depth
        if isinstance(depth, Above):
            anchor = -1 if depth.label is None else parts.places.get(id(depth.label), anchor)
            result.append(Region(first, last, target, depth.depth, begin.push_lasti, anchor))
        elif type(depth) is int:  # not the library's mark for an unknown one, an int too
            result.append(Region(first, last, target, depth, begin.push_lasti, -1))
        else:
            result.append(Region(first, last, target, 0, begin.push_lasti, anchor))
    return result


class Above:
    """The depth of a region in inserted code: so much above the stack at a label, or above the bottom."""

    __slots__ = ("depth", "label")

    def __init__(self, depth: int, label: Any = None) -> None:
        self.depth: int = depth
        self.label: Any = label


_FRAME = {
    "argcount": "the number of its parameters",
    "posonlyargcount": "the number of its positional-only parameters",
    "kwonlyargcount": "the number of its keyword-only parameters",
    "first_lineno": "its first line",
    "name": "its name",
    "filename": "its file",
}
_PARAMETERS_AND_KIND = 0x4 | 0x8 | 0x100 | GENERATORS


def _check_frame(items: Any, code: CodeType) -> None:
    """Refuse what is no edit of instructions: other parameters, another kind, another name."""
    for attribute, what in _FRAME.items():
        original = getattr(code, "co_firstlineno" if attribute == "first_lineno" else f"co_{attribute}")
        found = getattr(items, attribute)
        if found != original:
            raise unsupported(code, f"the edit changed {what} from {original!r} to {short(found)}")
    names = parameter_names(code)
    found = tuple(items.argnames)  # the library may count positional-only parameters twice
    if found != code.co_varnames[: len(found)] or len(found) < len(names):
        raise unsupported(code, f"the edit changed its parameters from {names} to {short(found)}")
    if (int(items.flags) ^ code.co_flags) & _PARAMETERS_AND_KIND:
        reason = "the edit changed its kind: a generator, coroutine or plain function stays one"
        raise unsupported(code, reason)


def _unsafe(code: CodeType, reason: str) -> UnsafeCodeError:
    return UnsafeCodeError(f"{code!r}: {reason}", code=repr(code), offset=-1, instruction="", reason=reason)


def _check_labels(parts: Parts, code: CodeType) -> None:
    bytecode = library()
    places, end = parts.places, len(parts.instructions)
    arrivals = [(item.arg, item.name) for item in parts.instructions if isinstance(item.arg, bytecode.Label)]
    arrivals += [(begin.target, "TryBegin") for _, _, begin in parts.regions]
    for label, name in arrivals:
        if places.get(id(label), end) >= end:
            raise _unsafe(code, f"`{name}` leads to a label that stands in front of no instruction")


def _variables(listed: Sequence[Any], items: Any, code: CodeType) -> tuple[list[str], list[str]]:
    """Return free variables and cell variables: the original's in their order, new ones behind them."""
    bytecode = library()
    free = dict.fromkeys((*code.co_freevars, *items.freevars))
    cells = dict.fromkeys((*code.co_cellvars, *items.cellvars))
    for item in listed:
        if isinstance(item, bytecode.Instr):
            if isinstance(item.arg, bytecode.FreeVar):
                free.setdefault(item.arg.name)
            elif isinstance(item.arg, bytecode.CellVar):
                cells.setdefault(item.arg.name)
    both = [name for name in free if name in cells]
    if both and not set(both) <= set(code.co_freevars) & set(code.co_cellvars):
        raise unsupported(code, f"the edit makes `{both[0]}` a free variable and a cell variable at once")
    return list(free), list(cells)


def _with_prologue(listed: list[Any], free: Sequence[str], cells: Sequence[str]) -> list[Any]:
    """Return the instructions with a prologue that copies all free variables and makes all cells (3.11+)."""
    bytecode = library()
    if not opcodes().release.unified_locals:
        return listed
    nowhere = bytecode.instr.InstrLocation(None, None, None, None)
    made = set()
    copies = -1
    for index, item in enumerate(listed):
        if isinstance(item, bytecode.Instr):
            if item.name == "COPY_FREE_VARS":
                copies = index
            elif item.name == "MAKE_CELL" and not isinstance(item.arg, int):
                made.add(item.arg.name)
    head = [
        bytecode.Instr("MAKE_CELL", bytecode.CellVar(name), location=nowhere)
        for name in cells
        if name not in made
    ]
    if copies >= 0 and listed[copies].arg != len(free):
        copied = listed[copies].copy()
        copied.arg = len(free)
        listed[copies] = copied
    elif copies < 0 and free:
        head.insert(0, bytecode.Instr("COPY_FREE_VARS", len(free), location=nowhere))
    if head:
        listed[copies + 1 : copies + 1] = head
    return listed


def _local_names(listed: Sequence[Any], code: CodeType, cells: Sequence[str]) -> list[str]:
    """Return the names of the local slots: the original's in their order, but for locals that became cells."""
    count = len(parameter_names(code))
    gone = set(cells) - set(code.co_cellvars)
    return [name for at, name in enumerate(code.co_varnames) if at < count or name not in gone]


def _pairs_split(listed: list[Any], slots: Sequence[str]) -> list[Any]:
    """Return the instructions with pairs of locals split where one lies beyond what four bits hold (3.13+)."""
    bytecode = library()
    release = compat.require("rewriting")
    if not release.local_pair_opcodes:
        return listed
    near = set(slots[:16])
    result: list[Any] = []
    for item in listed:
        if isinstance(item, bytecode.Instr) and item.name in release.local_pair_opcodes:
            if not (item.arg[0] in near and item.arg[1] in near):
                first, second = halves(item.name, release.local_opcodes)
                result.append(bytecode.Instr(first, item.arg[0], location=item.location))
                result.append(bytecode.Instr(second, item.arg[1], location=item.location))
                continue
        result.append(item)
    return result


def halves(name: str, singles: Iterable[str]) -> tuple[str, str]:
    """Return the two opcodes that one on a pair of locals stands for."""
    return next((one, other) for one in singles for other in singles if f"{one}_{other}" == name)


class _Constants:
    """Constants by identity: the library, which takes equal ones for the same, sees their numbers instead."""

    def __init__(self, code: CodeType) -> None:
        from opcode import opmap

        self.values: list[Any] = list(code.co_consts)
        self.numbers = {id(value): index for index, value in reversed([*enumerate(self.values)])}
        self.opcodes = {opmap[name] for name in opcodes().release.const_opcodes if name in opmap}

    def placed(self, item: Any) -> Any:
        """Return the item, or, where it has a constant, a copy with that one's number."""
        number = getattr(item, "opcode", None)
        if number not in self.opcodes:
            return item
        index = self.numbers.get(id(item.arg))
        if index is None:
            index = self.numbers[id(item.arg)] = len(self.values)
            self.values.append(item.arg)
        copied = item.copy()
        copied.arg = index
        return copied
