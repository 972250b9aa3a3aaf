"""Places in a function: its entry, its exits, an error that leaves it, or a line, by number or by text."""

from __future__ import annotations

from types import CodeType
from typing import TYPE_CHECKING, Any

from recell.code.assembler import positions
from recell.code.instructions import opcodes
from recell.errors import ScopeError, nearest, short
from recell.rewriting.reading import decode, ending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

__all__ = [
    "ENTRY",
    "ERROR",
    "EXIT",
    "Moment",
    "body_start",
    "line_sites",
    "lines_in",
    "place_of",
    "resolved",
    "source_line",
]


class Moment:
    """The type of `ENTRY`, `EXIT` and `ERROR`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.__module__ = "recell"

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> str:
        return self.name


ENTRY = Moment("ENTRY")
EXIT = Moment("EXIT")
ERROR = Moment("ERROR")


def place_of(at: object, verb: str, moments: Sequence[Moment] = (ENTRY, EXIT, ERROR)) -> None:
    """Raise TypeError for what is no place in a function."""
    if isinstance(at, bool) or not isinstance(at, (int, str, *((Moment,) if at in moments else ()))):
        others = "".join(f" or {moment!r}" for moment in moments)
        msg = f"{verb}: at= is a line number or the text of a line{others}, not {short(at)}"
        raise TypeError(msg)


def source_line(filename: str, line: int, globals: dict[str, Any] | None) -> str:
    """Return the stripped text of a line as the file reads now; empty where it is not at hand."""
    import linecache

    linecache.checkcache(filename)
    lines = linecache.getlines(filename, globals)
    return lines[line - 1].strip() if 0 < line <= len(lines) else ""


def resolved(
    at: object,
    lines: Iterable[int],
    filename: str,
    verb: str,
    target: str,
    globals: dict[str, Any] | None = None,
) -> int | Moment:
    """Return the line number that a text means; numbers and moments are returned as they are.

    Args:
        at: a line number, the stripped text of a line, or a moment.
        lines: those on which code stands.
        filename: the file of the code.
        verb, target: for the errors.
        globals: those of the function, where the source may not be in a file.

    Raises:
        ScopeError: no line of the function has this text, several have it, or the line has no code.
    """
    if isinstance(at, Moment):
        return at
    assert isinstance(at, (int, str))  # see `place_of`
    known = sorted(set(lines))
    if isinstance(at, int):
        if at in known:
            return at
        raise _no_line(at, known, target)
    return _by_text(at, known, filename, target, globals)


def lines_in(code: CodeType) -> Iterator[int]:
    """Yield the lines of a code object and of those nested in it, prologues left out."""

    decoded, where = decode(code), positions(code)
    first = body_start(decoded.numbers)
    for unit in decoded.units[first:]:
        line = where[unit][0] if type(where[unit]) is tuple else where[unit]
        if line is not None:
            yield line
    for constant in code.co_consts:
        if type(constant) is CodeType:
            yield from lines_in(constant)


def _by_text(
    text: str, lines: Sequence[int], filename: str, target: str, globals: dict[str, Any] | None
) -> int:
    import linecache

    wanted = text.strip()
    if "\n" in wanted or not wanted:
        msg = f"at= is the text of one line, not {short(text)}"
        raise ScopeError(msg, name=text, names=(), target=target)
    linecache.checkcache(filename)
    source = linecache.getlines(filename, globals)
    if not source:
        msg = f"the source of {target} is not at hand ({filename}); pass a line number"
        raise ScopeError(msg, name=text, names=(), target=target)
    texts = {line: source[line - 1].strip() for line in lines if 0 < line <= len(source)}
    found = [line for line, shown in texts.items() if shown == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        places = tuple(f"line {line}" for line in found)
        msg = f"{len(found)} lines of {target} read `{wanted}`: {', '.join(places)}; pass the number of one"
        raise ScopeError(msg, name=text, names=places, target=target)
    close = nearest(wanted, [shown for shown in texts.values() if shown])
    hint = f"; did you mean `{close}`?" if close else ""
    msg = f"no line of {target} reads `{wanted}`{hint}"
    raise ScopeError(msg, name=text, names=tuple(texts.values()), target=target)


def _no_line(line: int, lines: Sequence[int], target: str) -> ScopeError:
    near = sorted(lines, key=lambda other: abs(other - line))[:6]
    names = tuple(str(other) for other in sorted(near))
    msg = f"no code of {target} starts on line {line}; the nearest lines with code: {', '.join(names) or 'none'}"
    return ScopeError(msg, name=str(line), names=names, target=target)


_marks: Mapping[str, int] | None = None
_noise: frozenset[int] = frozenset()


def _numbers() -> Mapping[str, int]:
    global _marks, _noise  # noqa: PLW0603 - resolved once
    if _marks is None:
        from opcode import opmap

        # what the compiler adds behind a statement; nothing of the statement's line starts there
        _noise = frozenset(
            number for name, number in opmap.items() if name.startswith(("END_", "POP_ITER", "CLEANUP_THROW"))
        )
        names = ("RESUME", "RETURN_GENERATOR", "GEN_START", "NOP", "PUSH_EXC_INFO", "WITH_EXCEPT_START")
        _marks = {name: opmap.get(name, -1) for name in names}
    return _marks


def body_start(numbers: Sequence[int]) -> int:
    """Return the index of the first instruction behind the prologue, which runs before a generator is there."""
    known = _numbers()
    if known["RESUME"] < 0:
        return int(bool(numbers) and numbers[0] == known["GEN_START"])
    made = known["RETURN_GENERATOR"]
    first = numbers.index(made) if made in numbers else 0
    for index in range(first, len(numbers)):
        if numbers[index] == known["RESUME"]:
            return index + 1
    return 0


def line_sites(
    numbers: Sequence[int], lines: Sequence[int | None], line: int, jumps: Callable[[], Mapping[int, int]]
) -> list[int]:
    """Return the indices of the instructions at which control comes to a line: where a tracer is told of it.

    A loop's header counts once for each loop, not for each turn.

    Args:
        numbers: the opcodes.
        lines: the line of each instruction.
        line: the line meant.
        jumps: gives, for the index of each jump, that of the instruction it leads to.
    """
    if line not in lines:
        return []
    known, ends = _numbers(), ending()
    # before 3.10 a line without a text of its own, such as a return at the end, has the number of the one before
    whole = opcodes().release.line_table == "co_lnotab"
    by_table = opcodes().release.exception_table
    first = body_start(numbers)
    arrivals: dict[int, list[int]] | None = None
    found: list[int] = []
    for index in range(first, len(numbers)):
        if lines[index] != line:
            continue
        goes_on = index > first and (whole or numbers[index - 1] not in ends)
        if goes_on and lines[index - 1] == line:
            continue
        if index > first and (found or not goes_on):
            if arrivals is None:
                arrivals = {}
                for source, target in jumps().items():
                    arrivals.setdefault(target, []).append(source)
            sources = arrivals.get(index, [])
            if not goes_on and not sources and by_table and numbers[index] != known["PUSH_EXC_INFO"]:
                continue  # the way out of a handler
            inside = [source for source in sources if lines[source] == line]
            if inside and not goes_on and len(inside) == len(sources):
                continue  # control was on the line already
            if inside and found and inside[0] < index:
                continue  # a statement of several lines comes back to its first
        number = numbers[index]
        if number in _noise:
            if not whole or index + 1 == len(numbers) or lines[index + 1] != line:
                continue
            index += 1  # it was given the line of what follows
            number = numbers[index]
        if number == known["PUSH_EXC_INFO"]:
            index += 1
            if index == len(numbers) or numbers[index] == known["WITH_EXCEPT_START"]:
                continue
        found.append(index)
    busy = [index for index in found if numbers[index] != known["NOP"]]
    return busy or found
