"""recell.rebind: the named free variables get cells of their own, the others stay shared, nothing else changes."""

from __future__ import annotations

import asyncio
import functools
import inspect
from types import FunctionType
from typing import Any, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import Sharing, contents, sampled, sharings

import recell
from recell import EMPTY, FreeVariableError, closure, make_cell, rebind, sharing
from recell.cells import FORWARDED, contents_of


def make(count: int = 41, step: int = 1) -> tuple[Callable[[], int], Callable[[], int]]:
    def bump() -> int:
        """Counts."""
        nonlocal count
        count += step
        return count

    def read() -> int:
        return count

    return bump, read


def state(function: Any) -> tuple[Any, ...]:
    """All that a verb that returns a new function must leave alone."""
    return (
        function.__code__,
        function.__closure__,
        [contents_of(cell) for cell in function.__closure__ or ()],
        function.__defaults__,
        function.__kwdefaults__ and dict(function.__kwdefaults__),
        dict(function.__dict__),
        function.__name__,
        function.__qualname__,
        function.__doc__,
    )


def test_the_named_variable_is_its_own_and_the_others_are_shared() -> None:
    bump, read = make()
    before = state(bump)
    new = rebind(bump, count=10)
    assert state(bump) == before
    assert type(new) is FunctionType
    assert new() == 11
    assert read() == 41
    assert [found.holders[0][1] for found in sharing(bump, new)] == ["step"]
    closure(bump)["step"] = 100
    assert new() == 111


def test_a_cell_is_taken_as_the_cell() -> None:
    bump, _ = make()
    cell = make_cell(5)
    new = rebind(bump, count=cell)
    assert new.__closure__[0] is cell  # type: ignore[attr-defined]
    assert (new(), cell.cell_contents) == (6, 6)


def test_a_cell_as_contents_is_wrapped_by_hand() -> None:
    _, read = make()
    cell = make_cell(5)
    assert rebind(read, count=make_cell(cell))() is cell  # type: ignore[comparison-overlap]


def test_empty_means_an_empty_cell() -> None:
    _, read = make()
    new = rebind(read, count=EMPTY)
    with pytest.raises(NameError):
        new()
    closure(new)["count"] = 3
    assert new() == 3


def test_a_closure_shares_its_cells_and_a_dict_of_it_its_values() -> None:
    bump, _ = make()
    other, _ = make(5, 5)
    shared = rebind(bump, closure(other))
    assert all(here is there for here, there in zip(shared.__closure__, other.__closure__))  # type: ignore[attr-defined]
    copied = rebind(bump, dict(closure(other)))
    assert (copied(), shared(), other()) == (10, 10, 15)


def test_a_closure_of_empty_cells_is_shared_too() -> None:
    """Its length is 0, and it still has cells."""
    _, read = make()
    _, other = make()
    del closure(other)["count"]
    new = rebind(read, closure(other))
    closure(other)["count"] = 8
    assert new() == 8


def test_values_and_keywords_together() -> None:
    bump, _ = make()
    assert rebind(bump, {"count": 1}, step=2)() == 3
    assert rebind(bump, {"count": 1, "step": 5}, step=2)() == 3
    assert rebind(bump, {})() == 42
    assert rebind(bump)() == 43


def test_names_that_are_words_of_the_verb_or_no_identifiers() -> None:
    def outer(func: int, values: int, more: int, self: int) -> Callable[[], tuple[int, ...]]:
        return lambda: (func, values, more, self)

    function = outer(1, 2, 3, 4)
    assert rebind(function, func=5, values=6, more=7, self=8)() == (5, 6, 7, 8)
    code = function.__code__.replace(co_freevars=("func", ".0", ".type_params", "two words"))
    odd = FunctionType(code, {}, None, None, function.__closure__)
    new = rebind(odd, {".0": 6, ".type_params": 7, "two words": 8})
    assert dict(closure(new)) == {"func": 1, ".0": 6, ".type_params": 7, "two words": 8}
    assert sorted(new()) == [1, 6, 7, 8]


@pytest.mark.parametrize(
    "wrong", [{"coutn": 1}, {"count": 1, "zebra": 2}, {1: 2}, {None: 1}, {("count",): 1}]
)
def test_unknown_names_are_refused_and_nothing_changes(wrong: Any) -> None:
    bump, read = make()
    before = state(bump)
    for target in (bump, staticmethod(bump), property(bump, read), functools.partial(bump)):
        with pytest.raises(FreeVariableError) as caught:
            rebind(target, wrong)
        assert caught.value.names == ("count", "step")
        assert state(bump) == before


@pytest.mark.parametrize("wrong", [3, None, "count", ["count"], (), 0, [], {"count"}])
def test_values_that_are_no_mapping_are_a_type_error(wrong: Any) -> None:
    with pytest.raises(TypeError, match="rebind takes a mapping from names to values, or keywords, not "):
        rebind(make()[0], wrong)


def test_a_property_means_those_accessors_that_have_the_name() -> None:
    """Accessors share the new cell as they shared the old one; the others are copied."""

    def accessors(value: Any, only: Any) -> property:
        def get(self: Any) -> Any:
            return value

        def put(self: Any, new: Any) -> None:
            nonlocal value
            value = (new, only)

        return property(get, put)

    class Holder:
        attribute = accessors(1, 2)

    class Again:
        attribute = rebind(vars(Holder)["attribute"], value=10)

    assert Again().attribute == 10
    Again().attribute = 11
    assert (Again().attribute, Holder().attribute) == ((11, 2), 1)
    assert rebind(vars(Holder)["attribute"], only=5).fget.__code__ is vars(Holder)["attribute"].fget.__code__
    with pytest.raises(FreeVariableError):
        rebind(vars(Holder)["attribute"], nothing=1)


def test_super_follows_the_class_cell() -> None:
    class Base:
        def name(self) -> str:
            return "base"

    class Child(Base):
        def name(self) -> str:
            return f"child of {super().name()}"

    class Other(Base):
        name = rebind(Child.name, __class__=None)

    with pytest.raises((TypeError, RuntimeError)):
        Other().name()
    Other.name = rebind(Child.name, __class__=Other)  # type: ignore[method-assign]
    assert Other().name() == "child of base"


def test_a_recursive_function_goes_on_calling_the_original_unless_rebound() -> None:
    def outer() -> Callable[[int], list[str]]:
        def down(n: int, tag: str = "old") -> list[str]:
            return [tag, *(down(n - 1) if n else [])]

        return down

    down = outer()
    new = recell.replace(down, defaults={"tag": "new"})
    assert new(2) == ["new", "old", "old"]
    tied = rebind(new, down=EMPTY)
    closure(tied)["down"] = tied
    assert tied(2) == ["new"] * 3


def test_generators_coroutines_and_async_generators() -> None:
    def outer(stop: int) -> tuple[Callable[..., Any], ...]:
        def generator() -> Any:
            yield from range(stop)

        async def coroutine() -> int:
            await asyncio.sleep(0)
            return stop

        async def async_generator() -> Any:
            for i in range(stop):
                yield i

        return generator, coroutine, async_generator

    generator, coroutine, async_generator = (rebind(function, stop=3) for function in outer(9))
    assert inspect.isgeneratorfunction(generator)
    assert inspect.iscoroutinefunction(coroutine)
    assert inspect.isasyncgenfunction(async_generator)

    async def collect() -> list[int]:
        return [i async for i in async_generator()]

    assert list(generator()) == [0, 1, 2]
    assert asyncio.run(coroutine()) == 3
    assert asyncio.run(collect()) == [0, 1, 2]


def test_what_runs_already_keeps_its_cells() -> None:
    def outer(stop: int) -> Callable[[], Any]:
        def generator() -> Any:
            i = 0
            while i < stop:
                yield i
                i += 1

        return generator

    function = outer(3)
    running = function()
    next(running)
    rebind(function, stop=100)
    assert list(running) == [1, 2]


def test_a_function_that_only_passes_on_is_rebound_behind() -> None:
    """The new one passes on to a rebound function; the old ones stay as they are."""

    def outer(forwarded: Any) -> Callable[[], Any]:
        return lambda: forwarded()

    _, read = make()
    front_code = outer(read).__code__.replace(co_freevars=(FORWARDED,))
    front = FunctionType(front_code, {}, "front", None, (make_cell(read),))
    new = rebind(front, count=5)
    assert (new(), front(), read()) == (5, 41, 41)
    with pytest.raises(FreeVariableError) as caught:
        rebind(front, nothing=5)
    assert caught.value.names == ("count",)


@sampled
@given(sharings(), st.data())
def test_rebinding_there_and_back(drawn: Sharing, data: st.DataObject) -> None:
    """Over random sharing: only the named cells are exchanged, and rebinding to the old cells gives an equal function."""
    function = data.draw(st.sampled_from(drawn.functions))
    names = function.__code__.co_freevars
    chosen = data.draw(st.sets(st.sampled_from(names))) if names else set()
    values = {name: data.draw(contents()) for name in chosen}
    cells = dict(closure(function).cells)
    before = [contents_of(cell) for cell in drawn.cells]
    new = rebind(function, values)
    for name, cell in closure(new).cells.items():
        if name not in values:
            assert cell is cells[name]
        elif type(values[name]) is type(make_cell()):
            assert cell is values[name]
        else:
            assert cell is not cells[name]
            assert contents_of(cell) is values[name]
    assert all(there is here for there, here in zip(before, map(contents_of, drawn.cells)))
    back = rebind(new, cells)
    assert all(there is here for there, here in zip(back.__closure__ or (), function.__closure__ or ()))
    assert back.__code__ is function.__code__
