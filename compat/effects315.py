"""Stack effects of CPython 3.15: an iterator takes two places, the second an index or NULL.

GET_ITER pushes both (gh-132554) and also does `yield from`'s work; SEND, FOR_ITER, END_SEND, POP_ITER expect them;
LOAD_COMMON_CONSTANT knows more constants. Source: Python/bytecodes.c of the 3.15 branch, `dis`.
"""

from __future__ import annotations

from ._effects import changed
from .effects314 import EFFECTS as PREVIOUS


def load_common_constant(number: int) -> str:
    """Exception types, functions, types, then None, '', True, False, -1."""
    return {7: "-- none", 8: "-- str", 9: "-- bool", 10: "-- bool"}.get(number, "-- object")


EFFECTS = PREVIOUS._replace(
    falls=changed(
        PREVIOUS.falls,
        "GET_YIELD_FROM_ITER",
        GET_ITER="value -- virtual index",
        FOR_ITER="iterated null_or_index -- iterated null_or_index object",
        END_FOR="value null_or_index value -- value null_or_index",
        POP_ITER="value null_or_index --",
        SEND="value null_or_index value -- value null_or_index object",
        END_SEND="value null_or_index value -- object",
        CLEANUP_THROW="value null_or_index value exc -- none null object",
        LOAD_COMMON_CONSTANT=load_common_constant,
    ),
    jumps={
        **PREVIOUS.jumps,
        "FOR_ITER": "iterated null_or_index -- iterated null_or_index",
        "SEND": "value null_or_index value -- value null_or_index object",
    },
    ranges={
        **PREVIOUS.ranges,
        "LOAD_COMMON_CONSTANT": (0, 11),
        "GET_ITER": (0, 3),
        "RESUME": (0, 15),
    },
    resume_before_generator=4,  # a generator expression takes its iterator first
    fresh_counter=9,  # the backoff has three bits instead of four
    quiet=PREVIOUS.quiet | {"LOAD_COMMON_CONSTANT"},
)
