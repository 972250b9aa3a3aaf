"""The harness for other packages' tests, on a package of one module: it transforms all, and sees every difference."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from .__main__ import compare, differing, run
from .suites import SUITES, Suite

MODULE = """
import functools

RATE = 2
calls = 0

def helper(x):
    return x * RATE

def remember(func):
    @functools.wraps(func)
    def wrapper(*args):
        global calls
        calls += 1
        return func(*args)
    return wrapper

@remember
def kept(x):
    return helper(x) + abs(-2)

class Thing:
    @property
    def rate(self):
        return RATE

    @staticmethod
    def make():
        return Thing()

    @classmethod
    def rates(cls):
        return [each.rate for each in (cls(), cls.make())]

THINGS = {"helper": helper}
"""

TESTS = """
import toy_module

def test_same():
    assert toy_module.kept(3) == 8
    assert toy_module.Thing.rates() == [2, 2]
    assert toy_module.THINGS["helper"](1) == 2

def test_rate(monkeypatch):
    monkeypatch.setattr(toy_module, "RATE", 5)
    assert toy_module.Thing.rates() == [5, 5]

def test_calls():
    before = toy_module.calls
    toy_module.kept(1)
    assert toy_module.calls == before + 1

def test_builtins(monkeypatch):
    monkeypatch.setitem(toy_module.__builtins__, "abs", lambda number: 7)
    assert toy_module.kept(1) == 9
"""

IS_PROMOTED = """
import toy_module

def test_promoted():
    assert "RATE" in toy_module.helper.__code__.co_freevars
"""


@pytest.fixture()
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Suite:
    (tmp_path / "toy_module.py").write_text(MODULE)
    (tmp_path / "test_toy.py").write_text(TESTS)
    for path in (tmp_path, *map(Path, sys.path)):
        monkeypatch.setenv("PYTHONPATH", str(path), prepend=":")
    return Suite(
        "toy", ["toy_module"], ["test_toy.py"], options=["-p", "no:recell", "-p", "no:hypothesispytest"]
    )


def test_differences_are_found_and_explained(
    suite: Suite, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tests that assign what is promoted differ, the names are found, and with those left alone nothing differs."""
    plain = run(suite, tmp_path, "plain", tests=[], leave=set(), watch=False)
    assert set(plain["outcomes"].values()) == {"passed"}
    assert compare(suite, tmp_path, "swap", plain) == 0
    told = capsys.readouterr().out
    assert "7 functions, 7 rebuilt" in told
    assert "with all names promoted 3 differ; with 3 names left as globals 0 differ" in told
    for name, why in (("RATE", "assigned from outside"), ("calls", "declared global"), ("abs", "assigned")):
        assert f"toy_module.{name} ({why}" in told


def test_an_unexplained_difference_is_a_failure(suite: Suite, tmp_path: Path) -> None:
    """A test that asks how the function is made differs for no reason that can be proved."""
    (tmp_path / "test_toy.py").write_text(IS_PROMOTED)
    plain = run(suite, tmp_path, "plain", tests=[], leave=set(), watch=False)
    assert set(plain["outcomes"].values()) == {"failed"}
    assert compare(suite, tmp_path, "assign", plain) == 1
    suite.differs["*test_promoted"] = "it asks"
    assert suite.expected("test_toy.py::test_promoted") == "it asks"


def test_outcomes_are_compared_test_by_test() -> None:
    """A test that is gone, new or different counts; one that is the same does not."""
    before = {"outcomes": {"a": "passed", "b": "failed", "c": "passed"}}
    after = {"outcomes": {"a": "passed", "b": "passed", "d": "passed"}}
    assert differing(before, after) == ["b", "c", "d"]
    assert all(suite.modules and suite.tests for suite in SUITES.values())
