"""`spy`: every call recorded, in the order of the calls, and nothing changed."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import threading
import weakref
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from snapshots import assert_same, snapshot

import recell
from recell import Spy, override, spy, swap


def divide(a, b=2, *, up=False):
    return (a + up * (b - 1)) // b


CALLS = st.lists(
    st.tuples(
        st.lists(st.integers(-3, 3), min_size=0, max_size=3),
        st.dictionaries(st.sampled_from(["a", "b", "up", "c"]), st.integers(-3, 3), max_size=3),
    ),
    max_size=8,
)


def outcomes(func, calls):
    """What calls give: values and errors, in order."""
    found = []
    for args, kwargs in calls:
        try:
            found.append(func(*args, **kwargs))
        except Exception as error:
            found.append((type(error), str(error)))
    return found


@given(CALLS, st.booleans())
def test_what_calls_give_is_what_they_gave(calls, asked_before):
    """Values and errors (those of wrong arguments too) are the same; all of them are recorded."""
    plain = outcomes(divide, calls)
    before = snapshot(divide)
    with spy(divide) as seen:
        if asked_before:
            assert not seen.mock.called
        assert outcomes(divide, calls) == plain
    assert_same(divide, before)
    assert [call for call in seen.mock.call_args_list] == [
        mock.call(*args, **kwargs) for args, kwargs in calls
    ]
    assert seen.returned == [value for value in plain if not isinstance(value, tuple)]
    assert [(type(error), str(error)) for error in seen.raised] == [
        value for value in plain if isinstance(value, tuple)
    ]


def test_in_the_order_of_the_calls():
    """A recursive call begins later than the one that makes it, and ends earlier."""

    def down(n):
        return n if not n else [n, down(n - 1)]

    with spy(down) as seen:
        down(2)
    assert [args[0][0] for args in seen.mock.call_args_list] == [2, 1, 0]
    assert seen.returned == [[2, [1, 0]], [1, 0], 0]


def test_a_call_under_way_has_no_outcome():
    """It is in the mock, but neither in `returned` nor in `raised`."""

    def asks():
        return seen.mock.call_count, seen.returned, seen.raised

    with spy(asks) as seen:
        assert asks() == (1, [], [])
    assert seen.returned == [(1, [], [])]


async def wait(seconds, then=None):
    await asyncio.sleep(0)
    if then is not None:
        raise then
    return seconds


def test_coroutines_that_overlap():
    """Each has its own result, in the order in which they began."""

    async def main():
        return await asyncio.gather(wait(3), wait(1, KeyError("gone")), wait(2), return_exceptions=True)

    with spy(wait) as seen:
        assert inspect.iscoroutinefunction(wait)
        first, _, last = asyncio.run(main())
    assert (first, last) == (3, 2)
    assert seen.returned == [3, 2] and [str(error) for error in seen.raised] == ["'gone'"]
    assert seen.mock.await_count == 3
    seen.mock.assert_any_await(2)


def test_what_a_generator_is_sent_and_thrown_reaches_it():
    """`send`, `throw`, `close` and the returned value pass through."""

    def echo():
        got = None
        while got != "end":
            try:
                got = yield got
            except LookupError as error:
                got = repr(error)
        return "ended"

    with spy(echo) as seen:
        steps = echo()
        assert inspect.isgeneratorfunction(echo)
        assert next(steps) is None and steps.send(1) == 1
        assert steps.throw(KeyError("x")) == "KeyError('x')"
        with pytest.raises(StopIteration) as end:
            steps.send("end")
        assert end.value.value == "ended"
        again = echo()
        next(again)
        again.close()
        thrown = echo()
        next(thrown)
        with pytest.raises(ValueError):
            thrown.throw(ValueError("y"))
    assert seen.yielded == [[None, 1, "KeyError('x')"], [None], [None]]
    assert seen.returned == ["ended"] and [str(error) for error in seen.raised][-1] == "y"


def test_an_asynchronous_generator():
    """As a generator, step by step."""

    async def echo():
        got = None
        while got != "end":
            try:
                got = yield got
            except LookupError as error:
                got = repr(error)

    async def main():
        steps = echo()
        found = [await steps.__anext__(), await steps.asend(1), await steps.athrow(KeyError("x"))]
        with pytest.raises(StopAsyncIteration):
            await steps.asend("end")
        again = echo()
        await again.__anext__()
        await again.aclose()
        return found

    with spy(echo) as seen:
        assert asyncio.run(main()) == [None, 1, "KeyError('x')"]
    assert seen.yielded == [[None, 1, "KeyError('x')"], [None]] and seen.returned == [None]


class Base:
    def method(self, n):
        return type(self).__name__, n

    @classmethod
    def made(cls, n):
        return cls.__name__, n

    @staticmethod
    def helper(n):
        return n

    @property
    def size(self):
        return 7


class Derived(Base):
    pass


def test_bound_methods_are_recorded_as_they_are_called():
    """All instances are seen; what comes before the written arguments is left out, given as a function it is not."""
    one, other = Base(), Derived()
    with spy(one.method) as bound, spy(Base.method) as function:
        assert (one.method(1), other.method(n=2)) == (("Base", 1), ("Derived", 2))
    assert bound.mock.call_args_list == [mock.call(1), mock.call(n=2)]
    assert function.mock.call_args_list == [mock.call(one, 1), mock.call(other, n=2)]
    for target in (Base.made, vars(Base)["made"], Derived.made):
        with spy(target) as seen:
            assert Derived.made(3) == ("Derived", 3)
        seen.mock.assert_called_once_with(n=3)
    for target in (Base.helper, vars(Base)["helper"]):
        with spy(target) as seen:
            assert one.helper(4) == 4
        seen.mock.assert_called_once_with(4)
    with spy(Base.size.fget) as seen:
        assert other.size == 7
    seen.mock.assert_called_once_with(other)


def test_the_mock_is_strict():
    """Its signature is the function's, without evaluating annotations; what it has not is an AttributeError."""

    def func(a: undefined, /, b: undefined = 2, *rest, c) -> undefined: ...  # noqa: F821

    func.__annotations__.clear()
    with spy(func) as seen:
        func(1, 2, 3, c=4)
        func(1, c=4)
    seen.mock.assert_any_call(1, 2, 3, c=4)
    seen.mock.assert_any_call(1, c=4)
    for name in ("assert_called_onec", "asert_called_with", "anything"):
        with pytest.raises(AttributeError):
            getattr(seen.mock, name)
    with pytest.raises(AssertionError, match="func"):
        seen.mock.assert_called_once_with(1)


def test_signature_and_metadata_stay():
    """A spy shows what the function shows."""

    @functools.lru_cache(None)
    def cached(n): ...

    @mock.patch.object(Base, "size", 1)
    def documented(a, *, b: int = 3) -> str:
        """Its text."""

    documented = documented.__wrapped__
    documented.mark = 1
    before = inspect.signature(documented), documented.__doc__, documented.__name__, documented.__qualname__
    with spy(documented):
        now = inspect.signature(documented), documented.__doc__, documented.__name__, documented.__qualname__
        assert now == before and documented.mark == 1 and documented.__module__ == __name__


def test_over_and_under_other_changes():
    """A spy sees the calls that reach its place, whatever lies beneath; layers leave in any order."""
    bottom, top = spy(divide), None
    with swap(divide, lambda a, b=2, *, up=False: "swapped"):
        top = spy(divide)
        assert divide(4) == "swapped"
    assert divide(4) == 2
    bottom.undo()
    assert divide(8) == 4
    top.undo()
    assert top.returned == ["swapped", 2, 4] and bottom.returned == [2]
    with override(net_of, RATE=10), spy(net_of) as seen:
        assert net_of(2) == 20
    with spy(net_of) as again, override(again.original, RATE=100):
        assert net_of(2) == 200
    assert seen.returned == [20] and again.returned == [200]


RATE = 3


def net_of(n):
    return n * RATE


def test_many_threads():
    """No call is lost, whenever the mock is asked for."""

    def work(n):
        return n

    with spy(work) as seen:
        threads = [threading.Thread(target=lambda: [work(n) for n in range(50)]) for _ in range(8)]
        for thread in threads:
            thread.start()
        seen.mock.called
        for thread in threads:
            thread.join()
    assert seen.mock.call_count == 400 and sorted(seen.returned) == sorted([*range(50)] * 8)


def test_it_is_a_change():
    """Active at once, undone once, usable as a decorator, not to be copied."""
    seen = spy(divide)
    assert isinstance(seen, (Spy, recell.Change)) and seen.active and "spy of" in repr(seen)
    seen.undo()
    with pytest.raises(recell.ChangeError):
        seen.undo()
    divide(4)
    assert not seen.mock.called

    @spy(divide)
    def test():
        return divide(6)

    assert test() == 3 and divide(8) == 4
    (change,) = test.recell_changes
    assert change.returned == [3]
    assert test() == 3
    assert change.returned == [3]  # each time anew


def test_reset_mock_is_the_mocks_own():
    """Calls after it are counted from zero."""
    with spy(divide) as seen:
        divide(4)
        seen.mock.reset_mock()
        divide(6)
    seen.mock.assert_called_once_with(6)
    assert seen.returned == [2, 3]


def test_nothing_is_kept_alive():
    """Once undone and dropped, a spy and what it recorded are gone."""

    class Thing:
        pass

    def take(thing): ...

    seen, thing = spy(take), Thing()
    take(thing)
    gone = weakref.ref(thing)
    seen.mock.assert_called_once_with(thing)
    seen.undo()
    del seen, thing
    gc.collect()
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("target", [len, int, mock.Mock(), "divide", None, Base.size])
def test_what_is_no_function(target):
    """A TypeError says what it is, and nothing has changed."""
    with pytest.raises(TypeError, match="spy needs a Python function"):
        spy(target)
