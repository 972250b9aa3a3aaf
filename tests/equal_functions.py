"""What the tests of copies share: a function with everything on it, and what it means that a copy is equal."""

from __future__ import annotations

from types import FunctionType
from typing import Any, Callable

GLOBAL = "global"


def make(count: int = 41, step: int = 1) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def bump(a: int, b: int = 2, *rest: int, key: int = 3, other: int = 4, **more: int) -> tuple[Any, ...]:
        """Documented."""
        nonlocal count
        count += step
        return (count, a, b, key, other, GLOBAL)

    bump.tag = ["here"]  # type: ignore[attr-defined]

    def positional(first: int, second: int = 2, third: int = 3) -> tuple[int, ...]:
        return (first, second, third, count)

    return bump, positional


ATTRIBUTES = [
    name
    for name in (
        "__annotations__",
        "__builtins__",
        "__closure__",
        "__code__",
        "__defaults__",
        "__dict__",
        "__doc__",
        "__globals__",
        "__kwdefaults__",
        "__module__",
        "__name__",
        "__qualname__",
        "__type_params__",
    )
    if hasattr(FunctionType, name)
]
SAME_OBJECT = {"__builtins__", "__code__", "__globals__", "__doc__", "__module__", "__name__", "__qualname__"}
COPIED = {"__dict__", "__kwdefaults__", "__annotations__"}


def assert_equal_but(new: Any, old: Any, *but: str) -> None:
    """Each attribute of the two is equal (identical where it cannot change, a copy where it can) but those named."""
    assert type(new) is type(old) is FunctionType
    assert new is not old
    for name in ATTRIBUTES:
        if name in but:
            continue
        mine, theirs = getattr(new, name), getattr(old, name)
        assert mine == theirs, name
        if name in SAME_OBJECT:
            assert mine is theirs, name
        elif name in COPIED and mine is not None:
            assert mine is not theirs, name
        elif name == "__closure__":
            assert all(here is there for here, there in zip(mine or (), theirs or ()))
