"""inner: every nested function comes out with the code, names, lines, flags and constant defaults of the original."""

from __future__ import annotations

import functools
import inspect
import types
import warnings
from pathlib import Path
from typing import Any

from recell import ScopeError, inner, make_cell

from . import Operation, Refused

try:
    from recell.verifier import verify
except ImportError:
    verify = None  # type: ignore[assignment]


def _functions_in(code: types.CodeType) -> list[types.CodeType]:
    return [
        constant
        for constant in code.co_consts
        if isinstance(constant, types.CodeType) and constant.co_flags & 3 == 3 and "__annot" not in constant.co_name
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
        assert new.__code__ is nested
        if verify is not None:
            verify(new.__code__)
        assert new.__name__ == nested.co_name
        assert new.__qualname__ == getattr(nested, "co_qualname", new.__qualname__)
        assert new.__qualname__.rpartition(".")[2] == nested.co_name
        assert (new.__closure__ or ()) == tuple(cells.values())
        assert all(cell is cells[name] for name, cell in zip(nested.co_freevars, new.__closure__ or ()))
        count = nested.co_argcount
        by_name = dict(zip(nested.co_varnames[count - len(new.__defaults__ or ()) : count], new.__defaults__ or ()))
        by_name.update(new.__kwdefaults__ or {})
        assert all(by_name[name] is value for name, value in asked.items())
        if not nested.co_name.startswith("<") or nested.co_name == "<lambda>":
            inspect.signature(new)


@functools.lru_cache(maxsize=None)
def _module_code(filename: str) -> types.CodeType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compile(Path(filename).read_bytes(), filename, "exec", dont_inherit=True)


def _is_from_source(func: types.FunctionType) -> bool:
    filename = func.__code__.co_filename
    return filename.endswith(".py") and Path(filename).exists() and inspect.getmodule(func) is not None


def as_it_lives(func: types.FunctionType) -> None:
    """From the module's code object, the function that lives in the module: what is said to be constant is right."""
    code = func.__code__
    path = getattr(code, "co_qualname", func.__qualname__)
    cells = {name: make_cell(name) for name in code.co_freevars}
    known = dict(zip(code.co_varnames[code.co_argcount - len(func.__defaults__ or ()) :], func.__defaults__ or ()))
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
        if "<lambda>" in str(error):
            raise Refused("several lambdas in one line") from error
        raise Refused(str(error)[:60]) from error
    if new.__code__ != code:
        raise Refused("the module was changed after it was compiled")
    assert repr(new.__defaults__) == repr(func.__defaults__), (new.__defaults__, func.__defaults__)
    assert new.__kwdefaults__ == func.__kwdefaults__, (new.__kwdefaults__, func.__kwdefaults__)
    assert new.__qualname__ == path


OPERATIONS = [
    Operation("inner, dummy cells", taken_out, applies=_has_functions, over="code", sample=500),
    Operation("inner, as it lives", as_it_lives, applies=_is_from_source, over="live", sample=400, ceiling=0.03),
]
