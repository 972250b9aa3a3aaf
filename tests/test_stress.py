"""Functions changed in place while threads, garbage collection, finalizers and audit hooks call them.

Each run is a process of its own, so that a crash of the interpreter is a failure like any other.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from sizes import pick

SWAPS = pick(400, 200_000)
AUDIT = sys.version_info >= (3, 11)  # before, an audit hook that calls the function is a stated limit

COMMON = '''
import faulthandler, gc, sys, threading, types, warnings, weakref
faulthandler.enable()
warnings.simplefilter("error")
import recell

swaps = int(sys.argv[1])
wrong, calls = [], [0]

class Noisy:
    """Calls the function when it goes, and from a weak reference's callback."""
    def __init__(self, name):
        self.name = name
        self.loop = self  # only the garbage collector frees it
    def __del__(self):
        call()
    def __eq__(self, other):
        return getattr(other, "name", other) == self.name
    __hash__ = None

references = []

def noisy(name):
    obj = Noisy(name)
    references.append(weakref.ref(obj, lambda reference: call()))
    if len(references) > 50:
        del references[:25]
    return obj

def call():
    calls[0] += 1
    got = run(target)
    if got not in allowed:
        wrong.append(got)

def run(function):
    return function(1)

def keep_calling():
    while not done:
        for _ in range(50):
            call()

def old(a, b, c):
    def func(x, *, k=3):
        return (a, b, c, x, k)
    return func

def new(b):
    def func(x, y=5, *, k=4):
        return (b, x, y, k)
    return func

def work(change_once):
    global done
    done = False
    threads = [threading.Thread(target=keep_calling) for _ in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(7, 3, 3)
    for thread in threads:
        thread.start()
    try:
        for i in range(swaps):
            change_once(i)
            if wrong:
                break
    finally:
        done = True
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)
    assert not wrong, wrong[:3]
    assert calls[0] > swaps
    print("ok", calls[0])

if "audit" in sys.argv:
    inside = threading.local()
    def hook(event, args):
        if event == "object.__setattr__" and args[0] is globals().get("target") and not getattr(inside, "hook", False):
            inside.hook = True
            try:
                call()
            finally:
                inside.hook = False
    target = None
    sys.addaudithook(hook)
'''

SCENARIOS = {
    "a swap for fewer free variables": """
target = old("a", "b", "c")
allowed = [("a", "b", "c", 1, 3), ("B", 1, 5, 4)]
def once(i):
    change = recell.swap(target, new(noisy("B")), cells="take")
    assert target(1) == ("B", 1, 5, 4)
    change.undo()
    assert target(1) == ("a", "b", "c", 1, 3)
work(once)
""",
    "a swap for more free variables": """
target = new("B")
allowed = [("B", 1, 5, 4), ("a", "B", "c", 1, 3)]
def once(i):
    change = recell.swap(target, old(noisy("a"), "no", noisy("c")), cells="keep")
    assert target(1) == ("a", "B", "c", 1, 3)
    change.undo()
work(once)
""",
    "a swap for a function of another module": """
module = types.ModuleType("elsewhere")
exec("RATE = 7\\ndef f(x, **more): return ('far', x, RATE)", vars(module))
target = old("a", "b", "c")
allowed = [("a", "b", "c", 1, 3), ("far", 1, 7)]
def once(i):
    change = recell.swap(target, module.f)
    assert target(1) == ("far", 1, 7)
    change.undo()
work(once)
""",
    "a swapped generator function": """
def make(a, b):
    def func(x):
        yield a
        yield (b, x)
    return func
def make_new(c):
    def func(x, y=2):
        yield (c, x, y)
    return func
def run(function):
    return list(function(1))
target = make("a", "b")
allowed = [["a", ("b", 1)], [("C", 1, 2)]]
def once(i):
    change = recell.swap(target, make_new(noisy("C")))
    assert run(target) == [("C", 1, 2)]
    change.undo()
work(once)
""",
    "overrides of every kind": """
LIMIT, COUNT = 1, 10
def make(a):
    def func(x):
        global COUNT
        if x < 0:
            COUNT += 1
        return (a, LIMIT, COUNT, x)
    return func
target = make("a")
A, L, C = ("a", "A"), (1, 2), (10, 20)
allowed = [("a", 1, 10, 1), ("A", 1, 10, 1), ("a", 2, 10, 1), ("a", 1, 20, 1), ("A", 2, 20, 1), ("a", 2, 20, 1)]
every = [
    recell.override(target, a="A"), recell.override(target, LIMIT=2), recell.override(target, COUNT=20),
    recell.override(target, a="A", LIMIT=2, COUNT=20),
]
last = [("A", 1, 10, 1), ("a", 2, 10, 1), ("a", 1, 20, 1), ("A", 2, 20, 1)]
def once(i):
    with every[i % 4]:
        assert target(1) == last[i % 4]
        if i % 3 == 0:
            with every[1]:
                if i % 4 == 2:
                    assert target(1) == ("a", 2, 20, 1)
                call() if i % 4 != 0 else None
allowed.append(("A", 2, 10, 1))
work(once)
""",
    "wrap and patch_closure": """
target = old("a", "b", "c")
allowed = [("a", "b", "c", 1, 3), ("wrapped", "a"), ("A", "b", "c", 1, 3), ("wrapped", "A")]
def decorator(func):
    def wrapped(*args, **kwargs):
        return ("wrapped", func(*args, **kwargs)[0])
    return wrapped
patch = recell.patch_closure(target, a="A")
def once(i):
    with patch:
        change = recell.wrap(target, decorator)
        assert target(1) == ("wrapped", "A")
    assert target(1) == ("wrapped", "a")
    change.undo()
work(once)
""",
}

TWO_WRITERS = """
LIMIT, COUNT = 1, 10
def make(a):
    def func(x):
        global COUNT
        if x < 0:
            COUNT += 1
        return (a, LIMIT, COUNT, x)
    return func
target = make("a")
allowed = [(a, l, c, 1) for a in "aAZ" for l in (1, 2, 3) for c in (10, 20)]
state = (target.__code__, target.__closure__)
failures = []
def writer(changes):
    try:
        for i in range(swaps):
            for change, at, values in changes:
                with change:
                    for _ in range(3):
                        got = target(1)[at]
                        assert got in values, (change, got)
    except BaseException as error:
        failures.append(error)
        raise
def once(i):
    if i:
        return
    writers = [threading.Thread(target=writer, args=[changes]) for changes in (
        [(recell.override(target, LIMIT=2), 1, (2, 3)), (recell.override(target, COUNT=20), 2, (20,))],
        [(recell.override(target, LIMIT=3), 1, (2, 3)), (recell.override(target, a="A"), 0, ("A",))],
        [(recell.override(target, LIMIT=2), 1, (2, 3)), (recell.patch_closure(target, a="Z"), 0, ("Z", "A"))],
    )]
    for thread in writers: thread.start()
    for thread in writers: thread.join()
calls[0] = swaps
work(once)
assert not failures, failures
assert (target.__code__, target.__closure__) == state and target.__code__ is state[0] and target.__closure__ is state[1]
assert target(1) == ("a", 1, 10, 1)
"""


def run(tmp_path: Path, text: str, swaps: int, *options: str) -> None:
    script = tmp_path / "stress.py"
    script.write_text(COMMON + text)
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, str(script), str(swaps), *options],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True,
    )  # fmt: skip
    assert done.returncode == 0, f"exit code {done.returncode} after {swaps} swaps:\n{done.stdout[-3000:]}"
    print(f"{swaps} swaps, {done.stdout.split()[-1]} calls in {time.perf_counter() - start:.1f} s")


@pytest.mark.parametrize("name", SCENARIOS)
def test_threads_finalizers_and_garbage_collection(tmp_path: Path, name: str) -> None:
    """Nobody ever sees anything but the old or the new behaviour, and nothing crashes."""
    run(tmp_path, SCENARIOS[name], SWAPS)


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.skipif(not AUDIT, reason="a stated limit before 3.11")
def test_audit_hooks_that_call_the_function(tmp_path: Path, name: str) -> None:
    """An audit hook that calls the function at every step sees the old or the new behaviour, too."""
    run(tmp_path, SCENARIOS[name], max(SWAPS // 10, 100), "audit")


def test_several_threads_change_the_same_function(tmp_path: Path) -> None:
    """Entering and leaving are in order whichever thread does them; at the end the very objects are back."""
    run(tmp_path, TWO_WRITERS, pick(1500, 40_000))
