"""dataclasses: what `__init__` calls, default factories, frozen ones."""

import pytest

import recell
from usage.shop import models
from usage.shop.models import Order, Receipt


@pytest.fixture(autouse=True)
def tax(patcher):
    patcher.override(Order.__post_init__, tax_rate=lambda: 0.5)


def test_after_init():
    assert Order("Ada", 10).gross == 15


def test_a_default_factory(patcher):
    ids = iter(range(100))
    patcher.swap(models.new_id, lambda: f"order {next(ids)}")
    assert [Order("Ada", 1).id, Order("Ada", 1).id] == ["order 0", "order 1"]


def test_a_name_in_the_default_factory():
    class Fixed:
        hex = "0" * 32

    with recell.override(models.new_id, {"uuid.uuid4": Fixed}):
        assert Order("Ada", 1).id == Fixed.hex
    assert Order("Ada", 1).id != Fixed.hex


def test_a_method_and_equality(patcher):
    patcher.swap(Order.label, lambda self: "labelled")
    assert Order("Ada", 1).label() == "labelled"
    assert Order("Ada", 1, id="1") == Order("Ada", 1, id="1")


def test_a_default_argument_of_a_frozen_one():
    with recell.patch_defaults(Receipt.shown, mark="no. "):
        assert Receipt("7").shown() == "no. 7"
    assert Receipt("7").shown() == "#7"
