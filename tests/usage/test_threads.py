"""Threads of a pool see what is in force in the process."""

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

import recell
from usage.shop import jobs, payments

pytestmark = pytest.mark.skipif(
    not getattr(sys, "_is_gil_enabled", lambda: True)(), reason="without the GIL: localize first"
)


def test_a_pool(patcher):
    patcher.swap(jobs.load, lambda url: url.upper())
    assert jobs.in_threads(["a", "b", "c"]) == ["A", "B", "C"]


def test_a_spy_counts_in_all_threads():
    with recell.swap(payments.pay, lambda card, amount: amount), recell.spy(payments.pay) as spy:
        with ThreadPoolExecutor(4) as pool:
            assert [*pool.map(payments.pay, ["4000"] * 200, range(200))] == [*range(200)]
    assert spy.mock.call_count == 200 and sorted(spy.returned) == [*range(200)]
