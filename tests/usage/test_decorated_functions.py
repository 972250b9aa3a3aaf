"""Functions that one decorator or factory has made."""

import pytest

import recell
from usage.shop import decorated


@pytest.fixture(autouse=True)
def no_calls():
    decorated.CALLS.clear()


def test_two_functions_of_one_decorator():
    with recell.swap(decorated.pay, decorated.pay_nothing):
        assert decorated.pay() == "nothing" and decorated.CALLS == ["pay_nothing"]
    assert decorated.pay() == "REAL money"


def test_two_functions_of_two_decorators():
    def audited(func):
        def inner(*args):
            return "audited " + func(*args)

        return inner

    @audited
    def fake():
        return "fake"

    with recell.swap(decorated.pay, fake):
        assert decorated.pay() == "audited fake" and decorated.CALLS == []


def test_the_function_inside_keeps_its_decorator():
    with recell.swap(decorated.pay.__wrapped__, lambda: "fake"):
        assert decorated.pay() == "fake"
    assert decorated.CALLS == ["pay"]


def test_with_the_old_state():
    advance, current = decorated.counter(10)
    faster, _ = decorated.counter(0, 100)
    with recell.swap(advance, faster, cells=["count"]):
        assert advance() == 110 and current() == 110
    with recell.swap(advance, faster, cells="keep"):
        assert advance() == 111 and current() == 111
    with recell.swap(advance, faster):
        assert advance() == 100 and current() == 111


def test_registered_handlers():
    with recell.swap(decorated.on_paid, lambda receipt: receipt):
        assert decorated.emit("paid", "r") == "r"
    assert decorated.emit("paid", "r").startswith("a real letter")
