"""The lines of generated code in `linecache`: there as long as any code object made from them.

A code object holds two things that its copies by `code.replace` hold too, nested code included, and that the
interpreter does not mind being of a subclass: the tuple of names and the line table. Both lead to a `Lines`, and when
nothing leads there any more, the lines go. An edit may exchange one of the two; hardly any exchanges both. File name
and constants stay plain: profilers, `marshal` and tables kept by type want an exact `str`, and code objects with
constants in anything but an exact tuple are never equal (Objects/codeobject.c, `_PyCode_ConstantKey`).
"""

from __future__ import annotations

import itertools
import sys
from _thread import RLock
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, List, Tuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any
    from weakref import WeakValueDictionary

__all__ = ["Lines", "held_inside", "holding", "lines_held", "lines_of", "registered"]

_numbers = itertools.count(1)  # next() is atomic: threads get different ones
_linecache: ModuleType | None = None
_given: WeakValueDictionary[str, Lines] | None = None
_naming = RLock()  # a garbage collection may define something meanwhile
_TABLE = "co_linetable" if hasattr(CodeType, "co_linetable") else "co_lnotab"  # 3.10+


class Lines:
    """A text's lines under a file name, in `linecache` until this object dies.

    Lines that others have under the name, those of a real file first of all, stay.
    """

    __slots__ = ("__weakref__", "entry", "filename")

    entry: tuple[int, None, list[str], str]
    filename: str

    def __init__(self, filename: str, text: str, lines: list[str]) -> None:
        self.filename = filename
        # no time stamp: `linecache.checkcache` leaves the entry alone
        self.entry = (len(text), None, lines, filename)

    def register(self) -> None:
        """Put the lines into `linecache`."""
        _linecache.cache[self.filename] = self.entry  # type: ignore[union-attr]

    def forget(self) -> None:
        """Take the lines away, unless somebody has put others in their place."""
        _remove(self.filename, self.entry)

    def __del__(self, ending: Callable[[], bool] = sys.is_finalizing) -> None:
        # at the end of the interpreter whatever is needed below may be gone; `ending` is held here
        if ending() or _linecache is None:
            return
        if _linecache_runs():  # a garbage collection in its midst: `checkcache` still counts on every key
            _late.append((self.filename, self.entry))
            return
        _remove(self.filename, self.entry)
        _remove_late()


_Entry = Tuple[int, None, List[str], str]
_late: List[Tuple[str, _Entry]] = []


def _remove(filename: str, entry: _Entry) -> None:
    cache = _linecache.cache if _linecache is not None else {}
    if cache.get(filename) is entry:
        cache.pop(filename, None)


def _remove_late() -> None:
    while _late:
        _remove(*_late.pop())


def _linecache_runs() -> bool:
    """Return whether this thread is inside a function of `linecache`."""
    inside, frame = vars(_linecache), sys._getframe()
    while frame is not None:
        if frame.f_globals is inside:
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


class _Names(tuple):  # type: ignore[type-arg]
    """A code object's names; they pickle and copy as a plain tuple."""

    lines: Lines

    def __reduce__(self) -> Any:
        return tuple, (tuple(self),)

    def __reduce_ex__(self, protocol: object) -> Any:
        return self.__reduce__()


class _Table(bytes):
    """A code object's line table; it pickles and copies as plain bytes."""

    lines: Lines

    def __reduce__(self) -> Any:
        return bytes, (bytes(self),)

    def __reduce_ex__(self, protocol: object) -> Any:
        return self.__reduce__()


def holding(lines: Lines, names: tuple[str, ...], code: CodeType) -> dict[str, Any]:
    """The fields for `code.replace` by which a code object with these names keeps the lines."""
    own, table = _Names(names), _Table(getattr(code, _TABLE))
    own.lines = table.lines = lines
    return {"co_names": own, _TABLE: table}


def lines_held(code: CodeType) -> Lines | None:
    """Return the lines that a code object keeps, or None."""
    found: Lines | None = getattr(code.co_names, "lines", None) or getattr(
        getattr(code, _TABLE), "lines", None
    )
    return found


def held(code: CodeType, lines: Lines) -> CodeType:
    """An equal code object that keeps the lines, as does all that is nested in it."""
    return code.replace(co_consts=held_inside(code, lines), **holding(lines, code.co_names, code))


def held_inside(code: CodeType, lines: Lines) -> tuple[Any, ...]:
    """The constants of a code object, where all code among them keeps the lines."""
    return tuple([held(const, lines) if type(const) is CodeType else const for const in code.co_consts])


def registered(text: str, label: str, filename: str | None) -> Lines:
    """A text's lines, registered under the file name given, or under a new one: `<recell label #7>`.

    Under a name given, equal texts share one entry; another text takes the place of the one before, and never that of
    a file or of what somebody else registered.
    """
    global _linecache, _given  # noqa: PLW0603 - loaded on first use
    if _linecache is None or _given is None:
        import linecache
        import weakref

        _given = weakref.WeakValueDictionary()
        _linecache = linecache
    _remove_late()
    lines = lines_of(text)
    if filename is None:
        new = Lines(f"<recell {label} #{next(_numbers)}>", text, lines)
        new.register()
        return new
    with _naming:
        existing = _given.get(filename)
        others = _others_have(filename, existing)
        if existing is None or existing.entry[2] != lines:
            existing = _given[filename] = Lines(filename, text, lines)
        if not others:
            existing.register()
    return existing


def _others_have(filename: str, existing: Lines | None) -> bool:
    """Return whether `linecache` shows a file, or lines that somebody else registered, under a name."""
    linecache: Any = _linecache
    linecache.checkcache(filename)  # a file may be gone
    if filename not in linecache.cache:
        linecache.getlines(filename)  # enters those of a file
    entry = linecache.cache.get(filename)
    return entry is not None and (existing is None or entry is not existing.entry)


def lines_of(text: str) -> list[str]:
    """The lines as the tokenizer counts them: `str.splitlines` breaks at form feeds and other characters too."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = [line + "\n" for line in text.split("\n")]
    if lines[-1] == "\n":
        lines.pop()
    return lines
