"""New functions from old ones, or from a code object: nothing lost, the original untouched."""

from __future__ import annotations

from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any, TypeVar

from recell.callables import functions_of, rebuild
from recell.cells import EMPTY, FORWARDED, cell_for, cells_of, check_mapping, unknown_free_variable
from recell.code.iterators import with_iterator
from recell.functions.arguments import (
    Parts,
    check_code,
    check_globals,
    closure_for,
    closure_mapping,
    merged_defaults,
)
from recell.functions.building import KEEP, build, copy_with, own_version, remake, respecialised
from recell.functions.cloning import clone
from recell.functions.substituting import substitute
from recell.public import public

if TYPE_CHECKING:
    from collections.abc import Mapping

F = TypeVar("F")

__all__ = ["build", "clone", "make_function", "rebind", "remake", "replace", "substitute"]

_NOTHING: Mapping[str, object] = {}


@public
def rebind(func: F, values: Mapping[str, object] = _NOTHING, /, **more: object) -> F:
    """The same function with some of its free variables bound to cells of their own.

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


@public
def make_function(
    code: CodeType,
    globals: dict[str, Any] | None = None,
    name: str | None = None,
    defaults: tuple[Any, ...] | Mapping[str, object] | None = None,
    closure: tuple[CellType, ...] | Mapping[str, object] | None = None,
    *,
    kwdefaults: Mapping[str, object] | None = None,
    qualname: str | None = None,
    module: object = KEEP,
    doc: object = KEEP,
    annotations: Mapping[str, object] | None = None,
    type_params: tuple[Any, ...] = (),
    attributes: Mapping[str, object] | None = None,
    verify: bool = True,
) -> FunctionType:
    """A function from a code object, as `types.FunctionType` makes one, with nothing missing.

    Args:
        code: a function's code object.
        globals: its global names; without `__builtins__` in them they get the standard ones, as `exec` does. A
            namespace of its own without the argument.
        name: the function's name; the code and the last part of the qualified name follow.
        defaults: a tuple, right-aligned, or a mapping by parameter name (keyword-only parameters included).
        closure: free variable -> value (a cell is shared, `EMPTY` is an empty cell, anything else becomes the
            contents of a fresh cell), or a tuple of cells in the order of the code.
        kwdefaults: defaults of keyword-only parameters.
        qualname, module, doc, annotations, type_params, attributes: what the function's attribute is to be.
        verify: whether the code is checked first, so that it cannot crash the interpreter. That of a generator
            expression takes any iterable then, and not just an iterator.

    Returns:
        The function, called as fast as one that the compiler made.

    Raises:
        TypeError: an argument has the wrong type; `code` is a module's or a class's code.
        ClosureMismatchError: the closure does not fit the code's free variables.
        FreeVariableError: the closure names what is no free variable.
        ValueError: more defaults than parameters, or defaults for what is no parameter.
        UnsafeCodeError: the code could crash the interpreter.

    >>> from recell import make_function
    >>> module = compile("def outer(step):\\n    return lambda n=1: n + step", "<text>", "exec")
    >>> outer = module.co_consts[0]
    >>> inner = next(const for const in outer.co_consts if hasattr(const, "co_code"))
    >>> add = make_function(inner, name="add", defaults=(1,), closure={"step": 10})
    >>> add(), add(5), add.__name__
    (11, 15, 'add')
    """
    check_code(code, "make_function")
    if globals is None:
        globals = {}
    check_globals(globals, "make_function")
    parts = Parts(
        name=name,
        qualname=qualname,
        module=module,
        doc=doc,
        annotations=KEEP if annotations is None else annotations,
        type_params=type_params,
        attributes=KEEP if attributes is None else attributes,
    )
    cells = closure_for(code, closure, (), code)
    kwdefaults = KEEP if kwdefaults is None else kwdefaults
    positional, keyword = merged_defaults(code, None, None, defaults, kwdefaults, code)
    if verify:
        code = _verified(code)
    code = own_version(parts.named(code, getattr(code, "co_qualname", code.co_name)))
    if "__builtins__" not in globals:
        import builtins

        globals["__builtins__"] = builtins.__dict__
    new = build(code, globals, code.co_name, positional, cells, keyword)
    parts.put_on(new)
    return new


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
        code = _verified(code)

    def replaced(function: FunctionType) -> FunctionType:
        new_code, own_cells = function.__code__, function.__closure__  # in one go: they fit each other
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
        """The same function with some of its parts exchanged; what is not named is carried over completely.

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
    code, cells = func.__code__, func.__closure__  # in one go: they fit each other
    new = copy_with(func, code, cells, func.__globals__)
    new.__defaults__ = defaults
    return respecialised(new)


def _verified(code: CodeType) -> CodeType:
    """The code, if it cannot crash the interpreter, whatever its function is called with."""
    from recell.verifier.verify import verify

    try:
        safe = with_iterator(code)
    except Exception:  # noqa: BLE001 - it is not even well-formed: that is for `verify` to say
        safe = code
    verify(safe)
    return safe
