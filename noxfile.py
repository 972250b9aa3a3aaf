"""Everything a maintainer runs: `nox -l` lists it. The Pythons are those of the classifiers."""

from __future__ import annotations

import glob
import os
import shutil

import nox

nox.needs_version = ">=2024.4.15"
nox.options.sessions = ["tests", "lint", "types", "docs"]
nox.options.reuse_existing_virtualenvs = True
nox.options.default_venv_backend = "venv"  # the newest virtualenv no longer seeds 3.8

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
NEWEST = PYTHONS[-1]
DEFAULT = "3.13"  # what most users run: lint, types, documentation and figures


def build_wheel(session: nox.Session) -> str:
    """The one wheel that serves all releases, built once."""
    found = glob.glob("dist/*.whl")
    if not found or os.path.getmtime(found[0]) < max(map(os.path.getmtime, sources())):
        shutil.rmtree("dist", ignore_errors=True)
        session.run("python", "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", "dist", ".")
        found = glob.glob("dist/*.whl")
    return found[0]


def sources() -> list[str]:
    return ["pyproject.toml", "README.md", *glob.glob("src/recell/**/*.py", recursive=True)]


def run_tests(session: nox.Session, *arguments: str, env: dict[str, str] | None = None) -> None:
    session.install(build_wheel(session), "pytest>=7.4", "hypothesis>=6.80", "cloudpickle>=3.0")
    # `pythonpath` without src: what is tested is the wheel, not the checkout
    session.run(
        "python", "-m", "pytest", "-o", "pythonpath=tests", *arguments, *session.posargs, env=env or {}
    )


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The suite on each release, against the built wheel."""
    run_tests(session)


@nox.session(python=PYTHONS)
def full(session: nox.Session) -> None:
    """The suite at full size: all functions of the standard library, every operation."""
    if session.python not in ("3.8",):
        session.install("hypothesmith>=0.3")
    run_tests(session, "-s", env={"RECELL_SIZE": "full"})


@nox.session(python=PYTHONS)
def cover(session: nox.Session) -> None:
    """Branch coverage of one release; `nox -s cover coverage` runs all and combines them."""
    session.install("-e", ".[test]", "coverage[toml]>=7")
    # sys.monitoring, the default from 3.14 on, keeps every code object: tests that see them die would fail;
    # what coverage notes takes memory: the leak tests would fail, and cover nothing that others do not
    measured = ["coverage", "run", "-p", "-m", "pytest", "-q", "--ignore=tests/test_leaks.py"]
    session.run(*measured, *session.posargs, env={"COVERAGE_CORE": "ctrace"})


@nox.session(python=DEFAULT)
def coverage(session: nox.Session) -> None:
    """What no release covers, after `cover`."""
    session.install("coverage[toml]>=7")
    session.run("coverage", "combine")
    session.run("coverage", "report", "--show-missing", "--skip-covered")


@nox.session(python=[DEFAULT, NEWEST])
def contexts(session: nox.Session) -> None:
    """Context-local changes in frameworks, executors and parallel test runs."""
    session.install("-e", ".[test,contexts]")
    session.run("python", "-m", "pytest", "tests/test_local_situations.py", *session.posargs)


@nox.session(python=DEFAULT)
def mutants(session: nox.Session) -> None:
    """Whether the tests notice small changes of the code: `nox -s mutants -- editor --sample 100`."""
    session.install("-e", ".[test]", "cosmic-ray>=8.3")
    session.run("python", "-m", "mutation", *session.posargs, env={"PYTHONPATH": "tests"})


@nox.session(python=["3.11", DEFAULT, NEWEST])
def bench(session: nox.Session) -> None:
    """The figures beside what they are to reach: `nox -s bench -- functions --json out.json`."""
    session.install(build_wheel(session), "cloudpickle>=3.0")
    session.run("python", "-m", "bench", *session.posargs, env={"PYTHONPATH": "tests"})


PEERS = [
    "bytecode",
    "boltons",
    "makefun",
    "decorator",
    "cloudpickle",
    "dill",
    "wrapt",
    "mock",
    "patchy",
    "innerscope",
    "attrs",
]


@nox.session(python=DEFAULT)
def peers(session: nox.Session) -> None:
    """The same tasks by other libraries and by hand, written as a page and a plot into docs/."""
    session.install(build_wheel(session), "pytest>=7.4", "hypothesis>=6.80", *PEERS)
    session.run(
        "python", "-m", "bench", "peers", "--write", "docs", *session.posargs, env={"PYTHONPATH": "tests"}
    )


@nox.session(python=DEFAULT)
def corpus(session: nox.Session) -> None:
    """The table of the corpus, with other packages: `nox -s corpus -- --packages attrs,click`."""
    packages = [argument for argument in session.posargs if "," in argument or argument.isalpha()]
    session.install(build_wheel(session), *[name for names in packages for name in names.split(",")])
    session.run("python", "-m", "corpus", *session.posargs, env={"PYTHONPATH": "tests"})


@nox.session(python=["3.11", DEFAULT])
def packages(session: nox.Session) -> None:
    """Other packages' own tests while all their functions are promoted: `nox -s packages -- attrs click`."""
    session.install(
        build_wheel(session) + "[packages]", "pytest>=7.4", "hypothesis>=6.80", "cloudpickle>=3.0"
    )
    session.run("python", "-m", "packages", *session.posargs, env={"PYTHONPATH": "tests"})


@nox.session(python=DEFAULT)
def upgrades(session: nox.Session) -> None:
    """Packages upgraded in place, by recell and by other reloaders, and judged by the new version's own tests."""
    needs = ["pytest>=7.4,<9", "markupsafe", "trio", "simplejson", "ipython", "jurigged"]
    session.install(build_wheel(session), *needs)
    folder = session.create_tmp()
    session.run("python", "-m", "upgrades", folder, *session.posargs, env={"PYTHONPATH": "tests"})


@nox.session(python=["3.11", DEFAULT, NEWEST])
def programs(session: nox.Session) -> None:
    """Programs as users write them, with Flask, Django, IPython, xdist, pytest-asyncio, aiohttp and coverage."""
    session.install(
        "flask", "django", "ipython", "pytest-xdist", "pytest-asyncio", "aiohttp", "coverage[toml]>=7"
    )
    # its own warnings would be errors here; the tests that need it turn it on in a run of their own
    run_tests(session, "-p", "no:asyncio", "-k", "patching or pytest_plugin or reload_programs")


@nox.session(python=["3.11", DEFAULT])
def usage(session: nox.Session) -> None:
    """Test modules as users write them, with pydantic, click, Flask, FastAPI, Celery and pytest-mock."""
    session.install("pydantic>=2", "click", "flask", "fastapi", "httpx", "celery", "pytest-mock", "wrapt")
    run_tests(session, "-W", "default", "tests/usage", "tests/test_patcher.py", "tests/test_pytest_plugin.py")


@nox.session(python=["3.9", "3.11", "3.13", "3.14", NEWEST])
def hostile(session: nox.Session) -> None:
    """Functions that Cython compiled, coverage measures, and that travel by dill and dask."""
    session.install(build_wheel(session) + "[hostile]", "pytest>=7.4", "hypothesis>=6.80", "cloudpickle>=3.0")
    files = ["tests/test_hostile.py", "tests/test_hostile_compiled.py", "tests/test_travelling.py"]
    session.run("python", "-m", "pytest", "-o", "pythonpath=tests", *(session.posargs or files))


@nox.session(python=DEFAULT)
def lint(session: nox.Session) -> None:
    session.install("-e", ".[lint]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(python=DEFAULT)
def types(session: nox.Session) -> None:
    session.install("-e", ".[lint]")
    session.run("mypy", "--strict", "src/recell", "tests/typing")
    session.run("pyright", "src/recell", "tests/typing")
    session.install("--force-reinstall", "--no-deps", build_wheel(session))
    session.run("pyright", "--verifytypes", "recell", "--ignoreexternal")


@nox.session(python=DEFAULT)
def docs(session: nox.Session) -> None:
    """Builds the documentation; its examples run as tests in `tests`."""
    session.install("-e", ".[docs]")
    session.run("mkdocs", "build", "--strict")
