"""CPython 3.13: functions get their attributes after they are made, and only those made so are call-specialised.

MAKE_FUNCTION takes no argument; SET_FUNCTION_ATTRIBUTE adds defaults, keyword defaults, annotations and closure
(gh-105980). LOAD_CLOSURE is gone: cells are pushed by LOAD_FAST. Super-instructions on fast locals are real
opcodes. PUSH_NULL, and LOAD_GLOBAL's NULL, come after the callable. A function that `types.FunctionType` made has
version 0 for good (Objects/funcobject.c, `_PyFunction_GetVersionForCurrentState`): its calls are never specialised;
hence `function_factory`. Source: Python/bytecodes.c of 3.13.
"""

from __future__ import annotations

from types import CodeType

from ._release import ANNOTATE, ANNOTATIONS, CLOSURE, DEFAULTS, KWDEFAULTS
from .py311 import NO_LOCATION
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
)
