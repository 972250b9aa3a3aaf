"""In place and back again, while others are calling: a thread pool's sleep, a closure, `json.dumps`."""

from __future__ import annotations

from threading import Event, Thread
from types import FunctionType
from typing import TYPE_CHECKING, Any, List

import recell
from recell.tour import Stage, Step

if TYPE_CHECKING:
    from collections.abc import Callable


def fake_sleep_for_one_function(stage: Stage) -> None:
    """A function of the standard library is told not to sleep; everybody else sleeps on."""
    import time
    from multiprocessing.pool import ThreadPool

    pause: FunctionType = vars(ThreadPool)["_wait_for_updates"]
    code = pause.__code__
    stage.say("multiprocessing.pool.ThreadPool waits for its workers with time.sleep:")
    naps: List[float] = []
    slept: List[float] = []

    def sleeper() -> None:
        start = time.monotonic()
        time.sleep(0.05)
        slept.append(time.monotonic() - start)

    other = Thread(target=sleeper)
    with recell.override(pause, {"time.sleep": naps.append}) as change:
        stage.did('with recell.override(ThreadPool._wait_for_updates, {"time.sleep": naps.append})', change)
        threads = stage.start(other)
        start = time.monotonic()
        pause(None, [], None, 3600)
        took = time.monotonic() - start
        if threads:
            other.join()
    stage.did("naps", naps)
    stage.check("an hour's sleep in that function took no time", naps == [3600] and took < 60)
    if threads:
        stage.check("another thread slept as long as ever meanwhile", bool(slept) and slept[0] >= 0.04)
    stage.check("undone: the very same code", pause.__code__ is code)


def swap_under_threads(stage: Stage) -> None:
    """A closure is swapped for one with more free variables, and back, while threads call it."""

    def adder(step: int) -> Callable[[int], int]:
        return lambda value: value + step

    def scaler(step: int, factor: int, offset: int) -> Callable[[int], int]:
        return lambda value: value * factor + offset + step

    target: Any = adder(1)
    allowed = {target(10), 10 * 2 + 5 + 1}
    seen: set[int] = set()
    stop = Event()

    def caller() -> None:
        while not stop.is_set():
            seen.add(target(10))

    threads = [Thread(target=caller) for _ in range(2)]
    threads = threads if stage.start(*threads) else []
    before = target.__code__, target.__closure__
    stage.did(
        "change = recell.swap(target, replacement)  # 1 free variable, then 3; 200 times, 2 threads calling"
    )
    replacement = scaler(1, 2, 5)
    for _ in range(200):
        change = recell.swap(target, replacement)
        change.undo()
    with recell.swap(target, replacement):
        stage.did("recell.closure(target)", recell.closure(target))
        stage.check("the same object does the other thing", target(10) == 26)
    stop.set()
    for thread in threads:
        thread.join()
    stage.check("no thread saw anything but the old value or the new", seen <= allowed)
    stage.check(
        "undone: the very same code and closure",
        target.__code__ is before[0] and target.__closure__ is before[1],
    )


def count_calls(stage: Stage) -> None:
    """Every call of json.dumps is counted, also through names that were imported long ago."""
    import json
    from json import dumps as imported_earlier

    calls: List[object] = []

    def counting(original: Callable[..., str]) -> Callable[..., str]:
        def count(obj: object, **options: Any) -> str:
            calls.append(obj)
            return original(obj, **options)

        return count

    with recell.wrap(json.dumps, counting) as change:
        stage.did("with recell.wrap(json.dumps, counting)", change)
        imported_earlier([1])
        json.dumps({"a": 1}, indent=None)
    json.dumps("not counted")
    stage.check("both names led to the counter, and only inside the with", calls == [[1], {"a": 1}])


def watch_calls(stage: Stage) -> None:
    """A spy records the calls of json.JSONEncoder.encode, what they returned and what they raised."""
    import json

    encode = json.JSONEncoder().encode
    with recell.spy(encode) as seen:
        stage.did("with recell.spy(json.JSONEncoder().encode) as seen", seen)
        json.dumps([1])
        try:
            json.dumps(stage)
        except TypeError as error:
            stage.check("the error is the caller's, and recorded", seen.raised == [error])
        stage.did("seen.returned, seen.mock.call_count", (seen.returned, seen.mock.call_count))
    stage.check("calls by any encoder are seen", seen.returned == ["[1]"] and seen.mock.call_count == 2)
    seen.mock.assert_any_call([1])
    json.dumps([2])
    stage.check("undone: nothing more is recorded", seen.mock.call_count == 2)


class Titled:
    """Stands in for `textwrap.TextWrapper`."""

    def fill(self, text: str) -> str:
        return text.title()


def undo_several_changes(stage: Stage) -> None:
    """Several changes under one handle, and a generator that finishes with its old code."""
    import textwrap

    def numbers() -> Any:
        yield 1
        yield 2

    old = numbers()
    next(old)
    with recell.Patcher() as patcher:
        patcher.swap(numbers, lambda: iter([10]))
        patcher.override(textwrap.fill, TextWrapper=lambda **options: Titled())
        patcher.setitem(vars(textwrap), "NEW", 1)
        stage.did(
            "with recell.Patcher() as patcher: patcher.swap(…); patcher.override(…); patcher.setitem(…)"
        )
        stage.check("all of them are in force", list(numbers()) == [10] and "NEW" in vars(textwrap))
        stage.check("also in textwrap.fill", textwrap.fill("a text") == "A Text")
        stage.did("recell.running(old.gi_code)", recell.running(old.gi_code))
        stage.check("the generator made before goes on as it began", recell.running(old.gi_code) == [old])
    stage.check("undone together", list(numbers()) == [1, 2] and "NEW" not in vars(textwrap))
    stage.check("and the generator finished with its old code", list(old) == [2])


def give_a_default(stage: Stage) -> None:
    """textwrap.shorten has a default of ' [...]'; for a while it is another, and recell says what is in force."""
    import textwrap

    text = "one two three four"
    with recell.patch_defaults(textwrap.TextWrapper.__init__, placeholder=" ..."):
        stage.did('with recell.patch_defaults(textwrap.TextWrapper.__init__, placeholder=" ...")')
        found = recell.active_changes(textwrap.TextWrapper.__init__)
        stage.did("recell.active_changes(textwrap.TextWrapper.__init__)", found)
        stage.check("the change is listed", len(found) == 1)
        stage.check("the default is another", textwrap.shorten(text, 12) == "one two ...")
    stage.check("undone: the old default", textwrap.shorten(text, 12) == "one [...]")


STEPS = [
    Step("A name faked for one function alone: time.sleep", ("override",), fake_sleep_for_one_function),
    Step("A closure swapped for one with more free variables, under threads", ("swap",), swap_under_threads),
    Step("Every reference counted: json.dumps wrapped in place", ("wrap",), count_calls),
    Step("Calls watched: json.JSONEncoder.encode", ("spy",), watch_calls),
    Step(
        "Another default for a while: textwrap.TextWrapper",
        ("patch_defaults", "active_changes"),
        give_a_default,
    ),
    Step("Several changes under one handle", ("Patcher", "running"), undo_several_changes),
]
