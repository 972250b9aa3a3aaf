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
    code, closure, defaults, kwdefaults = after
    old_code, old_closure, old_defaults, old_kwdefaults = before
    same_defaults = defaults is old_defaults and kwdefaults is old_kwdefaults
    if closure and same_defaults and grows(old_closure, closure):
        try:
            set_closure(func, closure)
            func.__code__ = code
        except BaseException:
            if func.__code__ is not code:
                set_closure(func, old_closure)
            raise
        return kept
    changed = (
        closure is not old_closure,
        code is not old_code,
        defaults is not old_defaults,
        kwdefaults is not old_kwdefaults,
    )
    steps = None
    if kept is not None:
        known_change, known_code, known_closure, known_defaults, known_kwdefaults, steps, collecting = kept
        if (
            known_code is not code
            or known_closure is not closure
            or known_defaults is not defaults
            or known_kwdefaults is not kwdefaults
            or known_change != changed
        ):
            steps = None
    if steps is None:
        steps = (partial(gc.disable), *_steps(func, changed, after, set_closure))
        collecting = steps + _COLLECT
        kept = (changed, code, closure, defaults, kwdefaults, steps, collecting)
    if code is not old_code:  # a hook that objects does so before anything changes
        _audit("object.__setattr__", func, "__code__", code)
    is_collecting = gc.isenabled()
    try:
        _exhaust(map(_call, collecting if is_collecting else steps))
    except BaseException:
        try:
            _exhaust(map(_call, _steps(func, changed, before, set_closure)))
        finally:
            if is_collecting:
                gc.enable()
        raise
    return kept


_audit, _call = sys.audit, partial.__call__
_NOWHERE: deque[None] = deque(maxlen=0)
_exhaust = _NOWHERE.extend
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
