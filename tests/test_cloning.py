"""recell.clone: independent copies whose cells are connected among themselves as the originals' are."""

from __future__ import annotations

import functools
import gc
import weakref
from types import FunctionType
from typing import Any, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import NAMES, Sharing, reader, sampled, sharings

import recell
from recell import EMPTY, FreeVariableError, clone, closure, make_cell, sharing
from recell.cells import FORWARDED, contents_of


def account(balance: int) -> tuple[Callable[[int], None], Callable[[], int]]:
    def deposit(amount: int) -> None:
        nonlocal balance
        balance += amount

    def read() -> int:
        return balance

    return deposit, read


def recursive(tag: str = "old") -> Callable[[int], list[str]]:
    def down(n: int) -> list[str]:
        return [tag, *(down(n - 1) if n else [])]

    return down


def same_cells(one: Any, two: Any) -> bool:
    return all(here is there for here, there in zip(one.__closure__ or (), two.__closure__ or ()))


# -- topology ------------------------------------------------------------------------------------------------------


def test_one_clone_is_independent() -> None:
    deposit, read = account(100)
    new = clone(deposit)
    assert type(new) is FunctionType
    new(11)
    assert (read(), closure(new)["balance"]) == (100, 111)


def test_shared_cells_stay_shared_among_the_clones() -> None:
    deposit, read = account(100)
    deposit_too, read_too = clone(deposit, read)
    deposit_too(11)
    assert (read(), read_too()) == (100, 111)
    assert sharing(deposit_too, read_too)[0].holders == ((deposit_too, "balance"), (read_too, "balance"))
    assert sharing(deposit, deposit_too) == ()


def test_a_function_given_twice_is_cloned_once() -> None:
    deposit, read = account(1)
    one, two, three = clone(deposit, read, deposit)
    assert one is three
    assert one is not two


def test_a_recursive_function_calls_its_clone() -> None:
    down = recursive()
    new = clone(down)
    closure(new)["tag"] = "new"
    assert new(2) == ["new"] * 3
    assert down(2) == ["old"] * 3
    assert closure(new)["down"] is new


def test_mutually_recursive_functions_call_each_others_clones() -> None:
    def outer() -> tuple[Any, Any]:
        def even(n: int) -> bool:
            return n == 0 or odd(n - 1)

        def odd(n: int) -> bool:
            return n != 0 and even(n - 1)

        return even, odd

    even, odd = outer()
    new_even, new_odd = clone(even, odd)
    assert (closure(new_even)["odd"], closure(new_odd)["even"]) == (new_odd, new_even)
    assert new_even(10)
    alone = clone(even)
    assert closure(alone)["odd"] is odd
    deep = clone(even, deep=True)
    assert closure(closure(deep)["odd"])["even"] is deep
    assert closure(deep)["odd"] is not odd


def test_an_empty_cell_stays_empty() -> None:
    function = reader(("a", "b"))
    closure(function)["b"] = 2
    new: Any = clone(function)
    assert dict(closure(new)) == {"b": 2}
    closure(function)["a"] = 1
    assert "a" not in closure(new)


def test_a_cell_may_hold_the_sentinel_of_an_empty_one() -> None:
    function: Any = reader(("a",))
    function.__closure__[0].cell_contents = EMPTY
    assert clone(function)() == (EMPTY,)


def test_contents_are_shared_not_copied() -> None:
    contents = [1]
    function: Any = reader(("a",))
    closure(function)["a"] = contents
    assert clone(function)()[0] is contents
    assert clone(function, deep=True)()[0] is contents


def test_names_that_stay_common_with_the_originals() -> None:
    deposit, read = account(100)
    for share in ("balance", ["balance"], {"balance"}, iter(("balance",))):
        new = clone(deposit, share=share)
        assert same_cells(new, deposit)
    down = recursive()
    new_down = clone(down, share="tag")
    closure(down)["tag"] = "both"
    assert new_down(1) == ["both", "both"]
    assert closure(new_down)["down"] is new_down


def test_a_cell_shared_under_one_name_is_shared_under_all() -> None:
    cell = make_cell(1)
    one = FunctionType(reader(("a",)).__code__, {}, "one", None, (cell,))
    two = FunctionType(reader(("b",)).__code__, {}, "two", None, (cell,))
    assert [f.__closure__[0] is cell for f in clone(one, two, share="a")] == [True, True]  # type: ignore[index]


def test_a_name_to_share_that_nobody_has_is_refused() -> None:
    deposit, read = account(100)
    with pytest.raises(TypeError, match="names of free variables as share=, not 5"):
        clone(deposit, share=5)  # type: ignore[call-overload]
    for attempt in (
        lambda: clone(deposit, share="balanec"),
        lambda: clone(deposit, read, share=("balance", "other")),
        lambda: clone(staticmethod(deposit), share=["x"]),
    ):
        with pytest.raises(FreeVariableError) as caught:
            attempt()
        assert caught.value.names == ("balance",)


# -- deep ----------------------------------------------------------------------------------------------------------


def test_deep_follows_wrapped_partials_methods_and_properties() -> None:
    """Functions reachable through cells and `__wrapped__` are cloned once and stand where the originals stood."""
    _, read = account(5)

    class Owner:
        def method(self) -> Any:
            return read()

    owner = Owner()
    for hold in (
        lambda f: f,
        functools.partial,
        lambda f: functools.partial(functools.partial(f)),
        staticmethod,
        property,
    ):
        held = hold(read)
        outer: Any = reader(("a",))
        closure(outer)["a"] = held
        shallow, deep = clone(outer), clone(outer, deep=True)
        assert shallow()[0] is held
        assert type(deep()[0]) is type(held)
        assert deep()[0] is not held
    bound: Any = reader(("a",))
    closure(bound)["a"] = owner.method
    new = clone(bound, deep=True)
    assert new()[0].__self__ is owner
    inner = closure(new()[0].__func__)["read"]
    closure(inner)["balance"] = 6
    assert (new()[0](), bound()[0]()) == (6, 5)


def test_deep_follows_a_decorators_wrapped() -> None:
    deposit, read = account(1)

    @functools.wraps(read)
    def wrapper() -> Any:
        return read(), 0

    shallow: Any = clone(wrapper)
    deep: Any = clone(wrapper, deep=True)
    assert shallow.__wrapped__ is read
    assert deep.__wrapped__ is closure(deep)["read"]
    assert deep.__wrapped__ is not read
    deposit(10)
    assert (wrapper(), shallow(), deep()) == ((11, 0), (11, 0), (1, 0))
    together: Any = clone(wrapper, read)
    assert together[0].__wrapped__ is together[1]


def test_deep_does_not_follow_shared_names() -> None:
    _, read = account(1)
    outer: Any = reader(("a",))
    closure(outer)["a"] = read
    assert clone(outer, share="a", deep=True)()[0] is read


def test_deep_over_a_long_chain_needs_no_recursion() -> None:
    last: Any = reader(("a",))
    closure(last)["a"] = None
    first = last
    for _ in range(5000):
        first = FunctionType(last.__code__, {}, "f", None, (make_cell(first),))
    new = clone(first, deep=True)
    for _ in range(5000):
        assert new is not first
        new, first = new()[0], first()[0]
    assert new() == (None,)


# -- kinds ---------------------------------------------------------------------------------------------------------


def test_kinds_are_handed_back_together() -> None:
    """A property and a function that share a cell share one among the clones."""

    class Owner:
        def __init__(self) -> None: ...

    def parts(value: int) -> tuple[property, Any, Any]:
        def get(self: Any) -> int:
            return value

        def put(self: Any, new: int) -> None:
            nonlocal value
            value = new

        return (
            property(get, put),
            staticmethod(lambda: value),
            functools.partial(lambda extra: value + extra, 1),
        )

    attribute, static, partial = parts(5)
    new_attribute, new_static, new_partial = clone(attribute, static, partial)
    Owner.attribute = new_attribute  # type: ignore[attr-defined]
    Owner().attribute = 10  # type: ignore[attr-defined]
    assert (new_static.__func__(), new_partial()) == (10, 11)
    assert (static.__func__(), partial()) == (5, 6)


def test_methods_keep_their_class_cell_unless_cloned_with_it() -> None:
    class Base:
        def name(self) -> str:
            return "base"

    class Child(Base):
        def name(self) -> str:
            return "child of " + super().name()

    Child.other = clone(Child.name)  # type: ignore[attr-defined]
    assert Child().other() == "child of base"  # type: ignore[attr-defined]
    assert closure(Child.other)["__class__"] is Child  # type: ignore[attr-defined]


def test_a_function_that_only_passes_on_is_cloned_with_what_it_passes_to() -> None:
    deposit, read = account(1)
    code = reader(("forwarded",)).__code__.replace(co_freevars=(FORWARDED,))
    front: Any = FunctionType(code, {}, "front", None, (make_cell(read),))
    new, deposit_too = clone(front, deposit)
    deposit_too(5)
    assert (new()[0](), front()[0]()) == (6, 1)


@pytest.mark.parametrize("wrong", [len, int, 3, None, property(), functools.lru_cache(len), "f"])
def test_what_holds_no_function_is_refused(wrong: Any) -> None:
    deposit, read = account(1)
    for attempt in (
        lambda: clone(wrong),
        lambda: clone(deposit, wrong),
        lambda: clone(wrong, read, deep=True),
    ):
        with pytest.raises(TypeError, match="clone needs a Python function"):
            attempt()
    assert read() == 1


def test_nothing_to_clone_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="clone takes at least one function"):
        clone()  # type: ignore[call-overload]


# -- memory --------------------------------------------------------------------------------------------------------


def test_cyclic_garbage_of_clones_is_collected() -> None:
    """A recursive clone holds itself through its cell, and is garbage like the original."""
    down = recursive()
    new = clone(down)
    alive = [weakref.ref(new), weakref.ref(down)]
    gc.collect()
    assert all(ref() is not None for ref in alive)
    del new, down
    gc.collect()
    assert all(ref() is None for ref in alive)


def test_a_clone_does_not_keep_its_original() -> None:
    deposit, _ = account(1)
    alive = weakref.ref(deposit)
    new = clone(deposit)
    del deposit, _
    gc.collect()
    assert alive() is None
    new(1)
    assert closure(new)["balance"] == 2


# -- over random sharing graphs ------------------------------------------------------------------------------------


@sampled
@given(sharings(), st.booleans(), st.data())
def test_clones_have_the_topology_of_the_originals(drawn: Sharing, deep: bool, data: st.DataObject) -> None:
    """There is a one-to-one map from old cells to new, and functions hold mapped cells under the same names."""
    chosen = data.draw(st.lists(st.sampled_from(drawn.functions), min_size=1, max_size=5))
    held = sorted({name for function in chosen for name in function.__code__.co_freevars})
    share = data.draw(st.sets(st.sampled_from(held))) if held else set()
    before = [contents_of(cell) for cell in drawn.cells]
    result = clone(*chosen, share=share, deep=deep)
    clones: tuple[Any, ...] = result if len(chosen) > 1 else (result,)
    assert all(there is contents_of(cell) for there, cell in zip(before, drawn.cells))

    functions = {id(old): new for old, new in zip(chosen, clones)}
    cells: dict[int, Any] = {}
    kept: set[int] = set()
    waiting, seen = list(zip(chosen, clones)), set()
    while waiting:
        old, new = waiting.pop()
        if id(old) in seen:
            continue
        seen.add(id(old))
        functions[id(old)] = new
        assert new is not old
        assert new.__code__ is old.__code__
        for name, cell, new_cell in zip(
            old.__code__.co_freevars, old.__closure__ or (), new.__closure__ or ()
        ):
            if name in share:
                kept.add(id(cell))
            assert cells.setdefault(id(cell), new_cell) is new_cell
            contents = contents_of(cell)
            if deep and type(contents) is FunctionType and contents_of(new_cell) is not contents:
                waiting.append((contents, contents_of(new_cell)))
    assert len({id(cell) for cell in cells.values()}) == len(cells)
    for cell in drawn.cells:
        if id(cell) in cells:
            new_cell = cells[id(cell)]
            assert (new_cell is cell) == (id(cell) in kept)
            if new_cell is not cell:
                contents = contents_of(cell)
                assert contents_of(new_cell) is functions.get(id(contents), contents)
    assert set(NAMES) >= set(held)


@sampled
@given(sharings())
def test_sharing_counts_are_the_same_among_clones(drawn: Sharing) -> None:
    clones = clone(*drawn.functions, *drawn.functions)
    clones = clones[: len(drawn.functions)]

    def shape(functions: Any) -> list[list[tuple[int, str]]]:
        where = {id(function): index for index, function in enumerate(functions)}
        return [[(where[id(f)], name) for f, name in found.holders] for found in sharing(*functions)]

    assert shape(clones) == shape(drawn.functions)
    assert recell.sharing(*clones, *drawn.functions) is not None


def test_one_wrapper_in_two_cells_stays_one() -> None:
    """What is rebuilt around clones is rebuilt once."""

    def make() -> Any:
        def helper() -> int:
            return count

        def func() -> Any:
            return first, second, helper

        count = 0
        first = second = functools.partial(helper)
        return func

    old, new = make(), clone(make(), deep=True)
    first, second, helper = new()
    assert first is second and first.func is helper
    assert first is not old()[0]
