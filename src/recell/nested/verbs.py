"""Functions inside functions: exchanged in a new outer function, or in place."""

from __future__ import annotations

from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, TypeVar

from recell.callables import function_of, functions_of, rebuild
from recell.code.guarded import own_code
from recell.code.tree import nested_chain
from recell.errors import ScopeError, short
from recell.functions.building import remake
from recell.layers.edits import CODE_EDIT
from recell.layers.records import base_of, has_layers, up_to
from recell.nested.inner_patches import InnerEdit, InnerPatch
from recell.nested.replacing import inlaid
from recell.public import public

if TYPE_CHECKING:
    from collections.abc import Callable

    from recell.code.tree import Chain
    from recell.layers.changes import Change

F = TypeVar("F")

__all__ = ["patch_inner", "replace_inner"]


@public
def replace_inner(func: F, path: str | CodeType, new: Callable[..., Any], /, *, line: int | None = None) -> F:
    """Return a new outer function that has `new` in place of a nested function.

    Args:
        func: the outer function, or anything that stands for one; a property means those of its accessors that
            hold the nested function.
        path: as for `inner`.
        new: any callable: it takes the place of the function object, and the nested function's decorators are
            applied to it. A plain function whose free variables the outer function holds, as cells or free variables
            of its own, closes over these, anew in every run; its globals, defaults and attributes are its own.
        line: as for `inner`.

    Returns:
        A new callable of the kind of `func`; `func` itself is not touched, and shares its cells with it.

    Raises:
        ScopeError: there is no such function (the ones there are listed), or several.
        ClosureMismatchError: of the free variables of `new` the outer function holds some, but not all.
        TypeError: `func` holds no Python function, or `new` is not callable.

    >>> from recell import replace_inner
    >>> def report(rate):
    ...     def fetch(item):
    ...         return open(item).read()
    ...     return [fetch(item) * rate for item in ("a", "b")]
    >>> replace_inner(report, "fetch", str.upper)(2)
    ['AA', 'BB']
    """
    _check_new(new, "replace_inner")
    functions = functions_of(func, "replace_inner")
    found: dict[int, Chain] = {}
    for function in functions:
        try:
            found[id(function)] = _chain(function, path, line)
        except ScopeError:
            if function is functions[-1] and not found:
                raise

    def replaced(function: FunctionType) -> FunctionType:
        if id(function) not in found:
            return function
        codes = found[id(function)]
        return remake(function, inlaid(codes[0], codes, new, function))

    return rebuild(func, replaced, "replace_inner")


@public
def patch_inner(
    func: Any,
    path: str | CodeType,
    new: Callable[..., Any],
    /,
    *,
    line: int | None = None,
    existing: bool = False,
) -> Change:
    """`new` in place of a nested function, in the outer function itself, until it is undone.

    Args:
        func: the outer function, or what stands for one (a bound method: the class's function, for all instances).
        path, new, line: as for `replace_inner`.
        existing: whether the closures that were already made from the nested function do what `new` does, too. They
            are found through the garbage collector when the change is entered. Where `new` closes over the outer
            function's variables, they keep their own cells.

    Returns:
        A `Change`: a context manager, decorator, or `start()` and `undo()`.

    Raises:
        ScopeError: there is no such function (the ones there are listed), or several.
        ClosureMismatchError: of the free variables of `new` the outer function holds some, but not all; or a closure
            that exists has no cell for one.
        TypeError: `func` holds no single Python function, `new` is not callable, or (on entering, with `existing`)
            of a kind that cannot stand in for the nested function.
        UnsupportedPythonError: (on entering) it cannot be done safely here; nothing has changed.

    >>> from recell import patch_inner
    >>> def today():
    ...     def clock():
    ...         import time
    ...         return time.time()
    ...     return clock() // 86400
    >>> with patch_inner(today, "clock", lambda: 86400 * 3):
    ...     today()
    3
    """
    function = function_of(func, "patch_inner")
    _check_new(new, "patch_inner")
    try:
        codes = _chain(function, path, line)
    except ScopeError:
        if not has_layers(function):  # another one may stand in its place
            raise
        base = base_of(function).code
        codes = (base, *nested_chain(base, path, line, function))
    edit = InnerEdit(function, codes, new)
    edit(up_to(function, CODE_EDIT))  # what cannot be done is said now
    return InnerPatch(func, edit, existing)


def _check_new(new: object, verb: str) -> None:
    if not callable(new):
        msg = f"{verb} needs a callable to put in place of the nested function, not {short(new)}"
        raise TypeError(msg)


def _chain(function: FunctionType, path: str | CodeType, line: int | None) -> Chain:
    code = own_code(function)
    return (code, *nested_chain(code, path, line, function))
