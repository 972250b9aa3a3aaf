"""singledispatch and singledispatchmethod: one implementation, found by its registration."""

import pytest

import recell
from usage.shop import catalogue
from usage.shop.catalogue import Catalogue, Item, cost


def test_one_implementation(patcher):
    patcher.override(cost.dispatch(Item), price=lambda name: 2)
    assert cost(Item("tea", 3)) == 6
    with pytest.raises(ConnectionError):
        cost("tea")


def test_swapped_where_it_is_registered():
    with recell.swap(cost.dispatch(str), lambda thing: 1):
        assert cost("tea") == 1
    with recell.swap(catalogue.cost_of_item, lambda thing: thing.count):
        assert cost(Item("tea", 3)) == 3


def test_the_fallback():
    with recell.swap(cost.dispatch(object), lambda thing: 0):
        assert cost(3.5) == 0
    with pytest.raises(TypeError):
        cost(3.5)


def test_a_method(patcher):
    patcher.override(Catalogue._by_name, fetch=lambda name: 4)
    assert Catalogue([]).find("tea") == 4
    with pytest.raises(TypeError):
        Catalogue([]).find(3)
