"""Copies of methods, whatever descriptors and decorators stand around them, with a `__class__` cell of their own."""

from __future__ import annotations

from functools import cached_property
from types import CellType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from recell.callables import copied, functions_in
from recell.cells import is_empty
from recell.classes.class_cells import uses_class, with_class_cell
from recell.code.guarded import own_code
from recell.functions.building import remake
from recell.walking import CLASS, held_by

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recell.walking import Plan

__all__ = ["copied_for"]


def copied_for(obj: Any, cell: CellType) -> Any:
    """Return a copy of `obj`, with `cell` as the `__class__` cell of the functions in it.

    Args:
        obj: a function, or a descriptor or decorator around functions, opaque ones included.
        cell: holds the class.

    Returns:
        A copy; what leads to no function that says `super` or `__class__` is shared with the original, and where
        nothing does, the functions directly in it get the cell.
    """
    if type(obj) is FunctionType and _leads_nowhere(obj):
        return remake(obj, with_class_cell(own_code(obj)), (cell,))
    return _Copying(obj, cell)(obj)


def _leads_nowhere(func: FunctionType) -> bool:
    return not (func.__closure__ or func.__defaults__ or func.__kwdefaults__ or func.__dict__)


class _Copying:
    """The copying of one object: first all that leads to a function that gets the cell is found, then copied."""

    def __init__(self, root: object, cell: CellType) -> None:
        self.cell = cell
        self.made: dict[int, Any] = {}  # id of an original -> its copy
        self.seeds: dict[int, FunctionType] = {}
        self.dirty: set[int] = set()
        self._search(root)

    def _search(self, root: object) -> None:
        plans: dict[type, Plan] = {}
        holders: dict[int, list[int]] = {}
        alive: list[object] = []
        seen = {id(root)}
        waiting = [root]
        while waiting:
            obj = waiting.pop()
            alive.append(obj)
            if type(obj) is FunctionType and uses_class(own_code(obj)):
                self.seeds[id(obj)] = obj
            held: Iterable[object]
            if type(obj) is MethodType and not isinstance(obj.__self__, type):
                held = (obj.__self__,)  # a method of another object's class has that class
            else:
                held = held_by(obj, plans)
            for value in held:
                holders.setdefault(id(value), []).append(id(obj))
                if id(value) not in seen:
                    seen.add(id(value))
                    waiting.append(value)
        if not self.seeds:
            self.seeds = {id(func): func for func in functions_in(root)}
        self._alive = alive
        spreading = list(self.seeds)
        while spreading:
            key = spreading.pop()
            if key not in self.dirty:
                self.dirty.add(key)
                spreading += holders.get(key, ())

    def __call__(self, obj: Any) -> Any:
        """Return the copy of an object that has to be copied, else the object itself."""
        key = id(obj)
        if key not in self.dirty:
            return obj
        if key not in self.made:
            if type(obj) is FunctionType:
                self._function(obj)
            else:
                # what holds itself may have been met, and copied, once more in the meantime
                copied(obj, self, note=lambda new: self.made.setdefault(key, new))
                if cached_property in type(obj).__mro__:
                    self.made[key].attrname = None  # `__set_name__` tells the copy its own
        return self.made[key]

    def _function(self, func: FunctionType) -> None:
        code, closure = own_code(func), func.__closure__ or ()
        is_seed = id(func) in self.seeds
        if is_seed:
            code = with_class_cell(code)
        fresh: list[tuple[CellType, object]] = []
        cells: list[CellType] = []
        for name, cell in zip(func.__code__.co_freevars, closure):
            if is_seed and name == CLASS:
                cells.append(self.cell)
            elif not is_empty(cell) and id(cell.cell_contents) in self.dirty:
                cells.append(CellType())
                fresh.append((cells[-1], cell.cell_contents))
            else:
                cells.append(cell)
        cells += [self.cell] * (len(code.co_freevars) - len(cells))
        new = self.made[id(func)] = remake(func, code, tuple(cells) or None)
        for cell, contents in fresh:
            cell.cell_contents = self(contents)
        if any(id(value) in self.dirty for value in func.__defaults__ or ()):
            new.__defaults__ = tuple(map(self, func.__defaults__ or ()))
        for values in (new.__kwdefaults__, new.__dict__):
            for name, value in (values or {}).items():
                if id(value) in self.dirty:
                    values[name] = self(value)  # type: ignore[index]
