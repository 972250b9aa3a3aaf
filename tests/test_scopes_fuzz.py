"""Random programs behave the same before and after promote, demote and freeze.

A small grammar of functions in functions: globals that are read, assigned and deleted, free variables, class bodies,
comprehensions, generators, handlers, loops.
"""

from __future__ import annotations

import sys
from collections import Counter
from types import FunctionType
from typing import Any, Callable

import pytest
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st
from sizes import FULL, SEED, pick
from streams import assert_same

import recell

GLOBALS = ["A", "B", "C", "D"]
LOCALS = ["x", "y", "z"]
FREE = ["v", "w"]
# since comprehensions are inlined: a name local to one in a class body, free in another (gh-121377, gh-156664)
MISCOMPILES = sys.version_info >= (3, 12)
START = {"A": 1, "B": 2, "C": 3, "D": [4, 5]}


class Writer:
    """Writes one program; every choice is drawn, so that failures shrink."""

    def __init__(self, draw: Callable[..., Any]) -> None:
        self.draw = draw
        self.budget = 40
        self.serial = 0

    def pick(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def fresh(self, prefix: str) -> str:
        self.serial += 1
        return f"{prefix}{self.serial}"

    def expression(self, names: list[str], depth: int = 0) -> str:
        self.budget -= 1
        if depth > 2 or self.budget < 0:
            return self.pick(*names, *GLOBALS[:3], "7")
        again = lambda more=(): self.expression([*names, *more], depth + 1)  # noqa: E731
        kind = self.draw(st.integers(0, 13))
        if kind <= 2:
            return self.pick(*names, *GLOBALS[:3], "A", "v", "w")
        if kind == 3:
            return f"({again()} {self.pick('+', '-', '^', '|')} {again()}) % 1009"
        if kind == 4:
            return f"({again()} if {again()} else {again()})"
        if kind == 5:
            name = self.pick("a", "A", "x")
            return f"(lambda {name}=1: {again((name,))})({self.pick('', again())})"
        if kind == 6:
            name = self.pick("i", "B", "x", "v")
            return f"sum([{again((name,))} for {name} in range({self.pick(0, 2, 3)})])"
        if kind == 7:
            name = self.pick("i", "C", "w")
            return f"sum({again((name,))} for {name} in range(2) if {again((name,))})"
        if kind == 8:
            name, other = self.pick("i", "A"), self.pick("j", "B", "x")
            return f"len({{{name}: [{other} for {other} in range({name})] for {name} in range(3) if {again((name,))}}})"
        if kind == 9:
            return f"({again()} {self.pick('and', 'or')} {again()})"
        if kind == 10:
            return f"abs(max({again()}, {again()}))"
        if kind == 11:
            return f"sum([f() for f in [lambda: {again(('i',))} for i in range(2)]])"
        if kind == 12:
            return f"len(f'{{{again()}}}')"
        return f"({again()}).real"

    def block(self, names: list[str], assigned: list[str], depth: int, indent: str, kind: str) -> list[str]:
        lines: list[str] = []
        for _ in range(self.draw(st.integers(1, 3))):
            lines += self.statement(names, assigned, depth, indent, kind)
        return lines

    def statement(
        self, names: list[str], assigned: list[str], depth: int, indent: str, kind: str
    ) -> list[str]:
        inner = indent + "    "
        value = lambda: self.expression(names)  # noqa: E731
        choice = self.draw(st.integers(0, 15)) if self.budget > 0 and depth < 4 else 0
        if choice <= 2:
            return [f"{indent}{self.pick(*assigned)} = {value()}"]
        if choice == 3:
            return [f"{indent}{self.pick(*assigned)} += {value()}"]
        if choice == 4:
            return [f"{indent}out.append({value()})"]
        if choice == 5:
            return [
                f"{indent}if {value()}:",
                *self.block(names, assigned, depth + 1, inner, kind),
                f"{indent}else:",
                *self.block(names, assigned, depth + 1, inner, kind),
            ]
        if choice == 6:
            end = self.pick("continue", "break", "pass")
            return [
                f"{indent}for {self.pick(*assigned)} in range(3):",
                *self.block(names, assigned, depth + 1, inner, kind),
                f"{inner}if {value()}: {end}",
            ]
        if choice == 7:
            name = self.pick(*assigned)
            return [
                f"{indent}try:",
                *self.block(names, assigned, depth + 1, inner, kind),
                f"{inner}1 // ({value()} % 2)",
                f"{indent}except {self.pick('ZeroDivisionError', '(NameError, ZeroDivisionError)')} as error:",
                f"{inner}out.append(type(error).__name__)",
                *self.block(names, assigned, depth + 1, inner, kind),
                f"{indent}finally:",
                f"{inner}{name} = {value()}",
            ]
        if choice == 8:
            return [
                f"{indent}try: del {self.pick(*assigned)}",
                f"{indent}except NameError: out.append('unbound')",
            ]
        if choice == 9:
            return [f"{indent}assert {value()} != -1, {value()}"]
        if choice == 10:
            return [
                f"{indent}with contextlib.suppress(NameError, {self.pick('TypeError', 'ZeroDivisionError')}):",
                *self.block(names, assigned, depth + 1, inner, kind),
            ]
        if choice in (11, 12):
            return self.function(names, depth, indent)
        if choice == 13:
            return self.class_body(names, depth, indent)
        if choice == 14:
            name = self.fresh("gen")
            return [
                f"{indent}def {name}(n=2):",
                f"{inner}for i in range(n):",
                f"{inner}    got = yield {self.expression([*names, 'i'])}",
                f"{inner}    out.append(got)",
                f"{indent}out.append(list({name}({value()} % 3 if {value()} else 1)))",
            ]
        return [f"{indent}while len(out) < {self.pick(1, 2, 4)}:", f"{inner}out.append({value()})"]

    def function(self, names: list[str], depth: int, indent: str) -> list[str]:
        """A nested function with declarations of its own, and a call of it."""
        name, inner = self.fresh("f"), indent + "    "
        declared: dict[str, str] = {}
        for each in self.draw(
            st.lists(st.sampled_from([*GLOBALS[:3], *LOCALS, "v"]), max_size=3, unique=True)
        ):
            if each in GLOBALS:
                declared[each] = "global"
            elif each in names:
                declared[each] = "nonlocal"
        own = [each for each in LOCALS if each not in declared]
        lines = [f"{indent}def {name}({self.pick('', 'p=3', 'B=5', '*, k=A')}):"]
        if "B" in declared and "B=5" in lines[0]:
            lines[0] = f"{indent}def {name}():"
        if "k=A" in lines[0] and indent == "":
            lines[0] = f"{indent}def {name}():"
        lines += [f"{inner}{how} {each}" for each, how in declared.items()]
        if own and self.draw(st.booleans()):
            lines.append(f"{inner}{' = '.join(own)} = 1")
            visible = [*names, *own]
            targets = [*own, *declared]
        else:
            visible, targets = names, [*declared] or ["t"]
        lines += self.block(visible, targets, depth + 1, inner, "function")
        lines.append(f"{inner}return {self.expression(visible)}")
        return [*lines, f"{indent}out.append({name}())"]

    def class_body(self, names: list[str], depth: int, indent: str) -> list[str]:
        name, inner = self.fresh("K"), indent + "    "
        lines = [f"{indent}class {name}:"]
        if self.draw(st.booleans()):
            lines.append(f"{inner}global C")
        for each in self.draw(
            st.lists(st.sampled_from(["A", "B", "C", "x", "v", "own"]), min_size=1, max_size=3)
        ):
            lines.append(f"{inner}{each} = {self.expression(names)}")
        lines += [f"{inner}def m(self): return {self.expression(names)}, __class__.__name__"]
        return [
            *lines,
            f"{indent}out.append(({name}().m(), sorted(n for n in vars({name}) if n[:1] != '_')))",
        ]


@st.composite
def programs(draw: Callable[..., Any]) -> str:
    writer = Writer(draw)
    declared = draw(st.lists(st.sampled_from(GLOBALS[1:3]), max_size=2, unique=True))
    names = [*LOCALS, *FREE, "p"]
    body = [
        *(f"        global {each}" for each in declared),
        "        out = []",
        "        x = y = z = 0",
        *(writer.pick([f"        nonlocal {each}"], []) for each in ()),
    ]
    body += writer.block(names, [*LOCALS, *declared], 0, "        ", "function")
    body.append(f"        return out, {writer.expression(names)}, x, y, z")
    return "\n".join(
        ["import contextlib", "def make(v, w):", "    def f(p=1):", *body, "    return f", "f = make(10, 20)"]
    )


def load(source: str) -> FunctionType | None:
    space: dict[str, Any] = {"__name__": "fuzz", **START, "D": [4, 5]}
    try:
        exec(compile(source, "<fuzz>", "exec"), space)
    except SyntaxError:  # a declaration that meets a use: no program
        return None
    return space["f"]


def outcome(func: FunctionType) -> tuple[object, ...]:
    try:
        return "result", func()
    except RecursionError:
        raise
    except Exception as error:
        return "raised", type(error)


def final(func: FunctionType, names: list[str]) -> dict[str, object]:
    """What the names stand for after the run, wherever they are kept."""
    cells = recell.closure(func)
    return {
        name: cells.get(name, "unbound") if name in cells.names else func.__globals__.get(name, "unbound")
        for name in names
    }


def check(source: str, shape: bool = True) -> str:
    """Every edit of the program's function, compared with what it does unedited; a word for what came of it.

    `shape`: compare the code objects as well, instruction by instruction.
    """
    same = assert_same if shape else lambda *_: None
    plain = load(source)
    if plain is None:
        return "does not compile"
    code = plain.__code__
    found = recell.scope(plain)
    values = {**found.globals, **found.builtins}
    values = {
        name: value for name, value in values.items() if name not in (*code.co_freevars, *code.co_cellvars)
    }
    if not values:
        return "reads no global"
    try:
        recell.verify(code)
    except recell.UnsafeCodeError as error:
        # a miscompiled comprehension in a class body: the unedited program may kill the process
        assert MISCOMPILES, error
        assert "may be unbound" in str(error), error
        return "miscompiled"
    expected = outcome(plain)
    state = final(plain, GLOBALS[:3])

    func = load(source)
    code = func.__code__
    try:
        promoted = recell.promote(func, values)
    except recell.ScopeError as error:
        assert "is a local variable" in str(error) or "is a parameter" in str(error)
        values = {name: value for name, value in values.items() if name not in code.co_varnames}
        promoted = recell.promote(func, values)
    same(code, promoted.__code__, set(values))
    recell.verify(promoted.__code__)
    back = recell.demote(promoted, *values)
    same(code, back.__code__, set(values))
    recell.verify(back.__code__)
    assert outcome(promoted) == expected
    assert final(promoted, [name for name in GLOBALS[:3] if name in values]) == {
        name: value for name, value in state.items() if name in values
    }

    func = load(source)
    back = recell.demote(recell.promote(func, values), *values)
    assert outcome(back) == expected
    assert {name: back.__globals__.get(name, "unbound") for name in GLOBALS[:3]} == state

    func = load(source)
    constants = [name for name in values if name not in found.assigned]
    frozen = recell.freeze(func, *constants) if constants else func
    recell.verify(frozen.__code__)
    assert outcome(frozen) == expected

    func = load(source)
    try:
        frozen = recell.freeze(func)
    except recell.UnsupportedCodeError as error:
        assert "no correct compiler" in str(
            error
        )  # gh-121377: two variables of one name, one of them inlined
        return "checked"
    recell.verify(frozen.__code__)
    assert outcome(frozen) == expected

    func = load(source)
    try:
        demoted = recell.demote(func)
    except recell.ScopeError as error:
        assert "both as a free variable and as a global" in str(error)
    except recell.UnsupportedCodeError as error:
        assert "no correct compiler" in str(error)
    else:
        recell.verify(demoted.__code__)
        code = func.__code__
        gone = {*code.co_freevars} - {*demoted.__code__.co_freevars}
        same(code, demoted.__code__, gone, gone)
        assert outcome(demoted) == expected
    return "checked"


@pytest.mark.parametrize("batch", range(pick(1, 20)))
def test_programs_behave_the_same(batch: int, record_property: Callable[[str, object], None]) -> None:
    """Result, exception, what was appended on the way and the final value of every global.

    Batches, since hypothesis slows down with the number of examples; only programs that were run and compared count.
    """
    count = pick(50, 500, debug=25)
    tally: Counter[str] = Counter()
    seen: set[str] = set()

    @seed(SEED + batch)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],  # shrinking such programs takes minutes; the seed finds them again
    )
    @given(programs())
    def run(source: str) -> None:
        # comparing takes as long as all the rest: in the full size every fourth
        what = check(source, not FULL or sum(tally.values()) % 4 == 0)
        tally[what] += 1
        seen.add(source)
        assume(what == "checked")

    run()
    print(f"batch {batch}: {len(seen)} programs, {dict(tally)}")
    record_property("programs", dict(tally))
    assert tally["checked"] >= count
    assert tally["miscompiled"] <= 0.05 * len(seen)


def test_the_grammar_makes_programs() -> None:
    """Most of what the grammar writes compiles and reads names that can be edited."""
    written: list[str] = []

    @seed(SEED)
    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(programs())
    def collect(source: str) -> None:
        written.append(source)

    collect()
    good = [func for func in map(load, written) if func is not None]
    assert len(good) > 0.7 * len(written)
    assert sum(bool(recell.scope(func).globals) for func in good) > 0.5 * len(good)
