"""The stack of a function: its base, the layers over it, and the one way in and the one way out.

What is in force is always computed from the base, so layers come and go in any order. Layers have ranks; within a
rank the order of entry counts.

These are the guarantees, for every verb that changes functions in place:

* Everything is computed and made ahead before the function is touched. One store, of `Stack.now`, is the commit: it
  names the layers and the states that they make. Then what is in force is installed (`settle`).
* Whatever runs meanwhile (a finalizer, a signal's handler, an audit hook, a trace function) may enter and leave layers
  of the same function. What came in before the commit is taken into account by computing again; what comes in while
  something is being installed is listed, and installed next.
* When anything raises, even for want of memory or stack, `now` is put back without a call, and the function runs what
  it ran before. Where the installation itself was broken off, the function is looked at before the next one.
* Nothing is held at rest. A stack in use is held by those who can undo; without them, what is in force is the base.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import ref

from recell.code.guarded import EVER, sink_of
from recell.errors import InterferenceError, short
from recell.layers.computing import computed, fits, room, widen
from recell.layers.exchange import (
    CODE,
    DEFAULTS,
    FACE,
    NO_GIL,
    UNSEEN,
    State,
    defaults_of,
    face_of,
    found_state,
    install,
    needs_no_other_threads,
    prepare,
)

if TYPE_CHECKING:
    from types import FunctionType

    from recell.layers.edits import Edit
    from recell.layers.records import Record

    Now = tuple[tuple[Edit, ...], tuple[State, ...], Any]

__all__ = ["IDLE", "Stack"]

IDLE: Now = ((), (), None)


class Stack:
    """The layers over one function."""

    __slots__ = ("__weakref__", "busy", "follows", "installed", "now", "record", "sink")

    busy: bool
    """True while somebody is installing, who looks at `now` again at the end."""
    now: Now
    """The layers; the base and the state above each layer; what `now` becomes when the last layer leaves."""
    installed: State | None
    """The state that the function has; None where that is not known, and at rest."""
    sink: Any
    """The place that takes the states instead of the function."""

    def __init__(self, record: Record) -> None:
        self.record: Record = record
        self.now = IDLE
        self.installed = None
        self.busy = False
        self.follows: bool = False
        self.sink = None
        record.keep(self)

    def enter(self, edit: Edit) -> None:
        """Put a layer over those of its rank; nothing has changed when it raises."""
        func = edit.func
        now: Any = None
        new: Any = None
        chosen: Any = ()
        try:
            if edit.follows or self.follows:  # they are told when the function has the new state already
                room()
            while True:
                now, base = self.now, None
                if now is IDLE:
                    touches = edit.touches
                    face = (
                        None if not touches else defaults_of(func) if touches == DEFAULTS else face_of(func)
                    )
                    sink = self.sink = sink_of(func) if EVER else None
                    base = State()
                    base.code = func.__code__
                    base.closure = func.__closure__
                    base.face = face
                    base.kept = None
                    if sink is not None:
                        top = sink.top(func)
                        base.code, base.closure = top.code, top.closure
                    above = edit(base)
                    if sink is None and (above.closure is not base.closure or above.face is not face):
                        prepare(func, self.record.limbos, base, above)
                    new = (edit,), (base, above), ((), (base,), None)
                else:
                    self.check(func)
                    new = self._with(edit, now)
                    if new is None:
                        continue
                # in, unless something came in meanwhile and stayed; one line, so that no trace function comes between
                self.now = chosen = new if self.now is now or fits(new, now, self.now) else self.now
                if chosen is new:
                    break
            self.record.idle = None  # from now on those who can undo hold the stack
            if base is not None:  # unless something came in behind the commit, and was installed
                self.installed = base if self.installed is None else self.installed
            if edit.follows:
                self.follows = True
            if not self.busy:
                self.settle(func)
        except BaseException:
            # nothing is called here where nothing else came in: the stack may be exhausted
            if new is not None and self.now is new:
                self.now = new[2] if now is IDLE else now
                self.record.idle = None if self.now[0] else self
            if self.now is IDLE or self.busy:
                raise
            layers, states, _ = self.now
            if self.installed is not states[-1] or self.now is not now:
                if not layers and self.installed is states[0]:
                    self.now, self.installed = IDLE, None
                    self.record.idle = self
                else:
                    self._put_back(func, edit if chosen is new else None, now)
            raise

    def leave(self, edit: Edit) -> None:
        """Take the last entry of a layer out, wherever it lies; where it is out already, that is all right.

        Raises:
            InterferenceError: somebody else assigned code or closure meanwhile; nothing was changed.
        """
        func = edit.func
        now: Any = None
        new: Any = None
        try:
            if self.record.used() is not self:
                self.found_again()
            while True:
                now = self.now
                layers, states, empty = now
                installed = self.installed
                if (
                    installed is None
                    or func.__code__ is not installed.code
                    or func.__closure__ is not installed.closure
                ):
                    self.check(func)
                last = at = len(layers) - 1
                while at >= 0 and layers[at] is not edit:
                    at -= 1
                if at < 0:
                    return
                if at == last:
                    new = (layers[:at], states[: at + 1], empty) if at else empty
                    above = states[at]
                else:
                    new = (*computed(layers[:at] + layers[at + 1 :], states[: at + 1]), empty)
                    above = new[1][-1]
                if (
                    installed is not None
                    and self.sink is None
                    and (above.closure is not installed.closure or above.face is not installed.face)
                    and getattr(installed, "ready", None) is not above
                ):
                    prepare(func, self.record.limbos, above, installed)
                self.now = chosen = new if self.now is now or fits(new, now, self.now) else self.now
                if chosen is new:
                    break
            if not self.busy:
                self.settle(func)
            if edit.follows and edit not in self.now[0]:
                edit.follow(states[at].public)
        except BaseException:
            # as above; where something came in meanwhile, the layer is out, and the rest has to be installed
            if new is not None and self.now is new:
                self.now = now
                self.record.idle = None
            if not self.busy and self.now is not IDLE and self.installed is not self.now[1][-1]:
                self._put_back(func, None, None)
            raise

    def _with(self, edit: Edit, now: Now) -> Now | None:
        """Compute layers and states with one more, and make ahead what installing them takes.

        None where something came in meanwhile, so that it is to be done again.
        """
        if self.record.used() is not self:
            self.found_again()
        layers, states, empty = now
        if not layers:  # the last one is on its way out
            empty = now
        func = edit.func
        installed = self.installed or self._found(func)
        level = max([layer.touches for layer in layers], default=CODE)
        face = installed.face
        if face is not None and installed is not states[-1]:  # what left still shows
            level = max(level, DEFAULTS if face.attributes is UNSEEN else FACE)
        if edit.touches > level and not widen(self, now, edit, level, [installed, *states]):
            return None
        at = len(layers)
        while at and layers[at - 1].rank > edit.rank:
            at -= 1
        above = edit(states[at])
        layers, states = computed((*layers[:at], edit, *layers[at:]), (*states[: at + 1], above))
        above = states[-1]
        if self.sink is None and (above.closure is not installed.closure or above.face is not installed.face):
            if states[0] is not installed:
                prepare(func, self.record.limbos, states[0], above)
            prepare(func, self.record.limbos, installed, above)
        return layers, states, empty

    def found_again(self) -> None:
        """Let the record know the stack: the collector clears references ahead of a finalizer that undoes."""
        self.record.used = ref(self)

    def settle(self, func: FunctionType) -> None:
        """Install what is to be in force, until that is what the function has."""
        before: State | None = None
        try:
            if self.follows:
                room()
            self.busy = True
            while True:
                now = self.now
                layers, states, _ = now
                before = self.installed or self._found(func)
                after = states[-1] if states else before
                if after is not before:
                    if self.sink is not None:
                        self.sink.put(func, before, after)
                    elif after.closure is before.closure and after.face is before.face:
                        if after.code is not before.code:
                            if NO_GIL:
                                needs_no_other_threads("setting a function's code")
                            func.__code__ = after.code
                    else:
                        install(func, self.record.limbos, before, after)
                    self.installed = after
                if self.follows:
                    self._tell(layers, states)
                if not layers:
                    self.now = done = IDLE if self.now is now else self.now
                    if done is IDLE:
                        self.installed = None
                        self.follows = False
                        self.record.idle = self
                self.busy = False
                # what came in behind that was installed by those who brought it
                if self.now is now or self.now is IDLE or self.installed is self.now[1][-1]:
                    break
                self.busy = True
        except BaseException:
            # nothing is called here: it may be the stack that is exhausted
            self.busy = False
            if self.now is IDLE:
                self.installed = None
            elif self.installed is before and (
                before is None
                or func.__code__ is not before.code
                or func.__closure__ is not before.closure
                or (
                    before.face is not None
                    and (
                        func.__defaults__ is not before.face[0]
                        or func.__kwdefaults__ is not before.face[1]
                        or (before.face[4] is not UNSEEN and func.__doc__ is not before.face[4])
                        or (before.face[5] is not UNSEEN and func.__dict__ is not before.face[5])
                    )
                )
            ):
                self.installed = None  # looked at before the next installation
            if not self.now[0]:
                self.record.idle = self
            raise

    def _tell(self, layers: tuple[Edit, ...], states: tuple[State, ...]) -> None:
        for at, edit in enumerate(layers):
            if edit.follows and edit not in layers[:at]:  # entered twice, it lies where it was first
                edit.follow(states[at])

    def _put_back(self, func: FunctionType, edit: Edit | None, now: Now | None) -> None:
        """After a failure: install what is to be in force, without the edit where there is one."""
        if edit is not None and self.now is not now:
            layers, states, empty = self.now
            at = len(layers) - 1
            while at >= 0 and layers[at] is not edit:
                at -= 1
            if at >= 0:
                self.now = (*computed(layers[:at] + layers[at + 1 :], states[: at + 1]), empty)
        with suppress(BaseException):  # the first failure is the one to tell; the next change tries again
            self.settle(func)

    def check(self, func: FunctionType) -> None:
        """Raise InterferenceError where somebody assigned code or closure away from what recell installed."""
        # one line, so that no trace function comes between; the code first, since an audit hook hears of that
        code, closure, installed = func.__code__, func.__closure__, self.installed
        if self.sink is not None:
            installed = self.sink.state
        if installed is None or self.busy:
            return
        if code is not installed.code:
            raise _interference(func, "__code__", code, installed.code)
        if closure is not installed.closure:
            raise _interference(func, "__closure__", closure, installed.closure)

    def times(self, edit: Edit) -> int:
        """Return how often a layer lies here."""
        return sum([layer is edit for layer in self.now[0]])

    def _found(self, func: FunctionType) -> State:
        """Return the state that an interruption left behind."""
        states = self.now[1]
        return found_state(func, states[-1].face if states else None)

    def divert(self, func: FunctionType, sink: Any) -> None:
        """Send states to a sink from now on; the function itself gets the sink's own state.

        Args:
            func: the function.
            sink: has `state`, what the function runs meanwhile, and `put(func, before, after)`, which takes what is
                in force; nothing has changed when that raises. `before` is None where it is not known.
        """
        top = self.now[1][-1]
        self.check(func)
        sink.put(func, None, top)
        install(func, self.record.limbos, top, sink.state)
        self.sink = sink

    def restore(self, func: FunctionType) -> None:
        """Let states go into the function again."""
        top = self.now[1][-1]
        self.check(func)
        install(func, self.record.limbos, self.sink.state, top)
        self.sink = None
        self.installed = top


def _interference(func: FunctionType, attribute: str, found: object, expected: object) -> InterferenceError:
    target = short(func)
    msg = (
        f"somebody else assigned {attribute} of {target}: it is {short(found)}, and recell had installed "
        f"{short(expected)}; nothing was changed. Assign that back, then undo"
    )
    return InterferenceError(
        msg, target=target, attribute=attribute, expected=short(expected), found=short(found)
    )
