"""`recell doctor`: what works on this interpreter, found out by playing the steps of the tour."""

from __future__ import annotations

import platform
import sys
from typing import Dict, TextIO

import recell
from recell.tour import Outcome, Stage, Step, play, steps

__all__ = ["examine", "run_doctor"]

_WORKS = Outcome("works", "")


def examine() -> list[tuple[Step, Outcome]]:
    """Return every step of the tour with its outcome."""
    return [(step, play(step, Stage())) for step in steps()]


def run_doctor(out: TextIO) -> bool:
    """Print the table; return whether everything works."""
    out.write(
        f"recell {recell.__version__} on {platform.python_implementation()} {sys.version.splitlines()[0]}\n"
    )
    findings: Dict[str, Outcome] = {}
    for step, outcome in examine():
        name = ", ".join(step.verbs)
        if findings.get(name, _WORKS) == _WORKS:  # of several steps the first that says otherwise
            findings[name] = outcome
    width = max(map(len, findings))
    for name, outcome in findings.items():
        out.write(f"  {name:<{width}}  {outcome.state}  {outcome.detail}".rstrip() + "\n")
    works = sum(outcome == _WORKS for outcome in findings.values())
    out.write(f"{works} of {len(findings)} capabilities work here\n")
    return works == len(findings)
