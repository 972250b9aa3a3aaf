"""The pytest plugin: the fixture `patcher`, and tracebacks without recell's own frames.

Nothing of recell is imported until a test uses it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from recell.patcher import Patcher

__all__ = ["patcher"]


@pytest.fixture
def patcher() -> Iterator[Patcher]:
    """A `recell.Patcher`: `patcher.override(f, name=fake)`, `patcher.swap(f, g)`, …; undone when the test ends."""
    from recell.patcher import Patcher

    with Patcher() as changes:
        yield changes


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(call: pytest.CallInfo[Any]) -> None:
    """Let the report of a failure hide recell's frames; `--full-trace` shows them."""
    if call.excinfo is not None:
        for name, module in [*sys.modules.items()]:
            if name.partition(".")[0] == "recell":
                vars(module)["__tracebackhide__"] = _says_nothing


def _says_nothing(excinfo: pytest.ExceptionInfo[BaseException] | None) -> bool:
    """Return whether recell's frames can be left out: not where an error of another kind arose in one of them."""
    from recell.errors import RecellError

    if excinfo is None or isinstance(excinfo.value, (RecellError, TypeError, ValueError, AttributeError)):
        return True
    traceback: Any = excinfo.tb
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return "__tracebackhide__" not in traceback.tb_frame.f_globals
