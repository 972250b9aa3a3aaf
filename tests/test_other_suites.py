"""The tests that CPython has of `mock.patch`, and pytest of its `monkeypatch`, with a Patcher doing the work.

None of their code is here: CPython's stand in its `test` package where that is installed, pytest's in its source
distribution, which is fetched where the full counts are asked for.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sizes import FULL

HERE = Path(__file__).parent
PROGRAM = HERE / "on_patcher.py"
SOURCE = Path(importlib.util.find_spec("recell").origin).parent.parent

NOT_ABOUT_PATCHER = {
    "test_setenv": "a value that is no string: an error here, pytest's own warning there",
    "test_setenv_non_str_warning": "the same",
    "test_monkeypatch_plugin": "asks for the class's name",
    "test_importerror": "asks for the wording of a message",
    "test_syspath_prepend_with_namespace_packages": "about pkg_resources, and pytest's own warning",
}


def environment():
    paths = [str(SOURCE), str(HERE), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def where_patch_is_tested():
    for package in ("test.test_unittest", "unittest.test"):
        try:
            if importlib.util.find_spec(f"{package}.testmock.testpatch"):
                return f"{package}.testmock.testpatch"
        except ImportError:
            continue
    return None


@pytest.mark.skipif(where_patch_is_tested() is None, reason="this installation has no tests of unittest.mock")
def test_every_test_of_mock_patch_has_the_same_outcome():
    """All that pass with mock's own setattr and delattr pass with a Patcher's."""
    found = {}
    for how in ("plain", "patcher"):
        command = [sys.executable, "-W", "ignore", str(PROGRAM), where_patch_is_tested(), how]
        run = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        errors = run.stderr.decode(errors="replace")
        assert run.returncode == 0, errors[-3000:]
        found[how] = json.loads(run.stdout.splitlines()[-1])
    assert found["patcher"]["changes"] > 150
    assert found["plain"]["changes"] == 0
    plain = found["plain"]["outcomes"]
    assert list(plain.values()).count("ok") > 90
    assert found["patcher"]["outcomes"] == plain, errors[-3000:]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of unpacking an archive
@pytest.mark.skipif(
    not FULL and "RECELL_SUITES" not in os.environ, reason="fetches pytest's source distribution"
)
def test_every_test_of_monkeypatch_passes(tmp_path):
    """All that are about what it does; the others are named with their reasons."""
    from packages.suites import Suite, fetch

    folder = Path(os.environ.get("RECELL_SUITES", tmp_path))
    source = fetch(Suite("pytest", ["_pytest"], []), folder)
    (tmp_path / "run").mkdir()
    tests = (source / "testing" / "test_monkeypatch.py").read_text(encoding="utf-8")
    (tmp_path / "run" / "test_monkeypatch.py").write_text(tests, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "pytester",
        "-p",
        "on_patcher",
        "-p",
        "no:cacheprovider",
    ]
    run = subprocess.run(
        [*command, "-rfE", "--tb=short"], cwd=tmp_path / "run", env=environment(), stdout=subprocess.PIPE
    )
    said = run.stdout.decode()
    failed = {
        line.split("::")[-1].split()[0]
        for line in said.splitlines()
        if line.startswith(("FAILED test_monkeypatch.py", "ERROR"))
    }
    assert failed <= NOT_ABOUT_PATCHER.keys(), said[-5000:]
    passed = int(said.split(" passed")[0].split()[-1])
    assert passed > 30
