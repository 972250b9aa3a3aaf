"""An exception at every line of entering and of leaving: the change is in force or not, says so, and can be undone."""

from __future__ import annotations

import os
import random
import sys
import threading
from typing import Any, Callable

import pytest
from layering import BENEATH, VERBS, Scene, scene, seen
from sizes import FULL, SEED, pick

import recell
from recell import compat


class Injected(BaseException):
    """As KeyboardInterrupt is."""


FILES = tuple(os.path.dirname(module.__file__) for module in (recell, compat))


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
@pytest.mark.parametrize("kind", VERBS)
def test_an_exception_at_every_line(kind: str, beneath: str, way: str) -> None:
    chance = random.Random(f"{SEED} {kind} {beneath} {way}")
    step = pick(60, 1)
    for entered_before in (0, 2) if FULL else (chance.choice((0, 2)),):
        at = 1 + chance.randrange(step)
        while True:
            made = scene(kind, beneath, entered_before)
            if made is None:
                return
            inside = None
            if way == "in":
                hit = injected(made.change.__enter__, at)
            else:
                made.change.__enter__()
                inside = seen(made.funcs)
                hit = injected(lambda made=made: made.change.__exit__(None, None, None), at)
            made.check(inside if hit or way == "out" else seen(made.funcs))
            if not hit:
                break
            at += 1 + chance.randrange(step) if step > 1 else 1


def test_other_threads_can_change_afterwards() -> None:
    """The lock is given back wherever the exception came."""
    at = 1
    while True:
        scene = Scene("growth", "nothing", 0)
        if not injected(scene.change.__enter__, at):
            scene.change.undo()
            break
        thread = threading.Thread(target=lambda scene=scene: scene.check(None))
        thread.start()
        thread.join(20)
        assert not thread.is_alive()
        at += pick(7, 1)
