"""`patch_closure`: other contents for free variables, for a while, for everyone who shares the cells."""

from __future__ import annotations

from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from recell.callables import caches_in, function_of
from recell.cells import EMPTY, FORWARDED, Closure, check_mapping, unknown_free_variable
from recell.code.guarded import own_code
from recell.errors import FreeVariableError, short
from recell.layers.caches import around
from recell.layers.changes import Change
from recell.layers.places import CellLayer
from recell.layers.records import beneath, has_layers
from recell.public import public

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from recell.layers.exchange import State

__all__ = ["check_class_cell", "holder_beneath", "patch_closure"]

_NOTHING: Mapping[str, object] = {}


@public
def patch_closure(func: Any, values: Mapping[str, object] = _NOTHING, /, **more: object) -> Change:
    """Set the contents of free variables for a while: everyone who shares a cell sees it.

    Args:
        func: a function, or what stands for one (a bound method: the class's function).
        values: free variable -> contents; `EMPTY` empties the cell. A cell is contents like anything else.
        more: the same as keywords.

    Returns:
        A `Change` to enter with `with`, `start()` or as a decorator. Leaving puts back the very objects; a cell
        that was empty is empty again.

    Raises:
        FreeVariableError: the function has no such free variable; for a global name see `override`.
        TypeError: `func` holds no Python function; `__class__` would hold what is no class.

    >>> from recell import patch_closure
    >>> def shop(rate):
    ...     def price(net):
    ...         return net + net * rate
    ...     return price
    >>> price = shop(rate=0.5)
    >>> with patch_closure(price, rate=0):
    ...     price(10)
    10
    >>> price(10)
    15.0
    """
    if values is not _NOTHING:
        check_mapping(values, "patch_closure")
        more = {**values, **more}
    return PatchedClosure(func, more)


class PatchedClosure(Change):
    """A `Change` made by `patch_closure`."""

    __slots__ = ("_caches", "_closure", "_values")

    _renews = True
    _target: Any

    def __init__(self, func: Any, values: Mapping[str, object]) -> None:
        self._verb = "patch_closure"
        self._target = func
        self._caches: Sequence[Any] = ()
        if type(func) is not FunctionType:
            self._target = function_of(func, "patch_closure")
            self._caches = caches_in(func)
        self._names = self._values = values
        self._entries = ()
        self._fresh = 0
        self._find()

    def _renew(self) -> Sequence[Any]:
        if self._target.__closure__ is not self._closure:
            self._find()
        layers: Sequence[Any] = self._layers
        return layers

    def _find(self) -> None:
        """Find the cells; nothing changes."""
        func: FunctionType = self._target
        holder, code, closure = func, func.__code__, func.__closure__ or ()
        names = code.co_freevars
        if names == (FORWARDED,) or has_layers(func):
            holder, state = holder_beneath(func)
            names, closure = state.code.co_freevars, state.closure or ()
        layers = []
        for name, value in self._values.items():
            if name not in names:
                raise _unknown(name, holder, names)
            if name == "__class__":
                check_class_cell(value, func)
            layers.append(CellLayer(closure[names.index(name)], value))
        self._layers = around(self._caches, layers) if self._caches else layers
        # known again by it: overrides and swaps in force have other closures
        self._closure: object = func.__closure__ if holder is func else self


def holder_beneath(func: FunctionType) -> tuple[FunctionType, State]:
    """Whose cells are meant, beneath overrides: behind a function that only passes on, the one it passes to."""
    state = beneath(func)
    while state.code.co_freevars == (FORWARDED,) and state.closure:
        inside = (
            Closure(func)._holder() if func.__closure__ is state.closure else state.closure[0].cell_contents
        )
        if type(inside) is not FunctionType or inside is func:
            break
        func, state = inside, beneath(inside)
    return func, state


def check_class_cell(value: object, func: FunctionType) -> None:
    """`super()` reads `__class__` as a class, and says something unhelpful where it is none."""
    if value is not EMPTY and not isinstance(value, type):
        msg = f"`__class__` of {short(func)} must be a class, not {short(value)}: zero-argument super() reads it"
        raise TypeError(msg)


def _codes_in(code: CodeType) -> Iterator[CodeType]:
    """A code object and all those in it."""
    yield code
    for const in code.co_consts:
        if type(const) is CodeType:
            yield from _codes_in(const)


def _unknown(name: object, func: FunctionType, names: tuple[str, ...]) -> FreeVariableError:
    error = unknown_free_variable(name, func)
    if isinstance(name, str) and any(name in code.co_names for code in _codes_in(own_code(func))):
        msg = (
            f"`{name}` is no free variable of {short(func)} but a global or builtin there: "
            f"use override(…, {name}=…), which changes it for this function alone"
        )
        return FreeVariableError(
            msg, name=name, names=names, nearest=getattr(error, "nearest", None), target=short(func)
        )
    return error
