"""Everything recell raises of its own: one class per law, each also the built-in that a caller would expect.

A message says what, on which object, both values, and one hint. The data is on attributes as plain strings, numbers
and tuples, so that every error pickles. After any error nothing has changed.
"""

from __future__ import annotations

from types import CodeType, FunctionType, MethodType

from recell.public import public

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

__all__ = [
    "BuiltinsMismatchError",
    "ChangeError",
    "ClosureMismatchError",
    "EmptyCellError",
    "FreeVariableError",
    "InterferenceError",
    "RecellError",
    "ReloadRefused",
    "ScopeError",
    "SourceError",
    "UnsafeCodeError",
    "UnsupportedCodeError",
    "UnsupportedPythonError",
]


@public
class RecellError(Exception):
    """The base of all errors that recell raises of its own.

    Args:
        message: the text that a person reads.
        data: plain values (text, numbers, tuples) that become attributes of the error.

    >>> from recell import RecellError
    >>> RecellError("no such thing", name="x").name
    'x'
    """

    def __init__(self, message: str = "", **data: object) -> None:
        super().__init__(message)
        self.__dict__.update(data)

    def __str__(self) -> str:
        # KeyError would show the repr of its argument, quotes and all
        return str(self.args[0]) if self.args else ""


@public
class FreeVariableError(RecellError, KeyError):
    """A closure can be asked only for the free variables that it has.

    Attributes: `name` (asked for), `names` (the ones there are), `nearest`, `target` (the function as the message
    shows it).
    """

    name: str
    names: tuple[str, ...]
    nearest: str | None
    target: str


@public
class EmptyCellError(RecellError, KeyError, ValueError):
    """A cell without contents cannot be read. Attributes: `name`, `target`."""

    name: str
    target: str


@public
class ClosureMismatchError(RecellError, ValueError):
    """A function's code and closure must name the same free variables.

    Attributes: `before` and `after` (the free variables), `missing` (those without a cell), `target`.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    missing: tuple[str, ...]
    target: str


@public
class ScopeError(RecellError, ValueError):
    """A name can be turned only into what its use in the function allows. Attributes: `name`, `names`, `target`."""

    name: str
    names: tuple[str, ...]
    target: str


@public
class UnsafeCodeError(RecellError, ValueError):
    """A code object that could crash the interpreter is not run.

    Attributes: `code` (its repr), `offset` (in bytes, or -1), `instruction`, `reason`.
    """

    code: str
    offset: int
    instruction: str
    reason: str


@public
class SourceError(RecellError, SyntaxError, ValueError):
    """A text must define exactly the one function asked for; line and column are those of the caller's text.

    Attributes: those of `SyntaxError` (`filename`, `lineno`, `offset`, `text`).
    """

    def __init__(self, message: str = "", **data: object) -> None:
        RecellError.__init__(self, message, **data)
        self.msg = message
        for name, value in data.items():  # SyntaxError keeps its own apart from __dict__
            setattr(self, name, value)

    def __reduce__(self) -> tuple[object, ...]:
        names = ("filename", "lineno", "offset", "text", "end_lineno", "end_offset")
        own = {name: getattr(self, name) for name in names if hasattr(self, name)}
        return type(self), self.args, {**self.__dict__, **own}


@public
class ReloadRefused(RecellError, RuntimeError):  # noqa: N818 - the name is the contract's
    """A reload that cannot be done changes nothing.

    Attributes: `report` (its `refused` holds all reasons, as exceptions; None where the error was pickled),
    `reasons` (the same as text).

    >>> import types
    >>> from recell import ReloadRefused, reload
    >>> shapes = types.ModuleType("shapes")
    >>> old = "class Point: __slots__ = ('x',)"
    >>> exec(old, vars(shapes))
    >>> try:
    ...     reload(shapes, source=old.replace("'x',", "'x', 'y'"), was=old)
    ... except ReloadRefused as error:
    ...     len(error.report.refused)
    1
    """

    report: Any = None
    reasons: tuple[str, ...] = ()

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), self.args, {**self.__dict__, "report": None}


@public
class ChangeError(RecellError, RuntimeError):
    """A change is undone once for each time that it was entered. Attribute: `change` (its repr)."""

    change: str


@public
class InterferenceError(RecellError, RuntimeError):
    """An undo does not overwrite what somebody else assigned to a function.

    Attributes: `target`, `attribute`, `expected` and `found` (reprs).
    """

    target: str
    attribute: str
    expected: str
    found: str


@public
class BuiltinsMismatchError(RecellError, ValueError):
    """A function keeps the builtins it was made with. Attribute: `target`."""

    target: str


@public
class UnsupportedCodeError(RecellError, NotImplementedError):
    """A code object that cannot be edited exactly stays as it is. Attributes: `code`, `reason`."""

    code: str
    reason: str


@public
class UnsupportedPythonError(RecellError, NotImplementedError):
    """Verbs that need facts about the opcodes of this release work only where they are known.

    Attributes: `feature`, `version`.
    """

    feature: str
    version: tuple[int, ...]


def listed(names: Iterable[str]) -> str:
    """Return names as a message shows them: `` `a`, `b` ``, or `none`."""
    return ", ".join(f"`{name}`" for name in names) or "none"


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the most similar of some names, or None where nothing comes close."""
    import difflib

    found = difflib.get_close_matches(name, list(names), n=1)
    return found[0] if found else None


def hint_nearest(name: str, names: Iterable[str]) -> str:
    """Return the end of a sentence that proposes the most similar name, or nothing."""
    close = nearest(name, names)
    return f"; did you mean `{close}`?" if close else ""


def short(obj: object, limit: int = 100) -> str:
    """Return an object as a message shows it: one line, cut to a length, never raising.

    Functions, bound methods and code objects are shown by name and place, anything else by its repr.
    """
    named: Any = obj.__func__ if type(obj) is MethodType else obj
    if type(named) is FunctionType or type(named) is CodeType:
        text = _placed(named)
    else:
        try:
            text = repr(obj)
        except Exception:  # noqa: BLE001 - somebody's own __repr__ may raise anything
            text = object.__repr__(obj)
    text = harmless(" ".join(text.split()))
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def harmless(text: str) -> str:
    """Return a text with everything escaped that a terminal would obey, or that could not be seen."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )


def _placed(named: Any) -> str:
    """Return `module.qualname (file:line)`; the module tells more than the folders of the file would."""
    if type(named) is CodeType:
        code, name = named, f"code {getattr(named, 'co_qualname', named.co_name)}"
    else:
        code, name = named.__code__, named.__qualname__
        if type(named.__module__) is str:
            name = f"{named.__module__}.{name}"
    file = code.co_filename.replace("\\", "/").rpartition("/")[2]
    return f"{name} ({file}:{code.co_firstlineno})"
