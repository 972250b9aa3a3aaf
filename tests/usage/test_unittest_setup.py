"""unittest: a change is started in setUp, and addCleanup stops it."""

import unittest

import recell
from usage.shop import payments


class TestPay(unittest.TestCase):
    def setUp(self):
        self.asked = []
        change = recell.override(payments.pay, charge=self.charge)
        change.start()
        self.addCleanup(change.stop)

    def charge(self, card, amount):
        self.asked.append((card, amount))
        return "receipt"

    def test_the_fee_is_added(self):
        self.assertEqual(payments.pay("4000", 10), "receipt")
        self.assertEqual(self.asked, [("4000", 12)])

    def test_the_limit(self):
        with self.assertRaisesRegex(ValueError, "more than 1000"):
            payments.pay("4000", 1_001)
        self.assertEqual(self.asked, [])

    def test_others_still_see_the_gateway(self):
        with self.assertRaises(ConnectionError):
            payments.Account("4000").pay(1)
