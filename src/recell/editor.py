"""The code editor: names in a code object become constants, cells or globals, and nothing else changes.

Every function here takes a code object and returns one; it never mutates, works on the whole tree (nested
functions, lambdas, comprehensions, class bodies), and returns the very same object where nothing changes.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import CodeType

__all__ = [
    "NotConstant",
    "Use",
    "add_free_variables",
    "cells_to_globals",
    "globals_to_cells",
    "reads_to_constants",
    "uses",
]


class NotConstant(Exception):  # noqa: N818 - a signal between modules, not an error that users see
    """A name cannot become a constant in this code. `reason`: "assigned" (or deleted), or "class body" (which stores it)."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason


class Use:
    """How a code object's tree uses one name.

    Attributes (all bool): `read` as a global or builtin; `written`: assigned or deleted as a global
    (`global x`); `free`: a free variable of the code itself, whether used or not; `free_read` and
    `free_written`: what the tree does with that free variable; `class_stored`: a class body that reads the
    name as a global or through that free variable also stores it in its own namespace; `parameter` and
    `local` (a cell variable is a local) of the code itself.
    """

    __slots__ = (
        "class_stored",
        "free",
        "free_read",
        "free_written",
        "local",
        "parameter",
        "read",
        "written",
    )


def uses(code: CodeType, names: Iterable[str] | None = None) -> dict[str, Use]:
    """How each of the names (or every name) is used in the tree; a name that is not used has all False."""
    raise NotImplementedError


def reads_to_constants(
    code: CodeType, values: Mapping[str, object], free: Mapping[str, object] | None = None
) -> CodeType:
    """Reads of the globals (or builtins) in `values`, and of the code's own free variables in `free`, load constants.

    `co_freevars` stays, so that one `__code__` store can switch between the two. A name that is not used is
    ignored. Raises NotConstant where a name is assigned or deleted in the tree, or a class body that reads
    it also stores it.
    """
    raise NotImplementedError


def globals_to_cells(code: CodeType, names: Iterable[str]) -> CodeType:
    """Globals that the tree uses become free variables, appended to `co_freevars` in the order given.

    Reads, assignments and deletions go to the cell; nested functions and class bodies that use a name get
    the cell through their closure. Names that are not used are left out: compare `co_freevars`.
    """
    raise NotImplementedError


def cells_to_globals(code: CodeType, names: Iterable[str]) -> CodeType:
    """Free variables of the code become globals; their names leave `co_freevars`, the order of the rest stays."""
    raise NotImplementedError


def add_free_variables(code: CodeType, names: Iterable[str]) -> CodeType:
    """Free variables that no instruction uses, appended to `co_freevars` (such as `__class__`)."""
    raise NotImplementedError
