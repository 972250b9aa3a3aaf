"""hypothesis: decorators under and over `given`."""

from hypothesis import given, settings
from hypothesis import strategies as st

import recell
from usage.shop import payments


@recell.override(payments.pay, charge=lambda card, amount: amount)
@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1_000))
def test_over(amount):
    assert payments.pay("4000", amount) == amount + 2


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 50), st.integers(0, 100))
def test_inside(limit, amount):
    with recell.override(payments.pay, LIMIT=limit, charge=lambda card, amount: amount):
        try:
            assert payments.pay("4000", amount) == amount + 2 and amount <= limit
        except ValueError:
            assert amount > limit
