"""A nested function as a function of its own: `inner`."""

from __future__ import annotations

from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from recell.callables import function_of
from recell.cells import FORWARDED, cell_for, cells_of, check_mapping, no_such_free_variable, passed_to
from recell.code.guarded import own_code
from recell.code.iterators import with_iterator
from recell.code.making import making
from recell.code.tree import direct, is_generic, nested_chain
from recell.compat._release import CLOSURE
from recell.errors import ClosureMismatchError, ScopeError, listed, short
from recell.functions.arguments import check_globals, merged_defaults
from recell.functions.building import KEEP, build
from recell.nested.recovering import Recovery, held
from recell.public import public

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recell.code.making import Site
    from recell.code.tree import Chain

    Cells = tuple[CellType, ...]

__all__ = ["inner"]

_NOTHING: Mapping[str, object] = {}
_QUALNAME_IN_CODE = hasattr(CodeType, "co_qualname")


@public
def inner(
    func_or_code: object,
    path: str | CodeType,
    values: Mapping[str, object] = _NOTHING,
    /,
    *,
    missing: str = "error",
    line: int | None = None,
    globals: dict[str, Any] | None = None,
    defaults: Mapping[str, object] | tuple[Any, ...] | None = None,
    **more: object,
) -> FunctionType:
    """Return a nested function as a function of its own, without running the function around it.

    Args:
        func_or_code: the outer function (or what stands for one), or a code object: a function's, or a module's as
            `compile` gives it.
        path: the names on the way down, such as `"helper"`, `"a.b"`, `"a.<locals>.b"`, `"C.method"`, `"<lambda>"`; or
            the nested code object itself.
        values: free variable -> contents of a fresh cell; a cell is taken as the cell, `EMPTY` as an empty one, a
            `Closure` shares its cells.
        missing: what to do about a free variable that neither the values nor the outer function's own closure gives,
            and a default that is no constant: `"error"`, or `"empty"` (an empty cell; a parameter without a default).
            A function that is its own free variable, as a recursive one is, is never missing.
        line: a line of the function meant, where several have the path.
        globals: its global names; those of the outer function without the argument.
        defaults: defaults by parameter name, in addition to the constant ones, which are known (`EMPTY`: no default);
            or a tuple in place of the positional ones, right-aligned.
        more: free variables as keywords.

    Returns:
        The function, with the name, qualified name, constant defaults and lines of the original. Annotations are kept
        where they can be known: lazy ones (3.14+), constants, and names that are globals or builtins. A generator
        expression or comprehension takes any iterable.

    Raises:
        ScopeError: there is no such function (the ones there are listed), or several (listed with their lines);
            or a default is no constant.
        ClosureMismatchError: free variables are missing.
        FreeVariableError: a value is given for what is no free variable of it.
        TypeError: the first argument holds no single Python function; the path is no text; `globals` is no dict.

    >>> from recell import inner
    >>> def outer(rate):
    ...     def total(net, digits=2):
    ...         return round(net * (1 + rate), digits)
    ...     return total(100)
    >>> inner(outer, "total", rate=0.25)(80)
    100.0
    """
    if type(func_or_code) is FunctionType and func_or_code.__code__.co_freevars != (FORWARDED,):
        func: FunctionType | None = func_or_code
        outer, own = own_code(func_or_code), func_or_code.__closure__
    else:
        func, outer, own = _outer_of(func_or_code)
    if missing != "error" and missing != "empty":
        msg = f"missing= is 'error' or 'empty', not {missing!r}"
        raise ValueError(msg)
    given: Mapping[str, object] = more
    if values is not _NOTHING:
        check_mapping(values, "inner")
        given = {**cells_of(values), **more}
    if globals is None:
        globals = _standard_globals() if func is None else func.__globals__
    else:
        check_globals(globals, "inner")
    index = direct(outer, path) if line is None else -1
    codes: Chain = (
        (outer, outer.co_consts[index])
        if index >= 0
        else (outer, *nested_chain(outer, path, line, func_or_code))
    )
    around, code = codes[-2:]
    made = making(around, code, index)
    recovery = positional = keyword = None
    if made is not None and (
        made.flags & ~CLOSURE or defaults is not None or (index < 0 and is_generic(around))
    ):
        given = cells = {name: cell_for(value) for name, value in given.items()}
        recovery = Recovery(made, codes, own, globals, cells)
    closure, itself = _closure(code, given, codes, own, made, recovery, missing, func_or_code)
    if recovery is not None:
        positional, keyword = recovery.merged_defaults(defaults, missing == "empty", func_or_code)
    elif defaults is not None:
        positional, keyword = merged_defaults(code, None, None, defaults, KEEP, code)
    run = code if code.co_name[0] != "<" else _callable(code)
    new = build(run, globals, code.co_name, positional, closure, keyword)
    if recovery is not None:
        recovery.put_annotations(new)
    if made is not None and not _QUALNAME_IN_CODE:
        new.__qualname__ = made.qualname()
    if itself is not None:
        itself.cell_contents = new
    return new


def _outer_of(func_or_code: object) -> tuple[FunctionType | None, CodeType, Cells | None]:
    """The outer function, where there is one, its code and its closure."""
    if type(func_or_code) is CodeType:
        return None, func_or_code, None
    func = func_or_code if type(func_or_code) is FunctionType else function_of(func_or_code, "inner")
    if func.__closure__ and func.__code__.co_freevars == (FORWARDED,):
        func = passed_to(func)
    return func, own_code(func), func.__closure__


def _callable(code: CodeType) -> CodeType:
    """The code as anybody may call it. Raises ScopeError for a scope that only compiled code can call."""
    if code.co_argcount == 0:
        return code
    if is_generic(code):
        msg = f"{code!r} is the scope of type parameters: only the code around it can call it; name the function in it"
        raise ScopeError(msg, name=code.co_name, names=(), target=repr(code))
    return with_iterator(code)


def _closure(
    code: CodeType,
    given: Mapping[str, object],
    codes: Chain,
    own: Cells | None,
    made: Site | None,
    recovery: Recovery | None,
    missing: str,
    target: object,
) -> tuple[Cells | None, CellType | None]:
    """The cells of the new function, and the one that is to hold itself."""
    itself: CellType | None = None
    cells: list[CellType] = []
    absent: tuple[str, ...] = ()
    used = 0
    for name in code.co_freevars:
        cell: CellType | None
        if name in given:
            used += 1
            value = given[name]
            cell = value if type(value) is CellType else cell_for(value)
        else:
            cell = held(name, codes, own) if own else None
            if cell is None and recovery is not None:
                cell = recovery.type_parameter(name)
            if cell is None:
                cell = CellType()
                if name == code.co_name and made is not None and made.stored_as() == name:
                    itself = cell
                else:
                    absent += (name,)
        cells.append(cell)
    if used < len(given):
        stray = next(name for name in given if name not in code.co_freevars)
        raise no_such_free_variable(stray, code.co_freevars, repr(code), code.co_names)
    if absent and missing == "error":
        raise _missing_cells(target, absent, codes[1:])
    return (*cells,) or None, itself


def _standard_globals() -> dict[str, Any]:
    import builtins

    return {"__builtins__": builtins.__dict__}


def _missing_cells(target: object, absent: tuple[str, ...], chain: Chain) -> ClosureMismatchError:
    names = chain[-1].co_freevars
    path = ".".join(part.co_name for part in chain if not is_generic(part))
    msg = (
        f"`{path}` in {short(target)} needs {listed(absent)}, which only a call of the outer function would give; "
        f"its free variables are: {listed(names)}. Pass {absent[0]}=… "
        "(names that are no identifiers in a mapping), or missing='empty'"
    )
    if not absent[0].isidentifier() or absent[0] == "__class__":
        msg = msg.replace(f"{absent[0]}=…", f"{{{absent[0]!r}: …}}", 1)
    return ClosureMismatchError(msg, before=(), after=names, missing=absent, target=short(target))
