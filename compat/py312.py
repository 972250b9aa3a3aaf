"""CPython 3.12: comprehensions are inlined, type parameters have scopes, and `super()` has an opcode.

PEP 709 (LOAD_FAST_AND_CLEAR, MAKE_CELL in mid-code, LOAD_FAST_CHECK), PEP 695 (`__type_params__`,
LOAD_FROM_DICT_OR_GLOBALS, LOAD_FROM_DICT_OR_DEREF in place of LOAD_CLASSDEREF), LOAD_SUPER_ATTR (gh-103497),
RETURN_CONST; LOAD_METHOD is a bit of LOAD_ATTR. Conditional jumps go forwards again. The interpreter freezes the
objects of its own start (`gc.get_freeze_count()` is 375 in 3.12.1). Source: Lib/opcode.py of 3.12.
"""

from __future__ import annotations

from types import CodeType

from .py311 import RELEASE as PREVIOUS

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


RELEASE = PREVIOUS._replace(
    version=(3, 12),
    frozen_at_start=1000,
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
)
