"""Code that loops over its argument, which recell hands out with an iterator made of that argument on the way in."""

from __future__ import annotations

import dis
from types import CodeType


def takes_iterator(code: CodeType) -> bool:
    return bool(code.co_argcount) and code.co_varnames[0] == ".0"


def is_alike(new: CodeType, code: CodeType) -> bool:
    """Whether one code does what another does, but for one GET_ITER that one of them may have more."""
    fields = ("co_name", "co_consts", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_flags")
    if any(getattr(new, field) != getattr(code, field) for field in fields):
        return False
    names, before = ([each.opname for each in dis.get_instructions(one)] for one in (new, code))
    if "GET_ITER" in names and len(names) == len(before) + 1:
        names.remove("GET_ITER")
    return names == before
