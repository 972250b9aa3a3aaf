"""A function in which contexts see different things: its variable, its boxes, and the guard that asks for them.

The guard is installed with the first local change, and removed with the last one unless the function is localized;
it is kept meanwhile. While it is installed, process-wide changes go to the root's box instead of into the function.
"""

from __future__ import annotations

from contextvars import ContextVar
from types import FunctionType
from typing import TYPE_CHECKING, Any
from weakref import ref

from recell.code.guarded import is_stand_by, own_code, sink_of
from recell.errors import InterferenceError, UnsupportedPythonError, short
from recell.flags import GENERATORS, parameters
from recell.layers.edits import CODE_EDIT, PATCH
from recell.layers.exchange import install, needs_no_other_threads, new_state
from recell.layers.records import base_of, has_layers, layers_of, record_of, up_to, used_stack
from recell.local.boxes import Box, WayOut, all_above, show
from recell.local.entries import variant
from recell.local.guards import guarded
from recell.local.templates import shape_of
from recell.patching.override_edits import OverrideEdit

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from recell.layers.exchange import State
    from recell.local.layers import LocalLayer

__all__ = ["Place", "place_of"]

_KEPT_GUARDS = 4


class _Kept:
    """Guards of a function, kept as long as it lives. A place holds none of it: guards hold their place."""

    __slots__ = ("guards", "moved", "place")

    guards: list[tuple[CodeType, str, CodeType]]
    """Codes and the guards over them, with the attribute of the box for which these ask."""
    moved: State | None
    """The guard over the code that a process-wide change with other parameters made of the function."""
    place: Place

    def __init__(self, place: Place, guards: list[tuple[CodeType, str, CodeType]]) -> None:
        self.place, self.guards, self.moved = place, guards, None


class Place:
    """A function that contexts see differently. The function's code leads to it: it holds no function."""

    __slots__ = ("func", "held", "root", "var")

    func: Any
    """A weak reference to it."""
    held: int
    """The number of times it is localized."""
    root: Box
    var: ContextVar[Box]

    def __init__(self) -> None:
        self.func = _nobody
        self.root = Box(self._itself())
        self.var = ContextVar("recell", default=self.root)
        self.held = 0

    def belong(self, func: FunctionType, guards: list[tuple[CodeType, str, CodeType]]) -> _Kept:
        """Be the place of a function, as long as that lives; with the guards that are known already."""
        self.func = ref(func)
        kept = record_of(func).local = _Kept(self, guards)
        return kept

    def _itself(self) -> Callable[..., Any]:
        """Return what calls the function: it stands in boxes that are off, for who has just read that they are on."""

        def itself(*args: Any, **kwargs: Any) -> Any:
            return self.func()(*args, **kwargs)

        return itself

    @property
    def state(self) -> State:
        """The state of the function itself while the guard is installed."""
        func = self.func()
        moved: State | None = record_of(func).local.moved
        if moved is not None:
            return moved
        base = base_of(func)
        return new_state(self.guard_of(func, base.code), base.closure, None)

    def top(self, func: FunctionType) -> State:
        """Return what contexts without local changes see, where nobody can undo process-wide changes."""
        return self.root.state or new_state(own_code(func), func.__closure__, None)

    def codes(self, func: FunctionType) -> list[CodeType]:
        """Return the codes that run for the function: its own, and those of variants."""
        boxes = [self.root, *all_above(self.root)]
        made = [call for box in boxes if box.on or box is self.root for call in (box.call, box.beneath)]
        variants = [call for call in made if type(call) is FunctionType and is_stand_by(call)]
        return [own_code(func), *[call.__code__ for call in variants]]

    def check(self, func: FunctionType) -> None:
        """Raise InterferenceError where somebody assigned other code to a function that has a guard."""
        if sink_of(func) is not self and (self.held or self._in_use()):
            target, found = short(func), short(func.__code__)
            expected = "the guard of its local changes"
            msg = (
                f"somebody else assigned __code__ of {target}: it is {found}, and recell had installed {expected}; "
                "nothing was changed. Assign that back, then undo"
            )
            raise InterferenceError(msg, target=target, attribute="__code__", expected=expected, found=found)

    # -- the guard ------------------------------------------------------------------------------

    def hold(self, func: FunctionType) -> None:
        """Install the guard until it is let go as often. Nothing has changed when it raises."""
        self.check(func)
        self._install(func)
        self.held += 1

    def let_go(self, func: FunctionType) -> None:
        """Remove the guard where no local change needs it."""
        self.check(func)
        self.held -= 1
        self._remove(func)

    def _in_use(self) -> bool:
        """Return whether a local change is in force that a context or somebody who can undo it still holds."""
        return any(box.alive for box in all_above(self.root))

    def guard_of(self, func: FunctionType, code: CodeType, asked: str = "on") -> CodeType:
        """Return the guard over a code of the function; it is kept.

        Args:
            func: the function.
            code: the code.
            asked: "on", or "over" for a guard that never asks the root.
        """
        guards: list[tuple[CodeType, str, CodeType]] = record_of(func).local.guards
        for own, known, guard in guards:
            if own is code and known == asked:
                return guard
        guard = guarded(func, code, self.var.get, self, asked)
        guards[:] = [*guards[1 - _KEPT_GUARDS :], (code, asked, guard)]
        return guard

    def _install(self, func: FunctionType) -> None:
        if sink_of(func) is self:
            return
        try:
            needs_no_other_threads("changing a function for one context")
        except UnsupportedPythonError as error:
            msg = f"{error}; or localize it first: recell.localize({func.__name__}), before threads start"
            raise UnsupportedPythonError(msg, feature=error.feature, version=error.version) from None
        if not has_layers(func):
            guard = self.guard_of(func, func.__code__)
            self._forget(func)
            if self.root.above:  # contexts may hold boxes that were left, and followed what is gone
                show(self._shown(func, all_above(self.root), {}))
            func.__code__ = guard
            return
        try:
            used_stack(record_of(func)).divert(func, self)
        except BaseException:
            self._forget(func)
            raise

    def _remove(self, func: FunctionType) -> None:
        if self.held or self._in_use() or sink_of(func) is not self:
            return
        try:
            needs_no_other_threads("removing a guard")
        except UnsupportedPythonError:
            return  # it stays until it is not needed at a better time
        if has_layers(func):
            used_stack(record_of(func)).restore(func)
        else:
            state = self.top(func)
            install(func, record_of(func).limbos, new_state(func.__code__, func.__closure__, None), state)
        self._forget(func)

    def _forget(self, func: FunctionType) -> None:
        """Let the root be off: the function itself has what is in force."""
        record_of(func).local.moved = None
        show([(self.root, None, None, False, None)])

    # -- process-wide changes -------------------------------------------------------------------

    def put(self, func: FunctionType, before: State | None, after: State) -> None:
        """Let contexts without local changes see a state; those above start from it, too.

        Most states are the root's to show, and nothing is stored into the function. Other parameters, or other
        defaults at the same instant as other code, take a guard of their own, which never asks the root.
        """
        kept, base, root = record_of(func).local, base_of(func), self.root
        moved = kept.moved
        is_base = after.code is base.code and after.closure is base.closure
        alone = not _alike(after.code, base.code)
        if not alone and _changes_both(before, after):
            alone = not (is_base and moved)  # back to the first guard is one exchange, too
        made = None if is_base and not alone else variant(func, after)
        call = None if alone else made
        try:
            kept.moved = None
            if alone:
                kept.moved = new_state(self.guard_of(func, after.code, "over"), after.closure, None)
            shown: list[Any] = [(root, after if call else None, call, False, made)]
            shown += self._shown(func, all_above(root), {root: (self.start(func), made, False)})
            if sink_of(func) is not self:
                show(shown)
                return
            now = new_state(func.__code__, func.__closure__, before.face if before else None)
            state = new_state(self.state.code, self.state.closure, after.face)
            # that guard is asked first which shows the same before and after the boxes do
            if kept.moved is not None:
                _exchange(func, now, state)
            back = show(shown)
            if kept.moved is None:
                try:
                    _exchange(func, now, state)
                except BaseException:
                    show(back)
                    raise
        except BaseException:
            kept.moved = moved
            raise

    def start(self, func: FunctionType) -> State:
        """Return what overrides start from: the function's own code with process-wide overrides, without swaps."""
        if not has_layers(func):
            return self.top(func)
        state = up_to(func, CODE_EDIT)
        for edit in layers_of(func):
            if edit.rank == PATCH and isinstance(edit, OverrideEdit):
                try:
                    state = edit(state)
                except Exception:  # noqa: BLE001 - what it cannot do over this state it leaves out
                    continue
        return state

    # -- local changes: what `Change` asks of a stack -----------------------------------------------

    def enter(self, layer: LocalLayer) -> None:
        """Put a layer over what this context sees; nothing has changed when it raises."""
        func, entry, root, var = layer.func, layer.entry, self.root, self.var
        if sink_of(func) is not self:
            self.check(func)
            self._install(func)
        box = None
        try:
            lowest = var.get()
            parent = lowest if lowest.alive else lowest.under(root)
            if parent is root:
                box = Box(root.idle, None, entry)
                state, call = self.start(func), root.beneath
            else:
                box = Box(root.idle, parent, entry)
                assert parent.state is not None
                state, call = parent.state, parent.call if parent.on else None
            # nobody sees it yet
            box.state, box.call, box.beneath = entry.over(func, box, state, call)
            box.on = box.over = True
            layer.box = box
            parent.put_above(box)
            token = var.set(box)
            if token.old_value is token.MISSING:
                layer.way_out = WayOut(token)
            else:
                layer.way_out = lowest.way_out()
            if layer.way_out is not None:
                box.way_out = ref(layer.way_out)
        except BaseException:
            if box is not None:
                self._drop(func, box, layer)
            self._remove(func)
            raise

    def leave(self, layer: LocalLayer) -> None:
        """End a layer in every context that sees it; where it has ended already, that is all right."""
        func, box = layer.func, layer.box
        if box is None or not box.alive:
            return
        if sink_of(func) is not self:
            self.check(func)
        self._drop(func, box, layer)
        if not self.held:
            self._remove(func)

    def times(self, layer: LocalLayer) -> int:
        """Return how often a layer is in force."""
        return int(layer.box is not None and layer.box.alive)

    def _drop(self, func: FunctionType, box: Box, layer: LocalLayer) -> None:
        """Let a box follow the one beneath it, and this context forget it."""
        box.alive = False
        try:
            if box.above or box.parent is not None or self.root.beneath is not None:
                show(self._shown(func, [box, *all_above(box)], {}))
            else:  # it is the only one
                show([(box, None, None, False, None)])
        except BaseException:
            box.alive = True
            raise
        box.entry = None
        seen = self.var.get()
        if not seen.alive:
            self._see(seen.under(self.root), seen.way_out() or layer.way_out)
        layer.way_out = None

    def _see(self, box: Box, way_out: WayOut | None) -> None:
        """Let this context see a box; where that is the root, forget the variable if that can be done here."""
        if box is self.root and way_out is not None:
            try:
                self.var.reset(way_out.token)
            except (ValueError, RuntimeError):  # of another context, or used
                pass
            else:
                return
        self.var.set(box)

    def _shown(self, func: FunctionType, boxes: list[Box], known: dict[Box, Any]) -> list[Any]:
        """Return what boxes are to show, each behind the one beneath it; nothing changes.

        Args:
            func: the function.
            boxes: the boxes.
            known: box -> what it will show: state, call, and whether a local change chose that. What boxes are not
                in it show is as it is.
        """
        root, found = self.root, []
        if root not in known:
            known[root] = self.start(func), root.beneath, False
        for box in boxes:
            below = box.under(root)
            if below not in known:
                known[below] = below.state, below.call if below.on else None, below.over
            state, call, over = known[below]
            entry, beneath = box.entry, None
            if box.alive and entry is not None:
                try:
                    state, call, beneath = entry.over(func, box, state, call)
                    over = True
                except (RecursionError, MemoryError):
                    raise
                except Exception:  # noqa: BLE001 - what it cannot do over another state it leaves out
                    pass
            known[box] = state, call, over
            found.append((box, state if box.alive else None, call, over, beneath))
        return found


def _exchange(func: FunctionType, before: State, after: State) -> None:
    """Take a function from one state to another, where they differ."""
    if after.code is before.code and after.closure is before.closure:
        if after.face is before.face or after.face is None or before.face is None:
            return
    install(func, record_of(func).limbos, before, after)


def _changes_both(before: State | None, after: State) -> bool:
    """Return whether the defaults are others, and the code, too."""
    if before is None or before.face is None or after.face is None:
        return False
    same_defaults = before.face[0] is after.face[0] and before.face[1] is after.face[1]
    return not (same_defaults or (before.code is after.code and before.closure is after.closure))


def _alike(one: CodeType, other: CodeType) -> bool:
    """Return whether two codes take the same parameters, under the same names, and are of one kind."""
    shapes = shape_of(one), shape_of(other)
    count = parameters(one)
    return (
        shapes[0] == shapes[1]
        and one.co_varnames[:count] == other.co_varnames[:count]
        and (one.co_flags ^ other.co_flags) & GENERATORS == 0
    )


def place_of(func: FunctionType) -> Place:
    """Return the place of a function; made where there is none. To be called under the lock."""
    record = record_of(func)
    kept: Any = record.local
    if kept is None:
        kept = Place().belong(func, [])
    place: Place = kept.place
    return place


def _nobody() -> None:
    """A weak reference to no function."""
