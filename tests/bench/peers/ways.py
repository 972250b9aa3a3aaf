"""What is compared: a task, and the ways to do it, each in the words that its user writes."""

from __future__ import annotations

import importlib.metadata
import re
from typing import Any, Callable, Dict, NamedTuple, Tuple

PACKAGES = {
    "bytecode": "bytecode",
    "boltons": "boltons.funcutils",
    "makefun": "makefun",
    "decorator": "decorator",
    "cloudpickle": "cloudpickle",
    "dill": "dill",
    "wrapt": "wrapt",
    "mock": "mock",
    "pytest": "pytest",
    "patchy": "patchy",
    "innerscope": "innerscope",
    "attrs": "attr",
}
"""The peers by the names they are installed under, each with the module that its user imports."""


class Way(NamedTuple):
    """One way to do a task."""

    who: str
    """The package, `standard library`, or `by hand`."""
    statement: str
    """What is timed, as its user writes it."""
    before: str = ""
    """What is run once, first: imports, and what a user would prepare."""
    note: str = ""
    """How it differs, where that cannot be found out by looking at the result."""
    shown: str = ""
    """The statement as the page shows it, where it is more than one line, or was prepared."""
    label: str = ""
    """A few words for the plot, where what is called does not say enough."""

    @property
    def code(self) -> str:
        return self.shown or self.statement

    @property
    def short(self) -> str:
        called = re.sub(r"^with |^[a-z_]+\.loads\((?=\w+\.)", "", self.code)
        return self.label or re.split(r"[([]", called)[0].replace(f"{self.who}.", "")


class Task(NamedTuple):
    """A task and its ways; the first is the reference."""

    title: str
    about: str
    setup: Callable[[], Dict[str, Any]]
    """The names that all ways use; each way gets a dict of its own."""
    ways: Tuple[Way, ...]
    look: Callable[[Dict[str, Any], Any], str] = lambda names, result: ""
    """Says what the result of a way lacks (for ways that are expressions)."""


def installed(package: str) -> str | None:
    """The version of a peer, or None."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
