"""Dates: `now` is faked, and everything else of the class is the real class."""

import datetime as dt
from datetime import date, datetime, timedelta

import pytest

import recell
from usage.shop import clock


@pytest.mark.parametrize(("hour", "expected"), [(9, "good morning"), (15, "good afternoon")])
def test_now(patcher, hour, expected):
    patcher.override(clock.greeting, {"datetime.now": lambda: datetime(2024, 5, 6, hour)})
    assert clock.greeting() == expected


def test_type_and_isinstance(patcher):
    patcher.override(clock.age, {"datetime.now": lambda: datetime(2024, 5, 6)})
    assert clock.age(datetime(2024, 5, 5)) == timedelta(1)
    assert clock.age(date(2024, 5, 1)) == timedelta(5)
    with pytest.raises(TypeError):
        clock.age("yesterday")


def test_deeper():
    with recell.override(clock.tomorrow, {"dt.date.today": lambda: date(2023, 12, 31)}):
        assert clock.tomorrow() == dt.date(2024, 1, 1)


def test_a_class_method_that_fails():
    def fail(text):
        raise ValueError(text)

    with recell.override(clock.parsed, {"datetime.fromisoformat": fail}):
        assert clock.parsed("2024-05-06") is None
    assert clock.parsed("2024-05-06") == datetime(2024, 5, 6)


@recell.override(clock.stamp, {"time.time": lambda: 41.7})
def test_time():
    assert clock.stamp() == 42
