"""pytest: changes for a class, a module, the session."""

import pytest

from usage.shop import gateway, payments


@pytest.fixture(scope="module", autouse=True)
def for_the_module(module_patcher):
    module_patcher.swap(gateway.refund, lambda receipt, *, reason="": f"fake {receipt}")


@pytest.fixture(scope="class")
def for_the_class(class_patcher):
    return class_patcher.override(payments.pay, charge=lambda *args: "class")


def test_first():
    assert gateway.refund("r") == "fake r"


@pytest.mark.usefixtures("for_the_class")
class TestClass:
    def test_one(self):
        assert payments.pay("4000", 1) == "class"

    def test_two(self, patcher):
        patcher.override(payments.pay, charge=lambda *args: "test")
        assert payments.pay("4000", 1) == "test"

    def test_three(self):
        assert payments.pay("4000", 1) == "class" and gateway.refund("r") == "fake r"


def test_last():
    assert gateway.refund("r") == "fake r"
    with pytest.raises(ConnectionError):
        payments.pay("4000", 1)
