"""Upgrade packages in place, with recell and with other reloaders, and run the new version's own tests on the result.

`python -m upgrades FOLDER`, with `tests` on the path: FOLDER gets the sources (pip downloads them). Each way runs in a
process of its own: it imports every module of the old version, lays the new files over the old ones, reloads, and runs
the new version's tests; recell's reload is then undone and judged by the old version's tests. A fresh import of the new
version is the measure.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Dict, List, NamedTuple


class Upgrade(NamedTuple):
    """A package in two versions: where a source archive has its modules and its tests, and what tests are left out."""

    name: str
    old: str
    new: str
    modules: str
    tests: str
    without: List[str] = []


UPGRADES = [
    Upgrade("toolz", "0.12.1", "1.0.0", "toolz", "toolz", ["test_tlz.py", "test_package.py"]),
    Upgrade("h11", "0.14.0", "0.16.0", "h11", "h11/tests"),
    Upgrade("jinja2", "3.0.3", "3.1.6", "src/jinja2", "tests"),
    Upgrade("marshmallow", "3.20.2", "3.26.1", "src/marshmallow", "tests", ["mypy_test_cases"]),
]
WAYS = ["fresh", "recell", "importlib", "superreload", "deepreload", "jurigged"]


def source(folder: Path, name: str, version: str) -> Path:
    """The unpacked source archive of a version."""
    there = folder / f"{name}-{version}"
    if not there.exists():
        archives = folder / "archives"
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:"]
        found = [one for one in archives.glob("*.tar.gz") if one.name.lower() == f"{name}-{version}.tar.gz"]
        if not found:
            subprocess.run([*command, "-d", str(archives), f"{name}=={version}"], check=True)
            found = [
                one for one in archives.glob("*.tar.gz") if one.name.lower() == f"{name}-{version}.tar.gz"
            ]
        with tarfile.open(found[0]) as archive:
            top = archive.getnames()[0].partition("/")[0]
            archive.extractall(folder / "unpacked")
        (folder / "unpacked" / top).rename(there)
    return there


def judged(folder: Path, upgrade: Upgrade, way: str) -> Dict[str, object]:
    """What a way of upgrading gives: the tests that passed and failed."""
    work = folder / f"work-{upgrade.name}-{way}"
    shutil.rmtree(work, ignore_errors=True)
    (work / "site").mkdir(parents=True)
    order = {
        "upgrade": upgrade._asdict(),
        "way": way,
        "old": str(source(folder, upgrade.name, upgrade.old)),
        "new": str(source(folder, upgrade.name, upgrade.new)),
        "work": str(work),
    }
    child = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("child.py")), json.dumps(order)]
    done = subprocess.run(child, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    (work / "output.txt").write_text(done.stdout)
    result = work / "result.json"
    found: Dict[str, object] = json.loads(result.read_text()) if result.exists() else {}
    return found or {"error": done.stdout.strip().splitlines()[-1:] or ["?"]}


def main(folder: Path, ways: List[str], names: List[str]) -> None:
    print("| package | way | new tests passed | of a fresh import's | after undo, old tests | seconds |")
    print("|---|---|---|---|---|---|")
    for upgrade in UPGRADES:
        if names and upgrade.name not in names:
            continue
        measure: set[str] = set()
        for way in ways:
            found = judged(folder, upgrade, way)
            label = f"| {upgrade.name} {upgrade.old} → {upgrade.new} | {way} |"
            if "error" in found:
                print(label, f"{found['error']} |||", flush=True)
                continue
            passed = set(found["passed"])  # type: ignore[call-overload]
            if way == "fresh":
                measure = passed
            undone = found.get("undone", "")
            print(
                label,
                f"{len(passed)} | {len(passed & measure)} of {len(measure)} | {undone} | {found['seconds']:.2f} |",
            )
            missing = sorted(measure - passed)
            (folder / f"missing-{upgrade.name}-{way}.txt").write_text("\n".join(missing))
            sys.stdout.flush()


if __name__ == "__main__":
    chosen = [one for one in sys.argv[2:] if one in WAYS] or WAYS
    main(Path(sys.argv[1]).resolve(), chosen, [one for one in sys.argv[2:] if one not in WAYS])
