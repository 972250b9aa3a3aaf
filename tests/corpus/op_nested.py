"""Nested functions: taken out, they are the originals; put in place of each other, everything else stays the same."""

from __future__ import annotations

import dis
import functools
import inspect
import types
import warnings
from pathlib import Path
from typing import Any

from iterating import is_alike, takes_iterator
from verifying import verify_nested

from recell import ScopeError, UnsupportedCodeError, inner, make_cell, patch_inner, replace_inner, verify

from . import Operation, Refused


def _functions_in(code: types.CodeType) -> list[types.CodeType]:
    return [
        constant
        for constant in code.co_consts
        if isinstance(constant, types.CodeType)
        and constant.co_flags & 3 == 3
        and "__annot" not in constant.co_name
    ]


def _has_functions(code: types.CodeType) -> bool:
    return bool(_functions_in(code))


def taken_out(code: types.CodeType) -> None:
    """Every function that the code makes, given dummy cells: verifies, and is what MAKE_FUNCTION would make."""
    for nested in _functions_in(code):
        cells = {name: make_cell(name) for name in nested.co_freevars}
        asked: dict[str, Any] = {}
        try:
            new = inner(code, nested, cells)
        except ScopeError as error:
            if "defaults" not in str(error):
                raise
            asked = {name: object() for name in error.names}
            new = inner(code, nested, cells, defaults=asked)
        assert new.__code__ is nested or (takes_iterator(nested) and is_alike(new.__code__, nested))
        verify(new.__code__)
        assert new.__name__ == nested.co_name
        assert new.__qualname__ == getattr(nested, "co_qualname", new.__qualname__)
        assert new.__qualname__.rpartition(".")[2] == nested.co_name
        assert (new.__closure__ or ()) == tuple(cells.values())
        assert all(cell is cells[name] for name, cell in zip(nested.co_freevars, new.__closure__ or ()))
        count = nested.co_argcount
        by_name = dict(
            zip(nested.co_varnames[count - len(new.__defaults__ or ()) : count], new.__defaults__ or ())
        )
        by_name.update(new.__kwdefaults__ or {})
        assert all(by_name[name] is value for name, value in asked.items())
        # lazy annotations need the module's globals, and the module was not run
        if nested.co_name[0] != "<" and getattr(new, "__annotate__", None) is None:
            inspect.signature(new)


@functools.lru_cache(maxsize=None)
def _module_code(filename: str) -> types.CodeType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compile(Path(filename).read_bytes(), filename, "exec", dont_inherit=True)


@functools.lru_cache(maxsize=None)
def _paths(filename: str) -> dict[tuple[str, int], str]:
    """Where a module's text has its functions, by name and line."""
    found = {}
    waiting = [(_module_code(filename), "")]
    while waiting:
        code, before = waiting.pop()
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                path = before + constant.co_name
                found[constant.co_name, constant.co_firstlineno] = path
                waiting.append((constant, f"{path}.<locals>." if constant.co_flags & 1 else f"{path}."))
    return found


def _path(func: types.FunctionType) -> str | None:
    """The place of a function's definition; the function itself may have been given another name since."""
    code = func.__code__
    known: str | None = getattr(code, "co_qualname", None)  # 3.11+
    return known or _paths(code.co_filename).get((code.co_name, code.co_firstlineno))


def _is_from_source(func: types.FunctionType) -> bool:
    filename = func.__code__.co_filename
    is_file = filename.endswith(".py") and Path(filename).exists()
    return is_file and inspect.getmodule(func) is not None and _path(func) is not None


def _has_defaults_of_its_own(func: types.FunctionType) -> bool:
    """Nobody wrote to its defaults after it was made (as networkx' decorators do): names that are no parameters,
    or the function itself."""
    code = func.__code__
    keywords = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    own = func.__kwdefaults__ or {}
    fits = len(func.__defaults__ or ()) <= code.co_argcount and {*own} <= {*keywords}
    return fits and not any(value is func for value in own.values())


def as_it_lives(func: types.FunctionType) -> None:
    """From the module's code object, the function that lives in the module: what is said to be constant is right."""
    code = func.__code__
    path = _path(func)
    assert path is not None
    cells = {name: make_cell(name) for name in code.co_freevars}
    known = dict(
        zip(code.co_varnames[code.co_argcount - len(func.__defaults__ or ()) :], func.__defaults__ or ())
    )
    known.update(func.__kwdefaults__ or {})
    module = _module_code(code.co_filename)
    asked: dict[str, Any] = {}
    line = code.co_firstlineno
    try:
        try:
            new = inner(module, path, cells, line=line, globals=func.__globals__)
        except ScopeError as error:
            if "defaults" not in str(error):
                raise
            asked = {name: known[name] for name in error.names}
            new = inner(module, path, cells, line=line, globals=func.__globals__, defaults=asked)
    except ScopeError as error:
        why = "several in one line" if "pass line=" in str(error) else "renamed, or made by exec"
        raise Refused(why) from error
    if new.__code__ != code:
        raise Refused("the module was changed after it was compiled")
    assert repr(new.__defaults__) == repr(func.__defaults__), (new.__defaults__, func.__defaults__)
    assert new.__kwdefaults__ == func.__kwdefaults__, (new.__kwdefaults__, func.__kwdefaults__)
    assert new.__qualname__ == path


def _steps(code: types.CodeType) -> list[tuple[Any, ...]]:
    """Instructions with their positions; where a jump goes is left out, and nested codes are named."""
    jumps = {*dis.hasjrel, *dis.hasjabs}
    found = []
    for one in dis.get_instructions(code):
        if one.opname not in ("EXTENDED_ARG", "CACHE", "NOP"):
            what = None if one.opcode in jumps else getattr(one.argval, "co_name", one.argval)
            if isinstance(what, (float, complex)):
                what = repr(what)
            found.append((one.opname, what, getattr(one, "positions", None)))
    return found


def _elsewhere(before: types.CodeType, after: types.CodeType, nested: types.CodeType) -> None:
    """Besides the places that make the nested function, instructions and positions are the same."""
    old, new = _steps(before), _steps(after)
    places = sum(1 for name, what, _ in old if what == nested.co_name and name == "LOAD_CONST")
    head = tail = 0
    shorter = min(len(old), len(new))
    while head < shorter and old[head] == new[head]:
        head += 1
    while tail < shorter - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    if places == 1 and nested.co_name != "<genexpr>":
        assert len(old) - head - tail <= 2 * len(nested.co_freevars) + 8, (
            old[head : len(old) - tail],
            new[head:],
        )
    for field in ("co_names", "co_varnames", "co_cellvars", "co_flags", "co_firstlineno", "co_argcount"):
        assert getattr(before, field) == getattr(after, field), field


def _stands_in() -> None: ...


def object_in_place(func: types.FunctionType) -> None:
    """An object in place of each nested function, and (where it has free variables) a function that closes over them."""
    code = func.__code__
    for nested in _functions_in(code):
        try:
            new = replace_inner(func, nested, _stands_in)
        except UnsupportedCodeError as error:
            if "type parameters" in error.reason:  # no function: the bound of a type parameter, and the like
                raise Refused(error.reason) from error
            raise
        assert func.__code__ is code
        _elsewhere(code, new.__code__, nested)
        verify_nested(new.__code__)
        if nested.co_freevars:
            if any(name not in (*code.co_cellvars, *code.co_freevars) for name in nested.co_freevars):
                continue
            # cells of its own: those of a living function are in use
            empty = tuple(make_cell() for _ in nested.co_freevars)
            other = types.FunctionType(nested, {"__name__": "elsewhere"}, None, None, empty)
            closing = replace_inner(func, nested, other)
            _elsewhere(code, closing.__code__, nested)
            verify_nested(closing.__code__)
            shorter = _stands_in_with(nested.co_freevars[-1:])
            closing = replace_inner(func, nested, shorter)
            verify_nested(closing.__code__)


def _stands_in_with(names: tuple[str, ...]) -> types.FunctionType:
    """A function with these free variables, their cells empty."""
    code = _stands_in.__code__
    from recell.code.to_cells import add_free_variables

    cells = tuple(make_cell() for _ in names)
    return types.FunctionType(add_free_variables(code, names), globals(), None, None, cells)


def there_and_back(func: types.FunctionType) -> None:
    """patch_inner of each nested function: the very code object is there again afterwards."""
    code, cells = func.__code__, func.__closure__
    for nested in _functions_in(code):
        with patch_inner(func, nested, _stands_in):
            assert func.__code__ is not code
        assert func.__code__ is code
        assert func.__closure__ is cells


def _makes_functions(func: types.FunctionType) -> bool:
    return _has_functions(func.__code__)


OPERATIONS = [
    Operation("replace_inner", object_in_place, applies=_makes_functions, sample=80),
    Operation("patch_inner", there_and_back, applies=_makes_functions, over="live", sample=100),
    Operation("inner, dummy cells", taken_out, applies=_has_functions, over="code", sample=250),
    Operation(
        "inner, as it lives",
        as_it_lives,
        applies=lambda func: _is_from_source(func) and _has_defaults_of_its_own(func),
        over="live",
        sample=250,
    ),
]
