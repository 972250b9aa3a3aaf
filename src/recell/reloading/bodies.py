"""A module's or class's body in two texts: which of its statements run, and what follows without running."""

from __future__ import annotations

from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from recell.errors import short
from recell.functions.constants import docstring_of
from recell.reloading.annotations import follow_annotations
from recell.reloading.becoming import way_to
from recell.reloading.classes import abstract_methods, derived, is_own, remake
from recell.reloading.constants import same_value
from recell.reloading.decisions import Decisions
from recell.reloading.definitions import define
from recell.reloading.executing import execute, execute_definition, find
from recell.reloading.following import follow
from recell.reloading.journal import ABSENT, RefusedError
from recell.reloading.matching import matched
from recell.reloading.place import Place, reruns
from recell.reloading.shortcut import follow_bodies
from recell.reloading.statements import CLASS, DEF, OTHER, Statement, is_class
from recell.reloading.unknown import UnknownBody

if TYPE_CHECKING:
    from collections.abc import Callable

    from recell.reloading.executing import Found
    from recell.reloading.statements import Body
    from recell.reloading.work import Dirty, Work

__all__ = ["follow_module"]


def follow_module(work: Work, old: CodeType | None) -> None:
    """Make a module what its new text says.

    Args:
        work: the reload under way.
        old: the code of the old text; None where it is lost.
    """
    new = work.code
    if old is None:
        _BodyReload(work, UnknownBody(work, new, None, ""), work.forms.body(new), None, "").run()
        return
    known = not work.rerun and work.data == "changed" and not any(map(_any, work.others.values()))
    if not (known and follow_bodies(work, old, new, None, "")):
        _BodyReload(work, work.forms.body(old), work.forms.body(new), None, "").run()


def _any(dirty: Dirty) -> bool:
    return bool(dirty.bound or dirty.acting or dirty.remade)


class _BodyReload:
    """One body under way."""

    def __init__(self, work: Work, old: Body | UnknownBody, new: Body, cls: type | None, path: str) -> None:
        self.work, self.old, self.new, self.cls, self.path = work, old, new, cls, path
        self.olds, self.news = old.statements, new.statements
        self.place = Place(work, cls, path)
        self.namespace, self.dirty = self.place.namespace, self.place.dirty
        self.rebound = self.place.rebound
        self.later = {name for one in self.news for name in one.names}

    def run(self) -> None:
        work = self.work
        pairs, gone = matched(work.forms, self.olds, self.news)
        work.begin(self.cls, self.olds)
        self.decisions = Decisions(self.place, self.olds, self.news, pairs)
        self.goes: list[str] = []  # names that are deleted when what needs them has its new text
        self.loaded = {name for one in self.news for name in one.loads | one.inner}
        for at in gone:
            self._one(self._gone, self.olds[at])
        for at, one in enumerate(self.news):
            old = self.olds[pairs[at]] if at in pairs else None
            self._one(self._statement, old, one, self.decisions.must[at])
        for name in self.goes:
            if name in self.namespace and name not in self.rebound:
                self.place.bind(name, ABSENT)
        if work.dry:
            return
        if isinstance(self.old, UnknownBody) or work.forms.annotations(self.old) != work.forms.annotations(
            self.new
        ):
            if follow_annotations(work, self.new, self.cls, self.path) and self.cls is not None:
                work.notes.changed.append(f"{self.path} (annotations)")

    def _one(self, step: Callable[..., None], *args: Any) -> None:
        """Take one step; what is refused is as it was before it."""
        work = self.work
        mark, state = work.journal.mark(), work.notes.mark()
        try:
            step(*args)
        except RefusedError as refusal:
            work.journal.back(mark)
            work.notes.back(state)
            work.notes.refused.append(refusal.error)
        except Exception as error:
            if not work.notes.refused:
                raise
            # it may need what was refused
            work.journal.back(mark)
            work.notes.back(state)
            if work.partial:
                work.notes.refused.append(error)

    # -- statements that went -------------------------------------------------------------------

    def _gone(self, one: Statement) -> None:
        work, notes = self.work, self.work.notes
        for name in one.names:
            if name in self.later or name not in self.namespace:
                continue
            if name == "__slots__" and self.cls is not None:
                raise self.place.slots_changed()
            if name == "__doc__":
                self.place.bind(name, None)
                continue
            self._name_goes(one, name, "its line is gone")
        if one.decorators and one.kind in (DEF, CLASS):
            notes.left.append(
                (
                    self.place.full(one.names[0]),
                    "its line is gone; what its decorators stored elsewhere stays",
                )
            )
        if self.cls is None:
            for name, attribute in one.attribute_changes():
                work.forced.setdefault(name, set()).add(attribute)
        if not one.names and one.norm:
            notes.kept.append((self.place.title(one), "what a line did that is gone stays"))

    def _name_goes(self, one: Statement, name: str, why: str) -> None:
        """Delete a name that no statement binds any more; what is state stays."""
        value, full = self.namespace[name], self.place.full(name)
        if one.constant is not ABSENT:
            state = not same_value(one.constant, value)
        else:
            made = isinstance(value, (FunctionType, type, ModuleType))
            state = self.cls is None and one.kind == OTHER and one.imports is None and not made
        if state:
            self.work.notes.kept.append((full, f"stays {short(value)}; {why}"))
            return
        if name in self.loaded:
            self.place.bind(name, ABSENT)  # a statement that evaluates it is to fail, as in a fresh import
        else:
            self.goes.append(name)
        self.work.notes.removed.append(full)
        self.dirty.bound.add(name)

    # -- one statement --------------------------------------------------------------------------

    def _statement(self, old: Statement | None, new: Statement, must: bool) -> None:
        if not must and not self.decisions.evaluates(new):
            if not self._unchanged(old, new):
                self._restore(old, new)
            return
        self.rebound.update(new.names)
        if old is not None and new.kind == OTHER and self._stays_data(old, new):
            return
        if new.constant is not ABSENT and new.names[0] != "__slots__":
            self.place.constant(new)
        else:
            self._run(old, new)

    def _stays_data(self, old: Statement, new: Statement) -> bool:
        """Return whether an assignment does not run because the name is the program's, or the caller's wish."""
        name = new.names[0] if len(new.names) == 1 else None
        work = self.work
        if name is None or name not in self.namespace or name[:2] == "__" or reruns(self.work, new):
            return False
        value, full = self.namespace[name], self.place.full(name)
        if old.constant is not ABSENT and not same_value(old.constant, value):
            if new.constant is ABSENT or not same_value(new.constant, value):
                work.notes.kept.append((full, f"stays {short(value)}: the program has bound it since"))
            return True
        callable_ = isinstance(value, (FunctionType, type, ModuleType))
        if work.data == "keep" and self.cls is None and new.imports is None and not callable_:
            made = f"; the text makes it {short(new.constant)}" if new.constant is not ABSENT else ""
            work.notes.kept.append((full, f"stays {short(value)}{made}"))
            return True
        return False

    def _restore(self, old: Statement | None, new: Statement) -> None:
        """An unchanged statement that binds a name after one that ran says again what the name means."""
        for name in set(new.names) & self.rebound:
            value = self.work.bound_by(self.cls, name, old)
            if value is not ABSENT and self.namespace.get(name, ABSENT) is not value:
                self.place.bind(name, value)
                self.dirty.bound.discard(name)

    def _would_run(self, old: Statement | None, new: Statement) -> None:
        """Notes what a statement that a dry run leaves alone is for."""
        work, notes = self.work, self.work.notes
        notes.ran.append(self.place.title(new))
        for name in new.names:
            self.place.note(name, self.namespace.get(name, ABSENT))
        self.dirty.bound.update(new.names)
        if old is not None and old.kind == new.kind == DEF and old.code is not None and new.code is not None:
            follow(work, old.code, new.code, self.place.full(new.names[0]), self.cls)

    def _run(self, old: Statement | None, new: Statement) -> None:
        work, title = self.work, self.place.title(new)
        if work.dry:
            self._would_run(old, new)
            return
        found = find(work, self.path, new)
        if not found.nodes:
            work.notes.left.append((title, "its text was not found"))
            return
        if new.imports is not None and new.imports.module == "__future__":
            return
        if len(found.nodes) == 1 and type(found.nodes[0]).__name__ in ("FunctionDef", "AsyncFunctionDef"):
            if new.kind == DEF:
                full = self.place.full(new.names[0])
                define(
                    work,
                    old if old is not None and old.kind == DEF else None,
                    new,
                    found,
                    self.cls,
                    full,
                    self.dirty,
                )
                return
        if new.kind == CLASS and type(found.nodes[0]).__name__ == "ClassDef" and len(found.nodes) == 1:
            self._class(old, new, found)
            return
        attributes = self.place.attributes(new)
        ran = execute(work, new, found, self.cls)
        if ran is None:
            return
        made, not_bound = ran
        self.place.put_attributes(attributes)
        work.notes.ran.append(title)
        for name, value in made.items():
            if self.cls is not None and name in ("__module__", "__qualname__"):
                continue
            self.place.settle(old, new, name, value)
        for name in not_bound & self.namespace.keys():
            others = any(name in one.names for one in self.news if one is not new)
            if (
                old is not None
                and not others
                and self.work.bound_by(self.cls, name, old) is self.namespace[name]
            ):
                self.rebound.discard(name)
                self._name_goes(old, name, "the statement that ran did not bind it")

    # -- classes --------------------------------------------------------------------------------

    def _class(self, old: Statement | None, new: Statement, found: Found) -> None:
        """A `class` statement runs as a whole."""
        work, (name,) = self.work, new.names
        was, full = self.namespace.get(name, ABSENT), self.place.full(name)
        work.notes.ran.append(full)
        value = execute_definition(work, new, found, self.cls, 0, None)
        if not is_own(was, full) or not isinstance(value, type):
            self.place.bind(name, value)
            self.dirty.bound.add(name)
            self.place.note(name, was)
            return
        names: set[str] = set()
        if old is not None and old.code is not None and is_class(old.code):
            names = {bound for one in work.forms.body(old.code).statements for bound in one.names}
        remake(work, was, value, full, names)
        self.dirty.remade.add(name)
        work.notes.changed.append(full)

    def _members(self, old: Statement, new: Statement, cls: type) -> bool:
        """Compare the body of a class whose own line is the same; return whether its whole statement ran."""
        work, full, dirty = self.work, self.place.full(new.names[0]), self.dirty
        forced = full in work.forced
        assert new.code is not None
        unknown = old.code is None
        if not unknown and not forced and not dirty.bound & new.inner and not dirty.acting & new.inner:
            assert old.code is not None
            if old.code is new.code or follow_bodies(work, old.code, new.code, cls, full):
                return False
        body = work.forms.body(new.code)
        before: Body | UnknownBody
        if unknown:
            before = UnknownBody(work, new.code, cls, full)
        else:
            assert old.code is not None
            before = work.forms.body(old.code)
            if derived(cls, new) and self._fields(before) != self._fields(body):
                self.rebound.update(new.names)
                self._run(old, new)
                return True
        _BodyReload(work, before, body, cls, full).run()
        own = {name for one in body.statements for name in one.names}
        if "__eq__" in own and "__hash__" not in vars(cls):  # as where the class is made
            work.journal.attribute(cls, "__hash__", None)
        abstract_methods(work, cls)
        return False

    def _fields(self, body: Body) -> tuple[Any, ...]:
        """Return what machinery may make members of a class from: all but functions and documentation."""
        forms = self.work.forms
        fields = [
            forms.statement(one) for one in body.statements if one.kind == OTHER and one.names != ["__doc__"]
        ]
        return (*fields, forms.annotations(body))

    # -- what does not run ----------------------------------------------------------------------

    def _unchanged(self, old: Statement | None, new: Statement) -> bool:
        """Let the functions and classes in a statement that need not run follow; return whether it ran all the same."""
        work = self.work
        if old is None:
            return False
        if new.kind == CLASS:
            return self._unchanged_class(old, new)
        # the statements make the same number of functions: each stands where it stood
        pairs = list(zip(old.codes, new.codes))
        if self.decisions.lost(old, new, pairs):
            self.rebound.update(new.names)
            self._run(old, new)
            return True
        for one, other in pairs:
            self._follow(new, one, other)
        if new.kind == DEF and old.decorators:
            self._documentation(old, new)
        if new.kind == OTHER and new.names and new.loads & self.dirty.acting and not new.imports:
            called = ", ".join(f"`{name}`" for name in sorted(new.loads & self.dirty.acting))
            work.notes.kept.append((self.place.title(new), f"it is what {called} made before the change"))
        return False

    def _documentation(self, old: Statement, new: Statement) -> None:
        """Give wrappers that show the documentation of the function inside the new one."""
        assert old.code is not None
        assert new.code is not None
        before, after = docstring_of(old.code), docstring_of(new.code)
        if before == after:
            return
        work, value = self.work, self.namespace.get(new.names[0])
        for function in work.existing.of(old.code):
            for one in way_to(value, function, work.namespace)[:-1]:
                if getattr(one, "__doc__", None) == before and before != type(one).__doc__:
                    work.journal.attribute(one, "__doc__", after)
        why = "what its decorators stored elsewhere of its documentation"
        work.notes.kept.append((self.place.full(new.names[0]), why))

    def _unchanged_class(self, old: Statement, new: Statement) -> bool:
        cls, full = self.namespace.get(new.names[0]), self.place.full(new.names[0])
        if is_own(cls, full):
            assert isinstance(cls, type)
            return self._members(old, new, cls)
        forms = self.work.forms
        if old.code is not None and new.code is not None and forms.code(old.code) != forms.code(new.code):
            self.work.notes.left.append((full, f"the name means {short(cls)}"))
        return False

    def _follow(self, new: Statement, one: CodeType, other: CodeType) -> None:
        work = self.work
        full = self.place.full(other.co_name)
        if is_class(one):
            cls = self.namespace.get(one.co_name)
            if is_own(cls, full) and one.co_name in new.names:
                _BodyReload(work, work.forms.body(one), work.forms.body(other), cls, full).run()
            return
        follow(work, one, other, full, self.cls)
        if new.kind == DEF and not work.forms.acts_alike(one, other):
            self.dirty.acting.add(new.names[0])
