"""Stack effects of CPython 3.12: intrinsics, END_FOR and END_SEND, and locals that are read unchecked.

PEP 709 (LOAD_FAST_AND_CLEAR), PEP 695 (type parameter intrinsics), gh-103497 (LOAD_SUPER_ATTR), BINARY_SLICE,
CLEANUP_THROW; FOR_ITER steps over the END_FOR at its target; LOAD_ATTR's lowest bit does LOAD_METHOD's work.
Source: Python/bytecodes.c, Python/intrinsics.c of the 3.12 branch.
"""

from __future__ import annotations

from ._effects import changed
from .effects311 import EFFECTS as PREVIOUS
from .effects311 import WAITING

UNARY_INTRINSICS = (
    None,
    "value -- object",  # PRINT
    "value -- object",  # IMPORT_STAR
    "exc -- exc",  # STOPITERATION_ERROR
    "value -- object",  # ASYNC_GEN_WRAP
    "value -- object",  # UNARY_POSITIVE
    "list -- tuple",  # LIST_TO_TUPLE
    "str -- object",  # TYPEVAR
    "str -- object",  # PARAMSPEC
    "str -- object",  # TYPEVARTUPLE
    "tuple -- object",  # SUBSCRIPT_GENERIC
    "alias -- object",  # TYPEALIAS
)
BINARY_INTRINSICS = (
    None,
    "exc excs -- exc_or_none",  # PREP_RERAISE_STAR
    "str value -- object",  # TYPEVAR_WITH_BOUND
    "str value -- object",  # TYPEVAR_WITH_CONSTRAINTS
    "function tuple -- function",  # SET_FUNCTION_TYPE_PARAMS
)


def call_intrinsic_1(number: int) -> str | None:
    """By the intrinsic's number; 0 is invalid."""
    return UNARY_INTRINSICS[number] if number < len(UNARY_INTRINSICS) else None


def call_intrinsic_2(number: int) -> str | None:
    """By the intrinsic's number; 0 is invalid."""
    return BINARY_INTRINSICS[number] if number < len(BINARY_INTRINSICS) else None


def load_attr(index: int) -> str:
    """Bit 0 loads a method: the function and its object, or NULL and the attribute."""
    return "value -- maybe_null object" if index & 1 else "value -- object"


def load_super_attr(index: int) -> str:
    """Bit 0 loads a method."""
    return "value value value -- maybe_null object" if index & 1 else "value value value -- object"


# which outcomes of comparing make each operator true: 1 unordered, 2 less, 4 greater, 8 equal
OUTCOMES = (2, 2 | 8, 8, 1 | 2 | 4, 4, 4 | 8)


def compare_op(operation: int) -> str | None:
    """The operator stands above four bits that must be its outcomes."""
    right = operation >> 4 < len(OUTCOMES) and operation & 15 == OUTCOMES[operation >> 4]
    return "value value -- object" if right else None


def call(count: int) -> str:
    """A scope of type parameters gets a function's defaults, as one or two arguments."""
    below = "called_or_null called" if count else "called_or_null value"
    return f"{below} value*{count} -- object"


EFFECTS = PREVIOUS._replace(
    falls=changed(
        PREVIOUS.falls,
        "PRECALL",
        "LOAD_METHOD",
        "JUMP_IF_FALSE_OR_POP",
        "JUMP_IF_TRUE_OR_POP",
        "IMPORT_STAR",
        "PRINT_EXPR",
        "LIST_TO_TUPLE",
        "PREP_RERAISE_STAR",
        "ASYNC_GEN_WRAP",
        "UNARY_POSITIVE",
        "LOAD_CLASSDEREF",
        *(f"POP_JUMP_FORWARD_IF_{condition}" for condition in WAITING),
        *(f"POP_JUMP_BACKWARD_IF_{condition}" for condition in WAITING),
        CALL=call,
        COMPARE_OP=compare_op,
        LOAD_ATTR=load_attr,
        LOAD_SUPER_ATTR=load_super_attr,
        STORE_FAST="maybe_null --",  # what LOAD_FAST_AND_CLEAR saved comes back
        LOAD_FAST_CHECK="-- object",
        LOAD_FAST_AND_CLEAR="-- object",
        LOAD_LOCALS="-- object",
        LOAD_FROM_DICT_OR_DEREF="value -- object",
        LOAD_FROM_DICT_OR_GLOBALS="value -- object",
        CALL_INTRINSIC_1=call_intrinsic_1,
        CALL_INTRINSIC_2=call_intrinsic_2,
        BINARY_SLICE="value value value -- object",
        STORE_SLICE="value value value value --",
        RETURN_CONST="--",
        END_FOR="value value --",
        END_SEND="value value -- object",
        SEND="iter value -- iter object",
        CLEANUP_THROW="value value exc -- none object",
        **{f"POP_JUMP_IF_{condition}": "value --" for condition in WAITING},
    ),
    jumps={
        "FOR_ITER": "iter --",
        "SEND": "iter value -- iter object",
        "JUMP_FORWARD": "--",
        "JUMP_BACKWARD": "--",
        "JUMP_BACKWARD_NO_INTERRUPT": "--",
        **{f"POP_JUMP_IF_{condition}": "value --" for condition in WAITING},
    },
    ends=PREVIOUS.ends | {"RETURN_CONST"},
    ranges={
        **{name: span for name, span in PREVIOUS.ranges.items() if name != "COMPARE_OP"},
        "YIELD_VALUE": (0, 1 << 30),
    },
    # MAKE_CELL raises where memory runs out, which the compiler neglects before a comprehension, too
    quiet=PREVIOUS.quiet | {"RETURN_CONST", "LOAD_FAST", "LOAD_FAST_AND_CLEAR", "MAKE_CELL"},
    compiler_names={".0": "iter", ".defaults": "tuple", ".kwdefaults": "dict", ".type_params": "tuple"},
    skipped_after_loop=("END_FOR",),
    checked_locals=False,
    stop_iteration_error=3,  # gh-102213: before, Objects/genobject.c did this
    fresh_counter=17,  # ADAPTIVE_WARMUP_VALUE 1, ADAPTIVE_WARMUP_BACKOFF 1
)
