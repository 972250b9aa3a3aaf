"""`reload`: a module's or package's new text put to work in place, as one transaction; what exists keeps its identity.

The texts are compared statement by statement, by their code. What did not change does not run again; functions whose
body changed follow in place; what is new, changed, or evaluated from changed names runs in the module's own namespace.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

from recell import compat
from recell.callables import describe
from recell.errors import short
from recell.public import public
from recell.reloading.transaction import Transaction, loaded_modules

if TYPE_CHECKING:
    from collections.abc import Collection

    from recell.reloading.reports import Report

__all__ = ["reload"]

_DATA = ("changed", "keep", "rerun")


@public
def reload(
    target: ModuleType,
    *,
    source: str | bytes | None = None,
    was: str | bytes | None = None,
    dry_run: bool = False,
    data: str | Collection[str] = "changed",
    partial: bool = False,
    rerun: bool = False,
) -> Report:
    """Put a module's new text to work in place: existing functions, methods, classes and closures follow it.

    Functions and classes keep their identity, so every reference to them (`from module import name`, bound methods,
    callbacks, containers) follows; free variables are matched by name and keep their state. What did not change does
    not run again: only top-level statements that are new, changed, or evaluated from names that changed are executed,
    so that nothing registers twice. Everything is one transaction: when the text does not compile, a statement raises,
    or something cannot be changed, nothing has changed (but what the statements did elsewhere is their own).

    Args:
        target: a module that was written in Python; or a package: then all its loaded modules whose text changed,
            those that others import from first.
        source: the new text of one module; without it, its file is read.
        was: the old text. Without it, that of the last reload, the cached bytecode or the lines that tracebacks have
            shown; where all are lost, functions and constants alone are compared, and the report says so.
        dry_run: only tell what would change, by comparing code; nothing runs, and nothing is refused.
        data: which assignments run. `"changed"`: those whose text changed, unless the program has bound a constant
            since; `"keep"`: none to a name that exists; `"rerun"`: all; or a collection of names: those too.
        partial: leave what is refused as it was, and do the rest; the report says so.
        rerun: take every statement as changed.

    Returns:
        A `Report`: a `Change`, active already, with what ran, what changed and what was left; it prints as a table.

    Raises:
        TypeError: `target` is no module.
        ValueError: no such `data`; or `source` or `was` was given for a package.
        SourceError: the text does not compile (a `SyntaxError` with its line and column).
        ReloadRefused: it cannot be done; its `report` holds all the reasons.
        Exception: whatever the module's own code raised.

    >>> import types
    >>> from recell import reload
    >>> counters = types.ModuleType("counters")
    >>> exec('''
    ... def counter():
    ...     count = 0
    ...     def bump():
    ...         nonlocal count
    ...         count += 1
    ...         return count
    ...     return bump
    ... ''', vars(counters))
    >>> bump = counters.counter()
    >>> bump(), bump()
    (1, 2)
    >>> report = reload(counters, source='''
    ... def counter():
    ...     count = 0
    ...     def bump(step=10):
    ...         nonlocal count
    ...         count += step
    ...         return count
    ...     return bump
    ... ''')
    >>> bump(), bump(step=1)
    (12, 13)
    >>> report.undo()
    >>> bump()
    14
    """
    if not isinstance(target, ModuleType):
        hint = "; pass the module, not its name" if isinstance(target, str) else ""
        msg = f"reload needs a module, and {short(target)} is {describe(target)}{hint}"
        raise TypeError(msg)
    _check_data(data)
    compat.require("reload")
    transaction = Transaction(target, data, rerun, partial, dry_run)
    if "__path__" not in vars(target):
        return transaction.run([target], source, was)
    if source is not None or was is not None:
        msg = (
            f"source and was are texts of one module, and {short(target)} is a package: write its files, "
            "or reload one of its modules"
        )
        raise ValueError(msg)
    return transaction.run(loaded_modules(target))


def _check_data(data: object) -> None:
    if isinstance(data, str):
        if data in _DATA:
            return
    elif isinstance(data, (list, tuple, set, frozenset)) and all(isinstance(name, str) for name in data):
        return
    msg = (
        "data must be 'changed' (what the text changed follows), 'keep' (module-level data stays), 'rerun' (all of it "
        f"runs again) or a list of names that run again, not {data!r}"
    )
    raise ValueError(msg)
