"""lru_cache: no result of a fake stays behind, and no old result hides the fake."""

import pytest

import recell
from usage.shop import catalogue


@pytest.fixture(autouse=True)
def empty_cache():
    catalogue.price.cache_clear()
    yield
    catalogue.price.cache_clear()


def test_no_result_of_the_fake_stays():
    with recell.override(catalogue.price, fetch=lambda name: 5):
        assert catalogue.price("tea") == 5
    with pytest.raises(ConnectionError):
        catalogue.price("tea")


def test_no_result_of_before_hides_the_fake():
    with recell.override(catalogue.price, fetch=lambda name: 1):
        assert catalogue.price("tea") == 1
        with recell.override(catalogue.price, fetch=lambda name: 2):
            assert catalogue.price("tea") == 2
        assert catalogue.price("tea") == 1


def test_swapped():
    with recell.swap(catalogue.price, lambda name: len(name)):
        assert catalogue.price("tea") == 3
        assert catalogue.price("tea") == 3
        assert catalogue.price.cache_info().hits == 1
    with pytest.raises(ConnectionError):
        catalogue.price("tea")


def test_only_calls_that_were_no_hits_are_spied_upon():
    with recell.override(catalogue.price, fetch=lambda name: 5), recell.spy(catalogue.price) as seen:
        assert [catalogue.price("tea") for _ in range(3)] == [5, 5, 5]
        seen.mock.assert_called_once_with("tea")


def test_the_same_object():
    before = catalogue.price
    with recell.override(catalogue.price, fetch=len):
        assert catalogue.price is before and catalogue.price.cache_info().currsize == 0
