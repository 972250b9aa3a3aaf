"""CPython 3.8: the full statement; the later releases say what changed.

The first release with `types.CellType` (bpo-35911) and `CodeType.replace` (bpo-37032). Two-byte code units
without caches; cell variables and free variables are numbered apart from the fast locals, cell variables
first; an argument that is a cell is moved there by the frame. `LOAD_CLOSURE` pushes a cell. Source:
Python/ceval.c, Lib/opcode.py, Python/compile.c of the 3.8 branch.
"""

from __future__ import annotations

from ._release import Release

RELEASE = Release(
    version=(3, 8),
    line_table="co_lnotab",
    qualname_in_code=False,
    docstring_flag=0,
    method_flag=0,
    exception_table=False,
    unified_locals=False,
    jump_unit=1,
    caches={},
    relative_jumps=frozenset(
        {"FOR_ITER", "JUMP_FORWARD", "SETUP_FINALLY", "SETUP_WITH", "SETUP_ASYNC_WITH", "CALL_FINALLY"}
    ),
    backward_jumps=frozenset(),
    absolute_jumps=frozenset(
        {
            "JUMP_IF_FALSE_OR_POP",
            "JUMP_IF_TRUE_OR_POP",
            "JUMP_ABSOLUTE",
            "POP_JUMP_IF_FALSE",
            "POP_JUMP_IF_TRUE",
        }
    ),
    const_opcodes=frozenset({"LOAD_CONST"}),
    name_shift={
        "STORE_NAME": 0,
        "DELETE_NAME": 0,
        "STORE_ATTR": 0,
        "DELETE_ATTR": 0,
        "STORE_GLOBAL": 0,
        "DELETE_GLOBAL": 0,
        "LOAD_NAME": 0,
        "LOAD_ATTR": 0,
        "IMPORT_NAME": 0,
        "IMPORT_FROM": 0,
        "LOAD_GLOBAL": 0,
        "LOAD_METHOD": 0,
    },
    local_opcodes=frozenset({"LOAD_FAST", "STORE_FAST", "DELETE_FAST"}),
    local_pair_opcodes=frozenset(),
    deref_opcodes=frozenset({"LOAD_CLOSURE", "LOAD_DEREF", "STORE_DEREF", "DELETE_DEREF", "LOAD_CLASSDEREF"}),
    class_deref="LOAD_CLASSDEREF",
    closure_loads=frozenset({"LOAD_CLOSURE"}),
    global_null_bit=False,
    null_after_callable=False,
    function_factory=None,
)
