"""Existing functions follow a changed text in place: the outer ones, and those nested in them."""

from __future__ import annotations

from types import CellType, CodeType
from typing import TYPE_CHECKING, Any

from recell.cells import contents_of
from recell.code.making import UNKNOWN, making
from recell.functions.constants import docstring_of
from recell.layers.exchange import face_of
from recell.reloading.edits import Follow, FollowWhole
from recell.reloading.journal import text_code, text_state
from recell.reloading.likeness import stays
from recell.reloading.statements import is_class

if TYPE_CHECKING:
    from collections.abc import Collection
    from types import FunctionType

    from recell.reloading.work import Work

__all__ = ["by_name", "follow", "moved"]


def moved(old: CodeType, new: CodeType) -> bool:
    """Return whether two codes that do the same stand on other lines."""
    if old is new:
        return False
    if old != new or old.co_firstlineno != new.co_firstlineno:
        return True
    table = "co_linetable" if hasattr(CodeType, "co_linetable") else "co_lnotab"
    if getattr(old, table) != getattr(new, table):
        return True
    inner = [(a, b) for a, b in zip(old.co_consts, new.co_consts) if type(a) is CodeType]
    return any(moved(a, b) for a, b in inner)


def follow(
    work: Work, old: CodeType, new: CodeType, path: str, cls: type | None, but: Collection[int] = ()
) -> int:
    """Give the existing functions of an old code, and of those nested in it, the new text.

    Args:
        work: the reload under way.
        old, new: the codes.
        path: what the report calls the function.
        cls: the class that it is a method of.
        but: ids of functions that are seen to otherwise.

    Returns:
        How many functions of the outer code itself there are.
    """
    return _follow(work, old, new, None, path, cls, but)


def _follow(
    work: Work,
    old: CodeType,
    new: CodeType,
    around: tuple[CodeType, CodeType] | None,
    path: str,
    cls: type | None,
    but: Collection[int],
) -> int:
    forms, notes = work.forms, work.notes
    changed = forms.code(old) != forms.code(new)
    other_place = not changed and moved(old, new)
    found = 0
    if not is_class(old):
        functions = work.existing.of(old)
        found = len(functions)
        if changed:
            work.replaced(old, *(text_code(function) for function in functions))
        for function in functions:
            if id(function) in but:
                continue
            edit = _edit(work, function, old, new, around, path, cls)
            if edit is not None:
                work.journal.follow(edit)
                notes.closures += around is not None
        if changed:
            notes.changed.append(path)
        elif other_place:
            notes.moved.append(path)
    inside = f"{path}." if is_class(old) else f"{path}.<locals>."
    if changed or other_place:
        for one, other in forms.matched_inside(old, new):
            _follow(
                work, one, other, (old, new), inside + other.co_name, cls if not is_class(one) else None, but
            )
    return found


def _edit(
    work: Work,
    function: FunctionType,
    old: CodeType,
    new: CodeType,
    around: tuple[CodeType, CodeType] | None,
    path: str,
    cls: type | None,
) -> Follow | None:
    """The edit that gives one function its new code; None where nothing changes, or where it has to be left."""
    own = text_state(function).cells()
    cells: dict[str, CellType] = {}
    for name in new.co_freevars:
        cell = own.get(name) or _cell(work, function, name, cls)
        if cell is None:
            why = f"one that exists already has no `{name}`: that variable went when its outer call returned"
            work.notes.left.append((path, why))
            return None
        cells[name] = cell
    defaults, kwdefaults = function.__defaults__, function.__kwdefaults__
    if around is not None and around[0] is not around[1]:
        defaults, kwdefaults, unknown = _closure_defaults(function, old, new, around)
        if unknown is not None:
            why = f"one that exists already gets no default for `{unknown}`: only a call of its outer function tells it"
            work.notes.left.append((path, why))
            return None
    old_doc, doc = docstring_of(old), docstring_of(new)
    same_defaults = defaults is function.__defaults__ and kwdefaults is function.__kwdefaults__
    if same_defaults and doc == old_doc:
        return Follow(function, new, cells) if new != old or moved(old, new) else None
    face = face_of(function)
    face = face._replace(
        defaults=defaults, kwdefaults=kwdefaults, doc=doc if face.doc == old_doc else face.doc
    )
    return FollowWhole(function, new, cells, False, face)


def _cell(work: Work, function: FunctionType, name: str, cls: type | None) -> CellType | None:
    """The cell that a variable of a function's outer call has, where a function beside it still holds one."""
    if name == "__class__":
        return None if cls is None else CellType(cls)
    outer, shared = _outer(function), set(map(id, function.__closure__ or ()))
    for _, sibling in work.existing.all() if shared else ():
        if sibling is function or shared.isdisjoint(map(id, sibling.__closure__ or ())):
            continue
        if _outer(sibling) == outer:
            cell = text_state(sibling).cells().get(name)
            if cell is not None:
                return cell
    # a variable may be the outer function's own, in a function it holds
    for cell in function.__closure__ or ():
        inside = contents_of(cell)
        if type(inside) is type(function) and inside.__globals__ is function.__globals__:
            found = text_state(inside).cells().get(name)
            if found is not None:
                return found
    return None


def _outer(function: FunctionType) -> str:
    path: str = getattr(text_state(function).code, "co_qualname", function.__qualname__)
    return path.rpartition(".<locals>.")[0]


def by_name(code: CodeType, defaults: tuple[Any, ...] | None) -> dict[str, Any]:
    """Defaults by the names of their parameters."""
    names = code.co_varnames[: code.co_argcount]
    return dict(zip(names[len(names) - len(defaults or ()) :], defaults or ()))


def _known_defaults(outer: CodeType, code: CodeType) -> dict[str, Any] | None:
    """The defaults that an outer code's instructions give to a function; None where they do not tell."""
    made = making(outer, code) if any(const is code for const in outer.co_consts) else None
    if made is None:
        return None
    positional, keyword = made.defaults()
    return {**positional, **keyword}


def _closure_defaults(
    function: FunctionType, old: CodeType, new: CodeType, around: tuple[CodeType, CodeType]
) -> tuple[tuple[Any, ...] | None, dict[str, Any] | None, str | None]:
    """The defaults of a closure after its text changed, and the parameter whose default nothing can give.

    What its outer function evaluated when it made the closure is kept by the parameter's name; constants that the new
    text has are taken.
    """
    known_before, known = _known_defaults(around[0], old), _known_defaults(around[1], new)
    if known is None:
        return function.__defaults__, function.__kwdefaults__, None
    before = {**by_name(old, function.__defaults__), **(function.__kwdefaults__ or {})}
    values: dict[str, Any] = {}
    for name, value in known.items():
        text_before = (known_before or {}).get(name, UNKNOWN)
        same = text_before is not UNKNOWN and stays(text_before, value)
        if name in before and (value is UNKNOWN or same):
            values[name] = before[name]
        elif value is UNKNOWN:
            return None, None, name
        else:
            values[name] = value
    positional = new.co_varnames[: new.co_argcount]
    keyword = new.co_varnames[new.co_argcount : new.co_argcount + new.co_kwonlyargcount]
    defaults = tuple([values[name] for name in positional if name in values]) or None
    kwdefaults = {name: values[name] for name in keyword if name in values} or None
    had = function.__defaults__
    if defaults and had and len(defaults) == len(had) and all(a is b for a, b in zip(defaults, had)):
        defaults = had
    own = function.__kwdefaults__
    if kwdefaults and own and kwdefaults.keys() == own.keys():
        if all(own[name] is value for name, value in kwdefaults.items()):
            kwdefaults = own
    return defaults, kwdefaults, None
