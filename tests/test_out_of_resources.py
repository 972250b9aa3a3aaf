"""Neither the end of the stack, nor that of the memory, nor a fork leaves a change half made."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import types

import pytest
from sizes import DEBUG, pick

import recell
from recell.layers import locking

LIMIT = 5


def make(x=1):
    y = 2

    def func(a=0, *, k=0):
        return LIMIT, x, y, a, k

    return func


CHANGES = {
    "override": lambda func: recell.override(func, LIMIT="inside"),
    "override, a cell": lambda func: recell.override(func, LIMIT=types.CellType("inside")),
    "override, two": lambda func: recell.override(func, LIMIT="inside", x="inside"),
    "patch_closure": lambda func: recell.patch_closure(func, x="inside", y="inside"),
    "patch_defaults": lambda func: recell.patch_defaults(func, a="inside", k="inside"),
    "swap": lambda func: again(recell.swap(func, lambda a=0: "inside")),
    "wrap": lambda func: again(recell.wrap(func, lambda original: lambda: ("inside", original()))),
}


def again(change):
    """A change that is in force when it is returned, to be entered."""
    change.undo()
    return change


def dive(depth, operation):
    return dive(depth - 1, operation) if depth else operation()


def check(change, func, outside, inside):
    """All of it is there, or nothing; the change knows which, and one `undo` is enough."""
    assert func() == (inside if change.active else outside)
    if change.active:
        change.undo()
    assert func() == outside and not change.active


@pytest.mark.parametrize("way", ["in", "out"])
@pytest.mark.parametrize("kind", CHANGES)
def test_the_end_of_the_stack(kind, way):
    limit = sys.getrecursionlimit()
    func = make()
    change, outside = CHANGES[kind](func), make()()
    with change:
        inside = func()
    for _ in range(3):
        with change:
            pass
    failures = 0
    here = len(list(frames()))
    sys.setrecursionlimit(here + 200)
    try:
        for depth in range(pick(160, 100), 203):
            try:
                if way == "in":
                    dive(depth, change.__enter__)
                else:
                    change.__enter__()
                    dive(depth, change.__exit__)
            except RecursionError:
                failures += 1
            check(change, func, outside, inside)
    finally:
        sys.setrecursionlimit(limit)
    assert failures


def frames():
    frame = sys._getframe()
    while frame:
        yield frame
        frame = frame.f_back


MEMORY = """
import _testcapi, sys
from test_out_of_resources import CHANGES, check, make

def fails(operation, at):
    _testcapi.set_nomemory(at, at + 1)
    try:
        operation()
    except MemoryError:
        return True
    finally:
        _testcapi.remove_mem_hooks()
    return False

for kind in CHANGES:
    for way in ("in", "out"):
        func = make()
        change, outside = CHANGES[kind](func), func()
        with change:
            inside = func()
        for at in range(1, 1000):
            if way == "out":
                change.__enter__()
            failed = fails(change.__enter__ if way == "in" else change.__exit__, at)
            check(change, func, outside, inside)
            if not failed:
                break
        print(kind, way, at)
"""


@pytest.mark.skipif(DEBUG, reason="debug builds of some releases abort where memory fails")
def test_the_end_of_the_memory():
    pytest.importorskip("_testcapi")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", MEMORY], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    assert len(done.stdout.splitlines()) == 2 * len(CHANGES)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_fork_while_another_thread_is_in_the_middle_of_a_change(monkeypatch):
    """The child does not wait for a thread that it does not have."""
    monkeypatch.setattr(locking, "FORK_WAITS", 0.05)
    middle, go_on, parent = threading.Event(), threading.Event(), os.getpid()

    class Slow(dict):
        def __setitem__(self, key, value):
            middle.set()
            if os.getpid() == parent:  # the child puts the value there itself
                go_on.wait(20)

    thread = threading.Thread(target=lambda: recell.Patcher().setitem(Slow(), "key", 1))
    thread.start()
    middle.wait(20)
    func = make()
    child = os.fork()
    if not child:
        signal.alarm(10)
        with recell.override(func, LIMIT=9):
            os._exit(0 if func()[0] == 9 else 1)
    go_on.set()
    thread.join(20)
    assert os.waitpid(child, 0)[1] == 0
