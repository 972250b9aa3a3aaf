"""Every edit of the table does what it says, and its undo puts back the very same objects."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import inspect
import itertools
import linecache
import sys
import types
from typing import Any, Callable, Dict, Iterator

import pytest
from reload_edits import EDITS, Edit
from reload_edits_corners import CORNERS
from sizes import DEBUG, FULL

import recell

TWICE = [*EDITS, *CORNERS]
if DEBUG and not FULL:
    del TWICE[::2]


def line_of(func: Callable[..., Any]) -> int:
    """The line in which a call of the function ends or raises, as a traceback shows it."""
    lines = []

    def trace(frame: types.FrameType, event: str, argument: object) -> Any:
        if frame.f_code is func.__code__:
            lines.append(frame.f_lineno)
            return trace
        return None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        func(1)
    except ZeroDivisionError:
        pass
    finally:
        sys.settrace(before)
    return lines[-1]


@types.coroutine
def gate() -> Iterator[None]:
    yield


def finish(coroutine: Any) -> Any:
    while True:
        try:
            coroutine.send(None)
        except StopIteration as stop:
            return stop.value


def entered(manager: Any) -> Any:
    with manager as value:
        return value


TOOLS: Dict[str, Any] = {
    "line_of": line_of,
    "gate": gate,
    "finish": finish,
    "entered": entered,
    "run": finish,
    "signature": inspect.signature,
    "dataclasses_fields": dataclasses.fields,
    "asyncio": asyncio,
}


@pytest.fixture()
def edited(monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """An empty module, and another one in which its functions register themselves."""
    board = types.ModuleType("board")
    exec("FOUND = {}\ndef register(f):\n    FOUND[f.__name__] = f\n    return f", vars(board))
    module = types.ModuleType("edited")
    monkeypatch.setitem(sys.modules, "edited", module)
    monkeypatch.setitem(sys.modules, "board", board)
    yield module
    linecache.clearcache()


def holds(expected: Dict[str, Any], names: Dict[str, Any], when: str) -> None:
    for expression, value in expected.items():
        found = eval(expression, names)
        if isinstance(value, str) and value.startswith("="):
            value = eval(value[1:], names)
        assert found == value, f"{when}: {expression} is {found!r}, not {value!r}"
        assert type(found) is type(value) or value is None


@pytest.mark.parametrize("edit", [*EDITS, *CORNERS], ids=lambda edit: edit.title)
def test_edit(edit: Edit, edited: types.ModuleType) -> None:
    """What lives follows the new text, tells so, and is what it was after undo."""
    exec(compile(edit.before, "edited.py", "exec", dont_inherit=True), vars(edited))
    names = {**TOOLS, "m": edited, "board": sys.modules["board"]}
    exec(edit.live, names)
    holds(edit.then, names, "before")
    namespace = dict(vars(edited))
    classes = {
        name: dict(vars(value))
        for name, value in namespace.items()
        if isinstance(value, type) and value.__module__ == "edited"
    }
    functions = [value for value in namespace.values() if type(value) is types.FunctionType]
    states = [
        (f.__code__, f.__closure__, f.__defaults__, f.__kwdefaults__, f.__dict__, f.__doc__)
        for f in functions
    ]

    planned = recell.reload(edited, source=edit.after, was=edit.before, dry_run=True)
    assert not planned.active
    holds(edit.then, names, "after a dry run")
    assert vars(edited) == namespace

    report = recell.reload(edited, source=edit.after, was=edit.before)
    assert report.active
    assert not report.refused, report
    holds(edit.now, names, "after the reload")
    for attribute, value in edit.report.items():
        found = getattr(report, attribute)
        if attribute in ("kept", "left"):
            found = tuple(name for name, _ in found)
        assert found == value, f"{attribute}: {found!r}, not {value!r}\n{report}"
    assert str(report).startswith("reload of edited: ")

    report.undo()
    assert not report.active
    holds(edit.then, names, "after undo")
    after = dict(vars(edited))
    assert after.keys() == namespace.keys()
    for name, value in namespace.items():
        assert after[name] is value, name
    for name, members in classes.items():
        found = dict(vars(namespace[name]))
        assert found.keys() - {"__annotations_cache__"} == members.keys() - {"__annotations_cache__"}, name
        for member, value in members.items():
            if not member.startswith("__"):
                assert found[member] is value, f"{name}.{member}"
    for func, state in zip(functions, states):
        now = (
            func.__code__,
            func.__closure__,
            func.__defaults__,
            func.__kwdefaults__,
            func.__dict__,
            func.__doc__,
        )
        for one, other in zip(now, state):
            assert one is other, (func, one, other)


@pytest.mark.parametrize("edit", TWICE, ids=lambda edit: edit.title)
def test_there_and_back(edit: Edit, edited: types.ModuleType) -> None:
    """A second reload to the old text leads back to what the old text says, and both can be undone in any order."""
    exec(compile(edit.before, "edited.py", "exec", dont_inherit=True), vars(edited))
    names = {**TOOLS, "m": edited, "board": sys.modules["board"]}
    exec(edit.live, names)
    namespace = dict(vars(edited))
    there = recell.reload(edited, source=edit.after, was=edit.before)
    back = recell.reload(edited, source=edit.before)
    assert not there.refused and not back.refused, f"{there}\n{back}"
    there.undo()
    back.undo()
    assert {name: value for name, value in vars(edited).items()} == namespace
    holds(edit.then, names, "after both were undone")


def test_the_table_is_long_enough() -> None:
    """At least fifty edits, each with a title of its own."""
    assert len(EDITS) >= 50
    assert len({edit.title for edit in EDITS}) == len(EDITS)


_ = (contextlib, itertools)
