"""The lines of generated code in linecache: there while the code lives, and never taken from under linecache itself."""

from __future__ import annotations

import copy
import gc
import linecache
import pickle
import subprocess
import sys

import pytest
from collecting import collecting

import recell
from recell.source import sourcelines


def cycle() -> str:
    """A generated function that only a garbage collection can free; returns its file name."""
    func = recell.define("def func():\n    return 1\n")
    func.itself = func
    return func.__code__.co_filename


def test_lines_go_with_the_code() -> None:
    name = cycle()
    assert name in linecache.cache
    gc.collect()
    assert name not in linecache.cache


def test_a_collection_inside_linecache_does_not_disturb_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """`linecache.checkcache` looks every key up that it listed before: none may go meanwhile."""

    class Collecting(dict):
        """A cache in which every lookup collects garbage."""

        def __getitem__(self, key: str) -> object:
            gc.collect()
            return super().__getitem__(key)

        def get(self, key: str, default: object = None) -> object:
            if sys._getframe(1).f_globals is vars(linecache):
                gc.collect()
            return super().get(key, default)

    with collecting(0):
        monkeypatch.setattr(linecache, "cache", Collecting())
        names = [cycle() for _ in range(20)]
        linecache.checkcache()
    recell.define("lambda: 1")
    assert not [name for name in names if name in linecache.cache]


def test_tables_travel_as_what_they_are() -> None:
    """Names and line table keep the lines alive; pickled or copied they are a plain tuple and plain bytes."""
    code = recell.define("def func():\n    return name\n").__code__
    table = getattr(code, "co_linetable" if sys.version_info >= (3, 10) else "co_lnotab")
    for value, plain in ((code.co_names, tuple), (table, bytes)):
        assert isinstance(value, plain)
        for same in (
            copy.copy(value),
            copy.deepcopy(value),
            *(pickle.loads(pickle.dumps(value, n)) for n in range(5)),
        ):
            assert type(same) is plain and same == value


HOLDERS = """
import atexit, builtins, codecs, copyreg, gc, sys, threading, weakref
import recell

def made():
    return recell.define("def func(*args): return None")

sys.displayhook = made()
sys.recell_forward = recell.forward(made())
sys.modules["held"] = made()
builtins.held = made()
copyreg.pickle(recell.Patcher, made())
codecs.register(made())
atexit.register(made())
gc.callbacks.append(made())
threading.held = [made()]
main = made()
class Circle: pass
circle = Circle()
circle.itself, circle.held = circle, made()
weakref.finalize(circle, made())
sys.excepthook = made()
"""


def test_the_interpreter_ends_without_noise_whoever_holds_a_function() -> None:
    """Lines that die while modules are taken apart say nothing, and take nothing away."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", HOLDERS], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert (done.returncode, done.stdout) == (0, b"")


def test_lines_that_outlive_linecache(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the interpreter's end modules lose what they hold: nothing is taken away, and nothing is raised."""
    lines = sourcelines.registered("def func(): pass", "func", None)
    lines.__del__(lambda: True)
    monkeypatch.setattr(sourcelines, "_linecache", None)
    lines.__del__()
    monkeypatch.undo()
    assert lines.filename in linecache.cache
    lines.forget()
