"""Generic functions and classes (PEP 695) follow a new text like others."""

from __future__ import annotations

import sys
import types

import pytest

import recell

BEFORE = """
def first[T](items: list[T], default: T | None = None) -> T | None:
    return items[0] if items else default
class Box[T]:
    def __init__(self, item: T): self.item = item
    def get(self) -> T: return self.item
    def cast[S](self, to: type[S]) -> S: return to(self.item)
def make[T](kind: type[T]):
    def convert(value) -> T: return kind(value)
    return convert
type Pair[T] = tuple[T, T]
"""
AFTER = """
def first[T, S](items: list[T], default: S = "none") -> T | S:
    return items[-1] if items else default
class Box[T]:
    def __init__(self, item: T): self.item = item
    def get(self) -> T: return __class__, self.item
    def cast[S](self, to: type[S]) -> S: return to(self.item), T
def make[T](kind: type[T]):
    def convert(value, more=1) -> T: return kind(value), more, T
    return convert
type Pair[T] = tuple[T, T]
"""


@pytest.fixture()
def module(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    module = types.ModuleType("edited")
    monkeypatch.setitem(sys.modules, "edited", module)
    exec(compile(BEFORE, "edited.py", "exec", dont_inherit=True), vars(module))
    return module


def test_generics_follow(module: types.ModuleType) -> None:
    """Bodies, defaults, annotations and type parameters of generic functions, methods and closures."""
    first, box, convert = module.first, module.Box("5"), module.make(int)
    names = dict(vars(module))
    params = first.__type_params__
    report = recell.reload(module, source=AFTER)
    assert not report.refused, report
    assert (first([1, 2]), first([])) == (2, "none")
    assert [param.__name__ for param in first.__type_params__] == ["T", "S"]
    assert str(first.__annotations__["default"]) == "S"
    assert box.get() == (module.Box, "5")
    number, parameter = box.cast(int)
    assert (number, parameter.__name__) == (5, "T")
    assert "make.<locals>.convert" in {name for name, _ in report.left}  # `T` was not captured
    assert convert("7") == 7
    assert module.make(int)("7")[:2] == (7, 1)
    report.undo()
    assert (first([1, 2]), box.get(), convert("8")) == (1, "5", 8)
    assert first.__type_params__ is params
    assert dict(vars(module)) == names


def test_nothing_changes_where_nothing_did(module: types.ModuleType) -> None:
    """A generic text reloaded onto itself."""
    names = dict(vars(module))
    codes = [module.first.__code__, module.Box.get.__code__, module.Box.cast.__code__]
    report = recell.reload(module, source=BEFORE)
    assert (report.changed, report.moved, report.left) == ((), (), ())
    assert {name: value for name, value in vars(module).items() if name != "Pair"} == {
        name: value for name, value in names.items() if name != "Pair"
    }
    assert all(
        a is b
        for a, b in zip(codes, [module.first.__code__, module.Box.get.__code__, module.Box.cast.__code__])
    )


def test_an_alias_follows() -> None:
    """A type alias is made again where its text changed, evaluated or not; where it did not, it stays."""
    text = "type Seen = list[int]\ntype Unseen = list[int]"
    module = types.ModuleType("aliases")
    exec(compile(text, "aliases.py", "exec", dont_inherit=True), vars(module))
    assert module.Seen.__value__ == list[int]
    unseen = module.Unseen
    report = recell.reload(module, source=text.replace("int", "str", 1), was=text)
    assert report.ran == report.changed == ("Seen",)
    assert module.Seen.__value__ == list[str] and module.Unseen is unseen
