"""classmethod and staticmethod: replaced by the same kind, and by a function."""

import recell
from usage.shop.payments import Account, Business


class Fake:
    @classmethod
    def of(cls, name):
        made = cls.__new__(cls)
        made.card = f"card of {name}"
        return made

    @staticmethod
    def valid(card):
        return True


def test_a_class_method_for_a_class_method():
    with recell.swap(Account.of, Fake.of):
        assert type(Account.of("Ada")) is Account and type(Business.of("Ada")) is Business
        assert Business.of("Ada").card == "card of Ada"


def test_by_what_stands_in_the_class():
    with recell.swap(vars(Account)["of"], vars(Fake)["of"]):
        assert Account.of("Ada").card == "card of Ada"


def test_a_function_for_a_class_method():
    with recell.swap(Account.of, lambda cls, name: cls("1" * 16)):
        assert Business.of("Ada").card == "1" * 16


def test_a_static_method():
    assert not Account.valid("x")
    with recell.swap(Account.valid, Fake.valid):
        assert Account.valid("x")
    with recell.swap(vars(Account)["valid"], lambda card: card == "x"):
        assert Account("4").valid("x")


def test_spied_upon():
    with recell.spy(Account.valid) as valid, recell.spy(Account.describe) as described:
        account = Account("4000")
        account.valid("1")
        account.describe(receipt="r")
    valid.mock.assert_called_once_with("1")
    described.mock.assert_called_once_with(account, "r")
