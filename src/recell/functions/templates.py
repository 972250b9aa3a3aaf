"""The plan that `substitute` makes of a plain template: its names and strings, kept as long as its code lives."""

from __future__ import annotations

from opcode import opmap
from operator import itemgetter
from types import CodeType
from typing import TYPE_CHECKING, Any, Dict, Tuple

from recell.functions.constants import COMPOUND, docstring_of, parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from weakref import ReferenceType

    Pick = Callable[[Mapping[str, str]], Tuple[str, ...]]

__all__ = ["IMPORT_NAME", "PLANS", "planned"]

IMPORT_NAME = opmap["IMPORT_NAME"]

_Plan = Tuple["ReferenceType[CodeType]", Dict[str, str], Dict[str, int], "Pick", "Pick"]

PLANS: dict[int, _Plan] = {}
"""The id of a template's code -> a weak reference to it, its names (each to itself), where its strings stand, and what
makes `co_varnames` and `co_names` out of such names. A plan holds no constant, so none can keep its code alive."""


def planned(code: CodeType) -> _Plan:
    """The plan of a code object, to be forgotten with it; without names where the code is not plain."""
    from weakref import ref

    key = id(code)
    varnames, names, consts = code.co_varnames, code.co_names, code.co_consts
    own: dict[str, str] = {}
    strings: dict[str, int] = {}
    if (
        not code.co_freevars
        and not code.co_cellvars
        and IMPORT_NAME not in code.co_code[::2]
        and code.co_name not in varnames
        and code.co_name not in names
        and code.co_name != "__annotate__"
        and CodeType not in map(type, consts)
    ):
        every = (*varnames, *names)
        own = dict(zip(every, every))
        if str in map(type, consts):
            strings = {const: index for index, const in enumerate(consts) if type(const) is str}
            for const in (docstring_of(code), *[const for const in consts if type(const) in COMPOUND]):
                for text in _strings_in(const):
                    strings.pop(text, None)  # the docstring, and what stands in a tuple too
    plan = ref(code, lambda gone: _forget(key, gone)), own, strings, _picker(varnames), _picker(names)
    PLANS[key] = plan
    return plan


def _forget(key: int, gone: ReferenceType[CodeType]) -> None:
    if key in PLANS and PLANS[key][0] is gone:  # pragma: no branch - or the id is used again already
        PLANS.pop(key, None)


def _strings_in(const: Any) -> Iterator[str]:
    if type(const) is str:
        yield const
    elif type(const) in COMPOUND:
        for part in parts(const):
            yield from _strings_in(part)


def _picker(names: Tuple[str, ...]) -> Pick:
    """Return the maker of the tuple of exchanged names: in C for more than one."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda exchanged: tuple([exchanged[name] for name in names])
