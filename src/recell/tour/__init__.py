"""`recell tour`: every capability at work on functions that nobody here wrote, each step checked and undone.

A step is a function that takes a `Stage`; the modules beside this one hold them by capability. `recell doctor` plays
the same steps without their words.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, TextIO, Tuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Thread

__all__ = ["CHAPTERS", "Outcome", "PassedOver", "Stage", "Step", "play", "run", "steps"]

CHAPTERS = (
    "cells",
    "functions",
    "names",
    "patching",
    "local",
    "nested",
    "generation",
    "rewriting",
    "reloading",
)


class Step(NamedTuple):
    """One stop of the tour, and the public names that it shows at work."""

    title: str
    verbs: Tuple[str, ...]
    show: Callable[[Stage], None]


class PassedOver(Exception):  # noqa: N818 - it is not an error
    """A step needs something that this interpreter has not."""


class Outcome(NamedTuple):
    """The result of a step: "works", "not here" or "BROKEN", and why."""

    state: str
    detail: str


class Stage:
    """The narrator of a step: it prints, counts the checks, and remembers those that failed.

    Args:
        out: where the words go; None for a silent stage.
    """

    checked: int

    def __init__(self, out: TextIO | None = None) -> None:
        self.out = out
        self.checked = 0
        self.failed: list[str] = []

    def write(self, text: str) -> None:
        """Print a line, unless the stage is silent."""
        if self.out is not None:
            self.out.write(text + "\n")

    def say(self, text: str) -> None:
        """Print a sentence about what happens next."""
        self.write(f"   {text}")

    def did(self, call: str, result: object = ...) -> None:
        """Print a call as a user would write it, and its result."""
        self.write(f"     >>> {call}")
        if result is not ...:
            self.write(f"     {result!r}")

    def check(self, law: str, holds: bool) -> None:
        """Print a statement that must be true now, and note whether it is."""
        self.checked += 1
        self.write(f"   {'ok' if holds else 'FAILED'}: {law}")
        if not holds:
            self.failed.append(law)

    def start(self, *threads: Thread) -> bool:
        """Start threads; False where there are none, as in browsers: the part that needs them is passed over."""
        try:
            for thread in threads:
                thread.start()
        except RuntimeError as error:
            self.say(f"passed over, without threads: {error}")
            return False
        return True

    def source(self, path: str | None) -> str:
        """Return the text of a module's file; where it cannot be read, the step is passed over."""
        try:
            with open(path or "", encoding="utf-8") as stream:
                return stream.read()
        except OSError as error:
            msg = f"it needs a source file: {error}"
            raise PassedOver(msg) from None


def steps() -> list[Step]:
    """Return all stops, in order."""
    found: list[Step] = []
    for chapter in CHAPTERS:
        found.extend(import_module(f"{__name__}.{chapter}").STEPS)
    return found


def play(step: Step, stage: Stage) -> Outcome:
    """Play one step; whatever it raises is part of the outcome."""
    from recell.errors import UnsupportedPythonError

    before, failed = stage.checked, len(stage.failed)
    try:
        step.show(stage)
    except (PassedOver, UnsupportedPythonError) as reason:
        stage.say(f"passed over: {reason}")
        return Outcome("not here", str(reason))
    except Exception as error:  # noqa: BLE001 - whatever goes wrong is the outcome
        stage.check(f"{step.title}: {type(error).__name__}: {error}", False)
    if stage.checked == before:
        stage.check(f"{step.title}: the step checked something", False)
    wrong = stage.failed[failed:]
    return Outcome("BROKEN", "; ".join(wrong)) if wrong else Outcome("works", "")


def run(out: TextIO) -> bool:
    """Play every step; return whether every check held."""
    stage = Stage(out)
    stops = steps()
    passed_over = 0
    for number, step in enumerate(stops, 1):
        out.write(f"\n{number}/{len(stops)}  {step.title}\n")
        passed_over += play(step, stage).state == "not here"
        out.flush()
    held = stage.checked - len(stage.failed)
    left = f", {passed_over} passed over" if passed_over else ""
    out.write(f"\n{len(stops)} steps{left}, {held} checks held, {len(stage.failed)} failed\n")
    for law in stage.failed:
        out.write(f"  failed: {law}\n")
    return not stage.failed
