"""Ctrl-C and time limits: a signal's handler may raise anywhere inside an enter or a leave, and nothing is half done.

A handler runs where the interpreter looks for signals: when a function of Python starts, and behind calls. A profile
function that raises does it in just these places.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Callable, Iterator

import pytest

import recell
from recell import EMPTY
from recell.layers import stacks
from recell.layers.locking import LOCK
from recell.patching import overriding

LIMIT = 3
FOLDERS = tuple(os.path.dirname(module.__file__) for module in (stacks, overriding))


class Interrupted(BaseException):
    """As KeyboardInterrupt is."""


def make() -> Any:
    count = 1

    def func() -> object:
        try:
            return LIMIT, count
        except NameError:
            return LIMIT, None

    return func


def interrupted(action: Callable[[], object], at: int) -> bool:
    """Whether there was an `at`-th place to raise in."""
    places = 0

    def raising(frame: Any, event: str, arg: Any) -> None:
        nonlocal places
        if event not in ("call", "c_return") or not frame.f_code.co_filename.startswith(FOLDERS):
            return
        if frame.f_code.co_name == "_forget":  # the collector calls it, and an exception there reaches nobody
            return
        # of a `with lock` CPython 3.14+ loses the lock there
        if getattr(arg, "__name__", "") != "__enter__":
            places += 1
            if places == at:
                raise Interrupted

    before = sys.getprofile()
    sys.setprofile(raising)
    try:
        action()
    except Interrupted:
        pass
    finally:
        sys.setprofile(before)
    return places >= at


def is_free() -> bool:
    return not LOCK._is_owned()  # type: ignore[attr-defined]


CHANGES: dict[str, Callable[[Any], Any]] = {
    "a constant": lambda func: recell.override(func, LIMIT=5),
    "a cell of its own": lambda func: recell.override(func, count=5),
    "both": lambda func: recell.override(func, LIMIT=5, count=6),
    "a shared cell": lambda func: recell.patch_closure(func, count=5),
    "a shared cell, emptied": lambda func: recell.patch_closure(func, count=EMPTY),
}
BENEATH: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda func: None,
    "a constant": lambda func: recell.override(func, LIMIT=9).start(),
    "a shared cell": lambda func: recell.patch_closure(func, count=9).start(),
    "a swap": lambda func: recell.swap(func, make()),
}


def cases(change: str, beneath: str, prepared: int) -> Iterator[tuple[Any, Any, Any]]:
    while True:
        func = make()
        below = BENEATH[beneath](func)
        made = CHANGES[change](func)
        for _ in range(prepared):
            with made:
                pass
        yield func, below, made


def check(func: Any, below: Any, change: Any, base: Any) -> None:
    """The change is in force or it is not, and says so; it can be undone; all that comes later works."""
    assert is_free()
    assert (func() != base) == change.active
    if change.active:
        change.undo()
    assert not change.active
    assert func() == base
    with recell.override(func, LIMIT=7):
        assert func()[0] == 7
    with change:
        assert func() != base
    assert func() == base
    if below is not None:
        below.undo()
    assert func() == (3, 1)


@pytest.mark.parametrize("prepared", [0, 1, 4], ids=["first", "again", "many times"])
@pytest.mark.parametrize("beneath", BENEATH)
@pytest.mark.parametrize("change", CHANGES)
def test_an_interrupted_enter_is_entered_or_not(change: str, beneath: str, prepared: int) -> None:
    for at, (func, below, made) in enumerate(cases(change, beneath, prepared), 1):
        base, code, closure = func(), func.__code__, func.__closure__
        if not interrupted(made.__enter__, at):
            assert at > (1 if prepared > 1 else 3)  # the quick way calls nothing
            return
        if not made.active:
            assert func.__code__ is code
            assert func.__closure__ is closure
        check(func, below, made, base)


@pytest.mark.parametrize("prepared", [0, 1, 4], ids=["first", "again", "many times"])
@pytest.mark.parametrize("beneath", BENEATH)
@pytest.mark.parametrize("change", CHANGES)
def test_an_interrupted_leave_is_left_or_not(change: str, beneath: str, prepared: int) -> None:
    for at, (func, below, made) in enumerate(cases(change, beneath, prepared), 1):
        base, code, closure = func(), func.__code__, func.__closure__
        made.__enter__()
        if not interrupted(lambda made=made: made.__exit__(None, None, None), at):
            assert at > 2
            return
        if not made.active:
            assert func.__code__ is code
            assert func.__closure__ is closure
        check(func, below, made, base)
