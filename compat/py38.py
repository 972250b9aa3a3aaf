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
    code, closure, defaults, kwdefaults = after
    changed = (
        closure is not before[1],
        code is not before[0],
        defaults is not before[2],
        kwdefaults is not before[3],
    )
    if (
        kept is None
        or kept[0] != changed
        or kept[1] is not code
        or kept[2] is not closure
        or kept[3] is not defaults
        or kept[4] is not kwdefaults
    ):
        kept = (changed, *after, (partial(gc.disable), *_steps(func, changed, after, set_closure)))
    if changed[1]:  # a hook that objects does so before anything changes
        _audit("object.__setattr__", func, "__code__", code)
    collecting = gc.isenabled()
    try:
        deque(map(_call, kept[5] + _COLLECT if collecting else kept[5]), maxlen=0)
    except BaseException:
        steps = _steps(func, changed, before, set_closure)
        deque(map(_call, steps + _COLLECT if collecting else steps), maxlen=0)
        raise
    return kept


_audit, _call = sys.audit, partial.__call__
_COLLECT = (partial(gc.enable),)


def _steps(
    func: Any, changed: tuple[bool, ...], values: tuple[Any, ...], set_closure: Any
) -> tuple[Any, ...]:
    closure, code, defaults, kwdefaults = changed
    steps: list[Any] = []
    if closure:
        steps.append(partial(set_closure, func, values[1]))
    if code:
        steps.append(partial(setattr, func, "__code__", values[0]))
    if defaults:
        steps.append(partial(setattr, func, "__defaults__", values[2]))
    if kwdefaults:
        steps.append(partial(setattr, func, "__kwdefaults__", values[3]))
    return tuple(steps)


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
    atomic_stores=False,
)
