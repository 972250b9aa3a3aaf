"""unittest: decorators on a method and on a whole class inject nothing and leave nothing."""

import unittest

import recell
from usage.shop import payments


@recell.override(payments.pay, charge=lambda card, amount: amount, LIMIT=5)
class TestAllMethods(unittest.TestCase):
    def test_within_the_limit(self):
        self.assertEqual(payments.pay("4000", 5), 7)

    def test_beyond_the_limit(self):
        with self.assertRaises(ValueError):
            payments.pay("4000", 6)

    @recell.override(payments.pay, LIMIT=7)
    def test_the_inner_one_counts(self):
        self.assertEqual(payments.pay("4000", 7), 9)

    def helper(self):
        return payments.pay("4000", 1)


class TestOneMethod(unittest.TestCase):
    @recell.swap(payments.Account.describe, lambda self, receipt: "described")
    def test_swapped(self):
        self.assertEqual(payments.Account("4000").describe("r"), "described")

    def test_not_swapped(self):
        self.assertEqual(payments.Account("4000").describe("r"), "r in EUR")

    def test_helpers_are_not_decorated(self):
        with self.assertRaises(ConnectionError):
            TestAllMethods("helper").helper()
