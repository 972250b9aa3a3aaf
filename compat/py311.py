"""CPython 3.11: cells are locals, closures open with a prologue, and instructions carry inline caches.

What's New 3.11: one index space for locals, cell and free variables, set up by MAKE_CELL and COPY_FREE_VARS
(gh-88116); an exception table instead of blocks (bpo-40222); `co_qualname` (bpo-44530); all jumps relative,
backward ones with opcodes of their own; LOAD_GLOBAL's lowest bit pushes the NULL that a call wants, below the
callable; adaptive instructions with caches (PEP 659). Source: Lib/opcode.py, Python/compile.c of 3.11.
"""

from __future__ import annotations

from .py310 import RELEASE as PREVIOUS

_BACKWARD = frozenset(
    {
        "JUMP_BACKWARD",
        "JUMP_BACKWARD_NO_INTERRUPT",
        "POP_JUMP_BACKWARD_IF_FALSE",
        "POP_JUMP_BACKWARD_IF_TRUE",
        "POP_JUMP_BACKWARD_IF_NONE",
        "POP_JUMP_BACKWARD_IF_NOT_NONE",
    }
)

RELEASE = PREVIOUS._replace(
    version=(3, 11),
    qualname_in_code=True,
    exception_table=True,
    unified_locals=True,
    caches={
        "BINARY_SUBSCR": 4,
        "STORE_SUBSCR": 1,
        "UNPACK_SEQUENCE": 1,
        "STORE_ATTR": 4,
        "LOAD_ATTR": 4,
        "COMPARE_OP": 2,
        "LOAD_GLOBAL": 5,
        "BINARY_OP": 1,
        "LOAD_METHOD": 10,
        "PRECALL": 1,
        "CALL": 4,
    },
    relative_jumps=_BACKWARD
    | {
        "FOR_ITER",
        "SEND",
        "JUMP_FORWARD",
        "JUMP_IF_FALSE_OR_POP",
        "JUMP_IF_TRUE_OR_POP",
        "POP_JUMP_FORWARD_IF_FALSE",
        "POP_JUMP_FORWARD_IF_TRUE",
        "POP_JUMP_FORWARD_IF_NONE",
        "POP_JUMP_FORWARD_IF_NOT_NONE",
    },
    backward_jumps=_BACKWARD,
    absolute_jumps=frozenset(),
    const_opcodes=PREVIOUS.const_opcodes | {"KW_NAMES"},
    name_shift={**PREVIOUS.name_shift, "LOAD_GLOBAL": 1},
    deref_opcodes=PREVIOUS.deref_opcodes | {"MAKE_CELL"},
    global_null_bit=True,
)
