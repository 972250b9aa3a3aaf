"""The network, which no test may reach."""

from __future__ import annotations


def charge(card: str, amount: int) -> str:
    raise ConnectionError(f"the real gateway was asked to charge {amount} to {card}")


def refund(receipt: str, *, reason: str = "none given") -> str:
    raise ConnectionError(f"the real gateway was asked to refund {receipt}: {reason}")


async def charge_later(card: str, amount: int) -> str:
    raise ConnectionError(f"the real gateway was asked to charge {amount} to {card} later")


async def events(card: str):
    raise ConnectionError(f"the real gateway was asked for the events of {card}")
    yield ""


def rates():
    raise ConnectionError("the real gateway was asked for its rates")
    yield "EUR", 1.0
