"""The same function with other cells: `rebind`."""

from __future__ import annotations

from types import CellType, FunctionType
from typing import TYPE_CHECKING, Any, TypeVar

from recell.callables import functions_of, rebuild
from recell.cells import EMPTY, FORWARDED, cell_for, cells_of, check_mapping, unknown_free_variable
from recell.code.guarded import EVER, behind
from recell.functions.building import copy_with
from recell.public import public

if TYPE_CHECKING:
    from collections.abc import Mapping

F = TypeVar("F")

__all__ = ["rebind"]

_NOTHING: Mapping[str, object] = {}


@public
def rebind(func: F, values: Mapping[str, object] = _NOTHING, /, **more: object) -> F:
    """Return the same function with some of its free variables bound to cells of their own.

    Args:
        func: a function, or anything that stands for one; a property means those of its accessors that have
            the name.
        values: free variable -> contents of a fresh cell; a cell is taken as the cell, `EMPTY` as an empty one,
            a `Closure` shares its cells.
        more: the same as keywords.

    Returns:
        A new callable of the same kind; the free variables not named stay shared with the original.

    Raises:
        FreeVariableError: a name is no free variable of the function.
        TypeError: `func` holds no Python function.

    >>> from recell import rebind
    >>> def power(exponent):
    ...     return lambda base: base ** exponent
    >>> square = power(2)
    >>> cube = rebind(square, exponent=3)
    >>> cube(2), square(2)
    (8, 4)
    """
    if values is not _NOTHING:
        check_mapping(values, "rebind")
        more = {**cells_of(values), **more}
    if type(func) is FunctionType:  # the everyday case, kept short
        function: Any = func
        code, own_cells = function.__code__, function.__closure__  # in one go: they fit each other
        if EVER:
            code = behind(code)
        cells = [*own_cells] if own_cells else []
        at = 0
        for name in code.co_freevars:
            if name in more:
                value = more.pop(name)
                if type(value) is not CellType:
                    value = CellType(value) if value is not EMPTY else CellType()
                cells[at] = value
            at += 1  # noqa: SIM113 - `enumerate` would be a twentieth of the whole
        if more:
            if code.co_freevars == (FORWARDED,):
                inside = rebind(cells[0].cell_contents, more)
                return rebind(func, {FORWARDED: inside})
            raise unknown_free_variable(next(iter(more)), function)
        return copy_with(function, code, (*cells,) or own_cells, function.__globals__)  # type: ignore[return-value]
    fresh: dict[str, object] = {name: cell_for(value) for name, value in more.items()}
    functions = functions_of(func, "rebind")
    held = {name for function in functions for name in function.__code__.co_freevars}
    for name in fresh:
        if name not in held:
            raise unknown_free_variable(name, functions[0])

    def rebound(function: FunctionType) -> FunctionType:
        return rebind(
            function, {name: fresh[name] for name in function.__code__.co_freevars if name in fresh}
        )

    return rebuild(func, rebound, "rebind")
