"""`python -m packages attrs click networkx`: each package's own tests, as they are and with its functions promoted.

A test whose outcome differs is run again while assignments to the package's modules are recorded; the names that it
assigns, and those that functions of the package declare `global`, then stay globals, and the whole suite runs once
more. What still differs is a failure, unless it is listed in `suites.py` with its reason.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .suites import SUITES, Suite, fetch

HERE = Path(__file__).parent.parent
MOST = 25
"""How many differences are told."""


def run(
    suite: Suite, folder: Path, way: str, *, tests: list[str], leave: set[str], watch: bool
) -> dict[str, Any]:
    """One run of a package's tests, in a process of its own."""
    results = folder / f"results-{way}.json"
    if results.exists():
        results.unlink()
    paths = [str(HERE), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    env = {
        **os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, paths)),
        "RECELL_PACKAGES": ",".join(suite.modules), "RECELL_WAY": way,
        "RECELL_LEAVE": ",".join(sorted(leave)), "RECELL_WATCH": "1" if watch else "",
        "RECELL_RESULTS": str(results), "PYTHONHASHSEED": "0",
    }  # fmt: skip
    command = [sys.executable, "-m", "pytest", "-q", "-p", "packages.plugin", "-p", "no:cacheprovider"]
    command += ["--tb=short", *suite.options, *(tests or suite.tests)]
    done = subprocess.run(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if not results.exists():
        sys.exit(f"{suite.name}, {way}: pytest died with {done.returncode}\n{done.stdout.decode()[-4000:]}")
    found: dict[str, Any] = json.loads(results.read_text())
    return found


def differing(plain: dict[str, Any], other: dict[str, Any]) -> list[str]:
    before, after = plain["outcomes"], other["outcomes"]
    return sorted(test for test in {*before, *after} if before.get(test) != after.get(test))


def compare(suite: Suite, folder: Path, way: str, plain: dict[str, Any]) -> int:
    """Runs one way of transforming; prints what came of it; how many tests differ without an explanation."""
    leave = set(suite.leave)
    found = run(suite, folder, way, tests=[], leave=leave, watch=False)
    summary = found["summary"]
    print(
        f"{suite.name}, {way}: {summary['functions']} functions, {summary['rebuilt']} rebuilt, {summary['promoted']} of "
        f"them with {summary['names']} names promoted to {summary['cells']} cells, {len(summary['refused'])} refused"
    )
    for name, reason in summary["refused"].items():
        print(f"  refused {name}: {reason}")
    first = different = differing(plain, found)
    for _ in range(3):
        if not different:
            break
        again = [test for test in different if not test.startswith("collecting")]
        watched = run(suite, folder, way, tests=again, leave=leave, watch=True) if again else found
        written = {name for names in watched["writes"].values() for name in names}
        more = (written | {*summary["assigned"]}) - leave
        if not more:
            break
        leave |= more
        found = run(suite, folder, way, tests=[], leave=leave, watch=False)
        different = differing(plain, found)
    left = [test for test in different if not suite.expected(test)]
    most = "all other" if suite.leave else "all"
    print(
        f"  {len(found['outcomes'])} tests; with {most} names promoted {len(first)} differ; with {len(leave)} names left "
        f"as globals {len(different)} differ, {len(different) - len(left)} of them as expected"
    )
    for name in sorted(leave):
        seen = "declared global by a function" if name in summary["assigned"] else "assigned from outside"
        why = suite.leave.get(name, seen)
        print(f"  left as a global: {name} ({why})")
    if len(different) > MOST:
        print(f"  the first {MOST} of them:")
    for test in different[:MOST]:
        reason = suite.expected(test)
        print(f"  {test}: {plain['outcomes'].get(test)} -> {found['outcomes'].get(test)}  {reason}")
        if not reason:
            print("    " + found["why"].get(test, plain["why"].get(test, ""))[-1500:].replace("\n", "\n    "))
    return len(left) + len(summary["refused"])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m packages", description=__doc__)
    parser.add_argument("names", nargs="*", default=list(SUITES), help=", ".join(SUITES))
    parser.add_argument("--way", choices=["swap", "assign", "both"], default="both")
    parser.add_argument(
        "--folder", type=Path, help="where the packages' sources are kept (a temporary folder)"
    )
    options = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as temporary:
        for name in options.names:
            suite = SUITES[name]
            folder = fetch(suite, options.folder or Path(temporary))
            plain = run(suite, folder, "plain", tests=[], leave=set(), watch=False)
            counts: dict[str, int] = {}
            for outcome in plain["outcomes"].values():
                counts[outcome] = counts.get(outcome, 0) + 1
            print(f"{name} {suite.version()} on {plain['summary']['release']}, as it is: {counts}")
            for way in ["swap", "assign"] if options.way == "both" else [options.way]:
                wrong += compare(suite, folder, way, plain)
                sys.stdout.flush()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
