"""Spies on coroutines and generators: results as awaited, values as they come."""

import asyncio

import pytest

import recell
from usage.shop import gateway, jobs, payments


def test_a_coroutine_function(patcher):
    patcher.swap(gateway.charge_later, lambda card, amount: f"later {amount}")
    spy = patcher.spy(gateway.charge_later)
    assert asyncio.run(payments.pay_later("4000", 1)) == "later 3"
    spy.mock.assert_called_once_with("4000", 3)
    assert spy.returned == ["later 3"]


def test_one_that_raises():
    with recell.spy(jobs.ask) as spy, pytest.raises(ConnectionError):
        asyncio.run(jobs.poll("u"))
    spy.mock.assert_called_once_with("u")
    assert [type(error) for error in spy.raised] == [ConnectionError]


def test_a_generator():
    with recell.spy(jobs.batches) as spy:
        batches = jobs.batches("abcde")
        assert next(batches) == ["a", "b"]
        assert batches.send(1) == ["c"]
        assert list(batches) == [["d"], ["e"]]
    spy.mock.assert_called_once_with("abcde")
    assert spy.returned == [4]
    assert spy.yielded == [[["a", "b"], ["c"], ["d"], ["e"]]]


def test_an_asynchronous_generator():
    async def events(card):
        yield "paid"
        yield "sent"

    async def collected():
        return [event async for event in jobs.watch("4000")]

    with recell.swap(gateway.events, events), recell.spy(jobs.watch) as spy:
        assert asyncio.run(collected()) == ["PAID", "SENT"]
    spy.mock.assert_called_once_with("4000")
    assert spy.yielded == [["PAID", "SENT"]] and spy.raised == []
