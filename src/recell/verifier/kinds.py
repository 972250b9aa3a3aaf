"""Kinds of value on the stack, as numbers: one instruction's operands are checked by one `&`.

The verifier keeps the whole value stack in one integer, `WIDTH` bits per entry, the top lowest. An entry holds one
bit per kind that it may be, and above those a parameter (how many cells a closure has, which local was borrowed).
Joining two stacks is `|`, popping is `>>`, and an instruction's demands are a mask of the bits that must be clear.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Tuple

    Move = Tuple[int, int, int, int, int, int, int, int]

_KINDS = (
    "object", "null", "list", "set", "dict", "tuple", "pairs", "names", "name_pairs", "cells", "cell",
    "code", "generator_code", "comprehension_code", "generator_expression_code",
    "defaults_code", "kwdefaults_code", "all_defaults_code",
    "function", "generator_function", "comprehension", "generator_expression",
    "defaults_function", "kwdefaults_function", "all_defaults_function", "pending",
    "iter", "virtual", "index", "exc", "prev", "lasti", "none", "bool", "int", "str", "excs", "alias",
    "prev_tb", "prev_value", "prev_type", "exc_tb", "exc_value", "exc_type", "return_address", "borrowed",
    "sender", "interpolation", "interpolations", "no_self",
)  # fmt: skip
BIT = {kind: 1 << number for number, kind in enumerate(_KINDS)}

PARAMETER = 56  # where an entry's parameter starts
WIDTH = 80
ENTRY = (1 << WIDTH) - 1
KIND = (1 << PARAMETER) - 1
LARGEST_PARAMETER = (1 << WIDTH - PARAMETER) - 1

OBJECT, NULL, CELL, CELLS, ITER = (BIT[kind] for kind in ("object", "null", "cell", "cells", "iter"))
FUNCTION, PENDING, EXC, NONE, BORROWED = (
    BIT[kind] for kind in ("function", "pending", "exc", "none", "borrowed")
)
CODES = sum(BIT[kind] for kind in _KINDS if kind.endswith("code"))
TO_FUNCTION = 7  # a function's kind is that of its code, so many bits higher
FUNCTIONS = CODES << TO_FUNCTION
MAKE_ITERATOR = BIT["generator_function"] | BIT["generator_expression"]
# functions that trust their arguments: only the compiler's own calls of them are right
TRUSTING = FUNCTIONS & ~FUNCTION & ~BIT["generator_function"]
RETURN_ADDRESS, EXCS, LIST = BIT["return_address"], BIT["excs"], BIT["list"]
EXC_OR_NONE = EXC | NONE
VIRTUAL, INTERPOLATION, INTERPOLATIONS = (
    BIT[kind] for kind in ("virtual", "interpolation", "interpolations")
)
CHANGEABLE = EXCS | FUNCTIONS & ~FUNCTION


def _union(*kinds: str) -> int:
    return sum(BIT[kind] for kind in kinds)


# not objects, or objects that only one instruction may take
_GUARDED = _union(
    "null", "comprehension", "generator_expression", "defaults_function", "kwdefaults_function",
    "all_defaults_function", "pending", "index", "prev", "lasti", "prev_tb", "prev_value", "prev_type",
    "return_address", "no_self",
)  # fmt: skip
_EVERYTHING = (1 << len(_KINDS)) - 1
_VALUE = _EVERYTHING & ~_GUARDED

ACCEPTED = {
    "any": _EVERYTHING,
    "value": _VALUE,
    "drop": _VALUE | _union("lasti", "index", "prev_type"),
    "moved": _EVERYTHING & ~_union("index", "pending"),
    "copied": _EVERYTHING
    & ~TRUSTING
    & ~_union("null", "pending", "index", "prev_tb", "prev_value", "return_address", "no_self"),
    "saved": _VALUE | NULL,
    "maybe_null": _VALUE | _union("null", "no_self"),
    "called": _VALUE | TRUSTING,
    "called_or_null": _VALUE | TRUSTING | NULL,
    "drop_or_no_self": _VALUE | _union("lasti", "index", "prev_type", "no_self"),
    "null_or_index": _union("null", "index"),
    "iterated": _union("iter", "virtual"),
    "code": CODES,
    "function": FUNCTIONS,
    "sender": _union("iter", "sender"),
    "interpolated": _union("interpolations", "name_pairs"),
    "dict_or_null": _union("dict", "null"),
    "exc_or_none": EXC_OR_NONE,
    "list": _union("list", "excs"),
    "tuple": _union("tuple", "pairs", "names", "name_pairs", "cells", "alias", "interpolations"),
    "pairs": _union("pairs", "name_pairs"),
    "names": _union("names", "name_pairs"),
    "lasti": _union("lasti"),
    "prev": _union("prev", "exc", "none"),  # PUSH_EXC_INFO's own region hands on what it took
    **{
        kind: BIT[kind]
        for kind in (
            "null",
            "set",
            "dict",
            "cells",
            "virtual",
            "index",
            "iter",
            "exc",
            "none",
            "bool",
            "str",
            "excs",
            "alias",
            "interpolation",
            "interpolations",
            "prev_tb",
            "prev_value",
            "prev_type",
            "exc_tb",
            "exc_value",
            "exc_type",
        )
    },
}
"""The meaning of a kind's name on the left of `--`. A borrowed value does wherever the value itself would."""
LEFT = {**BIT, "value": OBJECT, "maybe_null": OBJECT | NULL, "exc_or_none": EXC_OR_NONE}
LEFT["maybe_self"] = OBJECT | BIT["no_self"]  # the NULL of a special method, which compilers drop
"""Its meaning on the right: the bits that are pushed."""


def repeated(entry: int, count: int) -> int:
    """The same entry `count` times."""
    return int.from_bytes(entry.to_bytes(WIDTH // 8, "big") * count, "big")


def shared(entry: int) -> int:
    """Return what is known of an entry that somebody else may change: a function's code, a list's items."""
    if entry & EXCS:
        entry = entry & ~EXCS | LIST
    if entry & FUNCTIONS:
        entry = entry & ~FUNCTIONS | FUNCTION
    return entry


def alone(entry: int) -> int:
    """Return what is known of an entry that left its index behind."""
    return entry & ~VIRTUAL | OBJECT if entry & VIRTUAL else entry


def every(entry: int, depth: int) -> int:
    """Return a mask of the same bits in so many entries."""
    known = _MASKS.get((entry, depth))
    if known is None:
        if len(_MASKS) > 64:
            _MASKS.clear()
        known = _MASKS[entry, depth] = repeated(entry, depth)
    return known


_MASKS: dict[tuple[int, int], int] = {}


def _items(side: str) -> list[tuple[str, int]]:
    items: list[tuple[str, int]] = []
    for item in side.split():
        kind, _, count = item.partition("*")
        items.append((kind, int(count or 1)))
    return items


def parse(text: str, action: int = 0, operand: int = 0) -> Move:
    """One effect's notation as the numbers that the walk needs.

    `(needed, forbidden, down, up, pushed, change, action, operand)`: entries looked at, bits that must be clear in
    them, bits to shift out, bits to make room for, what is pushed there, the change of the depth.
    """
    before, _, after = text.partition("--")
    taken, left = _items(before), _items(after)
    needed = forbidden = kept = pushed = 0
    for kind, count in taken:
        forbidden = forbidden << WIDTH * count | repeated(_EVERYTHING & ~ACCEPTED[kind] & ~BORROWED, count)
        needed += count
    while kept < len(taken) and kept < len(left) and taken[kept] == left[kept]:
        kept += 1
    for kind, count in left[kept:]:
        pushed = pushed << WIDTH * count | repeated(LEFT[kind], count)
    popped = sum(count for _, count in taken[kept:])
    grown = sum(count for _, count in left[kept:])
    return needed, forbidden, WIDTH * popped, WIDTH * grown, pushed, grown - popped, action, operand


def describe(entry: int) -> str:
    """An entry in words, for an error message."""
    kinds = [kind.replace("_", " ") for kind in _KINDS if entry & BIT[kind] and kind != "borrowed"]
    return " or ".join(kinds) or "nothing"


def explain(stack: int, depth: int, move: Move) -> str:
    """Why an instruction cannot take these operands."""
    needed, forbidden = move[0], move[1]
    if depth < needed:
        return f"needs {needed} values, the stack holds {depth}"
    wrong, position = stack & forbidden, 1
    while not wrong & ENTRY:
        wrong, position = wrong >> WIDTH, position + 1
    return f"cannot take {describe(wrong & ENTRY)} at position {position} from the top"
