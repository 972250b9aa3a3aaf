"""Places that hold one object (a cell, an attribute, an item), and the values put over it.

The rules are those of functions: layers come and go in any order, by ranks; what is in force is the topmost value,
else the base; leaving the last layer puts back the very object. What the program itself assigned meanwhile is
overwritten when the topmost value leaves, as mock does; where it stands there when another layer comes, it is there
again when that one leaves.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import ref

from recell.cells import EMPTY
from recell.layers.edits import PATCH
from recell.layers.locking import AFTER_FORK

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import CellType

    Now = tuple[tuple["ValueLayer", ...], tuple[object, ...], Any]

__all__ = [
    "ABSENT",
    "AttributeLayer",
    "CellLayer",
    "CellStack",
    "ItemLayer",
    "ValueLayer",
    "ValueStack",
    "stacks_holding",
]


class _Absent:
    """The type of `ABSENT`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<absent>"


ABSENT: Any = _Absent()
"""No such attribute or item; as a value of a layer it means that there is to be none."""


REST: Now = ((), (ABSENT,), None)


def _same(one: Now, other: Now) -> bool:
    """Return whether a stack is as it was: what came in meanwhile has left again."""
    return one[0] == other[0] and [*map(id, one[1])] == [*map(id, other[1])]


class ValueStack:
    """A place that holds one object, its base, and the layers over it. The guarantees are those of `Stack`."""

    __slots__ = ("__weakref__", "busy", "now")

    busy: bool
    """True while somebody is putting a value there, who looks at `now` again at the end."""
    now: Now
    """The layers; the base and what each layer has put there; what `now` becomes when the last layer leaves."""

    def __init__(self) -> None:
        self.now = REST
        self.busy = False

    def read(self) -> object:
        """Return what is there now, raw."""
        raise NotImplementedError

    def write(self, value: object) -> None:
        """Put an object there; `ABSENT` takes it away."""
        raise NotImplementedError

    def standing(self, value: object) -> object:
        """Return what the program has put in the place of a layer's value; that value where it has not."""
        return value

    def enter(self, layer: ValueLayer) -> None:
        """Put a value over those of its rank; nothing has changed when it raises."""
        now: Any = None
        new: Any = None
        before: object = None
        try:
            while True:
                now = self.now
                if now is REST:
                    before = self.read()
                    new = (layer,), (before, layer.value), ((), (before,), None)
                else:
                    layers, values, empty = now
                    before = values[-1]
                    if not layers:  # the last one is on its way out
                        empty = now
                    else:
                        before = self.standing(before)
                        values = (*values[:-1], before)
                    at = len(layers)
                    while at and layers[at - 1].rank > layer.rank:
                        at -= 1
                    values = (*values[: at + 1], layer.value, *values[at + 1 :])
                    new = (*layers[:at], layer, *layers[at:]), values, empty
                # in, unless something came in meanwhile and stayed; one line, so that no trace function comes between
                self.now = chosen = new if self.now is now or _same(self.now, now) else self.now
                if chosen is new:
                    break
            if new[0][-1] is layer and not self.busy:
                self.settle()
        except BaseException:
            if new is not None and self.now is new:
                self.now = now
                self._put_back(before)
            raise

    def leave(self, layer: ValueLayer) -> None:
        """Take the last entry of a layer out, wherever it lies; where it is out already, that is all right."""
        now: Any = None
        new: Any = None
        try:
            while True:
                now = self.now
                layers, values, empty = now
                at = len(layers) - 1
                while at >= 0 and layers[at] is not layer:
                    at -= 1
                if at < 0:
                    return
                values = (*values[: at + 1], *values[at + 2 :])
                new = empty if len(layers) == 1 else ((*layers[:at], *layers[at + 1 :]), values, empty)
                self.now = chosen = new if self.now is now or _same(self.now, now) else self.now
                if chosen is new:
                    break
            if at == len(new[0]) and not self.busy:  # it was the topmost
                self.settle()
        except BaseException:
            if new is not None and self.now is new:
                self.now = now
                self._put_back(now[1][-1])
            raise

    def settle(self) -> None:
        """Put there what is to be in force, until that is there."""
        try:
            self.busy = True
            while True:
                now = self.now
                if now is not REST:
                    layers, values, _ = now
                    self.write(values[-1])
                    if not layers:
                        self.now = REST if self.now is now else self.now
                self.busy = False
                # what came in behind that was put there by those who brought it
                if self.now is now or self.now is REST or _same(self.now, now):
                    break
                self.busy = True
        except BaseException:
            self.busy = False
            raise

    def times(self, layer: ValueLayer) -> int:
        """Return how often a layer lies here."""
        return sum([one is layer for one in self.now[0]])

    def _put_back(self, value: object) -> None:
        """After a failure: put there what was there before, unless it still is."""
        with suppress(BaseException):  # the first failure is the one to tell
            if self.read() is not value:
                self.write(value)


class CellStack(ValueStack):
    """A cell's contents, `EMPTY` where it has none."""

    __slots__ = ("cell",)

    cell: CellType

    def __init__(self, cell: CellType) -> None:
        self.now = REST
        self.busy = False
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


class _StackRef(ref):  # type: ignore[type-arg]
    __slots__ = ("key",)

    key: object


# id of what is changed (and the name, for attributes) -> its stack, weakly; that holds it, so the id stays its own
_stacks: dict[object, Any] = {}


def _forget(gone: Any, stacks: dict[object, Any] = _stacks) -> None:
    key = getattr(gone, "key", None)  # interrupted while it was made
    if stacks.get(key) is gone:
        del stacks[key]


def stacks_holding(obj: object) -> int:
    """Return how many items of an object have a stack now, each of which holds the object."""
    own = id(obj)
    keys = [key for key in list(_stacks) if type(key) is tuple and key[0] == own and key[1] == "item"]
    stacks = [known() for known in map(_stacks.get, keys) if known is not None]
    return sum(stack is not None for stack in stacks)


def _tidy() -> None:
    """In a child that was forked in the middle of another thread's change: finish it, or put it back."""
    for known in list(_stacks.values()):
        stack = known()
        if stack is not None and stack.busy:
            stack.settle()


AFTER_FORK.append(_tidy)


class ValueLayer:
    """A value over those of a stack: of the one that has the key already, else of the one given.

    Args:
        key: names the place; None for a place that nobody else can name.
        stack: of that place; where another has the key, that one is used.
        value: what is put there.
        rank: see `Edit`.
    """

    __slots__ = ("key", "rank", "stack", "value")

    stack: ValueStack | None

    def __init__(self, key: object, stack: ValueStack, value: object, rank: int = PATCH) -> None:
        self.key: object = key
        self.value: object = value
        self.rank: int = rank
        self.stack = stack
        if key is not None:
            self._shared(stack)

    def find(self) -> ValueStack:
        """Return the stack of the place."""
        assert self.stack is not None
        return self.stack

    def _shared(self, own: ValueStack) -> ValueStack:
        """Return the stack that all have who name the place so: the one given where it is the first."""
        made: Any = _StackRef(own, _forget)
        made.key = self.key
        while True:
            known: Any = _stacks.setdefault(self.key, made)
            stack: ValueStack | None = known()
            if stack is not None:
                self.stack = stack
                return stack
            _forget(known)

    def check(self) -> None:
        """Do nothing: what the program assigned meanwhile is overwritten."""


class CellLayer(ValueLayer):
    """Contents over those of a cell; `EMPTY` empties it."""

    __slots__ = ("cell",)

    def __init__(self, cell: CellType, contents: object, rank: int = PATCH) -> None:
        self.key: object = id(cell)
        self.cell: CellType = cell
        self.value = contents
        self.rank = rank
        known: Any = _stacks.get(self.key)
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
