"""recell.cells: cells are made, read and written through a live mapping, and found by who holds them."""

from __future__ import annotations

import copy
import gc
import pickle
import subprocess
import sys
from types import CellType, FunctionType
from typing import Any, Callable

import pytest
from strategies import reader

import recell
from recell import EMPTY, closure, make_cell, owners, sharing
from recell.cells import cell_for, cells_of, contents_of, is_empty


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


def test_owners_are_no_helpers_of_an_exchange() -> None:
    """What a change in place makes for itself is nobody's function, while it is active and afterwards."""

    def make(step=1, start=2):
        return (lambda: step), (lambda: (step, start))

    first, (_, second) = make()[0], make()
    [cell] = first.__closure__
    for _ in range(2):
        change = recell.swap(first, second)
        users = [first, change.original]
        assert all(any(found is user for user in users) for found in recell.owners(cell))
        assert all(found in (first, second) for found in recell.owners(second.__closure__[0]))
        change.undo()
        assert first in recell.owners(cell)
        assert all(any(found is user for user in users) for found in recell.owners(cell))
    del change, users
    assert recell.owners(cell) == recell.owners(first.__code__)[:1] == [first]


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
