"""Together with unittest.mock: mocks as values, DEFAULT, mock.patch beside it."""

from unittest import mock
from unittest.mock import DEFAULT, Mock, call

import pytest

import recell
from usage.shop import gateway, payments


def test_a_mock_as_value():
    charge = Mock(return_value="receipt")
    with recell.override(payments.pay, charge=charge):
        assert payments.pay("4000", 1) == "receipt"
    assert charge.mock_calls == [call("4000", 3)]


def test_side_effects():
    charge = Mock(side_effect=[TimeoutError, "receipt"])
    with recell.override(payments.pay, {"time.sleep": Mock()}, charge=charge) as fakes:
        assert payments.pay("4000", 1) == "receipt"
        fakes["time.sleep"].assert_called_once_with(1)


def test_a_mock_with_the_signature():
    with recell.override(payments.pay, charge=DEFAULT) as fakes:
        fakes["charge"].return_value = "receipt"
        assert payments.pay("4000", 1) == "receipt"
        fakes["charge"].assert_called_once_with("4000", amount=3)
        with pytest.raises(TypeError):
            fakes["charge"]("4000")


def test_swapped_for_a_mock():
    loose = Mock(return_value=1)
    with recell.swap(gateway.charge, loose):
        assert gateway.charge("any", "number", of="arguments") == 1
    with recell.swap(gateway.charge, DEFAULT) as change:
        change.replacement.return_value = 2
        assert payments.pay("4000", 1) == 2
        change.replacement.assert_called_once_with("4000", 3)
        with pytest.raises(TypeError):
            gateway.charge("any", "number", of="arguments")


def test_beside_mock_patch():
    with mock.patch("usage.shop.payments.charge", return_value="patched"):
        assert payments.pay("4000", 1) == "patched"
        with recell.override(payments.pay, charge=lambda *args: "overridden"):
            assert payments.pay("4000", 1) == "overridden"
            assert payments.charge("4000", 1) == "patched"
        assert payments.pay("4000", 1) == "patched"


@mock.patch("usage.shop.payments.charge")
@recell.override(payments.pay, FEE=0)
def test_decorators_of_both(charge):
    payments.pay("4000", 1)
    charge.assert_called_once_with("4000", 1)


def test_the_order_of_calls():
    with recell.spy(gateway.charge) as charge, recell.spy(payments.pay) as pay:
        manager = Mock()
        manager.attach_mock(pay.mock, "pay")
        manager.attach_mock(charge.mock, "charge")
        with pytest.raises(ConnectionError):
            payments.pay("4000", 1)
    assert manager.mock_calls == [call.pay("4000", 1), call.charge("4000", 3)]
