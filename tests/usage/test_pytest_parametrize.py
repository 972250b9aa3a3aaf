"""pytest: decorated tests keep their signature, so that parameters and fixtures arrive."""

import pytest

import recell
from usage.shop import payments


@pytest.mark.parametrize(("amount", "expected"), [(1, 3), (10, 12)])
@recell.override(payments.pay, charge=lambda card, amount: amount)
def test_decorated_below(amount, expected, tmp_path):
    assert payments.pay("4000", amount) == expected and tmp_path.exists()


@recell.override(payments.pay, charge=lambda card, amount: amount)
@pytest.mark.parametrize("amount", [1, 2])
def test_decorated_above(amount):
    assert payments.pay("4000", amount) == amount + 2


@pytest.mark.parametrize("limit", [0, 5, 500])
@pytest.mark.parametrize("beyond", [1, 2])
def test_changes_from_parameters(patcher, limit, beyond):
    patcher.override(payments.pay, LIMIT=limit, charge=lambda *args: "ok")
    assert payments.pay("4000", limit) == "ok"
    with pytest.raises(ValueError):
        payments.pay("4000", limit + beyond)


@recell.override(payments.pay, charge=lambda card, amount: amount)
class TestClass:
    @pytest.mark.parametrize("amount", [1, 2])
    def test_method(self, amount):
        assert payments.pay("4000", amount) == amount + 2
