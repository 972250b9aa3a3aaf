"""Overrides with private cells, entered and left without ceremony where they are a function's only layer."""

from __future__ import annotations

from types import CellType
from typing import TYPE_CHECKING, Any

from recell import compat
from recell.cells import EMPTY, cell_for
from recell.layers.exchange import GIL, WITH_GIL, closure_setter
from recell.layers.function_layers import LOCK
from recell.layers.function_stacks import TOKEN
from recell.layers.values import let_go
from recell.patching.code_switching import Switch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from recell.layers.exchange import State
    from recell.layers.function_layers import Edit, FunctionStack
    from recell.patching.code_switching import Switching
    from recell.patching.planning import Plan

__all__ = ["CellSwitch", "CellSwitches"]

_acquire, _release = LOCK.acquire, LOCK.release  # a `with` statement costs twice as much


class CellSwitch(Switch):
    """The entry of an override with private cells. Edit and state are made when others want more of the stack.

    What a finalizer, a signal's handler or an audit hook asks for while it is `busy` is put in order afterwards.
    """

    __slots__ = ("_as_edit", "closure")

    above: State
    closure: tuple[CellType, ...]
    edit: Edit

    def __init__(
        self, change: Switching, stack: FunctionStack, as_edit: Callable[[tuple[CellType, ...]], Edit]
    ) -> None:
        super().__init__(change, stack)
        self.closure = self.above.closure or ()
        self._as_edit: Callable[[tuple[CellType, ...]], Edit] = as_edit

    def spread(self) -> None:
        self.edit = self._as_edit(self.closure)
        self.above = self.edit(self.base)
        super().spread()


class CellSwitches:
    """Enters and leaves an override with private cells, each time with cells of its own. All is done under the lock.

    Both methods say whether they did it; where there are other layers, or the function is not what it was, they
    leave it to the stack.
    """

    __slots__ = ("_exchange", "_grown", "_how", "_parts", "_values")

    def __init__(
        self, known: CellSwitch, stack: FunctionStack, how: Plan, values: Mapping[str, object]
    ) -> None:
        self._how, self._values = how, values
        grown = [values[name] for name in how.grown]
        # the everyday case: fresh cells behind the closure
        plain = not how.places and not any(type(value) is CellType or value is EMPTY for value in grown)
        self._grown = grown if plain else None
        self._exchange: Callable[..., Any] = compat.require("override").exchange
        base, free = known.base, stack.free
        values_there = (known, stack.func, base.code, base.closure, how.after, stack.states, stack.slot)
        self._parts = (*values_there, free, [known], closure_setter())

    def enter(self, change: Switching) -> bool:
        """Enters the override once more; False where that takes the long way: nothing has changed."""
        known, func, code, closure, new_code, states, slot, free, one, set_closure = self._parts
        try:
            _acquire()
        except BaseException:
            let_go()
            raise
        try:
            if (
                states
                or slot
                or func.__code__ is not code
                or func.__closure__ is not closure
                or GIL._is_gil_enabled is not WITH_GIL
            ):
                return False
            if self._grown is None:
                new_closure = self._how.closure(closure, self._cell) or ()
            elif closure is None:
                new_closure = tuple([CellType(value) for value in self._grown])
            else:
                new_closure = (*closure, *[CellType(value) for value in self._grown])
            try:
                del free[0]  # no call, as with `+=` below: a signal's handler cannot raise behind it
            except IndexError:  # pragma: no cover - another thread is half way through a switch
                return False
            known.closure = new_closure
            known.busy = True
            try:
                slot += one
                set_closure(func, new_closure)
                if new_code is not code:
                    func.__code__ = new_code
            except BaseException:
                if func.__code__ is code:
                    set_closure(func, closure)
                self._finish(change, entered=False)
                raise
            known.busy = False
            if not slot:
                self._finish(change, entered=True)
            return True
        finally:
            _release()

    def leave(self, change: Switching) -> bool:
        """Leaves the last entry; False where that takes the long way: nothing has changed."""
        known, func, code, closure, new_code, _, slot, free, _, set_closure = self._parts
        try:
            _acquire()
        except BaseException:
            let_go()
            raise
        try:
            if (
                not slot
                or slot[0] is not known
                or func.__code__ is not new_code
                or func.__closure__ is not known.closure
                or GIL._is_gil_enabled is not WITH_GIL
            ):
                return False
            known.busy = True
            try:
                if new_code is code:
                    set_closure(func, closure)
                else:
                    base, defaults, kwdefaults = known.base, func.__defaults__, func.__kwdefaults__
                    base.kept = self._exchange(
                        func,
                        (new_code, known.closure, defaults, kwdefaults),
                        (code, closure, defaults, kwdefaults),
                        set_closure,
                        base.kept,
                    )
            except BaseException:
                # interrupted behind the last step, it is done
                self._finish(change, entered=func.__code__ is not code or func.__closure__ is not closure)
                raise
            known.busy = False
            if slot:
                del slot[0]
                free += TOKEN
            else:
                self._finish(change, entered=False)
            return True
        finally:
            _release()

    def _cell(self, name: str) -> CellType:
        return cell_for(self._values[name])

    def _finish(self, change: Switching, *, entered: bool) -> None:
        """Puts in order what was interrupted, or what others asked for meanwhile."""
        known, slot, free = self._parts[0], self._parts[6], self._parts[7]
        known.busy = False
        if not slot:
            stack = change._stack
            stack.busy = False
            if entered:
                stack.overtaken()
            else:
                change._drop(known)
        elif not entered:
            del slot[0]
            free += TOKEN
