"""CPython 3.9: `JUMP_IF_NOT_EXC_MATCH`, and `finally` bodies are copied instead of called.

So every instruction has one stack depth. What's New 3.9, "CPython bytecode changes": BEGIN_FINALLY, CALL_FINALLY and
POP_FINALLY are gone; RERAISE, WITH_EXCEPT_START, LIST_TO_TUPLE, LIST_EXTEND, SET_UPDATE, DICT_UPDATE, DICT_MERGE,
IS_OP, CONTAINS_OP, LOAD_ASSERTION_ERROR came. The line table is still `co_lnotab`. Source: Python/ceval.c.
"""

from __future__ import annotations

from ._effects import changed, opcodes, without
from ._trusts import rows
from .py38 import CAUGHT, SAVED
from .py38 import RELEASE as PREVIOUS

SUBROUTINES = opcodes("CALL_FINALLY POP_FINALLY END_FINALLY WITH_CLEANUP_START WITH_CLEANUP_FINISH")

RELEASE = PREVIOUS._replace(
    version=(3, 9),
    relative_jumps=PREVIOUS.relative_jumps - {"CALL_FINALLY"},
    absolute_jumps=PREVIOUS.absolute_jumps | {"JUMP_IF_NOT_EXC_MATCH"},
    # -- stack effects
    effects=changed(
        PREVIOUS.effects,
        "BEGIN_FINALLY",
        "CALL_FINALLY",
        "POP_FINALLY",
        "END_FINALLY",
        "WITH_CLEANUP_START",
        "WITH_CLEANUP_FINISH",
        "BUILD_TUPLE_UNPACK",
        "BUILD_TUPLE_UNPACK_WITH_CALL",
        "BUILD_LIST_UNPACK",
        "BUILD_SET_UNPACK",
        "BUILD_MAP_UNPACK",
        "BUILD_MAP_UNPACK_WITH_CALL",
        RERAISE=f"{CAUGHT} --",
        WITH_EXCEPT_START=f"value {SAVED} {CAUGHT} -- value {SAVED} {CAUGHT} object",
        LIST_TO_TUPLE="list -- tuple",
        LIST_EXTEND="list any*{below} value -- list any*{below}",
        SET_UPDATE="value any*{below} value -- value any*{below}",
        DICT_UPDATE="dict any*{below} value -- dict any*{below}",
        # the callable and its positional arguments lie below, for the error message
        DICT_MERGE="value value dict any*{below} value -- value value dict any*{below}",
        IS_OP="value value -- bool",
        CONTAINS_OP="value value -- bool",
        JUMP_IF_NOT_EXC_MATCH="value value --",
        LOAD_ASSERTION_ERROR="-- object",
    ),
    jump_effects={**PREVIOUS.jump_effects, "JUMP_IF_NOT_EXC_MATCH": "value value --"},
    ends=PREVIOUS.ends | {"RERAISE"},
    argument_ranges={
        **without(
            PREVIOUS.argument_ranges,
            "POP_FINALLY",
            "BUILD_TUPLE_UNPACK_WITH_CALL",
            "BUILD_MAP_UNPACK_WITH_CALL",
        ),
        "COMPARE_OP": (0, 5),
        "IS_OP": (0, 1),
        "CONTAINS_OP": (0, 1),
        "LIST_EXTEND": (1, 1 << 30),
        "SET_UPDATE": (1, 1 << 30),
        "DICT_UPDATE": (1, 1 << 30),
        "DICT_MERGE": (1, 1 << 30),
    },
    block_opcodes=PREVIOUS.block_opcodes - SUBROUTINES | {"RERAISE"},
    quiet=PREVIOUS.quiet - SUBROUTINES - {"BEGIN_FINALLY"} | {"RERAISE"},
    finally_calls=False,
)
# Python/ceval.c: adding to a set or a dict still asks for its type; extending a list does not
RELEASE = RELEASE._replace(
    trusts=rows(
        PREVIOUS.trusts,
        RELEASE.effects,
        {
            "nothing": "LIST_TO_TUPLE SET_UPDATE DICT_UPDATE DICT_MERGE IS_OP CONTAINS_OP LOAD_ASSERTION_ERROR",
            "list": "LIST_EXTEND",
            "target": "JUMP_IF_NOT_EXC_MATCH",
            "block exception": "RERAISE WITH_EXCEPT_START POP_EXCEPT END_ASYNC_FOR",
        },
    )
)
