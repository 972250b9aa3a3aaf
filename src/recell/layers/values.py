"""Places that hold one object, and the values put over it; `places` has their kinds.

The rules are those of functions: layers come and go in any order, by ranks; what is in force is the topmost value,
else the base; leaving the last layer puts back the very object. What the program itself assigned meanwhile is
overwritten when the topmost value leaves, as mock does; where it stands there when another layer comes, it is there
again when that one leaves.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import ref

from recell.layers.edits import PATCH
from recell.layers.locking import AFTER_FORK

if TYPE_CHECKING:
    Now = tuple[tuple["ValueLayer", ...], tuple[object, ...], Any]

__all__ = ["ABSENT", "NOTHING", "REST", "STACKS", "ValueLayer", "ValueStack", "stacks_holding"]


class _Absent:
    """The type of `ABSENT`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<absent>"


ABSENT: Any = _Absent()
"""No such attribute or item; as a value of a layer it means that there is to be none."""


REST: Now = ((), (ABSENT,), None)
NOTHING: Any = object()


def _same(one: Now, other: Now) -> bool:
    """Return whether a stack is as it was: what came in meanwhile has left again."""
    return one[0] == other[0] and [*map(id, one[1])] == [*map(id, other[1])]


class ValueStack:
    """A place that holds one object, its base, and the layers over it. The guarantees are those of `Stack`."""

    __slots__ = ("__weakref__", "busy", "now", "put")

    busy: bool
    """True while somebody is putting a value there, who looks at `now` again at the end."""
    now: Now
    """The layers; the base and what each layer has put there; what `now` becomes when the last layer leaves."""

    put: object
    """The value that was put there last, for as long as there are layers."""

    def __init__(self) -> None:
        self.now = REST
        self.busy = False
        self.put = NOTHING

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
                    elif self.put is before:  # else it is still on its way
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
                    self.put = values[-1] if layers else NOTHING
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


class _StackRef(ref):  # type: ignore[type-arg]
    __slots__ = ("key",)

    key: object


# id of what is changed (and the name, for attributes) -> its stack, weakly; that holds it, so the id stays its own
STACKS: dict[object, Any] = {}


def _forget(gone: Any, stacks: dict[object, Any] = STACKS) -> None:
    key = getattr(gone, "key", None)  # interrupted while it was made
    if stacks.get(key) is gone:
        del stacks[key]


def stacks_holding(obj: object) -> int:
    """Return how many items of an object have a stack now, each of which holds the object."""
    own = id(obj)
    keys = [key for key in list(STACKS) if type(key) is tuple and key[0] == own and key[1] == "item"]
    stacks = [known() for known in map(STACKS.get, keys) if known is not None]
    return sum(stack is not None for stack in stacks)


def _tidy() -> None:
    """In a child that was forked in the middle of another thread's change: finish it, or put it back."""
    for known in list(STACKS.values()):
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
            known: Any = STACKS.setdefault(self.key, made)
            stack: ValueStack | None = known()
            if stack is not None:
                self.stack = stack
                return stack
            _forget(known)

    def check(self) -> None:
        """Do nothing: what the program assigned meanwhile is overwritten."""
