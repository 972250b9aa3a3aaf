"""Probes and insertions on every line of functions of every shape: what they see, and what they raise."""

from __future__ import annotations

import ast
import sys
import types
from collections import Counter
from typing import Any

import pytest
from probed_texts import TEXTS, made, nested, outcome
from sizes import FULL, SEED, pick

import recell
from recell import ENTRY, ERROR, EXIT, inserted, patch_code, probe
from recell.rewriting.places import lines_in
from recell.rewriting.probe_edits import codes_at

EVERY = pytest.mark.parametrize("name", list(TEXTS)[:: pick(1, 1, debug=4)])
SOME = pytest.mark.parametrize("name", list(TEXTS)[SEED % 4 :: pick(4, 1, debug=12)])


def lines_of(func: Any) -> list[int]:
    """The lines on which a statement starts, or some of them where there are hundreds."""
    found = []
    lines = sorted(set(lines_in(func.__code__)))
    for line in lines if len(lines) < 40 else [*lines[:2], lines[-1]]:
        try:
            probe(func, lambda: None, at=line)
        except recell.ScopeError as error:
            assert "an expression goes on there" in str(error)
        else:
            found.append(line)
    return found


def traced(func: Any, arguments: tuple[Any, ...]) -> Counter[tuple[int, int]]:
    """How often `sys.settrace` tells of each line of each code object."""
    counts: Counter[tuple[int, int]] = Counter()
    watched = {id(code) for code in nested(func.__code__)}

    def on_line(frame: types.FrameType, event: str, arg: object) -> Any:
        counts[frame.f_lineno, id(frame.f_code)] += event == "line"
        return on_line

    def on_call(frame: types.FrameType, event: str, arg: object) -> Any:
        return on_line if id(frame.f_code) in watched else None

    before = sys.gettrace()
    sys.settrace(on_call)
    try:
        outcome(func, arguments)
    finally:
        sys.settrace(before)
    return counts


def counts_otherwise(text: str, line: int) -> bool:
    """Whether the guide says that hits on this line are not the events of a tracer."""
    first = text.splitlines()[line - 1].strip()
    if first.startswith(("for ", "while ", "async for ", "with ", "async with ")):
        return True
    for node in ast.walk(ast.parse(text)):
        last = getattr(node, "end_lineno", 0) or 0
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            if node.lineno <= line <= last:
                return True
        if (
            isinstance(node, (ast.expr, ast.Return, ast.Assign))
            and node.lineno <= line <= last != node.lineno
        ):
            return True  # an expression over several lines
        if sys.version_info < (3, 10) and isinstance(node, (ast.Try, ast.With, ast.AsyncWith, ast.AsyncFor)):
            if node.lineno <= line <= last:
                return True  # what the compiler adds behind a statement has its line
    return False


@EVERY
def test_hits_are_what_a_tracer_counts(name: str) -> None:
    """A probe on a line changes nothing, and counts what `sys.settrace` counts, but for what the guide says."""
    text, arguments = TEXTS[name]
    func = made(text)
    before, expected, events = (
        (func.__code__, func.__closure__),
        outcome(func, arguments),
        traced(func, arguments),
    )
    for line in lines_of(func):
        with probe(func, lambda: None, at=line) as change:
            assert outcome(func, arguments) == expected
        count = sum(events[line, id(code)] for code in codes_at(before[0], line))
        assert change.hits == count or counts_otherwise(text, line), (line, change.hits, count)
        assert (func.__code__, func.__closure__) == before and func.__code__ is before[0]


@SOME
@pytest.mark.parametrize("how", ["variables", "condition", "times"])
def test_any_probe_leaves_the_outcome(name: str, how: str) -> None:
    """With all variables of the place, bound or not, with a condition over them, and with an end."""
    text, arguments = TEXTS[name]
    func = made(text)
    expected = outcome(func, arguments)
    places: list[Any] = [*lines_of(func), ENTRY, EXIT, ERROR]
    for at in places:
        codes = codes_at(func.__code__, at) if isinstance(at, int) else [func.__code__]
        each = [{*code.co_varnames, *code.co_cellvars, *code.co_freevars} for code in codes]
        names = sorted(name for name in set.intersection(*each) if name.isidentifier())[:5]
        seen: list[Any] = []
        space: dict[str, Any] = {"seen": seen}
        exec(f"def action({', '.join(names)}): seen.append(({', '.join(names)}))", space)
        options: dict[str, Any] = {"times": 2} if how == "times" else {}
        if how == "condition":
            options["when"] = " and ".join(f"{name} is {name}" for name in names) or "[1 for _ in (1,)]"
        with probe(func, space["action"], at=at, **options) as change:
            assert outcome(func, arguments) == expected, (at, names)
            assert change.hits == len(seen) and change.placed


def all_probed(func: Any) -> list[Any]:
    lines = lines_of(func)
    changes = [probe(func, lambda: None, at=line, when="1").start() for line in lines]
    return changes + [probe(func, lambda: None, at=at).start() for at in (ENTRY, EXIT, ERROR)]


@SOME
def test_everywhere_at_once(name: str) -> None:
    """Conditions on all lines, an entry, an exit and an error: the outcome is the same, and so are the objects after."""
    text, arguments = TEXTS[name]
    func = made(text)
    before, expected = (func.__code__, func.__closure__), outcome(func, arguments)
    changes = all_probed(func)
    assert outcome(func, arguments) == expected
    entry, leave, error = changes[-3:]
    assert entry.hits == 1 == leave.hits + error.hits
    for change in reversed(changes):
        change.undo()
    assert func.__code__ is before[0] and func.__closure__ is before[1]


class Boom(Exception):
    """What an action raises here."""


def boom() -> None:
    raise Boom


def with_line(text: str, line: int, new: str) -> str:
    lines = text.splitlines(True)
    indent = lines[line - 1][: len(lines[line - 1]) - len(lines[line - 1].lstrip())]
    return "".join([*lines[: line - 1], f"{indent}{new}\n", *lines[line - 1 :]])


def statements(text: str) -> list[int]:
    """The lines in front of which a statement can be written so that it is what an insertion there means."""
    found = []
    for node in ast.walk(ast.parse(text)):
        for field in ("body", "orelse", "finalbody"):
            body = getattr(node, field, None)
            if not isinstance(body, list) or isinstance(node, ast.Module):
                continue
            for each in body:
                plain = (
                    not isinstance(each, (ast.While, ast.FunctionDef, ast.ClassDef))
                    and ":" not in (text.splitlines()[each.lineno - 1][: each.col_offset])
                )
                if plain and text.splitlines()[each.lineno - 1].strip() not in ("'doc'", "pass"):
                    found.append(each.lineno)
    found = sorted({*found})
    return found if len(found) < 40 else [*found[:2], found[-1]]


@EVERY
@pytest.mark.parametrize("how", ["action", "condition", "inserted"] if FULL else ["action"])
def test_what_is_raised_on_a_line_is_handled_as_if_it_stood_there(name: str, how: str) -> None:
    """By the handlers and context managers around the line: the model is the text with a raise in front of it."""
    text, arguments = TEXTS[name]
    func = made(text)
    known, seen = (
        {*lines_in(func.__code__)},
        {line for (line, _), count in traced(func, arguments).items() if count},
    )
    for line in statements(text):
        if line not in known or line not in seen:
            continue  # the compiler left nothing of it, or nothing that is reached
        model = outcome(made(with_line(text, line, "boom()"), boom=boom), arguments)
        if how == "inserted":
            func.__globals__["boom"] = boom
            change: Any = patch_code(func, inserted("boom()", at=line))
        else:
            change = probe(func, boom, at=line, when="not []" if how == "condition" else None)
        with change:
            assert outcome(func, arguments) == model, (line, text.splitlines()[line - 1])
