"""pytest-mock beside `patcher`: its mocks as values, its stubs as replacements, both undone."""

import pytest

from usage.shop import gateway, payments

pytest.importorskip("pytest_mock")


def test_a_stub(patcher, mocker):
    stub = mocker.stub(name="charge")
    patcher.override(payments.pay, charge=stub)
    payments.pay("4000", 1)
    stub.assert_called_once_with("4000", 3)


def test_both(patcher, mocker):
    mocker.patch("usage.shop.payments.charge", return_value="patched")
    assert payments.pay("4000", 1) == "patched"
    spy = patcher.spy(payments.pay)
    payments.pay("4000", 1)
    spy.mock.assert_called_once_with("4000", 1)


def test_neither_is_left():
    with pytest.raises(ConnectionError):
        payments.pay("4000", 1)
    assert payments.charge is gateway.charge
