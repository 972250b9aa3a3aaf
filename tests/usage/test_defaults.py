"""Default arguments, for a while."""

import inspect

import pytest

import recell
from usage.shop import gateway, jobs, payments


def test_by_name():
    with recell.patch_defaults(payments.total, fee=5, rounding=int):
        assert payments.total([1.9]) == 6
        assert inspect.signature(payments.total).parameters["fee"].default == 5
    assert payments.total([1.9]) == 3


def test_of_coroutines_and_methods(patcher):
    patcher.patch_defaults(jobs.poll, every=0)
    patcher.patch_defaults(gateway.refund, {"reason": "a test"})
    assert jobs.poll.__kwdefaults__ == {"every": 0}
    with pytest.raises(ConnectionError, match="a test"):
        gateway.refund("r")


def test_a_name_that_has_none():
    with pytest.raises(recell.ScopeError, match="fee"):
        recell.patch_defaults(payments.total, fees=1)
    with pytest.raises(recell.ScopeError, match="patch_defaults"):
        recell.override(payments.total, round=int)


@recell.patch_defaults(payments.total, fee=0)
def test_decorated():
    assert payments.total([1, 2]) == 3


@pytest.mark.parametrize(
    ("call", "kind", "said"),
    [
        (lambda: recell.patch_defaults(payments.total, fees=1), recell.ScopeError, "did you mean `fee`"),
        (
            lambda: recell.patch_defaults(payments.total, {"amounts": 1}),
            recell.ScopeError,
            "is no parameter|without a default",
        ),
        (lambda: recell.patch_defaults(payments.total), TypeError, "changes nothing"),
        (lambda: recell.patch_defaults(len, obj=1), TypeError, "Python function"),
    ],
)
def test_a_wrong_call_names_the_function_and_changes_nothing(call, kind, said):
    before = payments.total.__defaults__, payments.total.__kwdefaults__
    with pytest.raises(kind, match=said) as caught:
        call()
    assert kind is TypeError or "usage.shop.payments.total" in str(caught.value)
    assert (payments.total.__defaults__, payments.total.__kwdefaults__) == before
