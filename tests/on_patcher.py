"""Other people's patching done by a `Patcher`: unittest.mock's `patch`, and pytest's `MonkeyPatch`.

As a program, `python on_patcher.py mock MODULE plain|patcher`, it runs a test module and prints each test's outcome; as a
pytest plugin it is pytest's `MonkeyPatch` from then on.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import sys
import unittest
from unittest import mock

import recell
from recell import Patcher

STARTED: dict = {}
CHANGES = [0]


def set_by_patcher(target, attribute, value):
    """What `patch` does to begin with: one patcher for each patch object."""
    patcher = Patcher()
    patcher.setattr(target, attribute, value, raising=False)
    STARTED.setdefault(id(sys._getframe(1).f_locals["self"]), []).append(patcher)
    CHANGES[0] += 1


def undo_by_patcher(target, attribute, value=None):
    """What it does in the end; some special attributes it sets once more after deleting them."""
    started = STARTED.get(id(sys._getframe(1).f_locals["self"]))
    if started:
        started.pop().undo()
    elif getattr(target, attribute, "nothing") != value:
        raise AssertionError(f"undoing has not restored {attribute!r} of {target!r} to {value!r}")


def mock_on_patcher() -> Patcher:
    """Let every `patch` work through a patcher, which is itself undone by the one returned."""
    patcher = Patcher()
    kind = mock._patch
    patcher.override(kind.__enter__, setattr=set_by_patcher)
    patcher.override(kind.__exit__, setattr=undo_by_patcher, delattr=undo_by_patcher)
    return patcher


class Result(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.outcomes = {}

    def note(self, test, outcome, error=None):
        self.outcomes[test.id().partition(".testmock.")[2]] = outcome
        if error is not None:
            print(test.id(), self._exc_info_to_string(error, test), file=sys.stderr)

    def addSuccess(self, test):
        self.note(test, "ok")

    def addFailure(self, test, error):
        self.note(test, "failed", error)

    def addError(self, test, error):
        self.note(test, "error", error)

    def addSkip(self, test, reason):
        self.note(test, "skipped")


def main(name, how):
    tests = unittest.defaultTestLoader.loadTestsFromModule(importlib.import_module(name))
    result = Result()
    with mock_on_patcher() if how == "patcher" else contextlib.nullcontext():
        with contextlib.redirect_stdout(io.StringIO()):
            tests.run(result)
    assert recell.active_changes() == []
    print(json.dumps({"outcomes": result.outcomes, "changes": CHANGES[0]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
else:
    import _pytest.monkeypatch
    import _pytest.pytester  # has its own reference to the real one

    _pytest.monkeypatch.MonkeyPatch = Patcher
