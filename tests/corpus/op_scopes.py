"""`promote`, `demote`, `freeze` and `scope`: every global that a function reads, and nothing else changed."""

from __future__ import annotations

import builtins
from types import CellType, FunctionType

from streams import Constant, assert_same
from verifying import verify_nested

import recell
from corpus import Operation, Refused


def resolvable(func: FunctionType) -> dict[str, object]:
    """The globals and builtins that the function's tree reads, with their present values."""
    found = recell.scope(func)
    return {name: resolved(value) for name, value in (*found.globals.items(), *found.builtins.items())}


def resolved(value: object) -> object:
    """Lazy imports (3.15+), which a read of the global would do."""
    return value.resolve() if type(value).__name__ == "lazy_import" else value


def promoted(func: FunctionType) -> None:
    """Each name by itself: a free variable at the end that holds the value; everything else as it was.

    Demoted again, the code reads the very names that it read before.
    """
    code, closure = func.__code__, func.__closure__ or ()
    names = resolvable(func)
    local = {*code.co_varnames, *code.co_cellvars, *code.co_freevars}
    for name, value in names.items():
        if name in local:
            # a function with a `global x` inside it, next to a variable of that name
            try:
                new = recell.promote(func, {name: value})
            except recell.ScopeError:
                continue
        else:
            new = changed(lambda: recell.promote(func, {name: value}))
        assert new.__code__.co_freevars == (*code.co_freevars, name)
        assert all(one is other for one, other in zip(new.__closure__, closure))
        assert new.__closure__[-1].cell_contents is value
        assert_same(code, new.__code__, {name})
        verify_nested(new.__code__)
        back = changed(lambda: recell.demote(new, name))
        assert back.__globals__[name] is value
        assert back.__closure__ == func.__closure__
        assert_same(code, back.__code__, {name})
        verify_nested(back.__code__)
    if len(names) > 1 and not local & set(names):
        new = recell.promote(func, names)
        assert new.__code__.co_freevars == (*code.co_freevars, *names)
        assert_same(code, new.__code__, set(names))
        verify_nested(new.__code__)
        back = recell.demote(new, *names)
        assert_same(code, back.__code__, set(names))
        verify_nested(back.__code__)


def changed(make):
    try:
        return make()
    except recell.BuiltinsMismatchError as error:
        raise Refused("its globals hold other builtins now") from error


def frozen(func: FunctionType) -> None:
    """Each name by itself: its reads load a constant, everything else as it was; free variables leave the closure."""
    code = func.__code__
    found = recell.scope(func)
    for name in {**found.globals, **found.builtins}:
        if name in found.assigned or name in code.co_freevars:
            continue
        new = changed(lambda: recell.freeze(func, **{name: Constant(name)}))
        assert_same(code, new.__code__, {name})
        verify_nested(new.__code__)
        assert name not in recell.scope(new).globals
    for name in code.co_freevars:
        if name in found.assigned or name in ("__class__", "__classdict__", ".type_params"):
            continue
        try:
            new = changed(lambda: recell.freeze(func, **{name: Constant(name)}))
        except recell.ScopeError as error:
            if "does not read" in str(error):
                continue
            raise
        if name not in new.__code__.co_freevars:
            assert_same(code, new.__code__, {name}, {name})
            assert len(new.__closure__ or ()) == len(code.co_freevars) - 1
        verify_nested(new.__code__)


def by_itself(func: FunctionType) -> None:
    """Without arguments: constants for what is never assigned, cells for the rest, none of it touched."""
    cells = func.__closure__
    new = changed(lambda: recell.freeze(func))
    assert func.__closure__ is cells
    left = dict(zip(new.__code__.co_freevars, new.__closure__ or ()))
    assert set(left) <= set(func.__code__.co_freevars)
    assert all(cell is dict(zip(func.__code__.co_freevars, cells))[name] for name, cell in left.items())
    assert recell.scope(func).assigned & set(func.__code__.co_freevars) <= set(left)
    verify_nested(new.__code__)


def demoted(func: FunctionType) -> None:
    """All free variables become globals of a copy; promoted again under the same cells they are free once more."""
    try:
        new = changed(lambda: recell.demote(func))
    except recell.ScopeError as error:
        if "both" in str(error):
            raise Refused("a name is a free variable and a global") from error
        raise
    gone = set(func.__code__.co_freevars) - set(new.__code__.co_freevars)
    assert_same(func.__code__, new.__code__, gone, gone)
    verify_nested(new.__code__)
    assert new.__globals__ is not func.__globals__
    for name, cell in zip(func.__code__.co_freevars, func.__closure__):
        if name in gone and cell != CellType():
            assert new.__globals__[name] is cell.cell_contents


def scoped(func: FunctionType) -> None:
    """Every name of the report is in exactly one place, and is what the function would get."""
    found = recell.scope(func)
    assert not set(found.globals) & set(found.builtins)
    assert set(found.nonlocals) <= set(func.__code__.co_freevars)
    for name, value in found.globals.items():
        assert func.__globals__[name] is value
    for name, value in found.builtins.items():
        assert getattr(builtins, name) is value
    assert "scope of" in repr(found)


def reads(func: FunctionType) -> bool:
    return bool(func.__code__.co_names)


OPERATIONS = [
    Operation("scope", scoped, sample=600),
    Operation("promote, demote", promoted, applies=reads, sample=200),
    Operation("freeze", frozen, applies=reads, sample=200),
    Operation("freeze by itself", by_itself, applies=lambda func: bool(func.__closure__), sample=250),
    Operation("demote", demoted, applies=lambda func: bool(func.__closure__), sample=250),
]
