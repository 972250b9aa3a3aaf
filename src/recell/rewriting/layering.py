"""Code edits as layers: applied anew to whatever lies beneath."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recell.callables import caches_in
from recell.cells import cell_for
from recell.errors import ClosureMismatchError, ScopeError, listed, short
from recell.layers.caches import around
from recell.layers.changes import Change
from recell.layers.edits import CODE_EDIT, Edit
from recell.layers.exchange import State, new_state
from recell.rewriting.rewriting import rewritten

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import CellType, CodeType, FunctionType

    from recell.rewriting.rewriting import Edit as CodeEdit

__all__ = ["CodeLayer", "CodePatch", "Known"]

_KEPT = 4


class Known:
    """Results of an edit by the identity of the code object: layers above plan anew only where something changed."""

    __slots__ = ("made", "make")

    def __init__(self, make: Callable[[CodeType], CodeType]) -> None:
        self.make: Callable[[CodeType], CodeType] = make
        self.made: tuple[tuple[CodeType, CodeType], ...] = ()

    def __call__(self, code: CodeType) -> CodeType:
        for before, after in self.made:
            if before is code:
                return after
        after = self.make(code)
        self.made = (*self.made[1 - _KEPT :], (code, after))
        return after


class CodeLayer(Edit):
    """A code edit over a function."""

    __slots__ = ("cells", "known")
    rank = CODE_EDIT

    cells: Mapping[str, CellType]
    known: Callable[[CodeType], CodeType]

    def __init__(
        self, func: FunctionType, known: Callable[[CodeType], CodeType], cells: Mapping[str, CellType]
    ) -> None:
        super().__init__(func)
        self.known, self.cells = known, cells

    def __call__(self, state: State) -> State:
        code, closure = self.known(state.code), state.closure
        names = code.co_freevars
        if self.cells or names != state.code.co_freevars:
            own = state.cells()
            taken = [name for name in self.cells if name in own]
            if taken:
                msg = (
                    f"{short(self.func)} has the free variable `{taken[0]}` already, so values= cannot bring it in; "
                    "use patch_closure or override to change it"
                )
                raise ScopeError(msg, name=taken[0], names=tuple(own), target=short(self.func))
            missing = tuple(name for name in names if name not in own and name not in self.cells)
            if missing:
                msg = f"{short(self.func)} gets the free variables {listed(missing)} by an edit; pass them in values="
                raise ClosureMismatchError(
                    msg, before=tuple(own), after=names, missing=missing, target=short(self.func)
                )
            closure = tuple([own[name] if name in own else self.cells[name] for name in names]) or None
        return new_state(code, closure, state.face)


class CodePatch(Change):
    """A `Change` made by `patch_code`."""

    __slots__ = ("_func", "_known", "_values")

    _renews = True

    def __init__(
        self,
        target: object,
        func: FunctionType,
        edits: Sequence[tuple[CodeEdit, str]],
        values: Mapping[str, object],
    ) -> None:
        self._func, self._values = func, values
        self._known = Known(lambda code: rewritten(code, edits))
        super().__init__("patch_code", target, (), [short(edit, 40) for edit, _ in edits])

    def _renew(self) -> Sequence[Any]:
        """Return a layer with cells of its own."""
        return around(caches_in(self._target), (self.layer(),))

    def layer(self) -> CodeLayer:
        """Return the layer of one more entry."""
        return CodeLayer(
            self._func, self._known, {name: cell_for(value) for name, value in self._values.items()}
        )
