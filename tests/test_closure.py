"""recell.Closure: a live mutable mapping with fixed names over a function's cells."""

from __future__ import annotations

import functools
from collections.abc import MutableMapping
from types import FunctionType, MappingProxyType
from typing import Any, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import NAMES, contents, reader, sampled

from recell import EMPTY, Closure, EmptyCellError, FreeVariableError, closure, make_cell, sharing
from recell.cells import FORWARDED, is_empty


def make(count: int = 41, step: int = 1) -> tuple[Callable[[], int], Callable[[], int]]:
    def bump() -> int:
        nonlocal count
        count += step
        return count

    def read() -> int:
        return count

    return bump, read


def plain() -> None: ...


# -- Closure: reading ----------------------------------------------------------------------------------------------


def test_a_closure_reads_and_writes_the_cells() -> None:
    """What is written, everyone who shares the cell sees; and the other way round."""
    bump, read = make()
    live = closure(bump)
    assert isinstance(live, Closure)
    assert isinstance(live, MutableMapping)
    assert live["count"] == 41
    assert bump() == 42
    assert live["count"] == 42
    live["count"] = 0
    assert (read(), bump(), read()) == (0, 1, 1)
    assert dict(live) == {"count": 1, "step": 1}


def test_setting_writes_contents_always() -> None:
    """A cell is written as contents, not taken as the cell; EMPTY empties."""
    bump, read = make()
    before = bump.__closure__  # type: ignore[attr-defined]
    cell = make_cell(5)
    closure(bump)["count"] = cell
    assert read() is cell  # type: ignore[comparison-overlap]
    assert bump.__closure__ is before  # type: ignore[attr-defined]
    closure(bump)["count"] = EMPTY
    assert is_empty(before[0])


def test_an_empty_cell_is_absent_but_listed() -> None:
    bump, read = make()
    live = closure(bump)
    del live["count"]
    assert "count" not in live
    assert list(live) == ["step"]
    assert len(live) == 1
    assert live.names == ("count", "step")
    assert list(live.cells) == ["count", "step"]
    assert is_empty(live.cells["count"])
    assert live.get("count", "default") == "default"
    with pytest.raises(EmptyCellError):
        live["count"]
    with pytest.raises(EmptyCellError):
        del live["count"]
    with pytest.raises(NameError):
        read()
    live["count"] = 7
    assert read() == 7


def test_cells_are_the_very_objects_and_read_only() -> None:
    bump, _ = make()
    cells = closure(bump).cells
    assert isinstance(cells, MappingProxyType)
    assert all(cells[name] is cell for name, cell in zip(("count", "step"), bump.__closure__))  # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        cells["count"] = make_cell()  # type: ignore[index]


@pytest.mark.parametrize("name", ["nothing", "", "cell_contents", 3, None, ("count",)])
def test_unknown_names_are_refused_and_nothing_changes(name: Any) -> None:
    bump, _ = make()
    live = closure(bump)
    for attempt in (
        lambda: live[name],
        lambda: live.__setitem__(name, 1),
        lambda: live.__delitem__(name),
        lambda: live.pop(name),
        lambda: live.setdefault(name, 1),
        lambda: live.update({name: 1}),
    ):
        with pytest.raises(FreeVariableError) as caught:
            attempt()
        assert caught.value.names == ("count", "step")
    assert name not in live
    assert live.get(name) is None
    assert live.pop(name, "default") == "default"
    assert dict(live) == {"count": 41, "step": 1}
    assert live.names == ("count", "step")


def test_an_unhashable_name_is_a_type_error_for_in_as_for_any_dict() -> None:
    with pytest.raises(TypeError):
        [] in closure(make()[0])  # noqa: B015


def test_a_function_without_free_variables_has_an_empty_closure() -> None:
    live = closure(plain)
    assert (dict(live), live.names, dict(live.cells), len(live)) == ({}, (), {}, 0)
    assert repr(live) == "<closure of plain: no free variables>"
    for attempt in (lambda: live["x"], lambda: live.__setitem__("x", 1), lambda: live.__delitem__("x")):
        with pytest.raises(FreeVariableError):
            attempt()


def test_repr_shows_names_and_contents() -> None:
    bump, _ = make(42)
    live = closure(bump)
    del live["step"]
    assert repr(live) == "<closure of make.<locals>.bump: count=42, step=<empty>>"
    live["count"] = "x" * 1000
    assert len(repr(live)) < 150


def test_repr_of_a_closure_that_holds_itself_ends() -> None:
    bump, _ = make()
    live = closure(bump)
    live["count"] = live
    assert repr(live).startswith("<closure of make.<locals>.bump: count=<closure of make")
    bump.__closure__[0].cell_contents = None  # type: ignore[attr-defined]


def test_names_that_are_no_identifiers() -> None:
    """`.0` and PEP 695's dotted names are names as any other."""
    code = reader(("a", "b")).__code__.replace(co_freevars=(".0", ".type_params"))
    function = FunctionType(code, {}, None, None, (make_cell(1), make_cell(2)))
    live = closure(function)
    assert dict(live) == {".0": 1, ".type_params": 2}
    live[".0"] = 3
    assert function() == (3, 2)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda f: f,
        staticmethod,
        classmethod,
        functools.partial,
        functools.partialmethod,
        functools.cached_property,
        lambda f: f.__get__(object()),
        lambda f: staticmethod(functools.partial(f)),
    ],
)
def test_a_closure_is_taken_of_anything_that_stands_for_one_function(wrap: Callable[[Any], Any]) -> None:
    bump, read = make()
    closure(wrap(bump))["count"] = 5
    assert read() == 5
    assert [holder for holder, _ in sharing(wrap(bump), read)[0].holders] == [bump, read]


def test_a_closure_is_live() -> None:
    """It tells the truth also after another code, with other names, was assigned."""
    bump, _ = make()
    live = closure(bump)
    bump.__code__ = reader(("later", "other")).__code__
    assert live.names == ("later", "other")
    assert dict(live) == {"later": 41, "other": 1}
    with pytest.raises(FreeVariableError):
        live["count"]


def test_a_closure_sees_through_a_function_that_only_passes_on() -> None:
    """The cells behind are shown, read, written, named in errors and in repr."""
    bump, read = make()
    code = reader(("forwarded",)).__code__.replace(co_freevars=(FORWARDED,))
    front = FunctionType(code, {}, "front", None, (make_cell(bump),))
    live = closure(front)
    assert live.names == ("count", "step")
    assert live.cells["count"] is bump.__closure__[0]  # type: ignore[attr-defined]
    live["count"] = 5
    assert (read(), live["count"]) == (5, 5)
    del live["count"]
    assert "count" not in live
    with pytest.raises(FreeVariableError) as caught:
        live["nothing"]
    assert caught.value.names == ("count", "step")
    empty = FunctionType(code, {}, "front", None, (make_cell(),))
    assert closure(empty).names == (FORWARDED,)
    assert list(closure(empty)) == []


# -- Closure: the laws of a mutable mapping ------------------------------------------------------------------------


@sampled
@given(st.data())
def test_a_closure_is_a_mutable_mapping_with_fixed_names(data: st.DataObject) -> None:
    """Whatever is done to it, it equals a dict to which the same is done, as long as no name is added."""
    names = tuple(sorted(data.draw(st.sets(st.sampled_from(NAMES), min_size=1))))
    function = reader(names)
    live, model = closure(function), {}
    for _ in range(data.draw(st.integers(0, 12))):
        action = data.draw(
            st.sampled_from(["set", "del", "pop", "pop default", "setdefault", "update", "clear", "popitem"])
        )
        name, value = data.draw(st.sampled_from(names)), data.draw(contents())
        if action == "set":
            live[name] = value
            model[name] = value
        elif action == "update":
            live.update({name: value})
            model.update({name: value})
        elif action == "setdefault":
            if value is not EMPTY:
                assert live.setdefault(name, value) is model.setdefault(name, value)
        elif action == "pop default":
            assert live.pop(name, None) is model.pop(name, None)
        elif action == "clear":
            live.clear()
            model.clear()
        elif action == "popitem":
            if model:
                key, popped = live.popitem()
                assert model.pop(key) is popped
            else:
                with pytest.raises(KeyError):
                    live.popitem()
        elif name in model:
            assert (live.pop(name) if action == "pop" else live.__delitem__(name)) in (model.pop(name), None)
        else:
            with pytest.raises(EmptyCellError):
                live.pop(name) if action == "pop" else live.__delitem__(name)
        model = {name: value for name, value in model.items() if value is not EMPTY}
        assert list(live) == [name for name in names if name in model]
        assert all(live[name] is model[name] for name in model)
        assert len(live) == len(model)
        assert list(live.values()) == [live[name] for name in live]
        assert [name in live for name in names] == [name in model for name in names]
        assert live.names == names


def test_closures_compare_as_mappings_do() -> None:
    one, _ = make()
    two, _ = make()
    assert closure(one) == closure(two) == {"count": 41, "step": 1}
    closure(two)["step"] = 2
    assert closure(one) != closure(two)
    with pytest.raises(TypeError):
        hash(closure(one))


@pytest.mark.parametrize("wrong", [5, None, len, type("A", (), {}), functools.partial(make)])
def test_a_closure_of_what_is_no_function_is_refused_at_once(wrong: Any) -> None:
    with pytest.raises(TypeError, match="Closure takes a Python function, not "):
        Closure(wrong)
