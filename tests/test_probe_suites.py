"""CPython's own tests pass with a probe on every line of the modules that they test, and hits are what a tracer counts."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sizes import DEBUG, FULL

HERE = Path(__file__).parent
SOURCE = Path(importlib.util.find_spec("recell").origin).parent.parent  # type: ignore[union-attr, arg-type]

MODULES = {
    "textwrap": "textwrap",
    "argparse": "argparse",
    "ast": "ast",
    "base64": "base64",
    "calendar": "calendar",
    "cmd": "cmd",
    "codeop": "codeop",
    "collections": "collections",
    "configparser": "configparser",
    "contextlib": "contextlib",
    "copy": "copy",
    "csv": "csv",
    "difflib": "difflib",
    "filecmp": "filecmp",
    "fileinput": "fileinput",
    "fnmatch": "fnmatch",
    "fractions": "fractions",
    "getopt": "getopt",
    "glob": "glob",
    "hmac": "hmac",
    "html": "html",
    "htmlparser": "html.parser",
    "http_cookies": "http.cookies",
    "netrc": "netrc",
    "optparse": "optparse",
    "quopri": "quopri",
    "shlex": "shlex",
    "string": "string",
    "tokenize": "tokenize",
    "urlparse": "urllib.parse",
    "wsgiref": "wsgiref.handlers",
}
"""Name of a test module of CPython -> the module that it tests: none that probing itself uses, or that is frozen."""


def ran(how: str, suite: str, module: str) -> dict[str, Any]:
    path = os.pathsep.join([str(SOURCE), str(HERE)])
    done = subprocess.run(
        [sys.executable, str(HERE / "probed_suite.py"), how, f"test.test_{suite}", module],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        timeout=600,
        env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    report["errors"] = done.stderr
    return report


def stated(filename: str) -> set[int]:
    """The lines on which, as the guide says, hits are not the events of a tracer."""
    text = Path(filename).read_text(encoding="utf-8")
    lines: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        last = getattr(node, "end_lineno", 0) or 0
        if isinstance(node, (ast.For, ast.While, ast.With, ast.AsyncFor, ast.AsyncWith)):
            lines.update(range(node.lineno, node.body[0].lineno + (node.body[0].lineno == node.lineno)))
        elif isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            lines.update(range(node.lineno, last + 1))
        elif isinstance(node, (ast.expr, ast.stmt)) and not hasattr(node, "body") and last != node.lineno:
            lines.update(range(node.lineno, last + 1))  # over several lines
        elif isinstance(node, ast.IfExp) and last != node.lineno:
            lines.update(range(node.lineno, last + 1))
        elif isinstance(node, ast.If) and node.test.end_lineno != node.lineno:
            lines.update(range(node.lineno, (node.test.end_lineno or 0) + 1))
        elif sys.version_info < (3, 10) and isinstance(node, ast.Try):
            lines.update(range(node.lineno, last + 1))  # what the compiler adds has the line before
    return lines


@pytest.mark.parametrize("suite", MODULES if FULL else () if DEBUG else ["textwrap"])
def test_its_own_tests_pass_with_every_line_probed(suite: str) -> None:
    """Test by test the outcome of the unmodified run; what a tracer counts; the original code after all."""
    module = MODULES[suite]
    if _absent(f"test.test_{suite}"):
        pytest.skip(f"this installation has no test.test_{suite}")
    plain, traced, probed = (ran(how, suite, module) for how in ("plain", "traced", "probed"))
    differing = {
        test: (how, probed["outcomes"].get(test))
        for test, how in plain["outcomes"].items()
        if probed["outcomes"].get(test) != how
    }
    assert not differing, f"{differing}\n{probed['errors'][-3000:]}"
    assert not probed["refused"], probed["refused"]
    events = {(filename, line): count for filename, line, count in traced["counts"]}
    hits = {(filename, line): count for filename, line, count in probed["counts"]}
    different = {
        place: (count, events.get(place, 0)) for place, count in hits.items() if count != events.get(place, 0)
    }
    free = {filename: stated(filename) for filename in {filename for filename, _ in hits}}
    wrong = {place: counts for place, counts in different.items() if place[1] not in free[place[0]]}
    print(
        f"{suite}: {len(plain['outcomes'])} tests, {probed['functions']} functions, {len(hits)} lines probed, "
        f"{sum(map(bool, hits.values()))} hit, {len(hits) - len(different)} equal, {len(different) - len(wrong)} as stated, "
        f"{len(wrong)} otherwise {wrong or ''}"
    )
    assert len(wrong) <= len(hits) / 100, wrong
    assert sum(map(bool, hits.values())) > 10


def _absent(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is None
    except ImportError:
        return True
