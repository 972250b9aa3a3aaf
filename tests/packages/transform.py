"""Every function of a package promoted and rebuilt: what the plugin does before the package's tests are imported."""

from __future__ import annotations

import builtins
import gc
import sys
from types import CellType, FunctionType, ModuleType
from typing import Any, Callable

from corpus import harvest

import recell

WAYS = ("plain", "swap", "assign")


class Transformed:
    """What was done with a package's functions.

    Args:
        packages: the names of the package's top modules; all their modules are imported.
        way: `"swap"`: each function stays the object that it is and gets the code and cells of its promoted copy.
            `"assign"`: the promoted copy takes the function's place wherever a module, class or module-level object
            holds it under a name. `"plain"`: nothing but the imports.
        leave: names, as `module.name`, that stay globals.
    """

    def __init__(self, packages: tuple[str, ...], way: str, leave: frozenset[str] = frozenset()) -> None:
        self.roots = frozenset(packages)
        self.leave = leave
        self.cells: dict[tuple[int, str], CellType] = {}
        self.spaces: dict[int, dict[str, Any]] = {}
        self.promoted = self.rebuilt = self.names = 0
        self.refused: dict[str, str] = {}
        self.written: set[str] = set()
        self.assigned: set[str] = set()
        self.modules = harvest.modules(packages)
        self.functions = self.every_function()
        if way == "swap":
            self.swap()
        elif way == "assign":
            self.assign()
        for (space, name), cell in self.cells.items():  # only now: the values may have been rebuilt, too
            cell.cell_contents = self.value(self.spaces[space], name)

    def every_function(self) -> list[FunctionType]:
        """The package's functions, however they are held."""
        gc.collect()
        return [
            func
            for func in gc.get_objects()
            if type(func) is FunctionType and self.is_own(func.__globals__.get("__name__"))
        ]

    def is_own(self, module: object) -> bool:
        parts = str(module).split(".")
        return parts[0] in self.roots and not {"tests", "conftest"} & set(parts)

    def value(self, space: dict[str, Any], name: str) -> Any:
        return space[name] if name in space else vars(builtins)[name]

    def copy(self, func: FunctionType) -> FunctionType:
        """The function with all globals and builtins that it reads in cells; one cell for a module's name."""
        space = func.__globals__
        self.spaces[id(space)] = space
        found = recell.scope(func)
        code = func.__code__
        local = {*code.co_varnames, *code.co_cellvars, *code.co_freevars}
        module = space.get("__name__")
        names = sorted({*found.globals, *found.builtins} - local)
        self.assigned.update(f"{module}.{name}" for name in names if name in found.assigned)
        values = {
            name: self.cells.setdefault((id(space), name), CellType())
            for name in names
            if f"{module}.{name}" not in self.leave
        }
        self.rebuilt += 1
        if not values:
            return recell.replace(func)
        self.promoted += 1
        self.names += len(values)
        return recell.promote(func, values)

    def made(self) -> dict[int, tuple[FunctionType, FunctionType]]:
        found: dict[int, tuple[FunctionType, FunctionType]] = {}
        for func in self.functions:
            try:
                found[id(func)] = func, self.copy(func)
            except recell.RecellError as error:
                self.refused[f"{func.__module__}.{func.__qualname__}"] = f"{type(error).__name__}: {error}"
        return found

    def swap(self) -> None:
        for func, new in self.made().values():
            recell.swap(func, new)

    def assign(self) -> None:
        made = self.made()

        def copied(func: FunctionType) -> FunctionType:
            return made.get(id(func), (func, func))[1]

        seen: set[int] = set()
        for module in self.modules:
            self.in_namespace(
                vars(module), copied, lambda name, new, m=module: vars(m).__setitem__(name, new)
            )
            for value in list(vars(module).values()):
                self.in_object(value, copied, seen)

    def in_object(self, value: Any, copied: Callable[[Any], Any], seen: set[int]) -> None:
        """A class's attributes and those of its nested classes; an object's own, where its class is the package's."""
        owner = value if isinstance(value, type) else type(value)
        if id(value) in seen or not self.is_own(getattr(owner, "__module__", None)):
            return
        seen.add(id(value))
        if isinstance(value, type):
            self.in_namespace(vars(value), copied, lambda name, new: type.__setattr__(value, name, new))
            for inner in list(vars(value).values()):
                self.in_object(inner, copied, seen)
        elif type(getattr(value, "__dict__", None)) is dict and not isinstance(value, ModuleType):
            own = value.__dict__
            self.in_namespace(own, copied, own.__setitem__)

    def in_namespace(
        self, space: Any, copied: Callable[[Any], Any], store: Callable[[str, Any], None]
    ) -> None:
        from recell.callables import functions_in, rebuild

        for name, value in list(space.items()):
            inside = functions_in(value)
            if inside and any(copied(func) is not func for func in inside):
                store(name, rebuild(value, copied, "packages"))

    def watch(self) -> None:
        """From here on, who assigns or deletes a name of the package's modules, or a builtin, is recorded."""
        for module in (*self.modules, builtins):
            if type(module) is ModuleType:
                module.__class__ = type("Watched", (ModuleType,), self.recorder())

    def recorder(self) -> dict[str, Any]:
        def note(module: ModuleType, name: str) -> None:
            if module is not builtins:
                self.written.add(f"{module.__name__}.{name}")
                return
            for space, known in self.cells:  # a builtin counts in every module that reads it
                if known == name:
                    self.written.add(f"{self.spaces[space].get('__name__')}.{name}")

        def setting(module: ModuleType, name: str, value: object) -> None:
            note(module, name)
            ModuleType.__setattr__(module, name, value)

        def deleting(module: ModuleType, name: str) -> None:
            note(module, name)
            ModuleType.__delattr__(module, name)

        return {"__setattr__": setting, "__delattr__": deleting, "__module__": __name__}

    def parted(self) -> None:
        """Names whose module holds something else now than their cell are recorded, too."""
        for (space, name), cell in self.cells.items():
            values = self.spaces[space]
            if values.get(name, vars(builtins).get(name)) is not cell.cell_contents:
                self.written.add(f"{values.get('__name__')}.{name}")

    def summary(self) -> dict[str, Any]:
        release = ".".join(map(str, sys.version_info[:3]))
        return {
            "release": release, "functions": len(self.functions), "rebuilt": self.rebuilt, "promoted": self.promoted,
            "names": self.names, "cells": len(self.cells), "assigned": sorted(self.assigned), "refused": self.refused,
        }  # fmt: skip
