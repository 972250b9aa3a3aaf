"""Stack effects of CPython 3.10: pattern matching, ROT_N, and generators open with GEN_START.

PEP 634 (MATCH_*, GET_LEN, COPY_DICT_WITHOUT_KEYS); RERAISE's argument restores the line of the handled exception;
annotations reach MAKE_FUNCTION as a tuple of pairs (bpo-42202); CALL_FUNCTION_EX takes an exact dict. Source:
Python/ceval.c of the 3.10 branch.
"""

from __future__ import annotations

from ._effects import changed
from .effects39 import EFFECTS as PREVIOUS


def make_function(flags: int) -> str:
    """Annotations are a tuple of names and values in turn."""
    kinds = ("tuple", "dict", "pairs", "cells")
    attributes = [kind for bit, kind in enumerate(kinds) if flags >> bit & 1]
    return " ".join([*attributes, "code str -- function"])


def call_function_ex(flags: int) -> str:
    """The keyword arguments are a dict that DICT_MERGE made."""
    return "value value dict -- object" if flags & 1 else "value value -- object"


EFFECTS = PREVIOUS._replace(
    falls=changed(
        PREVIOUS.falls,
        MAKE_FUNCTION=make_function,
        CALL_FUNCTION_EX=call_function_ex,
        ROT_N="any*{arg} -- any*{arg}",
        GEN_START="value --",
        GET_LEN="value -- value int",
        MATCH_MAPPING="value -- value bool",
        MATCH_SEQUENCE="value -- value bool",
        MATCH_KEYS="value tuple -- value tuple object bool",
        MATCH_CLASS="value value tuple -- object bool",
        COPY_DICT_WITHOUT_KEYS="value tuple -- value object",
    ),
    ranges={**PREVIOUS.ranges, "ROT_N": (1, 1 << 30), "GEN_START": (0, 2), "RERAISE": (0, 1)},
    quiet=PREVIOUS.quiet | {"ROT_N"},
    generator_start="GEN_START",
)
