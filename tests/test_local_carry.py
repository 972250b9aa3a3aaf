"""Context-local changes carried elsewhere, their limits, and what they keep alive: nothing."""

from __future__ import annotations

import asyncio
import gc
import inspect
import threading
import warnings
import weakref
from contextvars import Context, copy_context
from types import SimpleNamespace
from typing import Any, Iterator

import pytest
from localizing import allowed, as_before, elsewhere  # noqa: F401 - a fixture

import recell
from recell import (
    ChangeError,
    UnsupportedPythonError,
    local,
    localize,
    localized,
)

LIMIT = 10


class TestCarry:
    def test_into_a_thread(self) -> None:
        results = []
        with local.override(allowed, LIMIT=3) as change:
            for target in (
                lambda: results.append(allowed(5)),
                change.carry(lambda: results.append(allowed(5))),
            ):
                thread = threading.Thread(target=target)
                thread.start()
                thread.join()
        assert results[-1] is False

    def test_it_keeps_the_caller_s_context(self) -> None:
        def f() -> Any:
            return LIMIT, len([])

        with local.override(f, LIMIT=3) as change:
            carried = change.carry(f)

        def there() -> Any:
            with local.override(allowed, LIMIT=1):
                return carried()

        with pytest.raises(ChangeError):
            there()
        with local.override(f, LIMIT=3) as change:
            assert elsewhere(change.carry(f)) == (3, 0)

    def test_coroutine_functions(self) -> None:
        async def f() -> Any:
            await asyncio.sleep(0)
            return allowed(5)

        with local.override(allowed, LIMIT=3) as change:
            carried = change.carry(f)
            assert inspect.iscoroutinefunction(carried)
            assert elsewhere(lambda: asyncio.run(carried())) is False

    def test_an_inactive_change_cannot_be_carried(self) -> None:
        change = local.override(allowed, LIMIT=3)
        with pytest.raises(ChangeError):
            change.carry(allowed)

    def test_what_is_carried_ends_with_the_change(self) -> None:
        with local.override(allowed, LIMIT=3) as change:
            carried = change.carry(allowed)
        with pytest.raises(ChangeError, match="undone meanwhile"):
            carried(5)

    def test_generators_and_what_is_no_function(self) -> None:
        def generator() -> Iterator[int]:
            yield 1

        with local.override(allowed, LIMIT=3) as change:
            with pytest.raises(TypeError, match="generator"):
                change.carry(generator)
            with pytest.raises(TypeError):
                change.carry(5)  # type: ignore[type-var]


class TestLimits:
    def test_a_suspended_generator_shows_its_change_to_whoever_advances_it(self) -> None:
        def stepwise() -> Iterator[Any]:
            with local.override(allowed, LIMIT=3):
                yield allowed(5)
            yield allowed(5)

        steps = stepwise()
        assert next(steps) is False
        assert allowed(5) is False  # the stated limit
        assert next(steps) is True
        assert allowed(5) is True

    def test_a_thread_that_dies_without_leaving(self) -> None:
        change = localize(allowed)
        thread = threading.Thread(target=lambda: local.override(allowed, LIMIT=3).start())
        thread.start()
        thread.join()
        assert allowed(5)
        del thread  # from 3.14 on it keeps the context that knows of it
        gc.collect()
        change.undo()


class TestWithoutTheGil:
    @pytest.fixture
    def other_thread(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        from recell.layers import exchange

        monkeypatch.setattr(exchange, "NO_GIL", True)
        monkeypatch.setattr(exchange, "_without_gil", lambda: True)
        stop = threading.Event()
        thread = threading.Thread(target=stop.wait)
        thread.start()
        yield
        stop.set()
        thread.join()

    def test_what_is_not_localized_is_refused_with_the_hint(self, other_thread: None) -> None:
        for change in (
            local.override(allowed, LIMIT=3),
            local.swap(allowed, lambda n, *, least: 1),
            local.wrap(allowed, lambda func: func),
        ):
            with pytest.raises(UnsupportedPythonError, match="localize"):
                change.start()
            assert not change.active
        with pytest.raises(UnsupportedPythonError):
            localize(allowed)

    def test_localized_functions_work(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from recell.layers import exchange

        with localize(allowed):
            monkeypatch.setattr(exchange, "NO_GIL", True)
            monkeypatch.setattr(exchange, "_without_gil", lambda: True)
            results: list[Any] = []

            def work() -> None:
                with local.override(allowed, LIMIT=3), local.wrap(allowed, lambda func: func):
                    results.append(allowed(5))
                with recell.override(allowed, LIMIT=4):
                    results.append(allowed(5))

            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
            monkeypatch.undo()
        assert results == [False, False]

    def test_a_guard_stays_where_it_cannot_be_removed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from recell.layers import exchange

        change = local.override(allowed, LIMIT=3).start()
        monkeypatch.setattr(exchange, "NO_GIL", True)
        monkeypatch.setattr(exchange, "_without_gil", lambda: True)
        results: list[Any] = []
        thread = threading.Thread(target=lambda: (change.undo(), results.append(allowed(5))))
        thread.start()
        thread.join()
        monkeypatch.undo()
        assert results == [True]
        with local.override(allowed, LIMIT=3):
            assert not allowed(5)


class TestNothingIsKeptAlive:
    def test_a_function_that_was_changed_and_contexts_that_know_it(self) -> None:
        def made() -> Any:
            big = SimpleNamespace()

            def f() -> Any:
                return LIMIT, big, f

            return f

        contexts = []
        f = made()
        gone = weakref.ref(f)
        with local.override(f, LIMIT=1):
            contexts.append(copy_context())
            f()
        with local.swap(f, lambda: 1), local.wrap(f, lambda func: lambda: func()):
            contexts.append(copy_context())
            f()
        del f
        gc.collect()
        assert gone() is None
        del contexts

    def test_a_localized_function(self) -> None:
        for kind in (localize, localized):

            def made() -> Any:
                def f() -> Any:
                    yield LIMIT, f

                return f

            f = made()
            result = kind(f)
            if kind is localized:
                f = result
            with local.override(f, LIMIT=1):
                list(f())
            gone = weakref.ref(f)
            del f, result
            gc.collect()
            assert gone() is None

    def test_values_of_a_context_that_is_gone(self) -> None:
        class Value:
            pass

        value = Value()
        gone = weakref.ref(value)
        context = Context()
        context.run(lambda: local.override(allowed, LIMIT=value).start())  # noqa: B023
        del context, value
        gc.collect()
        assert gone() is None
        with local.override(allowed, LIMIT=1):
            pass

    def test_values_of_a_change_that_was_undone(self) -> None:
        class Value:
            pass

        value = Value()
        gone = weakref.ref(value)
        with localize(allowed):
            change = local.override(allowed, LIMIT=value).start()
            inherited = copy_context()
            change.undo()
            del change, value
            gc.collect()
            assert gone() is None
            assert inherited.run(allowed, 5)


def test_warnings_are_attributed_to_the_caller() -> None:
    """A localized function has no frame of its own more, so `stacklevel` means what it meant."""

    def warns() -> None:
        warnings.warn("x", UserWarning, stacklevel=2)

    with localize(warns), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warns()
    assert caught[0].filename == __file__
