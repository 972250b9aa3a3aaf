"""`substitute` on real functions: renamed there and back, the code is the very same."""

from __future__ import annotations

import recell

from . import Operation, Refused


def parameters_of(func):
    code = func.__code__
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def renamed(func):
    """Each parameter renamed, and renamed back: code, defaults and annotations are those from before."""
    names = [name for name in parameters_of(func) if name.isidentifier() and name != "__class__"]
    there = {name: f"renamed_{name}" for name in names}
    back = {new: old for old, new in there.items()}
    try:
        new = recell.substitute(func, rename=there)
        again = recell.substitute(new, rename=back)
    except recell.UnsupportedCodeError as error:
        raise Refused(error.reason) from error
    recell.verify(new.__code__)
    wanted = [there.get(name, name) for name in func.__code__.co_varnames]
    assert list(new.__code__.co_varnames) == wanted
    counts = [(len(code.co_consts), len(code.co_names)) for code in (again.__code__, func.__code__)]
    if counts[0] == counts[1]:  # a constant, or an import's name, that something else used too became two
        assert again.__code__ == func.__code__
    assert again.__defaults__ == func.__defaults__
    assert again.__kwdefaults__ == func.__kwdefaults__
    assert len(new.__code__.co_code) == len(func.__code__.co_code)


OPERATIONS = [
    Operation(
        "substitute",
        renamed,
        applies=lambda func: any(name.isidentifier() for name in parameters_of(func)),
        sample=200,
    )
]
