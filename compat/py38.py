"""CPython 3.8: the full statement; the later releases say what changed.

The first release with `types.CellType` (bpo-35911) and `CodeType.replace` (bpo-37032). Two-byte code units
without caches; cell variables and free variables are numbered apart from the fast locals, cell variables
first; an argument that is a cell is moved there by the frame. `LOAD_CLOSURE` pushes a cell. Source:
Python/ceval.c, Lib/opcode.py, Python/compile.c of the 3.8 branch.
"""

from __future__ import annotations

from typing import Any

from ._release import Release


def exchange(
    func: Any, before: tuple[Any, ...], after: tuple[Any, ...], set_closure: Any, kept: tuple[Any, ...] | None
) -> tuple[Any, ...] | None:
    """Code, closure and defaults of a function at once: all steps inside one C call, so that no thread switches.

    Nothing old is released and no garbage is collected in between, so that no finalizer runs either. An audit hook
    that calls the function while it is told of the new code is the stated limit.
    """
    import gc
    import sys
    from collections import deque
    from functools import partial

    names = ("__code__", "__closure__", "__defaults__", "__kwdefaults__")
    changed = [index for index in (1, 0, 2, 3) if after[index] is not before[index]]
    for index in changed:
        if index != 1:  # a hook that objects does so before anything changes
            sys.audit("object.__setattr__", func, names[index], after[index])
    collect = [partial(gc.enable)] if gc.isenabled() else []

    def steps(values: tuple[Any, ...]) -> list[Any]:
        return [
            partial(set_closure, func, values[1]) if index == 1 else partial(setattr, func, names[index], values[index])
            for index in changed
        ]

    forward = [partial(gc.disable), *steps(after), *collect]
    back = [*steps(before), *collect]
    try:
        deque(map(partial.__call__, forward), maxlen=0)
    except BaseException:
        deque(map(partial.__call__, back), maxlen=0)
        raise
    return kept


RELEASE = Release(
    version=(3, 8),
    line_table="co_lnotab",
    qualname_in_code=False,
    docstring_flag=0,
    method_flag=0,
    exception_table=False,
    unified_locals=False,
    jump_unit=1,
    padded_arguments=True,
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
    frozen_at_start=0,
    exchange=exchange,
)
