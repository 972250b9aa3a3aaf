"""What all tests share: files for newer syntax only where it parses, and the size of this run in the header."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Iterator

import pytest
from sizes import FULL, SEED

pytest.register_assert_rewrite("corpus")  # its operations' assertions show their values too


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """`test_*_py312.py` holds syntax that only 3.12 and later parse."""
    needed = re.search(r"_py3(\d+)\.py$", collection_path.name)
    if needed and sys.version_info < (3, int(needed.group(1))):
        return True
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leak runs come first: they search the whole heap, which holds no corpus yet."""
    items.sort(key=lambda item: "leaks" not in item.path.name)


def pytest_report_header() -> str:
    size = "full" if FULL else "sampled"
    debug = ", debug build" if hasattr(sys, "gettotalrefcount") else ""
    return f"recell: {size} size, seed {SEED}{debug}"


@pytest.fixture(autouse=True)
def trace_function_stays() -> Iterator[None]:
    """A test that sets a trace function takes it off again, and does not end a measurement of coverage with it."""
    before = sys.gettrace()
    yield
    if sys.gettrace() is not before:
        sys.settrace(before)
