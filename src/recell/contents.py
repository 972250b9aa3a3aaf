"""`patch_closure`: other contents for free variables, for a while, for everyone who shares the cells."""

from __future__ import annotations

from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from recell.callables import function_of
from recell.cells import EMPTY, FORWARDED, Closure, unknown_free_variable
from recell.changes import Change
from recell.errors import FreeVariableError, short
from recell.layers import LOCK, CellLayer, beneath

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

    from recell.installing import State
    from recell.layers import Layer

__all__ = ["check_class_cell", "codes_in", "holder_beneath", "patch_closure"]

_NOTHING: Mapping[str, object] = {}


def patch_closure(func: Any, values: Mapping[str, object] = _NOTHING, /, **more: object) -> Change:
    """Temporarily sets the contents of free variables: everyone who shares a cell sees it.

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
    return PatchedClosure(func, {**values, **more} if values else more)


class PatchedClosure(Change):
    """What `patch_closure` returns."""

    __slots__ = ("_closure", "_function", "_values")

    def __init__(self, func: Any, values: Mapping[str, object]) -> None:
        self._function = func if type(func) is FunctionType else function_of(func, "patch_closure")
        self._values = values
        super().__init__("patch_closure", self._function, (), values)
        self._closure: object = self  # no closure yet
        self._new_layers()

    def __enter__(self) -> PatchedClosure:
        # the everyday case: one cell, and the function's closure is what it was
        if self._function.__closure__ is self._closure and len(self._layers) == 1:
            with LOCK:
                self._layers[0].enter()
                self._entries.append(self._layers)
        else:
            self._enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with LOCK:
            entries = self._entries
            if len(entries) != 1 or len(entries[0]) != 1:
                self.undo()
            else:
                entries[0][0].leave()
                entries.pop()

    def _new_layers(self) -> Sequence[Layer]:
        if self._function.__closure__ is self._closure:
            return self._layers
        holder, state = holder_beneath(self._function)
        if state.closure is self._closure and self._layers:
            return self._layers
        cells = state.cells()
        layers: list[Layer] = []
        for name, value in self._values.items():
            cell = cells.get(name)
            if cell is None:
                raise _unknown(name, holder, cells)
            if name == "__class__":
                check_class_cell(value, self._function)
            layers.append(CellLayer(cell, value))
        self._layers = layers
        self._closure = state.closure if holder is self._function else self
        return layers


def holder_beneath(func: FunctionType) -> tuple[FunctionType, State]:
    """Whose cells are meant, beneath overrides: behind a function that only passes on, the one it passes to."""
    state = beneath(func)
    while state.code.co_freevars == (FORWARDED,) and state.closure:
        inside = Closure(func)._holder() if func.__closure__ is state.closure else state.closure[0].cell_contents
        if type(inside) is not FunctionType or inside is func:
            break
        func, state = inside, beneath(inside)
    return func, state


def check_class_cell(value: object, func: FunctionType) -> None:
    """`super()` reads `__class__` as a class, and says something unhelpful where it is none."""
    if value is not EMPTY and not isinstance(value, type):
        msg = f"`__class__` of {short(func)} must be a class, not {short(value)}: zero-argument super() reads it"
        raise TypeError(msg)


def codes_in(code: CodeType) -> Iterator[CodeType]:
    """A code object and all those in it."""
    yield code
    for const in code.co_consts:
        if type(const) is CodeType:
            yield from codes_in(const)


def _unknown(name: object, func: FunctionType, cells: Mapping[str, object]) -> FreeVariableError:
    error = unknown_free_variable(name, func)
    if isinstance(name, str) and any(name in code.co_names for code in codes_in(func.__code__)):
        msg = (
            f"`{name}` is no free variable of {short(func)} but a global or builtin there: "
            f"use override(…, {name}=…), which changes it for this function alone"
        )
        return FreeVariableError(
            msg, name=name, names=tuple(cells), nearest=getattr(error, "nearest", None), target=short(func)
        )
    return error
