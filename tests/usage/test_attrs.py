"""attrs: slotted classes, converters, validators."""

import attr
import pytest

import recell


def to_cents(value):
    return round(value * 100)


@attr.s(slots=True)
class Price:
    cents = attr.ib(converter=to_cents)
    currency = attr.ib(default="EUR")

    def shown(self):
        return f"{self.cents / 100:.2f} {self.currency}"


class Labelled(Price):
    def shown(self):
        return "price: " + super().shown()


def test_a_method():
    with recell.swap(Price.shown, lambda self: "?"):
        assert Price(1).shown() == "?" and Labelled(1).shown() == "price: ?"


def test_a_converter():
    with recell.swap(to_cents, lambda value: value):
        assert Price(7).cents == 7
    assert Price(7).cents == 700


def test_the_method_of_the_base():
    with recell.swap(Labelled.shown, Price.shown):
        assert Labelled(1).shown() == "1.00 EUR"
    assert Labelled(1).shown() == "price: 1.00 EUR"


def test_equality_and_init_stay(patcher):
    spy = patcher.spy(Price.__init__)
    assert Price(1) == Price(1)
    assert spy.mock.call_count == 2
    with pytest.raises(TypeError):
        Price()
