"""CPython 3.14: annotations are evaluated on demand, and locals can be borrowed.

PEP 649/749 (`__annotate__`, its functions read names with LOAD_FROM_DICT_OR_GLOBALS), LOAD_FAST_BORROW
(gh-130704), LOAD_SMALL_INT, LOAD_COMMON_CONSTANT, CALL_KW's cache, RETURN_CONST and BINARY_SUBSCR gone (BINARY_OP does
subscripts), LOAD_SPECIAL in place of BEFORE_WITH, POP_ITER behind END_FOR, END_ASYNC_FOR jumps, CALL_FUNCTION_EX's
keyword arguments may be NULL; PEP 750 (BUILD_INTERPOLATION, BUILD_TEMPLATE); flags CO_HAS_DOCSTRING and CO_METHOD.
`dis.hasfree` lost LOAD_DEREF (gh-151321). Source: Python/bytecodes.c of the 3.14 branch.
"""

from __future__ import annotations

from ._effects import changed, each, opcodes, without
from ._trusts import rows
from .py313 import RELEASE as PREVIOUS

ANNOTATIONS_FORMAT = 132  # greater than, without the bit for a bool


def build_interpolation(flags: int) -> str | None:
    """Bit 0 says that a format specification lies on top; the conversion stands above."""
    if flags >> 2 > 3:
        return None
    return "value str value -- interpolation" if flags & 1 else "value str -- interpolation"


RELEASE = PREVIOUS._replace(
    version=(3, 14),
    docstring_flag=0x4000000,
    caches={
        **{name: units for name, units in PREVIOUS.caches.items() if name != "BINARY_SUBSCR"},
        "BINARY_OP": 5,
        "CALL_KW": 3,
    },
    relative_jumps=PREVIOUS.relative_jumps | {"END_ASYNC_FOR"},
    backward_jumps=PREVIOUS.backward_jumps | {"END_ASYNC_FOR"},
    const_opcodes=PREVIOUS.const_opcodes - {"RETURN_CONST"},
    local_opcodes=PREVIOUS.local_opcodes | {"LOAD_FAST_BORROW"},
    local_pair_opcodes=PREVIOUS.local_pair_opcodes | {"LOAD_FAST_BORROW_LOAD_FAST_BORROW"},
    closure_loads=PREVIOUS.closure_loads | {"LOAD_FAST_BORROW", "LOAD_FAST_BORROW_LOAD_FAST_BORROW"},
    constant_loads={
        **PREVIOUS.constant_loads,
        "LOAD_SMALL_INT": "argument",
        "LOAD_COMMON_CONSTANT": "opcode._common_constants",
    },
    # -- stack effects
    effects=changed(
        PREVIOUS.effects,
        "BINARY_SUBSCR",
        "BUILD_CONST_KEY_MAP",
        "LOAD_ASSERTION_ERROR",
        "BEFORE_WITH",
        "BEFORE_ASYNC_WITH",
        "RETURN_CONST",
        LOAD_FAST_BORROW="-- object",
        LOAD_FAST_BORROW_LOAD_FAST_BORROW="-- object object",
        LOAD_SMALL_INT="-- int",
        LOAD_COMMON_CONSTANT="-- object",
        LOAD_SPECIAL="value -- object maybe_self",
        NOT_TAKEN="--",
        POP_TOP="drop_or_no_self --",
        POP_ITER="iter --",
        CALL_FUNCTION_EX="value null value dict_or_null -- object",
        WITH_EXCEPT_START="value maybe_null lasti prev exc -- value maybe_null lasti prev exc object",
        BUILD_INTERPOLATION=build_interpolation,
        BUILD_TEMPLATE="names interpolated -- object",
    ),
    jump_effects={**PREVIOUS.jump_effects, "FOR_ITER": "iter -- iter"},
    ends=PREVIOUS.ends - {"RETURN_CONST"},
    argument_ranges={
        **{name: span for name, span in PREVIOUS.argument_ranges.items() if name != "CALL_FUNCTION_EX"},
        "BINARY_OP": (0, 26),
        "BUILD_TUPLE": (1, 1 << 30),  # the empty tuple is immortal, and would be released as if it were not
        "LOAD_SMALL_INT": (0, 255),
        "LOAD_COMMON_CONSTANT": (0, 4),
        "LOAD_SPECIAL": (0, 3),
    },
    actions={
        **without(PREVIOUS.actions, "BUILD_CONST_KEY_MAP"),
        "LOAD_FAST_BORROW": "borrow",
        "BUILD_TEMPLATE": "template",
        **each(
            {"hand_on": "LOAD_ATTR LOAD_SUPER_ATTR LOAD_SPECIAL END_SEND FORMAT_SIMPLE GET_YIELD_FROM_ITER"}
        ),
    },
    quiet=PREVIOUS.quiet - {"RETURN_CONST"} | {"LOAD_FAST_BORROW", "POP_ITER", "NOT_TAKEN"},
    asks_format=ANNOTATIONS_FORMAT,
    undisturbed=PREVIOUS.undisturbed
    | opcodes("LOAD_FAST_BORROW LOAD_FAST_BORROW_LOAD_FAST_BORROW LOAD_SMALL_INT LOAD_COMMON_CONSTANT"),
    skipped_after_loop=("END_FOR",),
)
# Python/bytecodes.c: borrowed references live as long as the local, and some instructions hand them on
RELEASE = RELEASE._replace(
    trusts=rows(
        PREVIOUS.trusts,
        RELEASE.effects,
        {
            "nothing": "POP_ITER NOT_TAKEN",
            "slot bound unchanged": "LOAD_FAST_BORROW LOAD_FAST_BORROW_LOAD_FAST_BORROW",
            "table": "LOAD_SMALL_INT LOAD_COMMON_CONSTANT BUILD_TUPLE",
            "table lent": "LOAD_SPECIAL",
            "name lent": "LOAD_ATTR LOAD_SUPER_ATTR",
            "lent": "END_SEND FORMAT_SIMPLE GET_YIELD_FROM_ITER",
            "table str": "BUILD_INTERPOLATION",
            "strings": "BUILD_TEMPLATE",
            "target exception": "END_ASYNC_FOR",
            "exception lasti self": "WITH_EXCEPT_START",
        },
    )
)
