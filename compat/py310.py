"""CPython 3.10: jumps count instructions instead of bytes, and lines stand in `co_linetable` (PEP 626).

bpo-27129 (jump arguments), bpo-42246 (PEP 626), bpo-42990 (`__builtins__` of functions, bound when they are made).
The eval loop looks whether to switch threads at calls and backward jumps only, no longer at every instruction
(CHECK_EVAL_BREAKER in Python/ceval.c). PEP 634 (MATCH_*, GET_LEN, COPY_DICT_WITHOUT_KEYS), ROT_N; generators open
with GEN_START; RERAISE's argument restores the line of the handled exception; annotations reach MAKE_FUNCTION as a
tuple of pairs (bpo-42202); CALL_FUNCTION_EX takes an exact dict.
"""

from __future__ import annotations

from ._effects import changed
from ._trusts import rows
from .py39 import RELEASE as PREVIOUS


def make_function(flags: int) -> str:
    """Annotations are a tuple of names and values in turn."""
    kinds = ("tuple", "dict", "pairs", "cells")
    attributes = [kind for bit, kind in enumerate(kinds) if flags >> bit & 1]
    return " ".join([*attributes, "code str -- function"])


def call_function_ex(flags: int) -> str:
    """The keyword arguments are a dict that DICT_MERGE made."""
    return "value value dict -- object" if flags & 1 else "value value -- object"


RELEASE = PREVIOUS._replace(
    version=(3, 10),
    line_table="co_linetable",
    jump_unit=2,
    # -- stack effects
    effects=changed(
        PREVIOUS.effects,
        MAKE_FUNCTION=make_function,
        CALL_FUNCTION_EX=call_function_ex,
        ROT_N="any*{arg} -- any*{arg}",
        GEN_START="value --",
        GET_LEN="value -- value int",
        MATCH_MAPPING="value -- value bool",
        MATCH_SEQUENCE="value -- value bool",
        MATCH_KEYS="value tuple -- value tuple object bool",
        MATCH_CLASS="value value names -- object bool",
        YIELD_FROM="value value -- object",  # PyIter_Send looks
        COPY_DICT_WITHOUT_KEYS="value tuple -- value object",
    ),
    argument_ranges={
        **PREVIOUS.argument_ranges,
        "ROT_N": (1, 1 << 30),
        "GEN_START": (0, 2),
        "RERAISE": (0, 1),
    },
    actions={**PREVIOUS.actions, "ROT_N": "rotate"},
    quiet=PREVIOUS.quiet | {"ROT_N"},
    undisturbed=PREVIOUS.undisturbed | {"GEN_START"},
    generator_start="GEN_START",
)
# Python/ceval.c: YIELD_FROM asks PyIter_Send, which looks; patterns believe in what the compiler keeps for them
RELEASE = RELEASE._replace(
    trusts=rows(
        PREVIOUS.trusts,
        RELEASE.effects,
        {
            "nothing": "ROT_N GET_LEN MATCH_MAPPING MATCH_SEQUENCE YIELD_FROM",
            "opening": "GEN_START",
            "tuple": "MATCH_KEYS COPY_DICT_WITHOUT_KEYS",
            "names": "MATCH_CLASS",
            "dict": "CALL_FUNCTION_EX",
            "code str tuple dict pairs cells": "MAKE_FUNCTION",
        },
    )
)
