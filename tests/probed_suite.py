"""One of CPython's own test modules, run as it is, traced, or with a probe on every line of the modules that it tests.

Run as a script: `probed_suite.py plain|traced|probed SUITE MODULE…`. It prints one line of JSON: the outcome of every
test, and how often control came to each line.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import random
import sys
import tempfile
import threading
import types
import unittest
from collections import Counter
from typing import Any, Dict, Iterator, List, Tuple

import recell
from recell.rewriting.places import lines_in
from recell.rewriting.probe_edits import codes_at

Place = Tuple[str, int]


def functions_of(module: types.ModuleType) -> Iterator[types.FunctionType]:
    """Yield the functions that a module's text defines, at its top and in its classes."""
    seen: Dict[int, Any] = {}
    waiting: List[Any] = list(vars(module).values())
    while waiting:
        value = waiting.pop(0)
        if id(value) in seen:
            continue
        seen[id(value)] = value
        if isinstance(value, type) and value.__module__ == module.__name__:
            waiting += vars(value).values()
        elif isinstance(value, property):
            waiting += [value.fget, value.fset, value.fdel]
        elif isinstance(value, (staticmethod, classmethod)):
            waiting.append(value.__func__)
        elif callable(value):
            waiting.append(getattr(value, "__wrapped__", None))
            if isinstance(value, types.FunctionType) and value.__code__.co_filename == module.__file__:
                yield value


class Result(unittest.TestResult):
    """The outcome of each test by its name."""

    def __init__(self) -> None:
        super().__init__()
        self.outcomes: Dict[str, str] = {}

    def note(self, test: Any, outcome: str) -> None:
        self.outcomes[test.id()] = outcome

    def addSuccess(self, test: Any) -> None:
        self.note(test, "ok")

    def addFailure(self, test: Any, err: Any) -> None:
        self.note(test, "failed")
        print(test.id(), self._exc_info_to_string(err, test), file=sys.__stderr__)  # type: ignore[attr-defined]

    def addError(self, test: Any, err: Any) -> None:
        self.addFailure(test, err)

    def addSkip(self, test: Any, reason: str) -> None:
        self.note(test, "skipped")

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        if err is not None:
            self.addFailure(subtest, err)


def run(suite: str) -> Dict[str, str]:
    """Run a test module; return the outcome of every test."""
    module = importlib.import_module(suite)
    result, before = Result(), os.getcwd()
    random.seed(1)
    with tempfile.TemporaryDirectory() as directory, contextlib.redirect_stdout(io.StringIO()):
        os.chdir(directory)
        try:
            unittest.defaultTestLoader.loadTestsFromModule(module).run(result)
        finally:
            os.chdir(before)
    return result.outcomes


def traced(found: Dict[types.CodeType, int], suite: str, counts: Counter[Place]) -> Dict[str, str]:
    """Run with a tracer that counts the lines of some code objects."""
    watched = {id(code): code for code in found}

    def on_line(frame: types.FrameType, event: str, arg: object) -> Any:
        if event == "line":
            counts[frame.f_code.co_filename, frame.f_lineno, id(frame.f_code)] += 1  # type: ignore[index]
        return on_line

    def on_call(frame: types.FrameType, event: str, arg: object) -> Any:
        return on_line if id(frame.f_code) in watched else None

    threading.settrace(on_call)
    sys.settrace(on_call)
    try:
        return run(suite)
    finally:
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]


def nested(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if type(constant) is types.CodeType:
            yield from nested(constant)


def main(how: str, suite: str, *names: str) -> None:
    modules = [importlib.import_module(name) for name in names]
    importlib.import_module(suite)
    functions = [func for module in modules for func in functions_of(module)]
    originals = [(func, func.__code__, func.__closure__) for func in functions]
    counts: Counter[Any] = Counter()
    report: Dict[str, Any] = {"functions": len(functions), "refused": [], "lines": 0, "no statement": 0}
    if how == "probed":
        changes: List[Tuple[str, int, Any]] = []
        for func in functions:
            for line in sorted(set(lines_in(func.__code__))):
                try:
                    change = recell.probe(func, lambda: None, at=line)
                    change.__enter__()
                except recell.ScopeError as error:
                    assert "an expression goes on there" in str(error), error
                    report["no statement"] += 1
                    continue
                except recell.UnsafeCodeError as error:
                    report["refused"].append([func.__qualname__, line, str(error)])
                    continue
                changes.append((func.__code__.co_filename, line, change))
                assert change.placed, change
        report["lines"] = len(changes)
        report["outcomes"] = run(suite)
        for filename, line, change in changes:
            counts[filename, line] += change.hits
        for _, _, change in reversed(changes):
            change.undo()
    elif how == "traced":
        watched: Counter[Any] = Counter()
        report["outcomes"] = traced(
            {code: 1 for f in functions for code in nested(f.__code__)}, suite, watched
        )
        found: Dict[Place, Dict[int, int]] = {}
        for func in functions:
            code = func.__code__
            for line in set(lines_in(code)):
                each = {id(one): watched[code.co_filename, line, id(one)] for one in codes_at(code, line)}
                found.setdefault((code.co_filename, line), {}).update(each)
        counts.update({place: sum(each.values()) for place, each in found.items()})
    else:
        report["outcomes"] = run(suite)
    for func, code, closure in originals:
        assert func.__code__ is code and func.__closure__ is closure, func
    report["counts"] = [[*place, count] for place, count in sorted(counts.items())]
    print(json.dumps(report))


if __name__ == "__main__":
    main(*sys.argv[1:])
