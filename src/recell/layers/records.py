"""Records of functions, and the ways to look at their layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

from recell.layers.exchange import State, state_of
from recell.layers.locking import AFTER_FORK
from recell.layers.stacks import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FunctionType

    from recell.layers.edits import Edit

__all__ = [
    "Record",
    "base_of",
    "beneath",
    "has_layers",
    "held_codes",
    "in_force",
    "layered",
    "layers_of",
    "record_of",
    "up_to",
    "used_stack",
]


class Record:
    """The record of one function, kept as long as it lives. It holds neither the function nor a value given for it."""

    __slots__ = ("bridges", "idle", "limbos", "local", "plans", "ref", "used")

    idle: Stack | None
    """The stack while it is at rest."""
    used: Any
    """A weak reference to the stack."""
    plans: dict[Any, Any]
    """Names -> how they get another meaning in its code."""
    bridges: dict[int, Any]
    """Id of a code object -> the code that passes on to a function with it."""
    limbos: dict[Any, Any]
    """Parts that exchanges of its code and closure use again."""
    local: Any
    """Guards and boxes, which `recell.local` keeps."""

    def __init__(self, func: FunctionType) -> None:
        made = _FunctionRef(func, _forget)
        made.key = id(func)
        self.ref: ref[FunctionType] = made
        self.plans, self.bridges, self.limbos = {}, {}, {}
        self.local = None
        Stack(self)

    def keep(self, stack: Stack) -> None:
        """Take a new stack."""
        self.used = ref(stack)
        self.idle = stack


class _FunctionRef(ref):  # type: ignore[type-arg]
    __slots__ = ("key",)

    key: int


# id of a function -> what is known of it; without a lock, as each step is one C call
_records: dict[int, Record] = {}


def _forget(gone: Any, records: dict[int, Record] = _records) -> None:
    key: Any = getattr(gone, "key", None)  # interrupted while it was made
    known = records.get(key)
    if known is not None and known.ref is gone:
        del records[key]


def record_of(func: FunctionType) -> Record:
    """Return what is known of a function."""
    key = id(func)
    known = _records.get(key)
    if known is not None and known.ref() is func:
        return known
    record = Record(func)
    while True:
        known = _records.setdefault(key, record)
        if known is record or known.ref() is func:
            return known
        _records.pop(key, None)  # of a function that is gone, and whose end was not told


def used_stack(record: Record) -> Stack:
    """Return the stack of a function; a new one where nobody can undo any more what was in force: it is the base now.

    To be called under the lock.
    """
    stack: Stack | None = record.idle or record.used()
    return Stack(record) if stack is None else stack


def _stack(func: FunctionType) -> Stack | None:
    """Return the stack of a function that has layers."""
    record = _records.get(id(func))
    if record is None or record.ref() is not func:
        return None
    stack: Stack | None = record.idle or record.used()
    return stack if stack is not None and stack.now[1] else None


def in_force(func: FunctionType) -> State:
    """Return the state that the topmost layer of a function has made, or what it is without layers."""
    stack = _stack(func)
    states = stack.now[1] if stack is not None else ()
    return states[-1] if states else state_of(func)


def beneath(func: FunctionType) -> State:
    """Return the same without what belongs to this function alone: overridden names."""
    return in_force(func).public


def up_to(func: FunctionType, rank: int) -> State:
    """Return the state over the layers of a rank and those below it."""
    stack = _stack(func)
    if stack is None:
        return state_of(func)
    layers, states, _ = stack.now
    at = len(layers)
    while at and layers[at - 1].rank > rank:
        at -= 1
    return states[at] if states else state_of(func)


def base_of(func: FunctionType) -> State:
    """Return what a function is beneath all layers."""
    return up_to(func, -2)


def layers_of(func: FunctionType) -> tuple[Edit, ...]:
    """Return the layers of a function, the lowest first."""
    stack = _stack(func)
    return () if stack is None else stack.now[0]


def has_layers(func: FunctionType) -> bool:
    """Return whether a function has layers: else it is what it shows."""
    return _stack(func) is not None


def layered() -> set[int]:
    """Return the ids of all functions that have layers."""
    found = set()
    for key, record in _records.copy().items():  # the collector may take one meanwhile
        stack = record.idle or record.used()
        if stack is not None and stack.now[1]:
            found.add(key)
    return found


def held_codes() -> Iterator[CodeType]:
    """Yield the code objects that layers and their states hold, as often as they do."""
    for record in list(_records.values()):
        stack = record.idle or record.used()
        if stack is not None and stack.now[1]:
            for holder in (*stack.now[0], *stack.now[1]):
                code = getattr(holder, "code", None)
                if code is not None:
                    yield code


def _tidy() -> None:
    """In a child that was forked in the middle of another thread's change: finish it, or put it back."""
    for record in list(_records.values()):
        stack, func = record.idle or record.used(), record.ref()
        if stack is not None and stack.busy and func is not None:
            stack.installed = None
            stack.settle(func)


AFTER_FORK.append(_tidy)
