"""The box: a function as one context sees it. The context variable holds the box, never a function.

Boxes form a tree: what a change puts over another one in some context lies above it there. The root is what contexts
see in which nothing is changed. A box whose change was undone follows the one beneath it, for as long as any context
holds it, so undoing ends a change in every context that inherited it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

if TYPE_CHECKING:
    from collections.abc import Callable

    from recell.layers.exchange import State
    from recell.local.entries import Entry

    Call = Callable[..., Any] | None
    Shown = tuple["Box", State | None, Call, bool, Call]

__all__ = ["Box", "WayOut", "all_above", "show"]


class WayOut:
    """The way to take the variable out of the context in which the lowest box was put.

    A token holds its context, and a context its boxes: so layers hold this, and boxes know it weakly. A context that
    dies without leaving is gone at once.
    """

    __slots__ = ("__weakref__", "token")

    def __init__(self, token: Any) -> None:
        self.token: Any = token


def _nothing() -> None:
    """Return nothing: a reference to what never was."""


class Box:
    """The effect of calls of one function in a context. Guards read `on` (or `over`) and then `call`.

    The root reaches the function's code, which the garbage collector does not look into: while it is off, nothing
    that it holds may lead to the function.

    Args:
        idle: a function that does what the function does; it takes the place of `call` while that is not needed.
        parent: the box beneath; None where that is the root, and for the root itself.
        entry: what makes `call`; None for the root.
    """

    __slots__ = (
        "__weakref__",
        "above",
        "alive",
        "beneath",
        "call",
        "entry",
        "idle",
        "on",
        "over",
        "parent",
        "room",
        "state",
        "way_out",
    )

    above: Any
    """A list of weak references to the boxes directly above; empty while there was none."""
    alive: bool
    beneath: Callable[..., Any] | None
    """The function around which something is put; of the root, the one that process-wide changes made."""
    call: Callable[..., Any]
    on: bool
    room: int
    """The number of those at which the ones that are gone are taken out."""
    over: bool
    """The same for guards over code with other parameters: they never ask the root."""
    state: State | None
    """The state from which an override above starts; None in the root: it is asked of the function each time."""
    way_out: Callable[[], WayOut | None]

    def __init__(
        self, idle: Callable[..., Any], parent: Box | None = None, entry: Entry | None = None
    ) -> None:
        self.on = self.over = False
        self.idle: Callable[..., Any] = idle
        self.call = idle
        self.parent: Box | None = parent
        self.entry: Entry | None = entry
        self.alive = True
        self.above = ()
        self.state = self.beneath = None
        self.way_out = _nothing

    def under(self, root: Box) -> Box:
        """Return the box beneath whose change is in force; the root where there is none."""
        box = self.parent
        while box is not None and not box.alive:
            box = box.parent
        return root if box is None else box

    def put_above(self, box: Box) -> None:
        """Take note of a box directly above this one."""
        above = self.above
        if not above:
            self.above = [ref(box)]
            self.room = 8
        elif above[-1]() is None:
            above[-1] = ref(box)
        else:
            if len(above) >= self.room:  # now and then: those that are gone
                above[:] = [known for known in above if known() is not None]
                self.room = 2 * len(above) + 8
            above.append(ref(box))

    def boxes_above(self) -> list[Box]:
        """Return the boxes directly above that some context or change still holds."""
        return [box for box in [known() for known in self.above] if box is not None]


def all_above(box: Box) -> list[Box]:
    """Return the boxes above a box, and those above them: each behind the one beneath it."""
    found = box.boxes_above()
    for one in found:
        found += one.boxes_above()
    return found


def show(shown: list[Shown]) -> list[Shown]:
    """Let boxes show what they are to show: all of them, or none. Readers may come between any two steps.

    Args:
        shown: boxes with the state, the function to which calls go (none: calls do what the function itself does),
            whether a local change chose that one, and that around which it is.

    Returns:
        The arguments that take them back.
    """
    before: list[Shown] = [
        (box, box.state, box.call if box.on else None, box.over, box.beneath) for box, *_ in shown
    ]
    try:
        _store(shown)
    except BaseException:
        _store(before)
        raise
    return before


def _store(shown: list[Shown]) -> None:
    for box, state, call, over, beneath in shown:
        box.state = state
        box.beneath = beneath
        if call is None:
            box.on = box.over = False
            box.call = box.idle
        else:
            box.call = call
            box.on, box.over = True, over
