"""Programs that a function starts: faked in that function alone."""

import subprocess
import sys

import recell
from usage.shop import jobs


def test_no_program_is_started():
    asked = []

    def check_output(command, **options):
        asked.append(command)
        return "abc123\n"

    with recell.override(jobs.revision, {"subprocess.check_output": check_output}):
        assert jobs.revision() == "abc123"
    assert asked == [["git", "rev-parse", "HEAD"]]


def test_other_programs_are(patcher):
    patcher.override(jobs.revision, {"subprocess.check_output": lambda *args, **more: "abc123\n"})
    assert subprocess.check_output([sys.executable, "-c", "print(1)"]).strip() == b"1"
    assert jobs.revision() == "abc123"
