"""The names that a function resolves, and what they stand for now: `scope`."""

from __future__ import annotations

from types import FunctionType, MappingProxyType, ModuleType

from recell.callables import function_of, functions_in
from recell.code.guarded import own_code
from recell.code.uses import uses
from recell.compat import resolved
from recell.errors import ScopeError, short
from recell.public import public
from recell.scopes.unusable import not_usable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

__all__ = [
    "NOTHING",
    "Scope",
    "builtins_of",
    "global_of",
    "scope",
    "value_of",
]

NOTHING: Any = object()
"""Stands for the value that a name has now."""


@public
class Scope:
    """The names that a function and those nested in it resolve, in the words of `inspect.ClosureVars`.

    Attributes:
        nonlocals: free variable -> contents, without empty cells.
        globals: name -> value in the function's globals.
        builtins: name -> value in its builtins.
        unbound: names that stand for nothing now: empty cells, and names found nowhere.
        assigned: free variables and globals that the functions assign or delete.
        functions: the functions that were looked at: the one asked for, and with `recurse=True` those that it reaches.

    >>> from recell import scope
    >>> def outer(rate):
    ...     return lambda price: round(price * rate)
    >>> found = scope(outer(2))
    >>> dict(found.nonlocals), sorted(found.builtins), sorted(found.assigned)
    ({'rate': 2}, ['round'], [])
    """

    __slots__ = ("_target", "assigned", "builtins", "functions", "globals", "nonlocals", "unbound")

    assigned: frozenset[str]
    unbound: frozenset[str]

    def __init__(
        self,
        target: str,
        nonlocals: Mapping[str, Any],
        globals: Mapping[str, Any],
        builtins: Mapping[str, Any],
        unbound: Iterable[str],
        assigned: Iterable[str],
        functions: Iterable[FunctionType],
    ) -> None:
        self._target = target
        self.nonlocals: Mapping[str, Any] = MappingProxyType(dict(nonlocals))
        self.globals: Mapping[str, Any] = MappingProxyType(dict(globals))
        self.builtins: Mapping[str, Any] = MappingProxyType(dict(builtins))
        self.unbound = frozenset(unbound)
        self.assigned = frozenset(assigned)
        self.functions: tuple[FunctionType, ...] = tuple(functions)

    def __repr__(self) -> str:
        parts: list[str] = []
        if self.nonlocals:
            parts.append("nonlocals " + ", ".join(f"{k}={short(v, 30)}" for k, v in self.nonlocals.items()))
        for title in ("globals", "builtins", "unbound", "assigned"):
            names = getattr(self, title)
            if names:
                parts.append(f"{title} {', '.join(sorted(names))}")
        return f"<scope of {self._target}: {'; '.join(parts) or 'no names'}>"


@public
def scope(func: object, *, recurse: bool = False) -> Scope:
    """Return every name that a function, and those nested in it, resolve outside themselves.

    Unlike `inspect.getclosurevars` it looks into nested functions and class bodies, never raises on an empty
    cell, and does not take attributes for names.

    Args:
        func: a function, or anything that stands for one.
        recurse: whether the functions that these names stand for count too, and those that their names stand for, and
            so on. What they resolve elsewhere is named after the place: `module.name` for the globals of another
            module, `function.name` for the free variables of another function.

    Raises:
        TypeError: `func` holds no Python function, or more than one.
        UnsupportedPythonError: this release's opcodes are not known.

    >>> from recell import scope
    >>> def counter(count):
    ...     def bump():
    ...         nonlocal count
    ...         count += step
    ...         return max(count, 0)
    ...     return bump
    >>> step = 2
    >>> found = scope(counter(40))
    >>> dict(found.nonlocals), dict(found.globals), set(found.assigned)
    ({'count': 40}, {'step': 2}, {'count'})
    >>> found  # doctest: +ELLIPSIS
    <scope of ...counter.<locals>.bump: nonlocals count=40; globals step; builtins max; assigned count>
    >>> def twice():
    ...     bump = counter(1)
    ...     return bump() + step
    >>> sorted(scope(twice, recurse=True).globals), scope(twice, recurse=True).functions == (twice, counter)
    (['counter', 'step'], True)
    """
    function = function_of(func, "scope")
    found = _Found(function)
    for other in found.functions:  # which grows meanwhile
        found.resolve(other, recurse)
    return Scope(
        _name_of(function),
        found.nonlocals,
        found.globals,
        found.builtins,
        found.unbound,
        found.assigned,
        found.functions,
    )


class _Found:
    """The findings of `scope`, function by function."""

    def __init__(self, root: FunctionType) -> None:
        self.functions = [root]
        self.nonlocals: dict[str, Any] = {}
        self.globals: dict[str, Any] = {}
        self.builtins: dict[str, Any] = {}
        self.unbound: set[str] = set()
        self.assigned: set[str] = set()
        self._cells = {id(cell) for cell in root.__closure__ or ()}
        self._seen = {id(root)}

    def resolve(self, function: FunctionType, recurse: bool) -> None:
        """Add the names of one function, and with `recurse` the functions that they stand for."""
        code, root = own_code(function), self.functions[0]
        values: list[object] = []
        of_module = ""
        if function.__globals__ is not root.__globals__:
            of_module = f"{function.__globals__.get('__name__', '?')}."
        table = uses(code)
        shown: dict[str, str] = {}
        for name, cell in zip(code.co_freevars, function.__closure__ or ()):
            shared = function is root or id(cell) in self._cells
            shown[name] = name if shared else f"{function.__qualname__}.{name}"
            try:
                values.append(cell.cell_contents)
                self.nonlocals[shown[name]] = cell.cell_contents
            except ValueError:
                self.unbound.add(shown[name])
        known, built_in = function.__globals__, builtins_of(function)
        for name, use in table.items():
            if use.free_written:
                self.assigned.add(shown[name])
            if use.written:
                self.assigned.add(of_module + name)
            if not (use.read or use.written):
                continue
            if name in known:
                self.globals[of_module + name] = known[name]
                values.append(known[name])
            elif use.read and name in built_in:
                self.builtins[name] = built_in[name]
            elif use.read:
                self.unbound.add(of_module + name)
        if recurse:
            for inside in (inside for value in values for inside in functions_in(value)):
                if id(inside) not in self._seen:
                    self._seen.add(id(inside))
                    self.functions.append(inside)


def _name_of(function: FunctionType) -> str:
    module = function.__module__
    return (
        function.__qualname__
        if module in (None, "__main__") or not isinstance(module, str)
        else f"{module}.{function.__qualname__}"
    )


def builtins_of(function: FunctionType) -> Mapping[str, Any]:
    """The builtins that a function's global names fall back on."""
    found: Any = getattr(function, "__builtins__", None)
    if found is None:  # before 3.10
        import builtins

        found = function.__globals__.get("__builtins__", builtins)
    space: dict[str, Any] = vars(found) if isinstance(found, ModuleType) else found
    return space


def global_of(name: str, function: FunctionType) -> Any:
    """Return the value of a name now as a global or builtin of the function. Raises KeyError where there is none."""
    space = function.__globals__
    return resolved(space[name] if name in space else builtins_of(function)[name])


def value_of(name: str, function: FunctionType) -> Any:
    """Return the value of a name of the function now. Raises ScopeError where it has none."""
    free = function.__code__.co_freevars
    try:
        if name in free:
            return (function.__closure__ or ())[free.index(name)].cell_contents
        return global_of(name, function)
    except (KeyError, ValueError):
        known = uses(own_code(function), (name,))[name]
        if not (known.read or known.free):
            raise not_usable(name, function, "freeze") from None
        msg = f"`{name}` of {short(function)} has no value now; give one: freeze(…, {name}=…)"
        raise ScopeError(msg, name=name, names=(), target=short(function)) from None
