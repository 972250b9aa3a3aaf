"""Generator functions, swapped for generators and for plain functions."""

import pytest

import recell
from usage.shop import gateway, jobs


def test_a_generator():
    def rates():
        yield "EUR", 1.0
        yield "SEK", 11.2

    with recell.swap(gateway.rates, rates):
        assert jobs.best_rate() == 11.2


def test_a_plain_function():
    with recell.swap(gateway.rates, lambda: [("EUR", 1.0), ("NOK", 11.7)]):
        assert jobs.best_rate() == 11.7
    with pytest.raises(ConnectionError):
        jobs.best_rate()


def test_one_under_way_goes_on():
    batches = jobs.batches("abcd")
    assert next(batches) == ["a", "b"]
    with recell.swap(jobs.batches, lambda rows, size=2: iter(())) as change:
        assert [generator.gi_frame is not None for generator in change.running] == [True]
        assert list(jobs.batches("abcd")) == []
        assert next(batches) == ["c", "d"]


@recell.override(jobs.best_rate, max=min)
@recell.swap(gateway.rates, lambda: [("EUR", 1.0), ("NOK", 11.7)])
def test_decorated():
    assert jobs.best_rate() == 1.0
