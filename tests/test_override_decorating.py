"""`override` as a decorator, with start and undo, and in what outlives it."""

from __future__ import annotations

import asyncio
import inspect

import pytest
from overridden import body, everything
from snapshots import assert_same, snapshot

import recell
from recell import override

LIMIT = 10


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
    assert repr(change) == "<override of overridden.everything: LIMIT; not active>"
    with pytest.raises(recell.ChangeError, match="never entered"):
        change.undo()
    assert change.start() is change and change.active
    assert repr(change) == "<override of overridden.everything: LIMIT; active>"
    change.undo()
    assert not change.active


def test_what_is_thrown_into_a_decorated_async_generator():
    """It reaches the generator, which may go on, within the override."""

    @override(everything, LIMIT=1)
    async def numbers():
        try:
            yield everything(0)[0]
        except KeyError:
            yield "caught", everything(0)[0]

    stream = numbers()
    steps = []
    for step in (stream.__anext__(), stream.athrow(KeyError("thrown in")), stream.aclose()):
        try:
            step.send(None)
        except StopIteration as stop:
            steps.append(stop.value)
    assert steps == [1, ("caught", 1), None] and everything(0)[0] == 10
