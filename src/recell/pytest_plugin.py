"""The pytest plugin: `patcher` and its wider scopes, the marker `recell`, and tracebacks without recell's own frames.

Nothing of recell is imported until a test uses one of them.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recell.patcher import Patcher

__all__ = ["class_patcher", "module_patcher", "patcher", "session_patcher"]

_MARKED = "_recell_marked"
_FIXTURES = {"patcher", "class_patcher", "module_patcher", "session_patcher", _MARKED}


def _patchers() -> Iterator[Patcher]:
    from recell.patcher import Patcher

    with Patcher() as changes:
        yield changes


@pytest.fixture
def patcher() -> Iterator[Patcher]:
    """A `recell.Patcher`: `patcher.override(f, name=fake)`, `patcher.spy(f)`, …; undone when the test ends."""
    yield from _patchers()


@pytest.fixture(scope="class")
def class_patcher() -> Iterator[Patcher]:
    """A `recell.Patcher` that is undone when the tests of the class have run."""
    yield from _patchers()


@pytest.fixture(scope="module")
def module_patcher() -> Iterator[Patcher]:
    """A `recell.Patcher` that is undone when the tests of the module have run."""
    yield from _patchers()


@pytest.fixture(scope="session")
def session_patcher() -> Iterator[Patcher]:
    """A `recell.Patcher` that is undone when the last test has run."""
    yield from _patchers()


@pytest.fixture
def _recell_marked(request: pytest.FixtureRequest) -> Iterator[None]:
    """Hold the overrides in force that the markers of this test ask for, the outermost marker's first."""
    from recell.dotted_names import resolve
    from recell.patcher import Patcher

    with Patcher() as changes:
        for mark in reversed([*request.node.iter_markers("recell")]):
            target, *values = mark.args
            if isinstance(target, str):
                target = resolve(target)
            changes.override(target, *values, **mark.kwargs)
        yield


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        "recell(target, values={}, /, **more): recell.override(target, values, **more) is in force while the test "
        "and its function-scoped fixtures run; target may be a dotted name",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give marked tests their fixture, and tell pytest-run-parallel which tests change the whole process."""
    parallel = config.pluginmanager.hasplugin("run-parallel")
    for item in items:
        names: list[str] = getattr(item, "fixturenames", [])
        marks = [*item.iter_markers("recell")]
        if marks:
            _check(item, marks)
            at = _first_of_function_scope(item, names)
            names = [*names[:at], _MARKED, *names[at:]]  # a list of its own: parametrized tests share theirs
            item.fixturenames = names  # type: ignore[attr-defined]
        if parallel and not _FIXTURES.isdisjoint(names):
            reason = "recell changes functions for the whole process"
            item.add_marker(pytest.mark.thread_unsafe(reason=reason))


def _check(item: pytest.Item, marks: list[pytest.Mark]) -> None:
    for mark in marks:
        if not mark.args or not (mark.args[1:] or mark.kwargs):
            msg = f"{item.nodeid}: the marker recell needs a target and values, as recell.override; got {mark!r}"
            raise pytest.UsageError(msg)
        if not hasattr(item, "fixturenames"):
            msg = f"{item.nodeid}: the marker recell works on tests that have fixtures, not on {type(item).__name__}"
            raise pytest.UsageError(msg)


def _first_of_function_scope(item: pytest.Item, names: list[str]) -> int:
    """Return the place before the fixtures that are made for this test alone."""
    known: dict[str, Any] = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    for at, name in enumerate(names):
        if known.get(name) and known[name][-1].scope == "function":
            return at
    return len(names)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(call: pytest.CallInfo[Any]) -> None:
    """Let the report of a failure hide recell's frames; `--full-trace` shows them."""
    if call.excinfo is not None:
        for name, module in [*sys.modules.items()]:
            if name.partition(".")[0] == "recell":
                vars(module)["__tracebackhide__"] = _says_nothing


def _says_nothing(excinfo: pytest.ExceptionInfo[BaseException] | None) -> bool:
    """Return whether recell's frames can be left out: not where an error of another kind arose in one of them."""
    from recell.errors import RecellError

    if excinfo is None or isinstance(excinfo.value, (RecellError, TypeError, ValueError, AttributeError)):
        return True
    traceback: Any = excinfo.tb
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return "__tracebackhide__" not in traceback.tb_frame.f_globals


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that localizes functions for the whole session."""
    parser.addini(
        "recell_localize",
        "functions, classes and modules, by their dotted names, that recell.localize prepares when the session starts",
        type="linelist",
    )


def pytest_sessionstart(session: pytest.Session) -> None:
    """Localize what the option names."""
    names = session.config.getini("recell_localize")
    if not names:
        return
    from recell.dotted_names import resolve
    from recell.local.verbs import localize

    try:
        change = localize(*map(resolve, names))
    except (ImportError, AttributeError, TypeError) as error:
        msg = f"recell_localize: {error}"
        raise pytest.UsageError(msg) from error
    session.config.add_cleanup(change.undo)
