"""The facts of each release: every file imports everywhere, and the running one's agree with the interpreter.

`release_checks` holds one check for each field. Here they pass for the facts as they are, and fail, naming the field,
for facts with something wrong in them: so the trial of adding a release says after each step what is left to do.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest
import release_checks
import sizes

from recell import UnsupportedPythonError, compat

VERSIONS = [(3, minor) for minor in range(compat.OLDEST[1], compat.NEWEST[1] + 1)]
FACTS = compat.CURRENT
FIELDS = type(FACTS)._fields
TOP = Path(compat.__file__).resolve().parent.parent
BEFORE = (FACTS.version[0], FACTS.version[1] - 1)
STATED = pytest.mark.skipif(FACTS.version == compat.OLDEST, reason="states all facts itself")


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: f"{version[0]}.{version[1]}")
def test_every_release_imports_on_every_interpreter(version: tuple[int, int]) -> None:
    """The facts of any release can be read anywhere, and name themselves."""
    release = compat.load(version)
    assert release.version == version
    module = sys.modules[f"recell.compat.py{version[0]}{version[1]}"]
    assert module.__doc__.startswith(f"CPython {version[0]}.{version[1]}: ")


def test_every_release_has_one_file() -> None:
    """The files are the releases from OLDEST to NEWEST, and what they have in common."""
    files = {path.stem for path in Path(compat.__file__).parent.glob("*.py")}
    assert files == {
        "__init__",
        "_release",
        "_effects",
        "_trusts",
        *(f"py{major}{minor}" for major, minor in VERSIONS),
    }


def test_later_files_say_only_what_changed() -> None:
    """A file that repeats a fact of the release before would hide what is new."""
    for before, after in zip(VERSIONS, VERSIONS[1:]):
        source = Path(sys.modules[type(FACTS).__module__].__file__).with_name(f"py{after[0]}{after[1]}.py")
        text = source.read_text(encoding="utf-8")
        old, new = compat.load(before), compat.load(after)
        repeated = [
            field
            for field in FIELDS
            if field != "version" and f"    {field}=" in text and getattr(old, field) == getattr(new, field)
        ]
        assert not repeated, f"{source.name} repeats {repeated}"


def test_unknown_releases_are_refused() -> None:
    """No guess about a release without a file."""
    for version in [(3, 7), (3, compat.NEWEST[1] + 1), (4, 0)]:
        with pytest.raises(UnsupportedPythonError, match=r"recell knows the opcodes of CPython 3\.8 to"):
            compat.load(version)


def test_the_running_release_is_selected() -> None:
    assert FACTS is compat.find() is compat.require("anything")
    assert FACTS.version == sys.version_info[:2]


# -- field by field ---------------------------------------------------------------------------------


def test_every_field_has_a_check() -> None:
    assert set(release_checks.CHECKS) == set(FIELDS)


@pytest.mark.parametrize("field", FIELDS)
def test_fields_are_the_interpreters(field: str) -> None:
    """The file of the running release says what the interpreter, its `opcode` and its `dis` say."""
    release_checks.CHECKS[field](FACTS)


def wrong(value: Any) -> Iterator[Any]:
    """Other values of a field: an entry less, one more, one changed."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield value + 1 if value in (-1, 0, 1) else 0
    elif isinstance(value, (str, bytes)):
        yield value + value[:1] if value else value + type(value)(b"?" if isinstance(value, bytes) else "?")
    elif isinstance(value, frozenset):
        yield value | {"NO_SUCH_OPCODE"}
        yield from (value - {item} for item in sorted(value))
    elif isinstance(value, tuple):
        yield (*value, "NOP")
    elif isinstance(value, dict):
        yield {**value, "NO_SUCH_OPCODE": next(iter(value.values()), 1)}
        for name in sorted(value):
            yield {other: value[other] for other in value if other != name}
            if isinstance(value[name], str) and "--" in value[name]:
                yield {**value, name: value[name] + " object"}
            elif isinstance(value[name], int):
                yield {**value, name: value[name] + 1}
            elif isinstance(value[name], tuple):
                yield {**value, name: (value[name][0], value[name][1] + 1)}
    elif callable(value):
        yield lambda *arguments: None


UNTOLD = {
    "exchange": "a function that does nothing is no exchange: in a child process, below",
    "function_factory": "so is a factory that makes nothing",
    "frozen_at_start": "a greater bound does no harm",
}


@pytest.mark.parametrize("field", [field for field in FIELDS if field not in UNTOLD])
def test_a_wrong_field_is_named(field: str) -> None:
    """The field's own check fails, whatever part of it is wrong."""
    value = getattr(FACTS, field)
    mutants = [
        mutant
        for mutant in wrong(value)
        if not (field == "effects" and set(value) - set(mutant) & release_checks.BY_ITSELF == set())
    ]
    if len(mutants) > (most := sizes.pick(12, 1000, 4)):
        mutants = random.Random(sizes.SEED).sample(mutants, most)
    for mutant in mutants:
        try:
            release_checks.CHECKS[field](FACTS._replace(**{field: mutant}))
        except Exception:  # noqa: BLE001 - a wrong fact may lead to any
            continue
        different = [
            item
            for item in {*value, *mutant}
            if item not in value or item not in mutant or (isinstance(value, dict) and value[item] != mutant[item])
        ] if isinstance(value, (dict, frozenset)) else mutant  # fmt: skip
        pytest.fail(f"nobody objects to {field} with another {different}")


# -- the trial: the running release is taken out, and added again by the book ------------------------

OUTSIDE = """
import sys
sys.path.insert(0, sys.argv[1])
import recell
def outer(count):
    def bump():
        nonlocal count
        count += 1
        return count
    return bump
bump = outer(1)
assert recell.rebind(bump, count=10)() == 11 and recell.clone(bump)() == 2
assert recell.replace(bump, name="renamed").__name__ == "renamed"
assert recell.closure(bump)["count"] == 1
for verb in (lambda: recell.verify(bump.__code__), lambda: recell.promote(bump, print=print),
             lambda: recell.freeze(bump, "print"), lambda: recell.override(bump, count=3).__enter__(),
             lambda: recell.make_function(bump.__code__, closure={"count": 1})):
    try:
        verb()
    except recell.UnsupportedPythonError:
        continue
    except BaseException as error:
        raise SystemExit(f"{type(error).__name__}: {error}")
    raise SystemExit("a verb guesses")
"""

STEPS = """
import importlib.util, json, sys
sys.path[:0] = sys.argv[1:3]
import release_checks
from recell import compat
facts, steps = compat.CURRENT, []
spec = importlib.util.spec_from_file_location("recell.compat.whole", sys.argv[3])
whole = importlib.util.module_from_spec(spec)
spec.loader.exec_module(whole)
while True:
    named = sorted(release_checks.failures(facts))
    steps.append(named)
    if not named or len(steps) > 3:
        break
    facts = facts._replace(**{field: getattr(whole.RELEASE, field) for field in named})
print("STEPS " + json.dumps(steps))
"""


def copied(tmp_path: Path) -> tuple[Path, Path]:
    """A copy of the package without the running release; and where its facts stand."""
    shutil.copytree(
        TOP / "src", tmp_path / "src", symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "compat")
    )
    facts = tmp_path / "src" / "recell" / "compat"
    if not (tmp_path / "src" / "recell").is_dir():  # pragma: no cover - an installed package
        pytest.skip("needs the source tree")
    shutil.copytree(Path(compat.__file__).parent, facts, ignore=shutil.ignore_patterns("__pycache__"))
    for version in VERSIONS:
        if version >= max(FACTS.version, (3, 13)):
            (facts / f"py{version[0]}{version[1]}.py").unlink()
    newest(facts, BEFORE)
    return tmp_path / "src", facts


def newest(facts: Path, version: tuple[int, int]) -> None:
    """The step of the recipe that names the newest release."""
    opening = facts / "__init__.py"
    text = opening.read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("NEWEST = "))
    opening.write_text(text.replace(line, f"NEWEST = {version!r}"), encoding="utf-8")


def run(script: str, *arguments: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-500:]}{done.stderr[-1500:]}"
    return done.stdout


def test_a_release_without_a_file(tmp_path: Path) -> None:
    """What needs no facts works; every verb that needs some refuses, none crashes and none guesses."""
    if FACTS.version == compat.OLDEST:
        source = copied_without_any(tmp_path)
    else:
        source, _ = copied(tmp_path)
    run(OUTSIDE, source)


def copied_without_any(tmp_path: Path) -> Path:
    source, facts = copied(tmp_path)
    newest(facts, (3, 7))
    return source


@STATED
def test_a_release_is_added_by_the_book(tmp_path: Path) -> None:
    """The file of the release before, under a new name: the checks name the fields that changed, and in the end none.

    A field may be right for another that is wrong, and is named as soon as that one is answered. All of it runs in a
    child process, which ends by itself.
    """
    import json

    source, facts = copied(tmp_path)
    before = compat.load(BEFORE)
    changed = {field for field in FIELDS if getattr(before, field) != getattr(FACTS, field)} - {"version"}
    module = facts / f"py{FACTS.version[0]}{FACTS.version[1]}.py"
    newest(facts, FACTS.version)
    module.write_text(
        f'"""CPython {FACTS.version[0]}.{FACTS.version[1]}: as before."""\n\n'
        f"from .py{BEFORE[0]}{BEFORE[1]} import RELEASE as PREVIOUS\n\n"
        f"RELEASE = PREVIOUS._replace(version={FACTS.version!r})\n",
        encoding="utf-8",
    )
    whole = Path(compat.__file__).parent / module.name
    steps = json.loads(run(STEPS, source, Path(__file__).parent, whole).partition("STEPS ")[2])
    assert not steps[-1], steps
    assert {field for step in steps for field in step} == changed, steps


def test_frozen_objects_are_the_programs_own() -> None:
    """What the interpreter froze for itself does not count; what the program froze does."""
    script = (
        "import gc, sys, warnings\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from recell import compat\n"
        "warnings.simplefilter('error')\n"
        "compat.warn_of_frozen('owners', 1)\n"
        "gc.freeze()\n"
        "assert gc.get_freeze_count() > 1000\n"
        "try:\n"
        "    compat.warn_of_frozen('owners', 1)\n"
        "except RuntimeWarning as warning:\n"
        "    assert str(gc.get_freeze_count()) in str(warning) and 'owners' in str(warning)\n"
        "else:\n"
        "    raise SystemExit('no warning')\n"
    )
    run(script, Path(release_checks.recell.__file__).parent.parent)
