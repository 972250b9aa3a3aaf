"""Methods that call super(): swapped for ones that do so, too."""

import pytest

import recell
from usage.shop.payments import Account, Business


class FakeBusiness(Account):
    def describe(self, receipt):
        return "fake: " + super().describe(receipt)


def test_a_method_with_super():
    with recell.swap(Business.describe, FakeBusiness.describe):
        assert Business("4000").describe("r") == "fake: r in EUR"
    assert Business("4000").describe("r") == "r in EUR, tax included"


def test_for_a_method_without(patcher):
    class Loud(Account):
        def pay(self, amount):
            return super().pay(amount).upper()

    class Quiet(Account):
        def pay(self, amount):
            return "quiet"

    patcher.override(Account, charge=lambda card, amount: "paid")
    patcher.swap(Quiet.pay, Loud.pay)
    assert Quiet("4000").pay(1) == "PAID"


def test_a_function_has_no_class():
    def describe(self, receipt):
        return receipt

    with pytest.raises(recell.ScopeError, match="super"):
        recell.swap(describe, FakeBusiness.describe)
    assert describe(None, "r") == "r"
