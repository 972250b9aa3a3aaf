"""Something else for a while: a name, a closure's variable, a function; and calls meanwhile."""

from __future__ import annotations

import sys
from types import FunctionType
from typing import Any, Dict

import recell

from .ways import Task, Way

LIMIT = 3


def allowed(n: int = 1) -> bool:
    return n <= LIMIT


def other(n: int = 1) -> bool:
    return n > LIMIT


def make(x: int = 1, y: int = 2) -> Any:
    def func() -> int:
        return x + y

    return func


def names() -> Dict[str, Any]:
    func = make()
    return {
        "recell": recell,
        "module": sys.modules[__name__],
        "allowed": allowed,
        "other": other,
        "func": func,
        "cell": func.__closure__[0],
    }


TRY = "try: … finally: …"
THIS_ONLY, EVERYBODY = "this function only", "everybody who uses the module's name"
MOCK, BACKPORT, PYTEST = "from unittest import mock", "import mock", "import pytest"
BY_HAND = """\
saved = module.{name}
module.{name} = {new}
try:
    pass
finally:
    module.{name} = saved
"""
ON_A_CELL = """\
saved = cell.cell_contents
cell.cell_contents = 4
try:
    pass
finally:
    cell.cell_contents = saved
"""
ON_CODE = """\
saved = allowed.__code__
allowed.__code__ = other.__code__
try:
    pass
finally:
    allowed.__code__ = saved
"""
PATCHY = '''\
import patchy
text = """\\
@@ -1,2 +1,2 @@
 def allowed(n: int = 1) -> bool:
-    return n <= LIMIT
+    return n <= 4
"""
'''


def module_ways(name: str, new: str) -> tuple[Way, ...]:
    """What people do to a module's name."""
    return (
        Way("pytest", f"with monkeypatch.context() as m: m.setattr(module, '{name}', {new})",
            f"{PYTEST}; monkeypatch = pytest.MonkeyPatch()", EVERYBODY, label="monkeypatch.context"),
        Way("pytest", f"monkeypatch.setattr(module, '{name}', {new}); monkeypatch.undo()",
            f"{PYTEST}; monkeypatch = pytest.MonkeyPatch()", EVERYBODY),
        Way("standard library", f"with mock.patch.object(module, '{name}', {new}): pass", MOCK, EVERYBODY),
        Way("standard library", "with change: pass", f"{MOCK}; change = mock.patch.object(module, '{name}', {new})",
            f"{EVERYBODY}; prepared: `change = mock.patch.object(…)`", label="mock.patch.object, prepared"),
        Way("mock", f"with mock.patch.object(module, '{name}', {new}): pass", BACKPORT, EVERYBODY),
    )  # fmt: skip


NAME = Task(
    "Give a global another meaning while a block runs",
    "Enter and leave. By hand is `try`, `finally` and two assignments to the module's attribute.",
    names,
    (
        Way("by hand", BY_HAND.format(name="LIMIT", new="4"), "", EVERYBODY, TRY, "try, finally"),
        Way("recell", "with change: pass", "change = recell.override(allowed, LIMIT=4)",
            f"{THIS_ONLY}; prepared: `change = recell.override(allowed, LIMIT=4)`", label="override, prepared"),
        Way("recell", "with recell.override(allowed, LIMIT=4): pass", "", THIS_ONLY),
        *module_ways("LIMIT", "4"),
        Way("patchy", "with patchy.temp_patch(allowed, text): pass", PATCHY, f"{THIS_ONLY}; `text` is a diff of its source"),
    ),
)  # fmt: skip

VARIABLE = Task(
    "Set a closure's variable while a block runs",
    "Enter and leave. By hand is `try`, `finally` and two assignments to `cell_contents`.",
    names,
    (
        Way("by hand", ON_A_CELL, "", "a full cell only", TRY, "try, finally"),
        Way("recell", "with change: pass", "change = recell.patch_closure(func, x=4)",
            "prepared: `change = recell.patch_closure(func, x=4)`", label="patch_closure, prepared"),
        Way("recell", "with recell.patch_closure(func, x=4): pass"),
        Way("pytest", "monkeypatch.setattr(cell, 'cell_contents', 4); monkeypatch.undo()",
            f"{PYTEST}; monkeypatch = pytest.MonkeyPatch()", "a full cell only, which you have to find"),
        Way("standard library", "with mock.patch.object(cell, 'cell_contents', 4): pass", MOCK),
        Way("mock", "with mock.patch.object(cell, 'cell_contents', 4): pass", BACKPORT),
    ),
)  # fmt: skip

FUNCTION = Task(
    "Replace a function while a block runs",
    "Enter and leave. By hand is `try`, `finally` and two assignments to `__code__`, which works where both have the same "
    "free variables and defaults.",
    names,
    (
        Way("by hand", ON_CODE, "", "every reference to the function", TRY, "try, finally"),
        Way("recell", "recell.swap(allowed, other).undo()", "", "every reference to the function; any callable"),
        *module_ways("allowed", "other"),
        Way("wrapt", "replaced()", """import wrapt
@wrapt.transient_function_wrapper(module, "allowed")
def instead(wrapped, instance, args, kwargs):
    return other(*args, **kwargs)
@instead
def replaced():
    pass
""", f"{EVERYBODY}; `replaced` is decorated so", label="transient_function_wrapper"),
    ),
)  # fmt: skip


def meanwhile() -> Dict[str, Any]:
    own = FunctionType(allowed.__code__, globals(), "own", (1,))
    recell.override(own, LIMIT=4).start()
    target = FunctionType(allowed.__code__, globals(), "target", (1,))
    recell.swap(target, other)
    return {**names(), "own": own, "target": target}


DURING = Task(
    "Call it meanwhile",
    "Against a call of the function as it is.",
    meanwhile,
    (
        Way("by hand", "allowed()", "", "the function as it is", label="the function as it is"),
        Way("recell", "own()", "", "overridden", label="overridden"),
        Way("recell", "target()", "", "swapped for another function", label="swapped"),
        Way("standard library", "fake()", f"{MOCK}; fake = mock.Mock(return_value=True)", "a `Mock` in its place", label="Mock"),
        Way("standard library", "fake()", f"{MOCK}; fake = mock.create_autospec(allowed, return_value=True)",
            "an autospecced mock in its place", label="create_autospec"),
        Way("mock", "fake()", f"{BACKPORT}; fake = mock.Mock(return_value=True)", "a `Mock` in its place", label="Mock"),
        Way("wrapt", "wrapped()", "import wrapt\nwrapped = wrapt.FunctionWrapper(allowed, lambda w, i, a, k: w(*a, **k))",
            "a `FunctionWrapper` in its place", label="FunctionWrapper"),
    ),
)  # fmt: skip
