"""`patch_closure`: other contents for free variables, for a while, for everyone who shares the cells."""

from __future__ import annotations

from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from recell.callables import function_of
from recell.cells import EMPTY, FORWARDED, Closure, check_mapping, unknown_free_variable
from recell.errors import FreeVariableError, short
from recell.layers.changes import Change
from recell.layers.function_layers import ABSENT, LOCK, CellLayer, beneath
from recell.layers.values import CellStack, let_go
from recell.public import public

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

    from recell.layers.exchange import State
    from recell.layers.function_layers import Layer

__all__ = ["check_class_cell", "holder_beneath", "patch_closure"]

_NOTHING: Mapping[str, object] = {}
_acquire, _release = LOCK.acquire, LOCK.release  # a `with` statement costs twice as much


@public
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
    if values is not _NOTHING:
        check_mapping(values, "patch_closure")
        more = {**values, **more}
    return PatchedClosure(func, more)


class PatchedClosure(Change):
    """What `patch_closure` returns."""

    __slots__ = ("_closure", "_function", "_single", "_values")

    def __init__(self, func: Any, values: Mapping[str, object]) -> None:
        self._function = func if type(func) is FunctionType else function_of(func, "patch_closure")
        self._values = values
        super().__init__("patch_closure", self._function, (), values)
        self._closure: object = self  # no closure yet
        self._single: tuple[CellStack, CellType, list[list[object]], object, list[Sequence[Layer]]] | None = (
            None
        )
        self._new_layers()

    def __enter__(self) -> PatchedClosure:
        if self._function.__closure__ is not self._closure or self._single is None:
            self._enter()
            return self
        stack, cell, one, value, another = self._single  # the everyday case: one cell, and a value for it
        entries = stack.entries
        try:
            _acquire()
        except BaseException:
            let_go()
            raise
        try:
            if not entries:
                try:
                    stack.base = cell.cell_contents
                except ValueError:
                    stack.base = EMPTY
            # no call from here on: a signal's handler cannot raise half way
            entries += one
            cell.cell_contents = value
            self._entries += another
        finally:
            _release()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._single is not None:
            stack, cell, (entry,), _, (layers,) = self._single
            try:
                _acquire()
            except BaseException:
                let_go()
                raise
            try:
                own, entries = self._entries, stack.entries
                if (
                    len(entries) == 1
                    and entries[0] is entry
                    and stack.base is not EMPTY
                    and own[-1] is layers
                ):
                    # no call from here on: a signal's handler cannot raise half way
                    cell.cell_contents = stack.base
                    # a finalizer of what was in the cell may have patched it again
                    del entries[0], own[-1]
                    if not entries:
                        stack.base = ABSENT
                    return
            finally:
                _release()
        self.undo()

    def _new_layers(self) -> Sequence[Layer]:
        if self._function.__closure__ is self._closure:
            return self._layers
        holder, state = holder_beneath(self._function)
        if state.closure is self._closure and self._layers:
            return self._layers
        cells = state.cells()
        layers: list[CellLayer] = []
        for name, value in self._values.items():
            cell = cells.get(name)
            if cell is None:
                raise _unknown(name, holder, cells)
            if name == "__class__":
                check_class_cell(value, self._function)
            layers.append(CellLayer(cell, value))
        self._layers = layers
        self._closure = state.closure if holder is self._function else self
        self._single = None
        if len(layers) == 1 and layers[0].entry[0] is not EMPTY:
            stack = layers[0].stack
            assert isinstance(stack, CellStack)
            self._single = (stack, stack.cell, [layers[0].entry], layers[0].entry[0], [layers])
        return layers


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


def _unknown(name: object, func: FunctionType, cells: Mapping[str, object]) -> FreeVariableError:
    error = unknown_free_variable(name, func)
    if isinstance(name, str) and any(name in code.co_names for code in _codes_in(func.__code__)):
        msg = (
            f"`{name}` is no free variable of {short(func)} but a global or builtin there: "
            f"use override(…, {name}=…), which changes it for this function alone"
        )
        return FreeVariableError(
            msg, name=name, names=tuple(cells), nearest=getattr(error, "nearest", None), target=short(func)
        )
    return error
