"""CPython 3.8: the full statement; the later releases say what changed.

The first release with `types.CellType` (bpo-35911) and `CodeType.replace` (bpo-37032). Two-byte code units
without caches; cell variables and free variables are numbered apart from the fast locals, cell variables
first; an argument that is a cell is moved there by the frame. `LOAD_CLOSURE` pushes a cell. Source:
Python/ceval.c, Lib/opcode.py, Python/compile.c of the 3.8 branch.

Exceptions push six values, the handled exception's three below the new one's; blocks say where. `finally` bodies
are subroutines: they find NULL, a return address or an exception on the stack.
"""

from __future__ import annotations

import gc
import sys
from collections import deque
from functools import partial
from typing import Any, Mapping

from ._effects import Effect, each, opcodes
from ._release import Release
from ._trusts import rows


def prepare(
    func: Any,
    before: tuple[Any, ...],
    after: tuple[Any, ...],
    set_closure: Any,
    kept: tuple[Any, ...] | None,
    limbos: dict[Any, Any],
) -> tuple[Any, ...] | None:
    """Make ahead what `exchange` of the same parts needs: its steps, and those of the way back.

    A closure that only gains cells needs none of it: the old code does not see them. `kept` is what was made for
    these parts before; `limbos` is for releases that need other code in between.
    """
    if _only_grows(before, after):
        return kept
    if kept is not None:
        for known, part in zip(kept[0], before + after):
            if known is not part:
                break
        else:
            return kept
    changed = tuple([one is not other for one, other in zip(before, after)])
    steps = (partial(gc.disable), *_steps(func, changed, after, set_closure))
    return before + after, steps, steps + _COLLECT, _steps(func, changed, before, set_closure)


def exchange(
    func: Any, before: tuple[Any, ...], after: tuple[Any, ...], set_closure: Any, kept: tuple[Any, ...] | None
) -> None:
    """Code, closure and defaults of a function at once: all steps inside one C call, so that no thread switches.

    Nothing old is released and no garbage is collected in between, so that no finalizer runs either. An audit hook
    that calls the function while it is told of the new code is the stated limit.
    """
    code, closure = after[:2]
    old_code, old_closure = before[:2]
    if _only_grows(before, after):
        try:
            set_closure(func, closure)
            func.__code__ = code
        except BaseException:
            # the setter may be what fails, where memory or the stack is exhausted: it is called again only if it set
            if func.__code__ is not code and func.__closure__ is not old_closure:
                set_closure(func, old_closure)
            raise
        return
    assert kept is not None
    _, steps, collecting, back = kept
    if code is not old_code:  # a hook that objects does so before anything changes
        _audit("object.__setattr__", func, "__code__", code)
    is_collecting = gc.isenabled()
    there, back_again = map(_call, collecting if is_collecting else steps), map(_call, back)
    try:
        _exhaust(there)
    except BaseException:
        try:
            _exhaust(back_again)
        finally:
            if is_collecting:
                gc.enable()
        raise


def _only_grows(before: tuple[Any, ...], after: tuple[Any, ...]) -> bool:
    return before[2] is after[2] and before[3] is after[3] and grows(before[1], after[1])


_audit, _call = sys.audit, partial.__call__
_NOWHERE: deque[None] = deque(maxlen=0)
_exhaust = _NOWHERE.extend
_COLLECT = (partial(gc.enable),)


def _steps(
    func: Any, changed: tuple[bool, ...], values: tuple[Any, ...], set_closure: Any
) -> tuple[Any, ...]:
    code, closure, defaults, kwdefaults = changed
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
    """Return whether a closure is the other with more cells behind its own."""
    if not new_closure or len(new_closure) <= len(closure or ()):
        return False
    for old, new in zip(closure or (), new_closure):
        if old is not new:
            return False
    return True


CAUGHT = "exc_tb exc_value exc_type"
SAVED = "prev_tb prev_value prev_type"
BINARY = ("POWER", "MULTIPLY", "MATRIX_MULTIPLY", "TRUE_DIVIDE", "FLOOR_DIVIDE", "MODULO", "ADD", "SUBTRACT", "LSHIFT",
          "RSHIFT", "AND", "XOR", "OR")  # fmt: skip
AT_LEAST_1 = (1, 1 << 30)


def call_function(count: int) -> str:
    """Return CALL_FUNCTION's effect: a comprehension's function is called with one argument, its iterator."""
    return "called value -- object" if count == 1 else f"value value*{count} -- object"


def make_function(flags: int) -> str:
    """Return MAKE_FUNCTION's effect: attributes lie below code and qualified name, in the order of the flags' bits."""
    kinds = ("tuple", "dict", "dict", "cells")
    attributes = [kind for bit, kind in enumerate(kinds) if flags >> bit & 1]
    return " ".join([*attributes, "code str -- function"])


def raise_varargs(count: int) -> str:
    """Return RAISE_VARARGS's effect: up to an exception and its cause."""
    return f"value*{count} --"


def unpack_ex(counts: int) -> str:
    """Return UNPACK_EX's effect: the low byte counts the values before the starred one, the rest those behind it."""
    return f"value -- object*{(counts & 255) + (counts >> 8) + 1}"


def format_value(flags: int) -> str:
    """Return FORMAT_VALUE's effect: bit 2 says that a format specification lies on top."""
    return "value value -- str" if flags & 4 else "value -- str"


def call_function_ex(flags: int) -> str:
    """Return CALL_FUNCTION_EX's effect: bit 0 says that a mapping of keyword arguments lies on top."""
    return "value value value -- object" if flags & 1 else "value value -- object"


def build_tuple(count: int) -> str:
    """Return BUILD_TUPLE's effect: a tuple of even length can hold annotations, names and values in turn."""
    return f"value*{count} -- {'tuple' if count & 1 else 'pairs'}"


EFFECTS: Mapping[str, Effect] = {
    **each(
        {
            "--": "NOP EXTENDED_ARG DELETE_NAME DELETE_GLOBAL DELETE_FAST DELETE_DEREF SETUP_ANNOTATIONS"
            " JUMP_FORWARD JUMP_ABSOLUTE"
            # and these move blocks: recell.verifier.block_walk says how
            " SETUP_FINALLY POP_BLOCK CALL_FINALLY POP_FINALLY END_FINALLY WITH_CLEANUP_START WITH_CLEANUP_FINISH",
            "drop --": "POP_TOP",
            "any any -- any any": "ROT_TWO",
            "any any any -- any any any": "ROT_THREE",
            "any any any any -- any any any any": "ROT_FOUR",
            "copied -- copied": "DUP_TOP",
            "copied copied -- copied copied": "DUP_TOP_TWO",
            "-- object": "LOAD_CONST LOAD_NAME LOAD_GLOBAL LOAD_FAST LOAD_DEREF LOAD_CLASSDEREF LOAD_BUILD_CLASS",
            "-- cell": "LOAD_CLOSURE",
            "value --": "STORE_NAME STORE_GLOBAL STORE_FAST STORE_DEREF DELETE_ATTR IMPORT_STAR PRINT_EXPR RETURN_VALUE"
            " POP_JUMP_IF_FALSE POP_JUMP_IF_TRUE JUMP_IF_FALSE_OR_POP JUMP_IF_TRUE_OR_POP",
            "value value --": "STORE_ATTR DELETE_SUBSCR",
            "value value value --": "STORE_SUBSCR",
            "value -- object": "UNARY_POSITIVE UNARY_NEGATIVE UNARY_NOT UNARY_INVERT LOAD_ATTR GET_AITER YIELD_VALUE",
            "value value -- object": " ".join(
                f"{kind}_{name}" for kind in ("BINARY", "INPLACE") for name in BINARY
            )
            + " BINARY_SUBSCR IMPORT_NAME",
            "value value -- bool": "COMPARE_OP",
            "value -- maybe_null object": "LOAD_METHOD",
            "maybe_null value value*{arg} -- object": "CALL_METHOD",
            "value value*{arg} names -- object": "CALL_FUNCTION_KW",
            "value -- value object": "IMPORT_FROM",
            "value*{arg} -- list": "BUILD_LIST BUILD_LIST_UNPACK",
            "value*{arg} -- set": "BUILD_SET BUILD_SET_UNPACK",
            "value*{arg} -- dict": "BUILD_MAP_UNPACK",
            "value*{arg} -- tuple": "BUILD_TUPLE_UNPACK",
            "value*{arg} -- str": "BUILD_STRING",
            "value*{arg} -- object": "BUILD_SLICE",
            "value*{arg} value*{arg} -- dict": "BUILD_MAP",
            "value*{arg} tuple -- dict": "BUILD_CONST_KEY_MAP",
            "value value*{arg} -- value tuple": "BUILD_TUPLE_UNPACK_WITH_CALL",
            "value value value*{arg} -- value value dict": "BUILD_MAP_UNPACK_WITH_CALL",
            "list any*{below} value -- list any*{below}": "LIST_APPEND",
            "value any*{below} value -- value any*{below}": "SET_ADD",
            "dict any*{below} value value -- dict any*{below}": "MAP_ADD",
            "value -- object*{arg}": "UNPACK_SEQUENCE",
            "value -- iter": "GET_ITER",
            "value -- sender": "GET_YIELD_FROM_ITER GET_AWAITABLE",
            "iter -- iter object": "FOR_ITER",
            "value -- value sender": "GET_ANEXT",
            "value -- object object": "BEFORE_ASYNC_WITH SETUP_WITH",
            "sender value -- object": "YIELD_FROM",
            "value -- value": "SETUP_ASYNC_WITH",
            f"{SAVED} --": "POP_EXCEPT",
            "-- null": "BEGIN_FINALLY",
            f"value {SAVED} {CAUGHT} --": "END_ASYNC_FOR",
        }
    ),
    "CALL_FUNCTION": call_function,
    "CALL_FUNCTION_EX": call_function_ex,
    "MAKE_FUNCTION": make_function,
    "BUILD_TUPLE": build_tuple,
    "FORMAT_VALUE": format_value,
    "UNPACK_EX": unpack_ex,
    "RAISE_VARARGS": raise_varargs,
}

ARITHMETIC = " ".join(f"{kind}_{name}" for kind in ("BINARY", "INPLACE") for name in BINARY)
# Python/ceval.c: what stands between TARGET and the first check of an error
TRUSTS: Mapping[str, str] = rows(
    {},
    EFFECTS,
    {
        "nothing": f"NOP EXTENDED_ARG POP_TOP ROT_TWO ROT_THREE ROT_FOUR DUP_TOP DUP_TOP_TWO {ARITHMETIC} BINARY_SUBSCR"
        " UNARY_POSITIVE UNARY_NEGATIVE UNARY_NOT UNARY_INVERT STORE_SUBSCR DELETE_SUBSCR SETUP_ANNOTATIONS PRINT_EXPR"
        " LOAD_BUILD_CLASS RAISE_VARARGS RETURN_VALUE GET_ITER GET_YIELD_FROM_ITER GET_AWAITABLE GET_AITER GET_ANEXT"
        " BEFORE_ASYNC_WITH BUILD_LIST BUILD_SET BUILD_MAP BUILD_TUPLE BUILD_STRING BUILD_SLICE BUILD_CONST_KEY_MAP"
        " BUILD_LIST_UNPACK BUILD_SET_UNPACK BUILD_MAP_UNPACK BUILD_TUPLE_UNPACK BUILD_TUPLE_UNPACK_WITH_CALL"
        " BUILD_MAP_UNPACK_WITH_CALL UNPACK_SEQUENCE UNPACK_EX FORMAT_VALUE CALL_FUNCTION CALL_FUNCTION_EX"
        " LIST_APPEND SET_ADD MAP_ADD",  # which ask for the type, and raise SystemError
        "constant": "LOAD_CONST",
        "name": "LOAD_NAME STORE_NAME DELETE_NAME LOAD_GLOBAL STORE_GLOBAL DELETE_GLOBAL LOAD_ATTR STORE_ATTR"
        " DELETE_ATTR LOAD_METHOD IMPORT_NAME IMPORT_FROM",
        "slot": "LOAD_FAST STORE_FAST DELETE_FAST LOAD_CLOSURE LOAD_DEREF STORE_DEREF DELETE_DEREF",
        "slot namespace": "LOAD_CLASSDEREF",
        "locals": "IMPORT_STAR",
        "table": "COMPARE_OP",
        "target": "JUMP_FORWARD JUMP_ABSOLUTE POP_JUMP_IF_FALSE POP_JUMP_IF_TRUE JUMP_IF_FALSE_OR_POP"
        " JUMP_IF_TRUE_OR_POP",
        "target iterator": "FOR_ITER",
        "iterator": "YIELD_FROM",
        "generator": "YIELD_VALUE",
        "self": "CALL_METHOD",
        "names": "CALL_FUNCTION_KW",
        "code str tuple dict cells": "MAKE_FUNCTION",
        "target block": "SETUP_FINALLY SETUP_WITH SETUP_ASYNC_WITH CALL_FINALLY",
        "block": "POP_BLOCK BEGIN_FINALLY",
        "block exception": "POP_EXCEPT END_ASYNC_FOR",
        "block outcome": "POP_FINALLY END_FINALLY WITH_CLEANUP_START WITH_CLEANUP_FINISH",
    },
)


RELEASE = Release(
    version=(3, 8),
    line_table="co_lnotab",
    no_location=b"",
    qualname_in_code=False,
    docstring_flag=0,
    exception_table=False,
    handlers_last=False,
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
    constant_loads={"LOAD_CONST": "co_consts"},
    global_null_bit=False,
    null_after_callable=False,
    function_factory=None,
    frozen_at_start=0,
    prepare=prepare,
    exchange=exchange,
    # -- stack effects
    effects=EFFECTS,
    trusts=TRUSTS,
    unemitted=frozenset(),
    jump_effects=each(
        {
            "iter --": "FOR_ITER",
            "--": "JUMP_FORWARD JUMP_ABSOLUTE",
            "value --": "POP_JUMP_IF_FALSE POP_JUMP_IF_TRUE",
            "value -- value": "JUMP_IF_FALSE_OR_POP JUMP_IF_TRUE_OR_POP",
        }
    ),
    ends=frozenset({"RETURN_VALUE", "RAISE_VARARGS", "JUMP_FORWARD", "JUMP_ABSOLUTE"}),
    argument_ranges={
        "MAKE_FUNCTION": (0, 15),
        "END_ASYNC_FOR": (0, 0),  # not a jump, but it would jump
        "RAISE_VARARGS": (0, 2),
        "COMPARE_OP": (0, 10),
        "FORMAT_VALUE": (0, 7),
        "BUILD_SLICE": (2, 3),
        "CALL_FUNCTION_EX": (0, 1),
        "POP_FINALLY": (0, 1),
        "LIST_APPEND": AT_LEAST_1,
        "SET_ADD": AT_LEAST_1,
        "MAP_ADD": AT_LEAST_1,
        "BUILD_TUPLE_UNPACK_WITH_CALL": AT_LEAST_1,
        "BUILD_MAP_UNPACK_WITH_CALL": AT_LEAST_1,
    },
    actions={
        **each(
            {
                "tuple": "BUILD_TUPLE",
                "keys": "BUILD_CONST_KEY_MAP",
                "call": "CALL_FUNCTION",
                "keywords": "CALL_FUNCTION_KW",
                "copy": "DUP_TOP",
                "duplicate": "DUP_TOP_TWO",
                "rotate": "ROT_TWO ROT_THREE ROT_FOUR",
                "function": "MAKE_FUNCTION",
            }
        )
    },
    block_opcodes=opcodes(
        "SETUP_FINALLY SETUP_WITH SETUP_ASYNC_WITH POP_BLOCK POP_EXCEPT CALL_FINALLY POP_FINALLY END_FINALLY"
        " END_ASYNC_FOR WITH_CLEANUP_START WITH_CLEANUP_FINISH"
    ),
    quiet=opcodes(
        "NOP EXTENDED_ARG POP_TOP ROT_TWO ROT_THREE ROT_FOUR DUP_TOP JUMP_FORWARD JUMP_ABSOLUTE RETURN_VALUE"
        " LOAD_CONST STORE_FAST BEGIN_FINALLY POP_BLOCK POP_EXCEPT POP_FINALLY CALL_FINALLY END_FINALLY"
        " END_ASYNC_FOR WITH_CLEANUP_START WITH_CLEANUP_FINISH"
    ),
    skipped_after_loop=(),
    loop_tail=(),
    checked_locals=True,
    handler_entries=f"{SAVED} {CAUGHT}",
    finally_calls=True,
    asks_format=-1,
    before_generator=frozenset(),
    undisturbed=opcodes(
        "NOP LOAD_CONST LOAD_FAST LOAD_CLOSURE BUILD_LIST BUILD_MAP BUILD_SET BUILD_TUPLE EXTENDED_ARG SETUP_FINALLY"
    ),
    generator_start="",
    compiler_names={".0": "iter"},
    scope_parameters=lambda code: code.co_varnames[: code.co_argcount],
    locals_need_cells=False,
    executors=frozenset(),
    counting=frozenset(),
    fresh_counter=0,
    specialised_caches=False,
    despecialise=None,
    watched=lambda code: False,
    ascending_lines=False,
    resume_before_generator=-1,
    delegating_yields=False,
    stop_iteration_error=0,
)
