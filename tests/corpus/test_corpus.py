"""Every registered operation keeps its invariants on the functions of the standard library."""

from __future__ import annotations

import pytest
from sizes import FULL

from . import Operation, Refused, functions, is_made, live_functions, load_operations, run, skipped

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


def test_the_harness_sees_failures_and_refusals() -> None:
    """What an operation raises is counted: a failure by name, a refusal by reason, the rest as done."""

    def half(func: object) -> None:
        count.append(func)
        if len(count) % 4 == 0:
            raise Refused("every fourth")
        if len(count) % 4 == 1:
            assert func is None, "every first"

    count: list[object] = []
    tally = run(Operation("half", half, applies=lambda func: func.__closure__ is None), count=40)
    assert (tally.tried, tally.done) == (40, 20)
    assert dict(tally.refused) == {"every fourth": 10}
    assert len(tally.failures) == 10
    assert tally.not_meant > 0
    assert run(Operation("half", lambda func: None, applies=lambda func: False), count=40).tried == 0
    assert all(func.__closure__ is None for func in count)
    assert sum(tally.refused.values()) > tally.allowed
    assert "every fourth" in tally.report()
    assert "AssertionError: every first" in tally.report()


def test_warnings_are_failures() -> None:
    """An operation that makes CPython warn has failed."""
    import warnings

    def warns(func: object) -> None:
        warnings.warn_explicit(
            "of a non-matching type", DeprecationWarning, "recell.py", 1, "recell.patching"
        )

    assert len(run(Operation("warns", warns), count=3).failures) == 3
