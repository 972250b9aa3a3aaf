"""CPython 3.13: functions get their attributes after they are made, and only those made so are call-specialised.

MAKE_FUNCTION takes no argument; SET_FUNCTION_ATTRIBUTE adds defaults, keyword defaults, annotations and closure
(gh-105980). LOAD_CLOSURE is gone: cells are pushed by LOAD_FAST. Super-instructions on fast locals are real
opcodes. PUSH_NULL, and LOAD_GLOBAL's NULL, come after the callable. A function that `types.FunctionType` made has
version 0 for good (Objects/funcobject.c, `_PyFunction_GetVersionForCurrentState`): its calls are never specialised;
hence `function_factory`. Conditions are bools (TO_BOOL, gh-106008); CALL_KW in place of KW_NAMES; CONVERT_VALUE,
FORMAT_SIMPLE and FORMAT_WITH_SPEC in place of FORMAT_VALUE; FOR_ITER steps over END_FOR and POP_TOP, and END_FOR takes
one value. Source: Python/bytecodes.c of the 3.13 branch.
"""

from __future__ import annotations

from types import CodeType

from ._effects import changed, opcodes, without
from ._release import ANNOTATE, ANNOTATIONS, CLOSURE, DEFAULTS, KWDEFAULTS
from ._trusts import rows
from .py311 import NO_LOCATION
from .py312 import BINARY_INTRINSICS as BINARY_INTRINSICS_312
from .py312 import OUTCOMES
from .py312 import RELEASE as PREVIOUS


def function_factory(attributes: int) -> CodeType:
    """The code of a factory `(code, defaults, kwdefaults, annotations, closure, annotate) -> function`.

    What is not among the attributes is ignored. Called as `FunctionType(function_factory(CLOSURE), globals)(code,
    None, None, None, closure, None)`; the code is an argument, so that nothing has to be cached for each code object.
    """
    import opcode

    number, cache_units = opcode.opmap, opcode._inline_cache_entries  # type: ignore[attr-defined]
    bits = (DEFAULTS, KWDEFAULTS, ANNOTATIONS, CLOSURE, ANNOTATE)
    present = [(slot, bit) for slot, bit in enumerate(bits, 1) if attributes & bit]
    units: list[tuple[str, int]] = [("RESUME", 0)]
    units += [("CACHE", 0)] * cache_units.get("RESUME", 0)
    units += [("LOAD_FAST", slot) for slot, _ in reversed(present)]
    units += [("LOAD_FAST", 0), ("MAKE_FUNCTION", 0)]
    units += [("SET_FUNCTION_ATTRIBUTE", bit) for _, bit in present]
    units += [("RETURN_VALUE", 0)]
    return _template.__code__.replace(
        co_code=bytes(byte for name, argument in units for byte in (number[name], argument)),
        co_argcount=6,
        co_nlocals=6,
        co_varnames=("code", "defaults", "kwdefaults", "annotations", "closure", "annotate"),
        co_stacksize=2 + len(present),
        co_consts=(),
        co_names=(),
        co_linetable=NO_LOCATION * len(units),
        co_name="function_factory",
        co_qualname="function_factory",
        co_filename=__file__,
    )


def _template() -> None: ...


BINARY_INTRINSICS = (*BINARY_INTRINSICS_312, "value value -- object")  # SET_TYPEPARAM_DEFAULT


def call_intrinsic_2(number: int) -> str | None:
    """By the intrinsic's number; 0 is invalid."""
    return BINARY_INTRINSICS[number] if number < len(BINARY_INTRINSICS) else None


def load_global(index: int) -> str:
    """Bit 0 pushes the NULL that a call wants, above the value."""
    return "-- object null" if index & 1 else "-- object"


def load_attr(index: int) -> str:
    """Bit 0 loads a method: the function and its object, or the attribute and NULL."""
    return "value -- object maybe_null" if index & 1 else "value -- object"


def load_super_attr(index: int) -> str:
    """Bit 0 loads a method."""
    return "value value value -- object maybe_null" if index & 1 else "value value value -- object"


def compare_op(operation: int) -> str | None:
    """Bit 4 asks for a bool; integers compare to one without."""
    if operation >> 5 >= len(OUTCOMES) or operation & 15 != OUTCOMES[operation >> 5]:
        return None
    return "value value -- bool" if operation & 16 else "value value -- object"


def call(count: int) -> str:
    """A comprehension gets its iterator, a scope of type parameters a function's defaults, from where the self lies."""
    return f"called maybe_null value*{count} -- object"


def call_function_ex(flags: int) -> str:
    """A NULL lies above the callable."""
    return "value null value dict -- object" if flags & 1 else "value null value -- object"


RELEASE = PREVIOUS._replace(
    version=(3, 13),
    frozen_at_start=0,
    caches={
        "LOAD_GLOBAL": 4,
        "BINARY_OP": 1,
        "UNPACK_SEQUENCE": 1,
        "COMPARE_OP": 1,
        "CONTAINS_OP": 1,
        "BINARY_SUBSCR": 1,
        "FOR_ITER": 1,
        "LOAD_SUPER_ATTR": 1,
        "LOAD_ATTR": 9,
        "STORE_ATTR": 4,
        "CALL": 3,
        "STORE_SUBSCR": 1,
        "SEND": 1,
        "JUMP_BACKWARD": 1,
        "TO_BOOL": 3,
        "POP_JUMP_IF_TRUE": 1,
        "POP_JUMP_IF_FALSE": 1,
        "POP_JUMP_IF_NONE": 1,
        "POP_JUMP_IF_NOT_NONE": 1,
    },
    const_opcodes=PREVIOUS.const_opcodes - {"KW_NAMES"},
    local_pair_opcodes=frozenset({"LOAD_FAST_LOAD_FAST", "STORE_FAST_LOAD_FAST", "STORE_FAST_STORE_FAST"}),
    deref_opcodes=PREVIOUS.deref_opcodes - {"LOAD_CLOSURE"},
    closure_loads=frozenset({"LOAD_FAST", "LOAD_FAST_LOAD_FAST"}),
    null_after_callable=True,
    function_factory=function_factory,
    # -- stack effects
    effects=changed(
        PREVIOUS.effects,
        "KW_NAMES",
        "FORMAT_VALUE",
        "LOAD_CLOSURE",
        LOAD_GLOBAL=load_global,
        LOAD_ATTR=load_attr,
        LOAD_SUPER_ATTR=load_super_attr,
        LOAD_FAST_LOAD_FAST="-- object object",
        STORE_FAST_LOAD_FAST="value -- object",
        STORE_FAST_STORE_FAST="value value --",
        CALL=call,
        CALL_KW="value maybe_null value*{arg} names -- object",
        CALL_FUNCTION_EX=call_function_ex,
        DICT_MERGE="value null value dict any*{below} value -- value null value dict any*{below}",
        CALL_INTRINSIC_2=call_intrinsic_2,
        MAKE_FUNCTION="code -- function",
        SET_FUNCTION_ATTRIBUTE="--",
        COMPARE_OP=compare_op,
        TO_BOOL="value -- bool",
        UNARY_NOT="bool -- bool",
        CONVERT_VALUE="value -- str",
        FORMAT_SIMPLE="value -- str",
        FORMAT_WITH_SPEC="value value -- str",
        POP_JUMP_IF_FALSE="bool --",
        POP_JUMP_IF_TRUE="bool --",
        END_FOR="value value -- value",  # traced, it looks at the iterator below
    ),
    jump_effects={**PREVIOUS.jump_effects, "POP_JUMP_IF_FALSE": "bool --", "POP_JUMP_IF_TRUE": "bool --"},
    argument_ranges={
        **{
            name: span
            for name, span in PREVIOUS.argument_ranges.items()
            if name not in ("MAKE_FUNCTION", "COMPARE_OP", "FORMAT_VALUE")
        },
        "CONVERT_VALUE": (1, 3),
        "YIELD_VALUE": (0, 1),
        "RESUME": (0, 7),
    },
    actions={
        **without(PREVIOUS.actions, "KW_NAMES", "LOAD_CLOSURE"),
        "MAKE_FUNCTION": "bare_function",
        "SET_FUNCTION_ATTRIBUTE": "attribute",
        "CALL_KW": "keywords",
        "COMPARE_OP": "compare",
    },
    undisturbed=PREVIOUS.undisturbed - {"LOAD_CLOSURE"}
    | opcodes("SET_FUNCTION_ATTRIBUTE LOAD_FAST_LOAD_FAST STORE_FAST_LOAD_FAST STORE_FAST_STORE_FAST"),
    specialised_caches=False,
    counting=PREVIOUS.counting | {"TO_BOOL", "CONTAINS_OP"},
    unemitted=PREVIOUS.unemitted | {"ENTER_EXECUTOR", "EXIT_INIT_CHECK"},
    executors=frozenset({"ENTER_EXECUTOR"}),
    locals_need_cells=False,
    delegating_yields=True,
    ascending_lines=True,
    skipped_after_loop=("END_FOR", "POP_TOP"),
)
# Python/bytecodes.c: truth is asked for beforehand, functions get their attributes afterwards
RELEASE = RELEASE._replace(
    trusts=rows(
        PREVIOUS.trusts,
        RELEASE.effects,
        {
            "nothing": "TO_BOOL FORMAT_SIMPLE FORMAT_WITH_SPEC",
            "bool": "UNARY_NOT",
            "target bool": "POP_JUMP_IF_FALSE POP_JUMP_IF_TRUE",
            "table": "CONVERT_VALUE",
            "slot bound": "LOAD_FAST_LOAD_FAST",
            "slot free-variable bound": "STORE_FAST_LOAD_FAST",
            "slot free-variable": "STORE_FAST_STORE_FAST",
            "self names": "CALL_KW",
            "code": "MAKE_FUNCTION",
            "function tuple dict pairs cells": "SET_FUNCTION_ATTRIBUTE",
        },
    )
)
