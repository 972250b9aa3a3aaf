"""A pytest plugin (`-p packages.plugin`): transforms the package first, writes down what came of each test.

RECELL_PACKAGES names the package's top modules, RECELL_WAY how (see `transform`), RECELL_LEAVE the names that stay
globals, RECELL_WATCH asks for who assigns to modules, RECELL_RESULTS is the file that the outcomes go to.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from .transform import Transformed

RANK = {"passed": 0, "skipped": 1, "xfailed": 2, "xpassed": 3, "failed": 4, "error": 5}


def name_of(item: pytest.Item) -> str:
    """The test's id with the whole path where it lies outside this folder: there pytest's own are ambiguous."""
    path = item.path
    with contextlib.suppress(ValueError):
        path = path.relative_to(Path.cwd())
    return "::".join([str(path), *item.nodeid.split("::")[1:]])


class Recorder:
    test = ""

    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}
        self.why: dict[str, str] = {}
        self.writes: dict[str, list[str]] = {}
        named = tuple(os.environ["RECELL_PACKAGES"].split(","))
        leave = frozenset(filter(None, os.environ.get("RECELL_LEAVE", "").split(",")))
        self.transformed = Transformed(named, os.environ.get("RECELL_WAY", "plain"), leave)
        self.watching = bool(os.environ.get("RECELL_WATCH"))
        if self.watching:
            self.transformed.watch()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        self.transformed.written.clear()
        self.test = name_of(item)
        outcome = yield
        if self.transformed.written:
            self.writes[self.test] = sorted(self.transformed.written)
        return outcome

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Any:
        try:
            return (yield)
        finally:
            if self.watching:  # before fixtures put back what they patched
                self.transformed.parted()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        outcome = report.outcome
        if hasattr(report, "wasxfail"):
            outcome = "xfailed" if report.skipped else "xpassed"
        elif report.failed and report.when != "call":
            outcome = "error"
        known = self.outcomes.get(self.test, "passed")
        self.outcomes[self.test] = max(known, outcome, key=RANK.__getitem__)
        if report.failed:
            self.why[self.test] = str(report.longrepr)[-2000:]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.outcomes[f"collecting {report.nodeid}"] = "error"
            self.why[f"collecting {report.nodeid}"] = str(report.longrepr)[-2000:]

    def pytest_sessionfinish(self) -> None:
        found = {
            "outcomes": self.outcomes, "why": self.why, "writes": self.writes, "summary": self.transformed.summary(),
        }  # fmt: skip
        Path(os.environ["RECELL_RESULTS"]).write_text(json.dumps(found))


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Before any conftest.py takes functions of the package by name."""
    early_config.pluginmanager.register(Recorder(), "recell-recorder")
