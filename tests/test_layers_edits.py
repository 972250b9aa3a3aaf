"""Edits of somebody else's over a function: what they may do while they are computed, and what they must not."""

from __future__ import annotations

from typing import Any

import pytest

import recell
from recell.layers.changes import Change
from recell.layers.edits import FACE, Edit
from recell.layers.exchange import new_state
from recell.layers.values import ABSENT

LIMIT = "limit"


def make(a: Any, b: Any) -> Any:
    def func() -> Any:
        return a, b, LIMIT

    return func


class Hooked(Edit):
    """An edit of somebody else's, during which something happens."""

    touches = FACE

    def __init__(self, func: Any, doc: str) -> None:
        super().__init__(func)
        self.doc, self.action = doc, None

    def __call__(self, state: Any) -> Any:
        action, self.action = self.action, None
        if action is not None:
            action()
        return state.shown_as(state.face._replace(doc=f"{state.face.doc}+{self.doc}"))


def fail() -> None:
    raise ValueError("not over this base")


def doc(func: Any, edit: Hooked) -> Change:
    return Change("doc", func, [edit], stays=True)


def test_edits_that_come_and_go_while_others_are_computed() -> None:
    """A finalizer may run anywhere: what it enters or leaves is there when the one under way is through."""
    func = make("a", "b")
    func.__doc__ = "base"
    edits = [Hooked(func, name) for name in ("one", "two", "three")]
    one, two, three = [doc(func, edit) for edit in edits]
    came: list[Any] = []
    edits[2].action = lambda: came.append(recell.override(func, LIMIT="new limit").start())
    two.undo()
    assert func.__doc__ == "base+one+three" and func() == ("a", "b", "new limit")
    edits[2].action = came[0].undo
    one.undo()
    assert func.__doc__ == "base+three" and func() == ("a", "b", "limit")
    edits[0].action = three.undo
    one.start()
    assert func.__doc__ == "base+one"
    one.undo()
    assert func.__doc__ == "base" and func() == ("a", "b", "limit")


def test_what_an_edit_cannot_do_leaves_those_above_it() -> None:
    """Over another base "two" fails: it leaves everything as it is, and is tried again at the next computing."""
    func = make("a", "b")
    func.__doc__ = "base"
    edits = [Hooked(func, name) for name in ("one", "two", "more")]
    one, two, more = [doc(func, edit) for edit in edits]
    edits[1].action = fail
    one.undo()
    assert func.__doc__ == "base+more"
    one.start()
    more.undo()
    assert func.__doc__ == "base+one"
    one.undo()
    assert func.__doc__ == "base"
    two.undo()
    assert func.__doc__ == "base"


@pytest.mark.parametrize("error", [RecursionError, MemoryError])
def test_want_of_stack_or_memory_is_no_reason_to_leave_a_layer_out(error: type[BaseException]) -> None:
    func = make("a", "b")
    func.__doc__ = "base"
    edits = [Hooked(func, name) for name in ("one", "two")]
    one, two = [doc(func, edit) for edit in edits]

    def exhausted() -> None:
        raise error

    edits[1].action = exhausted
    with pytest.raises(error):
        one.undo()
    assert func.__doc__ == ("base+one+two" if one.active else "base+two")
    if one.active:
        one.undo()
    two.undo()
    assert func.__doc__ == "base"


def test_an_edit_whose_code_does_not_fit_its_cells() -> None:
    func, wide = make("a", "b"), make("a", "b").__closure__ * 2

    class Misfit(Edit):
        def __call__(self, state: Any) -> Any:
            return new_state(state.code, wide, state.face)

    code, closure = func.__code__, func.__closure__
    with pytest.raises(recell.ClosureMismatchError, match="on 4 cells"):
        Change("misfit", func, [Misfit(func)], stays=True)
    assert func.__code__ is code and func.__closure__ is closure


def test_what_is_absent_says_so() -> None:
    assert repr(ABSENT) == "<absent>"
