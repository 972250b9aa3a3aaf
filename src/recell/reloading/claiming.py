"""Which function of the living module each function of the run stands for."""

from __future__ import annotations

import functools
from types import FunctionType
from typing import TYPE_CHECKING, Any

from recell.cells import contents_of
from recell.errors import short
from recell.layers.exchange import state_of
from recell.layers.values import CellLayer
from recell.reloading.bindings import Claim
from recell.reloading.following import code_of, current
from recell.reloading.likeness import ATOMS, assigns, equal, stays
from recell.reloading.living import Inhabitants, held

if TYPE_CHECKING:
    from types import CodeType

    from recell.reloading.comparing import Comparison
    from recell.reloading.translating import Translation

__all__ = ["Claims"]


class Claims:
    """The living functions that get what a function of the run has.

    Attributes: `claims` and `plain` by the id of the living function, the latter those that get nothing but code;
    `partner`: the new code object of each old one that changed, by the old one's id; `cells`: what is to be put into
    cells; `classes`: living ones with those of the run; `changed`: names for the report.
    """

    living: Inhabitants
    scratch: Inhabitants
    comparison: Comparison
    translation: Translation
    partner: dict[int, CodeType]
    claims: dict[int, Claim]
    plain: dict[int, CodeType]
    cells: list[CellLayer]
    classes: list[tuple[type, type]]
    changed: list[str]

    def _made_alike(self, old: FunctionType, new: FunctionType) -> bool:
        """Whether two functions that a call in the text made do the same, as far as can be seen."""
        if old.__code__ != new.__code__ or not stays(old.__defaults__, new.__defaults__):
            return False
        for cell, other in zip(old.__closure__ or (), new.__closure__ or ()):
            one, there = contents_of(cell), contents_of(other)
            if issubclass(type(one), type):
                if self.translation(there) is not one:
                    return False
            elif type(one) is type(there) is FunctionType:
                if one.__code__ != there.__code__:
                    return False
            elif not equal(one, there):
                return False
        return True

    def _is_made_from(self, function: FunctionType, path: str) -> bool:
        """Whether a function is that of a path, or a decorator's closure around it."""
        codes = self.comparison.old[path]
        waiting, seen = [function], set()
        while waiting:
            value = waiting.pop()
            if id(value) in seen:
                continue
            seen.add(id(value))
            if type(value) is FunctionType and any(code_of(value) is code for code in codes):
                return True
            waiting.extend(held(value))
        return False

    def _goes_on(self, code: CodeType, new: FunctionType, path: str) -> bool:
        """Whether the text still makes the function of a code object, and its name stands for another one now."""
        there, known = self.partner.get(id(code), code), self.comparison.new[path]
        if not any(there is one for one in known) or not any(new.__code__ is one for one in known):
            return False
        self.scratch.search()  # a registry may hold it
        return any(function.__code__ is there for function in self.scratch.functions.values())

    def _claim(self, old: FunctionType, new: FunctionType, path: str, take: bool = False) -> None:
        if id(old) in self.plain:
            self.translation.adopt(new, old)
            return
        if id(old) in self.claims:
            if self.claims[id(old)].new is not new:
                self.translation.adopt(new, old)  # one function under two names
            return
        self.claims[id(old)] = Claim(old, new, path, take)
        self.translation.adopt(new, old)

    def _accessors(self, path: str, old: Any, new: Any) -> bool:
        """Whether a descriptor can stay, with its functions changed in place."""
        before, after = list(held(old)), list(held(new))
        if len(before) != len(after):
            return False
        for one, other in zip(before, after):
            if one is other or (one is not None and self.translation.living.get(id(other)) is one):
                continue  # None, or what both versions name
            if type(one) in ATOMS and equal(one, other):
                continue
            if type(one) is not FunctionType or type(other) is not FunctionType:
                return False
            if (
                one.__globals__ is not self.living.namespace
                or other.__globals__ is not self.scratch.namespace
            ):
                if self._made_alike(one, other):
                    continue
                return False
            code = code_of(one)
            if other.__code__ is not code and self.partner.get(id(code)) is not other.__code__:
                return False
        for one, other in zip(before, after):
            if type(one) is FunctionType and one is not other and one.__globals__ is self.living.namespace:
                self._claim(one, other, path)
        if issubclass(type(old), property):
            return bool(old.__doc__ == new.__doc__)
        if issubclass(type(old), functools.partialmethod):
            return bool(old.args == new.args and old.keywords == new.keywords)
        return True

    def _raw(self, path: str) -> FunctionType | None:
        """The one living function of a definition, whatever stands around it."""
        codes = {id(code) for code in self.comparison.old[path]}
        found = [func for func in self.living.functions.values() if id(code_of(func)) in codes]
        return found[0] if len(found) == 1 else None

    def _settings(self, old: FunctionType, new: FunctionType) -> None:
        """What a decorator was called with, where the text changed it: constants that nobody assigns are no state."""
        cells = state_of(new).cells()
        state = current(old)
        for name, cell in state.cells().items():
            other = cells.get(name)
            if other is None:
                continue
            value, there = contents_of(cell), contents_of(other)
            if (
                type(value) in ATOMS
                and type(there) in ATOMS
                and value != there
                and not assigns(state.code, name)
            ):
                self.cells.append(CellLayer(cell, there))
                self.changed.append(f"{old.__qualname__} ({name}={short(there, 30)})")

    def _adopt_others(self) -> None:
        """Functions that stand in no place of their own: those that decorators hold."""
        living = self.translation.living
        others: dict[int, list[FunctionType]] = {}
        for function in self.scratch.functions.values():
            if id(function) not in living:
                others.setdefault(id(function.__code__), []).append(function)
        if not others:
            return
        by_new: dict[int, list[FunctionType]] = {}
        for function in self.living.functions.values():
            if id(function) not in self.claims and id(function) not in self.plain:
                code = code_of(function)
                new = self.partner.get(id(code), code)
                by_new.setdefault(id(new), []).append(function)
        paired = {cls.__qualname__ for cls, _ in self.classes}
        for key, functions in others.items():
            found = by_new.get(key, [])
            path = functions[0].__qualname__
            outer = path.rpartition(".")[0]
            if outer and not outer.endswith("<locals>") and outer not in paired:
                continue  # a method of a class that is new: another's `__class__` would be wrong in it
            if len(functions) == 1 and "<locals>" not in path:
                for function in reversed(found):  # the first one is that which the namespace leads to
                    if self._of_one_class(function, functions[0]):
                        self._claim(function, functions[0], path)

    def _of_one_class(self, old: FunctionType, new: FunctionType) -> bool:
        """Whether `super()` means one class in both: a class that went and came again is another one."""
        before, after = current(old).cells().get("__class__"), state_of(new).cells().get("__class__")
        if before is None or after is None:
            return True
        cls = contents_of(after)
        return self.translation.living.get(id(cls), cls) is contents_of(before)
