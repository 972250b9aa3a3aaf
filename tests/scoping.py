"""What the tests of scopes share: functions with names of every kind, and how a refusal is checked."""

from __future__ import annotations

import functools
import pickle

import pytest

from recell import ScopeError

LIMIT = 3
unused_global = 1


def make(factor, spare=None):
    def scaled(value, *, plus=0):
        """The value, scaled."""
        doubled = value * 2

        def inner():
            return factor * doubled + LIMIT

        return inner() + plus + len("ab")

    scaled.tag = "kept"
    return scaled


def assigning():
    global counter_value
    counter_value = counter_value + 1
    return counter_value


def refused(call, *args, **kwargs):
    with pytest.raises(ScopeError) as caught:
        call(*args, **kwargs)
    assert isinstance(caught.value, ValueError)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.name, again.target) == (
        str(caught.value),
        caught.value.name,
        caught.value.target,
    )
    return caught.value


class Base:
    def greet(self):
        return "base"


class Kinds(Base):
    """Every kind of callable that a class holds."""

    def method(self):
        return LIMIT, super().greet()

    @staticmethod
    def static():
        return LIMIT

    @classmethod
    def class_method(cls):
        return cls.__name__, LIMIT

    @property
    def prop(self):
        return LIMIT

    @prop.setter
    def prop(self, value):
        self.__dict__["stored"] = value + LIMIT + other_global

    @functools.cached_property
    def cached(self):
        return LIMIT

    partial_method = functools.partialmethod(lambda self, extra: (LIMIT, extra), 7)


other_global = 1000
