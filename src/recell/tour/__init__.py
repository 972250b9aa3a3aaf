"""`recell tour`: every capability at work on functions that nobody here wrote, each step checked and undone.

A step is a function that takes a `Stage`; the modules beside this one hold them by capability.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CHAPTERS", "Stage", "Step", "run", "steps"]

CHAPTERS = ("cells", "functions", "names", "patching", "nested", "generation", "reloading")


class Step(NamedTuple):
    """One stop of the tour."""

    title: str
    play: Callable[[Stage], None]


class Stage:
    """What a step speaks to: it prints, counts the checks, and remembers those that failed."""

    checked: int

    def __init__(self, out: TextIO) -> None:
        self.out = out
        self.checked = 0
        self.failed: list[str] = []

    def say(self, text: str) -> None:
        """A sentence about what happens next."""
        self.out.write(f"   {text}\n")

    def did(self, call: str, result: object = ...) -> None:
        """A call as a user would write it, and what came of it."""
        self.out.write(f"     >>> {call}\n")
        if result is not ...:
            self.out.write(f"     {result!r}\n")

    def check(self, law: str, holds: bool) -> None:
        """A statement that must be true now."""
        self.checked += 1
        self.out.write(f"   {'ok' if holds else 'FAILED'}: {law}\n")
        if not holds:
            self.failed.append(law)


def steps() -> list[Step]:
    """All stops, in order."""
    found: list[Step] = []
    for chapter in CHAPTERS:
        found.extend(import_module(f"{__name__}.{chapter}").STEPS)
    return found


def run(out: TextIO) -> bool:
    """Play every step; returns whether every check held."""
    stage = Stage(out)
    stops = steps()
    for number, step in enumerate(stops, 1):
        out.write(f"\n{number}/{len(stops)}  {step.title}\n")
        before = stage.checked
        try:
            step.play(stage)
        except Exception as error:  # noqa: BLE001 - the tour goes on and tells
            stage.check(f"{step.title}: {type(error).__name__}: {error}", False)
        if stage.checked == before:
            stage.check(f"{step.title}: the step checked something", False)
        out.flush()
    out.write(
        f"\n{len(stops)} steps, {stage.checked - len(stage.failed)} checks held, {len(stage.failed)} failed\n"
    )
    for law in stage.failed:
        out.write(f"  failed: {law}\n")
    return not stage.failed
