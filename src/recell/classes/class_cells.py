"""Copies of methods, whatever descriptors and decorators stand around them, with a `__class__` cell of their own."""

from __future__ import annotations

import functools
from types import CellType, CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from recell.callables import cache_parameters, functions_in
from recell.cells import is_empty
from recell.classes.reaching import CLASS, attributes, held_by, slots_of
from recell.code.assembler import apply
from recell.code.instructions import free_base, sites
from recell.code.site_edits import closure_edits
from recell.code.sites import checked
from recell.code.to_cells import add_free_variables, globals_to_cells
from recell.code.tree import is_function
from recell.functions.building import remake

if TYPE_CHECKING:
    from recell.classes.reaching import Plan
    from recell.code.assembler import Edit

__all__ = ["grafted"]


def uses_class(code: CodeType) -> bool:
    """Whether a function, or one nested in it, says `super` or `__class__`."""
    if CLASS in code.co_freevars or "super" in code.co_names or CLASS in code.co_names:
        return True
    return any(
        uses_class(constant)
        for constant in code.co_consts
        if type(constant) is CodeType and is_function(constant)
    )


def with_class_cell(code: CodeType) -> CodeType:
    """The code with the free variable `__class__`, which functions nested in it get too where they say `super`.

    The compiler gives it to what stands in a class body. A class inside the function has one of its own.
    """
    for constant in code.co_consts:
        if type(constant) is CodeType:
            return _given_class(globals_to_cells(code, (CLASS,)))
    if CLASS in code.co_names:
        code = globals_to_cells(code, (CLASS,))
    return code if CLASS in code.co_freevars else add_free_variables(code, (CLASS,))


def _given_class(code: CodeType) -> CodeType:
    if CLASS not in code.co_freevars:
        code = add_free_variables(code, (CLASS,))
    constants = list(code.co_consts)
    slot = free_base(code) + code.co_freevars.index(CLASS)
    raw = code.co_code
    args = raw[1::2]
    edits: list[Edit] = []
    for site in sites(code, raw[::2], args):
        nested = site.code
        if is_function(nested) and uses_class(nested):
            constants[site.constant] = _given_class(nested)
            if CLASS not in nested.co_freevars:
                edits += closure_edits(site, [*site.slots, slot], args)
    if all(new is old for new, old in zip(constants, code.co_consts)):
        return code
    return checked(apply(code, sorted(edits), co_consts=tuple(constants), co_stacksize=code.co_stacksize + 1))


def grafted(obj: Any, cell: CellType) -> Any:
    """`obj` again, with `cell` as the `__class__` cell of the functions in it.

    Args:
        obj: a function, or a descriptor or decorator around functions, opaque ones included.
        cell: holds the class.

    Returns:
        A copy; what leads to no function that says `super` or `__class__` is shared with the original, and where
        nothing does, the functions directly in it get the cell.
    """
    if type(obj) is FunctionType and _leads_nowhere(obj):
        return remake(obj, with_class_cell(obj.__code__), (cell,))
    return _Grafter(obj, cell).copy(obj)


def _leads_nowhere(func: FunctionType) -> bool:
    return not (func.__closure__ or func.__defaults__ or func.__kwdefaults__ or func.__dict__)


class _Grafter:
    """Finds what has to be copied (what leads to a function that gets the cell), then copies it."""

    def __init__(self, root: object, cell: CellType) -> None:
        self.cell = cell
        self.made: dict[int, Any] = {}  # id of an original -> its copy
        self.plans: dict[type, Plan] = {}
        self.seeds: dict[int, FunctionType] = {}
        self.dirty: set[int] = set()
        self._search(root)

    def _search(self, root: object) -> None:
        holders: dict[int, list[int]] = {}
        alive: list[object] = []
        seen = {id(root)}
        waiting = [root]
        while waiting:
            obj = waiting.pop()
            alive.append(obj)
            if type(obj) is FunctionType and uses_class(obj.__code__):
                self.seeds[id(obj)] = obj
            if type(obj) is MethodType and not isinstance(obj.__self__, type):
                held: Any = (obj.__self__,)  # a method of another object's class has that class
            else:
                held = held_by(obj, self.plans)
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

    def copy(self, obj: Any) -> Any:
        """The copy of an object that has to be copied, else the object itself."""
        key = id(obj)
        if key not in self.dirty:
            return obj
        if key in self.made:
            return self.made[key]
        if type(obj) is FunctionType:
            return self._function(obj)
        kind = type(obj)  # pyright: ignore[reportUnknownVariableType]
        for base in kind.__mro__:
            method = _KINDS.get(base)
            if method is not None:
                return method(self, obj, kind)
        if kind.__name__ == "_lru_cache_wrapper":
            return self._cached(obj)
        return self._instance(obj, kind)

    def _function(self, func: FunctionType) -> FunctionType:
        code, closure = func.__code__, func.__closure__ or ()
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
            cell.cell_contents = self.copy(contents)
        if any(id(value) in self.dirty for value in func.__defaults__ or ()):
            new.__defaults__ = tuple(map(self.copy, func.__defaults__ or ()))
        for held in (new.__kwdefaults__, new.__dict__):
            self._mapped(held)
        return new

    def _mapped(self, values: dict[str, Any] | None) -> None:
        for name, value in (values or {}).items():
            if id(value) in self.dirty:
                values[name] = self.copy(value)  # type: ignore[index]

    def _wrapper(self, obj: Any, kind: Any) -> Any:
        """A staticmethod or classmethod."""
        base: Any = staticmethod if issubclass(kind, staticmethod) else classmethod
        func = self.copy(obj.__func__)
        new = self.made[id(obj)] = base.__new__(kind, func)
        if base.__init__ is not object.__init__:  # where __new__ does not take it (before 3.15)
            base.__init__(new, func)
        return self._state(obj, new)

    def _property(self, obj: Any, kind: Any) -> Any:
        new = self.made[id(obj)] = property.__new__(kind)
        fget, fset, fdel = (self.copy(accessor) for accessor in (obj.fget, obj.fset, obj.fdel))
        property.__init__(new, fget, fset, fdel, obj.__doc__)
        return self._state(obj, new)

    def _method(self, obj: Any, kind: Any) -> Any:
        return MethodType(self.copy(obj.__func__), self.copy(obj.__self__))

    def _partial(self, obj: Any, kind: Any) -> Any:
        keywords = {name: self.copy(value) for name, value in obj.keywords.items()}
        new = functools.partial.__new__(kind, self.copy(obj.func), *map(self.copy, obj.args), **keywords)
        self.made[id(obj)] = new
        return self._state(obj, new)

    def _partialmethod(self, obj: Any, kind: Any) -> Any:
        new = self._instance(obj, kind)
        new.args = tuple(map(self.copy, obj.args))
        new.keywords = {name: self.copy(value) for name, value in obj.keywords.items()}
        return new

    def _dispatching(self, obj: Any, kind: Any) -> Any:
        new = self.made[id(obj)] = functools.singledispatchmethod(self.copy(obj.func))
        for cls, func in obj.dispatcher.registry.items():
            if cls is not object:
                new.register(cls, self.copy(func))
        return new

    def _cached_property(self, obj: Any, kind: Any) -> Any:
        new = self._instance(obj, kind)
        new.attrname = None  # `__set_name__` tells the copy its own
        return new

    def _cached(self, obj: Any) -> Any:
        """A `functools.lru_cache`, with a cache of its own."""
        make = functools.lru_cache(**cache_parameters(obj))
        new = self.made[id(obj)] = make(self.copy(obj.__wrapped__))
        return self._state(obj, new)

    def _instance(self, obj: Any, kind: Any) -> Any:
        """An instance of a class written in Python, without a call of that class's own methods."""
        try:
            new = object.__new__(kind)
        except TypeError:  # a class on top of a C class
            import copy

            new = copy.copy(obj)
        self.made[id(obj)] = new
        return self._state(obj, new)

    def _state(self, obj: Any, new: Any) -> Any:
        """Gives a copy the attributes and slots of the original; the constructor's own stay."""
        own, target = attributes(obj), attributes(new)
        if own is not None and target is not None:
            for name, value in own.items():
                if name not in target:
                    target[name] = value
            self._mapped(target)
        for slot in slots_of(type(new)):  # pyright: ignore[reportUnknownArgumentType]
            if slot.__objclass__.__flags__ & 1 << 9:  # of a class written in Python
                try:
                    slot.__set__(new, self.copy(slot.__get__(obj)))
                except AttributeError:
                    continue
        return new


_KINDS: dict[type, Any] = {
    staticmethod: _Grafter._wrapper,
    classmethod: _Grafter._wrapper,
    property: _Grafter._property,
    MethodType: _Grafter._method,
    functools.partial: _Grafter._partial,
    functools.partialmethod: _Grafter._partialmethod,
    functools.singledispatchmethod: _Grafter._dispatching,
    functools.cached_property: _Grafter._cached_property,
}
