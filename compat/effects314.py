"""Stack effects of CPython 3.14: borrowed locals, small integers, `with` by LOAD_SPECIAL, template strings.

gh-130704 (LOAD_FAST_BORROW), LOAD_SMALL_INT, LOAD_COMMON_CONSTANT, LOAD_SPECIAL in place of BEFORE_WITH, BINARY_OP
does subscripts, POP_ITER behind END_FOR, CALL_FUNCTION_EX's keyword arguments may be NULL, PEP 750
(BUILD_INTERPOLATION, BUILD_TEMPLATE). Source: Python/bytecodes.c of the 3.14 branch.
"""

from __future__ import annotations

from ._effects import changed
from .effects313 import EFFECTS as PREVIOUS


def build_interpolation(flags: int) -> str | None:
    """Bit 0 says that a format specification lies on top; the conversion stands above."""
    if flags >> 2 > 3:
        return None
    return "value str value -- value" if flags & 1 else "value str -- value"


EFFECTS = PREVIOUS._replace(
    falls=changed(
        PREVIOUS.falls,
        "BINARY_SUBSCR",
        "BUILD_CONST_KEY_MAP",
        "LOAD_ASSERTION_ERROR",
        "BEFORE_WITH",
        "BEFORE_ASYNC_WITH",
        "RETURN_CONST",
        LOAD_FAST_BORROW="-- value",
        LOAD_FAST_BORROW_LOAD_FAST_BORROW="-- value value",
        LOAD_SMALL_INT="-- value",
        LOAD_COMMON_CONSTANT="-- value",
        LOAD_SPECIAL="value -- value maybe_null",
        NOT_TAKEN="--",
        POP_ITER="iter --",
        CALL_FUNCTION_EX="value null value dict_or_null -- value",
        WITH_EXCEPT_START="value maybe_null lasti prev exc -- value maybe_null lasti prev exc value",
        BUILD_INTERPOLATION=build_interpolation,
        BUILD_TEMPLATE="tuple tuple -- value",
    ),
    jumps={**PREVIOUS.jumps, "FOR_ITER": "iter -- iter"},
    ranges={
        **{name: span for name, span in PREVIOUS.ranges.items() if name != "CALL_FUNCTION_EX"},
        "BINARY_OP": (0, 26),
        "LOAD_SMALL_INT": (0, 255),
        "LOAD_COMMON_CONSTANT": (0, 4),
        "LOAD_SPECIAL": (0, 3),
    },
    quiet=PREVIOUS.quiet - {"RETURN_CONST"} | {"LOAD_FAST_BORROW", "POP_ITER", "NOT_TAKEN"},
    skipped_after_loop=("END_FOR",),
)
