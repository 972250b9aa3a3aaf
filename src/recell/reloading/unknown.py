"""A body whose old text is lost: what its statements were, as far as what exists tells.

Functions tell their code. A constant is taken for the text's unless the module's own code binds the name. Of everything
else nothing is known but whether its names are there: it counts as not compared.
"""

from __future__ import annotations

from types import CodeType
from typing import TYPE_CHECKING, Any

from recell.code.making import UNKNOWN, making
from recell.compat._release import ANNOTATE, ANNOTATIONS
from recell.errors import short
from recell.reloading.classes import derived, has_machinery, is_own
from recell.reloading.constants import is_constant, same_value
from recell.reloading.expressions import evaluated
from recell.reloading.following import by_name
from recell.reloading.journal import ABSENT
from recell.reloading.operations import operations
from recell.reloading.statements import CLASS, DEF, Statement, is_kept, nested, stand_in

if TYPE_CHECKING:
    from recell.reloading.work import Work

__all__ = ["UnknownBody"]

_NO_HEADER = -1  # equal to that of no statement


class UnknownBody:
    """The statements of a lost text, so that a new one can be compared with them.

    Args:
        work: the reload under way.
        code: the new text's code of the body.
        cls: the class whose body it is.
        path: its path.
    """

    def __init__(self, work: Work, code: CodeType, cls: type | None, path: str) -> None:
        self._work, self._code, self._cls, self._path = work, code, cls, path
        self._namespace: Any = work.namespace if cls is None else vars(cls)
        self._body = work.forms.body(code)
        self._deleted = {name for one in self._body.statements if one.deletes for name in one.names}
        self._index = {id(value): at for at, value in enumerate(code.co_consts) if type(value) is CodeType}
        self._stored = _stored(work.code, cls is None)
        self.statements: list[Statement] = []
        news = self._body.statements
        self._derived = cls is not None and has_machinery(cls)
        codes = self._functions()
        pairs = work.forms.matched(
            codes, [one.code for one in news if one.kind == DEF and one.code is not None]
        )
        self._old = {id(new): old for old, new in pairs}
        for new in news:
            old = self._as_it_was(new)
            if old is not None:
                self.statements.append(old)
        bound = {name for one in news for name in one.names}
        paired = {id(old) for old in self._old.values()}
        for one in codes:
            if id(one) not in paired and one.co_name not in bound and self._leads_to(one):
                self.statements.append(stand_in(DEF, one.co_name, one, self._body))
        for name, value in list(self._namespace.items()):
            full = f"{path}.{name}" if path else name
            if name not in bound and is_own(value, full) and self._of_text(value):
                self.statements.append(stand_in(CLASS, name, None, self._body))

    def _functions(self) -> list[CodeType]:
        """The codes of the functions that this body made, in the order of the text, each once."""
        found: dict[int, CodeType] = {}
        for code, function in self._work.existing.all():
            path = getattr(code, "co_qualname", function.__qualname__)
            outer, _, name = path.rpartition(".")
            if outer == self._path and name == code.co_name and name != "<lambda>" and is_kept(code):
                if not any(code == other for other in found.values() if other.co_name == code.co_name):
                    found[id(code)] = code
        return sorted(found.values(), key=lambda code: code.co_firstlineno)

    def _leads_to(self, code: CodeType) -> bool:
        value = self._namespace.get(code.co_name)
        value = getattr(value, "__func__", getattr(value, "fget", value))
        return any(value is function for function in self._work.existing.of(code))

    def _of_text(self, cls: Any) -> bool:
        """Return whether a class shows that a `class` statement of this module made it."""
        if cls.__module__ != self._work.name:
            return False
        mine = (getattr(value, "__globals__", None) is self._work.namespace for value in vars(cls).values())
        return "__firstlineno__" in vars(cls) or any(mine)

    def _as_it_was(self, new: Statement) -> Statement | None:
        """The old text's statement, as far as is known; None where there was none."""
        absent = [name for name in new.names if name not in self._namespace and name not in self._deleted]
        if new.kind == DEF and new.code is not None:
            old = self._old.get(id(new.code))
            if old is not None:
                return self._definition(new, old)
            if absent or not callable(self._namespace.get(new.names[0], callable)):
                return None  # else another statement, or a decorator, made what the name means, or it was deleted
        elif new.kind == CLASS:
            if absent:
                return None
            name = new.names[0]
            full = f"{self._path}.{name}" if self._path else name
            if name in self._namespace and is_own(self._namespace[name], full):
                return self._class(new, self._namespace[name])
        elif new.constant is not ABSENT:
            if absent:
                return None
            return new if new.names[0] in self._deleted else self._constant(new, new.constant)
        elif absent and not new.deletes:
            return None
        elif len(set(new.names)) == 1 and not new.imports and not new.deletes and not self._derived:
            scopes = [self._work.namespace] if self._cls is None else [self._namespace, self._work.namespace]
            if is_constant(self._namespace.get(new.names[0], ABSENT)):
                value = evaluated(self._work, self._path, new, scopes)
                if value is not ABSENT:
                    return self._constant(new, value)
        self._work.notes.unknown += 1
        return new

    def _definition(self, new: Statement, old: CodeType) -> Statement:
        was = new.with_code(old)
        if new.decorators:
            self._work.notes.unknown += 1
            return was
        assert new.code is not None
        if self._has_to_run(new, old):
            was.header = _NO_HEADER
        return was

    def _has_to_run(self, new: Statement, old: CodeType) -> bool:
        """Return whether constant defaults are not those that the function has, or its code tells too little."""
        assert new.code is not None
        changed = self._work.forms.code(old) != self._work.forms.code(new.code)
        index = self._index.get(id(new.code), -1)
        made = None if index < 0 else making(self._code, new.code, index)
        functions = self._work.existing.of(old)
        if made is None or not functions:
            return changed
        if changed and made.flags & (ANNOTATIONS | ANNOTATE):
            return True
        positional, keyword = made.defaults()
        known = {**by_name(old, functions[0].__defaults__), **(functions[0].__kwdefaults__ or {})}
        after = {**positional, **keyword}
        if after.keys() != known.keys():
            return True
        return any(
            changed if value is UNKNOWN else not same_value(value, known[name])
            for name, value in after.items()
        )

    def _class(self, new: Statement, cls: type) -> Statement:
        was = new.with_code(new.code) if new.code is not None else new
        was.code = None
        self._work.notes.unknown += bool(derived(cls, new))
        return was

    def _constant(self, new: Statement, made: Any) -> Statement:
        """A statement that makes a constant: another one than before if its name means another."""
        name = new.names[0]
        value = self._namespace[name]
        if same_value(value, made) or name in ("__module__", "__qualname__"):
            return new
        if name == "__slots__":  # it is refused where the layout would be another
            return stand_in(new.kind, name, None, self._body)
        if name in self._stored or self._derived:
            full = f"{self._path}.{name}" if self._path else name
            if self._derived:
                self._work.notes.unknown += 1
            else:
                self._work.notes.kept.append((full, f"stays {short(value)}: the program may have bound it"))
            return new
        was = stand_in(new.kind, name, None, self._body)
        was.constant = value
        return was


def _stored(code: CodeType, in_module: bool) -> set[str]:
    """The names that functions bind in the module; or the attributes that they set on anything."""
    known = operations()
    ops = known.global_stores if in_module else known.attribute_changes
    found: set[str] = set()
    waiting = [code]
    for one in waiting:
        prefix = 0
        for op, argument in zip(one.co_code[::2], one.co_code[1::2]):
            if op == known.extended:
                prefix = (prefix | argument) << 8
                continue
            if op in ops and one is not code:
                found.add(one.co_names[(prefix | argument) >> known.names[op]])
            prefix = 0
        waiting += nested(one)
    return found
