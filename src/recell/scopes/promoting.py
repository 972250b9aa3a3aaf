"""Names bound otherwise: globals become cells (`promote`), free variables become globals (`demote`)."""

from __future__ import annotations

from types import CodeType, FunctionType

from recell.callables import functions_of, rebuild
from recell.cells import cell_for, cells_of, check_mapping
from recell.code.guarded import own_code
from recell.code.to_cells import with_cells
from recell.code.to_globals import cells_to_globals
from recell.code.uses import uses
from recell.compat import resolved
from recell.errors import ScopeError, short
from recell.functions.arguments import check_code, check_globals
from recell.functions.building import remake
from recell.public import public
from recell.scopes.unusable import already_free, code_of, finds_class, hides_local, not_usable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, TypeVar, Union

    from recell.scopes.unusable import Target

    F = TypeVar("F")

__all__ = ["demote", "promote", "shared_out"]

_CLASS = "__class__"
_NO_VALUES: Mapping[str, object] = {}


@public
def promote(
    func: F,
    values: Union[Mapping[str, object], Iterable[str]] = _NO_VALUES,
    /,
    *,
    strict: bool = True,
    **more: object,
) -> F:
    """Return the same function, with names that it reads as globals or builtins bound to cells instead.

    Nested functions, lambdas, comprehensions, generator expressions and class bodies that use the name get the
    cell too; what `global x` assigns or deletes goes to the cell, and the module is left alone.

    Args:
        func: a function, or anything that stands for one; a property means those of its accessors that use
            the name. A function's code object, too.
        values: name -> contents of a fresh cell; a cell is taken as the cell, `EMPTY` as an empty one, a
            `Closure` shares its cells. For a code object the names are enough: it has no cells.
        strict: whether a name that the function does not use is an error; without it such names (parameters,
            locals and free variables too) are passed over, as in `promote(f, locals(), strict=False)`.
        more: the same as keywords.

    Returns:
        A new callable of the same kind, or a code object; the names are the last of its free variables.

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
    if type(func) is CodeType and not hasattr(values, "items"):
        names = (values,) if isinstance(values, str) else values
        more = {**dict.fromkeys(names), **more}
    elif values is not _NO_VALUES:
        check_mapping(values, "promote")
        more = {**cells_of(values), **more}  # type: ignore[arg-type]
        if any(type(name) is not str and isinstance(name, str) for name in more):
            # code objects take no subclass of str: before 3.9 one ends the interpreter
            more = {
                str.__str__(name) if isinstance(name, str) else name: value for name, value in more.items()
            }
    if type(func) is FunctionType:
        return _promoted(func, more, strict)  # type: ignore[return-value, arg-type]
    if type(func) is CodeType:
        check_code(func, "promote")
        return _promoted_code(func, (*more,), strict)[0]  # type: ignore[return-value, arg-type]
    functions = functions_of(func, "promote")
    cells: dict[str, object] = {name: cell_for(resolved(value)) for name, value in more.items()}
    chosen = shared_out(functions, cells, _can_promote, strict)
    return rebuild(func, lambda function: _promoted(function, chosen[id(function)], False), "promote")


def _can_promote(function: FunctionType, name: str) -> bool:
    use = uses(own_code(function), (name,))[name]
    return (use.read or use.written) and not use.free


def _promoted_code(target: Target, names: tuple[str, ...], strict: bool) -> tuple[CodeType, tuple[str, ...]]:
    """The code with cells for the names, and those of the names that it uses."""
    code = code_of(target)
    new, added = with_cells(code, names)
    if added != names and strict:
        raise not_usable(next(name for name in names if name not in added), target, "promote")
    taken = {*code.co_freevars, *code.co_varnames, *code.co_cellvars} if added else ()
    if taken and not taken.isdisjoint(added):
        for name in added:
            if name in code.co_freevars:
                raise already_free(name, target)
            if name in taken and hides_local(code, name):
                raise not_usable(name, target, "promote")
    return new, added


def _promoted(function: FunctionType, values: Mapping[str, object], strict: bool) -> FunctionType:
    new, added = _promoted_code(function, (*values,), strict)
    if not added:
        return remake(function)
    cells = [cell_for(resolved(values[name])) for name in added]
    return remake(function, new, (*(function.__closure__ or ()), *cells))


def shared_out(
    functions: tuple[FunctionType, ...],
    values: Mapping[str, Any],
    fits: Callable[[FunctionType, str], bool],
    strict: bool,
    verb: str = "promote",
) -> dict[int, dict[str, Any]]:
    """Return for each of several functions (a property's accessors) those values whose names it can take."""
    chosen: dict[int, dict[str, Any]] = {id(function): {} for function in functions}
    for name, value in values.items():
        fitting = [function for function in functions if fits(function, name)]
        if strict and not fitting:
            raise not_usable(name, functions[0], verb)
        for function in fitting:
            chosen[id(function)][name] = value
    return chosen


@public
def demote(func: F, /, *names: str, globals: dict[str, Any] | None = None, strict: bool = True) -> F:
    """Return the same function, with free variables looked up as globals instead: the inverse of `promote`.

    Args:
        func: a function, or anything that stands for one.
        names: free variables; all of them where none are given (but for the `__class__` that `super()` needs).
        globals: the globals of the new function; free variables that it does not hold yet are put into it.
            Without it, a copy of the function's globals that holds the values.
        strict: whether a name that is no free variable is an error; without it such names are passed over.

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
        if strict and not any(name in plan for plan in plans.values()):
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
    found = uses(own_code(function), names)
    if _CLASS in names and finds_class(own_code(function)):
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
    code, closure = own_code(function), function.__closure__ or ()
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
