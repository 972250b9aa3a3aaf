"""recell.cells: cells are made, read and written through a live mapping, and found by who holds them."""

from __future__ import annotations

import copy
import functools
import gc
import pickle
import subprocess
import sys
from collections.abc import MutableMapping
from types import CellType, FunctionType, MappingProxyType
from typing import Any, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import NAMES, contents, reader, sampled

import recell
from recell import EMPTY, Closure, EmptyCellError, FreeVariableError, closure, make_cell, owners, sharing
from recell.cells import FORWARDED, cell_for, cells_of, contents_of, is_empty


def make(count: int = 41, step: int = 1) -> tuple[Callable[[], int], Callable[[], int]]:
    def bump() -> int:
        nonlocal count
        count += step
        return count

    def read() -> int:
        return count

    return bump, read


def plain() -> None: ...


# -- EMPTY and make_cell -------------------------------------------------------------------------------------------


def test_empty_is_one_object_through_copy_and_pickle() -> None:
    assert repr(EMPTY) == "<empty>"
    assert copy.copy(EMPTY) is EMPTY
    assert copy.deepcopy([EMPTY])[0] is EMPTY
    assert type(EMPTY)() is EMPTY
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps({"x": EMPTY}, protocol))["x"] is EMPTY


def test_a_cell_is_made_with_contents_or_empty() -> None:
    value = object()
    assert type(make_cell()) is CellType
    assert is_empty(make_cell())
    assert is_empty(make_cell(EMPTY))
    assert make_cell(value).cell_contents is value
    assert make_cell(None).cell_contents is None


def test_a_cell_as_contents_is_wrapped() -> None:
    cell = make_cell(1)
    assert make_cell(cell) is not cell
    assert make_cell(cell).cell_contents is cell


def test_a_value_of_a_verb_means_a_cell() -> None:
    """A cell itself, EMPTY an empty one, anything else a fresh one; a Closure stands for its cells."""
    cell = make_cell(1)
    assert cell_for(cell) is cell
    assert is_empty(cell_for(EMPTY))
    assert cell_for(2).cell_contents == 2
    bump, _ = make()
    assert cells_of(closure(bump))["count"] is bump.__closure__[0]  # type: ignore[attr-defined]
    assert cells_of({"count": 1}) == {"count": 1}


def test_contents_of_a_cell_may_be_anything() -> None:
    assert contents_of(make_cell()) is EMPTY
    assert contents_of(make_cell(None)) is None


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


# -- owners --------------------------------------------------------------------------------------------------------


def functions_in_list(found: list[FunctionType], *expected: object) -> bool:
    return len(found) == len(expected) and all(any(one is other for other in found) for one in expected)


def test_owners_of_a_cell_are_the_functions_that_hold_it() -> None:
    bump, read = make()
    cells = closure(bump).cells
    assert functions_in_list(owners(cells["count"]), bump, read)
    assert functions_in_list(owners(cells["step"]), bump)
    assert owners(make_cell()) == []
    held = make_cell()
    holder = [(held,), {"cell": held}]
    assert owners(held) == []
    del holder


def test_owners_of_a_code_object_are_the_functions_that_run_it() -> None:
    """Identity counts, not equality: an equal code elsewhere is another one."""
    first, _ = make()
    second, _ = make()
    assert functions_in_list(owners(first.__code__), first, second)
    again = first.__code__.replace()
    assert again == first.__code__
    assert owners(again) == []


def test_each_owner_is_found_once() -> None:
    """Also one that holds the cell twice, in a closure tuple that several functions share."""
    function, cell = reader(("a", "b")), make_cell(1)
    cells = (cell, cell)
    one = FunctionType(function.__code__, {}, "one", None, cells)
    two = FunctionType(function.__code__, {}, "two", None, cells)
    assert functions_in_list(owners(cell), one, two)


def test_an_owner_whose_closure_is_a_subclass_of_tuple_is_found() -> None:
    class Cells(tuple):
        def __iter__(self) -> Any:
            raise AssertionError("nobody asked")

    cell = make_cell(1)
    holder = FunctionType(reader(("a",)).__code__, {}, "holder", None, Cells((cell,)))
    assert functions_in_list(owners(cell), holder)


@pytest.mark.parametrize("wrong", [plain, None, 3, "count", (), closure])
def test_owners_of_anything_else_is_a_type_error(wrong: Any) -> None:
    with pytest.raises(TypeError, match="owners takes a cell or a code object, not "):
        owners(wrong)


def test_owners_says_when_objects_are_frozen() -> None:
    """gc.freeze() hides objects from the search: a warning at the caller's line says so."""
    script = (
        "import gc, warnings, recell\n"
        "def make(x):\n    return lambda: x\n"
        "f = make(1)\n"
        "assert recell.owners(f.__closure__[0]) == [f]\n"
        "gc.freeze()\n"
        "with warnings.catch_warnings(record=True) as caught:\n"
        "    warnings.simplefilter('always')\n"
        "    found = recell.owners(f.__closure__[0])\n"
        "    lines = [(w.category.__name__, w.filename, w.lineno, str(w.message)) for w in caught]\n"
        "assert found == [] and len(lines) == 1, (found, lines)\n"
        "kind, filename, line, text = lines[0]\n"
        "assert (kind, filename, line) == ('RuntimeWarning', '<string>', 9), lines\n"
        "assert text.endswith('objects are frozen (gc.freeze): owners among them are not found'), text\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_owners_does_not_keep_what_it_found() -> None:
    bump, _ = make()
    cell = closure(bump).cells["step"]
    before = sys.getrefcount(bump)
    owners(cell)
    assert sys.getrefcount(bump) == before


# -- sharing -------------------------------------------------------------------------------------------------------


def test_sharing_lists_the_cells_that_several_functions_hold() -> None:
    bump, read = make()
    (found,) = sharing(bump, read)
    assert isinstance(found, recell.SharedCell)
    assert found.cell is bump.__closure__[0]  # type: ignore[attr-defined]
    assert found.holders == ((bump, "count"), (read, "count"))
    assert sharing() == sharing(bump) == sharing(bump, plain) == sharing(bump, make()[1]) == ()


def test_sharing_knows_each_function_once_and_each_name() -> None:
    """A function given twice shares nothing with itself; one cell may have several names."""
    bump, read = make()
    assert sharing(bump, bump) == ()
    cell = make_cell(1)
    pair = FunctionType(reader(("a", "b")).__code__, {}, "pair", None, (cell, cell))
    single = FunctionType(reader(("c",)).__code__, {}, "single", None, (cell,))
    assert sharing(pair) == ()
    assert sharing(pair, single)[0].holders == ((pair, "a"), (pair, "b"), (single, "c"))


def test_equal_cells_are_not_the_same_cell() -> None:
    """Cells compare by contents; sharing means identity."""
    assert make()[0].__closure__ == make()[0].__closure__  # type: ignore[attr-defined]
    assert sharing(make()[0], make()[0]) == ()


def test_reading_a_closure_leaves_no_garbage() -> None:
    bump, _ = make()
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(100):
        live = closure(bump)
        live["count"] = live["count"]
        dict(live), len(live), repr(live), "count" in live
    del live
    assert len(gc.get_objects()) <= before + 5
