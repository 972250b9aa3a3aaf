"""Nothing is left behind: after each test here every function of the shop is as it was, and no change is active."""

from __future__ import annotations

import importlib
import pkgutil
import types
from typing import Iterator

import pytest

import recell
from usage import shop


def functions_of_the_shop() -> list:
    found = []
    for module in pkgutil.iter_modules(shop.__path__, "usage.shop."):
        for value in vars(importlib.import_module(module.name)).values():
            members = list(vars(value).values()) if isinstance(value, type) else [value]
            for member in members:
                inside = getattr(member, "__func__", getattr(member, "fget", member))
                inside = (
                    inside if isinstance(inside, types.FunctionType) else getattr(inside, "__wrapped__", None)
                )
                if isinstance(inside, types.FunctionType):
                    found.append(inside)
    return found


SHOP = functions_of_the_shop()


def state() -> list:
    return [
        (func, func.__code__, func.__closure__, func.__defaults__, func.__kwdefaults__, dict(func.__dict__))
        for func in SHOP
    ]


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    wider = {"class_patcher", "module_patcher", "session_patcher"} & {*request.fixturenames}
    before = state()
    yield
    if not wider:  # these undo later
        for now, then in zip(state(), before):
            assert all(new is old for new, old in zip(now[:-1], then[:-1])), now[0]
            assert now[-1] == then[-1]


@pytest.fixture(autouse=True, scope="module")
def nothing_active() -> Iterator[None]:
    """After each module no change is active that was not before; this searches the whole heap, hence not each test."""
    before = [*recell.active_changes()]
    yield
    assert [*recell.active_changes()] == before
