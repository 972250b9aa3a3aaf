"""Whoever looks at a function with a guard sees its own code: copies, edits, searches, reloads and probes."""

from __future__ import annotations

import gc
import inspect
import sys
import textwrap
import types
from typing import Any, Callable, Iterator

import pytest

import recell
from recell import closure, inner, local, localize, owners, rebind, replace, running, scope
from recell.code.guarded import Guarded, own_code

LIMIT = 10


def made() -> Any:
    free = "free"

    def plain(n: int = 1) -> Any:
        def nested(m: int) -> Any:
            return m, free, LIMIT

        return nested(n)

    return plain


def made_generator() -> Any:
    free = "free"

    def generator(n: int = 1) -> Iterator[Any]:
        nested = lambda m: (m, free, LIMIT)
        yield nested(n)
        yield free

    return generator


def result(func: Any) -> Any:
    called = func()
    return next(called) if inspect.isgenerator(called) else called


@pytest.fixture(params=["plain", "generator"])
def func(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A function with a guard, and beneath a local change that this context sees."""
    subject = made() if request.param == "plain" else made_generator()
    code = subject.__code__
    with localize(subject), local.override(subject, LIMIT=3):
        assert subject.__code__ is not code
        assert own_code(subject) is code
        yield subject
    assert subject.__code__ is code


def guards_in(code: types.CodeType) -> bool:
    return any(
        isinstance(const, Guarded) or (isinstance(const, types.CodeType) and guards_in(const))
        for const in code.co_consts
    )


def test_closure_and_scope_show_what_is_its_own(func: Any) -> None:
    assert closure(func) == {"free": "free"}
    found = scope(func)
    assert (dict(found.nonlocals), dict(found.globals), dict(found.builtins)) == (
        {"free": "free"},
        {"LIMIT": 10},
        {},
    )
    assert not found.unbound


def test_inner_takes_the_nested_function_out(func: Any) -> None:
    name = "nested" if func.__name__ == "plain" else "<lambda>"
    assert inner(func, name)(5) == (5, "free", 10)
    with recell.patch_inner(func, name, lambda m: ("patched", m)):
        from contextvars import Context

        assert Context().run(result, func) == ("patched", 1)
        assert result(func) == ("patched", 1)
    assert result(func) == (1, "free", 3)


@pytest.mark.parametrize(
    "copy",
    [
        lambda func: rebind(func, free="new"),
        lambda func: replace(func, defaults=(2,)),
        lambda func: replace(func, closure=func.__closure__),
        recell.clone,
        lambda func: recell.freeze(func, "LIMIT"),
        lambda func: recell.promote(func, LIMIT=1),
        lambda func: recell.demote(func, "free"),
        lambda func: recell.substitute(func, rename={"n": "number"}),
        lambda func: recell.replace_inner(
            func, "nested" if func.__name__ == "plain" else "<lambda>", lambda m: m
        ),
    ],
)
def test_copies_have_no_guard(func: Any, copy: Callable[[Any], Any]) -> None:
    new = copy(func)
    assert not guards_in(new.__code__)
    assert result(new) is not None
    assert guards_in(func.__code__)


def test_running_finds_what_runs_its_code_or_a_variant() -> None:
    """Before 3.11 also the generators inside of those that pass on to them."""
    func = made_generator()
    first = func()
    next(first)
    with localize(func):
        second = func()
        next(second)
        assert {id(first), id(second)} <= {*map(id, running(func))}
        with local.override(func, LIMIT=3):
            third = func()
            assert next(third) == (1, "free", 3)
            found = running(func)
        assert {id(first), id(second), id(third)} <= {*map(id, found)}
        assert sys.version_info < (3, 11) or len(found) == 3

    def frames() -> Any:
        return len(running(frames))

    with localize(frames):
        assert frames() == 1
        with local.override(frames, running=running):
            assert frames() >= 1


def test_owners_find_it_by_its_cell_and_by_its_code(func: Any) -> None:
    [cell] = func.__closure__
    found = owners(cell)
    assert [one for one in found if one is func] == [func]
    assert all(one.__module__ == __name__ for one in found)
    assert [one for one in owners(own_code(func)) if one is func] == [func]


def test_a_verifier_takes_the_guard_of_a_plain_function() -> None:
    func = made()
    with localize(func):
        recell.verify(func.__code__)


def test_rewriting_and_probes_mean_the_own_code() -> None:
    pytest.importorskip("bytecode")
    func = made_with_lines()
    line = func.__code__.co_firstlineno + 1
    seen: list[Any] = []
    with localize(func):
        guard = func.__code__
        rewritten = recell.rewrite(func, recell.inserted("n += 1", at=line))
        assert not guards_in(rewritten.__code__)
        assert rewritten(1) == (2, 10)
        with recell.probe(func, lambda n: seen.append(n), at=line):
            assert func(5) == (5, 10)
            assert seen == [5]
            with local.override(func, LIMIT=3):
                assert func(6) == (6, 3)
            assert seen == [5, 6]
        assert func(7) == (7, 10)
        assert seen == [5, 6]
        assert func.__code__ is guard


def made_with_lines() -> Any:
    def lined(n: int) -> Any:
        result = n, LIMIT
        return result

    return lined


def test_process_wide_changes_of_defaults_and_parameters() -> None:
    def f(a: int = 1) -> Any:
        return a, LIMIT

    def other(a: int = 2, b: int = 3) -> Any:
        return "other", a, b

    with localize(f):
        guard = f.__code__
        with recell.patch_defaults(f, a=5):
            assert f() == (5, 10)
            with local.override(f, LIMIT=3):
                assert f() == (5, 3)
        assert f() == (1, 10)
        with recell.swap(f, other):
            assert f() == ("other", 2, 3)
            with local.wrap(f, lambda func: lambda a, b: (func(a, b), "wrapped")):
                assert f(b=9) == (("other", 2, 9), "wrapped")
            with recell.patch_defaults(f, b=4):
                assert f() == ("other", 2, 4)
        assert f() == (1, 10)
        with recell.override(f, LIMIT=7):
            with recell.swap(f, lambda a=9: ("lambda", a)):
                assert f() == ("lambda", 9)
            assert f() == (1, 7)
        assert f.__code__ is guard
        assert f.__defaults__ == (1,)


class TestReload:
    TEXT = """
        from recell import localized
        LIMIT = 10

        @localized
        def marked(n):
            return "old", n, LIMIT

        def plain(n):
            return "old", n, LIMIT

        def stepwise(n):
            yield "old", n, LIMIT
    """

    @pytest.fixture
    def module(self, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
        path = tmp_path / "reloaded_local.py"
        path.write_text(textwrap.dedent(self.TEXT), encoding="utf-8")
        monkeypatch.syspath_prepend(str(tmp_path))
        import importlib

        importlib.invalidate_caches()
        yield importlib.import_module("reloaded_local")
        sys.modules.pop("reloaded_local", None)

    def change(self, module: Any, old: str, new: str) -> None:
        import os

        path = module.__file__
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))
        os.utime(path, (10**9 + len(new), 10**9 + len(new)))

    def results(self, module: Any) -> list[Any]:
        return [module.marked(1), module.plain(1), next(module.stepwise(1))]

    def test_new_text_beneath_a_guard_and_a_local_change(self, module: Any) -> None:
        functions = module.marked, module.plain, module.stepwise
        change = localize(module.plain, module.stepwise)
        overrides = [local.override(func, LIMIT=3).start() for func in functions]
        assert self.results(module) == [("old", 1, 3)] * 3
        self.change(module, '"old", n, LIMIT', '"new", n + 1, LIMIT')
        recell.reload(module)
        assert (module.marked, module.plain, module.stepwise) == functions
        assert self.results(module) == [("new", 2, 3)] * 3
        for override in overrides:
            override.undo()
        assert self.results(module) == [("new", 2, 10)] * 3
        self.change(module, '"new", n + 1, LIMIT', '"newer", n, LIMIT')
        recell.reload(module)
        assert self.results(module) == [("newer", 1, 10)] * 3
        with local.override(module.plain, LIMIT=1):
            assert module.plain(1) == ("newer", 1, 1)
        change.undo()
        gc.collect()
        assert self.results(module) == [("newer", 1, 10)] * 3
        self.change(module, '"newer", n, LIMIT', '"newest", n, LIMIT')
        recell.reload(module)
        assert self.results(module) == [("newest", 1, 10)] * 3

    def test_new_parameters(self, module: Any) -> None:
        with localize(module.plain):
            self.change(module, "def plain(n):", "def plain(n, m=5):")
            self.change(module, '"old", n, LIMIT', '"new", n, locals().get("m"), LIMIT')
            recell.reload(module)
            assert module.plain(1) == ("new", 1, 5, 10)
            with local.override(module.plain, LIMIT=3):
                assert module.plain(1, m=2) == ("new", 1, 2, 3)
        assert module.plain(1) == ("new", 1, 5, 10)


@pytest.mark.skipif(
    sys.version_info < (3, 11), reason="a generator's code makes the generator itself from 3.11 on"
)
def test_a_verifier_refuses_what_makes_generators_of_others() -> None:
    """Such code is right where recell puts it, and a crash where a trace function or a compiler's code meets it."""
    func = made_generator()
    with localize(func), pytest.raises(recell.UnsafeCodeError):
        recell.verify(func.__code__)
