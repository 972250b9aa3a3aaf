"""`wrap`: decorated in place, whoever holds the function."""

from __future__ import annotations

import asyncio
import functools
import inspect

from snapshots import assert_same, snapshot
from swapped import result_of

from recell import wrap


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
