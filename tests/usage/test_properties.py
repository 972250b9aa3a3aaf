"""Properties: the accessor is the function."""

import pytest

import recell
from usage.shop import payments
from usage.shop.payments import Account


def test_a_name_in_the_getter():
    class Gateway:
        @staticmethod
        def balance(card):
            return 7

    with recell.override(Account.balance.fget, gateway=Gateway):
        assert Account("4000").balance == 7


def test_swapped():
    with recell.swap(Account.balance.fget, lambda self: 99):
        assert Account("4000").balance == 99
    with pytest.raises(AttributeError):
        Account("4000").balance


def test_the_class():
    class Gateway:
        balance = staticmethod(lambda card: 1)
        lookup = staticmethod(lambda name: name * 2)

    with recell.override(Account, gateway=Gateway):
        assert Account("4000").balance == 1 and Account.of("ab").card == "abab"


def test_the_property_itself_is_ambiguous():
    with pytest.raises(TypeError, match=r"\.fget"):
        recell.swap(vars(payments.Account)["balance"], lambda self: 1)
