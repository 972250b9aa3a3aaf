"""New functions from old ones, or from a code object: nothing lost, the original untouched."""

from __future__ import annotations

from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any, TypeVar

from recell.building import build, copy_with, remake
from recell.callables import describe, functions_of, rebuild
from recell.cells import EMPTY, cell_for, cells_of, no_such_free_variable, unknown_free_variable
from recell.cloning import clone
from recell.errors import ClosureMismatchError, UnsupportedPythonError, hint_nearest, listed, short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

F = TypeVar("F")

__all__ = ["build", "clone", "make_function", "rebind", "remake", "replace"]


class _Keep:
    """The type of `KEEP`, which stands for whatever the function has now."""

    def __repr__(self) -> str:
        return "<kept>"


KEEP: Any = _Keep()

_NOTHING: Mapping[str, object] = {}
_CO_OPTIMIZED, _CO_NEWLOCALS, _CO_VARARGS, _CO_VARKEYWORDS = 1, 2, 4, 8


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
    if values:
        more = {**cells_of(values), **more}
    if type(func) is FunctionType:  # the everyday case, kept short
        code = func.__code__
        names = code.co_freevars
        cells = [*(func.__closure__ or ())]
        for name in more:
            try:
                at = names.index(name)
            except ValueError:
                raise unknown_free_variable(name, func) from None
            value = more[name]
            cells[at] = value if type(value) is CellType else CellType(value) if value is not EMPTY else CellType()
        return copy_with(func, code, (*cells,) or None, func.__globals__)  # type: ignore[return-value]
    fresh: dict[str, object] = {name: cell_for(value) for name, value in more.items()}
    functions = functions_of(func, "rebind")
    held = {name for function in functions for name in function.__code__.co_freevars}
    for name in fresh:
        if name not in held:
            raise unknown_free_variable(name, functions[0])

    def rebound(function: FunctionType) -> FunctionType:
        own = function.__code__.co_freevars
        return rebind(function, {name: cell for name, cell in fresh.items() if name in own})

    return rebuild(func, rebound, "rebind")


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
        verify: whether the code is checked first, so that it cannot crash the interpreter.

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
    _check_code(code, "make_function")
    if globals is None:
        globals = {}
    elif not isinstance(globals, dict):
        msg = f"make_function needs a dict as globals, not {short(globals)}"
        raise TypeError(msg)
    if verify:
        _verify(code)
    cells = _closure_for(code, closure, (), code)
    parts = _Parts(name=name, qualname=qualname, module=module, doc=doc, type_params=type_params)
    if annotations is not None:
        parts.annotations = annotations
    if attributes is not None:
        parts.attributes = attributes
    code = parts.named(code, getattr(code, "co_qualname", code.co_name))
    positional, keyword = _merged_defaults(code, None, None, defaults, kwdefaults if kwdefaults is not None else KEEP)
    if "__builtins__" not in globals:
        import builtins

        globals["__builtins__"] = builtins.__dict__
    new = build(code, globals, code.co_name, positional, cells, keyword)
    parts.put_on(new)
    return new


def _replace_parts(
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
        _check_code(code, "replace")
    if globals is not KEEP and not isinstance(globals, dict):
        msg = f"replace needs a dict as globals, not {short(globals)}"
        raise TypeError(msg)
    functions = functions_of(func, "replace")
    if code is not KEEP and verify:
        _verify(code)
    parts = _Parts(
        name=name,
        qualname=qualname,
        module=module,
        doc=doc,
        annotations=annotations,
        type_params=type_params,
        attributes=attributes,
    )
    if closure is not KEEP and not isinstance(closure, tuple):
        held = {n for f in functions for n in (f.__code__ if code is KEEP else code).co_freevars}
        closure = _fresh_cells(closure, held, functions[0])

    def replaced(function: FunctionType) -> FunctionType:
        new_code = function.__code__ if code is KEEP else code
        own = zip(function.__code__.co_freevars, function.__closure__ or ())
        given = closure
        if given is not KEEP and not isinstance(given, tuple):
            given = {n: cell for n, cell in given.items() if n in new_code.co_freevars}
        cells = _closure_for(new_code, None if given is KEEP else given, own, function)
        new_code = parts.named(new_code, function.__qualname__)
        positional, keyword = function.__defaults__, function.__kwdefaults__
        changed = defaults is not KEEP or kwdefaults is not KEEP
        if changed or code is not KEEP:
            positional, keyword = _merged_defaults(new_code, positional, keyword, defaults, kwdefaults)
        source = function
        if changed:  # assigning them to the copy would cost it CPython's call specialisation
            source = _with_defaults(function, positional, keyword)
        new = remake(source, new_code, cells, None if globals is KEEP else globals)
        parts.put_on(new)
        return new

    return rebuild(func, replaced, "replace")


if TYPE_CHECKING:
    replace = _replace_parts
else:

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
            return _replace_parts(func, closure=closure, **parts)
        # another closure, or a plain copy: thirteen parameters more would double the price of the call
        code, cells = func.__code__, func.__closure__
        if closure is not KEEP:
            if not isinstance(closure, tuple) and hasattr(closure, "items"):
                return rebind(func, closure)
            cells = _closure_for(code, closure, (), func)
        return copy_with(func, code, cells, func.__globals__)

    replace.__wrapped__ = _replace_parts


def _with_defaults(
    function: FunctionType, defaults: tuple[Any, ...] | None, kwdefaults: dict[str, Any] | None
) -> FunctionType:
    """A stand-in that `remake` copies: the function with other defaults."""
    stand_in = remake(function)
    stand_in.__defaults__ = defaults
    stand_in.__kwdefaults__ = kwdefaults
    return stand_in


class _Parts:
    """What a caller wants of the attributes that can be set on a finished function."""

    def __init__(
        self,
        *,
        name: str | None = KEEP,
        qualname: str | None = KEEP,
        module: object = KEEP,
        doc: object = KEEP,
        annotations: Mapping[str, object] | None = KEEP,
        type_params: tuple[Any, ...] | None = KEEP,
        attributes: Mapping[str, object] | None = KEEP,
    ) -> None:
        self.name = KEEP if name is None else _checked(name, str, "name")
        self.qualname = KEEP if qualname is None else _checked(qualname, str, "qualname")
        self.module = module
        self.doc = doc
        self.annotations = annotations
        self.type_params = () if type_params is None else _checked(type_params, tuple, "type_params")
        self.attributes = attributes
        if self.type_params is not KEEP and self.type_params and not hasattr(FunctionType, "__type_params__"):
            msg = f"functions have type parameters from CPython 3.12 on: type_params={short(self.type_params)}"
            raise UnsupportedPythonError(msg, feature="type_params", version=())

    def named(self, code: CodeType, qualname: str) -> CodeType:
        """The code under the wanted name, and (remembered for `put_on`) the qualified name that goes with it."""
        if self.name is KEEP:
            return code
        full = self.qualname
        if full is KEEP:
            prefix, dot, _ = qualname.rpartition(".")
            full = prefix + dot + self.name
        self.full_name = full
        if hasattr(code, "co_qualname"):
            return code.replace(co_name=self.name, co_qualname=full)
        return code.replace(co_name=self.name)

    def put_on(self, new: FunctionType) -> None:
        if self.name is not KEEP:
            new.__name__ = self.name
            new.__qualname__ = self.full_name
        if self.qualname is not KEEP:
            new.__qualname__ = self.qualname
        if self.module is not KEEP:
            new.__module__ = self.module  # type: ignore[assignment]
        if self.doc is not KEEP:
            new.__doc__ = self.doc  # type: ignore[assignment]
        if self.annotations is not KEEP:
            new.__annotations__ = dict(self.annotations or {})
        if self.type_params is not KEEP and hasattr(FunctionType, "__type_params__"):
            new.__type_params__ = self.type_params
        if self.attributes is not KEEP:
            new.__dict__.clear()
            new.__dict__.update(self.attributes or {})


def _checked(value: Any, kind: type, option: str) -> Any:
    if value is not KEEP and not isinstance(value, kind):
        msg = f"{option} must be a {kind.__name__}, not {short(value)}"
        raise TypeError(msg)
    return value


def _check_code(code: object, verb: str) -> None:
    if type(code) is not CodeType:
        hint = ""
        if type(code) is FunctionType:
            hint = "; pass its `__code__`, or use `replace` to copy the function"
        elif isinstance(code, str):
            hint = "; `define` makes a function from a text"
        msg = f"{verb} needs a code object, and {short(code)} is {describe(code)}{hint}"
        raise TypeError(msg)
    wanted = _CO_OPTIMIZED | _CO_NEWLOCALS
    if code.co_flags & wanted != wanted:
        inside = [const.co_name for const in code.co_consts if type(const) is CodeType]
        what = "a module's" if code.co_name == "<module>" else "a module's or class's"
        hint = f"the functions in it are {listed(inside)}: `inner(code, {inside[0]!r})` gets one" if inside else (
            "it holds no function"
        )
        msg = f"{verb} needs the code of a function, and {code!r} is {what} code; {hint}"
        raise TypeError(msg)


def _verify(code: CodeType) -> None:
    from recell.verifier import verify

    verify(code)


def _fresh_cells(values: object, held: Iterable[str], func: FunctionType) -> dict[str, object]:
    """A mapping closure with one cell per name, made once, so that several accessors share them."""
    if not hasattr(values, "items"):
        msg = f"closure must be a mapping or a tuple of cells, not {short(values)}"
        raise TypeError(msg)
    names = set(held)
    cells: dict[str, object] = {}
    for name, value in cells_of(values).items():  # type: ignore[arg-type]
        if name not in names:
            raise unknown_free_variable(name, func)
        cells[name] = cell_for(value)
    return cells


def _closure_for(
    code: CodeType,
    given: tuple[CellType, ...] | Mapping[str, object] | None,
    own_cells: Iterable[tuple[str, CellType]],
    target: object,
) -> tuple[CellType, ...] | None:
    """The cells for a code's free variables: by name from what is given, then from the function's own."""
    names = code.co_freevars
    if isinstance(given, tuple):
        if len(given) != len(names):
            msg = (
                f"the closure given has {len(given)} cells, and {short(target)} has {len(names)} free variables: "
                f"{listed(names)}; give them by name"
            )
            before = tuple(name for name, _ in own_cells)
            missing = names[len(given) :]
            raise ClosureMismatchError(msg, before=before, after=names, missing=missing, target=short(target))
        for item in given:
            if type(item) is not CellType:
                msg = (
                    f"item {given.index(item)} of the closure is no cell but {short(item)}; "
                    "`make_cell(value)` makes one, or give the closure by name"
                )
                raise TypeError(msg)
        return given or None
    if given is not None and not hasattr(given, "items"):
        msg = f"closure must be a mapping or a tuple of cells, not {short(given)}"
        raise TypeError(msg)
    values: Mapping[str, object] = cells_of(given) if given is not None else _NOTHING
    for name in values:
        if name not in names:
            raise no_such_free_variable(name, names, short(target), code.co_names)
    own = dict(own_cells)
    missing = tuple(name for name in names if name not in values and name not in own)
    if missing:
        msg = (
            f"{short(target)}: the code needs a cell for {listed(missing)}. Free variables before: {listed(own)}; "
            f"after: {listed(names)}. Give the missing ones by name, closure={{{missing[0]!r}: …}}"
        )
        if "__class__" in missing:
            msg += " (the use of `super` entails the free variable `__class__`)"
        raise ClosureMismatchError(msg, before=tuple(own), after=names, missing=missing, target=short(target))
    return tuple(cell_for(values[name]) if name in values else own[name] for name in names) or None


def _merged_defaults(
    code: CodeType,
    own: tuple[Any, ...] | None,
    own_kw: dict[str, Any] | None,
    defaults: tuple[Any, ...] | Mapping[str, object] | None,
    kwdefaults: Mapping[str, object] | None,
) -> tuple[tuple[Any, ...] | None, dict[str, Any] | None]:
    """Defaults as a function keeps them, from what it has and what is asked for; refuses what cannot be."""
    count, keyword_only = code.co_argcount, code.co_kwonlyargcount
    parameters = code.co_varnames[:count]
    keywords = code.co_varnames[count : count + keyword_only]
    positional = own
    keyword = None if own_kw is None else dict(own_kw)
    if kwdefaults is not KEEP:
        keyword = None if kwdefaults is None else dict(kwdefaults)
    if isinstance(defaults, tuple) or defaults is None:
        positional = defaults
    elif defaults is not KEEP:
        if not hasattr(defaults, "items"):
            msg = f"defaults must be a tuple, a mapping by parameter name, or None, not {short(defaults)}"
            raise TypeError(msg)
        by_name: dict[str, object] = dict(zip(parameters[count - len(own or ()) :], own or ()))
        for name, value in defaults.items():
            if name in parameters:
                by_name[name] = value
            elif name in keywords:
                keyword = {**(keyword or {}), name: value}
            else:
                known = (*parameters, *keywords)
                msg = f"{code.co_name} has no parameter `{name}`; its parameters are: {listed(known)}"
                raise ValueError(msg + hint_nearest(name, known))
        by_name = {name: value for name, value in by_name.items() if value is not EMPTY}
        keyword = {name: value for name, value in (keyword or {}).items() if value is not EMPTY} or None
        with_default = [name for name in parameters if name in by_name]
        if with_default != list(parameters[count - len(with_default) :]):
            bare = next(name for name in parameters[parameters.index(with_default[0]) :] if name not in by_name)
            msg = f"parameter `{bare}` of {code.co_name} follows `{with_default[0]}` and would have no default; give one"
            raise ValueError(msg)
        positional = tuple(by_name[name] for name in with_default) or None
    if positional is not None and len(positional) > count:
        msg = (
            f"{code.co_name} has {count} positional parameters ({listed(parameters)}) and would get {len(positional)} "
            f"defaults: {short(positional)}; give defaults= to fit"
        )
        raise ValueError(msg)
    if kwdefaults is not KEEP:
        stray = [name for name in keyword or () if name not in keywords]
        if stray:
            msg = f"{code.co_name} has no keyword-only parameter {listed(stray)}; it has: {listed(keywords)}"
            raise ValueError(msg)
    return positional, keyword
