"""Guards under observation: trace functions, profilers, monitoring, wrong calls, and nesting as deep as it goes."""

from __future__ import annotations

import asyncio
import sys
from typing import Any, AsyncIterator, Callable, Iterator

import pytest
from sizes import pick

from recell import local, localize

LIMIT = 0


def plain(a: int, b: int = 1, *c: int, d: int = 2, **e: int) -> Any:
    return a, LIMIT


def generator(a: int) -> Iterator[Any]:
    sent = yield a, LIMIT
    yield sent


async def coroutine(a: int) -> Any:
    return a, LIMIT


async def stream(a: int) -> AsyncIterator[Any]:
    yield a, LIMIT
    yield 2


FUNCTIONS: tuple[Callable[..., Any], ...] = (plain, generator, coroutine, stream)


def driven() -> Any:
    steps = generator(1)
    found = [plain(1), next(steps), steps.send(3)]  # type: ignore[attr-defined]

    async def main() -> Any:
        return [await coroutine(1), *[each async for each in stream(1)]]

    return found + asyncio.run(main())


def watch(frame: Any, event: str, argument: object) -> Any:
    assert frame.f_lineno is None or frame.f_locals is not None
    return watch


@pytest.mark.parametrize("observe", [sys.settrace, sys.setprofile])
def test_trace_functions_and_profilers_look_into_every_frame(observe: Any) -> None:
    expected, before = driven(), sys.gettrace() if observe is sys.settrace else sys.getprofile()
    with localize(*FUNCTIONS):
        for active in (False, True):
            changes = [local.override(func, LIMIT=5).start() for func in FUNCTIONS if active]
            observe(watch)
            try:
                found = driven()
            finally:
                observe(before)
            for change in changes:
                change.undo()
            shown = [(1, 5) if one == (1, 0) and active else one for one in expected]
            assert found == shown


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring came with 3.12")
def test_monitoring_of_every_instruction() -> None:
    monitoring = sys.monitoring  # type: ignore[attr-defined, unused-ignore]
    tool = next(number for number in range(6) if monitoring.get_tool(number) is None)
    expected, events = driven(), monitoring.events
    monitoring.use_tool_id(tool, "recell's tests")
    try:
        names = (
            "PY_START",
            "PY_RETURN",
            "PY_YIELD",
            "PY_RESUME",
            "LINE",
            "INSTRUCTION",
            "CALL",
            "JUMP",
            "RAISE",
        )
        for name in names:
            monitoring.register_callback(tool, getattr(events, name), lambda *_: None)
        with localize(*FUNCTIONS):
            for func in FUNCTIONS:
                monitoring.set_local_events(
                    tool, func.__code__, sum(getattr(events, name) for name in names if name != "RAISE")
                )
            assert driven() == expected
            with local.override(generator, LIMIT=9):
                assert next(generator(1)) == (1, 9)
    finally:
        monitoring.free_tool_id(tool)


@pytest.mark.parametrize("func", FUNCTIONS)
def test_a_wrong_call_says_what_it_said(func: Any) -> None:
    with pytest.raises(TypeError) as expected:
        func()
    with localize(func):
        for change in (localize(func), local.override(func, LIMIT=1)):
            with change, pytest.raises(TypeError) as caught:
                func()
            assert str(caught.value) == str(expected.value)


def test_recursion_and_nesting_to_the_limit() -> None:
    def deep(n: int) -> int:
        return deep(n - 1) if n else LIMIT

    with localize(deep):
        with local.override(deep, LIMIT=3):
            with pytest.raises(RecursionError):
                deep(10**6)
            assert deep(5) == 3
        count = pick(60, 1500)
        changes = [local.override(deep, LIMIT=number).start() for number in range(count)]
        assert deep(1) == count - 1
        for change in changes:
            change.undo()
        assert deep(1) == 0
