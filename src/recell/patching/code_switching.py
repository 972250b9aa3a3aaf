"""Overrides that change nothing but the code: entered and left by one store where they are a function's only layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

from recell import compat
from recell.layers.changes import Change
from recell.layers.exchange import GIL, WITH_GIL
from recell.layers.function_layers import LOCK
from recell.layers.function_stacks import TOKEN
from recell.layers.values import let_go

if TYPE_CHECKING:
    from types import TracebackType
    from weakref import ReferenceType

    from recell.layers.exchange import State
    from recell.layers.function_layers import Edit, FunctionStack, Layer
    from recell.patching.switching import CellSwitches

__all__ = ["CodeSwitch", "Switch", "Switching"]


class Switch:
    """What stands in a stack's slot for a function's only layer, as long as nobody asks for edit and states.

    It holds neither stack nor change: both go when nobody can undo any more.
    """

    __slots__ = ("above", "base", "busy", "change", "edit")

    above: State
    base: State
    busy: bool
    change: ReferenceType[Switching]
    edit: Edit

    def __init__(self, change: Switching, stack: FunctionStack) -> None:
        self.change = ref(change)
        self.base, self.above = stack.states
        self.edit = stack.edits[0]
        self.busy = False  # half way in or out

    def spread(self) -> None:
        """The stack makes a layer of it, which is left like any other."""
        change = self.change()
        if change is not None:
            change._entries.append((change._layer(self.edit),))


class CodeSwitch(Switch):
    """One edit that changes nothing but the code, prepared.

    No lock is taken for it. Entering takes the stack's one `free` token and puts the switch into its `slot`, leaving
    takes it out and gives the token back, each in one C call: two threads cannot do either at once. Whoever wants
    more of the stack `spread`s a switch into edits and states, which keep the token as long as there are any; the
    switch then finds its slot empty, and has the stack put in order. Between the last look at the slot and the store
    no thread is switched (`Release.atomic_stores`), unless an audit hook lets it: a store that came late is
    straightened out afterwards. On other releases the lock is taken instead of the token.
    """

    __slots__ = ()

    def parts(self, stack: FunctionStack) -> tuple[Any, ...]:
        """What the short way needs at hand."""
        base, slot = self.base, stack.slot
        values = (self, stack.func, base.code, base.closure, self.above.code, stack.states, slot)
        return (*values, stack.free, [self], slot.remove)


class Switching(Change):
    """A change that knows a short way once it was entered: a switch of code, or of cells.

    An entry by the short way is not in `_entries`, until somebody else makes a layer of it.
    """

    __slots__ = ("_cells", "_known", "_stack", "_switch")

    _cells: CellSwitches | None
    _known: Switch | None
    _stack: FunctionStack
    _switch: tuple[Any, ...] | None

    @property
    def active(self) -> bool:
        """Whether the change is in force: entered more often than left."""
        return self._times() > 0

    def undo(self) -> None:
        if self._known is not None and self._known in self._stack.slot:
            with LOCK:
                self._stack.spread()
        super().undo()

    undo.__doc__ = Change.undo.__doc__

    def _times(self) -> int:
        return len(self._entries) + (self._known is not None and self._known in self._stack.slot)

    def _layer(self, edit: Edit) -> Layer:
        """The layer of an entry that went the short way."""
        raise NotImplementedError

    def _enter_and_remember(self) -> None:
        """Enters the long way; the short one may be known then."""
        raise NotImplementedError

    def _came_late(self, switch: Switch) -> None:
        """Puts in order a store before which others made a layer of the switch, or undid it."""
        stack = self._stack
        stack.overtaken()  # which says so before it waits for the lock
        with LOCK:
            if stack.installed is None and not stack.slot and stack.func.__code__ is switch.above.code:
                stack.func.__code__ = switch.base.code  # pragma: no cover - all came and went within one line

    def _drop(self, switch: Switch) -> None:
        """Takes out an entry that the short way could not finish, or finished and others made a layer of."""
        with LOCK:
            self._stack.spread()
            self._stack.overtaken(switch.edit)
            self._entries[:] = [
                layers for layers in self._entries if getattr(layers[0], "edit", None) is not switch.edit
            ]


def _enter(self: Switching) -> Switching:
    switch = self._switch
    if switch is None:
        cells = self._cells
        if cells is None or not cells.enter(self):
            self._enter_and_remember()
        return self
    known, func, code, closure, above, states, slot, free, one, _ = switch
    try:
        del free[0]  # no call, as with `+=` below: a signal's handler cannot raise behind it
    except IndexError:  # another switch, or layers
        self._enter()
        return self
    if (
        states
        or func.__code__ is not code
        or func.__closure__ is not closure
        or GIL._is_gil_enabled is not WITH_GIL
    ):
        free += TOKEN
        self._switch = None  # the function is not what it was: prepared anew
        self._enter_and_remember()
        return self
    try:
        slot += one
        if slot:
            func.__code__ = above
    except BaseException as error:  # pragma: no cover - audit hooks: in child processes
        # the store came late where another thread had exchanged the closure; else an audit hook objected
        if slot or type(error) is not ValueError:
            self._drop(known)
            raise
    if not slot:
        self._came_late(known)
    return self


def _exit(
    self: Switching, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
) -> None:
    switch = self._switch
    if switch is None:
        cells = self._cells
        if cells is None or not cells.leave(self):
            self.undo()
        return
    known, func, code, closure, above, _, slot, free, _, remove = switch
    if (
        known not in slot
        or func.__code__ is not above
        or func.__closure__ is not closure
        or GIL._is_gil_enabled is not WITH_GIL
    ):
        self.undo()
        return
    try:
        func.__code__ = code
    except ValueError:  # pragma: no cover - between two instructions of another thread
        if known in slot:
            raise
        # else the store came late: another thread had exchanged the closure
    try:
        remove(known)
    except ValueError:
        self._stack.overtaken()
        self.undo()
    except BaseException:  # a signal's handler raised: the token is given back where the switch is out
        with LOCK:
            self._stack._rest()
        raise
    else:
        free += TOKEN


_acquire, _release = LOCK.acquire, LOCK.release  # a `with` statement costs twice as much


def _enter_locked(self: Switching) -> Switching:
    switch = self._switch
    if switch is None:
        cells = self._cells
        if cells is None or not cells.enter(self):
            self._enter_and_remember()
        return self
    known, func, code, closure, above, states, slot, _, one, _ = switch
    try:
        _acquire()
    except BaseException:
        let_go()
        raise
    try:
        if slot or states:
            self._enter()
        elif func.__code__ is not code or func.__closure__ is not closure:
            self._switch = None  # the function is not what it was: prepared anew
            self._enter_and_remember()
        else:
            try:
                slot += one
                if slot:
                    func.__code__ = above
            except BaseException:  # pragma: no cover - audit hooks: in child processes
                self._drop(known)
                raise
            if not slot:  # pragma: no branch - a signal's handler or an audit hook made a layer of it
                self._came_late(known)
    finally:
        _release()
    return self


def _exit_locked(
    self: Switching, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
) -> None:
    switch = self._switch
    if switch is None:
        cells = self._cells
        if cells is None or not cells.leave(self):
            self.undo()
        return
    known, func, code, closure, above, _, slot, _, _, remove = switch
    try:
        _acquire()
    except BaseException:
        let_go()
        raise
    try:
        if known not in slot or func.__code__ is not above or func.__closure__ is not closure:
            self.undo()
            return
        func.__code__ = code
        try:
            remove(known)
        except ValueError:  # a signal's handler or an audit hook made a layer of it
            self._stack.overtaken()
            self.undo()
    finally:
        _release()


_current = compat.find()
if _current is not None and _current.atomic_stores:
    Switching.__enter__, Switching.__exit__ = _enter, _exit  # type: ignore[method-assign, assignment]
else:
    Switching.__enter__, Switching.__exit__ = _enter_locked, _exit_locked  # type: ignore[method-assign, assignment]
