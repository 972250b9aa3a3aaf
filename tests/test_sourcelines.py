"""The lines of generated code in linecache: there while the code lives, and never taken from under linecache itself."""

from __future__ import annotations

import gc
import linecache
import sys

import pytest

import recell


def cycle() -> str:
    """A generated function that only a garbage collection can free; returns its file name."""
    func = recell.define("def func():\n    return 1\n")
    func.itself = func
    return func.__code__.co_filename


def test_lines_go_with_the_code() -> None:
    name = cycle()
    assert name in linecache.cache
    gc.collect()
    assert name not in linecache.cache


def test_a_collection_inside_linecache_does_not_disturb_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """`linecache.checkcache` looks every key up that it listed before: none may go meanwhile."""

    class Collecting(dict):
        """A cache in which every lookup collects garbage."""

        def __getitem__(self, key: str) -> object:
            gc.collect()
            return super().__getitem__(key)

        def get(self, key: str, default: object = None) -> object:
            if sys._getframe(1).f_globals is vars(linecache):
                gc.collect()
            return super().get(key, default)

    gc.disable()
    monkeypatch.setattr(linecache, "cache", Collecting(linecache.cache))
    names = [cycle() for _ in range(20)]
    try:
        linecache.checkcache()
    finally:
        gc.enable()
    recell.define("lambda: 1")
    assert not [name for name in names if name in linecache.cache]
