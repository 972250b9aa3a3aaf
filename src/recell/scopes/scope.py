"""The names that a function resolves, what they stand for now, and why a verb cannot use one of them."""

from __future__ import annotations

from types import CodeType, FunctionType, MappingProxyType, ModuleType

from recell.callables import function_of
from recell.code.instructions import found
from recell.code.uses import uses
from recell.compat import resolved
from recell.errors import ScopeError, hint_nearest, listed, nearest, short
from recell.public import public

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

__all__ = [
    "NOTHING",
    "Scope",
    "already_free",
    "finds_class",
    "global_of",
    "hides_local",
    "not_usable",
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

    >>> from recell import scope
    >>> def outer(rate):
    ...     return lambda price: round(price * rate)
    >>> found = scope(outer(2))
    >>> dict(found.nonlocals), sorted(found.builtins), sorted(found.assigned)
    ({'rate': 2}, ['round'], [])
    """

    __slots__ = ("_target", "assigned", "builtins", "globals", "nonlocals", "unbound")

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
    ) -> None:
        self._target = target
        self.nonlocals: Mapping[str, Any] = MappingProxyType(dict(nonlocals))
        self.globals: Mapping[str, Any] = MappingProxyType(dict(globals))
        self.builtins: Mapping[str, Any] = MappingProxyType(dict(builtins))
        self.unbound = frozenset(unbound)
        self.assigned = frozenset(assigned)

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
def scope(func: object) -> Scope:
    """Every name that a function, and those nested in it, resolve outside themselves.

    Unlike `inspect.getclosurevars` it looks into nested functions and class bodies, never raises on an empty
    cell, and does not take attributes for names.

    Args:
        func: a function, or anything that stands for one.

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
    """
    function = function_of(func, "scope")
    code = function.__code__
    names = uses(code)
    nonlocals: dict[str, Any] = {}
    unbound: set[str] = set()
    for name, cell in zip(code.co_freevars, function.__closure__ or ()):
        try:
            nonlocals[name] = cell.cell_contents
        except ValueError:
            unbound.add(name)
    globals: dict[str, Any] = {}
    builtins: dict[str, Any] = {}
    known, built_in = function.__globals__, builtins_of(function)
    for name, use in names.items():
        if use.read or use.written:
            if name in known:
                globals[name] = known[name]
            elif not use.read:
                pass
            elif name in built_in:
                builtins[name] = built_in[name]
            else:
                unbound.add(name)
    assigned = {name for name, use in names.items() if use.written or use.free_written}
    return Scope(_name_of(function), nonlocals, globals, builtins, unbound, assigned)


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
    """What a name stands for now as a global or builtin of the function. Raises KeyError where there is none."""
    space = function.__globals__
    return resolved(space[name] if name in space else builtins_of(function)[name])


def value_of(name: str, function: FunctionType) -> Any:
    """What a name of the function stands for now. Raises ScopeError where it has no value."""
    free = function.__code__.co_freevars
    try:
        if name in free:
            return (function.__closure__ or ())[free.index(name)].cell_contents
        return global_of(name, function)
    except (KeyError, ValueError):
        known = uses(function.__code__, (name,))[name]
        if not (known.read or known.free):
            raise not_usable(name, function, "freeze") from None
        msg = f"`{name}` of {short(function)} has no value now; give one: freeze(…, {name}=…)"
        raise ScopeError(msg, name=name, names=(), target=short(function)) from None


def finds_class(code: CodeType) -> bool:
    """Whether zero-argument `super()` in the code, or nested in it, looks for its free variable `__class__`."""
    if "__class__" not in code.co_freevars:
        return False
    if "super" in code.co_names:
        return True
    return any(type(constant) is CodeType and finds_class(constant) for constant in code.co_consts)


def hides_local(code: CodeType, name: str) -> bool:
    """Whether a local that has the name of a global is more than the variable of an inlined comprehension (3.12+)."""
    if name not in code.co_varnames:
        return True
    from opcode import opmap

    raw = code.co_code
    slot = code.co_varnames.index(name)
    cleared = found(raw[::2], raw[1::2], opmap.get("LOAD_FAST_AND_CLEAR", -1))
    return all(argument != slot for _, _, argument in cleared)


# -- errors -------------------------------------------------------------------------------------------------

_WANTED = {
    "promote": "promote takes names that it reads as globals or builtins",
    "freeze": "freeze takes globals, builtins and free variables that it only reads",
    "demote": "demote takes free variables",
}


def already_free(name: str, function: FunctionType) -> ScopeError:
    """The error for a name that would become a second free variable."""
    msg = f"`{name}` is a free variable of {short(function)} already; use rebind to give it another cell"
    return ScopeError(msg, name=name, names=function.__code__.co_freevars, target=short(function))


def not_usable(name: object, function: FunctionType, verb: str) -> Exception:
    """The error for a name that a verb cannot take: what it is in the function instead."""
    if type(name) is not str:
        return TypeError(f"{verb} takes names as text, not {short(name)}")
    target = short(function)
    table = uses(function.__code__)
    use = table.get(name)
    candidates = tuple(sorted(_candidates(function, verb)))
    hint = f"; {_WANTED[verb]}"
    if verb == "promote" and use is not None and use.free:
        return already_free(name, function)
    if verb == "freeze" and use is not None and (use.written or use.free_written):
        msg = (
            f"`{name}` is assigned or deleted in {target}, and a constant cannot be; promote gives it a cell"
        )
    elif name == "__class__" and verb != "promote" and use is not None and use.free:
        msg = f"`__class__` of {target} has to stay a free variable: zero-argument super() looks for it there"
    elif use is not None and use.parameter:
        msg = f"`{name}` is a parameter of {target}{hint}"
    elif use is not None and use.local:
        msg = f"`{name}` is a local variable of {target}{hint}"
    elif use is not None and (use.read or use.written):
        msg = f"`{name}` is a global or builtin in {target}{hint}"
    elif use is not None and use.free:
        msg = f"`{name}` is a free variable that {target} does not read{hint}"
    else:
        msg = f"{target} does not use `{name}`; it uses: {listed(candidates)}{hint_nearest(name, candidates)}"
    return ScopeError(msg, name=name, names=candidates, nearest=nearest(name, candidates), target=target)


def _candidates(function: FunctionType, verb: str) -> Iterable[str]:
    code = function.__code__
    for name, use in uses(code).items():
        if verb == "demote":
            if use.free:
                yield name
        elif verb == "promote":
            if (use.read or use.written) and not use.free:
                yield name
        elif (use.read or use.free_read) and not (use.written or use.free_written):
            yield name
