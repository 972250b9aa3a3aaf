"""All in-place verbs at random on the same functions and cells, beside a plain model: always base plus layers."""

from __future__ import annotations

import asyncio
import random
import types

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sizes import SEED, pick

import recell
from recell import ChangeError, FreeVariableError, InterferenceError, ScopeError, closure
from recell.layers import stacks

LIMIT, COUNT = "limit", "count"


def make_base(a, b):
    def base(x=0):
        global COUNT
        if x:
            COUNT = x
        return "base", a, b, LIMIT, COUNT

    def sibling():
        return a, b

    return base, sibling


def make_one(a, c):
    def one(x=1, *, k=2):
        return "one", c, (lambda: a)(), [LIMIT for _ in "x"][0]

    return one


def make_two():
    def two():
        "two's doc"
        return ("two",)

    two.tag = "two"
    return two


elsewhere = types.ModuleType("elsewhere")
exec(
    "LIMIT = 'far limit'\ndef make(a):\n def far(*args): return 'far', a, LIMIT\n return far", vars(elsewhere)
)

# what each body returns, by the names in it, in order
BODIES = {
    "base": ["a", "b", "LIMIT", "COUNT"],
    "one": ["c", "a", "LIMIT"],
    "two": [],
    "far": ["a", "LIMIT"],
}
FREE = {"base": ["a", "b"], "one": ["a", "c"], "two": [], "far": ["a"]}
GLOBALS = {
    "base": {"LIMIT": "limit", "COUNT": "count"}, "one": {"LIMIT": "limit"}, "two": {}, "far": {"LIMIT": "far limit"},
}  # fmt: skip


class Model:
    """What the function is: a body, a cell for each free variable, and the overridden names."""

    def __init__(self, body, cells, overridden):
        self.body, self.cells, self.overridden = body, cells, overridden

    def uses(self, name):
        return name in FREE[self.body] or name in GLOBALS[self.body]

    def result(self, contents):
        values = []
        for name in BODIES[self.body]:
            if name in self.overridden:
                values.append(self.overridden[name])
            elif name in self.cells:
                values.append(contents[self.cells[name]])
            else:
                values.append(GLOBALS[self.body][name])
        return (self.body, *values)


def fail_to_install(patch, failing):
    """Both ways lead through it: one store of code, and everything else."""
    patch.setattr(stacks, "install", failing)
    patch.setattr(stacks, "NO_GIL", True)
    patch.setattr(stacks, "needs_no_other_threads", failing)


class Machine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.func, self.sibling = make_base("A", "B")
        self.before = (
            self.func.__code__, self.func.__closure__, self.func.__defaults__, self.func.__doc__, self.func.__dict__,
            tuple(cell.cell_contents for cell in self.func.__closure__),
        )  # fmt: skip
        self.replacements = {"one": make_one("A1", "C1"), "two": make_two(), "far": elsewhere.make("A far")}
        self.bases = {"base.a": "A", "base.b": "B", "one.a": "A1", "one.c": "C1", "far.a": "A far"}
        self.order = []  # of the function's layers: (change, kind, data)
        self.patches = []  # (change, cell, value)
        self.overrides = {}
        self.closures = {}
        self.serial = 0

    # -- the model ------------------------------------------------------------------------------------

    def model(self, private=True):
        state = Model("base", {"a": "base.a", "b": "base.b"}, {})
        for _, kind, data in self.order:
            if kind == "swap":
                body, keep = data
                cells = {
                    name: state.cells[name] if keep and name in state.cells else f"{body}.{name}"
                    for name in FREE[body]
                }
                state = Model(body, cells, {})
            elif private:
                used = {name: value for name, value in data.items() if state.uses(name)}
                state = Model(state.body, state.cells, {**state.overridden, **used})
        return state

    def contents(self):
        contents = dict(self.bases)
        for _, cell, value in self.patches:
            contents[cell] = value
        return contents

    # -- the rules ------------------------------------------------------------------------------------

    @rule(
        names=st.sets(st.sampled_from(["a", "b", "c", "LIMIT", "COUNT"]), min_size=1, max_size=3),
        again=st.booleans(),
    )
    def override(self, names, again):
        key = tuple(sorted(names))
        values = {name: f"{name} {'-'.join(key)}" for name in key}
        model = self.model()
        try:
            change = (
                self.overrides[key] if again and key in self.overrides else recell.override(self.func, values)
            )
            change.start()
        except ScopeError:
            assert not all(model.uses(name) for name in key)
            return
        self.overrides[key] = change
        assert all(model.uses(name) for name in key)
        self.order.append((change, "override", values))

    @rule(body=st.sampled_from(["one", "two", "far"]), keep=st.booleans())
    def swap(self, body, keep):
        change = recell.swap(self.func, self.replacements[body], cells="keep" if keep else "take")
        self.order.append((change, "swap", (body, keep)))

    @rule(name=st.sampled_from(["a", "b", "c"]), again=st.booleans())
    def patch_closure(self, name, again):
        self.serial += 1
        cells = self.model(private=False).cells
        change, value = self.closures.get(name, (None, None))
        try:
            if change is None or not again:
                value = f"patched {name} {self.serial}"
                change = recell.patch_closure(self.func, {name: value})
            change.start()
        except FreeVariableError:
            assert name not in cells
            return
        self.closures[name] = (change, value)
        self.patches.append((change, cells[name], value))

    @precondition(lambda self: self.order)
    @rule(data=st.data())
    def leave_function_layer(self, data):
        change = data.draw(st.sampled_from([entry[0] for entry in self.order]))
        change.undo()
        # one change entered twice leaves its last entry
        position = max(i for i, entry in enumerate(self.order) if entry[0] is change)
        del self.order[position]

    @precondition(lambda self: self.patches)
    @rule(data=st.data())
    def leave_patch(self, data):
        change = data.draw(st.sampled_from([entry[0] for entry in self.patches]))
        change.undo()
        position = max(i for i, entry in enumerate(self.patches) if entry[0] is change)
        del self.patches[position]

    @rule(data=st.data())
    def undo_what_is_not_active(self, data):
        idle = [change for change in self.overrides.values() if not change.active]
        if idle:
            with pytest.raises(ChangeError):
                data.draw(st.sampled_from(idle)).undo()

    @rule(what=st.sampled_from(["one", "two", "far", "LIMIT", "a", "COUNT"]))
    def a_failing_entry(self, what):
        """Whatever fails while something is installed: everything is as it was."""
        before = (self.func.__code__, self.func.__closure__, self.func.__dict__)

        def failing(*parts):
            raise MemoryError("injected")

        with pytest.MonkeyPatch.context() as patch:
            fail_to_install(patch, failing)
            with pytest.raises((MemoryError, ScopeError)):
                if what in BODIES:
                    recell.swap(self.func, self.replacements[what])
                else:
                    recell.override(self.func, {what: "never"}).start()
        assert all(
            new is old
            for new, old in zip((self.func.__code__, self.func.__closure__, self.func.__dict__), before)
        )

    @precondition(lambda self: self.order)
    @rule(data=st.data())
    def a_failing_leave(self, data):
        change = data.draw(st.sampled_from([entry[0] for entry in self.order]))
        real, failures, times = stacks.install, [0], data.draw(st.integers(1, 3))

        def failing(*parts):
            failures[0] += 1
            if failures[0] <= times:
                raise MemoryError("injected")
            if len(parts) > 1:
                real(*parts)

        entered = self.order.count(next(entry for entry in self.order if entry[0] is change))
        with pytest.MonkeyPatch.context() as patch:
            fail_to_install(patch, failing)
            try:
                change.undo()
            except MemoryError:
                if len(change._entries) == entered:
                    return
        position = max(i for i, entry in enumerate(self.order) if entry[0] is change)
        del self.order[position]

    @precondition(lambda self: self.order)
    @rule(data=st.data())
    def interference(self, data):
        """Code assigned by somebody else stops every undo until it is assigned back; nothing changes meanwhile."""
        installed = self.func.__code__
        free = ", ".join(f"v{i}" for i in range(len(installed.co_freevars)))
        space = {}
        exec(
            f"def outer({free or '_'}):\n def other(*args): return 'other', {free or None}\n return other",
            space,
        )
        other = space["outer"](*[1] * max(1, len(installed.co_freevars))).__code__
        self.func.__code__ = other
        change = data.draw(st.sampled_from([entry[0] for entry in self.order]))
        with pytest.raises(InterferenceError):
            change.undo()
        assert self.func.__code__ is other and change.active
        self.func.__code__ = installed

    @invariant()
    def is_base_plus_layers(self):
        model, contents = self.model(), self.contents()
        assert self.func() == model.result(contents)
        assert self.sibling() == (contents["base.a"], contents["base.b"])
        for name, cell in model.cells.items():
            wanted = model.overridden.get(name, contents[cell])
            assert closure(self.func)[name] == wanted
        assert self.func.__name__ == "base" and COUNT == "count"
        swaps = [data[0] for _, kind, data in self.order if kind == "swap"]
        assert self.func.__doc__ == ("two's doc" if swaps[-1:] == ["two"] else None)
        if not self.order:
            now = (
                self.func.__code__,
                self.func.__closure__,
                self.func.__defaults__,
                self.func.__doc__,
                self.func.__dict__,
            )
            assert all(new is old for new, old in zip(now, self.before))
            if not self.patches:
                assert tuple(cell.cell_contents for cell in self.func.__closure__) == self.before[-1]

    def teardown(self):
        for entries in (self.order, self.patches):
            random.Random(len(entries)).shuffle(entries)
            while entries:
                entries.pop()[0].undo()
            self.order = [] if entries is self.order else self.order
        self.is_base_plus_layers()


def test_always_base_plus_layers():
    """Random entering, leaving, undoing and failing of all in-place verbs, and every undo in any order."""
    size = settings(
        max_examples=pick(60, 3000),
        stateful_step_count=pick(30, 60),
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    run_state_machine_as_test(Machine, settings=size)


def test_asyncio_tasks_in_any_order():
    """Tasks that enter and leave at random: what each sees is base plus what is entered at that moment."""
    chance = random.Random(SEED)

    async def main(func, sibling):
        entered = []

        async def task(number):
            await asyncio.sleep(chance.random() / 100)
            kind = number % 3
            value = f"value {number}"
            if kind == 0:
                change = recell.override(func, LIMIT=value)
            elif kind == 1:
                change = recell.override(func, a=value)
            else:
                change = recell.override(func, COUNT=value)
            name = ["LIMIT", "a", "COUNT"][kind]
            with change:
                entered.append((name, value))
                await asyncio.sleep(chance.random() / 100)
                seen = dict(entered)
                got = func()
                assert got == (
                    "base",
                    seen.get("a", "A"),
                    "B",
                    seen.get("LIMIT", "limit"),
                    seen.get("COUNT", "count"),
                )
                assert sibling() == ("A", "B")
                entered.remove((name, value))

        await asyncio.gather(*[task(number) for number in range(pick(60, 1000))])

    func, sibling = make_base("A", "B")
    code, cells = func.__code__, func.__closure__
    asyncio.run(main(func, sibling))
    assert (
        func.__code__ is code and func.__closure__ is cells and func() == ("base", "A", "B", "limit", "count")
    )
