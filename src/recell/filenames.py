"""File names for generated code: they bring their lines to `linecache`, and take them away when they go.

Every code object made from a text holds the very file name that it was compiled under, nested ones and copies by
`code.replace` too, and frames and tracebacks lead to the code. So the name's own life is what the lines need.
"""

from __future__ import annotations

import itertools
from _thread import RLock
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any
    from weakref import WeakValueDictionary

__all__ = ["SourceName", "named_source"]

_numbers = itertools.count(1)  # next() is atomic: threads get different ones
_linecache: ModuleType | None = None
_given: WeakValueDictionary[str, SourceName] | None = None
_naming = RLock()  # a garbage collection may define something meanwhile


class _LikeStr(type):
    """Makes a class the same key as `str`: tools keep tables of file names by their type (hypothesis does)."""

    def __eq__(cls, other: object) -> bool:
        return other is cls or other is str

    def __hash__(cls) -> int:
        return hash(str)


class SourceName(str, metaclass=_LikeStr):
    """A file name whose lines stand in `linecache` for as long as some code object has it.

    It pickles and copies as a plain string, and `marshal`, which takes exact strings only, refuses it.
    """

    __slots__ = ("__weakref__", "entry")

    entry: Any

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str(self),)

    def __reduce_ex__(self, protocol: object) -> tuple[type[str], tuple[str]]:
        return self.__reduce__()

    def forget(self) -> None:
        """Take the lines away, unless somebody has put others in their place."""
        entry = getattr(self, "entry", None)
        cache = _linecache.cache if _linecache is not None else {}
        if entry is not None and cache.get(entry[3]) is entry:
            cache.pop(entry[3], None)

    __del__ = forget


def named_source(text: str, label: str, filename: str | None) -> SourceName:
    """The file name for a text: the one given, else a new one, `<recell label #7>`; its lines are registered.

    Under a name given, equal texts share one entry; another text takes the place of the one before.
    """
    global _linecache, _given  # noqa: PLW0603 - loaded on first use
    if _linecache is None or _given is None:
        import linecache
        import weakref

        _given = weakref.WeakValueDictionary()
        _linecache = linecache
    lines = lines_of(text)
    if filename is None:
        return _registered(f"<recell {label} #{next(_numbers)}>", text, lines)
    plain = str(filename)
    with _naming:
        living = _given.get(plain)
        if living is not None and living.entry[2] == lines:
            _linecache.cache[plain] = living.entry
            return living
        new = _given[plain] = _registered(plain, text, lines)
    return new


def _registered(plain: str, text: str, lines: list[str]) -> SourceName:
    new = SourceName(plain)
    # no time stamp: `linecache.checkcache` leaves the entry alone
    new.entry = _linecache.cache[plain] = (len(text), None, lines, plain)  # type: ignore[union-attr]
    return new


def lines_of(text: str) -> list[str]:
    """The lines as the tokenizer counts them: `str.splitlines` breaks at form feeds and other characters too."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = [line + "\n" for line in text.split("\n")]
    if lines[-1] == "\n":
        lines.pop()
    return lines
