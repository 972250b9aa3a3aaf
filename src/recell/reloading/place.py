"""`Place`: a module's namespace or a class, where the statements of a text bind names to what they make."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

from recell.errors import ScopeError, short
from recell.reloading.becoming import become
from recell.reloading.classes import is_own, remake, slot_names
from recell.reloading.constants import same_value
from recell.reloading.journal import ABSENT, RefusedError, text_code
from recell.reloading.statements import OTHER

if TYPE_CHECKING:
    from recell.reloading.statements import Statement
    from recell.reloading.work import Dirty, Work

__all__ = ["Place", "reruns"]


def reruns(work: Work, one: Statement) -> bool:
    """Return whether a statement is an assignment that the caller wants to run again."""
    data = work.data
    if one.kind != OTHER or not one.names or one.imports or one.deletes:
        return False
    return data == "rerun" or (not isinstance(data, str) and bool(set(one.names) & set(data)))


class Place:
    """A place where names are bound.

    Attributes: `dirty`: the names that mean or do something else by now; `rebound`: those that statements which ran
    have bound.
    """

    path: str
    cls: type | None
    work: Work

    def __init__(self, work: Work, cls: type | None, path: str) -> None:
        self.work, self.cls, self.path = work, cls, path
        self.namespace: Any = work.namespace if cls is None else vars(cls)
        self.dirty: Dirty = work.dirty if cls is None else work.dirty.copy()
        self.rebound: set[str] = set()

    def full(self, name: str) -> str:
        """Return what reports call a name that is bound here."""
        return f"{self.path}.{name}" if self.path else name

    def title(self, one: Statement) -> str:
        """Return what reports call a statement."""
        return self.full(one.names[0]) if one.names else f"line {min(one.lines or {0})}"

    def slots_changed(self) -> RefusedError:
        """Return the refusal of other `__slots__`."""
        assert self.cls is not None
        msg = f"{short(self.cls)} cannot change its `__slots__` while it exists: its instances are laid out already"
        return RefusedError(ScopeError(msg, name=self.path, names=(), target=short(self.cls)))

    def bind(self, name: str, value: Any) -> None:
        """Bind a name; `ABSENT` deletes it."""
        self.work.journal.bind(self.cls, self.work.namespace, name, value)

    def constant(self, new: Statement) -> None:
        """Bind a name to the constant of its statement."""
        (name,) = new.names
        was = self.namespace.get(name, ABSENT)
        if was is not ABSENT and same_value(was, new.constant):
            return
        self.bind(name, new.constant)
        if name != "__doc__":
            self.note(name, was)
        self.dirty.bound.add(name)

    def note(self, name: str, was: Any) -> None:
        """Note that a name is bound to something else, or newly."""
        if name in ("__all__", "__doc__"):
            return
        (self.work.notes.added if was is ABSENT else self.work.notes.changed).append(self.full(name))

    def attributes(self, new: Statement) -> list[tuple[Any, str, Any]]:
        """Return the attributes of functions and classes that a statement sets or deletes, as they are."""
        if self.cls is not None:
            return []
        holders = [(self.namespace.get(name), attribute) for name, attribute in new.attribute_changes()]
        return [
            (holder, attribute, _own(holder, attribute))
            for holder, attribute in holders
            if isinstance(holder, (FunctionType, type))
        ]

    def put_attributes(self, attributes: list[tuple[Any, str, Any]]) -> None:
        """Take over what a statement has set on functions and classes, so that it can be undone."""
        for holder, attribute, was in attributes:
            value = _own(holder, attribute)
            if value is not was:
                _put_back(holder, attribute, was)
                self.work.journal.attribute(holder, attribute, value)

    def settle(self, old: Statement | None, new: Statement, name: str, value: Any) -> None:
        """Bind a name to what a statement made of it, or put that into what exists."""
        work, full = self.work, self.full(name)
        was: Any = self.namespace.get(name, ABSENT)
        if was is value:
            return
        self.rebound.add(name)
        if name == "__slots__" and self.cls is not None:
            self._slots(value)
            return
        if type(was) is type(value) is FunctionType and old is not None and self._takes(name, was, value):
            become(work, was, value)
            self.dirty.acting.add(name)
            work.notes.changed.append(full)
            return
        if isinstance(value, type) and is_own(was, full) and value.__qualname__ == full and value is not was:
            remake(work, was, value, full, set())
            self.dirty.remade.add(name)
            work.notes.changed.append(full)
            return
        if self.cls is not None and value is not ABSENT and hasattr(type(value), "__set_name__"):
            kind: Any = type(value)
            kind.__set_name__(value, self.cls, name)
        again = work.rerun or reruns(work, new)
        display = not again and old is not None and old.copies_dict() and new.copies_dict()
        if type(was) is type(value) is dict and old is not None and display:
            items: Any = value
            self._dict(old, was, items)
            work.notes.changed.append(full)
            self.dirty.bound.add(name)
            return
        self.bind(name, value)
        if value is ABSENT:
            work.notes.removed.append(full)
        else:
            self.note(name, was)
        if not same_value(was, value):
            self.dirty.bound.add(name)

    def _takes(self, name: str, was: FunctionType, value: FunctionType) -> bool:
        """Return whether a function made anew is to become what an existing one is: the same, with no other name."""
        mine = was.__globals__ is value.__globals__ is self.work.namespace
        if not mine or text_code(was).co_name != value.__code__.co_name:
            return False
        return all(other is not was for one, other in self.namespace.items() if one != name)

    def _dict(self, old: Statement, was: dict[Any, Any], value: dict[Any, Any]) -> None:
        """A dict that the text displays is stored in place: what the program added stays, every holder sees it."""
        keys = {repr(key) for key in old.constants()}
        for key, item in value.items():
            if key not in was or not (was[key] is item or same_value(was[key], item)):
                self.work.journal.item(was, key, item)
        for key in [key for key in was if key not in value and repr(key) in keys]:
            self.work.journal.item(was, key, ABSENT)

    def _slots(self, value: Any) -> None:
        cls = self.cls
        assert cls is not None
        names = (value,) if isinstance(value, str) else tuple(value or ())
        prefix = "_" + cls.__name__.lstrip("_")
        wanted = {prefix + name if name[:2] == "__" and name[-2:] != "__" else name for name in names}
        if wanted != set(slot_names(cls)) or value is ABSENT:
            raise self.slots_changed()
        self.bind("__slots__", value)


def _own(holder: Any, attribute: str) -> Any:
    if isinstance(holder, type):
        return vars(holder).get(attribute, ABSENT)
    return getattr(holder, attribute, ABSENT)


def _put_back(holder: Any, attribute: str, was: Any) -> None:
    if was is ABSENT:
        delattr(holder, attribute)
    else:
        setattr(holder, attribute, was)
