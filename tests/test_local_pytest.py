"""Context-local changes under pytest: the option, `patcher.local`, pytest-asyncio and pytest-run-parallel."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest


def run_pytest(folder: Path, text: str, *options: str, **settings: str) -> str:
    (folder / "test_inside.py").write_text(textwrap.dedent(text), encoding="utf-8")
    lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
    (folder / "pytest.ini").write_text(f"[pytest]\npythonpath = .\n{lines}", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *options, str(folder)]
    if not _has_plugin():
        command[3:3] = ["-p", "recell.pytest_plugin"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder)
    assert done.returncode == 0, done.stdout
    return done.stdout


def _has_plugin() -> bool:
    """Whether pytest finds recell's plugin by itself, as where it is installed."""
    from importlib.metadata import distributions

    return any(one.metadata["Name"] == "recell" for one in distributions())


class TestPytest:
    def test_the_option_localizes_for_the_session(self, tmp_path: Path) -> None:
        (tmp_path / "shop.py").write_text("LIMIT = 10\ndef limit():\n    return LIMIT\n", encoding="utf-8")
        text = """
            import shop
            from recell import local
            CODE = shop.limit.__code__
            def test_it(patcher):
                patcher.local.override(shop.limit, LIMIT=1)
                assert shop.limit() == 1
                assert shop.limit.__code__ is CODE
                patcher.local.swap(shop.limit, lambda: 2)
                patcher.local.wrap(shop.limit, lambda func: lambda: func() + 1)
                assert shop.limit() == 3
            def test_after():
                assert shop.limit() == 10
                assert shop.limit.__code__ is CODE
        """
        assert "2 passed" in run_pytest(tmp_path, text, recell_localize="\n  shop.limit\n  shop")

    def test_an_option_that_leads_nowhere(self, tmp_path: Path) -> None:
        with pytest.raises(AssertionError, match="recell_localize"):
            run_pytest(tmp_path, "def test(): pass", recell_localize="\n  os.nothing")

    def test_fixtures_of_pytest_asyncio(self, tmp_path: Path) -> None:
        pytest.importorskip("pytest_asyncio")
        text = """
            import pytest, pytest_asyncio, sys
            from recell import local
            LIMIT = 10
            def limit():
                return LIMIT
            @pytest.fixture
            def faked():
                with local.override(limit, LIMIT=1):
                    yield
            @pytest_asyncio.fixture
            async def faked_later():
                with local.override(limit, LIMIT=2):
                    yield
            @pytest.mark.asyncio
            async def test_fixture(faked):
                assert limit() == 1
            @pytest.mark.asyncio
            async def test_async_fixture(faked_later):
                assert limit() == (2 if sys.version_info >= (3, 9) else 10)
        """
        assert "2 passed" in run_pytest(tmp_path, text)

    def test_run_in_parallel_beside_mock_and_monkeypatch(self, tmp_path: Path) -> None:
        """Fifty tests that change the same functions, in eight threads each."""
        pytest.importorskip("pytest_run_parallel")
        (tmp_path / "shop.py").write_text(
            "import time\nLIMIT = 10\n"
            "def limit():\n    time.sleep(0.0001)\n    return LIMIT\n"
            "def twice():\n    yield LIMIT\n    yield LIMIT\n"
            "async def later():\n    return LIMIT\n",
            encoding="utf-8",
        )
        text = """
            import threading, pytest, shop
            from unittest import mock
            from recell import local
            numbers = iter(range(10**9))
            def driven(coroutine):
                try:
                    coroutine.send(None)
                except StopIteration as stop:
                    return stop.value
            @pytest.mark.parametrize("index", range(44))
            def test_local(index):
                value = next(numbers)
                with local.override(shop.limit, LIMIT=value), local.override(shop.twice, LIMIT=value):
                    with local.override(shop.later, LIMIT=value):
                        assert shop.limit() == value
                        assert list(shop.twice()) == [value, value]
                        assert driven(shop.later()) == value
                    with local.wrap(shop.limit, lambda func: lambda: (func(),)):
                        assert shop.limit() == (value,)
            @pytest.mark.thread_unsafe
            @pytest.mark.parametrize("index", range(2))
            def test_mock(index):
                with mock.patch.object(shop, "LIMIT", 5):
                    assert shop.limit() == 5
            @pytest.mark.parametrize("index", range(2))
            def test_monkeypatch(index, monkeypatch):
                monkeypatch.setattr(shop, "LIMIT", 6)
                assert shop.limit() == 6
            @pytest.mark.thread_unsafe
            @pytest.mark.parametrize("index", range(2))
            def test_process_wide(index, patcher):
                patcher.override(shop.limit, LIMIT=7)
                assert shop.limit() == 7
        """
        output = run_pytest(
            tmp_path, text, "--parallel-threads=8", "--iterations=5", recell_localize="\n  shop"
        )
        assert "50 passed" in output
