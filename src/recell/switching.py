"""Overrides with private cells, entered and left without ceremony where they are a function's only layer."""

from __future__ import annotations

from types import CellType
from typing import TYPE_CHECKING, Any

from recell import compat
from recell.cells import EMPTY, cell_for
from recell.installing import GIL, WITH_GIL, closure_setter
from recell.layers import LOCK, Layer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import CodeType

    from recell.installing import State
    from recell.layers import Edit, FunctionStack
    from recell.planning import Plan

__all__ = ["CellSwitches"]

_acquire, _release = LOCK.acquire, LOCK.release  # a `with` statement costs twice as much


class CellSwitch(Layer):
    """One entry: its private cells. Edit and state are made when somebody else wants more of the stack."""

    __slots__ = ("_edit", "closure", "switches")

    closure: tuple[CellType, ...]
    switches: CellSwitches

    def __init__(self, switches: CellSwitches, closure: tuple[CellType, ...]) -> None:
        self.switches = switches
        self.closure = closure
        self._edit: Any = None

    @property
    def base(self) -> State:
        """The state beneath it."""
        return self.switches.base

    @property
    def edit(self) -> Any:
        """The edit that this entry stands for."""
        if self._edit is None:
            self._edit = self.switches.as_edit(self.closure)
        return self._edit

    @property
    def above(self) -> State:
        """The state that it makes of the base."""
        state: State = self.edit(self.base)
        return state

    def enter(self) -> None:
        self.switches.stack.enter(self.edit)

    def check(self) -> None:
        self.switches.stack.check()

    def leave(self) -> None:
        self.switches.stack.leave(self.edit)


class CellSwitches:
    """What the entries of an override have in common: the function's base, and how names get into it.

    Both methods say whether they did it; where there are other layers, or the function is not what it was, they
    leave it to the stack.
    """

    __slots__ = ("as_edit", "base", "code", "exchange", "fresh", "how", "set_closure", "stack", "values")

    base: State
    code: CodeType
    fresh: list[object] | None
    how: Plan
    stack: FunctionStack
    values: Mapping[str, object]

    def __init__(
        self,
        stack: FunctionStack,
        base: State,
        how: Plan,
        values: Mapping[str, object],
        as_edit: Callable[[tuple[CellType, ...]], Edit],
    ) -> None:
        self.stack = stack
        self.base = base
        self.how = how
        self.code = how.after
        self.values = values
        self.as_edit: Callable[[tuple[CellType, ...]], Edit] = as_edit
        # the everyday case: fresh cells behind the closure
        grown = [values[name] for name in how.grown]
        plain = not how.places and not any(type(value) is CellType or value is EMPTY for value in grown)
        self.fresh = grown if plain else None
        self.set_closure: Callable[..., object] = closure_setter()
        self.exchange: Callable[..., Any] = compat.require("override").exchange

    def enter(self, entries: list[Sequence[Layer]]) -> bool:
        """Enters the override once more."""
        _acquire()
        try:
            stack, base = self.stack, self.base
            func, closure, code = stack.func, base.closure, self.code
            if (
                stack.edits
                or stack.slot
                or stack.busy
                or func.__code__ is not base.code
                or func.__closure__ is not closure
                or base.face is not None
                or GIL._is_gil_enabled is not WITH_GIL
            ):
                return False
            try:
                stack.free.pop()
            except IndexError:  # another thread is half way through a switch
                return False
            if self.fresh is not None:
                new_closure = (*(closure or ()), *[CellType(value) for value in self.fresh])
            else:
                new_closure = self.how.closure(closure, lambda name: cell_for(self.values[name])) or ()
            switch = CellSwitch(self, new_closure)
            stack.states.append(base)
            stack.installed = base
            stack.busy = True
            try:
                self.set_closure(func, new_closure)
                if code is not base.code:
                    func.__code__ = code
                stack.slot.append(switch)
                entries.append((switch,))
            except BaseException:
                if func.__code__ is base.code:
                    self.set_closure(func, closure)
                self._done(stack)
                raise
            self._done(stack)
            return True
        finally:
            _release()

    def _done(self, stack: FunctionStack) -> None:
        """Puts in order what an audit hook or a finalizer entered meanwhile, if it did."""
        stack.busy = False
        if stack.edits:
            stack.overtaken()
        else:
            stack.states.clear()
            stack.installed = None
            if not stack.slot:
                stack.free.append(None)

    def leave(self, entries: list[Sequence[Layer]]) -> bool:
        """Leaves the last entry."""
        _acquire()
        try:
            stack, base = self.stack, self.base
            func, slot = stack.func, stack.slot
            switch: Any = entries[-1][0] if entries else None
            if (
                not slot
                or slot[0] is not switch
                or stack.busy
                or func.__code__ is not self.code
                or func.__closure__ is not switch.closure
                or GIL._is_gil_enabled is not WITH_GIL
            ):
                return False
            slot.pop()
            stack.states.append(base)
            stack.installed = base
            stack.busy = True
            try:
                if self.code is base.code:
                    self.set_closure(func, base.closure)
                else:
                    defaults, kwdefaults = func.__defaults__, func.__kwdefaults__
                    base.kept = self.exchange(
                        func,
                        (self.code, switch.closure, defaults, kwdefaults),
                        (base.code, base.closure, defaults, kwdefaults),
                        self.set_closure,
                        base.kept,
                    )
                entries.pop()
            except BaseException:
                slot.append(switch)
                self._done(stack)
                raise
            self._done(stack)
            return True
        finally:
            _release()
