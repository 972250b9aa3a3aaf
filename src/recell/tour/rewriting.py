"""Code edited, and a function watched from inside: `textwrap.shorten`."""

from __future__ import annotations

from typing import Any, List

import recell
from recell.tour import Stage, Step


def edit_code(stage: Stage) -> None:
    """A copy of textwrap.shorten shouts and is narrow; the original is as it was."""
    import textwrap

    def narrow(**options: Any) -> textwrap.TextWrapper:
        return textwrap.TextWrapper(9, max_lines=1)

    edits = (
        recell.inserted("text = text.upper()", at=recell.ENTRY),
        recell.call_replaced("TextWrapper", narrow),
    )
    stage.did("upper = recell.inserted('text = text.upper()', at=recell.ENTRY)")
    stage.did('edits = upper, recell.call_replaced("TextWrapper", narrow)')
    loud = recell.rewrite(textwrap.shorten, *edits)
    stage.did('recell.rewrite(textwrap.shorten, *edits)("one two", 80)', loud("one two", 80))
    stage.check("the copy shouts", loud("one two", 80) == "ONE TWO")
    stage.check("and is narrow", loud("one two three", 80) == "ONE [...]")
    stage.check("the original is as it was", textwrap.shorten("one two three", 80) == "one two three")
    with recell.patch_code(textwrap.shorten, edits[0]) as change:
        stage.did("with recell.patch_code(textwrap.shorten, edits[0])", change)
        stage.check("in place, for a while", textwrap.shorten("one", 80) == "ONE")
    stage.check("undone", textwrap.shorten("one", 80) == "one")


def watch_inside(stage: Stage) -> None:
    """textwrap.shorten is watched as it is called, long texts alone, for whoever holds it."""
    import textwrap

    seen: List[object] = []

    def note(text: str, width: int) -> None:
        seen.append((text, width))

    with recell.probe(textwrap.shorten, note, at=recell.ENTRY, when="len(text) > 5") as probe:
        textwrap.shorten("short", 10)
        textwrap.shorten("long enough", 10)
        stage.did('recell.probe(textwrap.shorten, note, at=recell.ENTRY, when="len(text) > 5")', probe)
        stage.did("seen", seen)
        stage.check("it saw the long text alone", seen == [("long enough", 10)] and probe.hits == 1)
    textwrap.shorten("long enough", 10)
    stage.check("undone: nothing is watched", len(seen) == 1)


STEPS = [
    Step(
        "Code edited by hand: textwrap.shorten",
        ("rewrite", "inserted", "call_replaced", "patch_code"),
        edit_code,
    ),
    Step("A function watched from inside: textwrap.shorten", ("probe",), watch_inside),
]
