"""Edits of somebody else's over a function: what they may do while they are computed, and what they must not."""

from __future__ import annotations

from typing import Any

import pytest

import recell
from recell.layers.changes import Change
from recell.layers.exchange import State
from recell.layers.function_layers import ABSENT, Edit, FunctionLayer, beneath

LIMIT = "limit"


def make(a: Any, b: Any) -> Any:
    def func() -> Any:
        return a, b, LIMIT

    return func


class Hooked(Edit):
    """An edit of somebody else's, during which something happens."""

    private = False

    def __init__(self, doc: str, place: Any = None) -> None:
        self.doc, self.place, self.action = doc, place, None
        self.whole = True

    def __call__(self, state: Any) -> Any:
        action, self.action = self.action, None
        if action is not None:
            action()
        return State(state.code, state.closure, state.face._replace(doc=f"{state.face.doc}+{self.doc}"))


def fail() -> None:
    raise ValueError("not over this base")


def doc(func: Any, edit: Hooked) -> Change:
    return Change("doc", func, [FunctionLayer(func, edit)], stays=True)


def test_edits_that_come_and_go_while_others_are_computed() -> None:
    """A finalizer may run anywhere: what it enters or leaves is there when the one under way is through."""
    func = make("a", "b")
    func.__doc__ = "base"
    edits = [Hooked(name) for name in ("one", "two", "three")]
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


def test_edits_in_the_place_of_others() -> None:
    """Of several with one place the last counts; those beneath that fail over the other base are left out."""
    func, place = make("a", "b"), object()
    func.__doc__ = "base"
    edits = [Hooked("one", place), Hooked("two"), Hooked("three", place)]
    one, two = doc(func, edits[0]), doc(func, edits[1])
    edits[1].action = fail
    three = doc(func, edits[2])
    assert func.__doc__ == "base+three"
    edits[1].action = fail  # once: beneath the third, "two" is computed again
    assert beneath(func).face.doc == "base+two+three"
    three.undo()
    assert func.__doc__ == "base+one+two"
    edits[1].action = fail
    assert beneath(func).face.doc == "base+one"
    one.undo(), two.undo()
    assert func.__doc__ == "base"


def test_what_an_edit_cannot_do_leaves_those_above_it() -> None:
    """Over the base that one in the place of another finds, "two" fails: "more" counts all the same."""
    func, place = make("a", "b"), object()
    func.__doc__ = "base"
    edits = [Hooked("one", place), Hooked("two"), Hooked("more"), Hooked("three", place)]
    changes = [doc(func, edit) for edit in edits[:3]]
    edits[1].action = fail
    changes.append(doc(func, edits[3]))
    assert func.__doc__ == "base+more+three"
    for change in reversed(changes):
        change.undo()
    assert func.__doc__ == "base"


def test_an_edit_whose_code_does_not_fit_its_cells() -> None:
    func, wide = make("a", "b"), make("a", "b").__closure__ * 2

    class Misfit(Edit):
        def __call__(self, state: Any) -> Any:
            return State(state.code, wide, state.face)

    code, closure = func.__code__, func.__closure__
    with pytest.raises(recell.ClosureMismatchError, match="on 4 cells"):
        Change("misfit", func, [FunctionLayer(func, Misfit())], stays=True)
    assert func.__code__ is code and func.__closure__ is closure


def test_what_is_absent_says_so() -> None:
    assert repr(ABSENT) == "<absent>"
