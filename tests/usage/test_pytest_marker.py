"""pytest: the marker on functions, classes, parameters and the module."""

import pytest

from usage.shop import payments
from usage.shop.clock import stamp

pytestmark = pytest.mark.recell(payments.pay, charge=lambda card, amount: f"fake {amount}")


@pytest.fixture
def receipt():
    return payments.pay("4000", 1)


def test_the_module():
    assert payments.pay("4000", 1) == "fake 3"


def test_fixtures_see_it(receipt):
    assert receipt == "fake 3"


@pytest.mark.recell("usage.shop.payments.pay", LIMIT=1)
def test_by_name():
    with pytest.raises(ValueError, match="2 is more than 1"):
        payments.pay("4000", 2)


@pytest.mark.recell(payments.pay, FEE=0)
class TestClass:
    def test_both(self):
        assert payments.pay("4000", 1) == "fake 1"

    @pytest.mark.recell(payments.pay, FEE=10)
    def test_the_nearest_counts(self):
        assert payments.pay("4000", 1) == "fake 11"


@pytest.mark.parametrize(
    "expected",
    [
        pytest.param(0, marks=pytest.mark.recell(stamp, {"time.time": lambda: 0.4})),
        pytest.param(7, marks=pytest.mark.recell(stamp, {"time.time": lambda: 6.8})),
    ],
)
def test_a_parameter(expected):
    assert stamp() == expected
