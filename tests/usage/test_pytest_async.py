"""pytest: coroutines, decorated and inside; tasks of one loop see the same change."""

import asyncio
import inspect

import recell
from usage.shop import gateway, jobs, payments


def test_a_decorated_coroutine_function():
    async def charge(card, amount):
        return amount

    @recell.swap(gateway.charge_later, charge)
    async def check():
        return await payments.pay_later("4000", 1)

    assert inspect.iscoroutinefunction(check)
    assert asyncio.run(check()) == 3


def test_a_plain_replacement_of_a_coroutine_function():
    with recell.swap(gateway.charge_later, lambda card, amount: amount):
        assert inspect.iscoroutinefunction(gateway.charge_later)
        assert asyncio.run(payments.pay_later("4000", 1)) == 3


def test_tasks():
    async def nothing(seconds):
        return None

    answers = {"a": ["waiting", "done"], "b": ["done"], "c": ["waiting", "waiting", "done"]}
    with recell.override(jobs.poll, {"asyncio.sleep": nothing}, ask=None) as change:
        assert change["ask"] is None

    async def ask(url):
        return answers[url].pop(0)

    with recell.override(jobs.poll, {"asyncio.sleep": nothing}, ask=ask):
        assert asyncio.run(jobs.everything("a", "b", "c")) == ["done"] * 3
    assert not any(answers.values())


def test_an_asynchronous_generator():
    async def events(card):
        for event in ("paid", "sent"):
            yield event

    async def collected():
        return [event async for event in jobs.watch("4000")]

    with recell.swap(gateway.events, events):
        assert asyncio.run(collected()) == ["PAID", "SENT"]
