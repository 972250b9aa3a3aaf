"""A plugin for the mutants' tests: one that waits, as mutants make them, ends the whole run."""

from __future__ import annotations

import faulthandler
from typing import Any

LONGEST = 90.0
"""Seconds; on a busy machine, too, each test takes a fraction of it."""


def pytest_runtest_setup(item: Any) -> None:
    faulthandler.dump_traceback_later(LONGEST, exit=True)


def pytest_sessionfinish(session: Any) -> None:
    faulthandler.cancel_dump_traceback_later()
