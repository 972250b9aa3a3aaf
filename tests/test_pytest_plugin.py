"""The fixture `patcher`, as users meet it: in a pytest of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

USER_TESTS = """
import sys
import time
import pytest

def nap():
    time.sleep(5)
    return "slept"

def test_nothing_is_loaded_until_it_is_used():
    assert "recell.patcher" not in sys.modules

def test_patcher(patcher):
    patcher.override(nap, {"time.sleep": lambda seconds: None})
    patcher.swap(helper, lambda: "new")
    assert nap() == "slept" and helper() == "new"

def helper():
    return "old"

def test_undone_after_the_test():
    assert helper() == "old" and nap.__code__.co_consts.count(5) == 1

@pytest.fixture
def quick(patcher):
    patcher.wrap(nap, lambda func: lambda: "quick")
    yield nap

@pytest.mark.parametrize("n", [1, 2])
def test_a_fixture_on_it(quick, n, patcher):
    assert quick() == "quick"

def test_undone_again():
    assert helper() == "old"

def test_a_failing_test_is_undone_too(patcher):
    patcher.swap(helper, lambda: "new")
    pytest.xfail("on purpose")

def test_undone_after_failure():
    assert helper() == "old"
"""


FAILING_TESTS = """
import recell

def load():
    return open

def test_refused():
    recell.override(load, opne=print)

def test_broken_inside(monkeypatch):
    from recell import cells
    monkeypatch.setattr(cells, "Closure", {}.__getitem__)
    recell.closure(load)

@recell.override(load, open=lambda: 1 / 0)
def test_the_users_own():
    load()()
"""


def run(tmp_path: Path, *arguments: str, text: str = USER_TESTS, status: int = 0) -> str:
    (tmp_path / "test_user.py").write_text(text)
    ask = (
        "from importlib.metadata import distributions\n"
        "print(any(e.value == 'recell.pytest_plugin' for d in distributions() for e in d.entry_points))"
    )
    registered = subprocess.check_output([sys.executable, "-c", ask], cwd=str(tmp_path)).strip() == b"True"
    plugin = [] if registered else ["-p", "recell.pytest_plugin"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin, *arguments, str(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, cwd=str(tmp_path),
    )  # fmt: skip
    assert done.returncode == status, done.stdout
    return done.stdout


def test_the_fixture_undoes_when_the_test_ends(tmp_path: Path) -> None:
    assert "7 passed, 1 xfailed" in run(tmp_path)


def test_the_fixture_is_listed_with_its_documentation(tmp_path: Path) -> None:
    assert "recell.Patcher" in run(tmp_path, "--fixtures", "-v")


def test_failures_are_shown_without_the_frames_of_recell(tmp_path: Path) -> None:
    """The last frame shown of a refused call is the call; a failure of recell itself is shown whole."""
    short = run(tmp_path, "--tb=short", text=FAILING_TESTS, status=1)
    assert "recell.override(load, opne=print)" in short
    assert "ScopeError" in short
    assert "ZeroDivisionError" in short
    refused, broken, own = short.split("____ test_")[1:]
    assert "overriding.py" not in refused
    assert refused.count("in test_refused") == 1
    assert "cells.py" in broken
    assert "decorating.py" not in own
    assert "overriding.py" in run(tmp_path, "--full-trace", "-k", "refused", text=FAILING_TESTS, status=1)


def test_with_xdist(tmp_path: Path) -> None:
    pytest.importorskip("xdist")
    assert "6 passed" in run(tmp_path, "-n", "2", "-k", "not nothing_is_loaded")


def test_the_fixture_is_a_patcher(patcher):
    items = {}
    patcher.setitem(items, "there", 1)
    assert items == {"there": 1}


def test_a_marker_that_asks_for_nothing(tmp_path: Path) -> None:
    """A usage error names the test; nothing runs."""
    text = "import pytest\n@pytest.mark.recell('os.getcwd')\ndef test_it(): pass\n"
    said = run(tmp_path, text=text, status=4)
    assert "test_user.py::test_it: the marker recell needs a target and values" in said
    assert "recell(target, values={}, /, **more)" in run(tmp_path, "--markers")


def test_tests_that_change_functions_run_in_one_thread(tmp_path: Path) -> None:
    """pytest-run-parallel is told of the fixtures and of the marker."""
    pytest.importorskip("pytest_run_parallel")
    text = """
import threading
import pytest

LIMIT = 5

def limit():
    return LIMIT

def alone():
    return threading.current_thread() is threading.main_thread()

def test_fixture(patcher):
    assert alone()

def test_wider(module_patcher):
    assert alone()

@pytest.mark.recell(limit, LIMIT=7)
def test_marker():
    assert alone() and limit() == 7

def test_others():
    assert not alone() and limit() == 5
"""
    assert "4 passed" in run(tmp_path, "--parallel-threads=2", text=text)
