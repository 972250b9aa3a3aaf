"""The stack of a function: its base, and the edits that layers put over it and take away again in any order.

What is in force is always computed from the base. Whatever an audit hook, a finalizer or a signal's handler changes
while a change is half way in or out waits in the list of edits, and is installed when that one is through.
"""

from __future__ import annotations

from contextlib import suppress
from time import sleep
from typing import TYPE_CHECKING, Any

from recell.errors import InterferenceError, short
from recell.layers.exchange import State, face_of, install, state_of
from recell.layers.values import LOCK

if TYPE_CHECKING:
    from types import FunctionType

__all__ = ["TOKEN", "Edit", "FunctionStack"]

TOKEN = (None,)
"""What is put back into `FunctionStack.free`."""


class Edit:
    """What a layer does to a function: called with the state beneath it, returns the state above it.

    It must be pure: it is called again whenever a layer beneath leaves. What it cannot do there it leaves out;
    an exception raised on entering is the caller's, one raised later counts as "leaves everything as it is".
    """

    __slots__ = ()
    private = False
    """Whether what it does belongs to this function alone: `patch_closure` looks beneath it."""
    whole = False
    """Whether it changes more than code and closure: then `state.face` is there."""
    place: Any = None
    """What it puts something in the place of: of several edits with the same one, the last alone counts."""
    follows = False
    """Whether something is to be told what lies beneath it, whenever that changes: see `follow`."""

    def __call__(self, state: State) -> State:
        raise NotImplementedError

    def follow(self, beneath: State) -> bool:
        """Takes notice of the state beneath; returns whether that changed anything."""
        raise NotImplementedError


class FunctionStack:
    """A function, its base, and the edits over it."""

    __slots__ = (
        "__weakref__",
        "base",
        "busy",
        "edits",
        "free",
        "func",
        "installed",
        "late",
        "slot",
        "states",
    )

    busy: bool

    def __init__(self, func: FunctionType) -> None:
        self.func: FunctionType = func
        self.base: State | None = None  # the last one, kept because prepared edits know it
        self.edits: list[Edit] = []
        self.states: list[State] = []  # the base, and the state above each edit
        self.installed: State | None = None
        self.busy = False
        self.free: list[None] = [None]  # the token: whoever has a layer has it
        self.late: list[None] = []  # switches on their way to `overtaken`
        self.slot: list[Any] = []  # stands for the only layer, edits and states not filled in yet

    def enter(self, edit: Edit) -> None:
        """Puts an edit on top. Nothing has changed when it raises."""
        self._claim()
        edits, states = self.edits, self.states
        one, entered = [edit], False
        try:
            if not states:
                base, func = self.base, self.func
                if (
                    base is None
                    or func.__code__ is not base.code
                    or func.__closure__ is not base.closure
                    or base.face is not None
                ):
                    base = self.base = State(func.__code__, func.__closure__)
                states[:] = [base]
                self.installed = base
            else:
                self.check()
            busy, self.busy = self.busy, True  # a finalizer's changes wait until this one is in the list
            try:
                beneath = states[-1]
                if edit.whole and beneath.face is None:
                    face = face_of(self.func)
                    for state in (*states, self.installed):  # that may be none of them, after a failure
                        assert state is not None
                        state.face = face
                above = self._above(edit, beneath, edits, len(edits)) if edits else edit(beneath)
                entered = True
                edits += one  # no call: a signal's handler cannot raise between the two
                states.append(above)
                if len(states) != len(edits) + 1 or states[-2] is not beneath:
                    self._recompute(0)
            finally:
                self.busy = busy
            self.settle()
        except BaseException:
            if entered:
                self._remove(edit)
                self._put_back()
            self._rest()
            raise

    def lay(self, edit: Edit, base: State) -> None:
        """Puts an edit on top whose state is installed already, over a base that is not any more."""
        if not self.edits:
            self._claim()
            self.base = base
            self.states[:] = [base]
        self.edits.append(edit)
        self.states.append(edit(self.states[-1]))
        self.installed = self.states[-1]

    def leave(self, edit: Edit) -> None:
        """Takes an edit away wherever it lies: its last entry."""
        self.check()
        base = self.states[0]
        position = self._remove(edit)
        try:
            self.settle()
            if edit.follows and edit not in self.edits:
                edit.follow(self._without_private(self.edits[:position]))
            self._rest()
        except BaseException:
            self.edits.insert(position, edit)
            # interrupted while it came to rest
            if self.installed is None:  # pragma: no cover - before 3.11, between two instructions
                self.states[:] = [base]
                self.installed = base
            self._recompute(0)
            self._put_back()
            raise

    def check(self) -> None:
        """Raises InterferenceError where somebody assigned code or closure away from what recell installed."""
        if self.slot:  # pragma: no cover - somebody gave up waiting, see `_claim`
            self.spread()
        installed = self.installed
        if self.busy or installed is None:
            return
        func = self.func
        if func.__code__ is not installed.code:
            if not self._straightened():
                raise _interference(func, "__code__", func.__code__, installed.code)
        elif func.__closure__ is not installed.closure:
            raise _interference(func, "__closure__", func.__closure__, installed.closure)

    def _claim(self) -> None:
        """Takes the token, or finds it taken by layers: then no switch comes in."""
        for waits in range(1000):  # pragma: no branch - no thread is half way for so long
            if self.slot:
                self.spread()
            if self.states:
                return
            try:
                del self.free[0]
            except IndexError:  # another thread is half way through a switch
                sleep(0 if waits < 50 else 0.001)
            else:
                return

    def spread(self) -> None:
        """Fills in edits and states where a switch stands for them."""
        try:
            switch = self.slot.pop()
        except IndexError:  # there is none, or it was left meanwhile
            return
        switch.spread()
        if self.edits or self.busy:  # pragma: no cover - somebody gave up waiting, see `_claim`
            self.edits.append(switch.edit)
            self.states.append(switch.edit(self.states[-1]))
            return
        self.edits.append(switch.edit)
        self.states[:] = [switch.base, switch.above]
        func, base = self.func, switch.base
        self.busy = switch.busy  # nothing is installed until it is through
        stored = func.__code__ is not base.code or func.__closure__ is not base.closure
        self.installed = switch.above if stored and not self.busy else base

    def overtaken(self, gone: Edit | None = None) -> None:
        """The store of a switch was interrupted, or somebody spread it meanwhile: everything is put in order.

        Args:
            gone: the switch's edit, where it is not to stay.
        """
        self.late.append(None)
        with LOCK:
            self.late.pop()
            self.spread()
            if gone is not None and gone in self.edits:
                self._remove(gone)
            if self.installed is not None and not self.busy:
                self._resume()
                self._rest()

    def _resume(self) -> None:
        """Installs what is to be in force over whatever the function runs now."""
        func, installed = self.func, self.installed
        assert installed is not None
        if func.__code__ is not installed.code or func.__closure__ is not installed.closure:
            self.installed = State(func.__code__, func.__closure__, installed.face)
        self.settle()

    def _straightened(self) -> bool:
        """Whether it was the store of another thread's switch, which was overtaken and is about to say so."""
        import _thread

        for _ in range(200 if _thread._count() else 0):
            if self.late:
                self._resume()
                return True
            sleep(0.0005)
        return False

    def settle(self) -> None:
        """Installs what is to be in force; what an interruption or a finalizer adds meanwhile is installed next."""
        if self.busy:
            return
        self.busy = True
        try:
            while self.installed is not self.states[-1] or self._followed():
                before, after = self.installed, self.states[-1]
                assert before is not None
                if before is after:
                    continue
                try:
                    install(self.func, before, after)
                except BaseException:
                    func = self.func
                    code, closure = func.__code__, func.__closure__
                    if code is not before.code or closure is not before.closure:
                        # interrupted behind the last step, or half way and what put it back was objected to
                        done = code is after.code and closure is after.closure
                        self.installed = after if done else State(code, closure, before.face)
                    raise
                self.installed = after
        finally:
            self.busy = False

    def _followed(self) -> bool:
        """Tells the edits that want to know it what lies beneath them; whether that changed anything."""
        changed = False
        for at, edit in enumerate(self.edits):
            if edit.follows and edit not in self.edits[:at]:  # entered twice, it lies where it was first
                changed |= edit.follow(self.states[at])
        return changed

    def _put_back(self) -> None:
        """Settles after a failure. What objects to that, too, leaves it to the next change."""
        with suppress(BaseException):  # the first failure is the one to tell
            self.settle()

    def _remove(self, edit: Edit) -> int:
        edits = self.edits
        position = len(edits) - 1
        while edits[position] is not edit:
            position -= 1
        removed = False
        busy, self.busy = self.busy, True  # a finalizer's changes wait until the states are there
        try:
            removed = True
            del edits[position]
            self._recompute(position)
        except BaseException:  # a signal's handler raised: edits raise nothing here
            if removed:
                edits.insert(position, edit)
                self._recompute(0)
            raise
        finally:
            self.busy = busy
        return position

    def _recompute(self, position: int) -> None:
        """Computes the states from an edit upwards, until no finalizer has changed the edits meanwhile."""
        states = self.states
        while True:
            del states[position + 1 :]
            if position == len(self.edits):  # it was the topmost
                return
            edits = self.edits[:]
            for index, edit in enumerate(edits[position:], position):
                try:
                    states.append(self._above(edit, states[-1], edits, index))
                except Exception:  # noqa: BLE001 - what an edit cannot do over another base it leaves out
                    states.append(states[-1])
            if edits == self.edits and len(states) == len(edits) + 1:
                return
            position = 0

    def _above(self, edit: Edit, state: State, edits: list[Edit], count: int) -> State:
        """The state that an edit makes over so many others; one that takes the place of some knows nothing of those."""
        place = edit.place
        if place is None or all(other.place is not place for other in edits[:count]):
            return edit(state)
        state = self.states[0]
        for other in edits[:count]:
            if other.place is not place:
                try:
                    state = other(state)
                except Exception:  # noqa: BLE001 - as `_recompute` does
                    continue
        return edit(state)

    def _rest(self) -> None:
        """Without edits nothing is held but the function, and switches may come in."""
        states = self.states
        if not self.edits and not self.busy and (not states or self.installed is states[0]):
            del states[:]
            self.installed = None
            if not self.free and not self.slot:
                self.free += TOKEN  # no call: a signal's handler cannot raise behind it

    def in_force(self) -> State:
        """The state that the topmost layer made, or what the function is without layers."""
        self.spread()
        return self.states[-1] if self.states else state_of(self.func)

    def beneath(self) -> State:
        """The state without the edits that belong to this function alone."""
        self.spread()
        if not self.states:
            return state_of(self.func)
        return self._without_private(self.edits)

    def _without_private(self, edits: list[Edit]) -> State:
        state = self.states[0]
        public = [edit for edit in edits if not edit.private]
        for index, edit in enumerate(public):
            try:
                state = self._above(edit, state, public, index)
            except Exception:  # noqa: BLE001 - as `_recompute` does
                continue
        return state


def _interference(func: FunctionType, attribute: str, found: object, expected: object) -> InterferenceError:
    target = short(func)
    msg = (
        f"somebody else assigned {attribute} of {target}: it is {short(found)}, and recell had installed "
        f"{short(expected)}; nothing was changed. Assign that back, then undo"
    )
    return InterferenceError(
        msg, target=target, attribute=attribute, expected=short(expected), found=short(found)
    )
