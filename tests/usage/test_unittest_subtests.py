"""unittest: a change per subtest, some of which fail inside."""

import unittest

import recell
from usage.shop import payments


class TestLimits(unittest.TestCase):
    def test_each_limit(self):
        for limit in (1, 10, 100):
            with self.subTest(limit=limit), recell.override(
                payments.pay, LIMIT=limit, charge=lambda *a: "ok"
            ):
                self.assertEqual(payments.pay("4000", limit), "ok")
                self.assertRaises(ValueError, payments.pay, "4000", limit + 1)
        self.assertEqual(payments.LIMIT, 1_000)

    def test_an_error_inside_undoes(self):
        with self.assertRaises(ZeroDivisionError):
            with recell.override(payments.pay, LIMIT=1):
                raise ZeroDivisionError
        with recell.override(payments.pay, charge=lambda *a: "ok"):
            self.assertEqual(payments.pay("4000", 1_000), "ok")
