"""pydantic: validators, serializers, computed values, default factories."""

import pytest

import recell

pydantic = pytest.importorskip("pydantic", minversion="2")


def rate(currency):
    raise ConnectionError("the real rates were asked for")


def new_id():
    return "random"


class Settings(pydantic.BaseModel):
    currency: str = "EUR"
    amount: int
    id: str = pydantic.Field(default_factory=new_id)

    @pydantic.field_validator("currency")
    @classmethod
    def known(cls, value):
        if rate(value) is None:
            raise ValueError("unknown currency")
        return value

    @pydantic.computed_field
    @property
    def converted(self) -> float:
        return self.amount * rate(self.currency)

    def shown(self):
        return f"{self.amount} {self.currency}"


@pytest.fixture
def rates(patcher):
    known = {"EUR": 1, "SEK": 11}
    patcher.swap(rate, known.get)
    return known


def test_a_validator(rates):
    assert Settings(currency="SEK", amount=2).converted == 22
    with pytest.raises(pydantic.ValidationError, match="unknown currency"):
        Settings(currency="XXX", amount=2)


def test_a_name_in_one_validator(patcher):
    patcher.override(Settings.known, rate=lambda currency: 1)
    assert Settings(currency="XXX", amount=2).currency == "XXX"
    with pytest.raises(ConnectionError):
        Settings(currency="XXX", amount=2).converted


def test_a_computed_value_and_a_default_factory(rates, patcher):
    patcher.swap(new_id, lambda: "fixed")
    assert Settings(amount=3).model_dump() == {
        "currency": "EUR",
        "amount": 3,
        "id": "fixed",
        "converted": 3.0,
    }


def test_a_method(rates):
    with recell.swap(Settings.shown, lambda self: "shown"):
        assert Settings(amount=1).shown() == "shown"
    with recell.spy(Settings.shown) as spy:
        made = Settings(amount=1)
        made.shown()
    spy.mock.assert_called_once_with(made)
    assert spy.returned == ["1 EUR"]
