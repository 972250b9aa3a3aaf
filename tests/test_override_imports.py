"""`override` of names that the function imports itself: every form of import, by name and dotted."""

from __future__ import annotations

import itertools
import json
import sys
import time
import types
from unittest.mock import DEFAULT

import pytest
from snapshots import assert_same, snapshot

import recell
from recell import EMPTY, ScopeError, make_cell, override

# statement -> the name that it binds, and what that is
FORMS = {
    "import json": ("json", json),
    "import json.decoder": ("json", json),
    "import json as bound": ("bound", json),
    "import json.decoder as bound": ("bound", json.decoder),
    "import xml.dom.minidom as bound": ("bound", __import__("xml.dom.minidom").dom.minidom),
    "from json import loads": ("loads", json.loads),
    "from json import loads as bound": ("bound", json.loads),
    "from json import dumps as first, loads as bound, JSONDecodeError as last": ("bound", json.loads),
    "from json import decoder": ("decoder", json.decoder),
    "from xml.dom import minidom": ("minidom", __import__("xml.dom.minidom").dom.minidom),
    "from .inner import value as bound": ("bound", 7),
    "from . import inner as bound": ("bound", None),
    "from .. import package_of_imports as bound": ("bound", None),
}
# where the statement stands, and where the name is used
PLACES = {
    "at the start": "def f():\n {statement}\n return {name}",
    "in a branch": "def f(x=1):\n if x:\n  {statement}\n else:\n  {name} = 5\n return {name}",
    "in a loop": "def f():\n for _ in range(3):\n  {statement}\n return {name}",
    "in a try": "def f():\n try:\n  {statement}\n except ImportError:\n  {name} = None\n return {name}",
    "on one line": "def f():\n {statement}; return {name}",
    "for a nested function": "def f():\n {statement}\n def g(): return {name}\n return g()",
    "in a nested function": "def f():\n def g():\n  {statement}\n  return {name}\n return g()",
    "in a class body": "def f():\n class C:\n  {statement}\n return C.{name}",
    "as a global": "def f():\n global {name}\n {statement}\n return {name}",
    "in a generator": "def f():\n def g():\n  {statement}\n  yield {name}\n return next(g())",
    "far down": "def f():\n x = ["
    + ", ".join(f"'c{i}'" for i in range(300))
    + "]\n {statement}\n return {name}",
}


@pytest.fixture(scope="module", autouse=True)
def package(tmp_path_factory):
    """A package for relative imports, one level down."""
    top = tmp_path_factory.mktemp("imports") / "top_of_imports"
    for folder in (top, top / "package_of_imports"):
        folder.mkdir()
        (folder / "__init__.py").write_text("")
    (top / "package_of_imports" / "inner.py").write_text("value = 7\n")
    sys.path.insert(0, str(top.parent))
    import top_of_imports.package_of_imports.inner  # noqa: F401

    yield
    sys.path.remove(str(top.parent))
    for name in [name for name in sys.modules if name.startswith("top_of_imports")]:
        del sys.modules[name]


def made(text):
    space = {
        "__name__": "top_of_imports.package_of_imports.here",
        "__package__": "top_of_imports.package_of_imports",
    }
    exec(text, space)
    return space["f"], space


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("statement", FORMS)
def test_every_form_everywhere(statement, place):
    """The function finds the fake, the other names of the statement are real, and afterwards everything is."""
    name, real = FORMS[statement]
    func, space = made(PLACES[place].format(statement=statement, name=name))
    real = func() if real is None else real
    space.pop(name, None)
    assert func() == real
    space.pop(name, None)
    before = snapshot(func)
    fake = object()
    for _ in range(2):
        with override(func, {name: fake}) as change:
            assert func() is fake and func() is fake and change[name] is fake
            assert name not in space
        assert_same(func, before)
        with override(func, {name: make_cell(fake)}):
            assert func() is fake
    if "try" in place:
        with override(func, {name: EMPTY}):
            assert func() is None
    elif place != "as a global":
        with override(func, {name: EMPTY}), pytest.raises(ImportError):
            func()
    assert func() == real


@pytest.mark.parametrize(
    "statement",
    ["import json", "import json.decoder", "from json import decoder", "import json.decoder as bound"],
)
@pytest.mark.parametrize(
    "place", ["at the start", "for a nested function", "in a nested function", "in a class body"]
)
def test_an_attribute(statement, place):
    """A dotted name fakes one attribute of what is imported; everything else is real."""
    name, real = FORMS[statement]
    func, _ = made(PLACES[place].format(statement=statement, name=name))
    with override(func, {f"{name}.JSONDecodeError": KeyError}):
        found = func()
        assert found.JSONDecodeError is KeyError and found.__name__ == real.__name__
    assert func() is real
    with pytest.raises(ScopeError, match="did you mean `JSONDecodeError`"):
        override(func, {f"{name}.JSONDecodeErrors": KeyError})


def test_by_the_path_of_the_import():
    """`from time import sleep` is faked by "time.sleep", too; what has another name there, by both."""

    def wait():
        from time import sleep as nap
        from time import time as now

        return nap, now

    for name in ("time.sleep", "nap"):
        with override(wait, {name: 1}) as change:
            assert wait() == (1, time.time) and [*change] == [name]
    with override(wait, {"time.sleep": 1, "time.time": 2}):
        assert wait() == (1, 2)

    def exists(path):
        from os import path as paths

        return paths.exists(path), paths.sep

    with override(exists, {"os.path.exists": lambda path: "faked"}):
        assert exists("x") == ("faked", __import__("os").sep)


def test_nothing_is_imported_for_a_name_faked_as_a_whole():
    """A package that is not installed, or that is slow, is not asked for."""

    def chart():
        import nothing_like_that_here as plotting
        from nothing_like_that_here.sub import deep, other

        return plotting, deep, other

    with override(chart, plotting=1, deep=2, other=3):
        assert chart() == (1, 2, 3)
    with override(chart, plotting=1, deep=2), pytest.raises(ImportError, match="nothing_like_that_here"):
        chart()
    with pytest.raises(ScopeError, match="as a whole"):
        override(chart, {"plotting.bars": 1})


def test_what_is_imported_and_read():
    """A name that is a global of the module, and imported by a nested function again."""
    space = {"json": json}
    exec("def f():\n def g():\n  import json\n  return json\n return json, g()", space)
    with override(space["f"], json=5):
        assert space["f"]() == (5, 5)
    assert space["f"]() == (json, json)


def test_a_mock_of_it():
    """`DEFAULT` takes its specification from what would be imported, where that can be imported."""

    def wait(seconds):
        from time import sleep

        return sleep(seconds)

    def chart():
        import nothing_like_that_here

        return nothing_like_that_here.bars(1)

    with override(wait, sleep=DEFAULT) as fakes:
        wait(5)
        fakes["sleep"].assert_called_once_with(5)
    with override(wait, {"time.sleep": DEFAULT}) as fakes:
        wait(5)
        fakes["time.sleep"].assert_called_once_with(5)
    with override(chart, nothing_like_that_here=DEFAULT) as fakes:
        chart()
        fakes["nothing_like_that_here"].bars.assert_called_once_with(1)


def test_a_class_and_a_module():
    """The functions of a class, or of a module, that import the name."""

    class Waiting:
        def one(self):
            from time import sleep

            return sleep

        def two(self):
            import time

            return time.sleep

    with override(Waiting, {"time.sleep": 1}):
        assert (Waiting().one(), Waiting().two()) == (1, 1)
    module = types.ModuleType("waiting")
    exec("def one():\n from time import sleep\n return sleep\ndef two(): return len", vars(module))
    with override(module, sleep=1, len=2):
        assert (module.one(), module.two()) == (1, 2)


def test_several_at_once():
    """The later meaning counts; they leave in any order."""

    def wait():
        from time import monotonic, sleep

        return sleep, monotonic

    for order in itertools.permutations(range(3)):
        changes = [
            override(wait, sleep=1).start(),
            override(wait, {"time.sleep": 2}).start(),
            override(wait, monotonic=3).start(),
        ]
        assert wait() == (2, 3)
        left = {0, 1, 2}
        for index in order:
            changes[index].undo()
            left.remove(index)
            sleep = 2 if 1 in left else 1 if 0 in left else time.sleep
            assert wait() == (sleep, 3 if 2 in left else time.monotonic)


def test_a_name_that_is_not_imported():
    """The error still says what a local variable is."""

    def func():
        from time import sleep

        value = sleep
        return value

    with pytest.raises(ScopeError, match="`value` is a local variable"):
        override(func, value=1)
    with pytest.raises(ScopeError, match="did you mean `sleep`"):
        override(func, sleeep=1)
    with pytest.raises(ScopeError):
        override(func, {"time.time": 1})
    assert func() is time.sleep


def test_a_tree_that_verifies(monkeypatch):
    """What is made is accepted by `verify`."""
    for statement, place in itertools.product(FORMS, PLACES.values()):
        name, _ = FORMS[statement]
        func, _ = made(place.format(statement=statement, name=name))
        for value in (1, EMPTY):
            with override(func, {name: value}):
                recell.verify(func.__code__)
