"""An existing object does what another does, which a new text made: all references to it follow."""

from __future__ import annotations

import gc
from types import CellType, CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from recell.callables import cache_parameters
from recell.cells import contents_of
from recell.reloading.edits import FollowWhole
from recell.reloading.faces import face_after
from recell.reloading.journal import text_state
from recell.reloading.operations import operations

if TYPE_CHECKING:
    from collections.abc import Collection

    from recell.reloading.work import Work

__all__ = ["assigns", "become", "way_to"]

_DESCRIPTORS = (classmethod, staticmethod, property)
_NAMES = ("__name__", "__qualname__", "__module__")
_FAR = 9  # as deep as decorators are looked into


def become(work: Work, old: Any, new: Any, keep: Collection[str] | None = None) -> bool:
    """Make an object do what another does.

    Functions take code, closure and face; instances of one class take over what the other holds; descriptors go on to
    what they hold; a function that becomes something else passes calls on.

    Args:
        work: the reload under way.
        old: the existing object.
        new: what the text made.
        keep: those attributes of a function that stay; None: all.

    Returns:
        False where it cannot: then nothing has changed.
    """
    if old is new:
        return True
    if type(old) is FunctionType:
        if type(new) is FunctionType and new.__globals__ is old.__globals__:
            _take_over(work, old, new, keep)
            return True
        if not callable(new):
            return False
        way = way_to(new, old, work.namespace)
        if len(way) > 1:  # it is around the old one: as for functions, that is to be another object
            _put_inside(way[-2], old, text_state(old))
        work.journal.forward(old, new)
        if type(new) is FunctionType:
            _rename(work, old, new)
        return True
    if type(old) is not type(new):
        return False
    if isinstance(old, (classmethod, staticmethod)):
        return type(old.__func__) is FunctionType and become(work, old.__func__, new.__func__, keep)
    if isinstance(old, property):
        return _property(work, old, new)
    if hasattr(old, "cache_clear") and hasattr(old, "cache_parameters"):
        return _cache(old, new)
    own, fresh = _attributes(old), _attributes(new)
    if own is None or fresh is None or isinstance(old, (type, ModuleType)):
        return False
    for name, value in fresh.items():
        if own.get(name, work) is not value:
            work.journal.item(own, name, value)
    return True


def _attributes(value: Any) -> dict[str, Any] | None:
    """The dict of an object whose class was made by a `class` statement and keeps everything there."""
    if not type(value).__flags__ & 512:  # Py_TPFLAGS_HEAPTYPE
        return None
    found = getattr(value, "__dict__", None)
    return found if type(found) is dict and not isinstance(value, (tuple, list, dict, set, str)) else None


def _property(work: Work, old: property, new: property) -> bool:
    pairs = [(old.fget, new.fget), (old.fset, new.fset), (old.fdel, new.fdel)]
    if any((one is None) is not (other is None) for one, other in pairs):
        return False
    if any(one is not other and type(one) is not FunctionType for one, other in pairs):
        return False
    return all([become(work, one, other) for one, other in pairs if one is not None])


def _cache(old: Any, new: Any) -> bool:
    """A cache around the same function has nothing to take over, but what it holds is of the old text."""
    if getattr(old, "__wrapped__", None) is not getattr(new, "__wrapped__", old):
        return False
    if cache_parameters(old) != cache_parameters(new):
        return False
    old.cache_clear()
    return True


def _take_over(work: Work, old: FunctionType, new: FunctionType, keep: Collection[str] | None) -> None:
    state = text_state(old)
    way = way_to(new, old, work.namespace)
    if len(way) > 1:
        _put_inside(way[-2], old, state)
    own, code = state.cells(), new.__code__
    cells: dict[str, CellType] = {}
    for name, cell in zip(code.co_freevars, new.__closure__ or ()):
        # what a wrapper assigns is its state; what it never assigns it was given
        state_of_it = name in own and state.code.co_name == code.co_name and assigns(code, name)
        cells[name] = own[name] if state_of_it or (name == "__class__" and name in own) else cell
    if state.code is not code:
        work.replaced(state.code)
    work.journal.follow(FollowWhole(old, code, cells, True, face_after(old, state.code, new, keep)))
    _rename(work, old, new)


def _rename(work: Work, old: FunctionType, new: FunctionType) -> None:
    for name in _NAMES:
        if getattr(old, name) != getattr(new, name):
            work.journal.attribute(old, name, getattr(new, name))


def _put_inside(holder: Any, old: FunctionType, state: Any) -> None:
    """The new function calls the old one: from now on that is another function, with what the old one was."""
    inside = FunctionType(state.code, old.__globals__, old.__name__, old.__defaults__, state.closure)
    inside.__kwdefaults__, inside.__doc__, inside.__qualname__ = (
        old.__kwdefaults__,
        old.__doc__,
        old.__qualname__,
    )
    inside.__dict__.update(old.__dict__)
    inside.__module__ = old.__module__
    inside.__annotations__ = old.__annotations__
    if type(holder) is FunctionType:
        for cell in holder.__closure__ or ():
            if contents_of(cell) is old:
                cell.cell_contents = inside
    own = getattr(holder, "__dict__", None)
    if type(own) is dict:
        for name, value in own.items():
            if value is old:
                own[name] = inside


def assigns(code: CodeType, name: str) -> bool:
    """Return whether a function, or one in it, assigns a free variable."""
    known = operations()
    names = code.co_cellvars + code.co_freevars
    prefix = 0
    base = _first_cell(code)
    for op, argument in zip(code.co_code[::2], code.co_code[1::2]):
        if op == known.extended:
            prefix = (prefix | argument) << 8
            continue
        if op in known.cell_stores and base.get(prefix | argument, "") == name:
            return True
        prefix = 0
    return bool(names) and any(
        assigns(inner, name)
        for inner in code.co_consts
        if type(inner) is CodeType and name in inner.co_freevars
    )


def _first_cell(code: CodeType) -> dict[int, str]:
    """The names of cells and free variables by their slots."""
    from recell import compat

    if compat.require("reload").unified_locals:
        names = [*code.co_varnames, *(name for name in code.co_cellvars if name not in code.co_varnames)]
        return dict(enumerate([*names, *code.co_freevars]))
    return dict(enumerate(code.co_cellvars + code.co_freevars))


def way_to(value: Any, function: Any, namespace: dict[str, Any]) -> list[Any]:
    """Return the callables that lead from what decorators made to the function in it; empty where none do."""
    waiting: list[tuple[Any, tuple[Any, ...]]] = [(value, ())]
    seen = set()
    for inner, way in waiting:
        if id(inner) in seen or inner is namespace or len(way) > _FAR:
            continue
        if isinstance(inner, (type, ModuleType)):
            continue
        seen.add(id(inner))
        if callable(inner) or isinstance(inner, _DESCRIPTORS):
            way = (*way, inner)
        if inner is function:
            return list(way)
        held: Any = inner
        if type(held) is dict and "__builtins__" in held:
            continue
        waiting += [
            (one, way)
            for one in gc.get_referents(inner)
            if isinstance(one, (FunctionType, CellType, tuple, dict, list, *_DESCRIPTORS)) or callable(one)
        ]
    return []
