"""The commonest mistake: a name that the function never uses. The error looks for who does."""

from __future__ import annotations

from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from recell.cells import FORWARDED
from recell.code.guarded import own_code
from recell.code.imports import bindings
from recell.code.uses import uses
from recell.errors import ScopeError, hint_nearest, listed, short
from recell.layers.exchange import state_of
from recell.patching.standins import value_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from recell.code.uses import Use

__all__ = ["unused_name"]


def unused_name(full_name: str, target: object, functions: Sequence[FunctionType]) -> ScopeError:
    """Return the error for a name that none of the functions uses, with the best hint that can be found."""
    parts = full_name.split(".")
    name = parts[0] if all(parts) else full_name  # as `dotted` takes them
    shown = short(target)
    tables = [uses(own_code(func)) for func in functions]
    imported = {binding.name for func in functions for _, binding in bindings(own_code(func))}
    names = sorted({used for table in tables for used, use in table.items() if _is_used(use)} | imported)
    msg = f"{shown} does not use `{name}` as a free variable, global or builtin"
    if len(functions) > 1:
        msg = f"none of the functions of {shown} uses `{name}` as a free variable, global or builtin"
    hint = ""
    for func, table in zip(functions, tables):
        hint = hint or _hint(func, table, name, full_name)
    hint = hint or hint_nearest(name, names) or f"; it uses {listed(names)}"
    return ScopeError(msg + hint, name=full_name, names=tuple(names), target=shown)


def _is_used(use: Use | None) -> bool:
    return use is not None and (use.free or use.read or use.written)


def _hint(func: FunctionType, table: Mapping[str, Use], name: str, full_name: str) -> str:
    own = table.get(name)
    called = func.__name__
    if own is not None and (own.parameter or own.local):
        if own.parameter:
            return f": `{name}` is a parameter of it; pass another argument"
        return f": `{name}` is a local variable of it; patch what it is assigned from"
    value = _value(func, name)
    for parameter, default in _defaults(func):
        if value is not None and default is value:
            return f"; it is the default of `{parameter}`: use patch_defaults({called}, {parameter}=…)"
    for where, inside in _behind(func, called):
        if _is_used(uses(own_code(inside), [name])[name]):
            return f"; `{where}` reads it: use override({where}, …)"
    for other, inside in _callees(func, table):
        if inside is not func and _is_used(uses(own_code(inside), [name])[name]):
            root, dot, rest = other.partition(".")
            reach = f'closure({called})["{root}"]' if root in func.__code__.co_freevars else root
            return f"; `{name}` is read by `{other}`, which `{called}` calls: use override({reach}{dot}{rest}, …)"
    for root, use in table.items():
        if _is_used(use) and name in own_code(func).co_names and hasattr(_value(func, root), name):
            return f'; it reads `{root}.{name}`: use override({called}, {{"{root}.{full_name}": …}})'
    if FORWARDED in table:
        return "; a swap or wrap of it is in force: enter the override before a wrap, or override its `.original`"
    return ""


def _defaults(func: FunctionType) -> Iterator[tuple[str, object]]:
    """Yield the parameters that have a default, and that."""
    defaults, code = func.__defaults__ or (), func.__code__
    end = code.co_argcount
    yield from zip(code.co_varnames[end - len(defaults) : end], defaults)
    yield from (func.__kwdefaults__ or {}).items()


def _behind(func: FunctionType, called: str) -> Iterator[tuple[str, FunctionType]]:
    """Yield the functions that a wrapper wraps."""
    where = called
    seen = {id(func)}
    obj: Any = func
    while True:
        obj = getattr(obj, "__dict__", {}).get("__wrapped__")
        if obj is None or id(obj) in seen:
            return
        seen.add(id(obj))
        where += ".__wrapped__"
        if type(obj) is FunctionType:
            yield where, obj


def _callees(func: FunctionType, table: Mapping[str, Use]) -> Iterator[tuple[str, FunctionType]]:
    """Yield the functions that a function's names mean, one call down: also behind lru_cache, and those of classes."""
    for name, use in table.items():
        if not _is_used(use):
            continue
        value = _value(func, name)
        if type(value) is FunctionType:
            yield name, value
            yield from _behind(value, name)
        elif isinstance(value, type):
            for attribute, inside in vars(value).items():
                inside = getattr(inside, "__func__", inside)
                if type(inside) is FunctionType:
                    yield f"{name}.{attribute}", inside
        elif value is not None:
            yield from _behind(value, name)
            bound = getattr(value, "__func__", None) if type(value) is MethodType else None
            if type(bound) is FunctionType:
                yield name, bound


def _value(func: FunctionType, name: str) -> Any:
    try:
        return value_of(func, state_of(func), name)
    except ScopeError:
        return None
