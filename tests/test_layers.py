"""The layer engine: order, the very objects, failures at every step, nothing left behind."""

from __future__ import annotations

import gc
import itertools
import subprocess
import sys
import textwrap
import weakref
from typing import Callable

import pytest
from collecting import collecting
from sizes import pick

import recell
from recell import override, patch_closure, swap
from recell.cells import EMPTY
from recell.layers import exchange as installing
from recell.layers.changes import Change
from recell.layers.edits import CODE_EDIT, FACE, PATCH, TEXT, Edit
from recell.layers.places import AttributeLayer, CellLayer, ItemLayer
from recell.layers.records import base_of, beneath, in_force, layered, layers_of, up_to
from recell.layers.values import ABSENT

LIMIT = 1
COUNT = 0


def make(a=1, b=2):
    def func(x=0):
        return a, b, x, LIMIT

    return func


def counting():
    global COUNT
    COUNT += 1
    return COUNT


class Doc(Edit):
    """An edit of somebody else's."""

    touches = FACE

    def __init__(self, func, doc, failing=False, rank=PATCH):
        super().__init__(func)
        self.doc, self.failing, self.calls, self.rank = doc, failing, 0, rank

    def __call__(self, state):
        self.calls += 1
        if self.failing and self.calls > 1:
            raise ValueError("not over this base")
        return state.shown_as(state.face._replace(doc=f"{state.face.doc}+{self.doc}"))


def test_edits_are_computed_from_the_base_in_order_of_entry():
    func = make()
    func.__doc__ = "base"
    one, two, three = (Change("doc", func, [Doc(func, n)], stays=True) for n in ("one", "two", "three"))
    assert func.__doc__ == "base+one+two+three"
    two.undo()
    assert func.__doc__ == "base+one+three"
    one.undo()
    assert func.__doc__ == "base+three"
    two.start()
    assert func.__doc__ == "base+three+two"
    three.undo(), two.undo()
    assert func.__doc__ == "base"


def test_a_face_alone_is_changed_without_touching_code_and_closure(monkeypatch):
    """What calls need is exchanged where something of it changes, and only there."""

    def unexpected(*args):
        raise AssertionError("code and closure stay")

    installing.closure_setter()

    func = make()
    before = func.__code__, func.__closure__, func.__defaults__
    monkeypatch.setattr(installing, "_set_closure", unexpected)
    monkeypatch.setattr(installing.compat, "require", unexpected)
    change = Change("doc", func, [Doc(func, "one")], stays=True)
    assert func.__doc__ == "None+one"
    change.undo()
    assert func.__doc__ is None
    assert all(now is then for now, then in zip((func.__code__, func.__closure__, func.__defaults__), before))


def test_layers_of_a_lower_rank_lie_beneath_whenever_they_come():
    """Within one rank the order of entry counts; what lies above is computed anew."""
    func = make()
    func.__doc__ = "base"
    ranks = {"patch": PATCH, "text": TEXT, "code": CODE_EDIT, "patch 2": PATCH, "text 2": TEXT}
    changes = {
        name: Change("doc", func, [Doc(func, name, rank=rank)], stays=True) for name, rank in ranks.items()
    }
    assert func.__doc__ == "base+text+text 2+code+patch+patch 2"
    assert [up_to(func, rank).face.doc for rank in (TEXT, CODE_EDIT, PATCH)] == [
        "base+text+text 2", "base+text+text 2+code", func.__doc__,
    ]  # fmt: skip
    changes["text"].undo()
    assert func.__doc__ == "base+text 2+code+patch+patch 2" and base_of(func).face.doc == "base"
    changes["text"].start()
    changes["code"].undo()
    assert func.__doc__ == "base+text 2+text+patch+patch 2"
    for name in ("patch", "text 2", "patch 2", "text"):
        changes[name].undo()
    assert func.__doc__ == "base"


def test_an_edit_that_cannot_be_made_over_another_base_is_left_out():
    """Undo never fails because of another layer."""
    func = make()
    func.__doc__ = "base"
    one = Change("doc", func, [Doc(func, "one")], stays=True)
    two = Change("doc", func, [Doc(func, "two", failing=True)], stays=True)
    three = Change("doc", func, [Doc(func, "three")], stays=True)
    one.undo()
    assert func.__doc__ == "base+three"
    two.undo(), three.undo()
    assert func.__doc__ == "base"


def test_an_edit_that_fails_on_entering_changes_nothing():
    func = make()
    first, second = make(), make()

    class Failing(Edit):
        def __call__(self, state):
            raise ValueError("no")

    layers = [Doc(first, "one"), Doc(second, "one"), Failing(func)]
    with pytest.raises(ValueError, match="no"):
        Change("doc", func, layers, stays=True)
    assert first.__doc__ is second.__doc__ is None
    with override(func, LIMIT=5):
        assert func() == (1, 2, 0, 5)


def test_what_was_set_meanwhile_and_is_nobodys_layer_stays():
    """An override owns code and closure: defaults, attributes and doc are the user's."""
    func = make()
    with override(func, LIMIT=5):
        func.__defaults__ = (9,)
        func.tag = "set"
        func.__doc__ = "set"
    assert func() == (1, 2, 9, 1) and func.tag == "set" and func.__doc__ == "set"
    change = override(func, LIMIT=5)
    with change:
        with swap(func, lambda x=3: x):
            assert func() == 3
        assert func() == (1, 2, 9, 5) and func.__doc__ == "set"
        func.__defaults__ = (8,)
    assert func() == (1, 2, 8, 1)


def test_layers_of_cells_attributes_and_items_meet():
    func, box = make(), {"k": 1}
    cell = func.__closure__[0]

    class Thing:
        attribute = "a"

    layers = [CellLayer(cell, EMPTY), AttributeLayer(Thing, "attribute", ABSENT), ItemLayer(box, "k", 2)]
    change = Change("several", func, layers)
    with change:
        with pytest.raises(NameError):
            func()
        assert not hasattr(Thing, "attribute") and box == {"k": 2}
    assert func()[0] == 1 and Thing.attribute == "a" and box == {"k": 1}


def test_a_failing_leave_puts_the_others_back():
    class Picky:
        def __init__(self):
            self.value = 1

        def __setattr__(self, name, value):
            if name == "value" and value == 1 and getattr(self, "value", None) == 2:
                raise OSError("no way back")
            super().__setattr__(name, value)

    func, picky = make(), Picky()
    change = Change("two", func, [AttributeLayer(picky, "value", 2), CellLayer(func.__closure__[0], 5)])
    change.start()
    with pytest.raises(OSError, match="no way back"):
        change.undo()
    assert change.active and func()[0] == 5 and picky.value == 2
    vars(picky)["value"] = 3
    change.undo()
    assert func()[0] == 1 and picky.value == 1


def test_finalizers_may_enter_and_leave():
    """What the garbage collector runs in the middle of a change may change the same function itself."""
    func = make()
    state = func.__code__, func.__closure__
    other = override(func, LIMIT=7)

    class Loud:
        def __init__(self):
            self.loop = self

        def __del__(self):
            try:
                with other:
                    func()
            except recell.ScopeError:  # swapped at this moment: the other function has no such name
                pass

    with collecting(5, 2, 2):
        for i in range(pick(100, 1000)):
            Loud()
            with override(func, a=i):
                assert func()[0] == i
            Loud()
            change = swap(func, lambda: "new")
            assert func() == "new"
            change.undo()
            assert func() == (1, 2, 0, 1)
    gc.collect()
    assert (func.__code__, func.__closure__) == state and func.__code__ is state[0] and not other.active


def test_stacks_live_as_long_as_somebody_can_undo():
    """No global root: without a handle nothing is kept, and what is in force has become the base."""
    func = make()
    gc.collect()
    before = layered()
    change = override(func, LIMIT=5).start()
    assert layered() == before | {id(func)} and len(layers_of(func)) == 1
    del change
    gc.collect()
    assert layered() == before and func()[-1] == 5 and base_of(func).code is func.__code__
    gone = weakref.ref(func)
    patched = patch_closure(func, a=2)
    patched.start()
    del func
    gc.collect()
    assert gone() is not None  # the handle can still undo
    patched.undo()
    del patched
    gc.collect()
    assert gone() is None and layered() == before


def test_beneath_and_in_force():
    func = make()
    base = func.__code__, func.__closure__
    with override(func, LIMIT=5, a=3):
        assert (beneath(func).code, beneath(func).closure) == base
        assert in_force(func).code is func.__code__ and in_force(func).public.code is base[0]
        change = swap(func, lambda: "new")
        assert beneath(func).code is func.__code__
        change.undo()
    assert (
        (in_force(func).code, in_force(func).closure) == base == (beneath(func).code, beneath(func).closure)
    )


# -- nothing is left behind ---------------------------------------------------------------------------------


def changes_of(func):
    return {
        "override of a read name": override(func, LIMIT=5),
        "override of a free variable": override(func, a=5),
        "override that grows": override(counting, COUNT=5),
        "override of both": override(func, a=5, LIMIT=6),
        "dotted override": override(uses_gc, {"gc.isenabled": lambda: "fake"}),
        "patch_closure": patch_closure(func, a=5),
        "patch_closure of two": patch_closure(func, a=5, b=6),
    }


def uses_gc():
    return gc.isenabled()


def cycles(kind, func, count):
    if kind == "swap":
        replacement = make(3)
        for _ in range(count):
            swap(func, replacement).undo()
    elif kind == "swap for fewer":
        for _ in range(count):
            swap(func, lambda: 1).undo()
    elif kind == "swap for a C function":
        for _ in range(count):
            swap(func, len).undo()
    elif kind == "wrap":
        for _ in range(count):
            recell.wrap(func, lambda original: lambda *args: original(*args)).undo()
    elif kind == "new override":
        for _ in range(count):
            with override(func, LIMIT=object()):
                pass
    elif kind == "overlapping":
        one, two = override(func, a=1), override(func, a=2, LIMIT=3)
        for _ in range(count):
            one.start(), two.start(), one.undo(), two.undo()
    else:
        change = changes_of(func)[kind]
        for _ in range(count):
            with change:
                pass


KINDS = [
    *changes_of(make()), "swap", "swap for fewer", "swap for a C function", "wrap", "new override", "overlapping",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_cycles_leave_nothing_behind(kind):
    """Reference counts, objects of the garbage collector and memory blocks are flat."""
    func = make()
    count = pick(300, 100_000, debug=150)
    held = [func, func.__code__, func.__closure__, func.__closure__[0], func.__defaults__, counting.__code__]
    cycles(kind, func, 60)
    gc.collect()
    counts = [sys.getrefcount(obj) for obj in held]
    objects, blocks = len(gc.get_objects()), sys.getallocatedblocks()
    total = sys.gettotalrefcount() if hasattr(sys, "gettotalrefcount") else 0
    cycles(kind, func, count)
    gc.collect()
    assert [sys.getrefcount(obj) for obj in held] == counts
    assert abs(len(gc.get_objects()) - objects) < 20
    assert abs(sys.getallocatedblocks() - blocks) < 60 + count // 10
    if total:
        assert abs(sys.gettotalrefcount() - total) < 100 + count // 10
    assert func() == (1, 2, 0, 1) and counting.__closure__ is None


# -- failures at every step ---------------------------------------------------------------------------------

OBJECTING = """
import sys, recell
LIMIT, COUNT = 1, 0
def make(a, b):
    def func(x=1, *, k=2):
        global COUNT
        if x < 0:
            COUNT = x
        return a, b, x, k, LIMIT, COUNT
    return func
def new(c):
    def func(y=3, *, z=4):
        return c, y, z
    return func
target = make("a", "b")
base = (target.__code__, target.__closure__, target.__defaults__, target.__kwdefaults__, target.__dict__)
countdown = [0]
class Objection(Exception): pass
def hook(event, args):
    if event == "object.__setattr__" and args[0] is target:
        countdown[0] -= 1
        if countdown[0] == 0:
            raise Objection(args[1])
sys.addaudithook(hook)
def state():
    return (target.__code__, target.__closure__, target.__defaults__, target.__kwdefaults__, target.__dict__)
def same(one, other):
    return all(a is b for a, b in zip(one, other))
def verbs():
    yield "read", recell.override(target, LIMIT=5)
    yield "free", recell.override(target, a=5)
    yield "grow", recell.override(target, COUNT=5)
    yield "all", recell.override(target, a=5, COUNT=5, LIMIT=5)
steps = 0
for name, change in verbs():
    for again in range(3):
        for k in range(1, 12):
            before, result = state(), target()
            countdown[0] = k
            try:
                change.start()
            except Objection:
                steps += 1
                countdown[0] = 0
                assert same(state(), before) and target() == result and not change.active, name
                continue
            countdown[0] = 0
            entered, inside = state(), target()
            for j in range(1, 12):
                countdown[0] = j
                try:
                    change.undo()
                except Objection:
                    steps += 1
                    countdown[0] = 0
                    assert target() == (inside if change.active else result), (name, j)
                    if change.active:
                        continue
                break
            countdown[0] = 0
            assert same(state(), base) and target() == result and not change.active, (name, j, k)
for replacement in (new("c"), len, make(1, 2)):
    for k in range(1, 12):
        countdown[0] = k
        try:
            change = recell.swap(target, replacement)
        except Objection:
            steps += 1
            countdown[0] = 0
            assert same(state(), base), (replacement, k)
            continue
        for j in range(1, 12):
            countdown[0] = j
            inside = None if replacement is len else target()
            try:
                change.undo()
            except Objection:
                steps += 1
                countdown[0] = 0
                if change.active:
                    assert replacement is len or target() == inside, (replacement, j)
                    continue
            break
        countdown[0] = 0
        assert same(state(), base), (replacement, k)
print("steps", steps)
"""


def test_an_audit_hook_that_objects_at_any_step():
    """Whichever store is refused: entering leaves everything as it was, leaving leaves or stays, and says which."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(OBJECTING)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        universal_newlines=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert int(done.stdout.split()[-1]) > 20


def test_nested_functions_patched_again_and_again() -> None:
    """Several patches of one nested function, in any order of entry and leaving: the last one in force counts alone.

    Whether an object stands in its place, or a function that closes over the outer's variables.
    """

    def outer(value: int) -> object:
        k = 10

        def inner(number: int) -> object:
            return "old", number, k

        return inner(value), LEVEL

    def closing(mark: str) -> Callable[[int], object]:
        k = 0
        return lambda number, mark=mark: (mark, number, k)

    changes = [
        recell.patch_inner(outer, "inner", abs),
        recell.patch_inner(outer, "inner", closing("first")),
        recell.override(outer, LEVEL=2),
        recell.patch_inner(outer, "inner", closing("second")),
    ]
    shown = [3, ("first", -3, 10), None, ("second", -3, 10)]
    state = outer.__code__, outer.__closure__

    def check(active: list[int]) -> None:
        inners = [shown[index] for index in active if index != 2]
        assert outer(-3) == (inners[-1] if inners else ("old", -3, 10), 2 if 2 in active else LEVEL), active

    for entering in itertools.permutations(range(4)):
        for leaving in itertools.permutations(range(4)):
            active: list[int] = []
            for index in entering:
                changes[index].start()
                active.append(index)
                check(active)
            for index in leaving:
                changes[index].undo()
                active.remove(index)
                check(active)
            assert outer.__code__ is state[0]
            assert outer.__closure__ is state[1]
    with changes[1], changes[1]:
        check([1])
    check([])


LEVEL = 1
