"""What a name means inside a function, and making it mean something else: a cell, a global, a constant."""

from __future__ import annotations

from types import CellType, FunctionType

from recell.callables import functions_of, rebuild
from recell.cells import EMPTY, cell_for, cells_of, check_mapping
from recell.code.to_cells import globals_to_cells, with_cells
from recell.code.to_constants import NotConstant, reads_to_constants
from recell.code.to_globals import cells_to_globals, drop_free_variables
from recell.code.uses import uses
from recell.compat import resolved
from recell.errors import ScopeError, short
from recell.functions.arguments import check_globals
from recell.functions.building import remake
from recell.public import public
from recell.scopes.freezing import freezable
from recell.scopes.scope import (
    NOTHING,
    Scope,
    already_free,
    finds_class,
    hides_local,
    not_usable,
    scope,
    value_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeVar

    F = TypeVar("F")

__all__ = ["Scope", "demote", "freeze", "promote", "scope"]

_CLASS = "__class__"
_NO_VALUES: Mapping[str, object] = {}


@public
def promote(
    func: F, values: Mapping[str, object] = _NO_VALUES, /, *, strict: bool = True, **more: object
) -> F:
    """The same function, with names that it reads as globals or builtins bound to cells instead.

    Nested functions, lambdas, comprehensions, generator expressions and class bodies that use the name get the
    cell too; what `global x` assigns or deletes goes to the cell, and the module is left alone.

    Args:
        func: a function, or anything that stands for one; a property means those of its accessors that use
            the name.
        values: name -> contents of a fresh cell; a cell is taken as the cell, `EMPTY` as an empty one, a
            `Closure` shares its cells.
        strict: whether a name that the function does not use is an error; without it such names (parameters,
            locals and free variables too) are passed over, as in `promote(f, locals(), strict=False)`.
        more: the same as keywords.

    Returns:
        A new callable of the same kind; the names are the last of its free variables.

    Raises:
        ScopeError: the function does not use a name as a global or builtin, or already has a free variable,
            parameter or local of that name.
        TypeError: `func` holds no Python function.
        UnsupportedPythonError: this release's opcodes are not known.

    >>> from recell import closure, promote
    >>> def total(items):
    ...     return sum(map(scale, items))
    >>> doubled = promote(total, scale=lambda item: 2 * item)
    >>> doubled([1, 2])
    6
    >>> closure(doubled)["scale"] = abs
    >>> doubled([1, -2])
    3
    """
    if values is not _NO_VALUES:
        check_mapping(values, "promote")
        more = {**cells_of(values), **more}
        if any(type(name) is not str and isinstance(name, str) for name in more):
            # code objects take no subclass of str: before 3.9 one ends the interpreter
            more = {
                str.__str__(name) if isinstance(name, str) else name: value for name, value in more.items()
            }
    if type(func) is FunctionType:
        return _promoted(func, more, strict)  # type: ignore[return-value, arg-type]
    functions = functions_of(func, "promote")
    cells: dict[str, object] = {name: cell_for(resolved(value)) for name, value in more.items()}
    chosen = _shared_out(functions, cells, _can_promote, strict)
    return rebuild(func, lambda function: _promoted(function, chosen[id(function)], False), "promote")


def _can_promote(function: FunctionType, name: str) -> bool:
    use = uses(function.__code__, (name,))[name]
    return (use.read or use.written) and not use.free


def _promoted(function: FunctionType, values: Mapping[str, object], strict: bool) -> FunctionType:
    code = function.__code__
    names = (*values,)
    new, added = with_cells(code, names)
    if added != names and strict:
        raise not_usable(next(name for name in names if name not in added), function, "promote")
    if not added:
        return remake(function)
    taken = {*code.co_freevars, *code.co_varnames, *code.co_cellvars}
    if not taken.isdisjoint(added):
        for name in added:
            if name in code.co_freevars:
                raise already_free(name, function)
            if name in taken and hides_local(code, name):
                raise not_usable(name, function, "promote")
    cells = [cell_for(resolved(values[name])) for name in added]
    return remake(function, new, (*(function.__closure__ or ()), *cells))


def _shared_out(
    functions: tuple[FunctionType, ...],
    values: Mapping[str, Any],
    fits: Callable[[FunctionType, str], bool],
    strict: bool,
    verb: str = "promote",
) -> dict[int, dict[str, Any]]:
    """For each of several functions (a property's accessors) those values whose names it can take."""
    chosen: dict[int, dict[str, Any]] = {id(function): {} for function in functions}
    for name, value in values.items():
        fitting = [function for function in functions if fits(function, name)]
        if strict and not fitting:
            raise not_usable(name, functions[0], verb)
        for function in fitting:
            chosen[id(function)][name] = value
    return chosen


@public
def demote(func: F, /, *names: str, globals: dict[str, Any] | None = None) -> F:
    """The same function, with free variables looked up as globals instead: the inverse of `promote`.

    Args:
        func: a function, or anything that stands for one.
        names: free variables; all of them where none are given (but for the `__class__` that `super()` needs).
        globals: the globals of the new function; free variables that it does not hold yet are put into it.
            Without it, a copy of the function's globals that holds the values.

    Returns:
        A new callable of the same kind; the other free variables stay shared with the original.

    Raises:
        ScopeError: a name is no free variable, is used as a global as well, or is the `__class__` that
            zero-argument `super()` looks for.
        TypeError: `func` holds no Python function; `globals` is no dict.
        UnsupportedPythonError: this release's opcodes are not known.

    >>> from recell import demote
    >>> def scaler(factor):
    ...     return lambda item: factor * item
    >>> double = demote(scaler(2), "factor")
    >>> double(10), double.__closure__, double.__globals__["factor"]
    (20, None, 2)
    """
    if globals is not None:
        check_globals(globals, "demote")
    functions = functions_of(func, "demote")
    plans: dict[int, tuple[str, ...]] = {}
    for function in functions:
        free = function.__code__.co_freevars
        plans[id(function)] = tuple(name for name in (names or free) if name in free)
    for name in names:
        if not any(name in plan for plan in plans.values()):
            raise not_usable(name, functions[0], "demote")
    for function in functions:
        plans[id(function)] = _demotable(function, plans[id(function)], bool(names))
    spaces: dict[int, dict[str, Any]] = {}

    def demoted(function: FunctionType) -> FunctionType:
        old_space = function.__globals__
        space = spaces.setdefault(id(old_space), {**old_space}) if globals is None else globals
        return _demoted(function, plans[id(function)], space, globals is None)

    return rebuild(func, demoted, "demote")


def _demotable(function: FunctionType, names: tuple[str, ...], named: bool) -> tuple[str, ...]:
    found = uses(function.__code__, names)
    if _CLASS in names and finds_class(function.__code__):
        if named:
            raise not_usable(_CLASS, function, "demote")
        names = tuple(name for name in names if name != _CLASS)
    for name in names:
        if found[name].read or found[name].written:
            msg = f"{short(function)} uses `{name}` both as a free variable and as a global; the two would become one"
            raise ScopeError(msg, name=name, names=(), target=short(function))
    return names


def _demoted(
    function: FunctionType, names: tuple[str, ...], space: dict[str, Any], is_copy: bool
) -> FunctionType:
    code, closure = function.__code__, function.__closure__ or ()
    new_code = cells_to_globals(code, names)
    kept = tuple(cell for name, cell in zip(code.co_freevars, closure) if name not in names)
    new = remake(function, new_code, kept or None, space)
    for name, cell in zip(code.co_freevars, closure):
        if name in names and (is_copy or name not in space):
            try:
                space[name] = cell.cell_contents
            except ValueError:
                space.pop(name, None)
    return new


@public
def freeze(func: F, /, *names: str, **values: object) -> F:
    """The same function, with names turned into constants: globals, builtins and free variables.

    Functions nested in it see the constants too. A frozen free variable leaves the closure; where a class
    body reads a name and stores it as well, a cell of its own holds the value instead.

    Args:
        func: a function, or anything that stands for one; a property means those of its accessors that use
            the name.
        names: what is frozen with the value that it has now. Without names and values: all free variables
            that are never assigned, whose value is hashable and does not lead back to the function.
        values: what is frozen with the value given; a cell stands for its contents.

    Returns:
        A new callable of the same kind.

    Raises:
        ScopeError: the function does not use a name, assigns or deletes it, or has a parameter or local of
            that name; a name has no value; `__class__` where zero-argument `super()` looks for it.
        TypeError: `func` holds no Python function.
        UnsupportedPythonError: this release's opcodes are not known.

    >>> from recell import freeze
    >>> LIMIT = 3
    >>> def over(value):
    ...     return value > LIMIT
    >>> frozen = freeze(over, "LIMIT")
    >>> LIMIT = 100
    >>> frozen(4), over(4)
    (True, False)
    """
    for name in names:
        if type(name) is not str:
            msg = f"freeze takes names as text, not {short(name)}; values go in as keywords"
            raise TypeError(msg)
    wanted: dict[str, object] = {**dict.fromkeys(names, NOTHING), **values}
    for name, value in values.items():
        if value is EMPTY or (type(value) is CellType and value == CellType()):
            msg = f"`{name}` of {short(func)} cannot be frozen empty: a constant has a value"
            raise ScopeError(msg, name=name, names=(), target=short(func))
        if type(value) is CellType:
            wanted[name] = value.cell_contents
    if type(func) is FunctionType:
        return _frozen(func, wanted or freezable(func))  # type: ignore[return-value, arg-type]
    functions = functions_of(func, "freeze")
    if wanted:
        chosen = _shared_out(functions, wanted, _can_freeze, True, "freeze")
    else:
        chosen = {id(function): dict(freezable(function)) for function in functions}
    return rebuild(func, lambda function: _frozen(function, chosen[id(function)]), "freeze")


def _can_freeze(function: FunctionType, name: str) -> bool:
    use = uses(function.__code__, (name,))[name]
    return use.read or use.free_read


def _frozen(function: FunctionType, wanted: Mapping[str, object]) -> FunctionType:
    code = function.__code__
    free_names = code.co_freevars
    globals: dict[str, object] = {}
    free: dict[str, object] = {}
    for name, value in wanted.items():
        kind = free if name in free_names else globals
        kind[name] = value_of(name, function) if value is NOTHING else resolved(value)
    if _CLASS in free and finds_class(code):
        raise not_usable(_CLASS, function, "freeze")
    in_cells: dict[str, object] = {}
    while True:
        used: set[str] = set()
        try:
            new = reads_to_constants(code, globals, free, used)
            break
        except NotConstant as refusal:
            if refusal.reason != "class body":
                raise not_usable(refusal.name, function, "freeze") from None
            # the class body falls back on a cell where its own namespace has no such name
            for kind in (globals, free):
                if refusal.name in kind:
                    in_cells[refusal.name] = kind.pop(refusal.name)
    for name in wanted:
        if name not in used and name not in in_cells:
            raise not_usable(name, function, "freeze")
    closure = function.__closure__ or ()
    if in_cells:
        new = globals_to_cells(new, (name for name in in_cells if name not in free_names))
        cells = {
            **dict(zip(free_names, closure)),
            **{name: CellType(value) for name, value in in_cells.items()},
        }
        closure = tuple(cells[name] for name in new.co_freevars)
    if free:
        before = new.co_freevars
        new = drop_free_variables(new, free)
        kept = set(new.co_freevars)
        closure = tuple(cell for name, cell in zip(before, closure) if name in kept)
    return remake(function, new, closure or None)
