"""lru_cache and cached_property in a class: the whole class at once, and one of them."""

import pytest

import recell
from usage.shop.catalogue import Catalogue


def test_the_class(patcher):
    patcher.override(Catalogue, fetch=lambda name: len(name))
    shop = Catalogue(["tea", "coffee"])
    assert shop.price("coffee") == 6
    assert shop.prices == {"tea": 3, "coffee": 6}
    assert shop.find("tea") == 3


def test_nothing_cached_of_it():
    shop = Catalogue(["tea"])
    with recell.override(Catalogue, fetch=lambda name: 1):
        assert shop.price("tea") == 1
    with pytest.raises(ConnectionError):
        shop.price("tea")


def test_one_method():
    shop = Catalogue(["tea"])
    with recell.override(Catalogue.price, fetch=lambda name: 1):
        assert shop.price("tea") == 1
        with pytest.raises(ConnectionError):
            shop.find("tea")
    with pytest.raises(ConnectionError):
        shop.price("tea")


def test_a_cached_property():
    with recell.override(vars(Catalogue)["prices"], fetch=lambda name: 1):
        assert Catalogue(["tea"]).prices == {"tea": 1}
    with pytest.raises(ConnectionError):
        Catalogue(["tea"]).prices
