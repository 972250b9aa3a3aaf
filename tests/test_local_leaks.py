"""What context-local changes leave behind: nothing, also where contexts die without leaving."""

from __future__ import annotations

import gc
import weakref
from contextvars import Context, copy_context
from typing import Any, Iterator

import pytest
from leaks import stays_flat
from sizes import pick

from recell import local, localize, localized

LIMIT = 10
COUNT = pick(300, 100_000, debug=120)


def plain(n: int) -> bool:
    return n <= LIMIT


def generator(n: int) -> Iterator[int]:
    yield n
    yield LIMIT


def around(func: Any) -> Any:
    return lambda *args: func(*args)


@pytest.mark.parametrize("is_localized", [False, True])
def test_entering_and_leaving(is_localized: bool) -> None:
    kept = localize(plain, generator) if is_localized else None
    numbers = iter(range(10**9))

    def cycle() -> None:
        value = next(numbers)
        with local.override(plain, LIMIT=value), local.override(generator, LIMIT=[value]):
            plain(5)
            list(generator(5))
        with local.swap(plain, lambda n: True), local.wrap(generator, around):
            plain(5)
            list(generator(1))

    stays_flat(cycle, COUNT, lambda: (plain, generator, plain.__code__))
    if kept is not None:
        kept.undo()


def test_contexts_that_die_without_leaving() -> None:
    with localize(plain):

        def cycle() -> None:
            Context().run(lambda: local.override(plain, LIMIT=[1]).start())

        stays_flat(cycle, COUNT, lambda: (plain,))


def test_a_context_that_dies_is_gone_at_once() -> None:
    class Value:
        pass

    value = Value()
    gone = weakref.ref(value)
    context = Context()
    with localize(plain):
        gc.disable()
        try:
            context.run(lambda: local.override(plain, LIMIT=value).start())  # noqa: B023
            context.run(lambda: local.wrap(plain, around).start())
            del context, value
            assert gone() is None
        finally:
            gc.enable()


def test_changes_undone_elsewhere_while_contexts_live() -> None:
    contexts = [Context() for _ in range(3)]
    with localize(plain):

        def cycle() -> None:
            change = local.override(plain, LIMIT=[1])
            for context in contexts:
                context.run(change.start)
            copies = [context.run(copy_context) for context in contexts]
            for _ in contexts:
                copies[0].run(change.undo)

        stays_flat(cycle, COUNT, lambda: (plain,))


def test_functions_that_die() -> None:
    def cycle() -> None:
        def f() -> Any:
            return LIMIT, f

        @localized
        def g() -> Iterator[Any]:
            yield LIMIT, g

        with local.override(f, LIMIT=1), local.override(g, LIMIT=1):
            f()
            list(g())
        localize(f)
        f()

    stays_flat(cycle, max(60, COUNT // 10), every=50)
