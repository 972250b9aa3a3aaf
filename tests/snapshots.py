"""Everything that a function shows, to be compared object by object."""

from __future__ import annotations


def snapshot(func):
    return (
        func.__code__, func.__closure__, func.__defaults__, func.__kwdefaults__, func.__doc__, func.__dict__,
        getattr(func, "__type_params__", None), func.__globals__,
        func.__name__, func.__qualname__, func.__module__, id(func),
    )  # fmt: skip


def assert_same(func, before):
    for new, old in zip(snapshot(func), before):
        assert new is old or (isinstance(new, int) and new == old), (new, old)
