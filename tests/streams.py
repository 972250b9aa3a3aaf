"""What an edited code object still has in common with the original: both decoded with `dis`, token by token.

Independent of the package's own decoding. A name that was edited becomes the same token on both sides (a read, a
store, a deletion), whatever opcode does it; padding that is jumped over, prologues and the loads for closures are left out, and
everything else must agree: opcode, argument, position, jump target, handler, constant, name and flag.
"""

from __future__ import annotations

import dis
import sys
from types import CodeType
from typing import Any, NamedTuple

NEW = sys.version_info >= (3, 11)
READS = {"LOAD_GLOBAL", "LOAD_DEREF", "LOAD_CONST"}
CLASS_READS = {
    "LOAD_NAME",
    "LOAD_CLASSDEREF",
    "LOAD_FROM_DICT_OR_DEREF",
    "LOAD_FROM_DICT_OR_GLOBALS",
}
STORES = {"STORE_GLOBAL", "STORE_DEREF"}
DELETES = {"DELETE_GLOBAL", "DELETE_DEREF"}
CELLS = {"LOAD_CLOSURE"}
if NEW:  # cells and free variables have slots among the locals
    CELLS |= {"LOAD_FAST", "LOAD_FAST_BORROW", "LOAD_FAST_LOAD_FAST", "LOAD_FAST_BORROW_LOAD_FAST_BORROW"}
SLOTS = {"LOAD_DEREF", "STORE_DEREF", "DELETE_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF"}
PLAIN = (
    "co_name co_filename co_firstlineno co_argcount co_posonlyargcount co_kwonlyargcount co_nlocals co_varnames "
    "co_cellvars"
).split() + ["co_qualname"] * NEW
NOFREE = 0x40


class Target(NamedTuple):
    """Where a jump leads: an offset, then the number of a token."""

    place: int


class Constant:
    """A value that stands for one frozen name."""

    def __init__(self, name: str) -> None:
        self.name = name


def free_base(code: CodeType) -> int:
    own = [name for name in code.co_cellvars if not NEW or name not in code.co_varnames]
    return len(own) + (len(code.co_varnames) if NEW else 0)


def assert_same(old: CodeType, new: CodeType, names: set[str], dropped: set[str] = frozenset()) -> None:
    """Nothing differs but what became of `names`; free variables may have been appended, or `dropped`."""
    for attribute in PLAIN:
        assert getattr(new, attribute) == getattr(old, attribute), attribute
    assert new.co_flags & ~NOFREE == old.co_flags & ~NOFREE
    kept = tuple(name for name in old.co_freevars if name not in dropped)
    assert new.co_freevars[: len(kept)] == kept
    added = new.co_freevars[len(kept) :]
    assert {name.lstrip(".") for name in added} <= names
    assert new.co_names[: len(old.co_names)] == old.co_names
    assert set(new.co_names[len(old.co_names) :]) <= names
    assert old.co_stacksize <= new.co_stacksize <= old.co_stacksize + len(names)
    base = free_base(old)
    old_slots = {base + i: name for i, name in enumerate(old.co_freevars)}
    new_slots = {base + i: name for i, name in enumerate(new.co_freevars)}
    for slot in list(new_slots):
        if slot >= base + len(kept):
            new_slots[slot] = new_slots[slot].lstrip(".")
    was = Stream(old, names, {s: n for s, n in old_slots.items() if n in dropped}, old_slots)
    now = Stream(new, names, {s: n for s, n in new_slots.items() if s >= base + len(kept)}, new_slots)
    assert len(was.tokens) == len(now.tokens), f"{len(was.tokens)} tokens were {len(now.tokens)}"
    for one, other in zip(was.tokens, now.tokens):
        if isinstance(one[1], CodeType) and isinstance(other[1], CodeType) and one[0] == "LOAD_CONST":
            inner = {
                name for name in one[1].co_freevars if name in dropped and name not in other[1].co_freevars
            }
            assert_same(one[1], other[1], names, inner)
            assert one[2:] == other[2:]
        else:
            assert one == other and (type(one[1]) is type(other[1])), f"{one} became {other}"
    assert was.handlers == now.handlers
    for one, other in zip(old.co_consts, new.co_consts):
        assert one is other or isinstance(one, CodeType)
    assert all(type(value) is Constant for value in new.co_consts[len(old.co_consts) :])


class Stream:
    """The tokens (kind, argument, position) of a code object, and its handlers in terms of them."""

    def __init__(
        self, code: CodeType, names: set[str], edited: dict[int, str], slots: dict[int, str]
    ) -> None:
        raw = [each for each in dis.get_instructions(code) if each.opname not in ("EXTENDED_ARG", "CACHE")]
        lines: dict[int, Any] = {}
        if not NEW:
            current = code.co_firstlineno
            starts = dict(dis.findlinestarts(code))
            for offset in range(0, len(code.co_code), 2):
                current = lines[offset] = starts.get(offset, current)
        self.code, self.names, self.edited, self.slots = code, names, edited, slots
        tokens: list[tuple[Any, ...]] = []
        targets: list[int] = []
        skip_to = -1
        base = free_base(code)
        i = 0
        while i < len(raw):
            each = raw[i]
            i += 1
            where = each.positions if NEW else lines[each.offset]
            if each.offset < skip_to:
                assert each.opname == "NOP"
                continue
            kind, argument = each.opname, each.argval
            if kind == "COPY_FREE_VARS":
                assert each.arg == len(code.co_freevars) and not tokens
                continue
            if kind == "JUMP_FORWARD" and tokens and tokens[-1][0] in ("READ", "NULL"):
                between = [other for other in raw[i:] if other.offset < argument]
                if between and all(other.opname == "NOP" for other in between):
                    skip_to = argument
                    continue
            if kind in SLOTS:
                # slots move where a free variable goes, and two variables can share a name: so name and order
                slot = each.arg
                argument = edited.get(slot, (slots.get(slot), slot if slot < base else ""))
            if kind in READS and (
                argument in names if isinstance(argument, str) and kind != "LOAD_CONST" else False
            ):
                null = kind == "LOAD_GLOBAL" and NEW and each.arg & 1
                put = [("READ", argument, where)]
                if null:
                    put.insert(sys.version_info >= (3, 13), ("NULL", None, where))
                for token in put:
                    targets.append(each.offset)
                    tokens.append(token)
                continue
            if kind == "PUSH_NULL":
                targets.append(each.offset)
                tokens.append(("NULL", None, where))
                continue
            if kind == "LOAD_CONST" and type(argument) is Constant:
                kind, argument = "READ", argument.name
                padded = i < len(raw) and raw[i].opname in ("JUMP_FORWARD", "PUSH_NULL")
                # a class's namespace, not looked into
                before = raw[i - 3] if i > 2 else each
                looks = before.opname == "LOAD_LOCALS" or before.argval == "__classdict__"
                if looks and tokens[-1] == ("POP_TOP", None, where) and not padded:
                    tokens.pop()
                    targets.pop()
            elif kind in CLASS_READS and argument in names:
                kind = "READ"
            elif kind == "LOAD_LOCALS":
                continue
            elif kind in STORES and argument in names:
                kind = "STORE"
            elif kind in DELETES and argument in names:
                kind = "DELETE"
            elif kind in CELLS:
                if kind == "LOAD_CLOSURE":
                    parts = [each.arg]
                elif "_LOAD_" in kind.replace("LOAD_FAST_BORROW", "LOAD_FAST")[5:]:
                    parts = [each.arg >> 4, each.arg & 15]
                else:
                    parts = [each.arg]
                for part in parts:
                    if part not in edited:
                        targets.append(each.offset)
                        tokens.append(("LOAD", slots.get(part, part), where))
                continue
            elif kind == "BUILD_TUPLE" and self.closes(raw, i):
                continue
            elif kind == "MAKE_FUNCTION":
                argument = (each.arg or 0) & ~8
            elif kind == "SET_FUNCTION_ATTRIBUTE" and each.arg == 8:
                continue
            elif each.opcode in dis.hasjrel or each.opcode in dis.hasjabs:
                argument = Target(argument)
            targets.append(each.offset)
            tokens.append((kind, argument, where))
        index = dict.fromkeys(targets)
        for position, offset in reversed(list(enumerate(targets))):
            index[offset] = position
        offsets = sorted(index)

        def token_at(offset: int) -> int:
            for known in offsets:
                if known >= offset:
                    return index[known]
            return len(tokens)

        self.tokens = [
            (kind, Target(token_at(argument.place)), where)
            if type(argument) is Target
            else (kind, argument, where)
            for kind, argument, where in tokens
        ]
        self.handlers = []
        if NEW:
            for entry in dis._parse_exception_table(code):
                self.handlers.append(
                    (
                        token_at(entry.start),
                        token_at(entry.end),
                        token_at(entry.target),
                        entry.depth,
                        entry.lasti,
                    )
                )

    def makes(self, raw: list[Any], i: int) -> bool:
        """Whether the instructions from `i` on make a function of what was just loaded."""
        return raw[i + (not NEW)].opname == "MAKE_FUNCTION"

    def closes(self, raw: list[Any], i: int) -> bool:
        """Whether a tuple just built is the closure of a function made next."""
        return (
            i + 1 < len(raw)
            and raw[i].opname == "LOAD_CONST"
            and isinstance(raw[i].argval, CodeType)
            and self.makes(raw, i + 1)
            and bool(raw[i].argval.co_freevars)
        )
