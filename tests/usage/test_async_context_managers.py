"""asynccontextmanager: swapped for another one."""

import asyncio
import contextlib

import pytest

import recell
from usage.shop import store


def test_swapped():
    left = []

    @contextlib.asynccontextmanager
    async def fake():
        rows = []
        try:
            yield rows
        finally:
            left.append(rows)

    with recell.swap(store.connect_later, fake):
        assert asyncio.run(store.save_later("a")) == 1
    assert left == [["a"]]
    with pytest.raises(ConnectionError):
        asyncio.run(store.save_later("a"))


def test_decorator_of_a_test():
    @contextlib.asynccontextmanager
    async def fake():
        yield [1, 2, 3]

    @recell.swap(store.connect_later, fake)
    async def check():
        return await store.save_later("a")

    assert asyncio.run(check()) == 4
