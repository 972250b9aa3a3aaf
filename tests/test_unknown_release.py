"""On a release or an implementation that recell does not know: cells, closures and copies work, the rest refuses."""

from __future__ import annotations

import subprocess
import sys

import pytest

PRETEND = {
    "a newer CPython": "sys.version_info = (3, 99, 0, 'final', 0)",
    "another implementation": "sys.implementation.name = 'otherpy'",
}

WORKS = """
import recell
assert recell.closure(bump)["count"] == 1
other = recell.rebind(bump, count=10)
assert (other(), bump()) == (11, 2)
assert recell.clone(bump)() == 3
assert bump() == 3
copy = recell.replace(bump, name="renamed", closure={"count": 5})
assert (copy(), copy.__name__) == (6, "renamed")
assert recell.owners(recell.closure(bump).cells["count"]) == [bump]
made = recell.make_function(bump.__code__, closure={"count": 1}, verify=False)
assert made() == 2
with recell.patch_closure(bump, count=100):
    assert bump() == 101
assert bump() == 4
"""

REFUSES = """
import recell
before = bump.__code__, bump.__closure__
for call in (
    lambda: recell.verify(bump.__code__),
    lambda: recell.make_function(bump.__code__, closure={"count": 1}),
    lambda: recell.promote(outer, print=print),
    lambda: recell.freeze(outer, "print"),
    lambda: recell.demote(bump, "count"),
):
    try:
        call()
    except recell.UnsupportedPythonError as error:
        assert isinstance(error, NotImplementedError)
        assert "3.8 to 3.15" in str(error), error
    else:
        raise AssertionError("not refused")
assert (bump.__code__, bump.__closure__) == before
"""

SETTING = """
import sys
{pretend}
def outer(count):
    def bump():
        nonlocal count
        count += 1
        return count
    print("made", file=sys.stderr)
    return bump
bump = outer(1)
{body}
"""


@pytest.mark.parametrize("pretend", PRETEND.values(), ids=PRETEND)
@pytest.mark.parametrize("body", [WORKS, REFUSES], ids=["works", "refuses"])
def test_what_needs_no_opcode_facts_works_and_the_rest_refuses(pretend, body):
    text = SETTING.format(pretend=pretend, body=body)
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
