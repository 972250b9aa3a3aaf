"""Prices: cached, dispatched by type, and lazily loaded."""

from __future__ import annotations

import functools
from typing import NamedTuple


def fetch(name: str) -> int:
    raise ConnectionError(f"the real catalogue was asked for {name}")


@functools.lru_cache(maxsize=None)
def price(name: str) -> int:
    return fetch(name)


class Item(NamedTuple):
    name: str
    count: int = 1


@functools.singledispatch
def cost(thing) -> int:
    raise TypeError(f"{thing!r} has no price")


@cost.register(str)
def _(thing) -> int:
    return price(thing)


@cost.register(Item)
def cost_of_item(thing) -> int:
    return price(thing.name) * thing.count


class Catalogue:
    def __init__(self, names) -> None:
        self.names = names

    @functools.lru_cache(maxsize=32)
    def price(self, name: str) -> int:
        return fetch(name)

    @functools.cached_property
    def prices(self) -> dict:
        return {name: fetch(name) for name in self.names}

    @functools.singledispatchmethod
    def find(self, key):
        raise TypeError(key)

    @find.register(str)
    def _by_name(self, key):
        return fetch(key)
