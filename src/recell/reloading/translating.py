"""What a run of a module's text in a namespace of its own has made, brought over to the living module.

Functions get the module's globals, living functions and classes stand where the run made others of the same definition,
and whatever holds them (closures, descriptors, partials, new classes, containers) follows.
"""

from __future__ import annotations

import functools
from collections import OrderedDict, defaultdict, deque
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any

from recell.callables import attributes, cache_parameters, rebuild
from recell.cells import EMPTY, contents_of
from recell.functions.building import remake
from recell.reloading.likeness import ATOMS, is_member

__all__ = ["CACHE", "OWN", "Translation"]

_UNTOUCHED = ATOMS | {ModuleType, bytearray, range, slice}
_REBUILT = (
    staticmethod,
    classmethod,
    property,
    functools.partial,
    functools.partialmethod,
    functools.cached_property,
)
CACHE = type(functools.lru_cache(maxsize=None)(lambda: None))

# what a class keeps for itself
OWN = frozenset(("__dict__", "__weakref__", "_abc_impl", "__classcell__", "__classdictcell__"))


class Translation:
    """Objects of the run -> what stands for them in the living module.

    Args:
        real: the living module's namespace.
        scratch: the run's namespace.
        module: the module's name.
    """

    real: dict[str, Any]
    scratch: dict[str, Any]
    module: str

    def __init__(self, real: dict[str, Any], scratch: dict[str, Any], module: str) -> None:
        self.real, self.scratch, self.module = real, scratch, module
        self.living: dict[int, Any] = {}
        self._made: dict[int, tuple[Any, Any]] = {}  # keeps the keys alive: an id means one object meanwhile
        self._known: set[int] | None = None

    def adopt(self, new: Any, living: Any) -> None:
        """From now on the living object stands for one of the run."""
        self.living[id(new)] = living
        self._made[id(new)] = (new, living)

    def forget(self) -> None:
        """Lets go of the run's objects, so that those which nobody holds go away."""
        self._made.clear()

    def _living(self) -> set[int]:
        if self._known is None:
            self._known = {id(value) for value in self.real.values()}
        return self._known

    def __call__(self, value: Any) -> Any:
        """What stands for a value; itself where nothing of the run is in it."""
        kind = type(value)
        if kind in _UNTOUCHED:
            return value
        made = self._made.get(id(value))
        if made is not None:
            return made[1]
        if kind is FunctionType:
            living = self.living.get(id(value))
            return (
                self._function(value) if living is None or value.__globals__ is not self.scratch else living
            )
        if id(value) in self._living():
            return value
        if issubclass(kind, type):
            return self._class(value) if value.__module__ == self.module else value
        return self._other(value)

    def _function(self, function: FunctionType) -> FunctionType:
        new = function
        if function.__globals__ is self.scratch:
            new = self.living[id(function)] = remake(function, globals=self.real)
        self._made[id(function)] = (function, new)
        self._made[id(new)] = (new, new)
        for cell in function.__closure__ or ():
            self.cell(cell)
        if new is not function and new.__defaults__:
            defaults = self(new.__defaults__)
            if defaults is not new.__defaults__:
                new.__defaults__ = defaults
        if new is not function and new.__kwdefaults__:
            self._mapping(new.__kwdefaults__)
        if new.__dict__:
            self._mapping(new.__dict__)
        return new

    def cell(self, cell: CellType) -> CellType:
        """A cell of the run, with what it holds translated."""
        inside = contents_of(cell)
        if inside is not EMPTY and type(inside) not in _UNTOUCHED:
            there = self(inside)
            if there is not inside:
                cell.cell_contents = there
        return cell

    def _mapping(self, mapping: dict[Any, Any]) -> None:
        keys = [key if type(key) in _UNTOUCHED else self(key) for key in list(mapping)]
        if any(there is not key for there, key in zip(keys, mapping)):
            items = list(zip(keys, mapping.values()))
            mapping.clear()
            mapping.update(items)
        for key, value in list(mapping.items()):
            if type(value) not in _UNTOUCHED:
                there = self(value)
                if there is not value:
                    mapping[key] = there

    def _class(self, cls: type) -> type:
        """A class that the living module does not have yet: its functions get the living globals."""
        self._made[id(cls)] = (cls, cls)
        bases = tuple([self(base) for base in cls.__bases__])
        if any(there is not base for there, base in zip(bases, cls.__bases__)):
            cls.__bases__ = bases
        for name, value in list(vars(cls).items()):
            if name not in OWN and type(value) not in _UNTOUCHED:
                there = self(value)
                if there is not value:
                    type.__setattr__(cls, name, there)
        return cls

    def _other(self, value: Any) -> Any:
        kind = type(value)
        self._made[id(value)] = (value, value)
        new: Any = value
        if kind in (list, deque):
            for index, item in enumerate(value):
                value[index] = self(item)
        elif kind in (dict, OrderedDict, defaultdict):
            self._mapping(value)
        elif kind in (tuple, set, frozenset):
            items = [self(item) for item in value]
            if any(there is not item for there, item in zip(items, value)):
                if kind is set:
                    value.clear()
                    value.update(items)
                else:
                    new = kind(items)
        elif kind is MethodType:
            function, owner = self(value.__func__), self(value.__self__)
            if function is not value.__func__ or owner is not value.__self__:
                new = MethodType(function, owner)
        elif kind is CACHE:
            inside = value.__wrapped__
            there = self(inside)
            if there is not inside:
                new = functools.lru_cache(**cache_parameters(value))(there)
        elif any(base in _REBUILT for base in kind.__mro__):
            new = self._rebuilt(value)
        elif is_member(value) and id(kind) in self.living:
            new = self._member(value)
        else:
            self._instance(value)
        if new is not value:
            self._made[id(value)] = (value, new)
        return new

    def _member(self, value: Any) -> Any:
        """The living enumeration's member; one of a flag's combinations is made where there is none yet."""
        living = self.living[id(type(value))]
        there = living._member_map_.get(value._name_)
        return living(value._value_) if there is None else there

    def _rebuilt(self, value: Any) -> Any:
        changed = False

        def transform(function: FunctionType) -> FunctionType:
            nonlocal changed
            there: FunctionType = self(function)
            changed = changed or there is not function
            return there

        try:
            new = rebuild(value, transform, "reload")
        except TypeError:  # what is inside is no plain function
            inside = getattr(value, "__func__", None)
            if type(value) in (staticmethod, classmethod) and inside is not None:
                there = self(inside)
                return value if there is inside else type(value)(there)
            self._instance(value)
            new = value
        if issubclass(type(value), functools.partial):
            arguments = self(value.args)
            keywords = dict(value.keywords)
            self._mapping(keywords)
            if arguments is not value.args or any(
                keywords[key] is not item for key, item in value.keywords.items()
            ):
                return type(value)(new.func, *arguments, **keywords)
        return new if changed else value

    def _instance(self, value: Any) -> None:
        """An object of some class: what it holds in its `__dict__`, and its class, where that lives already."""
        kind = type(value)
        living = self.living.get(id(kind))
        own = attributes(value)
        if own:
            self._mapping(own)
        if living is not None:
            try:
                object.__setattr__(value, "__class__", living)
            except TypeError:
                return
