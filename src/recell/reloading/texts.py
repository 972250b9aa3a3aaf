"""The sources of a module's new text, and what it compiles to."""

from __future__ import annotations

import sys
from types import CodeType, FunctionType, ModuleType
from typing import Any

from recell.errors import SourceError, short

__all__ = ["NoTextError", "compiled", "text_of"]


class NoTextError(Exception):
    """Why a module cannot be reloaded at all."""


def _not_reloadable(module: ModuleType, source: object) -> str | None:
    """Why a module cannot be reloaded at all."""
    spec = getattr(module, "__spec__", None)
    if getattr(spec, "_initializing", False):
        return f"{short(module)} is being imported just now: reload it when that is done"
    known = sys.modules.get(vars(module).get("__name__", ""), module)
    if known is not module and spec is not None:
        return (
            f"sys.modules[{vars(module)['__name__']!r}] is not {short(module)} any more but {short(known)}: "
            "reload that one"
        )
    if source is not None:
        return None
    file = getattr(module, "__file__", None)
    if not isinstance(file, str):
        if vars(module).get("__name__") == "__main__":
            return "`__main__` has no file here (an interactive session?): pass its text as source="
        if getattr(spec, "origin", None) == "built-in" or (hasattr(module, "__loader__") and file is None):
            return f"{short(module)} has no file: it is written in C, or was made at run time (then pass source=)"
        return f"{short(module)} has no file: pass its text as source="
    from importlib.machinery import EXTENSION_SUFFIXES

    if file.endswith(tuple(EXTENSION_SUFFIXES)):
        return f"{short(module)} is written in C: there is no text to reload"
    return None


def text_of(module: ModuleType, source: str | bytes | None) -> tuple[str, str]:
    """The new text, decoded, and the file name that code and tracebacks are to show.

    Args:
        module: the one to be reloaded.
        source: the text that was given.

    Raises:
        NoTextError: it cannot be reloaded at all.
    """
    reason = _not_reloadable(module, source)
    if reason is None:
        try:
            return _read(module, source)
        except (OSError, UnicodeError) as error:
            reason = f"the text of {short(module)} cannot be read: {error}"
    raise NoTextError(reason)


def _steady(path: str, read: Any) -> Any:
    """Return the contents of a file, read while nobody writes it; raise OSError where that cannot be had."""
    import os

    for _ in range(3):
        try:
            before = os.stat(path)
        except OSError:  # in an archive
            return read(path)
        text = read(path)
        after = os.stat(path)
        if (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size):
            return text
    msg = f"{path} changes while it is read"
    raise OSError(msg)


def _read_file(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()


def _read(module: ModuleType, source: str | bytes | None) -> tuple[str, str]:
    """The same, where there is a text; raises OSError or UnicodeError where it cannot be read."""
    spec = getattr(module, "__spec__", None)
    file = getattr(module, "__file__", None)
    origin = getattr(spec, "origin", None)
    filename = file if isinstance(file, str) else origin if isinstance(origin, str) else None
    if filename is not None and filename.endswith((".pyc", ".pyo")) and source is None:
        msg = f"{filename} is compiled already, and its text is not beside it"
        raise OSError(msg)
    if source is None:
        assert filename is not None
        loader = getattr(module, "__loader__", None)
        get_data = getattr(loader, "get_data", None)
        source = _steady(filename, _read_file if get_data is None else get_data)
    if not isinstance(source, (str, bytes)):
        msg = f"source must be the module's text, not {short(source)}"
        raise TypeError(msg)
    if isinstance(source, bytes):
        from importlib.util import decode_source

        try:
            source = decode_source(source)
        except SyntaxError as error:  # an unknown or wrong encoding declaration
            raise UnicodeError(str(error)) from error
    return source, filename or _filename_of(module)


def _filename_of(module: ModuleType) -> str:
    """The file name in the code of a module that has no file."""
    namespace = vars(module)
    for value in namespace.values():
        if type(value) is FunctionType and value.__globals__ is namespace:
            return value.__code__.co_filename
    return f"<{namespace.get('__name__', 'module')}>"


def compiled(text: str, filename: str, module: ModuleType, which: str = "new") -> CodeType:
    """The code of a module's text. Raises SourceError where it does not compile."""
    try:
        code: CodeType = compile(text, filename, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        line = (getattr(error, "text", None) or "").rstrip("\n")
        shown = f":\n    {line}" if line.strip() else ""
        place = {name: getattr(error, name, None) for name in ("filename", "lineno", "offset", "text")}
        where = f" (line {place['lineno']})" if place["lineno"] else ""
        msg = (
            f"the {which} text of {short(module)} does not compile, nothing was changed: "
            f"{getattr(error, 'msg', error)}{where}{shown}"
        )
        raise SourceError(msg, **place) from error
    return code
