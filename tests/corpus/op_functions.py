"""`replace`, `rebind`, `clone` and `make_function` on real functions."""

from __future__ import annotations

import functools
import gc
from types import CellType, FunctionType

from iterating import is_alike, takes_iterator

import recell
from corpus import Operation, Refused, live_functions

MARK = object()
HAS_ANNOTATE = "__annotate__" in vars(FunctionType)  # `hasattr` would ask `type`, which says no on 3.14
# every attribute that must come over as the very object
SAME = ["__code__", "__globals__", "__defaults__", "__name__", "__qualname__", "__module__", "__doc__"]
SAME += [name for name in ("__builtins__", "__type_params__", "__annotate__") if name in vars(FunctionType)]


def contents(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        return recell.EMPTY


def snapshot(func: FunctionType) -> tuple[object, ...]:
    """What the function is made of, without evaluating its annotations, to see that it was left alone."""
    cells = func.__closure__ or ()
    parts = [*(getattr(func, name) for name in SAME), *cells, *(contents(cell) for cell in cells)]
    return (*map(id, parts), HAS_ANNOTATE and func.__annotate__ is not None and evaluated(func))


def evaluated(func: FunctionType) -> bool:
    """Whether the function holds a dict of annotations already (3.14+ makes it on demand)."""
    known = [func.__globals__, func.__dict__, func.__kwdefaults__, getattr(func, "__builtins__", None)]
    known += [func.__module__, func.__doc__]
    return any(
        type(referent) is dict and all(referent is not each for each in known)
        for referent in gc.get_referents(func)
    )


def assert_equal(new: FunctionType, func: FunctionType) -> None:
    """Equal in every attribute that CPython keeps on a function, but for the closure."""
    assert type(new) is FunctionType
    for name in SAME:
        assert getattr(new, name) is getattr(func, name), name
    assert new.__kwdefaults__ == func.__kwdefaults__
    assert list(new.__dict__) == list(func.__dict__)
    assert all(new.__dict__[name] is value for name, value in func.__dict__.items())
    assert new.__dict__ is not func.__dict__
    if not HAS_ANNOTATE or func.__annotate__ is None:
        assert new.__annotations__ == func.__annotations__
    else:
        assert evaluated(new) == evaluated(func), "lazy annotations stay lazy"


def replaced(func: FunctionType) -> None:
    """`replace(func)` is equal in every attribute and shares the very cells; the original is as it was."""
    before = snapshot(func)
    try:
        new = recell.replace(func)
    except recell.BuiltinsMismatchError as error:
        raise Refused("its globals hold other builtins now") from error
    assert new is not func
    assert_equal(new, func)
    assert (new.__closure__ is None) == (func.__closure__ is None)
    assert len(new.__closure__ or ()) == len(func.__closure__ or ())
    assert all(one is other for one, other in zip(new.__closure__ or (), func.__closure__ or ()))
    assert snapshot(func) == before


def rebound(func: FunctionType) -> None:
    """`rebind` gives the named variable a cell of its own; the other cells stay the very cells."""
    before = snapshot(func)
    name = func.__code__.co_freevars[0]
    new = recell.rebind(func, {name: MARK})
    old_cell, *old_rest = func.__closure__
    new_cell, *new_rest = new.__closure__
    assert new_cell is not old_cell
    assert new_cell.cell_contents is MARK
    assert len(new_rest) == len(old_rest)
    assert all(one is other for one, other in zip(new_rest, old_rest))
    assert new.__code__ is func.__code__
    assert snapshot(func) == before
    emptied = recell.rebind(func, {name: recell.EMPTY})
    assert contents(emptied.__closure__[0]) is recell.EMPTY
    shared = recell.rebind(func, {name: old_cell})
    assert shared.__closure__[0] is old_cell


@functools.lru_cache(maxsize=None)
def holders() -> dict[int, list[FunctionType]]:
    """For each cell of a live function, the functions that hold it."""
    found: dict[int, list[FunctionType]] = {}
    for func in live_functions():
        for cell in func.__closure__ or ():
            found.setdefault(id(cell), []).append(func)
    return found


def partition(cells: list[CellType]) -> list[int]:
    """For each cell, the place where the same cell stands first: equal lists mean equal sharing."""
    first: dict[int, int] = {}
    return [first.setdefault(id(cell), index) for index, cell in enumerate(cells)]


def cloned(func: FunctionType) -> None:
    """Clones share no cell with the originals, and among themselves exactly what the originals share."""
    group = {id(func): func}
    for cell in func.__closure__ or ():
        for other in holders().get(id(cell), [])[:8]:
            group.setdefault(id(other), other)
    originals = list(group.values())
    before = [snapshot(each) for each in originals]
    try:
        made = recell.clone(*originals)
    except recell.BuiltinsMismatchError as error:
        raise Refused("its globals hold other builtins now") from error
    clones = list(made) if len(originals) > 1 else [made]
    for new, old in zip(clones, originals):
        assert new is not old
        if not HAS_ANNOTATE or not (old.__closure__ and old.__annotate__):
            assert_equal(new, old)
    old_cells = [cell for each in originals for cell in each.__closure__ or ()]
    new_cells = [cell for each in clones for cell in each.__closure__ or ()]
    assert partition(new_cells) == partition(old_cells)
    assert not {id(cell) for cell in new_cells} & {id(cell) for cell in old_cells}
    twins = {id(old): new for new, old in zip(clones, originals)}
    for new, old in zip(new_cells, old_cells):
        assert contents(new) is twins.get(id(contents(old)), contents(old))
    assert [snapshot(each) for each in originals] == before


def made(func: FunctionType) -> None:
    """`make_function` from the parts gives a function of the same parts, whose code passes as it is."""
    code = func.__code__
    keywords = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    # some libraries hang more defaults on a function than it has parameters: that is refused by contract
    defaults = func.__defaults__ if len(func.__defaults__ or ()) <= code.co_argcount else None
    kwdefaults = {
        name: value for name, value in (func.__kwdefaults__ or {}).items() if name in keywords
    } or None
    new = recell.make_function(
        code,
        func.__globals__,
        func.__name__,
        defaults,
        func.__closure__,
        kwdefaults=kwdefaults,
        qualname=func.__qualname__,
        module=func.__module__,
        doc=func.__doc__,
    )
    assert type(new) is FunctionType
    # a copy may be needed: code remembers its globals; what loops over its argument makes an iterator of it
    if takes_iterator(code):
        assert is_alike(new.__code__, code)
    else:
        assert new.__code__ == code.replace(co_name=func.__name__)
    for name in (
        "__globals__",
        "__name__",
        "__qualname__",
        "__module__",
        "__doc__",
    ):
        assert getattr(new, name) is getattr(func, name), name
    assert new.__defaults__ is defaults
    assert new.__kwdefaults__ == kwdefaults
    assert all(one is other for one, other in zip(new.__closure__ or (), func.__closure__ or ()))
    by_name = recell.make_function(code, {}, closure=dict(zip(code.co_freevars, func.__closure__ or ())))
    assert all(one is other for one, other in zip(by_name.__closure__ or (), func.__closure__ or ()))


OPERATIONS = [
    Operation("replace", replaced, sample=1500),
    Operation("rebind", rebound, applies=lambda func: bool(func.__closure__), sample=500),
    Operation("clone", cloned, sample=600),
    Operation("clone closures", cloned, applies=lambda func: bool(func.__closure__), sample=600),
    Operation("make_function", made, sample=400),
]
