"""Context-local changes in threads that are switched as often as they can be."""

from __future__ import annotations

import sys
import threading
from typing import Any, Iterator

import pytest
from sizes import pick

import recell
from recell import local, localize

A = B = 0


def plain(x: int, *, k: int = 1) -> Any:
    inner = lambda: (A, B, x)
    return inner()


def generator(n: int) -> Iterator[Any]:
    yield A
    yield B


@pytest.fixture
def hasty() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("is_localized", [False, True])
def test_threads_see_their_own_values(is_localized: bool, hasty: None) -> None:
    """Four threads with changes of their own, and one that changes the process."""
    rounds = pick(60, 3000, debug=20)
    errors: list[Any] = []
    code = plain.__code__
    kept = localize(plain, generator) if is_localized else None
    shared = local.override(plain, B="shared")
    going = threading.Barrier(5)
    stop = threading.Event()

    def wrong(what: str, result: Any) -> None:
        errors.append((what, result))

    def own(number: int) -> None:
        mine, theirs = local.override(plain, A=number), local.override(generator, A=number)
        going.wait()
        for _ in range(rounds):
            with mine:
                result = plain(number)
                if result[0] != number or result[2] != number or result[1] not in (0, "process"):
                    wrong("own", result)
                with shared, theirs:
                    result = plain(number), tuple(generator(1))
                    if result[0] != (number, "shared", number) or result[1][0] != number:
                        wrong("both", result)
            result = plain(number)
            if result[0] != 0 or result[1] not in (0, "process"):
                wrong("after", result)

    def process() -> None:
        going.wait()
        while not stop.is_set():
            with recell.override(plain, B="process"):
                if plain(1)[1] != "process":
                    wrong("process", plain(1))

    def guarded(target: Any, *args: Any) -> None:
        try:
            target(*args)
        except BaseException as error:  # noqa: BLE001 - told below
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(own, number)) for number in range(1, 5)]
    other = threading.Thread(target=guarded, args=(process,))
    for thread in [*threads, other]:
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    other.join()
    if kept is not None:
        kept.undo()
    assert not errors
    assert not shared.active
    assert plain(5) == (0, 0, 5)
    assert plain.__code__ is code
