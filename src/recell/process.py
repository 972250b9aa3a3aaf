"""Places of the process that a patcher changes: the working directory, and entries of `sys.path`."""

from __future__ import annotations

import os
import sys
from importlib import invalidate_caches
from typing import Any

from recell.layers.values import ABSENT, ValueLayer, ValueStack

__all__ = ["PathEntry", "WorkingDirectory"]


class _Folder(ValueStack):
    """The working directory."""

    __slots__ = ()

    def read(self) -> object:
        return os.getcwd()

    def standing(self, value: object) -> object:
        return self.read()

    def write(self, value: Any) -> None:
        os.chdir(value)


class WorkingDirectory(ValueLayer):
    """A working directory over the one there is."""

    __slots__ = ()

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__("working directory", _Folder(), path)


class _Entry(ValueStack):
    """One entry of `sys.path`, known by being this very string."""

    __slots__ = ("entry",)

    entry: str

    def read(self) -> object:
        return self.entry if any([path is self.entry for path in sys.path]) else ABSENT

    def write(self, value: object) -> None:
        if value is not ABSENT:
            sys.path.insert(0, self.entry)
            invalidate_caches()  # finders remember what was in no folder
            return
        for at, path in enumerate(sys.path):
            if path is self.entry:
                del sys.path[at]
                return


class PathEntry(ValueLayer):
    """A folder in front of all others of `sys.path`; leaving takes out this one entry."""

    __slots__ = ()

    def __init__(self, path: str | os.PathLike[str]) -> None:
        entry = _Entry()
        folder = os.fspath(path)
        entry.entry = "".join([folder[:1], folder[1:]])  # equal, and an object of its own
        super().__init__(None, entry, entry.entry)
