"""Probes: an action at a place of an existing function, counted, and undone exactly."""

from __future__ import annotations

import asyncio
import functools
import gc
import sys
import weakref
from contextlib import suppress
from typing import Any, AsyncIterator, Callable, Iterator

import pytest

import recell
from recell import EMPTY, ENTRY, ERROR, EXIT, probe

seen: list[Any] = []
LIMIT = 2


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    seen.clear()


def noting(*names: str) -> Callable[..., None]:
    """An action that asks for these variables and keeps what it gets."""
    space: dict[str, Any] = {"seen": seen}
    exec(f"def action({', '.join(names)}): seen.append(({', '.join(names)}{',' if names else ''}))", space)
    return space["action"]  # type: ignore[no-any-return]


def summed(n: int) -> int:
    total = 0
    while n:
        n -= 1
        total += n
    return total


def stream(n: int) -> Iterator[int]:
    total = 0
    for i in range(n):
        total += i
        yield total


def failing(x: Any) -> Any:
    for i in (1, 2):
        try:
            int(x)
        except TypeError:
            i = 0
    with suppress(KeyError):
        int(x)
    try:
        return 10 // x + i
    finally:
        x = None


async def waiting(x: int) -> int:
    await asyncio.sleep(0)
    y = x + 1
    return y


async def producing(n: int) -> AsyncIterator[int]:
    for i in range(n):
        await asyncio.sleep(0)
        yield i


def closing(a: int) -> int:
    def inner(q: int) -> int:
        r = q + a + b
        return r

    b = a
    a += 1
    return inner(1)


def run(func: Callable[..., Any], *args: Any) -> Any:
    """Call a function of any kind to its end."""
    result = func(*args)
    if hasattr(result, "__anext__"):

        async def consume() -> list[Any]:
            return [value async for value in result]

        return asyncio.run(consume())
    if hasattr(result, "cr_frame"):
        return asyncio.run(result)
    return list(result) if hasattr(result, "gi_frame") else result


CASES: list[tuple[Any, tuple[Any, ...], Any, tuple[str, ...], str | None, list[Any]]] = [
    (summed, (3,), "n -= 1", ("total", "n"), None, [(0, 3), (2, 2), (3, 1)]),
    (summed, (3,), "n -= 1", ("n",), "total > LIMIT or n == 3", [(3,), (1,)]),
    (summed, (3,), "total = 0", ("total", "n"), None, [(EMPTY, 3)]),
    (summed, (3,), "total = 0", (), "total == 0", []),
    (summed, (3,), ENTRY, ("n", "total"), None, [(3, EMPTY)]),
    (summed, (3,), EXIT, ("result", "n", "total"), None, [(3, 0, 3)]),
    (summed, (3,), EXIT, ("n", "result"), "result > 5", []),
    (summed, (3,), ERROR, ("error",), None, []),
    (stream, (3,), "total += i", ("i", "total"), None, [(0, 0), (1, 0), (2, 1)]),
    (stream, (3,), "yield total", ("total",), "i % 2", [(1,)]),
    (stream, (2,), ENTRY, ("n",), None, [(2,)]),
    (stream, (2,), EXIT, ("result", "total"), None, [(None, 1)]),
    (waiting, (1,), "y = x + 1", ("x", "y"), None, [(1, EMPTY)]),
    (waiting, (1,), "return y", ("y",), "x == 1 and y == 2", [(2,)]),
    (waiting, (1,), ENTRY, ("x",), None, [(1,)]),
    (waiting, (1,), EXIT, ("result",), None, [(2,)]),
    (producing, (2,), "yield i", ("i",), None, [(0,), (1,)]),
    (producing, (2,), EXIT, ("result",), None, [(None,)]),
    (closing, (1,), "a += 1", ("a", "b"), None, [(1, 1)]),
    (closing, (1,), "b = a", ("a", "b"), None, [(1, EMPTY)]),
    (closing, (1,), "r = q + a + b", ("q", "a", "b", "r"), "a == 2", [(1, 2, 1, EMPTY)]),
    (failing, (5,), "x = None", ("x", "i"), None, [(5, 2)]),
]


@pytest.mark.parametrize(("func", "args", "at", "names", "when", "expected"), CASES)
def test_an_action_sees_the_variables_of_its_place(
    func: Any, args: Any, at: Any, names: Any, when: Any, expected: Any
) -> None:
    """At lines, entries and exits of all kinds of functions; behaviour, code and closure are as before afterwards."""
    before, result = (func.__code__, func.__closure__), run(func, *args)
    with probe(func, noting(*names), at=at, when=when) as change:
        assert run(func, *args) == result
        assert seen == expected and change.hits == len(expected) and change.placed
    assert (func.__code__, func.__closure__) == before and func.__code__ is before[0]
    assert not change.placed and run(func, *args) == result and len(seen) == len(expected)


def test_an_error_that_leaves_the_function() -> None:
    """The action sees it, the variables, and it goes on with the traceback that it had; what is caught does not count."""
    with probe(failing, noting("error", "x"), at=ERROR) as change:
        assert failing(2) == 7 and not seen
        for bad, kind in (("x", ValueError), (0, ZeroDivisionError)):
            with pytest.raises(kind) as caught:
                failing(bad)
            error, x = seen.pop()
            assert error is caught.value and x == (bad if bad else None)
            lines = [entry.name for entry in caught.traceback]
            assert lines.count("failing") == 1
            assert caught.value.__context__ is None or kind is not ValueError
    assert change.hits == 2


def test_errors_of_generators_and_coroutines() -> None:
    """What is thrown in, what is raised inside, and the end by `close()`; a return is no error."""
    with probe(stream, noting("error"), at=ERROR) as change:
        assert list(stream(3)) == [0, 1, 3] and change.hits == 0
        running = stream(3)
        next(running)
        with pytest.raises(KeyError):
            running.throw(KeyError(1))
        running = stream(3)
        next(running)
        running.close()
    assert [type(error) for (error,) in seen] == [KeyError, GeneratorExit]
    with probe(waiting, noting("error"), at=ERROR) as change:
        with pytest.raises(TypeError):
            asyncio.run(waiting("x"))  # type: ignore[arg-type]
        assert asyncio.run(waiting(1)) == 2
    assert change.hits == 1


@pytest.mark.parametrize("at", [ENTRY, EXIT, "total += i", "yield total", "for i in range(n):"])
@pytest.mark.parametrize("when", [None, "n"])
def test_stop_iteration_of_an_action_is_no_end_of_a_generator(at: Any, when: Any) -> None:
    """It becomes a RuntimeError there, as anything that a generator's body raises."""

    def stop() -> None:
        raise StopIteration

    with probe(stream, stop, at=at, when=when), pytest.raises(RuntimeError):
        list(stream(2))


def test_what_an_action_raises_propagates() -> None:
    """Into the function, which may catch it; a variable that is unbound leaves no trace in it."""

    def conflict(x: Any) -> None:
        raise ZeroDivisionError

    def guarded(x: int) -> Any:
        try:
            y = x + 1
            return y
        except ZeroDivisionError:
            return "caught"

    with probe(guarded, conflict, at="y = x + 1"):
        assert guarded(1) == "caught"

    def boom(total: Any) -> None:
        raise KeyError(total)

    with probe(summed, boom, at="total = 0"), pytest.raises(KeyError) as caught:
        summed(1)
    assert caught.value.__context__ is None


def test_times_bounds_the_hits() -> None:
    """Also in frames that run already; conditions count only where they hold."""
    with probe(summed, noting("n"), at="n -= 1", times=2) as change:
        summed(5)
        assert change.hits == 2 and seen == [(5,), (4,)] and change.placed
        summed(5)
        assert change.hits == 2
    seen.clear()
    with probe(summed, noting("n"), at="n -= 1", times=2, when="n < 4") as change:
        summed(5)
    assert change.hits == 2 and seen == [(3,), (2,)]


def test_parameters_of_actions() -> None:
    """Keyword-only ones, defaults that need no variable, callables that tell nothing, methods and partials."""
    calls: list[Any] = []

    def keyword(n: Any, *, total: Any, other: Any = 7) -> None:
        calls.append((n, total, other))

    def optional(missing: Any = 1, n: Any = 2) -> None:
        calls.append((missing, n))

    for action in (keyword, optional, functools.partial(optional, 5), calls.__len__, dict):
        with probe(summed, action, at="total += n"):
            summed(1)
    assert calls == [(0, 0, 7), (1, 0), (5, 0)]


def test_several_probes_nest_like_decorators() -> None:
    """The last one entered is the first at a line or an entry, and the last at an exit; each is undone by itself."""
    places: list[Any] = [ENTRY, "total = 0", EXIT]
    for at in places:
        first = probe(summed, lambda: seen.append(1), at=at).start()
        second = probe(summed, lambda: seen.append(2), at=at).start()
        summed(0)
        first.undo()
        summed(0)
        second.undo()
    assert seen == [2, 1, 2, 2, 1, 2, 1, 2, 2]


def test_under_an_override_a_swap_and_a_wrap() -> None:
    """Overridden names reach the probed code; a swap hides it, a decorator does not."""

    def double(n: int) -> int:
        return helper(n) * 2

    def times(decorated: Any) -> Any:
        def wrapper(n: int) -> Any:
            return decorated(n) + 100

        return wrapper

    with probe(double, noting("n"), at=ENTRY) as change:
        with recell.override(double, helper=lambda n: 5):
            assert double(1) == 10 and change.hits == 1 and change.placed
        with recell.swap(double, lambda n: 0):
            assert double(1) == 0 and change.hits == 1 and not change.placed
            assert "not in the code that runs" in repr(change)
        with recell.wrap(double, times):
            assert double(1) == 104 and change.hits == 2 and change.placed
    with recell.override(double, helper=lambda n: 5), probe(
        double, noting("n"), at=ENTRY, when="n"
    ) as change:
        assert double(1) == 10 and change.hits == 1


def helper(n: int) -> int:
    return n + 1


def test_methods_and_closures() -> None:
    """A bound method means the class's function; the cells stay the same."""

    class Shop:
        rate = 2

        def price(self, net: int) -> int:
            return net * self.rate

    def make(k: int) -> Any:
        def f(x: int) -> int:
            return x + k

        return f

    shop, other, f = Shop(), Shop(), make(3)
    with probe(shop.price, lambda self, net: seen.append((self, net)), at=ENTRY):
        other.price(4)
    assert seen == [(other, 4)]
    cell = f.__closure__[0]
    with probe(f, noting("x", "k"), at=ENTRY):
        assert f(1) == 4 and f.__closure__[0] is cell
    assert seen[1:] == [(1, 3)]


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"at": 1}, recell.ScopeError, "nearest lines"),
        ({"at": "total = 1"}, recell.ScopeError, "did you mean `total = 0`"),
        ({"at": None}, TypeError, "at= is a line number"),
        ({"at": ENTRY, "times": 0}, TypeError, "times="),
        ({"at": ENTRY, "when": "n =="}, recell.SourceError, "invalid syntax"),
        ({"at": ENTRY, "when": "nn == 1"}, recell.ScopeError, "did you mean `n`"),
        ({"at": ENTRY, "when": "(yield)"}, recell.SourceError, "`yield`"),
        ({"at": ENTRY, "when": "x = 1"}, recell.SourceError, "one expression"),
        ({"at": ENTRY, "when": "(n := 1)"}, recell.SourceError, "assigns nothing"),
        ({"at": ENTRY, "when": 5}, TypeError, "text of an expression"),
        ({"at": ENTRY, "action": 5}, TypeError, "callable"),
        ({"at": ENTRY, "action": lambda nn: 0}, recell.ScopeError, "did you mean `n`"),
        ({"at": ENTRY, "action": lambda result: 0}, recell.ScopeError, "asks for `result`"),
        ({"at": ENTRY, "func": len}, TypeError, "the C function len"),
    ],
)
def test_bad_probes_are_refused(options: Any, error: type[Exception], text: str) -> None:
    """With a typed error when they are made; nothing has changed."""
    func, action = options.pop("func", summed), options.pop("action", noting())
    code = summed.__code__
    with pytest.raises(error, match=text):
        probe(func, action, **options)
    assert summed.__code__ is code


def test_nothing_is_kept() -> None:
    """After undo nobody holds the action, though the function still exists."""

    class Action:
        def __call__(self) -> None: ...

    action = Action()
    dead = weakref.ref(action)
    with probe(summed, action, at=ENTRY, when="n") as change:
        summed(1)
    del action, change
    gc.collect()
    assert dead() is None


def test_a_line_of_its_own_text_after_a_change_of_the_file(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A probe survives a reload: it is on the line with its text, and gone with it."""
    path = tmp_path / "probed_module.py"
    path.write_text("def f(x):\n    y = x + 1\n    return y\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    import importlib

    module = importlib.import_module("probed_module")
    try:
        with probe(module.f, noting("y"), at=3) as change:
            assert module.f(1) == 2 and change.hits == 1
            path.write_text("import os\n\n\ndef f(x):\n    y = x + 10\n    z = y\n    return y\n")
            report = recell.reload(module)
            assert module.f(1) == 11 and change.hits == 2 and change.placed and seen[-1] == (11,)
            path.write_text("def f(x):\n    return x\n")
            other = recell.reload(module)
            assert module.f(1) == 1 and change.hits == 2 and not change.placed
            other.undo()
            assert module.f(1) == 11 and change.hits == 3 and change.placed
            report.undo()
            assert module.f(1) == 2 and change.hits == 4
    finally:
        sys.modules.pop("probed_module", None)


def test_a_patcher_enters_both(tmp_path: Any) -> None:
    """They are undone with the rest."""
    code = summed.__code__
    with recell.Patcher() as patcher:
        change = patcher.probe(summed, noting("n"), at=ENTRY, when="n > 1", times=3)
        patcher.patch_code(summed, recell.inserted("total += 100", at="return total"))
        assert summed(2) == 101 and change.hits == 1
    assert summed.__code__ is code and summed(2) == 1
