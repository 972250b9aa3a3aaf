"""Functions that need neither globals nor closure: `stateless`."""

from __future__ import annotations

from types import CodeType, FunctionType, ModuleType

from recell.callables import functions_of, rebuild
from recell.code.guarded import own_code
from recell.code.to_globals import drop_free_variables
from recell.code.uses import uses
from recell.errors import ScopeError, listed, short
from recell.functions.building import remake
from recell.public import public
from recell.scopes.freezing import frozen_code
from recell.scopes.scope import builtins_of, value_of
from recell.scopes.unusable import finds_class

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    F = TypeVar("F")

__all__ = ["stateless"]

_PLAIN = frozenset(
    (type(None), type(...), bool, int, float, complex, str, bytes, tuple, frozenset, slice, CodeType)
)


@public
def stateless(func: F, /) -> F:
    """Return the same function with everything that it reads frozen into it: it needs neither globals nor closure.

    Another interpreter can run it: `concurrent.interpreters` and `InterpreterPoolExecutor` (3.14+) take such
    functions, wherever they were written. Builtins and what the function imports itself are looked up where it runs.

    Args:
        func: a function, or anything that stands for one.

    Returns:
        A new callable of the same kind. Its globals hold the builtins alone.

    Raises:
        ScopeError: something cannot be frozen, and the error names it: what is no plain constant (a module, a function,
            a list), what the function assigns, what has no value, defaults, `super()`.
        TypeError: `func` holds no Python function.
        UnsupportedPythonError: this release's opcodes are not known.

    >>> from recell import stateless
    >>> RATES = ("standard", 1.19)
    >>> def gross(net):
    ...     return round(net * RATES[1], 2)
    >>> alone = stateless(gross)
    >>> alone(100), [*alone.__globals__], alone.__closure__
    (119.0, ['__builtins__'], None)
    """
    functions_of(func, "stateless")
    return rebuild(func, _stateless, "stateless")


def _stateless(function: FunctionType) -> FunctionType:
    target, code = short(function), own_code(function)
    for attribute in ("defaults", "kwdefaults"):
        if getattr(function, f"__{attribute}__"):
            msg = f"{target} keeps its {attribute} outside of its code; take them away: replace(f, {attribute}=None)"
            raise _error(msg, attribute, target)
    if finds_class(code):
        msg = f"zero-argument super() in {target} needs the cell `__class__`, and a cell is no constant"
        raise _error(msg, "__class__", target)
    globals, built_in = function.__globals__, builtins_of(function)
    frozen: dict[str, Any] = {}
    for name, use in uses(code).items():
        if use.written or use.free_written:
            msg = f"`{name}` is assigned or deleted by {target}, outside of itself: that is state"
            raise _error(msg, name, target)
        if use.free_read or (use.read and (name in globals or name not in built_in)):
            frozen[name] = _plain(name, value_of(name, function), target)
    new, in_cells = frozen_code(function, frozen)
    if in_cells:
        msg = f"a class body in {target} reads {listed(in_cells)} and stores it, too; rename one of the two"
        raise _error(msg, next(iter(in_cells)), target)
    new = drop_free_variables(new, new.co_freevars)
    space = {"__builtins__": built_in}
    return remake(function, new, None, space)


def _plain(name: str, value: Any, target: str) -> Any:
    """A value that may stand in a code object that goes to another interpreter."""
    if _is_plain(value):
        return value
    hint = "pass it as an argument"
    if issubclass(type(value), ModuleType):
        hint = f"import {value.__name__} inside the function"
    elif callable(value):
        hint = "define or import it inside the function, or pass it as an argument"
    msg = f"`{name}` of {target} is {short(value, 60)}, which is no constant that can be frozen into code; {hint}"
    raise _error(msg, name, target)


def _is_plain(value: Any) -> bool:
    kind = type(value)
    if kind is slice:
        return all(map(_is_plain, (value.start, value.stop, value.step)))
    return kind in _PLAIN and (kind not in (tuple, frozenset) or all(map(_is_plain, value)))


def _error(msg: str, name: str, target: str) -> ScopeError:
    return ScopeError(msg, name=name, names=(), target=target)
