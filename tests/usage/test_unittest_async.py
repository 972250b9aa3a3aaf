"""unittest: asynchronous tests, decorated and with `with`."""

import unittest

import recell
from usage.shop import gateway, jobs, payments


async def fake_charge(card, amount):
    return f"later {amount}"


class TestLater(unittest.IsolatedAsyncioTestCase):
    @recell.swap(gateway.charge_later, fake_charge)
    async def test_decorated(self):
        self.assertEqual(await payments.pay_later("4000", 1), "later 3")

    async def test_with(self):
        async def ask(url):
            return "done"

        with recell.override(jobs.poll, ask=ask):
            self.assertEqual(await jobs.poll("u"), "done")

    async def asyncSetUp(self):
        change = recell.override(jobs.poll, {"asyncio.sleep": self.no_sleep})
        change.start()
        self.addCleanup(change.stop)
        self.slept = []

    async def no_sleep(self, seconds):
        self.slept.append(seconds)

    async def test_from_the_set_up(self):
        states = iter(["waiting", "waiting", "done"])

        async def ask(url):
            return next(states)

        with recell.swap(jobs.ask, ask):
            self.assertEqual(await jobs.poll("u", every=5), "done")
        self.assertEqual(self.slept, [5, 5])
