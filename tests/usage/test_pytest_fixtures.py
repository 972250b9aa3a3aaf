"""pytest: fixtures of one's own on `patcher`, also autouse."""

import pytest

import recell
from usage.shop import gateway, payments


@pytest.fixture(autouse=True)
def no_network(patcher):
    """No test of this module reaches the gateway."""
    return patcher.swap(gateway.charge, lambda card, amount: f"fake {amount}")


@pytest.fixture
def charged(patcher):
    return patcher.spy(gateway.charge)


@pytest.fixture
def strict():
    with recell.override(payments.pay, LIMIT=1) as change:
        yield change


def test_faked_for_all():
    assert payments.pay("4000", 8) == "fake 10"
    assert payments.Account("4000").pay(8) == "fake 8"


def test_spied_upon_what_is_faked(charged):
    payments.pay("4000", 8)
    charged.mock.assert_called_once_with("4000", 10)
    assert charged.returned == ["fake 10"]


def test_several(strict, charged):
    with pytest.raises(ValueError):
        payments.pay("4000", 2)
    assert not charged.mock.called and strict["LIMIT"] == 1


@pytest.mark.usefixtures("strict")
class TestStrict:
    def test_it(self):
        with pytest.raises(ValueError):
            payments.pay("4000", 2)


def test_the_original_is_at_hand(no_network):
    with pytest.raises(ConnectionError):
        no_network.original("4000", 1)
