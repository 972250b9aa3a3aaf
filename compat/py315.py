"""CPython 3.15: RESUME, GET_ITER and CALL_FUNCTION_EX gain a cache unit, and an iterator takes two places.

GET_ITER takes an argument, pushes the iterator and an index or NULL (gh-132554), and does `yield from`'s work, so that
GET_YIELD_FROM_ITER is gone; SEND, FOR_ITER, END_SEND, POP_ITER expect both. LOAD_COMMON_CONSTANT knows more constants
(None, '', True, False, -1); IMPORT_NAME's two lowest bits say whether the import is lazy; `opcode`'s tables are frozen
dicts and tuples; `co_lnotab` is gone from code objects. The cell and name opcodes are those of 3.14. Lazy imports
(PEP 810) may leave `types.LazyImportType` objects in globals. Source: Python/bytecodes.c of the 3.15 branch, `dis`.
"""

from __future__ import annotations

from ._effects import changed, opcodes, without
from ._trusts import rows
from .py314 import RELEASE as PREVIOUS


def load_common_constant(number: int) -> str:
    """Exception types, functions, types, then None, '', True, False, -1."""
    return {7: "-- none", 8: "-- str", 9: "-- bool", 10: "-- bool"}.get(number, "-- object")


RELEASE = PREVIOUS._replace(
    version=(3, 15),
    caches={**PREVIOUS.caches, "RESUME": 1, "GET_ITER": 1, "CALL_FUNCTION_EX": 1},
    name_shift={**PREVIOUS.name_shift, "IMPORT_NAME": 2},
    # -- stack effects
    effects=changed(
        PREVIOUS.effects,
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
    jump_effects={
        **PREVIOUS.jump_effects,
        "FOR_ITER": "iterated null_or_index -- iterated null_or_index",
        "SEND": "value null_or_index value -- value null_or_index object",
    },
    argument_ranges={
        **PREVIOUS.argument_ranges,
        "LOAD_COMMON_CONSTANT": (0, 11),
        "GET_ITER": (0, 3),
        "RESUME": (0, 15),
    },
    actions={**without(PREVIOUS.actions, "GET_YIELD_FROM_ITER"), "GET_ITER": "hand_on"},
    unemitted=PREVIOUS.unemitted | {"TRACE_RECORD"},
    executors=PREVIOUS.executors | {"TRACE_RECORD"},
    before_generator=PREVIOUS.before_generator
    | opcodes("RESUME LOAD_FAST LOAD_FAST_BORROW GET_ITER PUSH_NULL GET_AITER"),
    loop_tail=("POP_ITER", "LOAD_COMMON_CONSTANT", "RETURN_VALUE"),
    resume_before_generator=4,  # a generator expression takes its iterator first
    fresh_counter=9,  # the backoff has three bits instead of four
    quiet=PREVIOUS.quiet | {"LOAD_COMMON_CONSTANT"},
)
# Python/bytecodes.c: what has an index is iterated over as it is
RELEASE = RELEASE._replace(
    trusts=rows(
        PREVIOUS.trusts,
        RELEASE.effects,
        {
            "table lent": "GET_ITER",
            "target iterator neighbours": "FOR_ITER SEND",
            "iterator": "POP_ITER END_FOR",
            "iterator lent": "END_SEND",
        },
    )
)
