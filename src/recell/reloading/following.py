"""How a living function gets the code of its new text: free variables matched by name, with their state."""

from __future__ import annotations

from gc import get_referents
from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from recell.cells import contents_of, owners_of_all
from recell.functions.annotations import HAS_ANNOTATE, evaluated_annotations
from recell.functions.constants import docstring_of
from recell.layers.edits import FACE, TEXT, Edit
from recell.layers.exchange import Face, State, face_of, new_state
from recell.layers.records import has_layers, layered, up_to
from recell.patching.swapping import SwapEdit, swap_edit
from recell.patching.trampolines import DECORATED
from recell.reloading.faces import closure_defaults, face_after
from recell.reloading.likeness import ATOMS, stays

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recell.reloading.comparing import Comparison, Pair
    from recell.reloading.living import Inhabitants
    from recell.reloading.translating import Translation

__all__ = ["Follow", "Reshape", "bridge", "code_of", "current", "layered", "shows_the_same"]

_NOTHING: dict[str, CellType] = {}
_PLAIN = ATOMS - {float, complex}  # two that are equal are alike
_BARE = len(get_referents(lambda: None))
_ANNOTATED = "__annotate__" if HAS_ANNOTATE else "__annotations__"


class Follow(Edit):
    """New code; free variables keep the cells that the function holds under their names."""

    __slots__ = ("cells", "code", "take")
    rank = TEXT

    cells: Mapping[str, CellType]
    code: CodeType
    take: bool

    def __init__(
        self, func: FunctionType, code: CodeType, cells: Mapping[str, CellType], take: bool = False
    ) -> None:
        super().__init__(func)
        self.code, self.cells, self.take = code, cells, take

    def __call__(self, state: State) -> State:
        return new_state(self.code, self._closure(state), state.face)

    def _closure(self, state: State) -> tuple[CellType, ...] | None:
        names = self.code.co_freevars
        if names == state.code.co_freevars and not self.take:
            return state.closure
        own = state.cells()
        if self.take:
            own = (
                {**own, **self.cells}
                if "__class__" not in own
                else {**own, **self.cells, "__class__": own["__class__"]}
            )
            return tuple([own[name] for name in names]) or None
        return tuple([own[name] if name in own else self.cells[name] for name in names]) or None


class FollowWhole(Follow):
    """The same, and another face."""

    __slots__ = ("face",)
    touches = FACE

    face: Face

    def __init__(
        self, func: FunctionType, code: CodeType, cells: Mapping[str, CellType], take: bool, face: Face
    ) -> None:
        super().__init__(func, code, cells, take)
        self.face = face

    def __call__(self, state: State) -> State:
        return new_state(self.code, self._closure(state), self.face)


def code_of(function: FunctionType) -> CodeType:
    """The code of `current(function)`."""
    return up_to(function, TEXT).code


def current(function: FunctionType) -> State:
    """What a function is by its text: beneath overrides and swaps, above earlier reloads."""
    return up_to(function, TEXT)


class Bridge(SwapEdit):
    """A function of the new text that passes every call on."""

    __slots__ = ()
    rank = TEXT


class Reshape:
    """Makes the edits of one reload.

    Args:
        comparison: of the texts' code.
        living: the module's functions.
        translation: from the run's objects to living ones.
        left: takes (path, reason) of what has to stay as it is.
    """

    comparison: Comparison
    living: Inhabitants
    translation: Translation | None
    left: list[tuple[str, str]]

    def __init__(
        self,
        comparison: Comparison,
        living: Inhabitants,
        translation: Translation | None,
        left: list[tuple[str, str]],
    ) -> None:
        self.comparison, self.living, self.translation, self.left = comparison, living, translation, left

    def claimed(self, function: FunctionType, new: FunctionType, take: bool) -> Follow | None:
        """The edit that makes a function do what the run's does; None where it does that already."""
        translation = self.translation
        assert translation is not None
        code, old = new.__code__, code_of(function)
        face = None if shows_the_same(function, new) else face_after(function, old, new, translation)
        if code is old or (code == old and self.comparison.same(code, old)):  # types.coroutine makes a copy
            if not take or not code.co_freevars:
                return None if face is None else FollowWhole(function, old, _NOTHING, False, face)
        cells = _NOTHING
        if take or code.co_freevars != old.co_freevars or (code.co_freevars and has_layers(function)):
            own = current(function).cells()
            cells = {
                name: translation.cell(cell) if take or name not in own else own[name]
                for name, cell in zip(code.co_freevars, new.__closure__ or ())
            }
        if face is None:
            return Follow(function, code, cells, take)
        return FollowWhole(function, code, cells, take, face)

    def closure(self, function: FunctionType, pair: Pair) -> Follow | None:
        """The edit for a function that is known by its code alone; None where it has to be left."""
        state = current(function)
        own = state.cells()
        cells: dict[str, CellType] = {}
        for name in pair.new.co_freevars:
            if name not in own:
                cell = self._cell(function, name, pair.path)
                if cell is None:
                    why = f"one that lives already has no `{name}`: that variable went when its outer call returned"
                    self.left.append((pair.path, why))
                    return None
                cells[name] = cell
            else:  # for where a layer beneath runs something without it
                cells[name] = own[name]
        defaults, kwdefaults = function.__defaults__, function.__kwdefaults__
        defaults, kwdefaults, unknown = closure_defaults(
            function, pair.old, pair.new, self.comparison, pair.path
        )
        if unknown is not None:
            why = f"one that lives already gets no default for `{unknown}`: only a call of its outer function tells it"
            self.left.append((pair.path, why))
            return None
        old_doc, doc = docstring_of(pair.old), docstring_of(pair.new)
        if defaults is function.__defaults__ and kwdefaults is function.__kwdefaults__ and doc == old_doc:
            return None if pair.new is pair.old else Follow(function, pair.new, cells)
        face = face_of(function)
        face = face._replace(
            defaults=defaults, kwdefaults=kwdefaults, doc=doc if face.doc == old_doc else face.doc
        )
        return FollowWhole(function, pair.new, cells, False, face)

    def _cell(self, function: FunctionType, name: str, path: str) -> CellType | None:
        """The cell that a variable of a closure's outer call has, where a sibling of it still holds one."""
        if name == "__class__":
            return self._class_cell(path)
        outer = path.rpartition(".<locals>.")[0]
        for sibling in owners_of_all(function.__closure__ or ()):
            if (
                sibling is function
                or getattr(sibling.__code__, "co_qualname", sibling.__qualname__).rpartition(".<locals>.")[0]
                != outer
            ):
                continue
            cell = current(sibling).cells().get(name)
            if cell is not None:
                return cell
        # a variable may be the outer function's own, in a function it holds
        for cell in function.__closure__ or ():
            inside = contents_of(cell)
            if type(inside) is FunctionType and inside.__globals__ is function.__globals__:
                found = current(inside).cells().get(name)
                if found is not None:
                    return found
        return None

    def _class_cell(self, path: str) -> CellType | None:
        for cls in self.living.classes.values():
            if path.startswith(f"{cls.__qualname__}."):
                return CellType(cls)
        return None


def bridge(function: FunctionType, replacement: Any) -> SwapEdit:
    """The edit that makes a function pass every call on to a callable."""
    return swap_edit(function, replacement, "take", "reload", DECORATED, kind=Bridge)


def shows_the_same(function: FunctionType, new: FunctionType) -> bool:
    """Whether two functions show nothing else than their code either; asked of every function, so it is short."""
    defaults, new_defaults = function.__defaults__, new.__defaults__
    if defaults is not new_defaults:
        if defaults is None or new_defaults is None or len(defaults) != len(new_defaults):
            return False
        for one, other in zip(defaults, new_defaults):
            if one is not other:
                kind = type(one)
                if kind is not type(other) or kind not in _PLAIN or one != other:
                    return False
    doc, new_doc = function.__doc__, new.__doc__
    if doc is not new_doc and not stays(doc, new_doc):
        return False
    # what a bare function refers to; asking one for its attributes or annotations would make a dict
    bare = _BARE + (defaults is not None) + (function.__closure__ is not None)
    return (len(get_referents(new)) == len(get_referents(function)) == bare and bool(new.__module__)) or not (
        new.__kwdefaults__
        or function.__kwdefaults__
        or new.__dict__
        or getattr(new, _ANNOTATED)
        or getattr(function, _ANNOTATED)
        # set as they are, without a function that evaluates them
        or (HAS_ANNOTATE and (evaluated_annotations(new) or evaluated_annotations(function)))
    )
