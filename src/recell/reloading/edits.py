"""The edits by which a reload gives an existing function its new text: pure, from a state to the one above."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recell.layers.edits import FACE, TEXT, Edit
from recell.layers.exchange import new_state

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import CellType, CodeType, FunctionType

    from recell.layers.exchange import Face, State

__all__ = ["Follow", "FollowWhole"]


class Follow(Edit):
    """New code; free variables keep the cells that the function holds under their names, but for those given.

    Args:
        func: the function.
        code: the new code.
        cells: cells for its free variables.
        take: these cells, also where the function holds others under their names.
    """

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
        own, given = state.cells(), self.cells
        if self.take:
            return tuple([given[name] if name in given else own[name] for name in names]) or None
        return tuple([own[name] if name in own else given[name] for name in names]) or None


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
