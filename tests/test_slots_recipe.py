"""Recipe: a class made again with __slots__, as attrs and dataclasses do, and every super() in it is right."""

from __future__ import annotations

import dataclasses
import functools
import sys
import types
from typing import Any

import pytest

from recell import replace, repoint


class Base:
    def m(self):
        return ["Base"]


def made_again(cls: Any, **more: Any) -> Any:
    namespace = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    namespace.update(more)
    return type(cls)(cls.__name__, cls.__bases__, namespace)


def with_slots(cls: Any, names: tuple[str, ...]) -> Any:
    """What attrs and dataclasses do, with every super() right."""
    left_out = ("__dict__", "__weakref__", *names)
    namespace = {name: value for name, value in vars(cls).items() if name not in left_out}
    new = type(cls)(cls.__name__, cls.__bases__, {**namespace, "__slots__": names})
    new.__qualname__ = cls.__qualname__
    repoint(new, old=cls)
    return new


def opaque(func):
    def wrapper(*args, **kwargs):
        return func(*args, **kwargs)

    return wrapper


def test_recipe_a_class_made_again_with_slots() -> None:
    class Point(Base):
        def __init__(self, x):
            super().__init__()
            self.x = x

        @opaque
        def m(self):
            return [self.x, *super().m()]

        @property
        @opaque
        def p(self):
            return super().m()

        @p.setter
        def p(self, value):
            self.x = (value, super().m())

        @classmethod
        @functools.wraps(opaque)
        def c(cls):
            return super().__name__ if hasattr(super(), "__name__") else __class__

    Slotted = with_slots(Point, ("x",))
    point = Slotted(1)
    assert point.m() == [1, "Base"] and point.p == ["Base"] and Slotted.c() is Slotted
    point.p = 5
    assert point.x == (5, ["Base"])
    assert isinstance(vars(Slotted)["x"], types.MemberDescriptorType)


@pytest.mark.skipif(sys.version_info < (3, 10), reason="dataclass(slots=True) came with 3.10")
def test_recipe_dataclass_with_slots() -> None:
    """dataclass(slots=True) leaves super() broken behind decorators: repoint(new, old=old) puts it right."""

    def build(fix: bool) -> Any:
        class Data(Base):
            x: int = 1

            @opaque
            def m(self):
                return [self.x, *super().m()]

        new = dataclasses.dataclass(slots=True)(Data)
        assert new is not Data
        if fix:
            repoint(new, old=Data)
        return new

    with pytest.raises(TypeError):
        build(fix=False)().m()
    new = build(fix=True)
    assert new(2).m() == [2, "Base"] and new.__slots__ == ("x",)


def test_recipe_attrs_slotted_classes() -> None:
    """A decorated method of a slotted attrs class: broken by attrs alone, right after repoint."""
    attr = pytest.importorskip("attr")

    def build(fix: bool) -> Any:
        class Data(Base):
            x = attr.ib(default=1)

            @opaque
            def m(self):
                return [self.x, *super().m()]

            @functools.lru_cache(maxsize=None)
            def cached(self):
                return super().m()

            def plain(self):
                return super().m()

        new = attr.s(slots=True, eq=False)(Data)
        if fix:
            repoint(new, old=Data)
        return new

    new = build(fix=True)
    assert new(2).m() == [2, "Base"] and new().cached() == ["Base"] and new().plain() == ["Base"]

    def only_decorated(fix: bool) -> Any:
        class Data(Base):
            x = attr.ib(default=1)

            @opaque
            def m(self):
                return [self.x, *super().m()]

        new = attr.s(slots=True)(Data)
        if fix:
            repoint(new, old=Data)
        return new

    with pytest.raises(TypeError):
        only_decorated(fix=False)().m()
    assert only_decorated(fix=True)().m() == [1, "Base"]


def test_every_function_of_a_class_made_by_replace_follows() -> None:
    """Copies made by replace share the cell, so one change does for all of them."""

    class Old(Base):
        def m(self):
            return super().m()

    new = made_again(Old, copy=replace(Old.m, name="copy"))
    change = repoint(new, old=Old)
    assert len(change.cells) == 1 and new().copy() == ["Base"]
