"""Places that hold one object (a cell, an attribute, an item), the values put over it, and what all layers share."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary, ref

from recell.cells import EMPTY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import CellType, CodeType

__all__ = [
    "ABSENT",
    "LOCK",
    "AttributeLayer",
    "CellLayer",
    "CellStack",
    "ItemLayer",
    "Layer",
    "ValueLayer",
    "ValueStack",
    "held_codes",
    "let_go",
]

LOCK = RLock()


def let_go() -> None:
    """Gives the lock back where a signal's handler raised while it was acquired, perhaps right behind that."""
    if LOCK._is_owned():  # type: ignore[attr-defined, unused-ignore]
        LOCK.release()


# id of what is changed (and the name, for attributes) -> its stack, which holds it: so the id stays its own
STACKS: WeakValueDictionary[object, Any] = WeakValueDictionary()

# weak references to active layers that stand for layers of many functions, in order of entry
BATCHES: list[ref[Any]] = []


def held_codes() -> Iterator[Iterable[CodeType]]:
    """The code objects that those hold."""
    for one in list(BATCHES):
        batch = one()
        if batch is not None:
            yield from batch.codes()


class Layer:
    """One layer of a change: it can be entered (several times) and left."""

    __slots__ = ()

    def enter(self) -> None:
        """Puts the layer on top; nothing has changed when it raises."""
        raise NotImplementedError

    def check(self) -> None:
        """Raises InterferenceError where leaving would overwrite what somebody else assigned."""

    def leave(self) -> None:
        """Takes the layer away wherever it lies."""
        raise NotImplementedError


class _Absent:
    """The type of `ABSENT`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<absent>"


ABSENT: Any = _Absent()
"""No such attribute or item; as a value of a layer it means that there is to be none."""


class ValueStack:
    """A place that holds one object (a cell, an attribute, an item), its base, and the values over it.

    What the program itself assigned meanwhile is overwritten when the topmost value leaves, as mock does.
    """

    __slots__ = ("__weakref__", "base", "entries")

    def __init__(self) -> None:
        self.base: object = ABSENT
        self.entries: list[list[object]] = []

    def read(self) -> object:
        """What is there now, raw."""
        raise NotImplementedError

    def write(self, value: object) -> None:
        """Puts an object there; `ABSENT` takes it away."""
        raise NotImplementedError

    def enter(self, entry: list[object]) -> None:
        """Puts a value, boxed in a list of its own, on top."""
        entries = self.entries
        if not entries:
            self.base = self.read()
        one, entered = [entry], False
        try:
            entered = True
            entries += one  # no call: a signal's handler cannot raise between the two
            self.write(entry[0])
        except BaseException:
            if entered:
                self._remove(entry)
            raise

    def leave(self, entry: list[object]) -> None:
        """Takes a value away wherever it lies."""
        entries = self.entries
        was_on_top = entries[-1] is entry
        position = self._remove(entry)
        if was_on_top:
            try:
                self.write(entries[-1][0] if entries else self.base)
            except BaseException:
                entries.insert(position, entry)
                raise
        if not entries:
            self.base = ABSENT

    def _remove(self, entry: list[object]) -> int:
        entries = self.entries
        position = len(entries) - 1
        while entries[position] is not entry:
            position -= 1
        del entries[position]
        return position


class CellStack(ValueStack):
    """A cell's contents, `EMPTY` where it has none."""

    __slots__ = ("cell",)

    cell: CellType

    def __init__(self, cell: CellType) -> None:
        super().__init__()
        self.cell = cell

    def read(self) -> object:
        try:
            return self.cell.cell_contents
        except ValueError:
            return EMPTY

    def write(self, value: object) -> None:
        if value is EMPTY:
            del self.cell.cell_contents
        else:
            self.cell.cell_contents = value


class AttributeStack(ValueStack):
    """An object's own attribute, not what it inherits."""

    __slots__ = ("name", "obj")

    name: str
    obj: object

    def __init__(self, obj: object, name: str) -> None:
        super().__init__()
        self.obj = obj
        self.name = name

    def read(self) -> object:
        obj, name = self.obj, self.name
        for base in type(obj).__mro__:
            own: Mapping[str, object] = vars(base)
            if name in own:
                held: object = own[name]
                if hasattr(type(held), "__set__"):  # a data descriptor: a slot, a property
                    return getattr(obj, name, ABSENT)
                break
        try:
            own = object.__getattribute__(obj, "__dict__") if not isinstance(obj, type) else vars(obj)
        except AttributeError:
            return getattr(obj, name, ABSENT)
        return own.get(name, ABSENT)  # what is inherited is not the object's own

    def write(self, value: object) -> None:
        if value is not ABSENT:
            setattr(self.obj, self.name, value)
        elif self.read() is not ABSENT:
            delattr(self.obj, self.name)


class ItemStack(ValueStack):
    """An item of a mapping or sequence."""

    __slots__ = ("key", "obj")

    key: object
    obj: Any

    def __init__(self, obj: Any, key: object) -> None:
        super().__init__()
        self.obj = obj
        self.key = key

    def read(self) -> object:
        try:
            return self.obj[self.key]
        except (KeyError, IndexError):
            return ABSENT

    def write(self, value: object) -> None:
        if value is not ABSENT:
            self.obj[self.key] = value
        elif self.read() is not ABSENT:
            del self.obj[self.key]


class ValueLayer(Layer):
    """A value over those of a stack: of the one that has the key already, else of the one given."""

    __slots__ = ("entry", "stack")

    entry: list[object]

    def __init__(self, key: object, stack: ValueStack, value: object) -> None:
        with LOCK:
            self.stack: ValueStack = stack if key is None else STACKS.setdefault(key, stack)
        self.entry = [value]

    def enter(self) -> None:
        self.stack.enter(self.entry)

    def leave(self) -> None:
        self.stack.leave(self.entry)


class CellLayer(ValueLayer):
    """Contents over those of a cell; `EMPTY` empties it."""

    __slots__ = ()

    def __init__(self, cell: CellType, contents: object) -> None:
        super().__init__(id(cell), CellStack(cell), contents)


class AttributeLayer(ValueLayer):
    """A value over an object's own attribute; `ABSENT` deletes it."""

    __slots__ = ()

    def __init__(self, obj: object, name: str, value: object) -> None:
        super().__init__((id(obj), "attribute", name), AttributeStack(obj, name), value)


class ItemLayer(ValueLayer):
    """A value over an object's item; `ABSENT` deletes it."""

    __slots__ = ()

    def __init__(self, obj: object, key: Any, value: object) -> None:
        try:
            hash(key)
        except TypeError:  # a slice: it has a stack of its own
            super().__init__(None, ItemStack(obj, key), value)
        else:
            super().__init__((id(obj), "item", key), ItemStack(obj, key), value)
