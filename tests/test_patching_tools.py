"""Programs that use recell together with other people's tools, where these are installed (`nox -s programs`)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ASYNC_TESTS = '''
"""A service, its asynchronous fixtures and its tests, as a user of pytest-asyncio writes them."""
import asyncio
import pytest
import pytest_asyncio
from recell import closure, override, patch_closure, swap, wrap

RETRIES, DELAY = 3, 60

async def connect(host):
    await asyncio.sleep(DELAY)
    raise OSError(host)

async def fetch(host):
    for _ in range(RETRIES):
        try:
            return await connect(host)
        except OSError:
            await asyncio.sleep(DELAY)
    raise TimeoutError(host)

async def rows(count):
    for number in range(count):
        await asyncio.sleep(DELAY)
        yield number

async def answer(host):
    return f"hello from {host}"

@pytest_asyncio.fixture
async def connected():
    with override(fetch, connect=answer):
        await asyncio.sleep(0)
        yield fetch

@pytest_asyncio.fixture
@override(rows, DELAY=0)
async def quick_rows():
    await asyncio.sleep(0)
    yield rows

@pytest.mark.asyncio
async def test_with_an_async_fixture(connected):
    assert await connected("a") == "hello from a"

@pytest.mark.asyncio
async def test_the_fixture_is_gone():
    with override(fetch, DELAY=0, RETRIES=1), override(connect, DELAY=0):
        with pytest.raises(TimeoutError):
            await fetch("b")

@pytest.mark.asyncio
async def test_a_decorated_async_fixture(quick_rows):
    assert [number async for number in quick_rows(3)] == [0, 1, 2]

@pytest.mark.asyncio
@pytest.mark.parametrize("retries", [1, 4])
@override(fetch, DELAY=0)
async def test_a_decorated_async_test(retries):
    calls = []
    async def failing(host):
        calls.append(host)
        raise OSError
    with override(fetch, connect=failing, RETRIES=retries), pytest.raises(TimeoutError):
        await fetch("c")
    assert len(calls) == retries

@pytest.mark.asyncio
async def test_tasks_overlap(patcher):
    """Tasks enter and leave in any order; everything is undone at the end."""
    async def task(number):
        with override(fetch, connect=answer):
            await asyncio.sleep(number / 1000)
            assert await fetch(number) == f"hello from {number}"
    await asyncio.gather(*[task(number) for number in (3, 1, 2)])
    patcher.swap(fetch, answer)
    assert await fetch("d") == "hello from d"

@pytest.mark.asyncio
async def test_nothing_is_left():
    assert fetch.__code__.co_names and "connect" in fetch.__code__.co_names
'''

COVERED = """
import recell

LIMIT = 3

def check(n):
    if n < LIMIT:
        return "less"
    return "more"

def other(n):
    return "other"

with recell.override(check, LIMIT=10):
    assert check(5) == "less"
with recell.swap(check, other):
    assert check(5) == "other"
"""

CELLS = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()

def cell(text):
    shell.run_cell(text).raise_error()

cell("import asyncio, recell, time\\nLIMIT = 3")
cell("def nap(n=9):\\n    time.sleep(n)\\n    return LIMIT")
cell("async def later():\\n    await asyncio.sleep(9)\\n    return LIMIT")
cell('with recell.override(nap, {"time.sleep": lambda n: None}, LIMIT=4): first = nap()')
cell('with recell.override(later, {"asyncio.sleep": recell.forward(asyncio.sleep)}):\\n    pass')
cell('async def at_once(n): return None\\n'
     'with recell.override(later, {"asyncio.sleep": at_once}, LIMIT=5): second = await later()')
cell("kept = nap\\nchange = recell.swap(nap, lambda n=0: 'swapped')")
cell("third = kept()\\nchange.undo()")
cell("%timeit -n 1 -r 1 recell.override(nap, LIMIT=6).start().undo()")
cell("before = nap.__code__")
assert [shell.user_ns[name] for name in ("first", "second", "third")] == [4, 5, "swapped"]
assert "LIMIT" in shell.user_ns["before"].co_names
"""


def python(tmp_path: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, cwd=str(tmp_path),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def plugin(tmp_path: Path) -> list[str]:
    """How pytest finds the fixture `patcher` where recell is on the path but not installed."""
    listed = python(tmp_path, "-m", "pytest", "--fixtures", "-p", "no:cacheprovider", str(tmp_path))
    return [] if "recell" in listed else ["-p", "recell.pytest_plugin"]


def test_async_tests_and_async_fixtures(tmp_path: Path) -> None:
    pytest.importorskip("pytest_asyncio")
    path = tmp_path / "test_service.py"
    path.write_text(ASYNC_TESTS)
    options = ["-q", "-p", "no:cacheprovider", *plugin(tmp_path)]
    assert "7 passed" in python(tmp_path, "-m", "pytest", *options, str(path))


def test_async_tests_spread_over_processes(tmp_path: Path) -> None:
    pytest.importorskip("pytest_asyncio")
    pytest.importorskip("xdist")
    path = tmp_path / "test_service.py"
    path.write_text(ASYNC_TESTS)
    options = ["-q", "-p", "no:cacheprovider", "-n", "2", *plugin(tmp_path)]
    assert "7 passed" in python(tmp_path, "-m", "pytest", *options, str(path))


def test_coverage_counts_lines_under_an_override(tmp_path: Path) -> None:
    """The overridden function's lines are its own, the swapped one's those of the replacement."""
    pytest.importorskip("coverage")
    (tmp_path / "covered.py").write_text(COVERED)
    python(tmp_path, "-m", "coverage", "run", "--branch", "covered.py")
    report = python(tmp_path, "-m", "coverage", "report", "-m", "--include=covered.py")
    line = next(line for line in report.splitlines() if line.startswith("covered.py"))
    missing = COVERED.splitlines().index('    return "more"') + 1
    assert line.split("%")[1].split()[0].rstrip(",") == str(missing), report


def test_cells_of_ipython(tmp_path: Path) -> None:
    """Functions of earlier cells, changed by later ones; `await` and magic commands at top level."""
    pytest.importorskip("IPython")
    (tmp_path / "cells.py").write_text(CELLS)
    python(tmp_path, "cells.py")
