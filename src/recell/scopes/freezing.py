"""Names turned into constants: `freeze`."""

from __future__ import annotations

from types import CellType, CodeType, FunctionType

from recell.callables import functions_in, functions_of, rebuild
from recell.cells import EMPTY, contents_of
from recell.code.guarded import own_code
from recell.code.to_cells import globals_to_cells
from recell.code.to_constants import NotConstant, reads_to_constants
from recell.code.to_globals import drop_free_variables
from recell.code.uses import uses
from recell.compat import resolved
from recell.errors import ScopeError, short
from recell.functions.arguments import check_code
from recell.functions.building import remake
from recell.public import public
from recell.scopes.promoting import shared_out
from recell.scopes.scope import NOTHING, value_of
from recell.scopes.unusable import code_of, finds_class, not_usable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypeVar

    from recell.scopes.unusable import Target

    F = TypeVar("F")

__all__ = ["freeze", "frozen_code"]

_CLASS = "__class__"


@public
def freeze(func: F, /, *names: str, **values: object) -> F:
    """Return the same function, with names turned into constants: globals, builtins and free variables.

    Functions nested in it see the constants too. A frozen free variable leaves the closure; where a class
    body reads a name and stores it as well, a cell of its own holds the value instead.

    Args:
        func: a function, or anything that stands for one; a property means those of its accessors that use
            the name. A function's code object, too: it needs every value given.
        names: what is frozen with the value that it has now. Without names and values: all free variables
            that are never assigned, whose value is hashable and does not lead back to the function.
        values: what is frozen with the value given; a cell stands for its contents.

    Returns:
        A new callable of the same kind, or a code object.

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
        return _frozen(func, wanted or _freezable(func))  # type: ignore[return-value, arg-type]
    if type(func) is CodeType:
        return _frozen_alone(func, wanted)  # type: ignore[return-value, arg-type]
    functions = functions_of(func, "freeze")
    if wanted:
        chosen = shared_out(functions, wanted, _can_freeze, True, "freeze")
    else:
        chosen = {id(function): _freezable(function) for function in functions}
    return rebuild(func, lambda function: _frozen(function, chosen[id(function)]), "freeze")


def _can_freeze(function: FunctionType, name: str) -> bool:
    use = uses(own_code(function), (name,))[name]
    return use.read or use.free_read


def frozen_code(target: Target, values: Mapping[str, object]) -> tuple[CodeType, dict[str, object]]:
    """Return the code of a function, or a code object, with names as constants, and the names that need a cell.

    These are what a class body reads and stores: it falls back on the cell where its own namespace has no such name.
    Free variables that nothing uses any more are still there.
    """
    code = code_of(target)
    free = {name: value for name, value in values.items() if name in code.co_freevars}
    globals = {name: value for name, value in values.items() if name not in free}
    if _CLASS in free and finds_class(code):
        raise not_usable(_CLASS, target, "freeze")
    in_cells: dict[str, object] = {}
    while True:
        used: set[str] = set()
        try:
            new = reads_to_constants(code, globals, free, used)
            break
        except NotConstant as refusal:
            if refusal.reason != "class body":
                raise not_usable(refusal.name, target, "freeze") from None
            kind = globals if refusal.name in globals else free
            in_cells[refusal.name] = kind.pop(refusal.name)
    for name in values:
        if name not in used and name not in in_cells:
            raise not_usable(name, target, "freeze")
    return new, in_cells


def _frozen(function: FunctionType, wanted: Mapping[str, object]) -> FunctionType:
    values = {
        name: value_of(name, function) if value is NOTHING else resolved(value)
        for name, value in wanted.items()
    }
    new, in_cells = frozen_code(function, values)
    free_names, closure = function.__code__.co_freevars, function.__closure__ or ()
    if in_cells:
        new = globals_to_cells(new, (name for name in in_cells if name not in free_names))
        cells = dict(zip(free_names, closure))
        cells.update((name, CellType(value)) for name, value in in_cells.items())
        closure = tuple(cells[name] for name in new.co_freevars)
    gone = [name for name in values if name in free_names and name not in in_cells]
    if gone:
        before = new.co_freevars
        new = drop_free_variables(new, gone)
        closure = tuple(cell for name, cell in zip(before, closure) if name in new.co_freevars)
    return remake(function, new, closure or None)


def _frozen_alone(code: CodeType, wanted: Mapping[str, object]) -> CodeType:
    """A code object on its own: it knows no value, and has no cells."""
    check_code(code, "freeze")
    if not wanted or NOTHING in wanted.values():
        name = next((name for name, value in wanted.items() if value is NOTHING), "name")
        msg = f"{code!r} has no globals and no cells that could tell a value; give it: freeze(…, {name}=…)"
        raise ScopeError(msg, name=name, names=(*wanted,), target=repr(code))
    new, in_cells = frozen_code(code, {name: resolved(value) for name, value in wanted.items()})
    for name in in_cells:
        msg = (
            f"a class body in {code!r} stores `{name}`, so that it needs a cell, which a code object has not"
        )
        raise ScopeError(msg, name=name, names=(*wanted,), target=repr(code))
    return drop_free_variables(new, [name for name in wanted if name in code.co_freevars])


def _freezable(function: FunctionType) -> dict[str, Any]:
    """The free variables that `freeze` takes without being told: never assigned, hashable, not leading back."""
    code = own_code(function)
    table = uses(code, code.co_freevars)
    found_values: dict[str, Any] = {}
    for name, cell in zip(code.co_freevars, function.__closure__ or ()):
        use = table[name]
        if use.free_written or use.class_stored or not use.free_read:
            continue
        if name == "__class__" and finds_class(code):
            continue
        try:
            value = cell.cell_contents
            hash(value)
        except Exception:  # noqa: BLE001 - empty, unhashable, or a __hash__ that raises anything
            continue
        if not _leads_back(value, function):
            found_values[name] = value
    return found_values


def _leads_back(value: object, function: FunctionType) -> bool:
    """Say whether a value is the function, or a class, an instance or a closure that holds it directly.

    A constant is not seen by the garbage collector, so a circle through it would never be freed.
    """
    if _holds(value, function):
        return True
    if issubclass(type(value), type):
        return any(_holds(held, function) for base in type.mro(value) for held in vars(base).values())  # type: ignore[arg-type]
    if type(value) is FunctionType:
        return any(_holds(contents_of(cell), function) for cell in value.__closure__ or ())
    attributes = getattr(type(value), "__dict__", {}).values()
    if any(_holds(held, function) for held in attributes):
        return True
    import gc

    for held in gc.get_referents(value):
        if _holds(held, function) or (
            type(held) in (dict, tuple, list)
            and any(_holds(inner, function) for inner in gc.get_referents(held))
        ):
            return True
    return False


def _holds(value: Any, function: FunctionType) -> bool:
    """Say whether a value is the function, or one of the usual wrappers around it."""
    if type(value) is FunctionType and value.__dict__.get("__wrapped__") is function:
        return True
    return any(found is function for found in functions_in(value))
