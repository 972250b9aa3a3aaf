"""repoint beyond the cross of kinds: bounds of the search, undo, bad input, classes of all sorts."""

from __future__ import annotations

import dataclasses
import enum
import gc
import types
import weakref
from typing import Any

import pytest

from recell import Patcher, RecellError, ScopeError, attach, closure, make_cell, rebind, repoint


class Base:
    def m(self):
        return ["Base"]


def m(self):
    return ["added", *super().m()]


def made_again(cls: Any, **more: Any) -> Any:
    namespace = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    namespace.update(more)
    return type(cls)(cls.__name__, cls.__bases__, namespace)


def test_unrelated_classes_are_refused() -> None:
    class One(Base):
        def m(self):
            return super().m()

    class Two:
        def other(self):
            return super().other()

    for old in (Two, int, object, Exception):
        with pytest.raises(ScopeError, match="no second making") as caught:
            repoint(One, old=old)
        assert isinstance(caught.value, RecellError) and caught.value.names[0].endswith("One")
    assert One().m() == ["Base"] and closure(One.m)["__class__"] is One


def test_nothing_to_change_is_no_error() -> None:
    class Old(Base):
        def plain(self):
            return 1

    new = made_again(Old)
    change = repoint(new, old=Old)
    assert change.cells == () and change.active
    change.undo()
    same = repoint(Old, old=Old)
    assert same.cells == ()


def test_the_search_stops_at_classes_modules_globals_and_containers() -> None:
    class Old(Base):
        def m(self):
            return super().m()

    method = Old.m

    def fresh():
        return rebind(method, {"__class__": Old})

    other_class = type("Other", (), {"m": fresh()})
    module = types.ModuleType("module")
    module.m = fresh()
    others = {
        "a_class": other_class,
        "a_module": module,
        "a_list": [fresh()],
        "a_tuple": (fresh(),),
        "a_dict": {"m": fresh()},
        "in_globals": types.FunctionType((lambda: m).__code__, {"m": fresh()}),
    }
    new = made_again(Old, **others)
    change = repoint(new, old=Old)
    assert len(change.cells) == 1 and change.cells[0] is method.__closure__[0]
    assert closure(other_class.m)["__class__"] is Old and closure(module.m)["__class__"] is Old


def test_no_code_of_a_user_runs() -> None:
    """Objects are read raw: properties, __getattr__ and lazy proxies have no say."""

    class Trap:
        def __init__(self, func):
            object.__setattr__(self, "func", func)

        def __getattribute__(self, name):
            raise AssertionError(name)

        def __eq__(self, other):
            raise AssertionError("compared")

        __hash__ = None

    class Old(Base):
        def m(self):
            return super().m()

    own = rebind(Old.m, {"__class__": Old})
    trap = Trap(own)
    new = made_again(Old, trap=trap, empty=rebind(lambda: own, own=make_cell()))
    assert len(repoint(new, old=Old).cells) == 2
    assert closure(own)["__class__"] is new


def test_long_chains_and_cycles() -> None:
    class Old(Base):
        def m(self):
            return super().m()

    class Link:
        __slots__ = ("func", "next")

    first = last = Link()
    for _ in range(20_000):
        last.next = Link()
        last = last.next
    last.func = own = rebind(Old.m, {"__class__": Old})
    last.next = first
    new = made_again(Old, chain=first)
    change = repoint(new, old=Old)
    assert len(change.cells) == 2 and closure(own)["__class__"] is new
    while first is not None:  # a chain of this length must not be torn down by recursion
        first.next, first = None, getattr(first, "next", None)


def test_empty_and_other_class_cells_are_left_alone() -> None:
    class Old(Base):
        def m(self):
            return super().m()

        def other(self):
            return super().m()

    empty, foreign = make_cell(), make_cell(int)
    new = made_again(Old, e=rebind(Old.m, {"__class__": empty}), f=rebind(Old.m, {"__class__": foreign}))
    change = repoint(new, old=Old)
    assert len(change.cells) == 1
    with pytest.raises(ValueError):
        empty.cell_contents
    assert foreign.cell_contents is int


def test_a_variable_that_merely_holds_the_old_class_stays() -> None:
    class Old(Base):
        def m(self):
            return super().m()

    def make(cls):
        def factory(self):
            return cls()

        return factory

    new = made_again(Old, factory=make(Old))
    repoint(new, old=Old)
    assert type(new().factory()) is Old


def test_enum_dataclass_and_metaclass() -> None:
    class Meta(type):
        def m(cls):
            return super().mro()

    NewMeta = made_again(Meta)
    with repoint(NewMeta, old=Meta):
        assert NewMeta("X", (), {}).m()[-1] is object

    @dataclasses.dataclass
    class Data(Base):
        x: int

        def m(self):
            return [self.x, *super().m()]

    new = made_again(Data)
    with pytest.raises(TypeError):
        new(1).m()
    with repoint(new, old=Data):
        assert new(1).m() == [1, "Base"]

    class Mixin:
        def shown(self):
            return "shown"

    class Colour(Mixin, enum.Enum):
        RED = 1

        def shown(self):
            return super().shown(), self.name

    change = repoint(Colour, old=Colour)
    assert Colour.RED.shown() == ("shown", "RED") and change.cells == ()


def test_reload_recipe() -> None:
    """A class defined anew, whose old methods live on in it: what hot reload meets."""
    source = "class C(Base):\n    def m(self):\n        return [{n}, *super().m()]\n    def same(self):\n        return super().m()\n"
    first: dict[str, Any] = {"Base": Base}
    second: dict[str, Any] = {"Base": Base}
    exec(source.format(n=1), first)
    exec(source.format(n=2), second)
    old, new = first["C"], second["C"]
    new.kept = vars(old)["same"]
    with pytest.raises(TypeError):
        new().kept()
    with repoint(new, old=old):
        assert new().kept() == ["Base"] == new().same()


def test_patcher_has_both() -> None:
    class Old(Base):
        def m(self):
            return super().m()

    new = made_again(Old)
    with Patcher() as patcher:
        assert patcher.repoint(new, old=Old).cells
        patcher.attach(new, m, "added")
        assert new().m() == ["Base"] and new().added() == ["added", "Base"]
    with pytest.raises(TypeError):
        new().m()
    assert not hasattr(new, "added") and Old().m() == ["Base"]


def test_classes_are_collected() -> None:
    """Neither verb keeps a class alive once its change is gone."""

    class Old(Base):
        def m(self):
            return super().m()

    new = made_again(Old)
    repoint(new, old=Old)
    attach(new, m, "added")
    gone = weakref.ref(new), weakref.ref(Old)
    del new, Old
    gc.collect()
    assert [ref() for ref in gone] == [None, None]


def test_what_is_no_class_is_refused() -> None:
    for bad in (5, None, Base(), made_again):
        with pytest.raises(TypeError, match="needs a class"):
            repoint(bad, old=Base)
        with pytest.raises(TypeError, match="needs a class"):
            repoint(Base, old=bad)
