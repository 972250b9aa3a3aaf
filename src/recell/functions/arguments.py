"""The parts of a function as callers hand them over, checked and brought into the form in which functions keep them."""

from __future__ import annotations

from keyword import iskeyword
from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from recell import compat
from recell.callables import describe
from recell.cells import EMPTY, cell_for, cells_of, no_such_free_variable
from recell.errors import (
    ClosureMismatchError,
    SourceError,
    UnsupportedPythonError,
    hint_nearest,
    listed,
    short,
)
from recell.flags import is_function
from recell.functions.building import HAS_TYPE_PARAMS, KEEP

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "Parts",
    "check_code",
    "check_globals",
    "check_identifier",
    "closure_for",
    "closure_mapping",
    "merged_defaults",
]


class Parts:
    """The attributes that a caller wants set on a finished function."""

    annotations: Any
    attributes: Any

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
        self.name: str = KEEP if name is None else _checked(name, str, "name")
        self.qualname: str = KEEP if qualname is None else _checked(qualname, str, "qualname")
        self.module = module
        self.doc = doc
        self.annotations = _checked_mapping(annotations, "annotations")
        self.type_params: tuple[Any, ...] = (
            () if type_params is None else _checked(type_params, tuple, "type_params")
        )
        self.attributes = _checked_mapping(attributes, "attributes")
        if self.type_params is not KEEP and self.type_params and not HAS_TYPE_PARAMS:
            msg = (
                f"functions have type parameters from CPython 3.12 on: type_params={short(self.type_params)}"
            )
            release = compat.find()
            raise UnsupportedPythonError(
                msg, feature="type_params", version=release.version if release else ()
            )

    def qualname_after(self, qualname: str) -> str:
        """The qualified name that goes with the wanted one: its last part is the new name."""
        if self.qualname is not KEEP:
            return self.qualname
        if self.name is KEEP:
            return qualname
        prefix, dot, _ = qualname.rpartition(".")
        return prefix + dot + self.name

    def named(self, code: CodeType, qualname: str) -> CodeType:
        """The code under the wanted name, so that tracebacks show it."""
        if self.name is KEEP:
            return code
        if hasattr(code, "co_qualname"):
            full = self.qualname_after(qualname)
            if (code.co_name, code.co_qualname) == (self.name, full):
                return code
            return code.replace(co_name=self.name, co_qualname=full)
        return code if code.co_name == self.name else code.replace(co_name=self.name)

    def put_on(self, new: FunctionType) -> None:
        new.__qualname__ = self.qualname_after(new.__qualname__)
        if self.name is not KEEP:
            new.__name__ = self.name
        if self.module is not KEEP:
            new.__module__ = self.module  # type: ignore[assignment]
        if self.doc is not KEEP:
            new.__doc__ = self.doc  # type: ignore[assignment]
        if self.annotations is not KEEP:
            new.__annotations__ = dict(self.annotations)
        if self.type_params is not KEEP and HAS_TYPE_PARAMS:
            new.__type_params__ = self.type_params
        if self.attributes is not KEEP:
            new.__dict__ = dict(self.attributes)


def _checked(value: Any, kind: type, option: str) -> Any:
    if value is not KEEP and not isinstance(value, kind):
        msg = f"{option} must be a {kind.__name__}, not {short(value)}"
        raise TypeError(msg)
    return value


def _checked_mapping(value: Any, option: str) -> Any:
    """A copy of a mapping given, `KEEP`, or an empty dict for None."""
    if value is KEEP:
        return value
    if value is not None and not hasattr(value, "items"):
        msg = f"{option} must be a mapping or None, not {short(value)}"
        raise TypeError(msg)
    copied: dict[str, Any] = dict(value or {})
    return copied


def check_globals(globals: object, verb: str) -> None:
    if not isinstance(globals, dict):
        msg = f"{verb} needs a dict as globals, and {short(globals)} is {describe(globals)}"
        if hasattr(globals, "__dict__"):
            msg += "; `vars(…)` gives the dict of a module"
        raise TypeError(msg)


def check_code(code: object, verb: str) -> None:
    if type(code) is not CodeType:
        hint = ""
        if type(code) is FunctionType:
            hint = "; pass its `__code__`, or use `replace` to copy the function"
        elif isinstance(code, str):
            hint = "; `define` makes a function from a text"
        msg = f"{verb} needs a code object, and {short(code)} is {describe(code)}{hint}"
        raise TypeError(msg)
    if not is_function(code):
        inside = [const.co_name for const in code.co_consts if type(const) is CodeType]
        what = "a module's" if code.co_name == "<module>" else "a module's or class's"
        hint = "it holds no function"
        if inside:
            hint = f"the functions in it are {listed(inside)}: `inner(code, {inside[0]!r})` gets one"
        msg = f"{verb} needs the code of a function, and {code!r} is {what} code; {hint}"
        raise TypeError(msg)


def closure_mapping(values: object, held: Iterable[str], func: FunctionType) -> dict[str, CellType]:
    """A mapping closure with one cell per name, made once, so that several accessors share them."""
    if not hasattr(values, "items"):
        msg = f"closure must be a mapping or a tuple of cells, not {short(values)}"
        raise TypeError(msg)
    names = dict.fromkeys(held)
    cells: dict[str, CellType] = {}
    for name, value in cells_of(values).items():  # type: ignore[arg-type]
        if name not in names:
            raise no_such_free_variable(name, tuple(names), short(func), func.__code__.co_names)
        cells[name] = cell_for(value)
    return cells


def closure_for(
    code: CodeType,
    given: tuple[CellType, ...] | Mapping[str, object] | None,
    own_cells: Iterable[tuple[str, CellType]],
    target: object,
) -> tuple[CellType, ...] | None:
    """The cells for a code's free variables: by name from what is given, then from the function's own."""
    names = code.co_freevars
    if isinstance(given, tuple):
        given = (*given,)  # a subclass could say something else the next time
        if len(given) != len(names):
            msg = (
                f"the closure given has {len(given)} cells, and {short(target)} has {len(names)} free variables: "
                f"{listed(names)}; give them by name"
            )
            before = tuple(name for name, _ in own_cells)
            missing = names[len(given) :]
            raise ClosureMismatchError(msg, before=before, after=names, missing=missing, target=short(target))
        for at, item in enumerate(given):
            if type(item) is not CellType:
                msg = (
                    f"item {at} of the closure is no cell but {short(item)}; "
                    "`make_cell(value)` makes one, or give the closure by name"
                )
                raise TypeError(msg)
        return given or None
    if given is not None and not hasattr(given, "items"):
        msg = f"closure must be a mapping or a tuple of cells, not {short(given)}"
        raise TypeError(msg)
    values: Mapping[str, object] = cells_of(given) if given is not None else {}
    known = frozenset(names)
    for name in values:
        if name not in known:
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


def merged_defaults(
    code: CodeType,
    own: tuple[Any, ...] | None,
    own_kw: dict[str, Any] | None,
    defaults: tuple[Any, ...] | Mapping[str, object] | None,
    kwdefaults: Mapping[str, object] | None,
    target: object,
) -> tuple[tuple[Any, ...] | None, dict[str, Any] | None]:
    """Defaults as a function keeps them, from what it has and what is asked for; refuses what cannot be."""
    count = code.co_argcount
    parameters = code.co_varnames[:count]
    keywords = code.co_varnames[count : count + code.co_kwonlyargcount]
    positional = own
    keyword = None if own_kw is None else dict(own_kw)
    if kwdefaults is not KEEP:
        if kwdefaults is not None and not hasattr(kwdefaults, "items"):
            msg = f"kwdefaults must be a mapping or None, not {short(kwdefaults)}"
            raise TypeError(msg)
        keyword = None if kwdefaults is None else dict(kwdefaults)
        stray = [name for name in keyword or () if name not in keywords]
        if stray:
            msg = f"{short(target)} has no keyword-only parameter {listed(map(str, stray))}; it has: {listed(keywords)}"
            raise ValueError(msg)
    if defaults is None or isinstance(defaults, tuple):
        positional = defaults
    elif defaults is not KEEP:
        if not hasattr(defaults, "items"):
            msg = f"defaults must be a tuple, a mapping by parameter name, or None, not {short(defaults)}"
            raise TypeError(msg)
        positional, keyword = _by_name(parameters, keywords, own, keyword, defaults, target)
    if positional is not None and len(positional) > count:
        msg = (
            f"{short(target)} has {count} positional parameters ({listed(parameters)}) and would get "
            f"{len(positional)} defaults: {short(positional)}; give defaults= to fit"
        )
        raise ValueError(msg)
    return positional, keyword


def _by_name(
    parameters: tuple[str, ...],
    keywords: tuple[str, ...],
    own: tuple[Any, ...] | None,
    own_kw: dict[str, Any] | None,
    given: Mapping[str, object],
    target: object,
) -> tuple[tuple[Any, ...] | None, dict[str, Any] | None]:
    """Defaults merged by parameter name; `EMPTY` takes one away."""
    # right-aligned, as calls read them also where there are more than parameters
    merged: dict[str, Any] = dict(zip(reversed(parameters), reversed(own or ())))
    keyword: dict[str, Any] = {**(own_kw or {})}
    where = {**dict.fromkeys(keywords, keyword), **dict.fromkeys(parameters, merged)}
    for name, value in given.items():
        if name not in where:
            msg = f"{short(target)} has no parameter `{name}`; its parameters are: {listed((*parameters, *keywords))}"
            raise ValueError(msg + hint_nearest(str(name), (*parameters, *keywords)))
        held = where[name]
        if value is EMPTY:
            held.pop(name, None)
        else:
            held[name] = value
    with_default = tuple(name for name in parameters if name in merged)
    if with_default != parameters[len(parameters) - len(with_default) :]:
        first = parameters.index(with_default[0])
        bare = next(name for name in parameters[first:] if name not in merged)
        msg = f"parameter `{bare}` of {short(target)} follows `{with_default[0]}` and would have no default; give one"
        raise ValueError(msg)
    return tuple(merged[name] for name in with_default) or None, keyword or None


def check_identifier(name: object, what: str) -> str:
    """Return a name that a text could spell, normalised as the compiler does (PEP 3131), or raise SourceError."""
    if not isinstance(name, str):
        msg = f"{what} must be a string, not {name!r}"
        raise TypeError(msg)
    if type(name) is not str:
        name = str.__str__(name)  # code objects take no subclass: before 3.9 it ends the interpreter
    if not name.isidentifier() or iskeyword(name):
        kind = "a keyword" if iskeyword(name) else "no identifier"
        msg = f"{what} cannot be {name!r}: it is {kind}"
        raise SourceError(msg, name=name)
    if name.isascii():
        return name
    import unicodedata

    return unicodedata.normalize("NFKC", name)
