"""`verify` on every code object of the standard library: no false alarm."""

from __future__ import annotations

from verifying import verify_nested

import recell

from . import Operation


def accepted(code):
    """What the compiler made is accepted, nested code included."""
    verify_nested(code)


def accepted_live(func):
    """So is code that has run, and that the interpreter has specialised."""
    recell.verify(func.__code__)


OPERATIONS = [
    Operation("verify", accepted, over="code", sample=700, ceiling=0.0),
    Operation("verify live", accepted_live, over="live", sample=700, ceiling=0.0),
]
