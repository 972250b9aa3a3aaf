"""unittest: one Patcher for everything, undone in tearDown."""

import unittest
from unittest import mock

from recell import Patcher
from usage.shop import decorated, gateway, payments


class TestWithPatcher(unittest.TestCase):
    def setUp(self):
        self.patcher = Patcher()
        self.spy = self.patcher.spy(payments.pay)
        self.patcher.swap(gateway.charge, lambda card, amount: f"fake {amount}")
        self.patcher.setattr(payments.Account, "currency", "SEK")
        self.patcher.setitem(decorated.HANDLERS, "paid", lambda receipt: receipt)
        self.letters = self.patcher.enter_context(
            mock.patch.object(payments.Account, "describe", autospec=True)
        )

    def tearDown(self):
        self.patcher.undo()

    def test_all_of_them(self):
        self.assertEqual(payments.pay("4000", 1), "fake 3")
        self.spy.mock.assert_called_once_with("4000", 1)
        self.assertEqual(payments.Account.currency, "SEK")
        self.assertEqual(decorated.emit("paid", "r"), "r")
        payments.Account("4000").pay(5)
        self.assertEqual(self.letters.call_args[0][1], "fake 5")

    def test_a_patcher_can_be_used_again(self):
        self.patcher.undo()
        self.assertEqual(payments.Account.currency, "EUR")
        self.patcher.setattr(payments.Account, "currency", "NOK")
        self.assertEqual(payments.Account("4000").describe("r"), "r in NOK")
