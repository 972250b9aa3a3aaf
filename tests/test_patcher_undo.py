"""`Patcher`: undoing in one order, again after a failure, and refusals that leave nothing behind."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from unittest import mock

import pytest

import recell
from recell import InterferenceError, Patcher


def test_everything_in_one_order(tmp_path):
    """The last one first, whatever kind it is."""
    order = []

    @contextlib.contextmanager
    def manager():
        yield "entered"
        order.append(("manager", dict(config)))

    config = {"a": 1}
    with Patcher() as patcher:
        patcher.callback(lambda: order.append(("first", dict(config))))
        patcher.setitem(config, "a", 2)
        assert patcher.enter_context(manager()) == "entered"
        patcher.setitem(config, "a", 3)
        patcher.callback(order.append, "last")
    assert order == ["last", ("manager", {"a": 2}), ("first", {"a": 1})]


def test_a_manager_may_swallow():
    """The error of the block reaches managers, and the callbacks behind one that swallows it do not see it."""
    with Patcher() as patcher:
        patcher.enter_context(contextlib.suppress(KeyError))
        raise KeyError
    with pytest.raises(KeyError), Patcher() as patcher:
        patcher.enter_context(contextlib.suppress(ValueError))
        raise KeyError


LIMIT = 5


def limit():
    return LIMIT


def other_limit():
    return LIMIT + 0


def test_an_undo_that_failed_can_be_tried_again():
    """Where somebody has assigned `__code__`, the change stays in the patcher, the others are undone."""
    base = limit.__code__
    patcher = Patcher()
    config = {}
    patcher.setitem(config, "a", 1)
    patcher.override(limit, LIMIT=7)
    patcher.override(other_limit, LIMIT=7)
    installed = limit.__code__
    limit.__code__ = other_limit.__code__
    for _ in range(2):
        with pytest.raises(InterferenceError):
            patcher.undo()
        assert "override" in repr(patcher) and config == {} and other_limit() == 5
    limit.__code__ = installed
    assert limit() == 7
    patcher.undo()
    assert limit.__code__ is base and limit() == 5 and repr(patcher) == "<Patcher: nothing to undo>"


def test_several_undos_fail(tmp_path):
    """The first error is raised with the next one as its cause; what can be tried again is; callbacks are not."""
    calls = []

    def fail(text):
        calls.append(text)
        raise ValueError(text)

    before = os.getcwd()
    (tmp_path / "inner").mkdir()
    patcher = Patcher()
    patcher.chdir(tmp_path / "inner")
    patcher.chdir(tmp_path)
    (tmp_path / "inner").rmdir()
    patcher.callback(fail, "second")
    patcher.callback(fail, "first")
    with pytest.raises(ValueError, match="first") as caught:
        patcher.undo()
    assert str(caught.value.__cause__) == "second" and isinstance(caught.value.__cause__.__cause__, OSError)
    assert os.path.samefile(os.getcwd(), tmp_path) and calls == ["first", "second"]
    patcher.undo()
    assert os.getcwd() == before and calls == ["first", "second"]


def test_ctrl_c_while_undoing():
    """The rest is undone, and the interrupt goes on."""
    config = {}

    def interrupt():
        raise KeyboardInterrupt

    patcher = Patcher()
    patcher.setitem(config, "a", 1)
    patcher.callback(interrupt)
    patcher.setitem(config, "b", 1)
    with pytest.raises(KeyboardInterrupt):
        patcher.undo()
    assert config == {}


def test_changes_undone_on_their_own():
    """They are passed over."""
    patcher = Patcher()
    change = patcher.override(limit, LIMIT=7)
    change.undo()
    patcher.undo()
    assert limit() == 5


def test_a_part_of_a_test(patcher):
    """`context` gives a patcher of its own, also from the class."""
    config = {"a": 1}
    patcher.setitem(config, "a", 2)
    for context in (patcher.context, Patcher.context):
        with context() as part:
            part.setitem(config, "a", 3)
        assert config == {"a": 2}


@pytest.mark.parametrize("way", ["setattr", "setitem", "setenv", "chdir", "callback", "mock"])
def test_refusals_leave_nothing(way, tmp_path):
    """What cannot be set is not undone."""
    patcher = Patcher()
    with pytest.raises((AttributeError, TypeError, OSError, ValueError)):
        if way == "setattr":
            patcher.setattr(5, "real", 6)
        elif way == "setitem":
            patcher.setitem((1, 2), 0, 5)
        elif way == "setenv":
            patcher.setenv("A=B\0", "x")
        elif way == "chdir":
            patcher.chdir(tmp_path / "nowhere")
        elif way == "mock":
            patcher.enter_context(mock.patch("os.nothing"))
        else:
            raise TypeError
    assert repr(patcher) == "<Patcher: nothing to undo>"
    patcher.undo()


def test_paths_are_taken_as_they_are(patcher, tmp_path):
    """Any path-like object."""
    patcher.chdir(Path(tmp_path))
    patcher.syspath_prepend(Path(tmp_path))
    assert sys.path[0] == str(tmp_path)


@pytest.mark.parametrize("proxied", ["class", "instance"])
def test_proxies_of_wrapt(proxied):
    """A proxy of an object with an attribute of its own, or of its class."""
    wrapt = pytest.importorskip("wrapt")
    inner = Shared() if proxied == "class" else own()
    proxy, before = wrapt.ObjectProxy(inner), dict(vars(inner))
    with Patcher() as patcher:
        patcher.setattr(proxy, "foo", "fake")
        assert inner.foo == "fake"
    assert inner.foo == "foo" and vars(inner) == before


def test_the_verbs_are_the_same():
    """Each method takes what its verb takes."""
    import inspect

    for name in (
        "override",
        "patch_closure",
        "patch_defaults",
        "patch_inner",
        "swap",
        "wrap",
        "spy",
        "attach",
        "repoint",
    ):
        verb = [*inspect.signature(getattr(recell, name)).parameters.values()]
        method = [*inspect.signature(getattr(Patcher, name)).parameters.values()][1:]
        assert [(one.name, one.kind, one.default.__class__) for one in method] == [
            (one.name, one.kind, one.default.__class__) for one in verb
        ], name
