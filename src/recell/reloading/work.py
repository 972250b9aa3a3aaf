"""`Work`: one module's reload under way; `Notes`: what its report is going to say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recell.reloading.existing import Existing
from recell.reloading.forms import Forms
from recell.reloading.journal import ABSENT

if TYPE_CHECKING:
    import ast
    from collections.abc import Collection, Iterable
    from types import CodeType, FunctionType, ModuleType

    from recell.reloading.journal import Journal
    from recell.reloading.statements import Statement

__all__ = ["Dirty", "Notes", "Work"]


class Notes:
    """The contents of a report, as they come together."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.changed: list[str] = []
        self.added: list[str] = []
        self.removed: list[str] = []
        self.moved: list[str] = []
        self.kept: list[tuple[str, str]] = []
        self.left: list[tuple[str, str]] = []
        self.refused: list[Exception] = []
        self.closures = 0
        self.unknown = 0  # statements that were not compared, because the old text is lost

    def mark(self) -> dict[str, Any]:
        """Return the mark that `back` is to go back to."""
        return {
            name: len(value) if type(value) is list else value
            for name, value in vars(self).items()
            if name != "refused"
        }

    def back(self, mark: dict[str, Any]) -> None:
        """Forget what was noted since."""
        for name, before in mark.items():
            value = getattr(self, name)
            if type(value) is list:
                del value[before:]
            else:
                setattr(self, name, before)


class Dirty:
    """The names of one module that a reload has changed.

    Attributes: `bound`: to something else; `acting`: to functions that do something else, as decorators, now;
    `remade`: to classes that were made again.
    """

    __slots__ = ("acting", "bound", "remade")
    remade: set[str]
    bound: set[str]
    acting: set[str]

    def __init__(
        self, bound: Iterable[str] = (), acting: Iterable[str] = (), remade: Iterable[str] = ()
    ) -> None:
        self.bound, self.acting, self.remade = set(bound), set(acting), set(remade)

    def copy(self) -> Dirty:
        """The same names, apart."""
        return Dirty(self.bound, self.acting, self.remade)


class Work:
    """One module's reload under way.

    Args:
        module: the module.
        name: its name.
        text: the new text.
        filename: what code and tracebacks show.
        code: the new text's code.
        journal: takes what is changed.
        data: which assignments run: `"changed"`, `"keep"`, `"rerun"`, or names.
        rerun: whether every statement counts as changed.
        others: what changed in the modules reloaded before, in this transaction.
        functions: the module's functions, where they have been looked for already.
        partial: whether what is refused is left as it was.
        dry: whether nothing is to run or to change.
    """

    dirty: Dirty
    notes: Notes
    forms: Forms
    dry: bool
    partial: bool
    rerun: bool
    data: str | Collection[str]
    journal: Journal
    code: CodeType
    filename: str
    text: str
    name: str
    module: ModuleType

    def __init__(
        self,
        module: ModuleType,
        name: str,
        text: str,
        filename: str,
        code: CodeType,
        journal: Journal,
        *,
        data: str | Collection[str] = "changed",
        rerun: bool = False,
        others: dict[str, Dirty] | None = None,
        functions: list[FunctionType] | None = None,
        partial: bool = False,
        dry: bool = False,
    ) -> None:
        self.existing: Existing = Existing(module, functions)  # first: it counts who holds the namespace
        self.module, self.name, self.text, self.filename, self.code = module, name, text, filename, code
        self.namespace: dict[str, Any] = vars(module)
        self.journal, self.data, self.rerun = journal, data, rerun
        self.partial, self.dry = partial, dry
        self.others: dict[str, Dirty] = {} if others is None else others
        self.forms, self.notes, self.dirty = Forms(), Notes(), Dirty()
        self.tree: ast.Module | None = None
        self.starts: dict[int, list[int]] = {}  # id of a body in the tree -> the first lines of its nodes
        self.executed: set[int] = set()  # ids of the nodes that have run
        self.forced: dict[str, set[str]] = {}  # class -> attributes that its own line is to say again
        self.whole_codes: dict[tuple[str, int], list[CodeType]] | None = None
        self.old_codes: list[CodeType] = []
        self.firsts: dict[type | None, tuple[dict[str, Any], dict[str, Statement]]] = {}

    def syntax(self) -> ast.Module:
        """The new text's syntax tree, made where something is to run."""
        if self.tree is None:
            import ast

            self.tree = ast.parse(self.text, self.filename)
        return self.tree

    def replaced(self, *codes: CodeType) -> None:
        """Note codes that functions ran until now: what runs them finishes with the old text."""
        self.old_codes += codes

    def begin(self, cls: type | None, olds: Iterable[Statement]) -> None:
        """Note what names meant before, and which statement bound each last."""
        namespace = dict(self.namespace if cls is None else vars(cls))
        self.firsts[cls] = namespace, {name: one for one in olds for name in one.names}

    def bound_by(self, cls: type | None, name: str, statement: Statement | None) -> Any:
        """Return what an old statement bound a name to; ABSENT where a later one, or the program, bound it."""
        namespace, last = self.firsts[cls]
        return (
            namespace.get(name, ABSENT) if statement is not None and last.get(name) is statement else ABSENT
        )
