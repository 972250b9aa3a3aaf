"""`swap` for what is called through a trampoline: other kinds, other modules, no plain functions."""

from __future__ import annotations

import asyncio
import dis
import functools
import inspect
import types
from unittest import mock

import pytest
from snapshots import assert_same, snapshot
from swapped import KINDS, _awaited, _collected, factory

import recell
from recell import closure, swap


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
    with swap(old, new, cells="keep"):
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


@pytest.mark.parametrize("kind", KINDS)
def test_a_trampoline_stands_where_the_replacement_does(kind):
    """All of it on that one line, in tracebacks and under a debugger."""
    old, new = factory(kind, ["a"], "O"), factory(kind, ["b"], "N").__get__(1)
    with swap(old, new):
        code = old.__code__
        assert (code.co_filename, code.co_firstlineno) == ("<string>", new.__code__.co_firstlineno)
        assert {line for _, line in dis.findlinestarts(code)} - {None} == {code.co_firstlineno}


@pytest.mark.parametrize("name", ["plain", "class", "no name"])
def test_keyword_only_parameters_of_any_name(name):
    """Code may have been given names that no source has."""

    def old():
        return None

    def named(*, k):
        return k

    new = types.FunctionType(named.__code__.replace(co_varnames=(name,)), {})  # another module's
    with swap(old, new):
        assert old(**{name: 5}) == 5
        with pytest.raises(TypeError, match="argument"):
            old()


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
    with swap(old, new, cells="keep"):
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


def test_a_builtin_behind_a_trampoline_has_no_cells():
    """What is swapped over a function that passes on to one closes over nothing of the target's."""

    def old(x):
        return x

    new = factory("plain", ["x"], "N")
    before = snapshot(old)
    with swap(old, len):
        with swap(old, new):
            assert old(1) == new(1)
        assert old("abc") == 3
        with pytest.raises(recell.ScopeError):
            recell.override(old, LIMIT=1)
    assert_same(old, before)


def test_a_replacement_that_holds_the_target_in_a_partial():
    def old(x):
        return x

    def through(function, x):
        return function(x)

    with pytest.raises(recell.ScopeError, match="in a partial"):
        swap(old, functools.partial(through, old))
    with pytest.raises(TypeError, match="got 5"):
        recell.wrap(old, 5)


def test_a_signature_with_a_default_that_cannot_be_written():
    """It is shown as it is, and calls go through whatever they pass."""

    class Odd:
        def __repr__(self):
            return "<unrepresentable>"

    class Callable:
        def __call__(self, a, b=Odd()):
            return a, type(b).__name__

    def old(x):
        return x

    thing = Callable()
    with swap(old, thing):
        assert old(1) == (1, "Odd") and old(1, b=2) == (1, "int")
        assert inspect.signature(old) == inspect.signature(thing)
    assert old(1) == 1


def test_a_trampolines_code_is_called_as_the_target_and_stands_where_the_replacement_does():
    """What tracebacks and profilers show; a replacement without code stands where the target did."""
    here = test_a_trampolines_code_is_called_as_the_target_and_stands_where_the_replacement_does.__code__

    def old(x):
        return x

    module = types.ModuleType("elsewhere")
    exec(compile("\n\n\ndef other(x): return -x", "elsewhere.py", "exec"), vars(module))
    for replacement, place in (
        (module.other, ("elsewhere.py", 4)),
        (abs, (__file__, old.__code__.co_firstlineno)),
        (functools.partial(max, 3), (__file__, old.__code__.co_firstlineno)),
    ):
        with swap(old, replacement):
            code = old.__code__
            assert old(-2) == replacement(-2)
            assert code.co_name == "old" and (code.co_filename, code.co_firstlineno) == place
            if hasattr(here, "co_qualname"):
                assert code.co_qualname == f"{here.co_name}.<locals>.old"


@pytest.mark.skipif(not hasattr(inspect, "markcoroutinefunction"), reason="came with 3.12")
def test_what_is_marked_as_a_coroutine_function_is_awaited():
    """An object whose call gives something to await, and says so."""

    class Fetching:
        def __call__(self, x):
            return self.later(x)

        async def later(self, x):
            return x * 2

    async def old(x):
        return x

    with swap(old, inspect.markcoroutinefunction(Fetching())):
        assert asyncio.run(old(4)) == 8
    assert asyncio.run(old(4)) == 4


@pytest.mark.skipif(not hasattr(swap, "__builtins__"), reason="functions hold their builtins since 3.10")
def test_a_replacement_keeps_its_builtins_also_where_they_are_equal():
    """Equal now is not equal later: each function asks its own dict."""
    own = {"len": len}
    space = {"__builtins__": own}
    exec("def new(x): return len(x)", space)
    space["__builtins__"] = {"len": len}
    exec("def old(x): return len(x)", space)
    with swap(space["old"], space["new"]):
        own["len"] = lambda x: "own"
        assert space["old"]("abc") == "own"
    assert space["old"]("abc") == 3


def test_what_stays_behind_a_trampoline_is_overridden_again_and_again():
    """Also where nobody can undo the swap any more."""
    module = types.ModuleType("elsewhere")
    exec("LIMIT = 5\ndef f(x): return x, LIMIT", vars(module))

    def old(x):
        return x

    swap(old, module.f)
    change = recell.override(old, LIMIT=6)
    for _ in range(4):
        with change:
            assert old(1) == (1, 6) and module.f(1) == (1, 5)
        assert old(1) == (1, 5)

    def other(x):
        return x

    swap(other, len)
    assert dict(closure(other)) == {} or len(closure(other).names) == 1
