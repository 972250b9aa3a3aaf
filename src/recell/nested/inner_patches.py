"""The layers of `patch_inner`: a callable in place of a nested function, and of the closures made from it before."""

from __future__ import annotations

from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from recell.callables import caches_in
from recell.cells import owners_of_all
from recell.code.guarded import own_code
from recell.code.tree import is_generic
from recell.errors import ClosureMismatchError, ScopeError, listed, short
from recell.functions.building import remake
from recell.layers.caches import around
from recell.layers.changes import Change
from recell.layers.edits import CODE_EDIT, Edit
from recell.layers.exchange import State, state_of
from recell.layers.records import beneath
from recell.nested.replacing import codes_on, inlaid, route_of, unheld, variables_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recell.code.tree import Chain

__all__ = ["InnerEdit", "InnerPatch"]


class Patched(State):
    """A state with callables in place of nested functions: the last one in each place, computed from `origin`."""

    __slots__ = ("inside", "origin")

    inside: dict[int, InnerEdit]
    """Id of a nested code object -> what puts something in its place."""
    origin: State


class InnerEdit(Edit):
    """A callable in place of a nested function."""

    __slots__ = ("codes", "new", "path")
    rank = CODE_EDIT

    codes: Chain
    new: Any
    path: str

    def __init__(self, func: FunctionType, codes: Chain, new: Any) -> None:
        super().__init__(func)
        self.codes, self.new = codes, new
        self.path = ".".join(code.co_name for code in codes[1:] if not is_generic(code))

    def __call__(self, state: State) -> State:
        origin = state.origin if isinstance(state, Patched) else state
        edits = {**state.inside} if isinstance(state, Patched) else {}
        edits.pop(id(self.codes[-1]), None)
        edits[id(self.codes[-1])] = self
        code = origin.code
        for edit in edits.values():
            code = inlaid(code, edit.codes, edit.new, self.func)
        above = Patched()
        above.code, above.closure, above.face, above.kept = code, state.closure, state.face, None
        above.origin, above.inside = origin, edits
        return above


class InnerPatch(Change):
    """A `Change` made by `patch_inner`."""

    __slots__ = ("_edit", "_existing")

    _renews = True

    def __init__(self, target: object, edit: InnerEdit, existing: bool) -> None:
        self._edit, self._existing = edit, existing
        super().__init__("patch_inner", target, (edit,), (edit.path,))

    def _renew(self) -> Sequence[Any]:
        return around(caches_in(self._target), self._edits())

    def _edits(self) -> Sequence[Edit]:
        edit = self._edit
        if not self._existing:
            return (edit,)
        nested = {id(edit.codes[-1]): edit.codes[-1]}
        index = route_of(edit.codes)[-1]
        for code in (own_code(edit.func), beneath(edit.func).code):
            try:
                made = codes_on(code, edit.codes, edit.func)[-1].co_consts[index]
            except ScopeError:
                continue
            if type(made) is CodeType:
                nested[id(made)] = made
        return (edit, *(_existing_edit(function, edit) for function in owners_of_all(nested.values())))


def _existing_edit(function: FunctionType, edit: InnerEdit) -> Edit:
    """Return the edit that makes a closure that exists do what the patch's callable does."""
    from recell.patching.replacements import swap_edit
    from recell.patching.trampolines import BRIDGES

    new = edit.new
    names = variables_of(new)
    if names and not unheld(edit.codes[:-1], names):
        held = {**state_of(edit.func).cells(), **state_of(function).cells()}
        absent = [name for name in names if name not in held]
        if absent:
            msg = (
                f"{short(function)} was made before, and has no cell for {listed(absent)}: only what it uses itself, "
                f"{listed(function.__code__.co_freevars)}; leave existing= out, or use these variables only"
            )
            raise ClosureMismatchError(
                msg,
                before=function.__code__.co_freevars,
                after=new.__code__.co_freevars,
                missing=tuple(absent),
                target=short(function),
            )
        own = state_of(new).cells()
        new = remake(new, closure=tuple(held[name] if name in names else own[name] for name in own))
    return swap_edit(function, new, "keep", "patch_inner", BRIDGES)
