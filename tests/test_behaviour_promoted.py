"""CPython's own tests pass while every function of the module under test has all its globals promoted, and again frozen.

The sample runs the quick ones, the full size all. The outcome must be that of the unmodified run, test by test.
`promoting.py` lists the few names and functions left alone, with the reasons.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sizes import FULL

SUITES = {
    "test_textwrap": ["textwrap"],
    "test_contextlib": ["contextlib"],
    "test_json": ["json", "json.decoder", "json.encoder", "json.scanner"],
    "test_collections": ["collections", "_collections_abc"],
    "test_generators": ["test.test_generators"],
    "test_functools": ["functools"],
    "test_statistics": ["statistics"],
    "test_asyncio.test_tasks": [
        "asyncio.tasks",
        "asyncio.events",
        "asyncio.base_events",
        "asyncio.futures",
        "asyncio.locks",
    ],
    "test_asyncio.test_queues": ["asyncio.queues", "asyncio.tasks", "asyncio.locks"],
}
QUICK = ["test_textwrap", "test_contextlib"]


@functools.lru_cache(maxsize=None)
def outcome(suite: str, how: str) -> tuple[dict[str, Any], str]:
    command = [
        sys.executable,
        "-W",
        "ignore",
        str(Path(__file__).with_name("promoting.py")),
        how,
        f"test.{suite}",
    ]
    run = subprocess.run(
        command + SUITES[suite], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=900, check=False
    )
    errors = run.stderr.decode(errors="replace")
    assert run.returncode == 0, errors[-3000:]
    return json.loads(run.stdout.splitlines()[-1]), errors


@pytest.mark.parametrize("how", ["promoted", "frozen"])
@pytest.mark.parametrize("suite", SUITES if FULL else QUICK)
def test_suite_passes(suite: str, how: str) -> None:
    """Test by test the outcome of the unmodified run, with every function edited."""
    try:
        found = importlib.util.find_spec(f"test.{suite}")
    except ImportError:
        found = None
    if found is None:
        pytest.skip(f"this installation has no test.{suite}")
    plain, _ = outcome(suite, "plain")
    edited, errors = outcome(suite, how)
    assert edited["functions"] >= 10
    differing = {
        test: (result, edited["outcomes"].get(test))
        for test, result in plain["outcomes"].items()
        if edited["outcomes"].get(test) != result
    }
    passed = sum(result == "ok" for result in edited["outcomes"].values())
    print(
        f"test.{suite}: {edited['functions']} functions {how} ({edited['names']} names, {edited['left']} left alone), "
        f"{passed} of {len(plain['outcomes'])} tests pass"
    )
    assert not differing, f"{differing}\n{errors[-3000:]}"
    assert len(edited["outcomes"]) == len(plain["outcomes"]) > 0
