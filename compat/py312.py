"""CPython 3.12: comprehensions are inlined, type parameters have scopes, and `super()` has an opcode.

PEP 709 (LOAD_FAST_AND_CLEAR, MAKE_CELL in mid-code, LOAD_FAST_CHECK: locals are read unchecked), PEP 695
(`__type_params__`, LOAD_FROM_DICT_OR_GLOBALS, LOAD_FROM_DICT_OR_DEREF in place of LOAD_CLASSDEREF, intrinsics),
LOAD_SUPER_ATTR (gh-103497), RETURN_CONST, BINARY_SLICE, CLEANUP_THROW, END_SEND; FOR_ITER steps over the END_FOR at
its target; LOAD_METHOD is a bit of LOAD_ATTR. Conditional jumps go forwards again. The interpreter freezes the objects
of its own start (`gc.get_freeze_count()` is 375 in 3.12.1). Source: Lib/opcode.py, Python/bytecodes.c,
Python/intrinsics.c of the 3.12 branch.
"""

from __future__ import annotations

import sys
from types import CodeType
from typing import Any

from ._effects import changed, each, opcodes, without
from ._trusts import rows
from .py311 import RELEASE as PREVIOUS
from .py311 import WAITING

_BACKWARD = frozenset({"JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT"})


def scope_parameters(code: CodeType) -> tuple[str, ...]:
    """A scope's parameters, named by what they hold; for every other code its parameters as they are.

    With keyword defaults alone, the scope of a generic function gets their dict in slot 0, which is called `.defaults`
    all the same: Python/compile.c counts the arguments that it passes, not the names.
    """
    parameters = code.co_varnames[: code.co_argcount]
    if parameters == (".defaults",) and code.co_varnames[1:2] == (".kwdefaults",):
        return (".kwdefaults",)
    return parameters


TOOLS = range(6)
"""The numbers that `sys.monitoring` gives to tools."""


def despecialise(code: CodeType) -> bool:
    """Instrument every instruction for a moment: leaving, the interpreter writes the compiler's opcodes back.

    Nobody listens meanwhile. Code without a RESUME that is the compiler's own cannot be instrumented.
    """
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined, unused-ignore]
    for tool in reversed(TOOLS):
        if monitoring.get_tool(tool) is None:
            try:
                monitoring.use_tool_id(tool, "recell")
            except ValueError:  # pragma: no cover - another thread was faster
                continue
            try:
                monitoring.set_local_events(tool, code, monitoring.events.INSTRUCTION)
                monitoring.set_local_events(tool, code, 0)
            except SystemError:  # no RESUME of a compiler's: what stands there stays
                pass
            finally:
                monitoring.free_tool_id(tool)
            return True
    return False


def watched(code: CodeType) -> bool:
    """Return whether a tool asked for events of this code alone, as coverage does."""
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined, unused-ignore]
    used = [tool for tool in TOOLS if monitoring.get_tool(tool) is not None]
    return any(monitoring.get_local_events(tool, code) for tool in used)


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


RELEASE = PREVIOUS._replace(
    version=(3, 12),
    frozen_at_start=1000,
    handlers_last=True,
    caches={
        "BINARY_SUBSCR": 1,
        "STORE_SUBSCR": 1,
        "UNPACK_SEQUENCE": 1,
        "FOR_ITER": 1,
        "STORE_ATTR": 4,
        "LOAD_ATTR": 9,
        "COMPARE_OP": 1,
        "LOAD_GLOBAL": 4,
        "BINARY_OP": 1,
        "SEND": 1,
        "LOAD_SUPER_ATTR": 1,
        "CALL": 3,
    },
    relative_jumps=_BACKWARD
    | {
        "FOR_ITER",
        "SEND",
        "JUMP_FORWARD",
        "POP_JUMP_IF_FALSE",
        "POP_JUMP_IF_TRUE",
        "POP_JUMP_IF_NONE",
        "POP_JUMP_IF_NOT_NONE",
    },
    backward_jumps=_BACKWARD,
    const_opcodes=PREVIOUS.const_opcodes | {"RETURN_CONST"},
    name_shift={
        **{name: shift for name, shift in PREVIOUS.name_shift.items() if name != "LOAD_METHOD"},
        "LOAD_ATTR": 1,
        "LOAD_SUPER_ATTR": 2,
        "LOAD_FROM_DICT_OR_GLOBALS": 0,
    },
    local_opcodes=PREVIOUS.local_opcodes | {"LOAD_FAST_CHECK", "LOAD_FAST_AND_CLEAR"},
    deref_opcodes=PREVIOUS.deref_opcodes - {"LOAD_CLASSDEREF"} | {"LOAD_FROM_DICT_OR_DEREF"},
    class_deref="LOAD_FROM_DICT_OR_DEREF",
    # -- stack effects
    effects=changed(
        PREVIOUS.effects,
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
        STORE_FAST="saved --",  # what LOAD_FAST_AND_CLEAR saved comes back
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
        SEND="value value -- value object",
        CLEANUP_THROW="value value exc -- none object",
        **{f"POP_JUMP_IF_{condition}": "value --" for condition in WAITING},
    ),
    jump_effects={
        "FOR_ITER": "iter --",
        "SEND": "value value -- value object",
        "JUMP_FORWARD": "--",
        "JUMP_BACKWARD": "--",
        "JUMP_BACKWARD_NO_INTERRUPT": "--",
        **{f"POP_JUMP_IF_{condition}": "value --" for condition in WAITING},
    },
    ends=PREVIOUS.ends | {"RETURN_CONST"},
    argument_ranges={
        **{name: span for name, span in PREVIOUS.argument_ranges.items() if name != "COMPARE_OP"},
        "YIELD_VALUE": (0, 1 << 30),
    },
    # MAKE_CELL raises where memory runs out, which the compiler neglects before a comprehension, too
    quiet=PREVIOUS.quiet | {"RETURN_CONST", "LOAD_FAST", "LOAD_FAST_AND_CLEAR", "MAKE_CELL"},
    compiler_names={".0": "iter", ".defaults": "tuple", ".kwdefaults": "dict", ".type_params": "tuple"},
    actions={
        **without(PREVIOUS.actions, "PRECALL", "LOAD_CLASSDEREF"),
        **each(
            {
                "load": "LOAD_FAST",
                "check": "LOAD_FAST_CHECK",
                "clear": "LOAD_FAST_AND_CLEAR",
                "deref": "LOAD_FROM_DICT_OR_DEREF",
                "intrinsic": "CALL_INTRINSIC_1",
            }
        ),
    },
    scope_parameters=scope_parameters,
    undisturbed=PREVIOUS.undisturbed
    | opcodes("CALL_INTRINSIC_1 CALL_INTRINSIC_2 STORE_FAST STORE_DEREF LOAD_DEREF LOAD_BUILD_CLASS"),
    specialised_caches=True,
    despecialise=despecialise,
    watched=watched,
    counting=PREVIOUS.counting | {"FOR_ITER"},
    unemitted=PREVIOUS.unemitted | {"RESERVED", "INTERPRETER_EXIT"},
    skipped_after_loop=("END_FOR",),
    checked_locals=False,
    stop_iteration_error=3,  # gh-102213: before, Objects/genobject.c did this
    fresh_counter=17,  # ADAPTIVE_WARMUP_VALUE 1, ADAPTIVE_WARMUP_BACKOFF 1
)
# Python/bytecodes.c: locals are read as they are, and FOR_ITER steps over a unit
RELEASE = RELEASE._replace(
    trusts=rows(
        PREVIOUS.trusts,
        RELEASE.effects,
        {
            "nothing": "LOAD_LOCALS BINARY_SLICE STORE_SLICE END_FOR END_SEND",
            "slot bound": "LOAD_FAST",
            "slot": "LOAD_FAST_CHECK",
            "slot free-variable": "LOAD_FAST_AND_CLEAR",
            "slot cell": "LOAD_FROM_DICT_OR_DEREF",
            "name": "LOAD_FROM_DICT_OR_GLOBALS LOAD_SUPER_ATTR",
            "constant": "RETURN_CONST",
            "table by-number": "CALL_INTRINSIC_1 CALL_INTRINSIC_2",
            "target iterator neighbours": "FOR_ITER",
            "self": "CALL",
            "exception thrown": "CLEANUP_THROW",
            "target": "POP_JUMP_IF_FALSE POP_JUMP_IF_TRUE POP_JUMP_IF_NONE POP_JUMP_IF_NOT_NONE",
        },
    )
)
