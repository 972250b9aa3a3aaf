"""`local.override`, `local.swap`, `local.wrap`: what this context sees, and nobody else."""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import Any, Callable, Iterator
from unittest import mock

import pytest
from localizing import allowed, as_before, elsewhere  # noqa: F401 - a fixture

import recell
from recell import (
    ScopeError,
    local,
)

LIMIT = 10


class TestOverride:
    def test_only_this_context_sees_it(self) -> None:
        with local.override(allowed, LIMIT=3) as change:
            assert not allowed(5)
            assert elsewhere(allowed, 5)
            assert change.active
            assert change["LIMIT"] == 3
            assert dict(change) == {"LIMIT": 3}
        assert allowed(5)
        assert not change.active

    def test_the_later_one_counts_and_the_earlier_comes_back(self) -> None:
        with local.override(allowed, LIMIT=3):
            with local.override(allowed, LIMIT=7):
                assert allowed(5)
                assert not allowed(8)
            assert not allowed(5)

    def test_different_names_add_up(self) -> None:
        def f() -> Any:
            return LIMIT, len([1])

        with local.override(f, LIMIT=3), local.override(f, len=lambda _: 9):
            assert f() == (3, 9)
        assert f() == (10, 1)

    def test_dotted_names_cells_and_empty(self) -> None:
        import time

        free = 1

        def f() -> Any:
            return time.time(), free

        with local.override(f, {"time.time": lambda: 0}, free=recell.make_cell(5)):
            assert f() == (0, 5)
        with local.override(f, free=recell.EMPTY), pytest.raises(NameError):
            f()
        assert free == 1

    def test_what_it_assigns_goes_to_a_cell_of_each_entry(self) -> None:
        count = 0

        def bump() -> int:
            nonlocal count
            count += 1
            return count

        change = local.override(bump, count=10)
        with change:
            assert (bump(), bump()) == (11, 12)
            assert elsewhere(bump) == 1
        with change:
            assert bump() == 11
        assert count == 1

    def test_a_mock_for_default(self) -> None:
        with local.override(allowed, LIMIT=mock.DEFAULT) as fakes:
            assert isinstance(fakes["LIMIT"], mock.NonCallableMagicMock)

    def test_a_class_means_its_functions(self) -> None:
        class Shop:
            def price(self) -> int:
                return LIMIT

            @staticmethod
            def tax() -> int:
                return LIMIT + 1

            @property
            def both(self) -> int:
                return self.price() + Shop.tax()

        with local.override(Shop, LIMIT=1):
            assert Shop().both == 3
            assert elsewhere(lambda: Shop().both) == 21

    def test_super_and_recursion(self) -> None:
        class Base:
            def depth(self, n: int) -> int:
                return LIMIT

        class Derived(Base):
            def depth(self, n: int) -> int:
                return self.depth(n - 1) if n else super().depth(n) + LIMIT

        with local.override(Derived, LIMIT=1):
            assert Derived().depth(3) == 11
        assert Derived().depth(3) == 20

    def test_names_that_are_not_used_are_refused(self) -> None:
        with pytest.raises(ScopeError, match="LIMIT"):
            local.override(allowed, LIMTI=3)

    def test_it_starts_from_the_own_code_under_a_swap(self) -> None:
        with recell.swap(allowed, lambda n, *, least=0: "swapped"):
            assert allowed(5) == "swapped"
            with local.override(allowed, LIMIT=3):
                assert allowed(5) is False
                assert elsewhere(allowed, 5) == "swapped"
            assert allowed(5) == "swapped"

    def test_it_sees_the_overrides_of_the_process(self) -> None:
        def f() -> Any:
            return LIMIT, len([1])

        with local.override(f, LIMIT=3):
            with recell.override(f, LIMIT=1, len=lambda _: 9):
                assert f() == (3, 9)
                assert elsewhere(f) == (1, 9)
            assert f() == (3, 1)


class TestCaches:
    """All contexts share a cache: results of one must not come to the others."""

    @staticmethod
    def cached() -> Any:
        @functools.lru_cache(maxsize=None)
        def f(n: int) -> Any:
            return n, LIMIT

        return f

    def test_they_are_refused_and_what_is_inside_is_not(self) -> None:
        f = self.cached()
        calls = (
            lambda: local.override(f, LIMIT=1),
            lambda: local.swap(f, lambda n: 1),
            lambda: local.wrap(f, lambda func: func),
        )
        for call in calls:
            with pytest.raises(TypeError, match="all contexts share"):
                call()
        with local.override(f.__wrapped__, LIMIT=1):
            assert f.__wrapped__(5) == (5, 1)
        assert f(5) == (5, 10)

    def test_in_a_class_only_those_that_use_a_name(self) -> None:
        class Shop:
            cached = functools.lru_cache(maxsize=None)(lambda self: LIMIT)

            def plain(self) -> Any:
                return len([])

        with local.override(Shop, len=lambda _: 7):
            assert Shop().plain() == 7
        with pytest.raises(TypeError, match="all contexts share"):
            local.override(Shop, LIMIT=1)


class TestSwapAndWrap:
    def test_arguments_come_as_they_are_bound(self) -> None:
        calls = []

        def fake(*args: Any, **kwargs: Any) -> str:
            calls.append((args, kwargs))
            return "fake"

        with local.swap(allowed, fake):
            assert allowed(n=5) == "fake"
            assert allowed(5, least=2) == "fake"
            assert elsewhere(allowed, 5) is True
        assert calls == [((5,), {"least": 0}), ((5,), {"least": 2})]

    @pytest.mark.parametrize(
        ("replacement", "reason"),
        [
            (lambda: 1, "0 positional"),
            (lambda n: 1, "least"),
            (lambda n, *, other, least: 1, "needs `other`"),
            (lambda n, m, *, least: 1, "needs `m`"),
            (lambda least, **rest: 1, "twice"),
            (lambda n, least, /: 1, "least"),
        ],
    )
    def test_a_replacement_that_cannot_take_the_parameters(self, replacement: Any, reason: str) -> None:
        with pytest.raises(TypeError, match=reason):
            local.swap(allowed, replacement)
        with pytest.raises(TypeError, match=reason):
            local.wrap(allowed, lambda _: replacement)

    def test_star_parameters(self) -> None:
        def many(*args: Any, **kwargs: Any) -> Any:
            return args, kwargs

        with pytest.raises(TypeError, match=r"\*args"):
            local.swap(many, lambda a, **k: 1)
        with pytest.raises(TypeError, match=r"\*\*kwargs"):
            local.swap(many, lambda *a: 1)
        with local.swap(many, lambda *a, **k: (k, a)):
            assert many(1, x=2) == ({"x": 2}, (1,))

    def test_any_callable_replaces(self) -> None:
        def f(a: int, b: int) -> int:
            return a + b

        fake = mock.Mock(return_value="mocked")
        with local.swap(f, fake):
            assert f(1, b=2) == "mocked"
        fake.assert_called_once_with(1, 2)
        with local.swap(f, max):
            assert f(1, 5) == 5

    def test_a_mock_for_default(self) -> None:
        with local.swap(allowed, mock.DEFAULT) as change:
            change.replacement.return_value = "mocked"
            assert allowed(5) == "mocked"
            change.replacement.assert_called_once_with(5, least=0)

    def test_a_circle_is_refused(self) -> None:
        with pytest.raises(ScopeError, match="wrap"):
            local.swap(allowed, allowed)

    def test_wrappers_nest_and_call_what_is_beneath(self) -> None:
        def area(a: int, b: int = 2) -> int:
            return a * b

        def plus(value: int) -> Callable[[Any], Any]:
            return lambda func: lambda a, b=2: func(a, b) + value

        with local.wrap(area, plus(10)), local.wrap(area, plus(100)):
            assert area(3) == 116
            with recell.wrap(area, plus(1000)):
                assert area(3) == 1116
                assert elsewhere(area, 3) == 1006
            assert area(3) == 116
        assert area(3) == 6

    def test_what_is_wrapped_looks_like_the_function(self) -> None:
        seen = []

        def f(a: int, b: int = 2, *, c: int = 3) -> int:
            "Doc."
            return a + b + c

        def decorator(func: Any) -> Any:
            seen.append((inspect.signature(func), func.__doc__, func.__name__, func(1)))
            return lambda *args, **kwargs: func(*args, **kwargs)

        with local.wrap(f, decorator):
            assert f(1) == 6
        [(signature, doc, name, result)] = seen
        assert (signature, doc, name, result) == (inspect.signature(f), "Doc.", "f", 6)

    def test_kinds_are_bridged_as_for_the_process(self) -> None:
        async def coroutine(n: int) -> int:
            return n

        def generator(n: int) -> Iterator[int]:
            yield n

        with local.swap(coroutine, lambda n: n + 1):
            assert asyncio.run(coroutine(1)) == 2
            assert inspect.iscoroutinefunction(coroutine)
        with local.swap(generator, lambda n: [n, n]):
            assert list(generator(1)) == [1, 1]
        with pytest.raises(TypeError, match="generator"):
            local.swap(generator, coroutine)

    def test_what_a_decorator_returns_is_checked(self) -> None:
        with pytest.raises(TypeError, match="callable"):
            local.wrap(allowed, lambda _: None)
        with pytest.raises(TypeError, match="decorator"):
            local.wrap(allowed, 5)  # type: ignore[arg-type]
