"""Stack effects of CPython 3.8: the full statement. Source: Python/ceval.c of the 3.8 branch.

Exceptions push six values, the handled exception's three below the new one's; blocks say where. `finally` bodies
are subroutines: they find NULL, a return address or an exception on the stack.
"""

from __future__ import annotations

from typing import Mapping

from ._effects import Effect, Effects

CAUGHT = "exc_tb exc_value exc_type"
SAVED = "prev_tb prev_value prev_type"


def call_function(count: int) -> str:
    """A comprehension's function is called with one argument, its iterator."""
    return "called value -- object" if count == 1 else f"value value*{count} -- object"


def make_function(flags: int) -> str:
    """The attributes lie below the code and the qualified name, in the order of the flags' bits."""
    kinds = ("tuple", "dict", "dict", "cells")
    attributes = [kind for bit, kind in enumerate(kinds) if flags >> bit & 1]
    return " ".join([*attributes, "code str -- function"])


def raise_varargs(count: int) -> str:
    """Up to an exception and its cause."""
    return f"value*{count} --"


def unpack_ex(counts: int) -> str:
    """The low byte counts the values before the starred one, the rest those behind it."""
    return f"value -- object*{(counts & 255) + (counts >> 8) + 1}"


def format_value(flags: int) -> str:
    """Bit 2 says that a format specification lies on top."""
    return "value value -- str" if flags & 4 else "value -- str"


def call_function_ex(flags: int) -> str:
    """Bit 0 says that a mapping of keyword arguments lies on top."""
    return "value value value -- object" if flags & 1 else "value value -- object"


def build_tuple(count: int) -> str:
    """A tuple of even length can hold annotations: names and values in turn."""
    return f"value*{count} -- {'tuple' if count & 1 else 'pairs'}"


_UNARY = ("UNARY_POSITIVE", "UNARY_NEGATIVE", "UNARY_NOT", "UNARY_INVERT")
_BINARY = ("POWER", "MULTIPLY", "MATRIX_MULTIPLY", "TRUE_DIVIDE", "FLOOR_DIVIDE", "MODULO", "ADD", "SUBTRACT",
           "LSHIFT", "RSHIFT", "AND", "XOR", "OR")  # fmt: skip

FALLS: Mapping[str, Effect] = {
    "NOP": "--",
    "EXTENDED_ARG": "--",
    "POP_TOP": "drop --",
    "ROT_TWO": "any any -- any any",
    "ROT_THREE": "any any any -- any any any",
    "ROT_FOUR": "any any any any -- any any any any",
    "DUP_TOP": "copied -- copied",
    "DUP_TOP_TWO": "copied copied -- copied copied",
    **dict.fromkeys(_UNARY, "value -- object"),
    **{f"BINARY_{name}": "value value -- object" for name in _BINARY},
    **{f"INPLACE_{name}": "value value -- object" for name in _BINARY},
    "BINARY_SUBSCR": "value value -- object",
    "STORE_SUBSCR": "value value value --",
    "DELETE_SUBSCR": "value value --",
    "COMPARE_OP": "value value -- bool",
    "LOAD_CONST": "-- object",
    "LOAD_NAME": "-- object",
    "STORE_NAME": "value --",
    "DELETE_NAME": "--",
    "LOAD_GLOBAL": "-- object",
    "STORE_GLOBAL": "value --",
    "DELETE_GLOBAL": "--",
    "LOAD_ATTR": "value -- object",
    "STORE_ATTR": "value value --",
    "DELETE_ATTR": "value --",
    "LOAD_FAST": "-- object",
    "STORE_FAST": "value --",
    "DELETE_FAST": "--",
    "LOAD_CLOSURE": "-- cell",
    "LOAD_DEREF": "-- object",
    "STORE_DEREF": "value --",
    "DELETE_DEREF": "--",
    "LOAD_CLASSDEREF": "-- object",
    "LOAD_METHOD": "value -- maybe_null object",
    "CALL_METHOD": "maybe_null value value*{arg} -- object",
    "CALL_FUNCTION": call_function,
    "CALL_FUNCTION_KW": "value value*{arg} names -- object",
    "CALL_FUNCTION_EX": call_function_ex,
    "MAKE_FUNCTION": make_function,
    "LOAD_BUILD_CLASS": "-- object",
    "IMPORT_NAME": "value value -- object",
    "IMPORT_FROM": "value -- value object",
    "IMPORT_STAR": "value --",
    "PRINT_EXPR": "value --",
    "SETUP_ANNOTATIONS": "--",
    "BUILD_TUPLE": build_tuple,
    "BUILD_LIST": "value*{arg} -- list",
    "BUILD_SET": "value*{arg} -- set",
    "BUILD_MAP": "value*{arg} value*{arg} -- dict",
    "BUILD_CONST_KEY_MAP": "value*{arg} tuple -- dict",
    "BUILD_STRING": "value*{arg} -- str",
    "BUILD_SLICE": "value*{arg} -- object",
    "BUILD_TUPLE_UNPACK": "value*{arg} -- tuple",
    "BUILD_TUPLE_UNPACK_WITH_CALL": "value value*{arg} -- value tuple",
    "BUILD_LIST_UNPACK": "value*{arg} -- list",
    "BUILD_SET_UNPACK": "value*{arg} -- set",
    "BUILD_MAP_UNPACK": "value*{arg} -- dict",
    "BUILD_MAP_UNPACK_WITH_CALL": "value value value*{arg} -- value value dict",
    "LIST_APPEND": "list any*{below} value -- list any*{below}",
    "SET_ADD": "set any*{below} value -- set any*{below}",
    "MAP_ADD": "dict any*{below} value value -- dict any*{below}",
    "FORMAT_VALUE": format_value,
    "UNPACK_SEQUENCE": "value -- object*{arg}",
    "UNPACK_EX": unpack_ex,
    "GET_ITER": "value -- iter",
    "FOR_ITER": "iter -- iter object",
    "GET_YIELD_FROM_ITER": "value -- iter",
    "GET_AWAITABLE": "value -- iter",
    "GET_AITER": "value -- object",
    "GET_ANEXT": "value -- value iter",
    "BEFORE_ASYNC_WITH": "value -- object object",
    "YIELD_VALUE": "value -- object",
    "YIELD_FROM": "iter value -- object",
    "RETURN_VALUE": "value --",
    "RAISE_VARARGS": raise_varargs,
    "JUMP_FORWARD": "--",
    "JUMP_ABSOLUTE": "--",
    "POP_JUMP_IF_FALSE": "value --",
    "POP_JUMP_IF_TRUE": "value --",
    "JUMP_IF_FALSE_OR_POP": "value --",
    "JUMP_IF_TRUE_OR_POP": "value --",
    # these move blocks: recell.verifier.block_walk says the rest
    "SETUP_FINALLY": "--",
    "SETUP_WITH": "value -- object object",
    "SETUP_ASYNC_WITH": "value -- value",
    "POP_BLOCK": "--",
    "POP_EXCEPT": f"{SAVED} --",
    "BEGIN_FINALLY": "-- null",
    "CALL_FINALLY": "--",
    "POP_FINALLY": "--",
    "END_FINALLY": "--",
    "END_ASYNC_FOR": f"value {SAVED} {CAUGHT} --",
    "WITH_CLEANUP_START": "--",
    "WITH_CLEANUP_FINISH": "--",
}

EFFECTS = Effects(
    falls=FALLS,
    jumps={
        "FOR_ITER": "iter --",
        "JUMP_FORWARD": "--",
        "JUMP_ABSOLUTE": "--",
        "POP_JUMP_IF_FALSE": "value --",
        "POP_JUMP_IF_TRUE": "value --",
        "JUMP_IF_FALSE_OR_POP": "value -- value",
        "JUMP_IF_TRUE_OR_POP": "value -- value",
    },
    ends=frozenset({"RETURN_VALUE", "RAISE_VARARGS", "JUMP_FORWARD", "JUMP_ABSOLUTE"}),
    ranges={
        "MAKE_FUNCTION": (0, 15),
        "END_ASYNC_FOR": (0, 0),  # not a jump, but it would jump
        "RAISE_VARARGS": (0, 2),
        "COMPARE_OP": (0, 10),
        "FORMAT_VALUE": (0, 7),
        "BUILD_SLICE": (2, 3),
        "CALL_FUNCTION_EX": (0, 1),
        "POP_FINALLY": (0, 1),
        "LIST_APPEND": (1, 1 << 30),
        "SET_ADD": (1, 1 << 30),
        "MAP_ADD": (1, 1 << 30),
        "BUILD_TUPLE_UNPACK_WITH_CALL": (1, 1 << 30),
        "BUILD_MAP_UNPACK_WITH_CALL": (1, 1 << 30),
    },
    quiet=frozenset(
        {
            "NOP",
            "EXTENDED_ARG",
            "POP_TOP",
            "ROT_TWO",
            "ROT_THREE",
            "ROT_FOUR",
            "DUP_TOP",
            "JUMP_FORWARD",
            "JUMP_ABSOLUTE",
            "RETURN_VALUE",
            "LOAD_CONST",
            "STORE_FAST",
            "BEGIN_FINALLY",
            "POP_BLOCK",
            "POP_EXCEPT",
            "POP_FINALLY",
            "CALL_FINALLY",
            "END_FINALLY",
            "END_ASYNC_FOR",
            "WITH_CLEANUP_START",
            "WITH_CLEANUP_FINISH",
        }
    ),
    skipped_after_loop=(),
    checked_locals=True,
    handler=f"{SAVED} {CAUGHT}",
    empty_prefixes=True,
    finally_calls=True,
    generator_start="",
    compiler_names={".0": "iter"},
    locals_need_cells=False,
    fresh_counter=0,
    ascending_lines=False,
    resume_before_generator=-1,
    delegating_yields=False,
    stop_iteration_error=0,
)
