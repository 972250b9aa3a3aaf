"""The same function with other parts: `replace`."""

from __future__ import annotations

from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any, TypeVar

from recell.callables import functions_of, rebuild
from recell.code.guarded import EVER, behind, own_code
from recell.functions.arguments import (
    Parts,
    check_code,
    check_globals,
    closure_for,
    closure_mapping,
    merged_defaults,
)
from recell.functions.building import KEEP, copy_with, remake, respecialised
from recell.functions.make_function import verified
from recell.functions.rebinding import rebind
from recell.public import public

if TYPE_CHECKING:
    from collections.abc import Mapping

F = TypeVar("F")

__all__ = ["replace"]


def replace(
    func: F,
    /,
    *,
    code: CodeType = KEEP,
    globals: dict[str, Any] = KEEP,
    closure: tuple[CellType, ...] | Mapping[str, object] = KEEP,
    name: str = KEEP,
    qualname: str = KEEP,
    module: object = KEEP,
    doc: object = KEEP,
    defaults: tuple[Any, ...] | Mapping[str, object] | None = KEEP,
    kwdefaults: Mapping[str, object] | None = KEEP,
    annotations: Mapping[str, object] | None = KEEP,
    type_params: tuple[Any, ...] | None = KEEP,
    attributes: Mapping[str, object] | None = KEEP,
    verify: bool = True,
) -> F:
    """`replace` in the general case; its signature is the one that `inspect.signature(replace)` shows."""
    if code is not KEEP:
        check_code(code, "replace")
    if globals is not KEEP:
        check_globals(globals, "replace")
    functions = functions_of(func, "replace")
    parts = Parts(
        name=name,
        qualname=qualname,
        module=module,
        doc=doc,
        annotations=annotations,
        type_params=type_params,
        attributes=attributes,
    )
    if closure is not KEEP and not isinstance(closure, tuple):
        held = [n for f in functions for n in (f.__code__ if code is KEEP else code).co_freevars]
        closure = closure_mapping(closure, held, functions[0])
    if code is not KEEP and verify:
        code = verified(code)

    def replaced(function: FunctionType) -> FunctionType:
        new_code, own_cells = own_code(function), function.__closure__
        own = zip(new_code.co_freevars, own_cells or ())
        if code is not KEEP:
            new_code = code
        given = None if closure is KEEP else closure
        if isinstance(given, dict):
            given = {n: given[n] for n in new_code.co_freevars if n in given}
        cells = closure_for(new_code, given, own, function)
        positional, keyword = function.__defaults__, function.__kwdefaults__
        changed = defaults is not KEEP or kwdefaults is not KEEP
        if changed or code is not KEEP:
            positional, keyword = merged_defaults(
                new_code, positional, keyword, defaults, kwdefaults, function
            )
        new_code = parts.named(new_code, function.__qualname__)
        new = remake(function, new_code, cells, None if globals is KEEP else globals)
        if changed:
            new.__defaults__ = positional
            new.__kwdefaults__ = keyword
            new = respecialised(new)
        parts.put_on(new)
        return new

    return rebuild(func, replaced, "replace")


if not TYPE_CHECKING:  # pragma: no branch - type checkers alone skip it
    _replace_parts = replace  # a TypeError about its arguments calls it by the name in its code

    @public
    def replace(func, /, *, closure=KEEP, **parts):
        """Return the same function with some of its parts exchanged; what is not named is carried over completely.

        Args:
            func: a function, or anything that stands for one.
            code: another code object; its free variables are matched by name with those of `func`.
            globals: another globals dict.
            closure: free variable -> value, for some of them (a cell is shared, `EMPTY` is an empty cell, anything
                else becomes the contents of a fresh cell), or the full tuple of cells.
            name: renames the code and the last part of the qualified name too.
            qualname, module, doc: what the attribute is to be.
            defaults: a mapping merges by parameter name (`EMPTY` takes a default away), a tuple replaces
                (right-aligned), None clears.
            kwdefaults, annotations, attributes: replace; None clears.
            type_params: replaces (3.12+); None clears.
            verify: whether a `code` given is checked first, so that it cannot crash the interpreter.

        Returns:
            A new callable of the same kind, sharing the very cells that were not exchanged.

        Raises:
            ClosureMismatchError: a free variable has no cell, or a tuple closure has the wrong length.
            FreeVariableError: the closure names what is no free variable.
            ValueError: more defaults than parameters, or defaults for what is no parameter.
            BuiltinsMismatchError: the globals no longer hold the builtins that the function was made with.
            UnsafeCodeError: the code given could crash the interpreter.
            TypeError: an argument has the wrong type, or `func` holds no Python function.

        >>> from recell import replace
        >>> greet = replace(lambda name: "hello " + name, name="greet", defaults=("you",))
        >>> greet(), greet.__name__, greet.__code__.co_name
        ('hello you', 'greet', 'greet')
        """
        if parts or type(func) is not FunctionType:
            defaults = parts.get("defaults")
            if type(defaults) is tuple and len(parts) == 1 and closure is KEEP and type(func) is FunctionType:
                if len(defaults) <= func.__code__.co_argcount:
                    return _with_defaults(func, defaults)
            return _replace_parts(func, closure=closure, **parts)
        # another closure, or a plain copy: thirteen parameters more would double the price of the call
        code, cells = func.__code__, func.__closure__  # in one go: they fit each other
        if EVER:
            code = behind(code)
        if closure is not KEEP:
            if type(closure) is not tuple or cells is None or len(closure) != len(cells):
                return (
                    rebind(func, closure)
                    if hasattr(closure, "items")
                    else _replace_parts(func, closure=closure)
                )
            for cell in closure:
                if type(cell) is not CellType:
                    return _replace_parts(func, closure=closure)  # which says what is wrong
            cells = closure or None
        return copy_with(func, code, cells, func.__globals__)

    replace.__wrapped__ = _replace_parts


def _with_defaults(func: FunctionType, defaults: tuple[Any, ...]) -> FunctionType:
    code, cells = own_code(func), func.__closure__
    new = copy_with(func, code, cells, func.__globals__)
    new.__defaults__ = defaults
    return respecialised(new)
