"""Context-local and process-wide changes of one function, in any order, from any context, against a model."""

from __future__ import annotations

import inspect
import random
import sys
from contextvars import Context, copy_context
from typing import Any, Callable, Iterator, List, Tuple

import pytest
from sizes import SEED, pick

import recell
from recell import local, localize

A = B = C = 0
NAMES = "ABC"


def plain() -> Any:
    return "own", A, B, C


def plain_other() -> Any:
    return "other", A, B, C


def generator() -> Iterator[Any]:
    yield "own"
    yield A
    yield B
    yield C


def generator_other() -> Iterator[Any]:
    yield "other"
    yield from (A, B, C)


async def coroutine() -> Any:
    return "own", A, B, C


async def coroutine_other() -> Any:
    return "other", A, B, C


def made_closure() -> Callable[..., Any]:
    A = 0

    def closure() -> Any:
        inner = lambda: ("own", A, B, C)
        return inner()

    return closure


class Base:
    def method(self) -> Any:
        return "own", A, B, C


class Derived(Base):
    def method(self) -> Any:
        return super().method()[:1] + (A, B, C)


def method_other(self: Any) -> Any:
    return "other", A, B, C


def called(func: Callable[..., Any], arguments: Tuple[Any, ...]) -> Any:
    result = func(*arguments)
    if inspect.iscoroutine(result):
        try:
            result.send(None)
        except StopIteration as stop:
            return stop.value
    if inspect.isgenerator(result):
        return list(result)
    return result


def values(entries: List[Any]) -> List[int]:
    found = dict.fromkeys(NAMES, 0)
    for kind, name, value, _ in entries:
        if kind == "override":
            found[name] = value
    return list(found.values())


def expected(process: List[Any], seen: List[Any]) -> Any:
    """What a call gives where these changes are in force, each (kind, name, value, change)."""
    swaps = [at for at, entry in enumerate(process) if entry[0] == "swap"]
    shown: Any = ["other" if swaps else "own", *values(process[swaps[-1] + 1 :] if swaps else process)]
    for at, (kind, name, value, _) in enumerate(seen):
        if kind == "override":
            shown = ["own", *values(process + seen[: at + 1])]
        elif kind == "swap":
            shown = ["local", value, 0, 0]
        else:
            shown = [f"wrapped {value}", *shown]
    return shown


def wrapper(value: int, func: Any) -> Any:
    """A decorator that puts a value in front of what a function of its kind gives."""
    if inspect.iscoroutinefunction(func):

        async def wrapped(*args: Any) -> Any:
            return [f"wrapped {value}", *await func(*args)]

    elif inspect.isgeneratorfunction(func):

        def wrapped(*args: Any) -> Any:
            yield f"wrapped {value}"
            yield from func(*args)

    else:

        def wrapped(*args: Any) -> Any:
            return [f"wrapped {value}", *func(*args)]

    return wrapped


def replacement(value: int, func: Any) -> Any:
    if inspect.iscoroutinefunction(func):

        async def replaced(*args: Any) -> Any:
            return ["local", value, 0, 0]

    elif inspect.isgeneratorfunction(func):

        def replaced(*args: Any) -> Any:
            yield from ["local", value, 0, 0]

    else:

        def replaced(*args: Any) -> Any:
            return ["local", value, 0, 0]

    return replaced


class Run:
    """Steps at random, and a check of every context behind each."""

    def __init__(self, func: Any, other: Any, arguments: Tuple[Any, ...], rng: random.Random) -> None:
        self.func, self.other, self.arguments, self.rng = func, other, arguments, rng
        self.contexts = [Context() for _ in range(3)]
        self.seen: List[List[Any]] = [[], [], []]
        self.process: List[Any] = []
        self.locals: List[Any] = []
        self.checks = 0

    def step(self) -> None:
        rng, func = self.rng, self.func
        chance, name, value = rng.random(), rng.choice(NAMES), rng.randrange(1, 99)
        at = rng.randrange(len(self.contexts))
        context = self.contexts[at]
        if chance < 0.18:
            change: Any = recell.override(func, {name: value}).start()
            self.process.append(("override", name, value, change))
        elif chance < 0.22 and self.other is not None:
            self.process.append(("swap", "", 0, recell.swap(func, self.other)))
        elif chance < 0.6:
            kind = rng.choice(["override", "override", "override", "swap", "wrap"])
            if kind == "override":
                change = local.override(func, {name: value})
            elif kind == "swap":
                change = local.swap(func, replacement(value, func))
            else:
                change = local.wrap(func, lambda inside: wrapper(value, inside))
            context.run(change.start)
            entry = (kind, name, value, change)
            self.locals.append(entry)
            self.seen[at].append(entry)
        elif chance < 0.7 and len(self.contexts) < 6:
            self.contexts.append(context.run(copy_context))
            self.seen.append(list(self.seen[at]))
        elif chance < 0.84 and self.process:
            self.process.pop(rng.randrange(len(self.process)))[3].undo()
        elif self.locals:
            entry = self.locals.pop(rng.randrange(len(self.locals)))
            context.run(entry[3].undo)
            for seen in self.seen:
                if entry in seen:
                    seen.remove(entry)

    def check(self) -> None:
        for context, seen in zip(self.contexts, self.seen):
            self.checks += 1
            got = list(context.run(called, self.func, self.arguments))
            wanted = expected(self.process, seen)
            assert got == wanted, (got, wanted, self.process, seen)

    def end(self) -> None:
        everything = self.process + self.locals
        self.rng.shuffle(everything)
        for entry in everything:
            entry[3].undo()


SUBJECTS = {
    "plain": lambda: (plain, plain_other, ()),
    "generator": lambda: (generator, generator_other, ()),
    "coroutine": lambda: (coroutine, coroutine_other, ()),
    "closure": lambda: (made_closure(), None, ()),
    "method": lambda: (Derived.method, method_other, (Derived(),)),
}


@pytest.mark.parametrize("is_localized", [False, True])
@pytest.mark.parametrize("name", SUBJECTS)
def test_every_context_sees_what_the_model_says(name: str, is_localized: bool) -> None:
    func, other, arguments = SUBJECTS[name]()
    rng = random.Random(f"{SEED} {name} {is_localized}")
    code, closure, signature = func.__code__, func.__closure__, inspect.signature(func)
    change = localize(func) if is_localized else None
    guard = func.__code__
    checks, wanted = 0, pick(400, 10_000, debug=150)
    while checks < wanted:
        run = Run(func, other, arguments, rng)
        for _ in range(25):
            run.step()
            run.check()
        run.end()
        checks += run.checks
        assert list(called(func, arguments)) == ["own", 0, 0, 0]
        assert func.__code__ is guard
        assert func.__closure__ is closure
        assert inspect.signature(func) == signature
    if change is not None:
        change.undo()
    assert func.__code__ is code
    assert func.__closure__ is closure


stores: List[str] = []
_watching: List[Any] = []


def _hook(event: str, arguments: Any) -> None:
    if event == "object.__setattr__" and _watching and arguments[0] is _watching[-1]:
        stores.append(arguments[1])


def test_once_localized_nothing_is_stored_into_the_function() -> None:
    """100 local entries, and process-wide overrides among them."""
    if not getattr(_hook, "added", False):
        sys.addaudithook(_hook)
        _hook.added = True  # type: ignore[attr-defined]
    for func in (plain, generator, coroutine):
        with localize(func):
            assert called(func, ()) is not None
            stores.clear()
            _watching.append(func)
            try:
                for value in range(100):
                    with local.override(func, A=value):
                        assert list(called(func, ()))[1] == value
                        with local.wrap(func, lambda inside: wrapper(1, inside)):
                            called(func, ())
                    with recell.override(func, A=value):
                        assert list(called(func, ()))[1] == value
            finally:
                _watching.pop()
        assert not stores
