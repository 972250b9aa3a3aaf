"""The old text of a module, as the code that it was: the most certain source first.

A reload remembers the code of the text that it put in force; what is remembered belongs to the module object. Else the
caller may know the old text; else the cached bytecode or `linecache` may hold it, which are believed only if every
function of the module has that code.
"""

from __future__ import annotations

import linecache
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

from recell.reloading.statements import nested

if TYPE_CHECKING:
    from recell.reloading.existing import Existing

__all__ = ["believed", "forget", "remember", "remembered"]

_REMEMBERED: WeakKeyDictionary[ModuleType, list[tuple[ref[Any], CodeType]]] = WeakKeyDictionary()
"""Module -> who put a text in force that was not undone, and its code; the last on top."""


def remembered(module: ModuleType) -> CodeType | None:
    """Return the code of the text in force, where that is certain."""
    texts = _REMEMBERED.get(module)
    return texts[-1][1] if texts else None


def remember(module: ModuleType, by: Any, code: CodeType) -> None:
    """Note the code of a text that is in force from now on, and who can undo that."""
    texts = _REMEMBERED.setdefault(module, [])
    texts.append((ref(by), code))
    # what nobody can undo any more hides all that came before
    for position in range(len(texts) - 1, 0, -1):
        if texts[position][0]() is None:
            del texts[:position]
            return


def forget(module: ModuleType, by: Any) -> None:
    """Forget a text that is no longer in force."""
    texts = _REMEMBERED.get(module, [])
    texts[:] = [one for one in texts if one[0]() is not by]


def believed(module: ModuleType, filename: str, existing: Existing) -> CodeType | None:
    """The old text's code, from the bytecode or the lines that are cached, if the module's functions have it."""
    for code in (_cached(module), _lines(filename)):
        if code is not None and _fits(code, filename, existing):
            return code
    return None


def _cached(module: ModuleType) -> CodeType | None:
    """The code in the module's cached bytecode."""
    import marshal

    path: Any = getattr(getattr(module, "__spec__", None), "cached", None)
    if not isinstance(path, str):
        path = vars(module).get("__cached__")
    if not isinstance(path, str):
        return None
    try:
        with open(path, "rb") as stream:
            code = marshal.loads(stream.read()[16:])
    except (OSError, ValueError, EOFError, TypeError):
        return None
    return code if type(code) is CodeType else None


def _lines(filename: str) -> CodeType | None:
    """The code of the lines that tracebacks have shown."""
    entry: Any = linecache.cache.get(filename)
    if entry is None or len(entry) < 3 or entry[1] is None:  # text that never stood in a file: of any module
        return None
    try:
        return compile("".join(entry[2]), filename, "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return None


def _fits(code: CodeType, filename: str, existing: Existing) -> bool:
    """Return whether every function of the module comes from this code."""
    known: dict[tuple[str, int], list[CodeType]] = {}
    waiting = [code]
    for outer in waiting:
        inside = nested(outer)
        waiting += inside
        for one in inside:
            known.setdefault((one.co_name, one.co_firstlineno), []).append(one)
    met = False
    for own, _ in existing.all():
        if own.co_filename != filename and own.co_filename != code.co_filename:
            continue  # made by other means than the text
        if own.co_name == "__annotate__":
            continue
        there = known.get((own.co_name, own.co_firstlineno), ())
        if not any(own is one or own == one for one in there):
            return False
        met = True
    return met or not any(type(one) is CodeType for one in code.co_consts)
