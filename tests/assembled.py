"""Pieces of code that the tests of what CPython takes for granted put together."""

from __future__ import annotations

import sys

import pytest
from assembling import NEW, RELEASE, assemble, has, units
from verifying import RETURN

INDEX = sys.version_info >= (3, 15)  # an iterator takes two places
NULL = (("PUSH_NULL", 0),) if INDEX else ()
DROPS = ("POP_TOP",) * (2 if INDEX else 1)
STEP = 2 if RELEASE.jump_unit == 1 else 1
ENDING = {(3, 12): ("END_FOR",), (3, 13): ("END_FOR", "POP_TOP")}.get(
    sys.version_info[:2], ("END_FOR", "POP_ITER") if has("POP_ITER") else ()
)
MANY = {"co_consts": (None, 1, "text", b"bytes", (1,), ("a", "b")), "co_stacksize": 20}
borrowing = pytest.mark.skipif(not has("LOAD_FAST_BORROW"), reason="nothing is borrowed")
cells = pytest.mark.skipif(not NEW, reason="the frame keeps cells apart")
attributes = pytest.mark.skipif(
    not has("SET_FUNCTION_ATTRIBUTE"), reason="functions are made with their attributes"
)


def distance(*instructions) -> int:
    """A jump's argument over these instructions."""
    return len(units(*instructions)) // 2 * STEP


def loop(*, ending=ENDING):
    """One turn of FOR_ITER over what lies on the stack."""
    body = ("POP_TOP", *DROPS, *RETURN)
    return (("FOR_ITER", distance(*body)), *body, *ending, *RETURN)


def call(count=0):
    return (("PRECALL", count), ("CALL", count)) if has("PRECALL") else (("CALL", count),)


def calling(load, *arguments):
    """A call of what `load` pushes."""
    if has("CALL_FUNCTION"):
        return (load, *arguments, ("CALL_FUNCTION", len(arguments)))
    null = "PUSH_NULL"
    opening = (load, null) if RELEASE.null_after_callable else (null, load)
    return (*opening, *arguments, *call(len(arguments)))


def making(constant, name=2):
    """MAKE_FUNCTION without attributes."""
    if not RELEASE.qualname_in_code:
        return (("LOAD_CONST", constant), ("LOAD_CONST", name), ("MAKE_FUNCTION", 0))
    return (("LOAD_CONST", constant), ("MAKE_FUNCTION", 0))


def with_cells(*instructions, **fields):
    """Code whose first instructions make and copy cells."""
    opening = []
    if NEW:
        if fields.get("co_freevars"):
            opening.append(("COPY_FREE_VARS", len(fields["co_freevars"])))
        names = [*fields.get("co_varnames", ())]
        names += [name for name in fields.get("co_cellvars", ()) if name not in names]
        opening += [("MAKE_CELL", names.index(name)) for name in fields.get("co_cellvars", ())]
        opening.append(("RESUME", 0))
    return assemble(*opening, *instructions, opening=False, **{**MANY, **fields})


STAR = (("CALL_INTRINSIC_1", 2), "POP_TOP") if has("CALL_INTRINSIC_1") else ("IMPORT_STAR",)
