"""A function, and the way to ask it elsewhere: the scene of the tests of context-local changes."""

from __future__ import annotations

from contextvars import Context
from typing import Any, Callable, Iterator

import pytest

LIMIT = 10


def allowed(n: int, *, least: int = 0) -> bool:
    return least <= n <= LIMIT


def elsewhere(func: Callable[..., Any], *args: Any) -> Any:
    """The result in a context that knows of no change."""
    return Context().run(func, *args)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Whatever a test does, the function has its own code, closure and defaults again."""
    before = allowed.__code__, allowed.__closure__, allowed.__kwdefaults__
    yield
    assert (allowed.__code__, allowed.__closure__, allowed.__kwdefaults__) == before
    assert allowed.__code__ is before[0]
