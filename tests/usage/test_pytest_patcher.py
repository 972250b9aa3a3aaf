"""pytest: the fixture `patcher`, for everything at once."""

import os

import pytest

from usage.shop import decorated, gateway, jobs, payments


def test_a_name_in_one_function(patcher):
    patcher.override(payments.pay, charge=lambda card, amount: amount)
    assert payments.pay("4000", 1) == 3
    with pytest.raises(ConnectionError):
        gateway.charge("4000", 1)


def test_a_function_everywhere(patcher):
    patcher.swap(gateway.charge, lambda card, amount: amount)
    assert payments.pay("4000", 1) == 3 and gateway.charge("4000", 1) == 1


def test_what_monkeypatch_does(patcher, tmp_path):
    patcher.setattr(payments, "LIMIT", 1)
    patcher.setattr("usage.shop.payments.FEE", 0)
    patcher.delattr("usage.shop.payments.Account.currency")
    patcher.setitem(decorated.HANDLERS, "new", len)
    patcher.delitem(decorated.HANDLERS, "paid")
    patcher.setenv("SHOP_HOME", str(tmp_path))
    patcher.delenv("SHOP_OTHER_HOME", raising=False)
    patcher.chdir(tmp_path)
    assert payments.LIMIT == 1 and payments.FEE == 0 and not hasattr(payments.Account, "currency")
    assert {*decorated.HANDLERS} == {"new"}
    assert jobs.home() == str(tmp_path) and os.path.samefile(jobs.here(), tmp_path)


def test_all_of_it_is_gone():
    assert payments.LIMIT == 1_000 and payments.FEE == 2 and payments.Account.currency == "EUR"
    assert {*decorated.HANDLERS} == {"paid"}
    assert "SHOP_HOME" not in os.environ


def test_undo_in_the_middle(patcher):
    patcher.override(payments.pay, LIMIT=1)
    patcher.undo()
    patcher.override(payments.pay, charge=lambda *args: "ok")
    assert payments.pay("4000", 999) == "ok"


def test_a_part_of_a_test(patcher):
    with patcher.context() as part:
        part.setattr(payments, "FEE", 0)
        assert payments.FEE == 0
    assert payments.FEE == 2
