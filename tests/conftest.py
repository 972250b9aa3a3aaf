"""Parts of every test run: newer syntax only where it parses, the size in the header, disassembly beside failures."""

from __future__ import annotations

import difflib
import dis
import gc
import io
import re
import sys
from pathlib import Path
from types import CodeType
from typing import Any, Iterator

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
    for item in items:
        if item.path.name.startswith("test_reload"):
            item.add_marker(pytest.mark.filterwarnings("ignore:.*objects are frozen:RuntimeWarning"))


def pytest_report_header() -> str:
    size = "full" if FULL else "sampled"
    debug = ", debug build" if hasattr(sys, "gettotalrefcount") else ""
    return f"recell: {size} size, seed {SEED}{debug}"


TESTS = Path(__file__).parent


def disassembly(code: CodeType) -> list[str]:
    """The instructions of a code object and of those in it."""
    out = io.StringIO()
    try:
        dis.dis(code, file=out)
    except Exception as error:  # code that a test broke on purpose
        return [f"{code!r} cannot be disassembled: {error!r}"]
    return re.sub(r" at 0x[0-9a-f]+", "", out.getvalue()).splitlines()


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Two code objects that should be equal: the lines of their disassembly that differ."""
    if op != "==" or not (isinstance(left, CodeType) and isinstance(right, CodeType)):
        return None
    differing = difflib.unified_diff(disassembly(right), disassembly(left), "wanted", "found", lineterm="")
    return ["two code objects are equal", *(list(differing) or ["(the instructions are equal)"])]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Beside a failure: the disassembly of the code objects that the failing lines of the tests had at hand."""
    outcome = yield
    if call.excinfo is None or not outcome.get_result().failed:
        return
    shown: dict[int, tuple[str, CodeType]] = {}
    traceback: Any = call.excinfo.tb
    while traceback is not None:
        frame = traceback.tb_frame
        if TESTS in Path(frame.f_code.co_filename).parents:
            shown.update((id(v), (k, v)) for k, v in frame.f_locals.items() if isinstance(v, CodeType))
        traceback = traceback.tb_next
    for name, code in [*shown.values()][-4:]:
        lines = disassembly(code)
        if len(lines) > 80:
            lines = [*lines[:80], f"… and {len(lines) - 80} lines more"]
        outcome.get_result().sections.append((f"disassembly of {name}", "\n".join(lines)))


@pytest.fixture(autouse=True)
def small_heap(request: pytest.FixtureRequest) -> Iterator[None]:
    """Reloads that have to search the heap are spared what a whole session holds: it was there before the test."""
    if not request.node.path.name.startswith("test_reload"):
        yield
        return
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def trace_function_stays() -> Iterator[None]:
    """A test that sets a trace function takes it off again, and does not end a measurement of coverage with it."""
    before = sys.gettrace()
    yield
    if sys.gettrace() is not before:
        sys.settrace(before)
