"""unittest: a change for all tests of a class."""

import unittest

import recell
from usage.shop import payments


class TestTotals(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.change = recell.patch_defaults(payments.total, fee=100)
        cls.change.start()

    @classmethod
    def tearDownClass(cls):
        cls.change.stop()

    def test_the_fee(self):
        self.assertEqual(payments.total([1, 2]), 103)

    def test_an_argument_goes_first(self):
        self.assertEqual(payments.total([1, 2], fee=0), 3)


class TestAfterwards(unittest.TestCase):
    def test_the_default_is_back(self):
        self.assertEqual(payments.total([1, 2]), 4)
        self.assertFalse(TestTotals.change.active)
