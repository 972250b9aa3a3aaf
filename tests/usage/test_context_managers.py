"""contextmanager: both functions come from one decorator, and yet the fake one runs."""

import contextlib

import pytest

import recell
from usage.shop import store


@contextlib.contextmanager
def fake_connect(url="db://fake"):
    yield ROWS


ROWS: list = []


@pytest.fixture(autouse=True)
def empty():
    ROWS.clear()


def test_swapped():
    with recell.swap(store.connect, fake_connect):
        assert store.save("a", "b") == 2
        with store.connect("db://anything") as connection:
            assert connection is ROWS
    assert ROWS == ["a", "b"]
    with pytest.raises(ConnectionError):
        store.save("c")


def test_the_undecorated_function_inside():
    def connect(url="db://fake"):
        yield ROWS

    with recell.swap(store.connect.__wrapped__, connect):
        assert store.save("a") == 1


def test_a_name_in_the_undecorated_function(patcher):
    patcher.swap(store.connect, fake_connect)
    patcher.override(store.transaction.__wrapped__, list=lambda connection: ["before"])
    with pytest.raises(KeyError):
        with store.connect() as connection, store.transaction(connection):
            raise KeyError
    assert ROWS == ["before"]


def test_null_context():
    with recell.swap(store.connect, lambda url="": contextlib.nullcontext(ROWS)):
        assert store.save("a") == 1
