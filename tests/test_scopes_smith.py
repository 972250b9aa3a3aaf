"""What hypothesmith generates behaves the same before and after promote, demote and freeze. The full size only.

Its statements and expressions name anything and nothing; so their names are drawn together into a few, some of them
declared global, and several of them make one function, part of it nested. Installed by hand: `pip install hypothesmith`.
"""

from __future__ import annotations

import ast
import textwrap
from collections import Counter
from types import CodeType
from typing import Any, Callable

import pytest
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st
from sizes import FULL, SEED
from streams import Constant, assert_same

import recell
from recell.code.to_cells import globals_to_cells
from recell.code.to_constants import NotConstant, reads_to_constants
from recell.code.to_globals import cells_to_globals
from recell.code.uses import uses

hypothesmith = pytest.importorskip("hypothesmith")
libcst = pytest.importorskip("libcst")
pytestmark = pytest.mark.skipif(not FULL, reason="the full size only")

NAMES = ["A", "B", "C", "D", "x", "y"]
# those that hypothesmith makes quickly and that name something
PARTS = ["Assign", "Subscript", "Comparison", "Call", "Lambda", "SimpleStatementLine"]
ENDLESS = (ast.While, ast.Pow, ast.LShift, ast.Mult, ast.Await, ast.Import, ast.ImportFrom)


class FewNames(ast.NodeTransformer):
    """Every name becomes one of a few."""

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = NAMES[sum(node.id.encode()) % len(NAMES)]
        return node


@st.composite
def functions(draw: Callable[..., Any]) -> str:
    """A function `f` made of generated statements, the last of them in a function or class body inside."""
    parts = draw(
        st.lists(
            st.one_of(*(hypothesmith.from_node(getattr(libcst, name), auto_target=False) for name in PARTS)),
            min_size=2,
            max_size=4,
        )
    )
    header = draw(st.sampled_from(["def g():", "class K:", "if B:", "for y in C:"]))
    shared = ", ".join(sorted(draw(st.sets(st.sampled_from(NAMES[:4]), max_size=3))))
    lines = ["def f():", *([f"    global {shared}"] if shared else []), "    x = y = 0"]
    for part in parts[:-1]:
        lines.append(textwrap.indent(part, "    "))
    lines += [f"    {header}", textwrap.indent(parts[-1], "        "), "    return x, y, A, B, C, D"]
    source = "\n".join(lines)
    try:
        tree = FewNames().visit(ast.parse(source))
        compile(tree, "<smith>", "exec")
    except (SyntaxError, ValueError, RecursionError, OverflowError):
        return ""
    return ast.unparse(tree)


def codes(code: CodeType) -> list[CodeType]:
    return [code, *(inner for each in code.co_consts if isinstance(each, CodeType) for inner in codes(each))]


def edited(code: CodeType) -> int:
    """Every global of one code object to a cell, back, and to a constant; the count of names."""
    found = uses(code)
    names = {name for name, use in found.items() if (use.read or use.written) and not use.free}
    names -= {*code.co_varnames, *code.co_cellvars}
    new = globals_to_cells(code, sorted(names))
    assert_same(code, new, names)
    recell.verify(new)
    back = cells_to_globals(new, new.co_freevars[len(code.co_freevars) :])
    assert_same(code, back, names)
    recell.verify(back)
    for name in names:
        try:
            new = reads_to_constants(code, {name: Constant(name)}, {}, set())
        except NotConstant:  # assigned, or a class body looks in its own namespace first
            continue
        assert_same(code, new, {name})
        recell.verify(new)
    return len(names)


def load(source: str) -> Any:
    space: dict[str, Any] = {"__name__": "smith", "A": 1, "B": "text", "C": [2, 3], "D": None}
    exec(compile(source, "<smith>", "exec"), space)
    return space["f"]


def outcome(func: Any) -> tuple[str, str]:
    """What a call gives, or what it raises; objects without a value by their type."""
    try:
        return "result", repr([each if type(each) in PLAIN else type(each) for each in func()])
    except Exception as error:
        return "raised", type(error).__name__


PLAIN = (int, str, bool, float, bytes, type(None), tuple, list, set, frozenset, dict)


def globals_of(func: Any) -> dict[str, Any]:
    local = {*func.__code__.co_varnames, *func.__code__.co_cellvars, *func.__code__.co_freevars}
    return {name: value for name, value in recell.scope(func).globals.items() if name not in local}


def compare(source: str) -> None:
    """The function does the same with every global promoted, demoted again, and frozen."""
    func = load(source)
    assigned = recell.scope(func).assigned
    expected = outcome(func)
    func = load(source)
    assert outcome(recell.promote(func, globals_of(func))) == expected
    func = load(source)
    values = globals_of(func)
    assert outcome(recell.demote(recell.promote(func, values), *values) if values else func) == expected
    func = load(source)
    constants = [name for name in globals_of(func) if name not in assigned]
    assert outcome(recell.freeze(func, *constants) if constants else func) == expected


@pytest.mark.parametrize("batch", range(4))
def test_generated_functions_behave_the_same(batch: int) -> None:
    """Shape of every edit of every code object inside; behaviour where nothing can run for ever."""
    tally: Counter[str] = Counter()

    @seed(SEED + batch)
    @settings(
        max_examples=50,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(functions())
    def run(source: str) -> None:
        assume(source)
        module = compile(source, "<smith>", "exec")
        recell.verify(module)
        tally["programs"] += 1
        for code in codes(module):
            if code.co_flags & 3 == 3:
                tally["functions"] += 1
                tally["names"] += edited(code)
        if not any(isinstance(node, ENDLESS) for node in ast.walk(ast.parse(source))):
            tally["run"] += 1
            compare(source)

    run()
    print(f"batch {batch}: {dict(tally)}")
    assert tally["names"] > 60
    assert tally["run"] > 30
