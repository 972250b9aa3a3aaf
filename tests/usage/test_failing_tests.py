"""Tests that fail, changes that overlap, stacks of contexts: everything is undone."""

import contextlib

import pytest

import recell
from usage.shop import gateway, payments


def test_an_exit_stack():
    with contextlib.ExitStack() as stack:
        stack.enter_context(recell.override(payments.pay, LIMIT=1))
        stack.enter_context(recell.override(payments.pay, charge=lambda *args: "ok"))
        assert payments.pay("4000", 1) == "ok"
        with pytest.raises(ValueError):
            payments.pay("4000", 2)


def test_a_failing_function_with_a_decorator():
    @recell.override(payments.pay, LIMIT=1)
    def check():
        payments.pay("4000", 2)

    for _ in range(3):
        with pytest.raises(ValueError):
            check()


def test_a_refusal_changes_nothing():
    with pytest.raises(recell.ScopeError):
        recell.Patcher().override(payments.pay, LIMIT=1, LIMITS=2)
    with pytest.raises(TypeError):
        recell.swap(gateway.charge, 5)
    with pytest.raises(ConnectionError):
        payments.pay("4000", 999)


def test_out_of_order():
    first = recell.override(payments.pay, LIMIT=1).start()
    second = recell.override(payments.pay, charge=lambda *args: "ok").start()
    first.stop()
    assert payments.pay("4000", 999) == "ok"
    second.stop()


def test_what_is_in_force():
    with recell.override(payments.pay, LIMIT=1) as change:
        assert recell.active_changes(payments.pay) == [change]
        assert change in recell.active_changes()
    assert recell.active_changes(payments.pay) == []


@recell.override(payments.pay, LIMIT=1)
@recell.swap(gateway.charge, lambda card, amount: "ok")
def test_the_changes_of_a_decorated_test():
    override, swap = test_the_changes_of_a_decorated_test.recell_changes
    assert override["LIMIT"] == 1 and override.active
    assert swap.active
    with pytest.raises(ConnectionError):
        swap.original("4000", 1)
