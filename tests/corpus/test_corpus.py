"""Every registered operation keeps its invariants on the functions of the standard library."""

from __future__ import annotations

import pytest
from sizes import FULL

from . import Operation, functions, is_made, live_functions, load_operations, run, skipped

OPERATIONS = load_operations()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_operation(operation: Operation, record_property: pytest.FixtureRequest) -> None:
    """No invariant failure, refusals within the ceiling, and something was tried."""
    tally = run(operation)
    print(tally.report())
    record_property("corpus", tally.report())
    assert tally.tried, "the operation applies to no function at all"
    assert not tally.failures, tally.report()
    assert sum(tally.refused.values()) <= tally.allowed, tally.report()
    assert tally.done + sum(tally.refused.values()) == tally.tried
    if FULL:
        assert tally.tried >= len(operation.items()) - tally.not_meant


def test_the_corpus_is_large_and_has_every_kind() -> None:
    """Thousands of functions, with closures, generators, coroutines, lambdas and methods among them."""
    live = live_functions()
    assert len(live) > 4000
    assert sum(1 for func in live if func.__closure__) > 50
    assert sum(1 for func in live if func.__code__.co_flags & 0x20) > 100  # generators
    assert sum(1 for func in live if func.__code__.co_flags & 0x80) > 40  # coroutines
    assert any(func.__name__ == "<lambda>" for func in live)
    assert sum(1 for func in functions() if is_made(func)) > 300


def test_the_order_is_the_same_every_time() -> None:
    """A seeded sample means the same functions: the walk is deterministic."""
    first = [(func.__module__, func.__qualname__) for func in live_functions()]
    live_functions.cache_clear()
    assert [(func.__module__, func.__qualname__) for func in live_functions()] == first


def test_nothing_is_left_out_in_silence() -> None:
    """Modules left out are listed with a reason, and those for this platform's use are few."""
    live_functions()
    reasons = skipped()
    assert all(reasons.values())
    assert "antigravity" in reasons
    unexplained = [name for name, reason in reasons.items() if "cannot be imported" in reason]
    print("\n".join(f"{name}: {reasons[name]}" for name in unexplained))
    assert len(unexplained) < 60
