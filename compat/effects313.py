"""Stack effects of CPython 3.13: the NULL comes after the callable, and conditions are bools.

gh-105980 (SET_FUNCTION_ATTRIBUTE), TO_BOOL (gh-106008), CALL_KW in place of KW_NAMES, CONVERT_VALUE, FORMAT_SIMPLE
and FORMAT_WITH_SPEC in place of FORMAT_VALUE; FOR_ITER steps over END_FOR and POP_TOP; END_FOR takes one value.
Source: Python/bytecodes.c of the 3.13 branch.
"""

from __future__ import annotations

from ._effects import changed
from .effects312 import BINARY_INTRINSICS as BINARY_INTRINSICS_312
from .effects312 import EFFECTS as PREVIOUS
from .effects312 import OUTCOMES

BINARY_INTRINSICS = (*BINARY_INTRINSICS_312, "value value -- object")  # SET_TYPEPARAM_DEFAULT


def call_intrinsic_2(number: int) -> str | None:
    """By the intrinsic's number; 0 is invalid."""
    return BINARY_INTRINSICS[number] if number < len(BINARY_INTRINSICS) else None


def load_global(index: int) -> str:
    """Bit 0 pushes the NULL that a call wants, above the value."""
    return "-- object null" if index & 1 else "-- object"


def load_attr(index: int) -> str:
    """Bit 0 loads a method: the function and its object, or the attribute and NULL."""
    return "value -- object maybe_null" if index & 1 else "value -- object"


def load_super_attr(index: int) -> str:
    """Bit 0 loads a method."""
    return "value value value -- object maybe_null" if index & 1 else "value value value -- object"


def compare_op(operation: int) -> str | None:
    """Bit 4 asks for a bool; integers compare to one without."""
    if operation >> 5 >= len(OUTCOMES) or operation & 15 != OUTCOMES[operation >> 5]:
        return None
    return "value value -- bool" if operation & 16 else "value value -- object"


def call(count: int) -> str:
    """A comprehension gets its iterator, a scope of type parameters a function's defaults, from where the self lies."""
    return f"called maybe_null value*{count} -- object"


def call_function_ex(flags: int) -> str:
    """A NULL lies above the callable."""
    return "value null value dict -- object" if flags & 1 else "value null value -- object"


EFFECTS = PREVIOUS._replace(
    falls=changed(
        PREVIOUS.falls,
        "KW_NAMES",
        "FORMAT_VALUE",
        "LOAD_CLOSURE",
        LOAD_GLOBAL=load_global,
        LOAD_ATTR=load_attr,
        LOAD_SUPER_ATTR=load_super_attr,
        LOAD_FAST_LOAD_FAST="-- object object",
        STORE_FAST_LOAD_FAST="value -- object",
        STORE_FAST_STORE_FAST="value value --",
        CALL=call,
        CALL_KW="value maybe_null value*{arg} names -- object",
        CALL_FUNCTION_EX=call_function_ex,
        DICT_MERGE="value null value dict any*{below} value -- value null value dict any*{below}",
        CALL_INTRINSIC_2=call_intrinsic_2,
        MAKE_FUNCTION="code -- function",
        SET_FUNCTION_ATTRIBUTE="--",
        COMPARE_OP=compare_op,
        TO_BOOL="value -- bool",
        UNARY_NOT="bool -- bool",
        CONVERT_VALUE="value -- str",
        FORMAT_SIMPLE="value -- str",
        FORMAT_WITH_SPEC="value value -- str",
        POP_JUMP_IF_FALSE="bool --",
        POP_JUMP_IF_TRUE="bool --",
        END_FOR="value value -- value",  # traced, it looks at the iterator below
    ),
    jumps={**PREVIOUS.jumps, "POP_JUMP_IF_FALSE": "bool --", "POP_JUMP_IF_TRUE": "bool --"},
    ranges={
        **{
            name: span
            for name, span in PREVIOUS.ranges.items()
            if name not in ("MAKE_FUNCTION", "COMPARE_OP")
        },
        "CONVERT_VALUE": (1, 3),
        "YIELD_VALUE": (0, 1),
        "RESUME": (0, 7),
    },
    locals_need_cells=False,
    delegating_yields=True,
    ascending_lines=True,
    skipped_after_loop=("END_FOR", "POP_TOP"),
)
