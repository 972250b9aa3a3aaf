"""`recell probe`: a program run with a probe in it, untouched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """\
import json
import sys

def settle(orders):
    total = 0
    for order in orders:
        total += order
    return total

class Shop:
    def price(self, net):
        return net * 2

if __name__ == "__main__":
    print(json.dumps([settle([1, 2, 300]), Shop().price(4), sys.argv[1:]]))
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_text(SCRIPT)
    return path


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "recell", "probe", *map(str, arguments)]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)


@pytest.mark.parametrize(
    ("target", "options", "expected"),
    [
        (
            "__main__:settle:7",
            ["--print", "order, total"],
            ["order=1 total=0", "order=2 total=1", "order=300 total=3"],
        ),
        ("__main__:settle:total += order", ["--print", "order", "--when", "order > 2"], ["order=300"]),
        ("__main__:settle:7", ["--print", "order", "--times", "2"], ["order=1", "order=2"]),
        ("__main__:settle:exit", ["--print", "result"], ["result=303"]),
        ("__main__:Shop.price", ["--print", "net"], ["net=4"]),
        ("__main__:settle:error", [], []),
        ("json.encoder:JSONEncoder.encode", ["--print", "o"], ["o=[303, 8, ['-v', 'x']]"]),
    ],
)
def test_a_program_is_probed(script: Path, target: str, options: list[str], expected: list[str]) -> None:
    """Hits go to standard error, with the variables; the program's own output and arguments are its own."""
    done = run(target, *options, "--", script, "-v", "x")
    assert done.stdout == '[303, 8, ["-v", "x"]]\n' and done.returncode == 0, done.stderr
    *shown, last = done.stderr.splitlines()
    place = target if target.count(":") == 2 else f"{target}:entry"
    assert shown == [f"{place} {each}" for each in expected]
    count = len(expected)
    assert last == f"recell probe: {count} hit{'' if count == 1 else 's'}"


@pytest.mark.parametrize(
    ("target", "options", "text"),
    [
        ("settle", [], "is not MODULE:FUNCTION[:PLACE]"),
        ("__main__:settle:99", [], "no code of"),
        ("__main__:settles", [], "did you mean `settle`"),
        ("__main__:settle:7", ["--print", "nothing"], "asks for `nothing`"),
        ("__main__:settle:7", ["--print", "1x"], "names of variables"),
        ("__main__:settle:7", ["--when", "order >"], "invalid syntax"),
        ("no_such_module:f", [], "no_such_module"),
        ("json:nothing", [], "nothing"),
    ],
)
def test_what_cannot_be_probed(script: Path, target: str, options: list[str], text: str) -> None:
    """The program does not run, and the error says why."""
    done = run(target, *options, "--", script)
    assert done.returncode == 2 and text in done.stderr and not done.stdout
    assert "Traceback" not in done.stderr


def test_a_script_that_is_not_there(tmp_path: Path) -> None:
    """The error names it."""
    done = run("json:dumps", "--", tmp_path / "absent.py")
    assert done.returncode == 2 and "absent.py" in done.stderr
