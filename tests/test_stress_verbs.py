"""The other in-place verbs under threads, finalizers and garbage collection: nested functions, methods, classes, modules.

As in test_stress.py, each run is a process of its own in which four threads call the function all the while.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from sizes import DEBUG, pick
from test_stress import AUDIT, run

ROUNDS = pick(100 if DEBUG else 300, 6_000)

SCENARIOS = {
    "patch_inner": """
def target(n):
    k = 10
    def inner(x):
        return ("old", x, k)
    return inner(n)
def replacement(name):
    held = noisy(name)
    return lambda x: ("new", x, held == "here")
allowed = [("old", 1, 10), ("new", 1, True)]
def once(i):
    with recell.patch_inner(target, "inner", replacement("here")):
        assert target(1) == ("new", 1, True)
    assert target(1) == ("old", 1, 10)
work(once)
""",
    "patch_inner with a function that shares the outer's variables": """
def target(n):
    k = 10
    def inner(x):
        return ("old", x, k)
    return inner(n)
def other():
    k = 0
    return lambda x: ("new", x, k)
allowed = [("old", 1, 10), ("new", 1, 10)]
change = recell.patch_inner(target, "inner", other())
def once(i):
    with change:
        assert target(1) == ("new", 1, 10)
        if i % 3 == 0:
            with change:
                call()
    assert target(1) == ("old", 1, 10)
work(once)
""",
    "patch_inner of the closures that exist": """
def outer(k):
    def inner(x):
        return ("old", x, k)
    return inner
target, others = outer("k"), [outer(n) for n in range(5)]
def replacement(name):
    held = noisy(name)
    return lambda x: ("new", x, held == "here")
allowed = [("old", 1, "k"), ("new", 1, True)]
def once(i):
    with recell.patch_inner(outer, "inner", replacement("here"), existing=True):
        assert target(1) == others[2](1) == ("new", 1, True)
    assert target(1) == ("old", 1, "k") and others[2](1) == ("old", 1, 2)
work(once)
""",
    "attach": """
class Base:
    def method(self, x):
        return ("base", x)
class Child(Base):
    def method(self, x):
        return ("own", x)
child = Child()
def target(x):
    return child.method(x)
def method(self, x):
    return ("attached", *super().method(x))
allowed = [("own", 1), ("attached", "base", 1)]
def once(i):
    with recell.attach(Child, method):
        assert target(1) == ("attached", "base", 1)
    assert target(1) == ("own", 1)
work(once)
""",
    "repoint": """
class Old:
    def method(self, x):
        return ("old" if __class__ is Old else "new", x)
New = type("Old", (), {name: value for name, value in vars(Old).items() if name not in ("__dict__", "__weakref__")})
instance = New()
def target(x):
    return instance.method(x)
allowed = [("old", 1), ("new", 1)]
def once(i):
    with recell.repoint(New, old=Old):
        assert target(1) == ("new", 1)
    assert target(1) == ("old", 1)
work(once)
""",
    "reload": """
import importlib, pathlib
folder = pathlib.Path(__file__).parent
OLD = '''
RATE = 1
def helper(x):
    return "old"
def make(a):
    def func(x, *, k=3):
        return ("old", a, x, k, helper(x))
    return func
class Thing:
    def method(self, x):
        return "old"
'''
NEW = OLD.replace("old", "new").replace("a, x, k,", "a, x, k, RATE,").replace("k=3", "k=4")
(folder / "stressed_module.py").write_text(OLD)
sys.path.insert(0, str(folder))
module = importlib.import_module("stressed_module")
made, thing = module.make(noisy("a")), module.Thing()
def run(function):
    return (*made(1), thing.method(1))
target = made
# a transaction in what it leaves behind, not for those who call in the middle of it: each function is old or new
def as_seen(helper, method):
    return [("old", "a", 1, 3, helper, method), ("new", "a", 1, 4, 1, helper, method),
            ("old", "a", 1, 4, helper, method), ("new", "a", 1, 3, 1, helper, method)]
allowed = [seen for helper in ("old", "new") for method in ("old", "new") for seen in as_seen(helper, method)]
def once(i):
    report = recell.reload(module, source=NEW)
    assert run(made) == ("new", "a", 1, 4, 1, "new", "new")
    report.undo()
    assert run(made) == ("old", "a", 1, 3, "old", "old")
work(once)
""",
    "a transaction of all kinds": """
class Holder:
    level = 1
LIMIT = 1
def make(a):
    def target(x):
        def inner(y):
            return y
        return (a, LIMIT, inner(x), Holder.level)
    return target
target = make("a")
state = target.__code__, target.__closure__
allowed = [(a, l, x, v) for a in "aA" for l in (1, 2) for x in (1, "in") for v in (1, 2)]
def once(i):
    with recell.Patcher() as patcher:
        patcher.override(target, LIMIT=2)
        patcher.patch_closure(target, a="A")
        patcher.patch_inner(target, "inner", lambda y: "in")
        patcher.setattr(Holder, "level", 2)
        assert target(1) == ("A", 2, "in", 2)
    assert target(1) == ("a", 1, 1, 1)
    assert target.__code__ is state[0] and target.__closure__ is state[1]
work(once)
""",
}
HEAVY = {"reload": 10, "patch_inner of the closures that exist": 4}
"""How many times as much a round of these is: they look through the heap, or compile a module."""


@pytest.mark.parametrize("name", SCENARIOS)
def test_threads_finalizers_and_garbage_collection(tmp_path: Path, name: str) -> None:
    """Nobody ever sees anything but the old or the new behaviour, and nothing crashes."""
    run(tmp_path, SCENARIOS[name], max(ROUNDS // HEAVY.get(name, 1), 20))


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.skipif(not AUDIT, reason="a stated limit before 3.11")
def test_audit_hooks_that_call_the_function(tmp_path: Path, name: str) -> None:
    """An audit hook that calls the function at every step sees the old or the new behaviour, too."""
    run(tmp_path, SCENARIOS[name], max(ROUNDS // 10 // HEAVY.get(name, 1), 10), "audit")
