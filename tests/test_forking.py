"""`fork` while another thread makes a change: the child's lock is free, and its functions are before or after."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest
from sizes import pick

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

BUSY = """
import os, signal, sys, threading, warnings
warnings.simplefilter("ignore")
import recell
LIMIT, COUNT = 1, 0
def func():
    global COUNT
    if LIMIT == "never": COUNT = 1
    return LIMIT, COUNT
going = True
def change():
    while going:
        with recell.override(func, COUNT=5): pass
        with recell.override(func, LIMIT=5): pass
        recell.swap(func, lambda: (1, 0)).undo()
with recell.override(func, COUNT=5): pass  # all is imported before anybody forks
recell.swap(func, lambda: (1, 0)).undo()
thread = threading.Thread(target=change)
thread.start()
failed = 0
for _ in range(int(sys.argv[1])):
    child = os.fork()
    if not child:
        signal.alarm(20)
        try:
            assert func() in [(1, 0), (1, 5), (5, 0)], func()
            if "LIMIT" in func.__code__.co_names:  # else the swap of the other thread is in force here
                with recell.override(func, LIMIT=9):
                    assert func()[0] == 9, func()
            with recell.swap(func, lambda: "child"):
                assert func() == "child"
            assert func() in [(1, 0), (1, 5), (5, 0)], func()
            os._exit(0)
        except BaseException as error:
            os.write(2, repr(error).encode())
            os._exit(1)
    failed += os.waitpid(child, 0)[1] != 0
going = False
thread.join()
assert func() == (1, 0)
raise SystemExit(failed)
"""

SLOW = """
import os, signal, sys, threading, time, warnings
warnings.simplefilter("ignore")
import recell
from recell.layers import locking
locking.FORK_WAITS = 0.05
LIMIT = 5
def func(): return LIMIT
class Slow(dict):
    def __setitem__(self, key, value):
        inside.set()
        time.sleep(0.3)
        dict.__setitem__(self, key, value)
inside = threading.Event()
thread = threading.Thread(target=lambda: recell.Patcher().setitem(Slow(), "k", 1))
thread.start()
inside.wait()
child = os.fork()
if not child:
    signal.alarm(20)
    with recell.override(func, LIMIT=9):
        os._exit(func() != 9)
status = os.waitpid(child, 0)[1]
thread.join()
with recell.override(func, LIMIT=9):
    assert func() == 9
raise SystemExit(status != 0)
"""

INSIDE = """
import os, warnings
warnings.simplefilter("ignore")
import recell
LIMIT = 5
def func(): return LIMIT
class Holder:
    def __setattr__(self, name, value):
        object.__setattr__(self, "child", os.fork())
holder = Holder()
recell.Patcher().setattr(holder, "x", 1, raising=False)
with recell.override(func, LIMIT=9):
    assert func() == 9
if not holder.child:
    os._exit(0)
raise SystemExit(os.waitpid(holder.child, 0)[1] != 0)
"""


def run(script: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_a_fork_while_a_thread_changes() -> None:
    run(BUSY, str(pick(6, 100)))


def test_a_fork_while_a_thread_has_the_lock_for_long() -> None:
    """The wait is bounded, and the child's lock is free all the same."""
    run(SLOW)


def test_a_fork_in_the_middle_of_a_change() -> None:
    """By the thread that makes it: both processes finish it."""
    run(INSIDE)
