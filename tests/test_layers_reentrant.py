"""Changes made in the middle of another of the same function: by trace functions, the collector, finalizers, signals.

Whoever comes in between, no error but recell's own is raised, and what is in force is the base plus what is active.
"""

from __future__ import annotations

import gc
import itertools
import os
import random
import signal
import sys
import time
from typing import Any, Callable, Iterator

import pytest
from collecting import collecting
from layering import BENEATH, FRESH, PROBED, VERBS, Scene, make, scene, seen
from sizes import FULL, SEED, pick

import recell
from recell.layers.locking import LOCK

RECELL = os.path.dirname(recell.__file__)
MOST = 200_000
"""More lines than any entering or leaving runs: what goes on longer never ends."""

# what each shows in the result: whatever else is active, and in whatever order it came
PLACES: dict[str, tuple[int, Any, Callable[[Any], Any]]] = {
    "constant": (3, 5, lambda func: recell.override(func, LIMIT=5)),
    "private cell": (1, 5, lambda func: recell.override(func, a=5)),
    "growth": (4, 5, lambda func: recell.override(func, COUNT=5)),
    "patch_closure": (2, 5, lambda func: recell.patch_closure(func, b=5)),
    "patch_defaults": (5, 5, lambda func: recell.patch_defaults(func, x=5)),
    "patch_inner": (7, "patched", lambda func: recell.patch_inner(func, "inner", lambda: "patched")),
    "patch_code": (6, "edited", lambda func: recell.patch_code(func, INSERTED)),
    "probe": (11, 1, lambda func: recell.probe(func, lambda: PROBED or PROBED.append(1), at=recell.ENTRY)),
}
INSERTED = recell.inserted("k = 'edited'", at="probed = len(PROBED)")


class Model:
    """A function with a change of each kind, and what it returns by those that are active."""

    def __init__(self) -> None:
        self.func = make("a", "b")
        self.changes = {kind: make_it(self.func) for kind, (_, _, make_it) in PLACES.items()}
        self.code, self.closure = self.func.__code__, self.func.__closure__

    def check(self) -> None:
        assert not LOCK._is_owned()
        wanted = list(FRESH)
        for kind, (at, value, _) in PLACES.items():
            if self.changes[kind].active:
                wanted[at] = value
        PROBED.clear()
        assert self.func() == tuple(wanted)

    def end(self) -> None:
        for change in self.changes.values():
            while change.active:
                change.undo()
        assert self.func.__code__ is self.code
        assert self.func.__closure__ is self.closure
        self.check()


class Tracing:
    """A trace function that does something at lines of recell."""

    def __init__(self, action: Callable[[int], object]) -> None:
        self.action, self.lines, self.errors = action, 0, []

    def __call__(self, frame: Any, event: str, arg: Any) -> Any:
        return self.line if frame.f_code.co_filename.startswith(RECELL) else None

    def line(self, frame: Any, event: str, arg: Any) -> Any:
        if event != "line":
            return self.line
        self.lines += 1
        if self.lines > MOST:
            msg = "this never ends"
            raise AssertionError(msg)
        try:
            self.action(self.lines)
        except recell.RecellError:
            pass
        except BaseException as error:
            self.errors.append(error)
        return self.line

    def run(self, action: Callable[[], object]) -> None:
        before = sys.gettrace()
        sys.settrace(self)
        try:
            action()
        except recell.RecellError:
            pass
        finally:
            sys.settrace(before)
        assert not self.errors, self.errors[0]


def balanced(change: Any) -> None:
    with change:
        pass


def pairs() -> Iterator[tuple[str, str]]:
    found = list(itertools.product(PLACES, PLACES))
    return iter(found if FULL else random.Random(SEED).sample(found, 16))


@pytest.mark.parametrize("way", ["in", "out"])
@pytest.mark.parametrize("entered", ["nothing", "another", "itself", "the other"])
def test_a_balanced_change_at_every_line(entered: str, way: str) -> None:
    """It comes in and goes while the other one is on its way; also where the two are the same change."""
    for kind, other in pairs():
        model = Model()
        outer, inner = model.changes[kind], model.changes[other]
        third = model.changes[next(name for name in PLACES if name not in (kind, other))]
        for change in {"nothing": [], "another": [third], "itself": [outer], "the other": [inner]}[entered]:
            change.start()
        if way == "out":
            outer.start()
        tracing = Tracing(lambda line, inner=inner: balanced(inner))
        tracing.run(outer.start if way == "in" else outer.undo)
        assert tracing.lines > 20
        model.check()
        model.end()


@pytest.mark.parametrize("nested", ["enter", "leave", "leave itself", "enter itself"])
@pytest.mark.parametrize("way", ["in", "out"])
def test_one_change_at_each_line(way: str, nested: str) -> None:
    """It stays: whichever came first, what is in force is what says that it is active."""
    chance = random.Random(f"{SEED} {way} {nested}")
    for kind, other in pairs():
        places = [0]
        while places:
            at = places.pop()
            model = Model()
            outer, inner = model.changes[kind], model.changes[other]
            if nested == "leave":
                inner.start()
            if way == "out":
                outer.start()
            action = {
                "enter": inner.start,
                "leave": inner.undo,
                "leave itself": outer.undo,
                "enter itself": outer.start,
            }[nested]
            tracing = Tracing(lambda line, at=at, action=action: line == at and action())
            tracing.run(outer.start if way == "in" else outer.undo)
            model.check()
            model.end()
            if not at:
                every = range(1, tracing.lines + 1)
                places = list(every) if FULL else chance.sample(every, min(2, len(every)))


@pytest.mark.parametrize("seed", range(pick(2, 40)))
def test_random_changes_at_random_lines(seed: int) -> None:
    chance = random.Random(SEED + seed)
    model = Model()
    changes = list(model.changes.values())

    def toggle(*where: int) -> None:
        change = chance.choice(changes)
        if change.active and chance.random() < 0.6:
            change.undo()
        else:
            change.start()

    for _ in range(pick(60, 500)):
        budget = [8]

        def sometimes(line: int, budget: list[int] = budget) -> None:
            if budget[0] and chance.random() < 0.05:
                budget[0] -= 1
                toggle()

        Tracing(sometimes).run(toggle)
        model.check()
    model.end()


@pytest.mark.parametrize("kind", sorted(set(VERBS) - {"class"}))
def test_a_balanced_change_within_every_verb(kind: str) -> None:
    """Swaps, wraps, attributes and the like: another change comes and goes at every line, and the scene is as it was."""
    for beneath in pick(("nothing",), tuple(BENEATH)):
        for other in pick(("constant", "growth", "wrap"), tuple(VERBS)):
            for way in ("in", "out"):
                made = scene(kind, beneath)
                if made is None or other == "class":
                    continue
                inner = VERBS[other]

                def nested(line: int, made: Scene = made, inner: Any = inner) -> None:
                    change = inner(recell, made.target)
                    if not change.active:
                        change.start()
                    change.undo()

                inside = None
                if way == "out":
                    made.change.__enter__()
                    inside = seen(made.funcs)
                Tracing(nested).run(made.change.__enter__ if way == "in" else made.change.undo)
                if way == "in" and made.change.active:
                    inside = seen(made.funcs)
                    assert inside != made.before
                made.check(inside)


def run_beside(model: Model, rounds: int) -> None:
    chance = random.Random(SEED)
    for _ in range(rounds):
        change = chance.choice(list(model.changes.values()))
        try:
            with change:
                model.func()
        except recell.RecellError:
            pass


def test_callbacks_of_the_collector() -> None:
    """They come wherever something is allocated."""
    model = Model()
    chance = random.Random(SEED)
    errors: list[BaseException] = []
    busy: list[int] = []

    def callback(phase: str, info: Any) -> None:
        if busy:
            return
        busy.append(1)
        try:
            balanced(chance.choice(list(model.changes.values())))
        except BaseException as error:
            errors.append(error)
        finally:
            busy.clear()

    gc.callbacks.append(callback)
    try:
        with collecting(1, 1, 1):
            run_beside(model, pick(60, 5_000))
    finally:
        gc.callbacks.remove(callback)
    assert not errors, errors[0]
    model.check()
    model.end()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")
def test_handlers_of_signals() -> None:
    model = Model()
    chance = random.Random(SEED)
    changes = list(model.changes.values())
    errors: list[BaseException] = []
    busy: list[int] = []
    count = 0

    def handler(number: int, frame: Any) -> None:
        nonlocal count
        if busy:
            return
        busy.append(1)
        count += 1
        try:
            balanced(chance.choice(changes))
        except BaseException as error:
            errors.append(error)
        finally:
            busy.clear()

    before = signal.signal(signal.SIGALRM, handler)
    end = time.monotonic() + pick(0.2, 20)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
        while time.monotonic() < end:
            run_beside(model, 5)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert count > 10 and not errors, errors[:1]
    model.check()
    model.end()
