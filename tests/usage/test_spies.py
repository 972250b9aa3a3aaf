"""Spies: every call recorded, nothing changed."""

import inspect

import pytest

import recell
from usage.shop import gateway, payments


def test_calls_and_results(patcher):
    spy = patcher.spy(payments.total)
    assert payments.total([1, 2]) == 4
    assert payments.total([1, 2], fee=0) == 3
    assert spy.mock.call_count == 2
    spy.mock.assert_called_with([1, 2], fee=0)
    spy.mock.assert_any_call([1, 2])
    assert spy.returned == [4, 3] and spy.raised == []


def test_errors(patcher):
    spy = patcher.spy(gateway.charge)
    with pytest.raises(ConnectionError):
        payments.pay("4000", 1)
    spy.mock.assert_called_once_with("4000", 3)
    spy.mock.assert_called_once_with(card="4000", amount=3)
    assert [type(error) for error in spy.raised] == [ConnectionError] and spy.returned == []


def test_every_reference_is_seen():
    with recell.spy(gateway.charge) as spy:
        for call in (lambda: payments.charge("1", 1), lambda: gateway.charge("2", 2)):
            with pytest.raises(ConnectionError):
                call()
    assert [call[0][0] for call in spy.mock.call_args_list] == ["1", "2"]


def test_nothing_else_changes():
    signature = inspect.signature(payments.total)
    with recell.spy(payments.total):
        assert inspect.signature(payments.total) == signature
        with pytest.raises(TypeError):
            payments.total()


def test_misspelled_assertions():
    with recell.spy(payments.total) as spy:
        with pytest.raises(AttributeError):
            spy.mock.assert_called_onec()


def test_a_method(patcher):
    account = payments.Account("4000")
    patcher.override(payments.Account, charge=lambda card, amount: "paid")
    described = patcher.spy(account.describe)
    account.pay(3)
    described.mock.assert_called_once_with("paid")
    assert described.returned == ["paid in EUR"]


def test_c_functions():
    with pytest.raises(TypeError, match="C function len"):
        recell.spy(len)
