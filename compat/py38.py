"""CPython 3.8: the full statement; the later releases say what changed.

The first release with `types.CellType` (bpo-35911) and `CodeType.replace` (bpo-37032). Two-byte code units
without caches; cell variables and free variables are numbered apart from the fast locals, cell variables
first; an argument that is a cell is moved there by the frame. `LOAD_CLOSURE` pushes a cell. Source:
Python/ceval.c, Lib/opcode.py, Python/compile.c of the 3.8 branch.
"""

from __future__ import annotations

import gc
import sys
from collections import deque
from functools import partial
from typing import Any

from ._release import Release


def exchange(
    func: Any, before: tuple[Any, ...], after: tuple[Any, ...], set_closure: Any, kept: tuple[Any, ...] | None
) -> tuple[Any, ...] | None:
    """Code, closure and defaults of a function at once: all steps inside one C call, so that no thread switches.

    Nothing old is released and no garbage is collected in between, so that no finalizer runs either. An audit hook
    that calls the function while it is told of the new code is the stated limit.

    A closure that only gains cells needs none of it: the old code does not see them. Returns what can be handed
    over as `kept` when the same function goes to the same state again.
    """
    if before[2] is after[2] and before[3] is after[3] and grows(before[1], after[1]):
        set_closure(func, after[1])
        try:
            func.__code__ = after[0]
        except BaseException:
            if func.__code__ is not after[0]:
                set_closure(func, before[1])
            raise
        return kept
    changed = tuple([index for index in (1, 0, 2, 3) if after[index] is not before[index]])
    if kept is None or kept[0] != changed or any(known is not new for known, new in zip(kept[1], after)):
        kept = (changed, after, (partial(gc.disable), *_steps(func, changed, after, set_closure)))
    for index in changed:
        if index != 1:  # a hook that objects does so before anything changes
            sys.audit("object.__setattr__", func, _NAMES[index], after[index])
    collect = (partial(gc.enable),) if gc.isenabled() else ()
    try:
        deque(map(partial.__call__, kept[2] + collect), maxlen=0)
    except BaseException:
        deque(map(partial.__call__, _steps(func, changed, before, set_closure) + collect), maxlen=0)
        raise
    return kept


_NAMES = ("__code__", "__closure__", "__defaults__", "__kwdefaults__")


def _steps(func: Any, changed: tuple[int, ...], values: tuple[Any, ...], set_closure: Any) -> tuple[Any, ...]:
    return tuple(
        [
            partial(set_closure, func, values[1]) if index == 1 else partial(setattr, func, _NAMES[index], values[index])
            for index in changed
        ]
    )


def grows(closure: tuple[Any, ...] | None, new_closure: tuple[Any, ...] | None) -> bool:
    """Whether a closure is the other with more cells behind its own."""
    if not new_closure or len(new_closure) <= len(closure or ()):
        return False
    for old, new in zip(closure or (), new_closure):
        if old is not new:
            return False
    return True


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
