"""An exception at every line of entering and of leaving: the change is in force or not, says so, and can be undone."""

from __future__ import annotations

import random
import sys
import threading
from typing import Any, Callable

import pytest
from layering import BENEATH, CHANGES, FOLDERS, Scene, seen
from sizes import FULL, SEED, pick

import recell
from recell import compat


class Injected(BaseException):
    """As KeyboardInterrupt is."""


FILES = (*FOLDERS, compat.__file__.rpartition("/")[0])


def injected(action: Callable[[], object], at: int) -> bool:
    """Whether there was an `at`-th line to raise in."""
    lines = 0

    def line(frame: Any, event: str, arg: Any) -> Any:
        nonlocal lines
        if event == "line":
            lines += 1
            if lines == at:
                sys.settrace(None)
                raise Injected
        return line

    def call(frame: Any, event: str, arg: Any) -> Any:
        if frame.f_code.co_name == "_forget":  # the collector calls it, and an exception there reaches nobody
            return None
        return line if frame.f_code.co_filename.startswith(FILES) else None

    before = sys.gettrace()
    sys.settrace(call)
    try:
        action()
    except Injected:
        return True
    finally:
        sys.settrace(before)
    return lines >= at


@pytest.mark.parametrize("way", ["in", "out"])
@pytest.mark.parametrize("beneath", BENEATH)
@pytest.mark.parametrize("kind", CHANGES)
def test_an_exception_at_every_line(kind: str, beneath: str, way: str) -> None:
    if (kind, beneath) == ("patch_inner", "swap"):
        pytest.skip("hidden by the swap")
    chance = random.Random(f"{SEED} {kind} {beneath} {way}")
    step = pick(23, 1)
    for entered_before in (0, 2) if FULL else (chance.choice((0, 2)),):
        at = 1 + chance.randrange(step)
        while True:
            try:
                scene = Scene(kind, beneath, entered_before)
            except recell.ScopeError:  # what lies beneath does not have the name
                return
            inside = None
            if way == "in":
                hit = injected(scene.change.__enter__, at)
            else:
                scene.change.__enter__()
                inside = seen(scene.funcs)
                hit = injected(lambda scene=scene: scene.change.__exit__(None, None, None), at)
            if not hit:
                break
            scene.check(inside)
            at += 1 + chance.randrange(step) if step > 1 else 1


def test_other_threads_can_change_afterwards() -> None:
    """The lock is given back wherever the exception came."""
    at = 1
    while True:
        scene = Scene("growth", "nothing", 0)
        if not injected(scene.change.__enter__, at):
            break
        thread = threading.Thread(target=lambda scene=scene: scene.check(None))
        thread.start()
        thread.join(20)
        assert not thread.is_alive()
        at += pick(7, 1)
