"""Changes made while another change of the same function is half way in or out: by audit hooks and finalizers.

An audit hook cannot be taken away again, so each run has a process of its own.
"""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from collecting import collecting
from sizes import SEED, pick

import recell

SCRIPT = """
import faulthandler, random, sys
faulthandler.enable()
import recell

chance, steps, objects = random.Random(int(sys.argv[1])), int(sys.argv[2]), sys.argv[3] == "objecting"
LIMIT, COUNT = "limit", "count"

def make(a, b):
    def func(x=0):
        global COUNT
        if x:
            COUNT = x
        return a, b, LIMIT, COUNT
    return func

func = make("a", "b")
base = func.__code__, func.__closure__
before = {"a": "a", "b": "b", "LIMIT": "limit", "COUNT": "count"}
changes = [recell.override(func, {name: "new " + name}) for name in before]  # one of each kind
changes.append(recell.override(func, {"a": "new a", "LIMIT": "new LIMIT"}))
settler = recell.override(func, b="settled")
names = [[name] for name in before] + [["a", "LIMIT"]]

def expected():
    active = {name for change, own in zip(changes, names) if change.active for name in own}
    return tuple("new " + name if name in active else value for name, value in before.items())

class Objection(Exception):
    pass

def change_one():
    change = chance.choice(changes)
    if change.active and chance.random() < 0.6:
        change.__exit__(None, None, None) if chance.random() < 0.5 else change.undo()
    elif sum(change.active for change in changes) < 4 or chance.random() < 0.2:
        change.__enter__()

depth, hooked, nested = [0], [False], [0]

def hook(event, args):
    if event != "object.__setattr__" or not hooked[0] or args[0] is not func or args[1] != "__code__":
        return
    if depth[0] < 2 and chance.random() < 0.3:
        depth[0] += 1
        nested[0] += 1
        try:
            for _ in range(chance.choice([1, 1, 2])):
                change_one()
        finally:
            depth[0] -= 1
    if objects and chance.random() < 0.08:
        raise Objection

sys.addaudithook(hook)
for step in range(steps):
    hooked[0], nested_before = True, nested[0]
    try:
        change_one()
    except Objection:
        hooked[0] = False
        with settler:  # what was objected to while it was put back is installed by the next change
            pass
    except recell.ChangeError:
        assert nested[0] > nested_before  # the hook left what was about to be left
    hooked[0] = False
    assert func() == expected(), (step, func(), changes)
    if not any(change.active for change in changes):
        assert func.__code__ is base[0] and func.__closure__ is base[1], step
for change in changes:
    while change.active:
        change.undo()
assert func.__code__ is base[0] and func.__closure__ is base[1] and func() == ("a", "b", "limit", "count")
assert nested[0] > steps / 20
"""


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["changing", "objecting"])
def test_an_audit_hook_that_changes_the_same_function(tmp_path: Path, kind: str, seed: int) -> None:
    """At every store of code it enters and leaves overrides of the function, and may object: base plus layers."""
    script = tmp_path / "hooked.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(script), str(SEED + seed), str(pick(1_000, 50_000)), kind],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]


def test_a_finalizer_that_patches_the_cell_again() -> None:
    """What the code under test put into a patched cell goes when the patch is left, and patches anew."""
    x: Any = "base"

    def func() -> Any:
        return x

    kept: list[recell.Change] = []

    class Again:
        def __del__(self) -> None:
            kept.append(recell.patch_closure(func, x="again").start())

    with recell.patch_closure(func, x="patched"):
        x = Again()
    gc.collect()
    assert func() == "again"
    kept[0].undo()
    assert func() == "base"


def test_finalizers_that_leave_while_others_enter() -> None:
    """Abandoned generators that hold a change leave it whenever the garbage collector comes by."""
    limit = 1

    def func() -> tuple[int, ...]:
        return limit, LIMIT, COUNT

    class Holder:
        def __init__(self, change: recell.Change) -> None:
            self.loop, self.change = self, change.start()

        def __del__(self) -> None:
            self.change.undo()

    code, closure = func.__code__, func.__closure__
    with collecting(5, 2, 2):
        for number in range(pick(200, 20_000)):
            for name in ("limit", "LIMIT", "COUNT"):
                Holder(recell.override(func, {name: number}))
            with recell.override(func, limit=-1), recell.override(func, LIMIT=-2), recell.override(
                func, COUNT=-3
            ):
                assert func() == (-1, -2, -3)
    gc.collect()
    assert func() == (1, 2, 3) and func.__code__ is code and func.__closure__ is closure


LIMIT, COUNT = 2, 3
