"""Variants of a template: names and placeholders in finished code exchanged, without a compiler."""

from __future__ import annotations

from opcode import opmap
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Dict, Tuple, TypeVar

from recell.building import copy_with
from recell.callables import functions_of, rebuild
from recell.errors import ScopeError, SourceError, hint_nearest, listed, short

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping
    from weakref import ReferenceType

    from recell.operands import Operands

F = TypeVar("F")

__all__ = ["substitute"]

_NOTHING: Mapping[str, Any] = {}
_CO_OPTIMIZED, _CO_HAS_DOCSTRING = 1, 0x4000000
_HAS_ANNOTATE = "__annotate__" in vars(FunctionType)
_KWDEFAULTS, _ANNOTATIONS = 2, 4
_IMPORT_NAME = opmap["IMPORT_NAME"]

# what loads a tuple of strings that are names, not data
_NAME_TUPLES = ("KW_NAMES", "CALL_KW", "CALL_FUNCTION_KW", "IMPORT_NAME", "MATCH_CLASS")


def substitute(
    func: F, /, *, rename: Mapping[str, str] = _NOTHING, constants: Mapping[str, object] = _NOTHING
) -> F:
    """The same function with names exchanged, and string placeholders exchanged for objects.

    Nothing is compiled: one function, written once, serves as the template of many. Nested functions, the names of
    `__annotate__` and of keyword defaults follow.

    Args:
        func: a function, or anything that stands for one.
        rename: old name -> new name, of parameters, locals, free variables, globals, attributes and functions:
            every identifier of that spelling, wherever it stands. Keywords of calls stay, and so do strings.
        constants: a string that stands in the code -> the object to put in its place.

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
    if type(func) is FunctionType:
        quick = _quickly(func, rename, constants)
        if quick is not None:
            return quick  # type: ignore[return-value]
    rename = _checked(rename)
    found: set[str] = set()
    made = rebuild(func, lambda function: _substituted(function, rename, constants, found), "substitute")
    if len(found) < len(rename) + len(constants):
        raise _not_found(rename, constants, found, short(func), functions_of(func, "substitute"))
    return made


_Plan = Tuple["ReferenceType[CodeType]", Dict[str, Tuple[int, int]], Dict[str, int], Tuple[str, ...], Tuple[str, ...]]

# id of a template's code -> a weak reference to it, where its names stand in `co_varnames` and `co_names` (or -1),
# where its strings stand, and the two. A plan holds no constant, so none can keep its code alive.
_PLANS: dict[int, _Plan] = {}
_VALID: set[str] = set()  # new names that were checked before


def _quickly(
    func: FunctionType, rename: Mapping[str, str], constants: Mapping[str, object]
) -> FunctionType | None:
    """The everyday case, kept short: a template without nested code; None where it takes a closer look."""
    code = func.__code__
    plan = _PLANS.get(id(code))
    if plan is None or plan[0]() is not code:
        plan = _PLANS[id(code)] = _planned(code)
    _, names, strings, varnames, others = plan
    if not names or func.__kwdefaults__ is not None or func.__name__ in rename or code.co_name in rename:
        return None
    if _HAS_ANNOTATE and func.__annotate__ is not None:  # type: ignore[attr-defined]
        return None
    try:
        if rename:
            new_varnames, new_others = [*varnames], [*others]
            for old, new in rename.items():
                local, other = names[old]
                if new in names or new not in _VALID:
                    return None
                if local >= 0:
                    new_varnames[local] = new
                if other >= 0:
                    new_others[other] = new
            if len(rename) > 1 and len({*rename.values()}) < len(rename):
                return None
            varnames, others = (*new_varnames,), (*new_others,)
        consts = [*code.co_consts]
        for text, value in constants.items():
            consts[strings[text]] = value
    except (KeyError, TypeError):
        return None
    # the line table of generated code keeps its lines, also where the names no longer do
    new_code = code.replace(co_varnames=varnames, co_names=others, co_consts=(*consts,))
    made = copy_with(func, new_code, func.__closure__, func.__globals__)
    if not _HAS_ANNOTATE and rename and func.__annotations__:
        _rename_annotations(made, rename)
    return made


def _planned(code: CodeType) -> _Plan:
    """The plan of a code object, to be forgotten with it; without names where `_quickly` cannot take it."""
    import weakref

    key = id(code)

    def forget(gone: ReferenceType[CodeType]) -> None:
        if key in _PLANS and _PLANS[key][0] is gone:
            _PLANS.pop(key, None)

    places: dict[str, tuple[int, int]] = {}
    strings: dict[str, int] = {}
    varnames, names, consts = code.co_varnames, code.co_names, code.co_consts
    simple = not code.co_freevars and not code.co_cellvars and _IMPORT_NAME not in code.co_code[::2]
    if simple and not any(type(const) in (CodeType, tuple, frozenset, slice) for const in consts):
        places.update((name, (index, -1)) for index, name in enumerate(varnames))
        for index, name in enumerate(names):
            places[name] = places.get(name, (-1, -1))[0], index
        # the first may be the docstring
        strings.update((const, index) for index, const in enumerate(consts) if type(const) is str and index)
    return weakref.ref(code, forget), places, strings, varnames, names


def _substituted(
    func: FunctionType, rename: Mapping[str, str], constants: Mapping[str, object], found: set[str]
) -> FunctionType:
    """The new function; `found` collects the names met, and the placeholders met with a leading NUL."""
    code = func.__code__
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
    if constants and type(func.__doc__) is str and func.__doc__ in constants:
        new.__doc__ = constants[func.__doc__]  # type: ignore[assignment]
    if rename:
        if _HAS_ANNOTATE and func.__annotate__ is not None:  # type: ignore[attr-defined]
            _rename_lazy_annotations(func, new, rename, found)
        elif func.__annotations__:
            _rename_annotations(new, rename)
    return new


def _in_code(
    code: CodeType,
    rename: Mapping[str, str],
    constants: Mapping[str, object],
    found: set[str],
    qualname: str,
    new_qualname: str,
) -> CodeType:
    """A code object and those nested in it with everything exchanged; its qualified name before and after."""
    fields: dict[str, Any] = {}
    if rename:
        get = rename.get
        varnames, names, freevars, cellvars = code.co_varnames, code.co_names, code.co_freevars, code.co_cellvars
        every = {*varnames, *freevars, *cellvars, *names}
        met = [old for old in rename if old in every]
        if met:
            found.update(met)
            targets = {rename[old] for old in met}
            if len(targets) < len(met) or not targets.isdisjoint(every):
                _check_clashes(code, rename)
            if "__class__" in met and "__class__" in freevars:
                msg = f"`__class__` of {code!r} cannot be renamed: `super()` looks for it by its name"
                raise ScopeError(msg, name="__class__", names=freevars, target=repr(code))
            if names:
                if _IMPORT_NAME in code.co_code:
                    code, fields["co_names"] = _with_imports_kept(code, rename)
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
    compound = code.co_name == "__annotate__" and bool(rename)
    for const in code.co_consts:
        kind = type(const)
        if kind is CodeType or ((kind is tuple or kind is frozenset or kind is slice) and _holds(const, constants)):
            compound = True
            break
    if compound:
        code, protected, places = _followed(code, rename, constants, qualname, new_qualname)
    for index, const in enumerate(code.co_consts):
        kind = type(const)
        if kind is str:
            if const in constants and index not in protected:
                found.add("\0" + const)
                value = constants[const]
                if index == 0 and code.co_flags & _CO_HAS_DOCSTRING and type(value) is not str:
                    fields["co_flags"] = code.co_flags & ~_CO_HAS_DOCSTRING  # 3.14+: it must be a string
                const = value
        elif compound:
            if kind is CodeType:
                const = _in_code(const, rename, constants, found, *places.get(id(const), ("", "")))
            elif kind in (tuple, frozenset, slice) and index not in protected:
                const = _in_compound(const, constants, found)
        consts.append(const)
    fields["co_consts"] = tuple(consts)
    return code.replace(**fields)


# -- constants --------------------------------------------------------------------------------------


def _holds(const: Any, constants: Mapping[str, object]) -> bool:
    """Whether a constant made of constants holds a placeholder."""
    if not constants:
        return False
    if type(const) is str:
        return const in constants
    return type(const) in (tuple, frozenset, slice) and any(_holds(part, constants) for part in _parts(const))


def _parts(const: Any) -> tuple[Any, ...]:
    return (const.start, const.stop, const.step) if type(const) is slice else tuple(const)


def _in_compound(const: Any, constants: Mapping[str, object], found: set[str]) -> Any:
    if type(const) is str and const in constants:
        found.add("\0" + const)
        return constants[const]
    if not _holds(const, constants):
        return const
    parts = [_in_compound(part, constants, found) for part in _parts(const)]
    return slice(*parts) if type(const) is slice else type(const)(parts)


def _followed(
    code: CodeType, rename: Mapping[str, str], constants: Mapping[str, object], qualname: str, new_qualname: str
) -> tuple[CodeType, Container[int], dict[int, tuple[str, str]]]:
    """The code with the constants renamed that spell names; which constants are names; the nested qualified names."""
    from recell.operands import Operands, exchange_constants

    operands = Operands(code)
    sites: dict[int, Any] = {}
    places: dict[int, tuple[str, str]] = {}
    if rename:
        for nested, at in operands.made():
            old, new = _nested_names(operands, nested, at, rename, qualname, new_qualname)
            places[id(nested)] = old, new
            _follow_function(operands, nested, at, rename, sites)
            if new != old and not hasattr(code, "co_qualname"):  # before 3.11 MAKE_FUNCTION takes it from the stack
                sites[at - 1] = new if nested.co_flags & _CO_OPTIMIZED else rename.get(nested.co_name, nested.co_name)
        if new_qualname != qualname:
            for at in operands.uses(("STORE_NAME",)):  # a class body
                if code.co_consts[operands.instructions[at].argument] == qualname:
                    sites[at] = new_qualname
        if code.co_name == "__annotate__":
            _follow_annotate(operands, rename, sites)
    names = {at for at in operands.uses(_NAME_TUPLES) if _holds(code.co_consts[operands.instructions[at].argument], constants)}
    for at in names:
        if not names.issuperset(operands.loads(operands.instructions[at].argument)):
            sites[at] = code.co_consts[operands.instructions[at].argument]  # a constant of its own, for the name
    if sites:
        code = exchange_constants(code, operands, sites)
        operands = Operands(code)
    spelled = {operands.instructions[at].argument for at in (*names, *sites)}
    return code, spelled, places


def _nested_names(
    operands: Operands, nested: CodeType, at: int, rename: Mapping[str, str], qualname: str, new_qualname: str
) -> tuple[str, str]:
    """The qualified name of a nested function or class, before and after."""
    old = getattr(nested, "co_qualname", None)
    if old is None:
        old = operands.code.co_consts[operands.instructions[at - 1].argument]
        if not nested.co_flags & _CO_OPTIMIZED:  # a class's is spelled in its body
            old = f"{qualname}.{'<locals>.' * (operands.code.co_flags & _CO_OPTIMIZED)}{old}"
    new = old
    if new_qualname != qualname and old.startswith(qualname + "."):
        new = new_qualname + old[len(qualname) :]
    name = nested.co_name
    if name in rename and new.endswith(name):
        new = new[: -len(name)] + rename[name]
    return old, new


def _follow_function(
    operands: Operands, nested: CodeType, at: int, rename: Mapping[str, str], sites: dict[int, Any]
) -> None:
    """Note the constants around a nested function that spell its parameters, or a class's name."""
    consts = operands.code.co_consts
    if not nested.co_flags & _CO_OPTIMIZED:
        if nested.co_name in rename:
            for later in range(at + 1, min(at + 4, len(operands.instructions))):
                instruction = operands.instructions[later]
                if instruction.name == "LOAD_CONST" and consts[instruction.argument] == nested.co_name:
                    sites[later] = rename[nested.co_name]
        return
    count = nested.co_argcount + nested.co_kwonlyargcount
    count += bool(nested.co_flags & 4) + bool(nested.co_flags & 8)
    if rename.keys().isdisjoint(nested.co_varnames[:count]):
        return
    for bit, end in operands.attributes(at):
        if bit in (_KWDEFAULTS, _ANNOTATIONS):
            every_second = operands.instructions[end].name == "LOAD_CONST"
            for key in operands.keys(end):
                names = consts[operands.instructions[key].argument]
                new = _renamed(names, rename, every_second)
                if new != names:
                    sites[key] = new


def _follow_annotate(operands: Operands, rename: Mapping[str, str], sites: dict[int, Any]) -> None:
    """Note the keys of the dict that a function's `__annotate__` returns (3.14+)."""
    consts = operands.code.co_consts
    if rename.keys().isdisjoint(const for const in consts if type(const) is str):
        return
    for at, instruction in enumerate(operands.instructions):
        following = operands.instructions[at + 1 : at + 2]
        if instruction.name == "BUILD_MAP" and following and following[0].name == "RETURN_VALUE":
            for key in operands.keys(at):
                name = consts[operands.instructions[key].argument]
                if name in rename:
                    sites[key] = rename[name]


def _renamed(names: Any, rename: Mapping[str, str], every_second: bool) -> Any:
    if type(names) is str:
        return rename.get(names, names)
    return tuple(
        rename.get(name, name) if type(name) is str and not (every_second and index % 2) else name
        for index, name in enumerate(names)
    )


# -- annotations ------------------------------------------------------------------------------------


def _rename_annotations(new: FunctionType, rename: Mapping[str, str]) -> None:
    annotations = new.__annotations__
    if not rename.keys().isdisjoint(annotations):
        new.__annotations__ = {rename.get(key, key): value for key, value in annotations.items()}


def _rename_lazy_annotations(
    func: FunctionType, new: FunctionType, rename: Mapping[str, str], found: set[str]
) -> None:
    """Let `__annotate__` give the new names (3.14+), and the dict that was evaluated already too."""
    from recell.building import _evaluated_annotations

    evaluated = _evaluated_annotations(func)
    annotate: Any = func.__annotate__  # type: ignore[attr-defined]
    if type(annotate) is FunctionType:
        old = annotate.__code__
        code = _in_code(old, rename, _NOTHING, found, old.co_qualname, old.co_qualname)
        new.__annotate__ = copy_with(annotate, code, annotate.__closure__, annotate.__globals__)  # type: ignore[attr-defined]
    if evaluated is not None:
        new.__annotations__ = {rename.get(key, key): value for key, value in evaluated.items()}


# -- what is refused --------------------------------------------------------------------------------


def _checked(rename: Mapping[str, str]) -> Mapping[str, str]:
    """The renaming with its new names as the compiler would spell them; refuses what is no identifier."""
    from recell.textlines import check_identifier

    checked = {old: check_identifier(new, f"the new name of `{old}`") for old, new in rename.items()}
    for old, new in checked.items():
        if new == "__debug__":
            msg = f"the new name of `{old}` cannot be {new!r}: nothing can be assigned to it"
            raise SourceError(msg, name=new)
    if len(_VALID) > 10_000:
        _VALID.clear()
    _VALID.update(new for new in checked.values() if new.isascii())
    return checked


def _check_clashes(code: CodeType, rename: Mapping[str, str]) -> None:
    """Refuse to make one of two variables, or of two attributes; an attribute and a variable are apart anyway."""
    from recell.operands import Operands

    operands = Operands(code)
    variables = {*code.co_varnames, *code.co_freevars, *code.co_cellvars}
    attributes = set()
    for instruction in operands.instructions:
        shift = operands.release.name_shift.get(instruction.name)
        if shift is not None:
            name = code.co_names[instruction.argument >> shift]
            if instruction.name.startswith("IMPORT_"):
                continue
            kind = variables if "GLOBAL" in instruction.name or instruction.name.endswith("_NAME") else attributes
            kind.add(name)
    for kind, what in ((variables, "variables"), (attributes, "attributes")):
        seen: dict[str, str] = {}
        for old in sorted(kind):
            new = rename.get(old, old)
            if new in seen:
                first, second = sorted((seen[new], old), key=lambda name: name == new)
                msg = f"`{first}` and `{second}` are two {what} of {code!r}, and both would be named `{new}`"
                raise ScopeError(msg, name=new, names=(first, second), target=repr(code))
            seen[new] = old


def _with_imports_kept(code: CodeType, rename: Mapping[str, str]) -> tuple[CodeType, tuple[str, ...]]:
    """The code and its names renamed, but for those of what it imports: they are not the function's to change."""
    from recell.operands import Operands

    operands = Operands(code)
    shifts = operands.release.name_shift
    imports = [found for found in operands.instructions if found.name in ("IMPORT_NAME", "IMPORT_FROM")]
    shared = {
        found.argument >> shifts[found.name]
        for found in operands.instructions
        if found.name in shifts and found not in imports
    }
    own = {found.argument >> shifts[found.name] for found in imports} - shared
    names = [name if index in own else rename.get(name, name) for index, name in enumerate(code.co_names)]
    raw = bytearray(code.co_code)
    for found in imports:
        shift = shifts[found.name]
        name = code.co_names[found.argument >> shift]
        if name in rename and found.argument >> shift not in own:
            new = len(names) << shift | found.argument & (1 << shift) - 1
            if new > 255 or found.wide:
                raise operands.refusal("imports among that many names")
            raw[found.offset + 1] = new
            names.append(name)
    return code.replace(co_code=bytes(raw)), tuple(names)


def _not_found(
    rename: Mapping[str, str],
    constants: Mapping[str, object],
    found: set[str],
    target: str,
    functions: Iterable[FunctionType],
) -> ScopeError:
    codes = [function.__code__ for function in functions]
    for code in codes:
        codes.extend(const for const in code.co_consts if type(const) is CodeType)
    for old in rename:
        if old not in found:
            fields = ("co_varnames", "co_freevars", "co_cellvars", "co_names")
            names = tuple(dict.fromkeys(name for code in codes for field in fields for name in getattr(code, field)))
            msg = f"{target} has no name `{old}`; it has: {listed(names)}{hint_nearest(old, names)}"
            return ScopeError(msg, name=old, names=names, target=target)
    missing = next(placeholder for placeholder in constants if "\0" + placeholder not in found)
    texts = tuple(dict.fromkeys(const for code in codes for const in code.co_consts if type(const) is str))
    msg = f"no constant of {target} is {missing!r}; its strings are: {', '.join(map(repr, texts)) or 'none'}"
    return ScopeError(msg + hint_nearest(missing, texts), name=missing, names=texts, target=target)
