"""The layer of a swap: a replacement's code and cells, or a call of it, over the function's own."""

from __future__ import annotations

from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any
from weakref import ref

from recell.cells import FORWARDED
from recell.code.guarded import own_code
from recell.functions.building import remake
from recell.layers.edits import FACE, Edit
from recell.layers.exchange import State, face_of, install, new_state, put_face, state_of
from recell.layers.records import in_force, record_of
from recell.patching.trampolines import copied, trampoline

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from recell.layers.exchange import Face
    from recell.layers.records import Record
    from recell.layers.stacks import Stack

__all__ = ["SwapEdit", "own_cells"]


class SwapEdit(Edit):
    """A replacement, as it was when the swap was asked for.

    Args:
        func: the function.
        replacement: what it is to do.
        bridge: how calls are passed on to it; None where its code takes over.
        kept: the free variables that keep the target's cells.
        class_cell: the cell of `__class__` where it is not the replacement's.
        original: what is to do what lies beneath.
    """

    __slots__ = ("below", "bridge", "class_cell", "follows", "kept", "original", "replacement", "state")
    touches = FACE

    below: State | None
    """The state that `original` follows now."""
    bridge: str | None
    class_cell: CellType | None
    follows: bool
    kept: Collection[str]
    record: Record
    replacement: Any
    stack: Stack | None
    state: State | None

    def __init__(
        self,
        func: FunctionType,
        replacement: Any,
        bridge: str | None,
        kept: Collection[str] = (),
        class_cell: CellType | None = None,
        original: FunctionType | None = None,
    ) -> None:
        record = self.record = record_of(func)
        self.func: FunctionType = func
        self.stack = record.idle
        self.replacement = replacement
        self.bridge = bridge
        self.kept = kept
        self.class_cell = class_cell
        self.original: FunctionType | None = original
        self.follows = original is not None
        self.below = None
        # a replacement swapped itself later on does not change this one
        self.state = None
        if type(replacement) is FunctionType:
            face = copied(face_of(replacement))
            self.state = new_state(own_code(replacement), replacement.__closure__, face)

    def __call__(self, state: State) -> State:
        replacement, own = self.replacement, self.state
        if replacement is self.original:  # an identity decorator's
            return state
        if own is None:
            code, face = trampoline(self.func, replacement, self.bridge or "return")
            return new_state(code, (CellType(replacement),), face)
        closure = own.closure
        if closure is not None and (self.kept or self.class_cell is not None):
            closure = self._closure(own_cells(state), closure)
        if self.bridge is None:
            below = state.closure
            if closure and below and len(closure) == len(below):
                for new, old in zip(closure, below):
                    if new is not old:
                        break
                else:
                    closure = below  # nothing to exchange
            return new_state(own.code, closure, own.face)
        if closure is not own.closure:
            replacement = remake(replacement, own.code, closure)
        code, face = self._bridged(replacement, self.bridge)
        return new_state(code, (CellType(replacement),), face)

    def _bridged(self, replacement: FunctionType, bridge: str) -> tuple[CodeType, Face]:
        """Return the code that passes on; one is kept for each code of a replacement."""
        bridges, code = self.record.bridges, own_code(replacement)
        known = bridges.get(id(code))
        if known is not None and known[0]() is code and known[1] == bridge:
            assert self.state is not None
            assert self.state.face is not None
            return known[2], self.state.face
        made, face = trampoline(self.func, replacement, bridge)
        if len(bridges) > 15:
            bridges.clear()
        bridges[id(code)] = ref(code), bridge, made
        return made, face

    def _closure(self, own: Mapping[str, CellType], closure: tuple[CellType, ...]) -> tuple[CellType, ...]:
        """Return the replacement's cells, with the target's where they are to be kept."""
        assert self.state is not None
        instead = {name: own[name] for name in self.kept if name in own}
        if self.class_cell is not None:
            instead["__class__"] = self.class_cell
        names = self.state.code.co_freevars
        return tuple([instead.get(name, cell) for name, cell in zip(names, closure)])

    def follow(self, beneath: State) -> None:
        """Let `original` do what lies beneath, also when a layer there comes or goes."""
        original, below = self.original, self.below
        if original is None or beneath is below:
            return
        if below is None:
            below = new_state(original.__code__, original.__closure__, beneath.face)
        if original.__code__ is not below.code or original.__closure__ is not below.closure:
            return  # somebody else changed it
        if (
            beneath.code is not below.code
            or beneath.closure is not below.closure
            or beneath.face is not below.face
        ):
            face = face_of(original)
            new_face = face if beneath.face is below.face or beneath.face is None else copied(beneath.face)
            before = new_state(below.code, below.closure, face)
            install(original, self.record.limbos, before, new_state(beneath.code, beneath.closure, new_face))
        self.below = beneath

    def made_original(self) -> FunctionType:
        """Return a function that does what lies beneath; under the lock."""
        if self.original is not None:
            return self.original
        func, stack = self.func, self.stack
        layers, states = stack.now[:2] if stack is not None else ((), ())
        if self not in layers:
            return remake(func, in_force(func).code, in_force(func).closure)
        state = states[layers.index(self)]
        original = remake(func, state.code, state.closure)
        face = state.face
        assert face is not None
        face = copied(face)
        original.__defaults__, original.__kwdefaults__ = face.defaults, face.kwdefaults
        put_face(original, face_of(original), face)
        self.original, self.below = original, state
        self.follows = stack.follows = True  # type: ignore[union-attr]
        return original


def own_cells(state: State) -> dict[str, CellType]:
    """Return the cells that a state's function is seen to have: those of the function that it only passes on to."""
    state = state.public
    while state.code.co_freevars == (FORWARDED,) and state.closure:
        inside = state.closure[0].cell_contents
        if type(inside) is not FunctionType:
            return {}
        state = state_of(inside)
    return state.cells()
