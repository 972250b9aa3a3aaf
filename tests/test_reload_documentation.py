"""Documentation in a new text: what shows it, and what was made from it."""

from __future__ import annotations

import types

import pytest

import recell

WRAPPING = """
import functools
def wraps(f):
    @functools.wraps(f)
    def wrapper(*args): return f(*args)
    return wrapper
def into(table):
    def around(f):
        table[f.__doc__] = f
        return f
    return around
TABLE = {}
"""


@pytest.mark.parametrize("decorator", ["@wraps", "@functools.lru_cache()", "@wraps\n@wraps", "@into(TABLE)"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    'one'\n", "    'two'\n"),
        ("    'one'\n", ""),
        ("", "    'two'\n"),
        ("", "    'two'\n    (lambda: 1)()\n"),
    ],
)
def test_documentation_that_decorators_copy(decorator: str, old: str, new: str) -> None:
    """A wrapper shows the documentation of the new text, also where nothing else has changed."""
    text = WRAPPING + decorator + "\ndef f():\n"
    module, fresh = types.ModuleType("documented"), types.ModuleType("documented")
    exec(compile(text + old + "    return 1\n", "documented.py", "exec", dont_inherit=True), vars(module))
    exec(compile(text + new + "    return 1\n", "documented.py", "exec", dont_inherit=True), vars(fresh))
    held = module.f
    report = recell.reload(module, source=text + new + "    return 1\n", was=text + old + "    return 1\n")
    assert module.f.__doc__ == fresh.f.__doc__
    assert held is module.f and not report.ran
    assert "f" in dict(report.kept)  # the table is not filled again
    report.undo()
    assert module.f is held and held.__doc__ == (eval(old) if old else None)
