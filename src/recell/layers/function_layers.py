"""Layers: what in-place verbs put over a function, a cell or an attribute, and take away again in any order.

Everything that is changed in place has one stack: its base (the very objects that were there) and the layers over
it in order of entry. What is in force is the base plus the layers, always computed from the base. Leaving removes
a layer wherever it lies; leaving the last one puts back the base.

For verbs that change things in place:

* subclass `Edit` (pure: a `State` in, a `State` out) and put it over a function with `FunctionLayer(func, edit)`;
  `CellLayer(cell, contents)`, `AttributeLayer(obj, name, value)`, `ItemLayer(obj, key, value)` do the rest;
* return a `recell.layers.changes.Change(verb, target, layers)` for a verb that undoes itself (kind 2), and
  `Change(verb, target, layers, stays=True)`, which is applied at once, for one that stays (kind 3).

A stack lives as long as somebody holds a layer of it: where nobody can undo any more, what is in force has become
the base. One lock guards entering and leaving; it can be taken again by what the garbage collector runs meanwhile.
"""

from __future__ import annotations

from types import FunctionType

from recell.layers.exchange import State, state_of
from recell.layers.function_stacks import Edit, FunctionStack
from recell.layers.values import ABSENT, BATCHES, LOCK, STACKS, AttributeLayer, CellLayer, ItemLayer, Layer

__all__ = [
    "ABSENT",
    "LOCK",
    "AttributeLayer",
    "CellLayer",
    "Edit",
    "FunctionLayer",
    "FunctionStack",
    "ItemLayer",
    "Layer",
    "beneath",
    "in_force",
    "stack_of",
]


class FunctionLayer(Layer):
    """An edit over a function."""

    __slots__ = ("edit", "stack")

    edit: Edit
    stack: FunctionStack

    def __init__(self, func: FunctionType, edit: Edit) -> None:
        self.stack = stack_of(func)
        self.edit = edit

    def again(self, edit: Edit) -> FunctionLayer:
        """A layer over the same function with another edit."""
        layer = FunctionLayer.__new__(FunctionLayer)
        layer.stack = self.stack
        layer.edit = edit
        return layer

    def enter(self) -> None:
        self.stack.enter(self.edit)

    def check(self) -> None:
        self.stack.check()

    def leave(self) -> None:
        self.stack.leave(self.edit)


def stack_of(func: FunctionType) -> FunctionStack:
    """The stack of a function, made where there is none."""
    with LOCK:
        known: FunctionStack | None = STACKS.get(id(func))
        if known is not None:
            return known
        stack = FunctionStack(func)
        STACKS[id(func)] = stack
        for one in tuple(BATCHES):
            batch = one()
            if batch is not None:
                batch.spread(func, stack)
        return stack


def in_force(func: FunctionType) -> State:
    """The state that the topmost layer of a function has made, or what it is without layers."""
    with LOCK:
        stack = STACKS.get(id(func))
        return state_of(func) if stack is None else stack.in_force()


def beneath(func: FunctionType) -> State:
    """The code and closure of a function beneath the layers that belong to it alone (overrides)."""
    with LOCK:
        stack = STACKS.get(id(func))
        return state_of(func) if stack is None else stack.beneath()
