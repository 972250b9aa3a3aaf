"""Paying: plain functions, a class with every kind of method, and a subclass."""

from __future__ import annotations

import time

from usage.shop import gateway
from usage.shop.gateway import charge

LIMIT = 1_000
FEE = 2


def pay(card: str, amount: int) -> str:
    """Pay at once, three times at most."""
    if amount > LIMIT:
        raise ValueError(f"{amount} is more than {LIMIT}")
    for attempt in range(3):
        try:
            return charge(card, amount + FEE)
        except TimeoutError:
            time.sleep(2**attempt)
    raise TimeoutError("no answer, three times")


async def pay_later(card: str, amount: int) -> str:
    return await gateway.charge_later(card, amount + FEE)


def total(amounts, *, fee: int = 1, rounding=round) -> int:
    return rounding(sum(amounts) + fee)


class Account:
    currency = "EUR"

    def __init__(self, card: str) -> None:
        self.card = card
        self.log: list = []

    def pay(self, amount: int) -> str:
        receipt = charge(self.card, amount)
        self.log.append(self.describe(receipt))
        return receipt

    def describe(self, receipt: str) -> str:
        return f"{receipt} in {self.currency}"

    @property
    def balance(self) -> int:
        return gateway.balance(self.card)  # no such function yet

    @classmethod
    def of(cls, name: str) -> Account:
        return cls(gateway.lookup(name))

    @staticmethod
    def valid(card: str) -> bool:
        return len(card) == 16 and card.isdigit()


class Business(Account):
    def describe(self, receipt: str) -> str:
        return super().describe(receipt) + ", tax included"
