"""Wrappers in a new text: the documentation that they show, and functions that they stand around."""

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


@pytest.mark.parametrize("known", [True, False], ids=["old text known", "old text lost"])
def test_a_decorator_from_another_module_is_added(known: bool) -> None:
    """Its wrapper has other globals, and the function inside it is the one that calls are passed on from."""
    tools = types.ModuleType("tools")
    exec(
        "def around(f):\n def wrapper(*a): return 'around', f(*a)\n wrapper.inner = f\n return wrapper",
        vars(tools),
    )
    module = types.ModuleType("decorated")
    vars(module)["around"] = tools.around  # type: ignore[attr-defined]
    text = "def f(a): return a\n"
    exec(compile(text, "decorated.py", "exec", dont_inherit=True), vars(module))
    held = module.f
    report = recell.reload(module, source="@around\ndef f(a): return a + 1\n", was=text if known else None)
    if known:
        assert module.f(1) == held(1) == ("around", 2)
    else:  # decorators cannot be compared: the body follows, and the report counts the statement
        assert module.f(1) == held(1) == 2 and report.unknown == 1
    report.undo()
    assert module.f is held and held(1) == 1
