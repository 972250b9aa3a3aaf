"""Want of stack or memory at every point of entering and leaving: the state before or after, `active` true to it."""

from __future__ import annotations

import random
import subprocess
import sys
from ctypes import ArgumentError
from pathlib import Path
from typing import Any, Callable

import pytest
from layering import BENEATH, SETTINGS, VERBS, deep, depth, scene, seen
from sizes import DEBUG, FULL, SEED, pick

import recell

# a weak reference's callback may find no room; what it leaves is found out of date later
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

ROOM = 220
"""Calls up to the limit, so that it is reached where the test wants it."""
NEEDED = 45
"""More calls than entering or leaving needs, so that the last depths succeed."""
TROUBLE = (RecursionError, MemoryError, ArgumentError, recell.RecellError)


def starved(action: Callable[[], object], calls: int) -> BaseException | None:
    """What an action raises that has so many calls left."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(depth() + ROOM)
    try:
        deep(ROOM - calls, action)
    except TROUBLE as error:
        return error.with_traceback(None)
    finally:
        sys.setrecursionlimit(before)
    return None


def sample(most: int, *key: object) -> list[int]:
    """Depths, or steps: all of them, or some."""
    return list(range(most)) if FULL else random.Random(f"{SEED} {key}").sample(range(most), 3)


@pytest.mark.parametrize("way", ["in", "out", "undo"])
@pytest.mark.parametrize("beneath", BENEATH)
def test_a_recursion_error_at_every_depth(beneath: str, way: str) -> None:
    failed = 0
    for kind in VERBS:
        for left in sample(NEEDED, kind, beneath, way):
            for entered_before in pick((left % 2,), (0, 1)):
                made = scene(kind, beneath, entered_before)
                if made is None:
                    break
                failed += starve(made, kind, way, lambda action, left=left: starved(action, left))
    assert failed


def starve(made: Any, kind: str, way: str, run: Callable[[Any], BaseException | None]) -> bool:
    """Enter or leave a scene's change in want of something, and check what comes of it. Whether it failed."""
    change, inside = made.change, None
    if way != "in":
        change.__enter__()
        inside = seen(made.funcs)
    error = run(
        {"in": change.__enter__, "out": lambda: change.__exit__(None, None, None), "undo": change.undo}[way]
    )
    if error is None:
        assert change.active == (way == "in")
        if change.active:
            change.undo()
        inside = None
    elif change.active and kind == "class":
        change.undo()  # some of its functions may be out already: the rest can still be undone
    made.check(inside)
    return error is not None


@pytest.mark.parametrize("beneath", pick(("nothing", "growth"), tuple(BENEATH)))
@pytest.mark.parametrize("way", ["in", "out"])
def test_a_patcher_at_every_depth(beneath: str, way: str) -> None:
    """What is in force it knows of, and another undo takes it all back."""
    failed = 0
    for kind in VERBS:
        for left in sample(NEEDED + 5, kind, beneath, way):
            made = scene(kind, beneath)
            if made is not None:
                failed += starve_patcher(made, kind, way, lambda action, left=left: starved(action, left))
    assert failed


def starve_patcher(made: Any, kind: str, way: str, run: Callable[[Any], BaseException | None]) -> bool:
    settings = dict(SETTINGS)
    patcher = recell.Patcher()
    patcher.setitem(SETTINGS, "more", 1)
    if way == "in":
        error = run(lambda: VERBS[kind](patcher, made.target))
        if error is not None and seen(made.funcs) == made.before:
            assert repr(patcher).count(" of ") == 1, patcher
    else:
        VERBS[kind](patcher, made.target)
        error = run(patcher.undo)
    patcher.undo()
    assert settings == SETTINGS and "nothing to undo" in repr(patcher)
    made.check_before()
    made.check_fresh()
    return error is not None


# -- failing allocations: in processes of their own, since CPython itself does not survive each of them -----------


COMPILED = {"attach", "patch_code", "patch_inner", "probe", "repoint"}
"""CPython's compiler may give a SystemError for want of memory, and generators kill it (3.12+), then or later."""


def failing(kind: str, beneath: str, way: str, at: int) -> bool:
    """Whether there is an `at`-th allocation, to fail."""
    import _testcapi

    def run(action: Any) -> BaseException | None:
        caught = None
        _testcapi.set_nomemory(at, at + 1)
        try:
            action()
        except TROUBLE as error:
            caught = error
        finally:
            _testcapi.remove_mem_hooks()
        return caught and caught.with_traceback(None)

    made = scene(kind, beneath, 1)
    if made is None or (way.endswith("in") and kind in COMPILED):
        return False
    if way.startswith("patcher"):
        return starve_patcher(made, kind, way.rpartition(" ")[2], run)
    return starve(made, kind, way, run)


WAYS = ["in", "out", "undo", "patcher in", "patcher out"]


def all_failing(beneath: str, full: bool) -> None:
    for kind in VERBS:
        for way in WAYS:
            passed = 0
            for at in range(1, 3000) if full else [1 + at for at in sample(40, kind, way)]:
                print(kind, beneath, way, at, flush=True)
                passed = 0 if failing(kind, beneath, way, at) else passed + 1
                if passed == 25:  # an allocation that fails may be made up for
                    break


@pytest.mark.skipif(DEBUG, reason="a debug build of CPython stops at what it does itself for want of memory")
@pytest.mark.parametrize("beneath", pick(("nothing",), tuple(BENEATH)))
def test_a_failing_allocation_at_every_step(beneath: str) -> None:
    testcapi = pytest.importorskip("_testcapi")
    if not hasattr(testcapi, "set_nomemory"):
        pytest.skip("this interpreter cannot fail an allocation")
    script = f"import test_layers_exhausted as t; t.all_failing({beneath!r}, {FULL})"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=str(Path(__file__).parent), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
