"""CPython's own tests of functions, scopes, super, generators and dataclasses pass on rebuilt functions.

Every function of a test module, in its classes and their descriptors too, is replaced by `replace(function)` before the
tests run. The outcome must be that of the unmodified run, test by test: what fails anyway on an installation says
nothing about recell.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(importlib.util.find_spec("recell").origin).parent.parent
SUITES = ["test_funcattrs", "test_scope", "test_super", "test_generators", "test_dataclasses"]

CHILD = """
import contextlib, importlib, io, json, sys, types, unittest

sys.path.insert(0, sys.argv[3])
import recell

module = importlib.import_module(sys.argv[1])
kinds = (types.FunctionType, staticmethod, classmethod, property)
count = 0


def rebuild(holder):
    global count
    for name, value in list(vars(holder).items()):
        if isinstance(value, type) and value.__module__ == module.__name__ and value not in seen:
            seen.append(value)
            rebuild(value)
        elif isinstance(value, kinds) and home(value) == module.__name__:
            new = recell.replace(value)
            assert new is not value and type(new) is type(value)
            setattr(holder, name, new)
            count += 1


def home(value):
    value = getattr(value, "fget", value)
    return getattr(getattr(value, "__func__", value), "__module__", None)


seen = []
if sys.argv[2] == "rebuilt":
    for part in [module] + [each for each in list(sys.modules.values()) if each and each.__name__.startswith(module.__name__ + ".")]:
        module = part
        rebuild(part)
    module = sys.modules[sys.argv[1]]


class Result(unittest.TestResult):
    outcomes = {}

    def note(self, test, outcome):
        self.outcomes[test.id()] = outcome

    def addSuccess(self, test):
        self.note(test, "ok")

    def addFailure(self, test, error):
        self.note(test, "failed")
        print(test.id(), self._exc_info_to_string(error, test), file=sys.stderr)

    def addError(self, test, error):
        self.note(test, "error")
        print(test.id(), self._exc_info_to_string(error, test), file=sys.stderr)

    def addSkip(self, test, reason):
        self.note(test, "skipped")

    def addExpectedFailure(self, test, error):
        self.note(test, "expected failure")


with contextlib.redirect_stdout(io.StringIO()):
    unittest.defaultTestLoader.loadTestsFromModule(module).run(Result())
print(json.dumps({"replaced": count, "outcomes": Result.outcomes}))
"""


def outcome(name: str, how: str) -> tuple[dict[str, object], str]:
    command = [sys.executable, "-c", CHILD, name, how, str(SOURCE)]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)
    errors = run.stderr.decode(errors="replace")
    assert run.returncode == 0, errors[-3000:]
    return json.loads(run.stdout.splitlines()[-1]), errors


@pytest.mark.parametrize("suite", SUITES)
def test_suite_passes_on_rebuilt_functions(suite: str) -> None:
    """Test by test the outcome of the unmodified run; dozens of functions replaced, most tests passing."""
    name = f"test.{suite}"
    try:
        found = importlib.util.find_spec(name)
    except ImportError:
        found = None
    if found is None:
        pytest.skip(f"this installation has no {name}")
    plain, _ = outcome(name, "plain")
    rebuilt, errors = outcome(name, "rebuilt")
    assert plain["replaced"] == 0
    assert rebuilt["replaced"] >= 10
    differing = {
        test: (how, rebuilt["outcomes"].get(test))
        for test, how in plain["outcomes"].items()
        if rebuilt["outcomes"].get(test) != how
    }
    assert not differing, f"{differing}\n{errors[-3000:]}"
    assert len(rebuilt["outcomes"]) == len(plain["outcomes"])
    passed = [test for test, how in rebuilt["outcomes"].items() if how == "ok"]
    print(
        f"{name}: {rebuilt['replaced']} functions replaced, {len(passed)} of {len(plain['outcomes'])} tests pass"
    )
    assert len(passed) >= 0.9 * len(plain["outcomes"])
