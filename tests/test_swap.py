"""`swap` and `wrap`: another behaviour under the same identity, and back again."""

from __future__ import annotations

import asyncio
import functools
import inspect
import itertools
import sys
import types
from unittest import mock

import pytest

import recell
from recell import EMPTY, ScopeError, closure, make_cell, running, swap, wrap

KINDS = ["plain", "generator", "coroutine", "async generator"]


def result_of(func, *args, **kwargs):
    """What calling a function of any kind comes to."""
    value = func(*args, **kwargs)
    if inspect.iscoroutine(value):
        return asyncio.run(_awaited(value))
    if inspect.isasyncgen(value):
        return asyncio.run(_collected(value))
    return list(value) if inspect.isgenerator(value) else value


async def _awaited(value):
    return await value


async def _collected(values):
    return [value async for value in values]


def factory(kind, names, tag, in_class=False, shape="def"):
    """A function of a kind with exactly these free variables, each holding (tag, name)."""
    value = f"({tag!r}, {', '.join(names)}{',' if names else ''} x" + (
        ", __class__.__name__)" if in_class else ")"
    )
    body = {
        "plain": f"return {value}",
        "generator": f"yield {value}",
        "coroutine": f"return {value}",
        "async generator": f"yield {value}",
    }[kind]
    keyword = "async def" if kind in ("coroutine", "async generator") else "def"
    if shape == "lambda":
        inner = [f"func = lambda x={tag!r}: {value if kind == 'plain' else '(yield ' + value + ')'}"]
    elif in_class:
        inner = [f"class C{tag}:", f" {keyword} func(self, x={tag!r}):", f"  {body}", f"func = C{tag}.func"]
    else:
        inner = [f"{keyword} func(x={tag!r}):", f" {body}"]
    text = "\n".join([f"def outer({', '.join(names)}):", *(f" {line}" for line in inner), " return func"])
    space = globals()
    local = {}
    exec(text, space, local)
    return local["outer"](*[(tag, name) for name in names])


def snapshot(func):
    return (
        func.__code__, func.__closure__, func.__defaults__, func.__kwdefaults__, func.__doc__, func.__dict__,
        getattr(func, "__type_params__", None), func.__name__, func.__qualname__, func.__module__, id(func),
    )  # fmt: skip


def assert_same(func, before):
    for new, old in zip(snapshot(func), before):
        assert new is old or (isinstance(new, int) and new == old), (new, old)


ALL_NAMES = [
    [], ["a"], ["b"], ["a", "b"], ["c", "d"], ["a", "b", "c"], ["d", "e", "f"], ["a", "b", "c", "d"], ["b", "d", "f", "h"],
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("old_class", "new_class"), [*itertools.product([False, True], repeat=2)])
def test_every_ordered_pair_of_free_variables(kind, old_class, new_class):
    """Whatever the free variables: right results, the same object, state kept by name, exact undo."""
    for old_names, new_names in itertools.product(ALL_NAMES, repeat=2):
        old = factory(kind, old_names, "O", old_class)
        new = factory(kind, new_names, "N", new_class)
        first = [None] if old_class else []  # self
        new_first = [None] if new_class else []
        call = lambda func: result_of(func, *(first if func is old else new_first), 1)
        for _ in range(20):  # call sites are warm before and after
            before_result = call(old)
        before = snapshot(old)
        change = swap(old, new)
        expected_class = ("CO",) if old_class and new_class else ("CN",) if new_class else ()
        expected = (
            "N",
            *[("O" if name in old_names else "N", name) for name in new_names],
            1,
            *expected_class,
        )
        for _ in range(20):
            got = result_of(old, *new_first, 1)
        assert got == ([expected] if "generator" in kind else expected)
        assert (old.__name__, old.__qualname__, id(old)) == (before[7], before[8], before[10])
        assert inspect.signature(old) == inspect.signature(new)
        assert {name: cell for name, cell in closure(old).cells.items() if name != "__class__"}.keys() == set(
            new_names
        )
        assert result_of(change.original, *first, 1) == before_result
        change.undo()
        assert_same(old, before)
        for _ in range(20):
            assert call(old) == before_result


@pytest.mark.parametrize("cells", ["keep", "take"])
def test_whose_cells(cells):
    """Same-named variables keep the target's cell, or take the replacement's; `__class__` stays."""
    old, new = factory("plain", ["a", "b"], "O"), factory("plain", ["b", "c"], "N")
    own, other = closure(old).cells["b"], closure(new).cells["b"]
    with swap(old, new, cells=cells):
        assert closure(old).cells["b"] is (own if cells == "keep" else other)
        assert closure(old).cells["c"] is closure(new).cells["c"]
    with pytest.raises(ValueError, match="'keep'"):
        swap(old, new, cells="share")


def test_the_state_in_a_kept_cell_survives():
    """A counter goes on counting where it was."""

    def make(step):
        count = 0

        def bump():
            nonlocal count
            count += step
            return count

        return bump

    one, ten = make(1), make(10)
    assert one() == 1
    change = swap(one, ten)
    closure(one)["step"] = 10
    assert one() == 11
    change.undo()
    assert ten() == 10


def test_lambdas_and_methods():
    """Lambdas and methods, for all instances, are functions like others."""

    class Shop:
        def price(self, n=1):
            return n

    shop = Shop()
    with swap(shop.price, lambda self, n=5: n * 2):
        assert shop.price() == 10 and Shop().price(1) == 2
    assert shop.price() == 1
    old, new = factory("plain", ["a"], "O", shape="lambda"), factory("plain", ["b", "c"], "N", shape="lambda")
    with swap(old, new):
        assert old() == ("N", ("N", "b"), ("N", "c"), "N")
    assert old() == ("O", ("O", "a"), "O")


def test_static_and_class_methods_and_partials_mean_their_function():
    class C:
        @staticmethod
        def s():
            return 1

        @classmethod
        def c(cls):
            return cls, 1

    with swap(vars(C)["s"], lambda: 2), swap(C.c, lambda cls: (cls, 2)):
        assert C.s() == 2 and C.c() == (C, 2)
    part = functools.partial(C.s)
    with swap(part, lambda: 3):
        assert part() == C.s() == 3
    with swap(vars(C)["c"], classmethod(lambda cls: (cls, 4))), swap(vars(C)["s"], staticmethod(lambda: 5)):
        assert C.c() == (C, 4) and C.s() == 5
    assert C.c() == (C, 1) and C.s() == 1


def test_what_goes_and_what_stays():
    """Defaults, annotations, doc and attributes are the replacement's; name, qualname and module stay."""

    def old(a, b=1, *, c: int = 2) -> int:
        "old"

    def new(x, /, y="y", *z, k=3, **w) -> str:
        "new"
        return x, y, z, k, w

    old.tag, new.tag, new.more = "old", "new", [1]
    old.__annotations__  # evaluated: comes back equal
    before, annotations = snapshot(old), dict(old.__annotations__)
    change = swap(old, new)
    assert old(1, 2, 3, k=4, q=5) == (1, 2, (3,), 4, {"q": 5}) and old(0) == (0, "y", (), 3, {})
    assert inspect.signature(old) == inspect.signature(new)
    assert (old.__doc__, old.tag, old.more, old.__annotations__) == ("new", "new", [1], new.__annotations__)
    assert (old.__name__, old.__module__) == ("old", __name__)
    old.tag = "changed"
    assert new.tag == "new"  # the two do not change together
    change.undo()
    assert_same(old, before)
    assert old.__annotations__ == annotations and old.tag == "old"


@pytest.mark.parametrize("target", KINDS)
@pytest.mark.parametrize("replacement", KINDS)
def test_bridges_between_kinds(target, replacement):
    """The target keeps its kind; what cannot be bridged is refused and nothing changes."""
    old, new = factory(target, ["a"], "O"), factory(replacement, ["a", "b"], "N")
    item = ("N", ("O", "a"), ("N", "b"), "N")
    before = snapshot(old)
    able = {
        "plain": KINDS,
        "generator": ["plain", "generator"],
        "coroutine": ["plain", "generator", "coroutine", "async generator"],
        "async generator": ["generator", "async generator"],
    }[target]
    if replacement not in able:
        with pytest.raises(TypeError, match="keeps its kind"):
            swap(old, new)
        assert_same(old, before)
        return
    flags = old.__code__.co_flags & 0x2A0
    with swap(old, new):
        assert old.__code__.co_flags & 0x2A0 == flags
        assert closure(old)["a"] == ("O", "a") and closure(old).names == ("a", "b")
        got = old()
        if target == "coroutine":
            got = asyncio.run(_awaited(got))
        if target == "plain" and replacement == "coroutine":
            got = asyncio.run(_awaited(got))
        if inspect.isasyncgen(got):
            got = asyncio.run(_collected(got))
        elif inspect.isgenerator(got) or (target == "generator" and not isinstance(got, tuple)):
            got = list(got)
        nested = target == "generator" and replacement == "plain"  # `yield from` iterates the tuple
        wanted = list(item) if nested else [item] if "generator" in (target + replacement) else item
        assert got == wanted
    assert_same(old, before)


class Thing:
    def method(self, x, *, y=2):
        "bound"
        return self, x, y

    def __call__(self, n):
        return n + 100


def test_replacements_that_are_no_plain_functions():
    """Mocks, C functions, partials, bound methods, classes and instances go through a trampoline."""

    def old(x):
        return x

    before, thing = snapshot(old), Thing()
    for replacement, args, result in [
        (mock.Mock(return_value=5), (1,), 5),
        (len, ("abc",), 3),
        (functools.partial(max, 10), (3,), 10),
        (thing.method, (4,), (thing, 4, 2)),
        (thing, (1,), 101),
        (int, ("12",), 12),
        (functools.lru_cache(maxsize=None)(lambda q: q * 3), (3,), 9),
        ([].append, (1,), None),
    ]:
        with swap(old, replacement) as change:
            assert old(*args) == result
            assert change.original(1) == 1
            try:
                signature = inspect.signature(replacement)
            except ValueError:
                signature = inspect.signature(lambda *args, **kwargs: None)
            assert inspect.signature(old) == signature
        assert_same(old, before)


def test_autospecced_mocks():
    def old(a, b=1):
        return a

    fake = mock.create_autospec(old, return_value=7)
    with swap(old, fake):
        assert old(1) == 7
        assert old(1, b=2) == 7
        with pytest.raises(TypeError):
            old(1, 2, 3)
    assert fake.call_count == 2 and old(1) == 1


def test_async_mock_stands_in_for_a_coroutine_function():
    async def fetch(url):
        return url

    with swap(fetch, mock.AsyncMock(return_value="faked")):
        assert inspect.iscoroutinefunction(fetch)
        assert asyncio.run(fetch("x")) == "faked"
    assert asyncio.run(fetch("x")) == "x"


def test_a_replacement_from_another_module():
    """Another module's globals: a trampoline with the signature; the replacement's own globals are read."""
    module = types.ModuleType("elsewhere")
    exec(
        "LIMIT = 5\ndef make(a, b):\n def f(x, *, k=LIMIT): return a, b, x, k, LIMIT\n return f", vars(module)
    )

    def make(a, c):
        def old(y):
            return a, c, y

        return old

    old, new = make("A", "C"), module.make("a", "b")
    own = closure(old).cells["a"]
    with swap(old, new):
        assert old(1) == ("A", "b", 1, 5, 5) and old(x=2, k=3) == ("A", "b", 2, 3, 5)
        module.LIMIT = 6
        assert old(1)[-1] == 6
        assert closure(old).cells["a"] is own and closure(old).names == ("a", "b")
        closure(old)["a"] = "AA"
        assert old(1)[0] == "AA"
        assert inspect.signature(old) == inspect.signature(new)
        with recell.patch_closure(old, b="BB"):
            assert old(1)[:2] == ("AA", "BB")
    assert old(1) == ("AA", "C", 1) and new(1)[0] == "a"


def test_generators_from_another_module_pass_on_what_is_sent():
    module = types.ModuleType("elsewhere")
    exec(
        "def f(x):\n got = yield x\n try: yield got\n except KeyError: yield 'caught'\n return 'end'",
        vars(module),
    )

    def old(x):
        yield

    with swap(old, module.f):
        generator = old(1)
        assert next(generator) == 1 and generator.send(2) == 2 and generator.throw(KeyError()) == "caught"
        with pytest.raises(StopIteration, match="end"):
            next(generator)


def test_async_generators_from_another_module_pass_on_what_is_sent():
    module = types.ModuleType("elsewhere")
    text = """
async def f(x, closed):
    try:
        got = yield x
        try:
            yield got
        except KeyError:
            yield "caught"
        yield "last"
    finally:
        closed.append(x)
"""
    exec(text, vars(module))

    async def old(x):
        yield

    async def main():
        closed = []
        generator = old(1, closed)
        assert await generator.__anext__() == 1
        assert await generator.asend(2) == 2
        assert await generator.athrow(KeyError()) == "caught"
        await generator.aclose()
        assert closed == [1]
        assert [value async for value in old(3, closed)] == [3, None, "last"]

    with swap(old, module.f):
        asyncio.run(main())


def test_names_of_parameters_cannot_clash_with_the_trampoline():
    module = types.ModuleType("elsewhere")
    exec(
        "def f(replacement, target, *args, value=1, inside=2, **kwargs): return replacement, target, args, value, inside, kwargs",
        vars(module),
    )

    def old():
        pass

    with swap(old, module.f):
        assert old(1, 2, 3, value=4, p0=5) == (1, 2, (3,), 4, 2, {"p0": 5})
        assert old(replacement=1, target=2) == (1, 2, (), 1, 2, {})
        assert inspect.signature(old) == inspect.signature(module.f)


def test_a_replacement_that_calls_the_target_is_refused():
    """Held in a cell, as `__wrapped__` or in a partial: it would call itself; the error points to `wrap`."""

    def old(x):
        return x

    func = old

    def direct(x):
        return func(x) + 1

    @functools.wraps(old)
    def wrapped(x):
        return old.__name__

    wrapped_only = functools.wraps(old)(types.FunctionType((lambda x: x).__code__, globals()))
    before = snapshot(old)
    for replacement in (
        direct,
        wrapped,
        wrapped_only,
        functools.partial(old, 1),
        functools.partial(direct),
        old,
    ):
        with pytest.raises(ScopeError, match="wrap"):
            swap(old, replacement)
        assert_same(old, before)


def test_recursion_is_no_circle():
    """A recursive function may be swapped for another version of itself."""

    def make(base):
        def fact(n):
            return base if n < 2 else n * fact(n - 1)

        return fact

    one, two = make(1), make(2)
    with swap(one, two, cells="take"):
        assert one(3) == 12
    with swap(one, recell.rebind(one, base=5)):  # its `fact` is the target, as the target's own
        assert one(3) == 6
    assert one(3) == 6 and two(3) == 12


@pytest.mark.parametrize(
    "target", [len, int, mock.Mock(), 5, functools.lru_cache(lambda: 1), property(lambda self: 1)]
)
def test_targets_that_are_no_functions(target):
    with pytest.raises(TypeError, match="swap needs a Python function"):
        swap(target, lambda: 1)
    with pytest.raises(TypeError, match="wrap needs a Python function"):
        wrap(target, lambda f: f)


def test_replacements_that_are_not_callable():
    def old():
        return 1

    with pytest.raises(TypeError, match="callable"):
        swap(old, 5)
    with pytest.raises(TypeError, match="returned None"):
        wrap(old, lambda f: None)
    assert old() == 1


def test_swapping_with_itself_swapped():
    """A swap of a swapped function lies on top of the first, and each can be undone on its own."""

    def old():
        return "old"

    one, two = factory("plain", ["a"], "1"), factory("plain", ["a", "b"], "2")
    before = snapshot(old)
    first, second = swap(old, one), swap(old, two)
    assert old() == ("2", ("1", "a"), ("2", "b"), "2") and second.original() == ("1", ("1", "a"), "1")
    first.undo()
    assert old() == ("2", ("2", "a"), ("2", "b"), "2")
    with pytest.raises(recell.ChangeError, match="not active"):
        first.undo()
    first.start()
    assert old() == ("1", ("2", "a"), "1")
    second.undo()
    assert old() == ("1", ("1", "a"), "1")
    first.undo()
    assert_same(old, before)


def test_nobody_holds_the_change():
    """A swap whose handle is gone has become the base, and nothing is kept alive for it."""

    def old():
        return "old"

    swap(old, lambda: "new")
    assert old() == "new"
    with swap(old, lambda: "newer"):
        assert old() == "newer"
    assert old() == "new"


def test_two_functions_exchanged():
    """A replacement is taken as it is: swapping two functions with each other exchanges them."""

    def one():
        return 1

    def two():
        return 2

    with swap(one, two) as change, swap(two, change.original):
        assert (one(), two()) == (2, 1)
    assert (one(), two()) == (1, 2)


def test_running_lists_what_finishes_with_the_old_code():
    def numbers():
        yield from (1, 2, 3)

    suspended = numbers()
    next(suspended)
    unstarted = numbers()
    with swap(numbers, lambda: iter("ab")) as change:
        assert list(numbers()) == ["a", "b"]
        assert {id(item) for item in change.running} == {id(suspended), id(unstarted)}
        assert list(suspended) == [2, 3] and list(unstarted) == [1, 2, 3]
        assert change.running == []


def test_running_finds_frames_of_all_threads():
    import threading

    entered, go = threading.Event(), threading.Event()

    def wait():
        entered.set()
        go.wait(10)

    thread = threading.Thread(target=wait)
    thread.start()
    entered.wait(10)
    try:
        (frame,) = running(wait)
        assert frame.f_code is wait.__code__
    finally:
        del frame
        go.set()
        thread.join()
    assert running(wait) == [] == running(wait.__code__)

    def itself():
        return running(itself)

    assert [frame.f_code for frame in itself()] == [itself.__code__]
    with pytest.raises(TypeError):
        running(5)


def test_wrap_counts_calls_of_every_reference():
    """Every reference made before runs what the decorator returned; the original is undecorated."""

    def area(a, b=2):
        return a * b

    elsewhere, calls = [area], []

    def counting(func):
        @functools.wraps(func)
        def count(*args, **kwargs):
            calls.append(args)
            return func(*args, **kwargs)

        return count

    before = snapshot(area)
    change = wrap(area, counting)
    assert elsewhere[0](3) == 6 and area(1, b=1) == 1 and len(calls) == 2
    assert inspect.signature(area) == inspect.signature(change.original)
    assert change.original(3) == 6 and len(calls) == 2
    again = wrap(area, counting)
    area(1)
    assert len(calls) == 4
    again.undo()
    change.undo()
    assert_same(area, before)


def test_wrap_shares_the_cells():
    def make():
        count = 0

        def bump():
            nonlocal count
            count += 1
            return count

        return bump

    bump = make()
    with wrap(bump, lambda func: lambda: func() * 10):
        assert bump() == 10
    assert bump() == 2


def test_wrap_of_recursion_sees_every_call():
    depth = []

    def make():
        def fact(n):
            return 1 if n < 2 else n * fact(n - 1)

        return fact

    fact = make()

    def tracing(func):
        def trace(n):
            depth.append(n)
            return func(n)

        return trace

    with wrap(fact, tracing):
        assert fact(4) == 24
    assert depth == [4, 3, 2, 1]


def test_wrap_with_a_plain_wrapper_around_a_coroutine_function():
    """The usual decorator hands back what the coroutine function gave: it is awaited."""
    seen = []

    def logged(func):
        @functools.wraps(func)
        def wrapper(*args):
            seen.append(args)
            return func(*args)

        return wrapper

    async def fetch(url):
        await asyncio.sleep(0)
        return url

    async def stream(n):
        for i in range(n):
            yield i

    def numbers(n):
        yield from range(n)

    with wrap(fetch, logged), wrap(stream, logged), wrap(numbers, logged):
        assert (
            result_of(fetch, "u") == "u"
            and result_of(stream, 2) == [0, 1]
            and result_of(numbers, 2) == [0, 1]
        )
    assert seen == [("u",), (2,), (2,)]


def test_wrap_with_lru_cache():
    runs = []

    def square(n):
        "squares"
        runs.append(n)
        return n * n

    with wrap(square, functools.lru_cache(maxsize=None)):
        assert square(3) == square(3) == 9 and runs == [3]
        assert inspect.signature(square).parameters.keys() == {"n"} and square.__doc__ == "squares"
    assert square(3) == 9 and runs == [3, 3]


def test_wrap_a_method_for_all_instances():
    class Shop:
        def price(self, n):
            return n

    shop = Shop()
    bound = shop.price
    with wrap(Shop.price, lambda func: lambda self, n: func(self, n) + 1):
        assert bound(1) == shop.price(1) == Shop().price(1) == 2
    assert bound(1) == 1


def test_empty_cells_travel():
    def old():
        return 1

    new = recell.rebind(factory("plain", ["a"], "N"), a=EMPTY)
    with swap(old, new):
        with pytest.raises(NameError):
            old()
        closure(old)["a"] = 5
        assert old(1) == ("N", 5, 1)
    assert old() == 1
    cell = make_cell(make_cell(7))
    with swap(old, recell.rebind(new, a=cell)):
        assert old(1)[1].cell_contents == 7


def test_repr_says_what_is_swapped_and_whether():
    def old():
        pass

    change = swap(old, factory("plain", [], "N"))
    assert repr(change) == f"<swap of {__name__}.{old.__qualname__}: {__name__}.outer.<locals>.func; active>"
    change.undo()
    assert repr(change).endswith("; not active>")


def test_a_swap_does_not_decorate():
    def old():
        pass

    change = swap(old, lambda: 1)
    with pytest.raises(TypeError, match="does not decorate"):
        change(old)
    change.undo()


def test_where_the_gil_is_off_and_threads_run_nothing_changes(monkeypatch):
    """Stores to a function race with its calls there: refused before anything changes; patch_closure works."""
    import threading

    def make(a=1):
        def old():
            return a

        return old

    old, before = make(), None
    before = snapshot(old)
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    go = threading.Event()
    thread = threading.Thread(target=go.wait)
    thread.start()
    try:
        for replacement in (factory("plain", ["a"], "N"), lambda: 1, len):
            with pytest.raises(recell.UnsupportedPythonError, match="GIL"):
                swap(old, replacement)
            assert_same(old, before)
        with recell.patch_closure(old, a=2):
            assert old() == 2
    finally:
        go.set()
        thread.join()
    with swap(old, lambda: 3):
        assert old() == 3


def test_without_ctypes_nothing_changes(monkeypatch):
    """Where closures cannot be exchanged: a typed error, and nothing has changed; equal closures need none."""
    from recell import installing

    old, new = factory("plain", ["a"], "O"), factory("plain", ["a", "b"], "N")
    before = snapshot(old)
    monkeypatch.setattr(installing, "_set_closure", None)
    monkeypatch.setitem(sys.modules, "ctypes", None)
    with pytest.raises(recell.UnsupportedPythonError, match="ctypes"):
        swap(old, new)
    assert_same(old, before)
    with swap(old, factory("plain", ["a"], "N")):
        assert old(1) == ("N", ("O", "a"), 1)
