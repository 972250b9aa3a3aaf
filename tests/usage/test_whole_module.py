"""A whole module: all functions defined in it, those of its classes too."""

import pytest

import recell
from usage.shop import catalogue, gateway, payments


def test_every_function_of_the_module():
    with recell.override(payments, charge=lambda card, amount: f"fake {amount}"):
        assert payments.pay("4000", 1) == "fake 3"
        assert payments.Account("4000").pay(1) == "fake 1"
        assert payments.Business("4000").pay(1) == "fake 1"
        with pytest.raises(ConnectionError):
            gateway.charge("4000", 1)  # another module
    with pytest.raises(ConnectionError):
        payments.pay("4000", 1)


def test_caches_within(patcher):
    patcher.override(catalogue, fetch=lambda name: 3)
    assert catalogue.price("tea") == 3 and catalogue.Catalogue([]).price("tea") == 3
    patcher.undo()
    with pytest.raises(ConnectionError):
        catalogue.price("tea")


def test_a_name_that_nobody_uses():
    with pytest.raises(recell.ScopeError, match="charge"):
        recell.override(payments, charges=None)


@recell.override(payments, LIMIT=1, FEE=0, charge=lambda card, amount: amount)
def test_decorated():
    assert payments.pay("4000", 1) == 1
    with pytest.raises(ValueError):
        payments.pay("4000", 2)
