"""Generator expressions and comprehensions taken out of their function: called with anything, they loop over it or raise."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

import recell
from recell import ScopeError, inner

SOURCES = {
    "generator": ("(x * rate for x in items if x)", "<genexpr>"),
    "nested loops": ("(x + y for x in items for y in range(x))", "<genexpr>"),
    "closure in it": ("((lambda: x * rate) for x in items)", "<genexpr>"),
    "list": ("[x * rate for x in items]", "<listcomp>"),
    "set": ("{x * rate for x in items}", "<setcomp>"),
    "dict": ("{x: rate for x in items}", "<dictcomp>"),
    "many names": (
        "(x * rate for x in items if " + " and ".join(f"n{i}" for i in range(300)) + ")",
        "<genexpr>",
    ),
}
WRONG = [
    "3",
    "None",
    "object()",
    "int",
    "len",
    "[1, 2]",
    "'ab'",
    "{}",
    "1.5",
    "iter([1])",
    "lambda: 1",
    "Odd()",
]

SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
import recell
class Odd:
    def __iter__(self): return 5
text = "def outer(rate, items):\\n    return " + {expression!r} + "\\n"
space = {{f"n{{i}}": 1 for i in range(300)}}
exec(text, space)
outer = space["outer"]
taken = recell.inner(outer, {name!r}, missing="empty", globals=space)
recell.closure(taken).update(dict.fromkeys(recell.closure(taken).names, 2))
made = [taken]
code = next(c for c in outer.__code__.co_consts if hasattr(c, "co_code"))
try:
    made.append(recell.make_function(code, space, closure=dict.fromkeys(code.co_freevars, 2)))
except recell.UnsafeCodeError:
    pass
for function in made:
    for value in ({wrong}):
        try:
            found = function(value)
            list(found)
        except (TypeError, UnboundLocalError, NameError) as error:
            pass
"""


def holds(expression: str, name: str) -> bool:
    module = compile(expression, "<text>", "eval")
    return any(type(c) is CodeType and c.co_name == name for c in module.co_consts)


@pytest.mark.parametrize("kind", SOURCES)
def test_anything_may_be_passed(kind: str) -> None:
    """No release dies of what is no iterator; FOR_ITER alone would."""
    expression, name = SOURCES[kind]
    if not holds(expression, name):
        pytest.skip("inlined on this release")
    script = SCRIPT.format(expression=expression, name=name, wrong=", ".join(WRONG))
    source = str(Path(recell.__file__).parents[1])
    done = subprocess.run([sys.executable, "-c", script, source], stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("kind", ["generator", "nested loops", "list", "set", "dict"])
def test_iterators_are_taken_as_before(kind: str) -> None:
    expression, name = SOURCES[kind]
    if not holds(expression, name):
        pytest.skip("inlined on this release")
    space: dict[str, Any] = {}
    exec(f"def outer(rate, items):\n    return {expression}\n", space)
    taken = inner(space["outer"], name, {"rate": 3} if kind != "nested loops" else {})
    expected = space["outer"](3, [1, 2, 3])
    for given in (iter([1, 2, 3]), [1, 2, 3], (1, 2, 3)):
        found = taken(given)
        if kind in ("generator", "nested loops"):
            assert list(found) == [3, 6, 9] if kind == "generator" else [1, 2, 3, 3, 4, 5]
        else:
            assert found == expected
    counted = iter([1, 2, 3])
    list(taken(counted))
    assert next(counted, None) is None  # the very iterator


def test_asynchronous_ones_raise_on_their_own() -> None:
    async def outer(items: Any) -> Any:
        return (x async for x in items)

    with pytest.raises(TypeError):
        inner(outer, "<genexpr>")(3).__anext__().send(None)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type parameters came with 3.12")
def test_scopes_that_only_compiled_code_can_call_are_not_handed_out() -> None:
    module = compile("def f[T](a=1, *, b=2) -> T: pass", "<text>", "exec")
    scope = next(c for c in module.co_consts if type(c) is CodeType)
    with pytest.raises(ScopeError, match="scope of type parameters"):
        inner(module, scope)
    assert inner(module, "f").__defaults__ == (1,)
