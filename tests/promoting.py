"""Run in a child process: a CPython test module, while every function of the module that it tests is edited.

`python promoting.py plain|promoted|frozen test.test_json json json.decoder …` prints one line of JSON: what was edited,
and the outcome of every test. Modules imported from now on are edited as soon as they have run, fresh copies that the
tests make included.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.machinery
import io
import json
import sys
import types
import unittest
from pathlib import Path

HOW, TEST, *MODULES = sys.argv[1:]
sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

import recell  # noqa: E402

KINDS = (
    types.FunctionType,
    staticmethod,
    classmethod,
    property,
    functools.cached_property,
    functools.partialmethod,
)

# Globals that the tests themselves set on the module while they run, or that functions held by C code read: an edited
# function and they would not see the same.
SET_BY_TESTS = {
    "json": {"JSONDecodeError"},
    "json.decoder": {"JSONDecodeError"},
    "asyncio.base_events": {"logger"},  # mock.patch
    "asyncio.events": {"_event_loop_policy"},  # _asyncio has taken the function that reads it
}
# Functions that a table of the module holds as well, and that the tests pickle, by identity.
IN_TABLES = {"functools": "_from_"}
count = {"functions": 0, "names": 0, "left": 0}
kept = []


def functions(value):
    if isinstance(value, types.FunctionType):
        return [value]
    if isinstance(value, property):
        return [each for each in (value.fget, value.fset, value.fdel) if isinstance(each, types.FunctionType)]
    inner = getattr(value, "__func__", getattr(value, "func", None))
    return [inner] if isinstance(inner, types.FunctionType) else []


def resolved(value):
    """What reading a global does with a lazy import (3.15+), and reading a cell does not."""
    return value.resolve() if type(value).__name__ == "lazy_import" else value


def holders(module):
    """The module and its classes, each with what it holds."""
    waiting, seen = [module], []
    while waiting:
        holder = waiting.pop()
        if any(holder is each for each in seen):
            continue
        seen.append(holder)
        for value in list(vars(holder).values()):
            if isinstance(value, type) and value.__module__ == module.__name__:
                waiting.append(value)
    return seen


def edit(module):
    """Every function that the module holds, its classes' included, replaced by an edited one."""
    space = vars(module)
    places = [
        (holder, name, value)
        for holder in holders(module)
        for name, value in list(vars(holder).items())
        if isinstance(value, KINDS)
        and functions(value)
        and all(each.__globals__ is space for each in functions(value))
        if IN_TABLES.get(module.__name__, "\0") not in name
    ]
    all_functions = [each for _, _, value in places for each in functions(value)]
    # another function may assign what this one reads: a constant would not follow
    assigned = {name for each in all_functions for name in recell.scope(each).assigned if name in space}
    cells = {}
    news = {}
    for holder, name, value in places:
        if id(value) in news:
            setattr(holder, name, news[id(value)])
            continue
        names = {}
        for each in functions(value):
            found = recell.scope(each)
            names.update({**found.globals, **found.builtins})
            count["functions"] += 1
        for each in SET_BY_TESTS.get(module.__name__, ()):
            if names.pop(each, names) is not names:
                count["left"] += 1
        count["names"] += len(names)
        if HOW == "promoted":
            # one cell for one global, so that functions that assign it still share it
            for each in names:
                if each not in cells:
                    cells[each] = recell.make_cell(resolved(names[each]))
            new = recell.promote(value, {each: cells[each] for each in names}, strict=False)
        else:
            free = {each for function in functions(value) for each in function.__code__.co_freevars}
            # a cell is taken for its contents: so a cell among the values has to be wrapped
            constants = {
                each: recell.make_cell(constant)
                for each, constant in names.items()
                if each not in assigned and each not in free
            }
            new = recell.freeze(value, **constants) if constants else value
        kept.append(value)
        news[id(value)] = new
        setattr(holder, name, new)
        if isinstance(new, functools.cached_property):
            new.__set_name__(holder, name)
        if holder is module and name in cells:
            cells[name].cell_contents = new
    for name, cell in cells.items():
        if name in space and isinstance(space[name], types.FunctionType):
            cell.cell_contents = space[name]


run_module = importlib.machinery.SourceFileLoader.exec_module


def run_and_edit(self, module):
    run_module(self, module)
    if module.__name__ in MODULES:
        edit(module)


class Result(unittest.TestResult):
    outcomes = {}

    def note(self, test, outcome, error=None):
        self.outcomes[test.id()] = outcome
        if error:
            print(test.id(), self._exc_info_to_string(error, test), file=sys.stderr)

    def addSuccess(self, test):
        self.note(test, "ok")

    def addFailure(self, test, error):
        self.note(test, "failed", error)

    def addError(self, test, error):
        self.note(test, "error", error)

    def addSkip(self, test, reason):
        self.note(test, "skipped")

    def addExpectedFailure(self, test, error):
        self.note(test, "expected failure")


if HOW != "plain":
    importlib.machinery.SourceFileLoader.exec_module = run_and_edit
    for name in MODULES:
        if name in sys.modules:
            edit(sys.modules[name])
with contextlib.redirect_stdout(io.StringIO()):
    module = importlib.import_module(TEST)
    unittest.defaultTestLoader.loadTestsFromModule(module).run(Result())
print(json.dumps({**count, "outcomes": Result.outcomes}))
