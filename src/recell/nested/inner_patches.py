"""The layers of `patch_inner`: a callable in place of a nested function, and of the closures made from it before."""

from __future__ import annotations

from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from recell.cells import owners_of_all
from recell.code.tree import is_generic
from recell.errors import ClosureMismatchError, ScopeError, listed, short
from recell.functions.building import remake
from recell.layers.changes import Change
from recell.layers.exchange import State, state_of
from recell.layers.function_layers import Edit, FunctionLayer, beneath
from recell.nested.replacing import codes_on, inlaid, route_of, unheld, variables_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recell.code.tree import Chain
    from recell.layers.function_layers import Layer

__all__ = ["InnerEdit", "InnerPatch"]


class InnerEdit(Edit):
    """A callable in place of a nested function."""

    __slots__ = ("codes", "new", "path", "place", "target")

    codes: Chain
    new: Any
    path: str

    def __init__(self, target: FunctionType, codes: Chain, new: Any) -> None:
        self.target: FunctionType = target
        self.codes, self.new = codes, new
        self.place: CodeType = codes[-1]
        self.path = ".".join(code.co_name for code in codes[1:] if not is_generic(code))

    def __call__(self, state: State) -> State:
        code = inlaid(state.code, self.codes, self.new, self.target)
        public = state.public
        if public is state:
            return State(code, state.closure, state.face)
        from recell.patching.override_edits import Overridden

        assert isinstance(state, Overridden)
        return Overridden(code, state.closure, self(public), state.given)


class InnerPatch(Change):
    """What `patch_inner` returns."""

    __slots__ = ("_edit", "_existing")

    def __init__(self, target: object, edit: InnerEdit, existing: bool) -> None:
        self._edit, self._existing = edit, existing
        super().__init__("patch_inner", target, (FunctionLayer(edit.target, edit),), (edit.path,))

    def _new_layers(self) -> Sequence[Layer]:
        if not self._existing:
            return self._layers
        edit = self._edit
        nested = {id(edit.codes[-1]): edit.codes[-1]}
        index = route_of(edit.codes)[-1]
        for code in (edit.target.__code__, beneath(edit.target).code):
            try:
                made = codes_on(code, edit.codes, edit.target)[-1].co_consts[index]
            except ScopeError:
                continue
            if type(made) is CodeType:
                nested[id(made)] = made
        living = owners_of_all(nested.values())
        return [*self._layers, *(_living_layer(function, edit) for function in living)]


def _living_layer(function: FunctionType, edit: InnerEdit) -> Layer:
    """The layer that makes a closure that exists do what the edit's callable does."""
    from recell.patching.swapping import swap_edit
    from recell.patching.trampolines import BRIDGES

    new = edit.new
    names = variables_of(new)
    if names and not unheld(edit.codes[:-1], names):
        held = {**state_of(edit.target).cells(), **state_of(function).cells()}
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
    return FunctionLayer(function, swap_edit(function, new, "keep", "patch_inner", BRIDGES))
