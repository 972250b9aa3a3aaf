"""Functions of the standard library changed in place, and back: every code that is installed is verified."""

from __future__ import annotations

import functools

from verifying import verify_nested

import recell
from corpus import Operation, Refused
from recell.code.uses import uses
from recell.functions.building import remake


def state(func):
    return (
        func.__code__, func.__closure__, func.__defaults__, func.__kwdefaults__, func.__doc__, func.__dict__, func.__name__,
    )  # fmt: skip


def entered_and_left(func, change):
    """Enters twice (the second time by the short way), and looks at what was installed only afterwards."""
    before = state(func)
    codes = []
    for _ in range(2):
        with change:
            codes.append((func.__code__, len(func.__closure__ or ())))
        assert all(new is old for new, old in zip(state(func), before))
    for code, cells in codes:
        assert len(code.co_freevars) == cells
        verify_nested(code)
        assert code.co_firstlineno == before[0].co_firstlineno
        if code.co_freevars == before[0].co_freevars and func.__name__ != "__annotate__":
            # (an annotation in a class asks the class's namespace first, and that is taken off the stack: one unit more)
            assert len(code.co_code) == len(before[0].co_code)


def names_of(func):
    table = uses(func.__code__)
    return sorted(name for name, use in table.items() if use.free or use.read or use.written)


def overridden(func):
    """Every name that a function uses gets another meaning: constants, private cells and growth as they come."""
    copy = remake(func)
    names = names_of(copy)
    values = {name: (type if name == "__class__" else object()) for name in names}
    try:
        change = recell.override(copy, values)
    except recell.UnsupportedCodeError as error:
        raise Refused(f"UnsupportedCodeError: {error.reason}") from error
    entered_and_left(copy, change)


def overridden_with_cells(func):
    """Every name becomes a cell: the closure grows by all that the function reads."""
    copy = remake(func)
    values = {name: recell.make_cell(type) for name in names_of(copy)}
    try:
        change = recell.override(copy, values)
    except recell.UnsupportedCodeError as error:
        raise Refused(f"UnsupportedCodeError: {error.reason}") from error
    entered_and_left(copy, change)


def swapped(func):
    """Swapped for a function with other free variables, for one of another module, and wrapped; and back each time."""
    copy = remake(func)
    before = state(copy)
    extra = object()

    def decorator(original):
        @functools.wraps(original)
        def wrapper(*args, **kwargs):
            return original(*args, **kwargs), extra

        return wrapper

    change = recell.wrap(copy, decorator)
    code, original = copy.__code__, change.original
    assert original.__code__ is before[0] and copy.__name__ == before[-1]
    change.undo()
    assert all(new is old for new, old in zip(state(copy), before))
    verify_nested(code)
    other = remake(func)
    try:
        change = recell.swap(other, copy, cells="take")
    except recell.ScopeError as error:
        # a method harvested without its class: where `super()` needs one, the swap says so
        assert "super()" in str(error)
        assert recell.closure(copy).get("__class__", recell.EMPTY) is recell.EMPTY
        raise Refused("ScopeError: super() without a class") from error
    assert other.__code__ is copy.__code__ or other.__globals__ is not copy.__globals__
    change.undo()


OPERATIONS = [
    Operation("override", overridden, sample=500, applies=lambda func: bool(names_of(func))),
    Operation(
        "override with cells", overridden_with_cells, sample=400, applies=lambda func: bool(names_of(func))
    ),
    Operation("swap and wrap", swapped, sample=600),
]
