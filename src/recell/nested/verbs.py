"""Functions inside functions: taken out on their own, exchanged in a new outer function, or in place."""

from __future__ import annotations

from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any, TypeVar

from recell.callables import function_of, functions_of, rebuild
from recell.cells import EMPTY, FORWARDED, Closure, cell_for, cells_of, check_mapping, no_such_free_variable
from recell.code.making import Making, first_of, place, plain_defaults
from recell.code.tree import direct, is_generic, nested_chain
from recell.compat._release import ANNOTATE, ANNOTATIONS, CLOSURE
from recell.errors import ClosureMismatchError, ScopeError, listed, short
from recell.functions.arguments import check_globals, merged_defaults
from recell.functions.building import KEEP, build, remake
from recell.layers.function_layers import in_force, stack_of
from recell.nested.inner_patches import InnerEdit, InnerPatch
from recell.nested.recovering import Recovery, held
from recell.nested.replacing import inlaid
from recell.public import public

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from recell.code.tree import Chain
    from recell.layers.changes import Change

F = TypeVar("F")

__all__ = ["inner", "patch_inner", "replace_inner"]

_NOTHING: Mapping[str, object] = {}
_NOT_CLOSURE, _ANNOTATED = ~CLOSURE, ANNOTATIONS | ANNOTATE


@public
def inner(
    func_or_code: object,
    path: str | CodeType,
    values: Mapping[str, object] = _NOTHING,
    /,
    *,
    missing: str = "error",
    line: int | None = None,
    globals: dict[str, Any] | None = None,
    defaults: Mapping[str, object] | tuple[Any, ...] | None = None,
    **more: object,
) -> FunctionType:
    """A nested function as a function of its own, without running the function around it.

    Args:
        func_or_code: the outer function (or what stands for one), or a code object: a function's, or a module's as
            `compile` gives it.
        path: the names on the way down, such as `"helper"`, `"a.b"`, `"a.<locals>.b"`, `"C.method"`, `"<lambda>"`; or
            the nested code object itself.
        values: free variable -> contents of a fresh cell; a cell is taken as the cell, `EMPTY` as an empty one, a
            `Closure` shares its cells.
        missing: what to do about a free variable that neither the values nor the outer function's own closure gives,
            and a default that is no constant: `"error"`, or `"empty"` (an empty cell; a parameter without a default).
            A function that is its own free variable, as a recursive one is, is never missing.
        line: a line of the function meant, where several have the path.
        globals: its global names; those of the outer function without the argument.
        defaults: defaults by parameter name, in addition to the constant ones, which are known (`EMPTY`: no default);
            or a tuple in place of the positional ones, right-aligned.
        more: free variables as keywords.

    Returns:
        The function, with the name, qualified name, constant defaults and lines of the original. Annotations are kept
        where they can be known: lazy ones (3.14+), constants, and names that are globals or builtins.

    Raises:
        ScopeError: there is no such function (the ones there are listed), or several (listed with their lines);
            or a default is no constant.
        ClosureMismatchError: free variables are missing.
        FreeVariableError: a value is given for what is no free variable of it.
        TypeError: the first argument holds no single Python function; the path is no text; `globals` is no dict.

    >>> from recell import inner
    >>> def outer(rate):
    ...     def total(net, digits=2):
    ...         return round(net * (1 + rate), digits)
    ...     return total(100)
    >>> inner(outer, "total", rate=0.25)(80)
    100.0
    """
    func: FunctionType | None
    if type(func_or_code) is FunctionType:
        func = func_or_code
        outer, own = func.__code__, func.__closure__
    elif type(func_or_code) is CodeType:
        func, outer, own = None, func_or_code, None
    else:
        func = function_of(func_or_code, "inner")
        outer, own = func.__code__, func.__closure__
    # one that only passes on stands for the function that is meant
    if own and func is not None and outer.co_freevars == (FORWARDED,):
        func = Closure(func)._holder()
        outer, own = func.__code__, func.__closure__
    if missing != "error" and missing != "empty":
        msg = f"missing= is 'error' or 'empty', not {missing!r}"
        raise ValueError(msg)
    given: Mapping[str, object] = more
    if values is not _NOTHING:
        check_mapping(values, "inner")
        given = {**cells_of(values), **more}
    if globals is None:
        globals = _standard_globals() if func is None else func.__globals__
    else:
        check_globals(globals, "inner")
    index = direct(outer, path) if line is None else -1
    if index >= 0:
        around, code = outer, outer.co_consts[index]
        codes: Chain = (outer, code)
    else:
        codes = (outer, *nested_chain(outer, path, line, func_or_code))
        around, code = codes[-2:]
    found = place(around, code, index)
    recovery, positional, keyword = None, None, None
    generic = (index < 0 or func is None) and is_generic(around)
    if found is not None and (found[3] & _NOT_CLOSURE or defaults is not None or generic):
        raw, load, make, flags, _ = found
        plain = None
        if defaults is None and not flags & _ANNOTATED and not generic:
            plain = plain_defaults(around, raw, first_of(raw, load, flags), flags)
        if plain is not None:
            positional, keyword = plain
        else:
            fresh = {name: cell_for(value) for name, value in given.items()}
            recovery = Recovery(Making(around, code, raw, load, make), codes, own, globals, fresh)
            given = fresh
    itself: CellType | None = None
    cells: list[CellType] = []
    absent: tuple[str, ...] = ()
    used = 0
    for name in code.co_freevars:
        if name in given:
            used += 1
            value = given[name]
            if type(value) is not CellType:
                value = CellType(value) if value is not EMPTY else CellType()
            cells.append(value)
            continue
        cell = held(name, codes, own) if own else None
        if cell is None and recovery is not None:
            cell = recovery.type_parameter(name)
        if cell is None and name == code.co_name and found is not None:
            made = Making(around, code, found[0], found[1], found[2])
            if made.stored_as() == name:
                cell = itself = CellType()
        if cell is None:
            absent += (name,)
            cell = CellType()
        cells.append(cell)
    if used < len(given):
        stray = next(name for name in given if name not in code.co_freevars)
        raise no_such_free_variable(stray, code.co_freevars, repr(code), code.co_names)
    if absent and missing == "error":
        raise _missing_cells(func_or_code, absent, codes[1:])
    if recovery is not None:
        positional, keyword = recovery.merged_defaults(defaults, missing == "empty", func_or_code)
    elif defaults is not None:
        positional, keyword = merged_defaults(code, None, None, defaults, KEEP, code)
    new = build(code, globals, code.co_name, positional, (*cells,) or None, keyword)
    if recovery is not None:
        recovery.put_annotations(new)
    if found is not None and found[4] is not None:
        new.__qualname__ = found[4]
    if itself is not None:
        itself.cell_contents = new
    return new


@public
def replace_inner(func: F, path: str | CodeType, new: Callable[..., Any], /, *, line: int | None = None) -> F:
    """A new outer function that has `new` in place of a nested function.

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
        stack = stack_of(function)  # another one may stand in its place
        if not stack.states:
            raise
        base = stack.states[0].code
        codes = (base, *nested_chain(base, path, line, function))
    edit = InnerEdit(function, codes, new)
    edit(in_force(function))  # what cannot be done is said now
    return InnerPatch(func, edit, existing)


def _check_new(new: object, verb: str) -> None:
    if not callable(new):
        msg = f"{verb} needs a callable to put in place of the nested function, not {short(new)}"
        raise TypeError(msg)


def _chain(function: FunctionType, path: str | CodeType, line: int | None) -> Chain:
    code = function.__code__
    return (code, *nested_chain(code, path, line, function))


def _standard_globals() -> dict[str, Any]:
    import builtins

    return {"__builtins__": builtins.__dict__}


def _missing_cells(target: object, absent: tuple[str, ...], chain: Chain) -> ClosureMismatchError:
    names = chain[-1].co_freevars
    path = ".".join(part.co_name for part in chain if not is_generic(part))
    msg = (
        f"`{path}` in {short(target)} needs {listed(absent)}, which only a call of the outer function would give; "
        f"its free variables are: {listed(names)}. Pass {absent[0]}=… "
        "(names that are no identifiers in a mapping), or missing='empty'"
    )
    if not absent[0].isidentifier() or absent[0] == "__class__":
        msg = msg.replace(f"{absent[0]}=…", f"{{{absent[0]!r}: …}}", 1)
    return ClosureMismatchError(msg, before=(), after=names, missing=absent, target=short(target))
