"""The replacement of a swap: unwrapped, given its class, and checked before anything changes."""

from __future__ import annotations

import functools
from sys import modules
from types import CellType, CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from recell.callables import kind_of as kind_of_callable
from recell.cells import contents_of
from recell.errors import FreeVariableError, ScopeError, hint_nearest, listed, nearest, short
from recell.layers.records import in_force
from recell.patching.closures import holder_beneath
from recell.patching.holders import class_holding
from recell.patching.swap_edits import SwapEdit, own_cells
from recell.patching.trampolines import BRIDGES, DECORATED, kind_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

__all__ = ["is_default", "mock_of", "swap_edit", "unwrapped"]


def is_default(replacement: object) -> bool:
    """Return whether it is `unittest.mock.DEFAULT`."""
    mock = modules.get("unittest.mock")
    return mock is not None and replacement is mock.DEFAULT


def mock_of(target: Any, function: FunctionType) -> tuple[SwapEdit, Any]:
    """Return the edit that makes a function call an autospecced mock of itself, and that mock.

    Given as a bound method, the mock is called without what the method is bound to, as the method is.
    """
    from unittest.mock import create_autospec

    bound = type(target) in (MethodType, classmethod)
    shown = MethodType(function, function) if bound else function
    mock = create_autospec(shown, _name=function.__name__)
    called = _without_first(mock) if bound else mock
    return swap_edit(function, called, "take", "swap", DECORATED), mock


def _without_first(mock: Any) -> Any:
    def call(first: object, /, *args: Any, **kwargs: Any) -> Any:
        return mock(*args, **kwargs)

    return call


def unwrapped(target: Any, replacement: Any) -> Any:
    """Return the replacement unwrapped as the target is: the function of a bound method for a bound method.

    Raises:
        TypeError: both are bound to instances, and those have nothing to do with each other.
    """
    if target is replacement:
        return target if type(target) is FunctionType else unwrapped_whole(target)
    while type(target) is not FunctionType:
        kind, other = kind_of_callable(target), kind_of_callable(replacement)
        if kind is None:
            break
        if other is kind:
            if kind.base is MethodType:
                _check_bound(target, replacement)
            replacement = kind.inside(replacement)[0]
        elif (
            kind.base is classmethod
            and type(replacement) is MethodType
            and isinstance(replacement.__self__, type)
        ):
            replacement = replacement.__func__
        target = kind.inside(target)[0]
    if isinstance(replacement, (staticmethod, classmethod)):
        replacement = replacement.__func__
    return replacement


def unwrapped_whole(target: Any) -> Any:
    """Return the function in a callable."""
    from recell.callables import function_of

    return function_of(target, "swap")


def _check_bound(target: Any, replacement: Any) -> None:
    one, other = target.__self__, replacement.__self__
    if isinstance(one, type) or isinstance(other, type):
        return
    if not (isinstance(one, type(other)) or isinstance(other, type(one))):
        name = replacement.__func__.__qualname__
        msg = (
            f"{short(target)} stands for the function of its class, for all instances, and {short(replacement)} is "
            f"bound to an object of another class: pass `{name}` to call it with the instance of each call, or a "
            "function that calls the bound method"
        )
        raise TypeError(msg)


def swap_edit(
    target: FunctionType,
    replacement: Any,
    cells: str | Collection[str],
    verb: str,
    bridges: Mapping[tuple[str, str], str] = BRIDGES,
    original: FunctionType | None = None,
    *,
    holder: Any = None,
    kind: type[SwapEdit] = SwapEdit,
) -> SwapEdit:
    """Return the edit that makes `target` do what a replacement does. Everything is checked here; nothing changes.

    Args:
        target: the function.
        replacement: any callable.
        cells: whose cells free variables have that both have: "take", "keep", or names.
        verb: for errors.
        bridges: which kinds of functions may stand in for which.
        original: a function that does what lies beneath.
        holder: what was given as the target, where the replacement is a method of it: its `__class__` is looked after.
        kind: the class of the edit.
    """
    if not callable(replacement):
        msg = f"{verb} needs a callable as the replacement of {short(target)}, not {short(replacement)}"
        raise TypeError(msg)
    through = _leads_to(replacement, target) if replacement is not original else None
    if through is not None:
        msg = (
            f"{short(replacement)} would call {short(target)} itself, in a circle: it holds it {through}; "
            "to put something around a function use wrap(target, decorator), which hands over the original"
        )
        raise ScopeError(msg, name=target.__name__, names=(target.__name__,), target=short(target))
    kinds = (kind_of(target), kind_of(replacement))
    how = bridges.get(kinds)
    if how is None:
        able = " or ".join(sorted({other for kind, other in bridges if kind == kinds[0]}))
        msg = (
            f"{short(target)} ({kinds[0]} function) keeps its kind, and {short(replacement)} ({kinds[1]} function) "
            f"cannot stand in for it; what can: {able}"
        )
        raise TypeError(msg)
    kept: Collection[str] = () if cells == "take" else _kept(target, replacement, cells)
    class_cell = None
    if (
        holder is not None
        and type(replacement) is FunctionType
        and "__class__" in replacement.__code__.co_freevars
    ):
        class_cell = _class_cell(target, replacement, holder, kept)
    direct = (
        type(replacement) is FunctionType
        and kinds[0] == kinds[1]
        and replacement.__globals__ is target.__globals__
        and getattr(replacement, "__builtins__", None) is getattr(target, "__builtins__", None)
    )
    return kind(target, replacement, None if direct else how, kept, class_cell, original)


def _kept(target: FunctionType, replacement: Any, cells: Any) -> Collection[str]:
    """Return the free variables that keep the target's cells. Raise for names that are none of both."""
    free = replacement.__code__.co_freevars if type(replacement) is FunctionType else ()
    if type(cells) is str or not all([type(name) is str for name in _items(cells)]):
        if cells != "keep":
            msg = (
                "cells is 'take' (the replacement's), 'keep' (the target's), or a collection of the names that keep "
                f"the target's, not {short(cells)}"
            )
            raise (ValueError if isinstance(cells, str) else TypeError)(msg)
        return frozenset(free) - {"__class__"}
    shared = [name for name in own_cells(in_force(target)) if name in free]
    for name in cells:
        if name not in shared:
            msg = (
                f"`{name}` is no free variable of both {short(target)} and {short(replacement)}"
                f"{hint_nearest(name, shared) or f'; those of both: {listed(shared)}'}"
            )
            close = nearest(name, shared)
            raise FreeVariableError(msg, name=name, names=tuple(shared), nearest=close, target=short(target))
    return frozenset(cells)


def _items(cells: Any) -> tuple[Any, ...]:
    try:
        return tuple(cells)
    except TypeError:
        return (None,)


def _class_cell(
    target: FunctionType, replacement: FunctionType, holder: Any, kept: Collection[str]
) -> CellType | None:
    """Return the cell of `__class__` with which `super()` works in the target; None where that is the replacement's.

    Raises:
        ScopeError: it calls `super()`, and no class holds the target.
    """
    own = own_cells(in_force(target)).get("__class__")
    if own is not None and "__class__" in kept:
        return own
    cell = (replacement.__closure__ or ())[replacement.__code__.co_freevars.index("__class__")]
    base: Any = contents_of(cell)
    cls: Any = class_holding(target, holder) if own is None else contents_of(own)
    if not isinstance(cls, type):
        if not _calls_super(replacement.__code__):
            return None
        msg = (
            f"{short(replacement)} calls super(), and no class holds {short(target)}: super() would look for the "
            "attributes of a class of which `self` is no instance; attach(cls, function) puts a method into a class"
        )
        raise ScopeError(msg, name="__class__", names=("__class__",), target=short(target))
    if base in cls.__mro__:
        return None
    return CellType(cls) if own is None else own


def _calls_super(code: CodeType) -> bool:
    return "super" in code.co_names or any(
        type(const) is CodeType and _calls_super(const) for const in code.co_consts
    )


def _leads_to(replacement: Any, target: FunctionType) -> str | None:
    """Return where a replacement holds the target, so that calling it would call itself; None where it does not."""
    if _is_simple(replacement, target):
        return None
    own = {*holder_beneath(target)[1].cells(), *_own_name(replacement, target)}
    seen: set[int] = set()
    waiting: list[tuple[Any, str]] = [(replacement, "as itself")]
    while waiting:
        obj, where = waiting.pop()
        if obj is target:
            return where
        if id(obj) in seen:
            continue
        seen.add(id(obj))
        waiting.extend(_called_by(obj, own, where))
    return None


def _own_name(replacement: Any, target: FunctionType) -> tuple[str, ...]:
    """Return the global by which the target calls itself, where the replacement is the same function edited."""
    if type(replacement) is not FunctionType:
        return ()
    code, own, name = replacement.__code__, target.__code__, target.__name__
    same = (code.co_filename, code.co_firstlineno, code.co_name) == (
        own.co_filename,
        own.co_firstlineno,
        own.co_name,
    )
    return (name,) if same and name in own.co_names and target.__globals__.get(name) is target else ()


def _is_simple(replacement: Any, target: FunctionType) -> bool:
    """Return whether it is a function that holds plain functions at most, and not the target, as most are."""
    if type(replacement) is not FunctionType or replacement is target or replacement.__dict__:
        return False
    for cell in replacement.__closure__ or ():
        inside = contents_of(cell)
        if callable(inside) and (type(inside) is not FunctionType or inside is target or inside.__dict__):
            return False
    return True


def _called_by(obj: Any, own: Collection[str], where: str) -> Iterator[tuple[Any, str]]:
    inside: Any = obj
    if type(obj) is MethodType:
        yield obj.__func__, "as a bound method"
    elif functools.partial in type(inside).__mro__:
        yield inside.func, "in a partial"
        for argument in (*inside.args, *inside.keywords.values()):
            if type(argument) in (FunctionType, MethodType):
                yield argument, "in a partial"
    wrapped = getattr(inside, "__dict__", {}).get("__wrapped__") if not isinstance(inside, type) else None
    if wrapped is not None:
        yield wrapped, "as `__wrapped__`"
    if type(obj) is not FunctionType or where.startswith("in the cell"):
        return
    for name, cell in zip(obj.__code__.co_freevars, obj.__closure__ or ()):
        if name in own:  # recursion: the target calls itself by this variable, too
            continue
        contents = contents_of(cell)
        if {FunctionType, MethodType, functools.partial} & {*type(contents).__mro__}:
            yield contents, f"in the cell of `{name}`"
