"""Variants of a template: names and placeholders in finished code exchanged, without a compiler."""

from __future__ import annotations

from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, TypeVar

from recell.callables import functions_of, rebuild
from recell.code.guarded import EVER, behind, own_code
from recell.errors import ScopeError, SourceError, short
from recell.functions.annotations import HAS_ANNOTATE, evaluated_annotations, set_annotations
from recell.functions.building import copy_with
from recell.functions.clashes import check_clashes, not_found, with_imports_kept
from recell.functions.constants import COMPOUND, DOCSTRING_FLAG, docstring_of, holds, key_of, parts
from recell.functions.name_constants import Spelled
from recell.functions.templates import IMPORT_NAME, PLANS, planned
from recell.public import public

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

F = TypeVar("F")

__all__ = ["substitute"]

_NOTHING: Mapping[str, Any] = {}
_VALID: set[str] = set()  # new names that were checked before
_CONSTANTS = {int, float, complex, bool, bytes, type(...), *COMPOUND}


@public
def substitute(
    func: F, /, *, rename: Mapping[str, str] = _NOTHING, constants: Mapping[Any, object] = _NOTHING
) -> F:
    """Return the same function with names exchanged, and placeholders among its constants exchanged for objects.

    Nothing is compiled: one function, written once, serves as the template of many. Nested functions, the names of
    `__annotate__` and of keyword defaults follow.

    Args:
        func: a function, or anything that stands for one.
        rename: old name -> new name, of parameters, locals, free variables, globals, attributes and functions:
            every identifier of that spelling, wherever it stands. Keywords of calls stay, and so do strings.
        constants: a constant that stands in the code -> the object to put in its place: a string, a number, bytes, a
            tuple. It is told by value and type (1, 1.0 and True differ); `(1, int)` and `(True, bool)` are for a
            mapping that names both. What the compiler adds on its own stays.

    Returns:
        A new callable of the same kind, sharing the original's cells.

    Raises:
        ScopeError: two names would become one, a name or a placeholder is not found, or `__class__` is renamed.
        SourceError: a new name is no identifier, or a keyword.
        UnsupportedCodeError: a nested function has defaults or annotations whose names cannot be followed.
        TypeError: `func` holds no Python function, or a name is no string.

    >>> from recell import substitute
    >>> def get_field(self, default=None):
    ...     return getattr(self, "FIELD", default)
    >>> get_x = substitute(get_field, rename={"get_field": "get_x", "default": "x"}, constants={"FIELD": "x"})
    >>> get_x(object(), x=5), get_x.__name__
    (5, 'get_x')
    """
    if type(func) is not FunctionType:
        return _closely(func, rename, constants)
    # the everyday case, kept short: what is not plain goes the other way, errors too
    function: Any = func
    code = function.__code__
    if EVER:
        code = behind(code)
    plan = PLANS.get(id(code))
    if plan is None or plan[0]() is not code:
        plan = planned(code)
    _, own, strings, pick_varnames, pick_names = plan
    if not own:
        return _closely(func, rename, constants)
    exchanged: Any = own
    try:
        if rename:
            if function.__kwdefaults__ is not None or function.__name__ in rename:
                return _closely(func, rename, constants)
            if HAS_ANNOTATE and function.__annotate__ is not None:
                return _closely(func, rename, constants)
            for new in rename.values():
                if new not in _VALID:
                    _checked(rename)
                if new in own or new not in _VALID or type(new) is not str:
                    return _closely(func, rename, constants)
            exchanged = {**own, **rename}
            if len(exchanged) > len(own) or (len(rename) > 1 and len({*rename.values()}) < len(rename)):
                return _closely(func, rename, constants)
        elif type(rename) is not dict:  # None, or an empty list
            return _closely(func, rename, constants)
        consts = [*code.co_consts]
        for text, value in constants.items():
            consts[strings[text]] = value
    except (KeyError, TypeError, AttributeError):
        exchanged = None
    if exchanged is None:  # not in the handler: its errors are not about this one
        return _closely(func, rename, constants)
    # the line table of generated code keeps its lines, also where the names no longer do
    new_code = code.replace(
        co_varnames=pick_varnames(exchanged), co_names=pick_names(exchanged), co_consts=tuple(consts)
    )
    made = copy_with(function, new_code, function.__closure__, function.__globals__)
    if rename and not HAS_ANNOTATE and function.__annotations__:
        _rename_annotations(made, rename)
    return made  # type: ignore[return-value]


# -- every other case -------------------------------------------------------------------------------


def _closely(func: F, rename: Mapping[str, str], constants: Mapping[Any, object]) -> F:
    """`substitute` for nested code, closures and whatever else the quick way leaves out; it finds the errors."""
    for given in (rename, constants):
        if not hasattr(given, "items"):
            msg = f"substitute takes mappings as rename= and constants=, not {short(given)}"
            raise TypeError(msg)
    rename = _checked(rename)
    keys = {_key(placeholder): value for placeholder, value in constants.items()}
    found: set[Any] = set()
    made = rebuild(func, lambda function: _substituted(function, rename, keys, found), "substitute")
    if len(found) < len(rename) + len(keys):
        raise not_found(rename, constants, _key, found, short(func), functions_of(func, "substitute"))
    return made


def _key(placeholder: object) -> Any:
    """Return the value and type of a placeholder, which tell it."""
    if type(placeholder) is tuple and len(placeholder) == 2 and placeholder[1] is type(placeholder[0]):
        placeholder = placeholder[0]
    if isinstance(placeholder, str):
        return str.__str__(placeholder)
    if placeholder is None or placeholder == ():
        msg = f"{placeholder!r} is no placeholder: compilers put it into code on their own"
        raise TypeError(msg)
    if type(placeholder) not in _CONSTANTS:
        msg = f"a placeholder is a constant that stands in the code, not {short(placeholder)}"
        raise TypeError(msg)
    return key_of(placeholder)


def _substituted(
    func: FunctionType, rename: Mapping[str, str], constants: Mapping[Any, object], found: set[Any]
) -> FunctionType:
    """The new function; `found` collects the names met, and the keys of the placeholders met, each in a pair."""
    code = own_code(func)
    name, qualname = func.__name__, func.__qualname__
    template = func
    new_name, new_qualname = name, qualname
    if rename:
        kwdefaults = func.__kwdefaults__
        if kwdefaults and not rename.keys().isdisjoint(kwdefaults):
            template = copy_with(func, code, func.__closure__, func.__globals__)
            template.__kwdefaults__ = {rename.get(key, key): value for key, value in kwdefaults.items()}
        if name in rename:
            found.add(name)
            new_name = rename[name]
            if qualname.endswith(name):
                new_qualname = qualname[: -len(name)] + new_name
    new_code = _in_code(code, rename, constants, found, qualname, new_qualname)
    new = copy_with(template, new_code, func.__closure__, func.__globals__)
    if new_name is not name:
        new.__name__, new.__qualname__ = new_name, new_qualname
    doc = docstring_of(code)
    if type(doc) is str and doc in constants and func.__doc__ == doc:
        new.__doc__ = constants[doc]  # type: ignore[assignment]
    if rename:
        if HAS_ANNOTATE and func.__annotate__ is not None:  # type: ignore[attr-defined]
            _rename_lazy_annotations(func, new, rename, found)
        elif func.__annotations__:
            _rename_annotations(new, rename)
    return new


def _in_code(
    code: CodeType,
    rename: Mapping[str, str],
    constants: Mapping[Any, object],
    found: set[Any],
    qualname: str,
    new_qualname: str,
) -> CodeType:
    """A code object and those nested in it with everything exchanged; its qualified name before and after."""
    fields: dict[str, Any] = {}
    if rename:
        get = rename.get
        varnames, names, freevars, cellvars = (
            code.co_varnames,
            code.co_names,
            code.co_freevars,
            code.co_cellvars,
        )
        every = {*varnames, *freevars, *cellvars, *names}
        met = [old for old in rename if old in every]
        if met:
            found.update(met)
            targets = {rename[old] for old in met}
            if len(targets) < len(met) or not targets.isdisjoint(every):
                check_clashes(code, rename)
            if "__class__" in met and "__class__" in freevars:
                msg = f"`__class__` of {code!r} cannot be renamed: `super()` looks for it by its name"
                raise ScopeError(msg, name="__class__", names=freevars, target=repr(code))
            if names:
                if IMPORT_NAME in code.co_code:
                    code, fields["co_names"] = with_imports_kept(code, rename)
                else:
                    fields["co_names"] = tuple(map(get, names, names))
            fields["co_varnames"] = tuple(map(get, varnames, varnames))
            if freevars:
                fields["co_freevars"] = tuple(map(get, freevars, freevars))
            if cellvars:
                fields["co_cellvars"] = tuple(map(get, cellvars, cellvars))
        if code.co_name in rename:
            found.add(code.co_name)
            fields["co_name"] = rename[code.co_name]
        if new_qualname is not qualname and hasattr(code, "co_qualname"):
            fields["co_qualname"] = new_qualname
    consts: list[Any] = []
    protected: Container[int] = ()
    places: dict[int, tuple[str, str]] = {}
    compound = (code.co_name == "__annotate__" and bool(rename)) or any(
        type(key) is not str for key in constants
    )
    for const in code.co_consts:
        kind = type(const)
        if kind is CodeType or (
            (kind is tuple or kind is frozenset or kind is slice) and holds(const, constants)
        ):
            compound = True
            break
    if compound:
        spelled = Spelled(code, rename, constants, qualname, new_qualname)
        code, protected, places = spelled.code, spelled.protected, spelled.places
        found.update(("constant", key) for key in spelled.exchanged)
    for index, const in enumerate(code.co_consts):
        kind = type(const)
        if kind is str:
            if const in constants and index not in protected:
                found.add(("constant", const))
                value = constants[const]
                if index == 0 and code.co_flags & DOCSTRING_FLAG and type(value) is not str:
                    fields["co_flags"] = code.co_flags & ~DOCSTRING_FLAG  # 3.14+: it must be a string
                const = value
        elif compound:
            if index in protected:
                pass
            elif kind is CodeType:
                const = _in_code(const, rename, constants, found, *places.get(id(const), ("", "")))
            elif kind in COMPOUND and holds(const, constants):
                const = _in_compound(const, constants, found)
        consts.append(const)
    fields["co_consts"] = tuple(consts)
    return code.replace(**fields)


# -- constants --------------------------------------------------------------------------------------


def _in_compound(const: Any, constants: Mapping[Any, object], found: set[Any]) -> Any:
    """A constant made of constants, with those exchanged; the whole of it was seen to where it is loaded."""
    new: list[Any] = []
    for part in parts(const):
        key = key_of(part)
        if key in constants:
            found.add(("constant", key))
            part = constants[key]
        elif type(part) in COMPOUND and holds(part, constants):
            part = _in_compound(part, constants, found)
        new.append(part)
    return slice(*new) if type(const) is slice else type(const)(new)


# -- annotations ------------------------------------------------------------------------------------


def _rename_annotations(new: FunctionType, rename: Mapping[str, str]) -> None:
    annotations = new.__annotations__
    if not rename.keys().isdisjoint(annotations):
        new.__annotations__ = {rename.get(key, key): value for key, value in annotations.items()}


def _rename_lazy_annotations(
    func: FunctionType, new: FunctionType, rename: Mapping[str, str], found: set[Any]
) -> None:
    """Let `__annotate__` give the new names (3.14+), and the dict that was evaluated already too."""
    evaluated = evaluated_annotations(func)
    if evaluated is not None:
        evaluated = {rename.get(key, key): value for key, value in evaluated.items()}
    annotate: Any = func.__annotate__  # type: ignore[attr-defined]
    if type(annotate) is FunctionType:
        old = annotate.__code__
        code = _in_code(old, rename, _NOTHING, found, old.co_qualname, old.co_qualname)
        annotate = copy_with(annotate, code, annotate.__closure__, annotate.__globals__)
    set_annotations(new, evaluated, annotate)


def _checked(rename: Mapping[str, str]) -> Mapping[str, str]:
    """The renaming with its new names as the compiler would spell them; refuses what is no identifier."""
    from recell.functions.arguments import check_identifier

    for old in rename:
        if not isinstance(old, str):
            msg = f"a name to be renamed is a string, not {short(old)}"
            raise TypeError(msg)
    checked = {old: check_identifier(new, f"the new name of `{old}`") for old, new in rename.items()}
    for old, new in checked.items():
        if new == "__debug__":
            msg = f"the new name of `{old}` cannot be {new!r}: nothing can be assigned to it"
            raise SourceError(msg, name=new)
    if len(_VALID) > 10_000:
        _VALID.clear()
    _VALID.update(new for new in checked.values() if new.isascii())
    return checked
