"""`override`: names mean something else inside one function, and only there."""

from __future__ import annotations

import asyncio
import datetime
import functools
import inspect
import os.path
import re
import time
import types
from unittest import mock

import pytest

import recell
from recell import EMPTY, InterferenceError, ScopeError, closure, make_cell, override, patch_closure, swap

LIMIT = 10
COUNT = 0


def snapshot(func):
    return (
        func.__code__, func.__closure__, func.__defaults__, func.__kwdefaults__, func.__doc__, func.__dict__,
        getattr(func, "__type_params__", None), func.__name__, func.__qualname__, func.__module__, func.__globals__,
    )  # fmt: skip


def assert_same(func, before):
    assert all(new is old for new, old in zip(snapshot(func), before))


def everything(n):
    """Reads a global, a builtin in every kind of nested scope."""

    class K:
        y = LIMIT

        def m(self):
            return LIMIT

        z = [LIMIT for _ in range(2)]

    def deep():
        return (lambda: LIMIT * 10)()

    def gen():
        for _ in range(n):
            yield LIMIT

    return (
        LIMIT,
        len("ab"),
        K.y,
        K().m(),
        K.z,
        deep(),
        list(gen()),
        {LIMIT: 1},
        list(x + LIMIT for x in (1, 2)),
    )


def test_a_name_that_is_only_read_costs_one_code_store():
    """Globals and builtins in all nested scopes; closure and everything else stay the very objects."""
    before, result = snapshot(everything), everything(2)
    fake_len = lambda x: 99
    change = override(everything, LIMIT=5, len=fake_len)
    assert_same(everything, before)
    with change:
        assert everything(2) == (5, 99, 5, 5, [5, 5], 50, [5, 5], {5: 1}, [6, 7])
        assert everything.__closure__ is None and everything.__code__.co_freevars == ()
        assert LIMIT == 10 and len("ab") == 2
        inside = everything.__code__
    assert_same(everything, before)
    assert everything(2) == result
    with change:  # entered again: the same prepared code
        assert everything.__code__ is inside


def make():
    shared = 1
    other = "o"

    def first():
        return shared, other, (lambda: shared)(), [shared for _ in "a"]

    def second():
        return shared

    def third():
        nonlocal shared
        shared += 1
        return shared

    return first, second, third


def test_a_free_variable_for_one_function_only():
    """Those who share the cell do not see it; the closure keeps its length and the code its identity."""
    first, second, third = make()
    before = snapshot(first)
    with override(first, shared=5):
        assert first() == (5, "o", 5, [5]) and second() == 1
        assert first.__code__ is before[0] and len(first.__closure__) == 2
        assert closure(first)["shared"] == 5
        third()
        assert second() == 2 and first()[0] == 5
    assert_same(first, before)
    assert first()[0] == 2


def test_assignments_go_to_a_private_cell_and_are_dropped():
    first, second, third = make()
    with override(third, shared=100):
        assert third() == 101 and third() == 102 and second() == 1
    assert third() == 2 == second()
    change = override(third, shared=100)
    for _ in range(2):  # a fresh cell for every entry
        with change:
            assert third() == 101


def counting():
    global COUNT
    COUNT += 1
    return COUNT


def deleting():
    global COUNT
    del COUNT
    return COUNT  # noqa: F821


def test_a_global_that_is_assigned_grows_the_closure():
    """Stores and deletions go to a private cell; the module is not touched."""
    before = snapshot(counting)
    change = override(counting, COUNT=100)
    for _ in range(2):
        with change:
            assert counting() == 101 and counting() == 102 and COUNT == 0
            assert closure(counting)["COUNT"] == 102
        assert_same(counting, before)
    with override(deleting, COUNT=1), pytest.raises(NameError):
        deleting()
    assert COUNT == 0


def body():
    class K:
        LIMIT = LIMIT + 1
        more = LIMIT

    return K.LIMIT, K.more


def test_a_class_body_that_stores_the_name():
    before = snapshot(body)
    with override(body, LIMIT=1):
        assert body() == (2, 2)
    assert body() == (11, 11)
    assert_same(body, before)


def limit_only():
    return LIMIT


def test_a_cell_is_taken_as_the_cell():
    """The function then shares it with whoever gave it."""
    cell = make_cell(7)
    with override(everything, LIMIT=cell):
        assert everything(1)[0] == 7
        cell.cell_contents = 8
        assert everything(1)[0] == 8
    first, second, third = make()
    with override(third, shared=cell):
        assert third() == 9
    assert cell.cell_contents == 9 and second() == 1
    with override(first, closure(third)):
        assert closure(first).cells["shared"] is closure(third).cells["shared"]
    with override(limit_only, LIMIT=make_cell(make_cell(3))):
        assert limit_only().cell_contents == 3


def test_empty_means_no_value():
    first, second, _ = make()
    with override(first, shared=EMPTY), pytest.raises(NameError):
        first()
    with override(body, LIMIT=EMPTY), pytest.raises(NameError):
        body()
    assert first()[0] == 1 and body() == (11, 11)


def test_several_kinds_at_once():
    def outer(a):
        def func():
            global COUNT
            COUNT = COUNT + LIMIT
            return a, COUNT, LIMIT, len("x")

        return func

    func = outer("a")
    before = snapshot(func)
    with override(func, {"a": "A"}, COUNT=1, LIMIT=2, len=lambda x: "len"):
        assert func() == ("A", 3, 2, "len")
    assert_same(func, before)
    assert COUNT == 0


def fetch(url):
    time.sleep(5)
    return f"{url} at {time.monotonic() > 0}"


def exists(path):
    return os.path.exists(path), os.path.basename(path), os.sep


def test_dotted_names():
    """Inside the function a stand-in answers the faked attribute, and the real object everything else."""
    naps = []
    with override(fetch, {"time.sleep": naps.append}):
        assert fetch("u") == "u at True" and naps == [5]
        assert time.sleep is not naps.append
    with override(exists, {"os.path.exists": lambda path: "yes", "os.sep": "|"}):
        assert exists("/no/where") == ("yes", "where", "|")
        assert not os.path.exists("/no/where")
    assert exists("/no/where") == (False, "where", os.sep)


def now():
    today = datetime.datetime(2020, 1, 2)
    return (
        isinstance(today, datetime.datetime), datetime.datetime.now(), datetime.datetime.max.year,
        issubclass(datetime.datetime, datetime.date), today == datetime.datetime(2020, 1, 2),
    )  # fmt: skip


def test_a_class_behind_a_dotted_name_still_is_a_class():
    with override(now, {"datetime.datetime.now": lambda: "now"}):
        assert now() == (True, "now", 9999, True, True)


def test_stand_ins_pass_on_special_methods():
    """Calls, items, iteration, comparison, `with` and attributes set reach the real object."""

    class Box(dict):
        tag = "real"

        def __call__(self):
            return "called"

        def __enter__(self):
            return "entered"

        def __exit__(self, *args):
            return None

    def make_func(box):
        def func():
            box["k"] = 1
            box.note = 2
            box.tag = "set inside"
            with box as entered:
                pass
            return (
                box(),
                len(box),
                list(box),
                box["k"],
                "k" in box,
                box == {"k": 1},
                isinstance(box, Box),
                box.tag,
                entered,
                str(box),
            )

        return func

    box = Box()
    with override(make_func(box), {"box.tag": "fake"}) as change:
        pass
    func = make_func(box)
    with override(func, {"box.tag": "fake"}):
        got = func()
    assert got[:-1] == ("called", 1, ["k"], 1, True, True, True, "set inside", "entered")
    assert box.note == 2 and box.tag == "real"


def test_a_dotted_name_that_is_not_there():
    with pytest.raises(ScopeError, match="sleep"):
        override(fetch, {"time.slep": 1})
    with pytest.raises(ScopeError, match="does not use `tim`"):
        override(fetch, {"tim.sleep": 1})


def test_default_makes_autospecced_mocks():
    """`DEFAULT`: a mock with the signature of what the name means now, in the mapping that `as` gives."""

    def load(path):
        return exists(path)

    with override(load, exists=mock.DEFAULT) as fakes:
        fakes["exists"].return_value = "faked"
        assert load("p") == "faked"
        fakes["exists"].assert_called_once_with("p")
        with pytest.raises(TypeError):
            fakes["exists"](1, 2, 3)
        assert set(fakes) == {"exists"}
        first = fakes["exists"]
    change = override(fetch, {"time.sleep": mock.DEFAULT})
    with change as fakes:
        fetch("u")
        fakes["time.sleep"].assert_called_once_with(5)
    with override(load, exists=mock.DEFAULT) as fakes:
        assert fakes["exists"] is not first


class Shop:
    def price(self, n):
        return n * LIMIT

    @staticmethod
    def static():
        return LIMIT

    @classmethod
    def klass(cls):
        return cls.__name__, LIMIT

    @property
    def prop(self):
        return LIMIT

    def other(self):
        return len("abc")


def test_a_class_means_the_functions_in_it():
    """Functions, static and class methods and accessors; a name must be used by at least one."""
    shop, before = Shop(), snapshot(Shop.price)
    with override(Shop, LIMIT=2, len=lambda x: "len") as change:
        assert (shop.price(3), Shop.static(), Shop.klass(), shop.prop, shop.other()) == (
            6,
            2,
            ("Shop", 2),
            2,
            "len",
        )
        assert repr(change) == f"<override of {__name__}.Shop: LIMIT, len; active>"
    assert shop.price(3) == 30 and shop.other() == 3
    assert_same(Shop.price, before)
    with pytest.raises(ScopeError, match="none of the functions"):
        override(Shop, nothing=1)
    with pytest.raises(TypeError, match="none of its own"):
        override(type("Empty", (), {}), LIMIT=1)


def test_methods_and_wrappers_of_functions():
    with override(Shop().price, LIMIT=1):
        assert Shop().price(5) == 5
    part = functools.partial(fetch, "u")
    with override(part, {"time.sleep": lambda s: None}):
        assert part() == "u at True"


def helper():
    return time.time()


def calls_helper():
    return helper()


@functools.lru_cache(maxsize=None)
def cached():
    return time.time()


def calls_cached():
    return cached()


class Clock:
    def tick(self):
        return time.time()


def calls_clock():
    return Clock().tick()


def login_required(view):
    @functools.wraps(view)
    def wrapper(*args):
        return view(*args)

    return wrapper


@login_required
def view(request):
    return time.time()


def sleeps():
    return time.sleep


@pytest.mark.parametrize(
    ("func", "name", "message"),
    [
        (calls_helper, "time", "`time` is read by `helper`, which `calls_helper` calls"),
        (calls_cached, "time", r"`time` is read by `cached.__wrapped__`, which"),
        (calls_clock, "time", r"`time` is read by `Clock.tick`, which"),
        (view, "time", "`view.__wrapped__` reads it"),
        (sleeps, "sleep", r'it reads `time.sleep`: use override\(sleeps, {"time.sleep": …}\)'),
        (fetch, "url", "`url` is a parameter of it"),
        (now, "today", "`today` is a local variable of it"),
        (fetch, "tme", "did you mean `time`"),
        (fetch, "time.", r"does not use `time\.` as"),
        (everything, "nothing_like_it", "it uses"),
    ],
)
def test_an_unused_name_is_looked_for(func, name, message):
    """The commonest mistake: the error says who uses the name."""
    before = snapshot(func)
    with pytest.raises(ScopeError, match=message) as caught:
        override(func, {name: 1})
    assert caught.value.name == name
    assert_same(func, before)


def test_targets_that_are_no_functions():
    for target in (len, mock.Mock(), 5, cached, Shop.prop):
        with pytest.raises(TypeError, match="override needs a Python function"):
            override(target, LIMIT=1)
    with pytest.raises(TypeError, match="cache_clear"):
        override(cached, time=1)


def test_class_cells_hold_classes():
    class Base:
        def who(self):
            return "base"

    class Child(Base):
        def who(self):
            return super().who() + __class__.__name__

    with pytest.raises(TypeError, match="must be a class"):
        override(Child.who, __class__=5)

    class Other(Child):
        pass

    with override(Child.who, __class__=Other), pytest.raises(RecursionError):
        Other().who()
    assert Child().who() == "baseChild"


def test_overlapping_overrides_of_one_function():
    """The later meaning of a name counts; each leaves on its own, in any order."""
    before = snapshot(everything)
    one, two, three = (
        override(everything, LIMIT=1),
        override(everything, LIMIT=2),
        override(everything, len=lambda x: 3),
    )
    one.start(), two.start(), three.start()
    assert everything(0)[:2] == (2, 3)
    two.undo()
    assert everything(0)[:2] == (1, 3)
    two.start()
    one.undo()
    assert everything(0)[:2] == (2, 3)
    three.undo()
    assert everything(0)[:2] == (2, 2)
    two.undo()
    assert_same(everything, before)


def test_one_change_entered_twice_is_two_layers():
    change = override(everything, LIMIT=1)
    other = override(everything, LIMIT=2)
    change.start(), other.start(), change.start()
    assert everything(0)[0] == 1
    change.undo()
    assert everything(0)[0] == 2 and change.active
    other.undo()
    assert everything(0)[0] == 1
    change.undo()
    assert everything(0)[0] == 10 and not change.active
    with pytest.raises(recell.ChangeError):
        change.undo()


def test_growing_and_shrinking_in_any_order():
    before = snapshot(counting)
    changes = [override(counting, COUNT=100 * i) for i in range(1, 4)]
    for change in changes:
        change.start()
    assert counting() == 301
    changes[1].undo()
    assert counting() == 302
    changes[2].undo()
    assert counting() == 101
    changes[0].undo()
    assert_same(counting, before)


def test_with_patch_closure_and_swap():
    """patch_closure means the cells beneath overrides; a swap on top hides an override, and leaves it."""
    first, second, third = make()
    before = snapshot(first)
    with override(first, shared=5):
        with patch_closure(first, shared=7):
            assert first()[0] == 5 and second() == 7
        assert second() == 1
        change = swap(first, second)
        assert first() == 1
        change.undo()
        assert first()[0] == 5
    with swap(third, second):
        with override(third, shared=9):
            assert third() == 9
        assert third() == 1
    hiding = override(first, other="O").start()
    replaced = swap(first, second)
    hiding.undo()
    assert first() == 1
    replaced.undo()
    assert_same(first, before)


def test_an_override_of_what_a_swap_put_there():
    """A name that only the swapped-in code uses is left out when the swap is undone beneath it."""

    def old():
        return "old"

    before = snapshot(old)
    change = swap(old, lambda: LIMIT)
    over = override(old, LIMIT=1).start()
    assert old() == 1
    change.undo()
    assert old() == "old"
    over.undo()
    assert_same(old, before)


def test_a_function_behind_a_trampoline():
    """A function from another module, swapped in: its own globals are overridden, for this function only."""
    module = types.ModuleType("elsewhere")
    exec("RATE = 3\ndef f(x): return x * RATE", vars(module))

    def old(x):
        return x

    with swap(old, module.f):
        with override(old, RATE=5):
            assert old(2) == 10 and module.f(2) == 6
        assert old(2) == 6
    assert old(2) == 2


def test_somebody_else_assigned_the_code():
    """Undoing would overwrite it: an error, nothing changes; assigned back, the undo works."""
    before = snapshot(fetch)
    change = override(fetch, {"time.sleep": lambda s: None}).start()
    installed, other = fetch.__code__, (lambda url: "other").__code__
    fetch.__code__ = other
    with pytest.raises(InterferenceError, match="__code__"):
        change.undo()
    assert fetch.__code__ is other and change.active
    with pytest.raises(InterferenceError):
        override(fetch, time=1).start()
    fetch.__code__ = installed
    change.undo()
    assert_same(fetch, before)


def test_what_was_made_keeps_what_it_was_made_with():
    """Closures, generators and coroutines made while an override is in force keep it; those made before never see it."""

    def make_lambda():
        return lambda: LIMIT

    def numbers():
        yield LIMIT
        yield LIMIT

    async def later():
        await asyncio.sleep(0)
        return LIMIT

    outside, suspended, coroutine = make_lambda(), numbers(), later()
    next(suspended)
    with override(make_lambda, LIMIT=1), override(numbers, LIMIT=2), override(later, LIMIT=3):
        inside, generator, other = make_lambda(), numbers(), later()
        assert outside() == 10 and next(suspended) == 10
    assert inside() == 1 and list(generator) == [2, 2] and asyncio.run(other) == 3
    assert asyncio.run(coroutine) == 10


def test_a_decorated_function_class_and_generator():
    """As decorators: functions, coroutines, generators, classes; signatures stay, nothing is injected."""
    limit = override(everything, LIMIT=1)

    @limit
    def test_one(self, a, *, b=2):
        "doc"
        return everything(0)[0], a, b

    @limit
    async def test_two():
        await asyncio.sleep(0)
        return everything(0)[0]

    @limit
    def numbers():
        got = yield everything(0)[0]
        yield got

    @limit
    async def stream():
        got = yield everything(0)[0]
        yield got

    async def consume():
        values = stream()
        return [await values.__anext__(), await values.asend("sent"), [x async for x in values]]

    assert test_one(None, 1) == (1, 1, 2) and inspect.signature(test_one) == inspect.signature(
        test_one.__wrapped__
    )
    assert str(inspect.signature(test_one)) == "(self, a, *, b=2)" and test_one.__doc__ == "doc"
    assert inspect.iscoroutinefunction(test_two) and asyncio.run(test_two()) == 1
    assert inspect.isgeneratorfunction(numbers) and inspect.isasyncgenfunction(stream)
    generator = numbers()
    assert not limit.active and next(generator) == 1 and limit.active and generator.send("sent") == "sent"
    generator.close()
    assert asyncio.run(consume()) == [1, "sent", []] and not limit.active

    class Base:
        def test_base(self):
            return everything(0)[0]

    @limit
    class TestThing(Base):
        def test_a(self):
            return everything(0)[0]

        @staticmethod
        def test_s():
            return everything(0)[0]

        @classmethod
        def test_c(cls):
            return everything(0)[0]

        def helper(self):
            return everything(0)[0]

        test_data = [1]

    thing = TestThing()
    assert (
        thing.test_a() == thing.test_base() == thing.test_s() == thing.test_c() == 1 and thing.helper() == 10
    )
    assert Base().test_base() == 10 and TestThing.test_data == [1]
    with pytest.raises(TypeError, match="decorates functions"):
        limit(5)
    assert everything(0)[0] == 10


def test_decorating_the_function_that_is_overridden():
    def func():
        return LIMIT

    wrapped = override(func, LIMIT=1)(func)
    assert wrapped() == 1 and func() == 10


def test_whatever_is_raised_meanwhile():
    before = snapshot(everything)
    for error in (ValueError, KeyboardInterrupt, SystemExit, GeneratorExit):
        with pytest.raises(error), override(everything, LIMIT=1):
            raise error
        assert_same(everything, before)


def test_asyncio_tasks_overlap():
    """Two tasks enter and leave in any order: what is in force is the base plus those entered."""

    async def task(value, before, after):
        await asyncio.sleep(before)
        with override(body, LIMIT=value):
            await asyncio.sleep(after)
            return body()

    async def main():
        return await asyncio.gather(task(1, 0, 0.02), task(2, 0.01, 0.02), task(3, 0.005, 0))

    before = snapshot(body)
    got = asyncio.run(main())
    assert all(pair[0] - 1 in (1, 2, 3, 10) for pair in got)
    assert_same(body, before)


def test_start_and_undo():
    change = override(everything, LIMIT=1)
    assert repr(change) == f"<override of {__name__}.everything: LIMIT; not active>"
    with pytest.raises(recell.ChangeError, match="never entered"):
        change.undo()
    assert change.start() is change and change.active
    assert repr(change) == f"<override of {__name__}.everything: LIMIT; active>"
    change.undo()
    assert not change.active


def test_lambdas_generator_expressions_and_re():
    """Names of comprehension scopes, and a real function of the standard library."""
    compiled = []
    real = re.compile

    def spy(pattern, flags=0):
        compiled.append(pattern)
        return real(pattern, flags)

    with override(re.match, _compile=spy):
        assert re.match("a", "abc").group() == "a"
    assert compiled == ["a"] and re.match("b", "b")
    func = lambda: sum(x * LIMIT for x in range(3))
    with override(func, LIMIT=1):
        assert func() == 3
    assert func() == 30
