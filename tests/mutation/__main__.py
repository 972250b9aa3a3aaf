"""A seeded sample of mutants of one area, each under the area's tests: `python -m mutation editor --sample 100`.

cosmic-ray makes the mutants, in a copy of the project. What survives is tried on the other interpreters given, since
some lines serve one release only; what survives there too is printed, unless `explained.toml` says why nothing can
notice it. A place is picked once: an operator has a dozen mutants, of which most fail alike.
"""

from __future__ import annotations

import argparse
import ast
import functools
import itertools
import os
import random
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Iterator

import tomllib
from cosmic_ray.commands.init import _all_work_items  # type: ignore[import-not-found]
from cosmic_ray.mutating import mutate_and_test  # type: ignore[import-not-found]
from cosmic_ray.work_item import TestOutcome  # type: ignore[import-not-found]

from mutation.areas import AREAS, Area

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str] | None = None) -> int:
    """Returns 1 where a survivor is not explained."""
    parser = argparse.ArgumentParser(prog="python -m mutation", description=__doc__)
    parser.add_argument("area", choices=AREAS)
    parser.add_argument("--sample", type=int, default=100, help="how many mutants (default: 100)")
    parser.add_argument("--seed", type=int, default=20261120)
    parser.add_argument("--file", default="", help="only files whose path contains this")
    parser.add_argument("--also", nargs="*", default=[], help="interpreters to try survivors on")
    options = parser.parse_args(arguments)
    area = AREAS[options.area]
    with tempfile.TemporaryDirectory() as folder:
        copy = copied(Path(folder) / "recell")
        os.chdir(copy)
        pythons = {python: limits(area, python) for python in [sys.executable, *options.also]}
        mutants = [item for item in found(area) if options.file in str(item.mutations[0].module_path)]
        return judge(area, pick(mutants, options.sample, options.seed), len(mutants), pythons)


def copied(to: Path) -> Path:
    """The project as it stands, without what was made from it."""
    left_out = shutil.ignore_patterns(".*", "__pycache__", "dist", "build", "site")
    shutil.copytree(ROOT, to, symlinks=True, ignore=left_out)
    return to


def found(area: Area) -> Iterator[Any]:
    """Every mutant of the area's code, but for annotations, which nothing runs."""
    for pattern in area.sources:
        for path in sorted(Path().glob(pattern)):
            silent = annotations(path)
            for item in _all_work_items([path], {}):
                at = item.mutations[0].start_pos
                if not any(start <= at < end for start, end in silent):
                    yield item


def pick(mutants: list[Any], count: int, seed: int) -> list[Any]:
    """That many mutants, of different places as long as there are any."""
    places: dict[tuple[Any, ...], list[Any]] = {}
    for item in mutants:
        change = item.mutations[0]
        places.setdefault((change.module_path, change.start_pos, change.end_pos), []).append(item)
    chance = random.Random(seed)
    drawn = [chance.sample(items, len(items)) for items in chance.sample(list(places.values()), len(places))]
    rounds = itertools.zip_longest(*drawn)
    return list(filter(None, itertools.chain.from_iterable(rounds)))[:count]


def annotations(path: Path) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where a file's annotations and type-checking imports start and end."""
    nodes: list[Any] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.arg, ast.AnnAssign)) and node.annotation is not None:
            nodes.append(node.annotation)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.returns is not None:
            nodes.append(node.returns)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            nodes.append(node)
    return [((node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)) for node in nodes]


def command(area: Area, python: str, limit: int) -> str:
    """The area's tests, ended after so many seconds of processor time, when one waits, or before they eat all memory."""
    files = [f"tests/test_{name}.py" for name in area.tests if parses(name, python)]
    paths = os.pathsep.join(str(Path(folder).resolve()) for folder in ("src", "tests"))
    run = ["env", f"PYTHONPATH={paths}", python, "-m", "pytest", "-xq", "-p", "no:cacheprovider"]
    run += ["-p", "mutation.waiting"]
    wide = [*run, "tests/corpus", "-k", area.operations]
    allowed = f"ulimit -t {limit} && ulimit -v 8000000"
    return shlex.join(["sh", "-c", f"{allowed} && {shlex.join([*run, *files])} && {shlex.join(wide)}"])


@functools.lru_cache(maxsize=None)
def minor(python: str) -> int:
    return int(subprocess.check_output([python, "-c", "import sys; print(sys.version_info[1])"]))


def parses(name: str, python: str) -> bool:
    """Whether an interpreter knows the syntax that a test file is written in."""
    return "_py3" not in name or int(name.rpartition("_py3")[2]) <= minor(python)


def limits(area: Area, python: str) -> tuple[int, float]:
    """How much processor time to give the tests, and how long to wait: several times what they take unchanged."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    if os.system(f"{command(area, python, 600)} > tests.log 2>&1"):
        sys.exit(f"the tests fail without any mutant on {python}:\n{Path('tests.log').read_text()[-2000:]}")
    after, took = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - start
    return 10 + 4 * int(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime), 20 + 2 * took


def judge(area: Area, picked: list[Any], count: int, pythons: dict[str, tuple[int, float]]) -> int:
    """Runs the tests over each mutant and prints who survived."""
    reasons = explained()
    survivors, known = 0, 0
    for number, item in enumerate(picked, 1):
        for python, (limit, wait) in pythons.items():
            result = mutate_and_test(item.mutations, command(area, python, limit), wait)
            if result.test_outcome != TestOutcome.SURVIVED:
                break
        else:
            change = changed_lines(result.diff or "")
            where = str(item.mutations[0].module_path)
            if (where, *change) in reasons:
                known += 1
            else:
                survivors += 1
                print(f"\n{where}:{item.mutations[0].start_pos[0]}\n- {change[0]}\n+ {change[1]}", flush=True)
        print(f"\r{number} of {len(picked)} mutants, {survivors + known} survived", end="", file=sys.stderr)
    print(file=sys.stderr)
    print(
        f"{count} mutants, {len(picked)} picked: {len(picked) - survivors - known} killed, "
        f"{known} explained, {survivors} survived"
    )
    return 1 if survivors else 0


def changed_lines(diff: str) -> tuple[str, str]:
    """The changed code before and after, in one line each."""
    lines = diff.splitlines()
    old = [line[1:].strip() for line in lines if line.startswith("-") and not line.startswith("---")]
    new = [line[1:].strip() for line in lines if line.startswith("+") and not line.startswith("+++")]
    return " ".join(old), " ".join(new)


def explained() -> set[tuple[str, str, str]]:
    """The mutants that do the same as the code they were made from."""
    path = ROOT / "tests" / "mutation" / "explained.toml"
    entries = tomllib.loads(path.read_text())["mutant"]
    return {(entry["file"], entry["line"], entry["becomes"]) for entry in entries}


if __name__ == "__main__":
    sys.exit(main())
