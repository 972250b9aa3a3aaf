"""Kinds of places that hold one object: a cell, an attribute, an item; and the layers that put a value there."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from recell.cells import EMPTY
from recell.layers.edits import PATCH
from recell.layers.values import ABSENT, NOTHING, REST, STACKS, ValueLayer, ValueStack

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import CellType

__all__ = ["AttributeLayer", "CellLayer", "CellStack", "ItemLayer"]


class CellStack(ValueStack):
    """A cell's contents, `EMPTY` where it has none."""

    __slots__ = ("cell",)

    cell: CellType

    def __init__(self, cell: CellType) -> None:
        self.now = REST
        self.busy = False
        self.put = NOTHING
        self.cell = cell

    def read(self) -> object:
        try:
            return self.cell.cell_contents
        except ValueError:
            return EMPTY

    def standing(self, value: object) -> object:
        return self.read()

    def write(self, value: object) -> None:
        if value is EMPTY:
            del self.cell.cell_contents
        else:
            self.cell.cell_contents = value


class _Inherited:
    """The base of an attribute that is not the object's own: what is seen there instead."""

    __slots__ = ("seen",)

    def __init__(self, seen: object) -> None:
        self.seen = seen


class AttributeStack(ValueStack):
    """An object's own attribute; or one that it inherits, computes, or has from an object that it stands for."""

    __slots__ = ("name", "obj", "written")

    name: str
    obj: object

    def __init__(self, obj: object, name: str) -> None:
        super().__init__()
        self.obj = obj
        self.name = name
        self.written: object = ABSENT

    def read(self) -> object:
        own = self._own()
        if own is ABSENT:
            seen = getattr(self.obj, self.name, ABSENT)
            return own if seen is ABSENT else _Inherited(seen)
        return own

    def _own(self) -> object:
        obj, name = self.obj, self.name
        for base in type(obj).__mro__:
            own: Mapping[str, object] = vars(base)
            if name in own:
                if base is type and name in vars(obj):  # a class's `__doc__` may be computed when it is read
                    break
                held: object = own[name]
                if hasattr(type(held), "__set__"):  # a data descriptor: a slot, a property
                    return getattr(obj, name, ABSENT)
                break
        try:
            own = object.__getattribute__(obj, "__dict__") if not isinstance(obj, type) else vars(obj)
        except AttributeError:
            return getattr(obj, name, ABSENT)
        return own.get(name, ABSENT)  # what is inherited is not the object's own

    def standing(self, value: object) -> object:
        found = self.read()
        if type(found) is not _Inherited:
            return found
        return value if value is ABSENT or found.seen is value else found.seen

    def write(self, value: object) -> None:
        if type(value) is _Inherited:
            self._give_up(value.seen)
        elif value is ABSENT:
            try:
                delattr(self.obj, self.name)
            except AttributeError:
                if hasattr(self.obj, self.name) or self._own() is not ABSENT:  # else it is gone already
                    raise
        else:
            setattr(self.obj, self.name, value)
            self.written = value

    def _give_up(self, seen: object) -> None:
        """Let the object inherit again; one that hands assignments on to another object gets what was seen there."""
        obj, name, written = self.obj, self.name, self.written
        self.written = ABSENT
        with suppress(AttributeError):  # deleted meanwhile, or it does not hand that on
            delattr(obj, name)
        left = getattr(obj, name, ABSENT)
        if left is ABSENT or (left is written and left is not seen):
            setattr(obj, name, seen)


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
        if hasattr(self.obj, "keys") and self.key not in self.obj:
            return ABSENT  # reading would make it, in a defaultdict
        try:
            return self.obj[self.key]
        except (KeyError, IndexError):
            return ABSENT

    def standing(self, value: object) -> object:
        return self.read()

    def write(self, value: object) -> None:
        if value is not ABSENT:
            self.obj[self.key] = value
        elif self.read() is not ABSENT:
            del self.obj[self.key]


class CellLayer(ValueLayer):
    """Contents over those of a cell; `EMPTY` empties it."""

    __slots__ = ("cell",)

    def __init__(self, cell: CellType, contents: object, rank: int = PATCH) -> None:
        self.key: object = id(cell)
        self.cell: CellType = cell
        self.value = contents
        self.rank = rank
        known: Any = STACKS.get(self.key)
        self.stack: ValueStack | None = None if known is None else known()

    def find(self) -> ValueStack:
        return self._shared(CellStack(self.cell))


class AttributeLayer(ValueLayer):
    """A value over an object's own attribute; `ABSENT` deletes it."""

    __slots__ = ()

    def __init__(self, obj: object, name: str, value: object, rank: int = PATCH) -> None:
        super().__init__((id(obj), "attribute", name), AttributeStack(obj, name), value, rank)


class ItemLayer(ValueLayer):
    """A value over an object's item; `ABSENT` deletes it."""

    __slots__ = ()

    def __init__(self, obj: object, key: Any, value: object, rank: int = PATCH) -> None:
        try:
            hash(key)
        except TypeError:  # a slice: it has a stack of its own
            super().__init__(None, ItemStack(obj, key), value, rank)
        else:
            super().__init__((id(obj), "item", key), ItemStack(obj, key), value, rank)
