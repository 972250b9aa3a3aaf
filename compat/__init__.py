"""The differences between the CPython releases: one file per release, selected once and on first use.

The only place that reads `sys.version_info`. A release's file states what changed since the one before;
every file imports on every interpreter, so that the facts of any release can be read anywhere.
"""

from __future__ import annotations

import sys
import types

from recell.errors import UnsupportedPythonError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._release import Release

    CURRENT: Release

__all__ = [
    "CURRENT",
    "LAZY_IMPORT",
    "NEWEST",
    "OLDEST",
    "STAND_BY",
    "find",
    "load",
    "require",
    "resolved",
    "version",
    "warn_of_frozen",
]

STAND_BY = "<stand-by>"
"""The name of functions that an exchange of code and closure makes and keeps for itself."""

LAZY_IMPORT: Any = vars(types).get("LazyImportType", ())
"""The type of an import that is not done yet, as globals may hold it (PEP 810, 3.15+); no object is of type `()`."""

OLDEST = (3, 8)
NEWEST = (3, 15)

_current: Release | None = None


def load(version: tuple[int, int]) -> Release:
    """The facts of one release, whichever interpreter runs.

    Raises UnsupportedPythonError for a release without a file.
    """
    if not OLDEST <= version <= NEWEST:
        msg = (
            f"recell knows the opcodes of CPython {OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}, "
            f"not of {version[0]}.{version[1]}; a newer recell may"
        )
        raise UnsupportedPythonError(msg, feature="opcode facts", version=version)
    from importlib import import_module

    release: Release = import_module(f"{__name__}.py{version[0]}{version[1]}").RELEASE
    return release


def version() -> tuple[int, int]:
    """The running interpreter's release, for messages."""
    return sys.version_info[:2]


def find() -> Release | None:
    """The running interpreter's facts, or None where they are unknown: never a guess, never a failing import."""
    global _current  # noqa: PLW0603 - selected once
    if _current is None and sys.implementation.name == "cpython" and OLDEST <= sys.version_info[:2] <= NEWEST:
        _current = load(sys.version_info[:2])
    return _current


def require(feature: str) -> Release:
    """The running interpreter's facts, or an error that names the feature that needs them."""
    release = find()
    if release is None:
        name, version = sys.implementation.name, sys.version_info[:2]
        msg = (
            f"{feature} needs to know this release's opcodes: recell knows CPython {OLDEST[0]}.{OLDEST[1]} to "
            f"{NEWEST[0]}.{NEWEST[1]}, and this is {name} {version[0]}.{version[1]}; "
            "cells, closures, rebind, clone and replace work here"
        )
        raise UnsupportedPythonError(msg, feature=feature, version=version)
    return release


def resolved(value: Any) -> Any:
    """A value as a read of a global gives it: a lazy import is done."""
    return value.resolve() if type(value) is LAZY_IMPORT else value


def warn_of_frozen(what: str, depth: int) -> None:
    """Warns where the program has put objects into `gc.freeze()`: searches of the heap do not find them.

    Args:
        what: is searched for.
        depth: so many calls above this one stands the caller who is to be told.
    """
    import gc

    count, release = gc.get_freeze_count(), find()
    if count > (release.frozen_at_start if release else 0):
        import warnings

        msg = f"{count} objects are frozen (gc.freeze): {what} among them are not found"
        warnings.warn(msg, RuntimeWarning, stacklevel=depth + 1)


def __getattr__(name: str) -> Release:
    if name == "CURRENT":
        return require("recell.compat.CURRENT")
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
