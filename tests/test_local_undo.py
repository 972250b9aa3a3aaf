"""Context-local changes end everywhere, from anywhere; `localize`, and what is refused."""

from __future__ import annotations

import asyncio
import inspect
from contextvars import Context, copy_context
from typing import Any
from unittest import mock

import pytest
from localizing import allowed, as_before, elsewhere  # noqa: F401 - a fixture

import recell
from recell import (
    ChangeError,
    InterferenceError,
    ScopeError,
    local,
    localize,
    localized,
)

LIMIT = 10


class TestUndo:
    def test_from_any_context_it_ends_everywhere(self) -> None:
        change = local.override(allowed, LIMIT=3).start()
        inherited = copy_context()
        assert inherited.run(allowed, 5) is False
        Context().run(change.undo)
        assert allowed(5)
        assert inherited.run(allowed, 5)

    def test_twice_is_an_error(self) -> None:
        change = local.override(allowed, LIMIT=3).start()
        change.undo()
        with pytest.raises(ChangeError):
            change.undo()

    def test_each_context_leaves_its_own_entry(self) -> None:
        change = local.override(allowed, LIMIT=3)
        one, two = Context(), Context()
        one.run(change.start)
        two.run(change.start)
        one.run(change.undo)
        assert one.run(allowed, 5)
        assert not two.run(allowed, 5)
        two.run(change.undo)
        assert two.run(allowed, 5)

    def test_beneath_another(self) -> None:
        under = local.override(allowed, LIMIT=3).start()
        over = local.wrap(allowed, lambda func: lambda n, *, least: (func(n),)).start()
        assert allowed(5) == (False,)
        under.undo()
        assert allowed(5) == (True,)
        over.undo()
        assert allowed(5) is True

    def test_a_context_that_saw_one_undone_elsewhere_follows_the_process(self) -> None:
        """The guard was gone meanwhile, and with it what the context had followed last."""
        context = Context()
        process = recell.override(allowed, LIMIT=3).start()
        change = local.swap(allowed, lambda n, *, least: "swapped")
        context.run(change.start)
        change.undo()
        assert context.run(allowed, 5) is False
        process.undo()
        with local.override(allowed, LIMIT=1):
            assert context.run(allowed, 5) is True
        with recell.override(allowed, LIMIT=2), local.override(allowed, LIMIT=1):
            assert context.run(allowed, 5) is False

    def test_somebody_elses_code_is_not_overwritten(self) -> None:
        change = local.override(allowed, LIMIT=3).start()
        guard, other = allowed.__code__, (lambda n, *, least=0: "other").__code__
        allowed.__code__ = other
        with pytest.raises(InterferenceError):
            change.undo()
        assert change.active
        assert allowed.__code__ is other
        allowed.__code__ = guard
        change.undo()

    def test_decorators(self) -> None:
        @local.override(allowed, LIMIT=3)
        def plain() -> Any:
            return allowed(5), elsewhere(allowed, 5)

        @local.override(allowed, LIMIT=3)
        async def later() -> Any:
            await asyncio.sleep(0)
            return allowed(5)

        @local.override(allowed, LIMIT=3)
        class Tests:
            def test_it(self) -> Any:
                return allowed(5)

        assert plain() == (False, True)
        assert asyncio.run(later()) is False
        assert Tests().test_it() is False

    def test_changes_are_listed(self) -> None:
        with local.override(allowed, LIMIT=3) as change:
            assert recell.active_changes(allowed) == [change]
            assert "local.override" in repr(change)
            assert "LIMIT" in repr(change)


class TestLocalize:
    def test_it_is_active_until_undone(self) -> None:
        code = allowed.__code__
        change = localize(allowed)
        guard = allowed.__code__
        assert change.active
        assert guard is not code
        with local.override(allowed, LIMIT=3):
            assert allowed.__code__ is guard
        assert allowed.__code__ is guard
        change.undo()
        assert allowed.__code__ is code

    def test_undone_while_a_local_change_is_in_force(self) -> None:
        change = localize(allowed)
        with local.override(allowed, LIMIT=3):
            change.undo()
            assert not allowed(5)
        assert allowed(5)

    def test_under_and_over_changes_of_the_process(self) -> None:
        with recell.override(allowed, LIMIT=3), localize(allowed):
            assert not allowed(5)
            with local.override(allowed, LIMIT=7):
                assert allowed(5)
            assert not allowed(5)
        assert allowed(5)

    def test_undone_before_a_change_of_the_process(self) -> None:
        change = localize(allowed)
        with recell.override(allowed, LIMIT=3):
            change.undo()
            assert not allowed(5)
        assert allowed(5)

    @pytest.mark.parametrize("wrong", [len, 5, mock.Mock(), int])
    def test_what_holds_no_function(self, wrong: Any) -> None:
        with pytest.raises(TypeError):
            localize(wrong)
        with pytest.raises(TypeError):
            localize(allowed, wrong)

    def test_nothing(self) -> None:
        with pytest.raises(TypeError):
            localize()

    def test_as_a_decorator_of_the_definition(self) -> None:
        def original(n: int, *, least: int = 0) -> Any:
            "Doc."
            return LIMIT

        new = localized(original)
        assert (new.__doc__, new.__name__, inspect.signature(new)) == (
            "Doc.",
            "original",
            inspect.signature(original),
        )
        code = new.__code__
        with local.override(new, LIMIT=3):
            assert new.__code__ is code
            assert (new(1), original(1)) == (3, 10)
        assert new.__code__ is code
        with recell.override(new, LIMIT=4):
            assert new(1) == 4

    def test_of_methods(self) -> None:
        class Shop:
            @localized
            def price(self) -> Any:
                return LIMIT, super().__init__ is not None

            @localized
            @classmethod
            def made(cls) -> Any:
                return cls, LIMIT

        with local.override(Shop, LIMIT=1):
            assert Shop().price() == (1, True)
            assert Shop.made() == (Shop, 1)
        assert Shop().price() == (10, True)


def test_patch_closure_is_refused_with_the_hint() -> None:
    with pytest.raises(ScopeError, match=r"local\.override"):
        local.patch_closure(allowed, x=1)


def test_c_functions_are_refused() -> None:
    calls = (
        lambda: local.override(len, x=1),
        lambda: local.swap(len, lambda x: x),
        lambda: local.wrap(len, lambda x: x),
    )
    for call in calls:
        with pytest.raises(TypeError, match="C function"):
            call()
