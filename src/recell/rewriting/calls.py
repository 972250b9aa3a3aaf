"""`call_replaced`: another callable at the call sites of a spelling."""

from __future__ import annotations

from types import CodeType
from typing import TYPE_CHECKING, Any

from recell.code.instructions import opcodes
from recell.errors import ScopeError, nearest, short
from recell.public import public
from recell.rewriting.assembling import Parts, halves, parts_of, regions_of
from recell.rewriting.depths import flow
from recell.rewriting.library import library
from recell.rewriting.places import place_of, resolved
from recell.rewriting.sites import all_lines, edited_inside, lines_of, steps_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["call_replaced"]


@public
def call_replaced(
    name: str, new: Callable[..., Any], *, at: int | str | None = None
) -> Callable[[Any], None]:
    """Return an edit that calls another callable where the function calls `name`.

    Args:
        name: the callee as it is spelled: `"len"`, `"json.loads"`, `"self.save"`.
        new: what is called instead, with the same arguments. A method's first part is not evaluated any more.
        at: only the call on this line, by its number or its stripped text; all calls without it, those in nested
            functions included.

    Returns:
        An edit for `rewrite` and `patch_code`.

    Raises:
        TypeError: `new` is not callable, or `name` is no dotted name.

    The edit itself raises ScopeError where there is no such call, with the calls that there are.

    >>> from recell import call_replaced, rewrite
    >>> def report(items):
    ...     return f"{len(items)} of {max(items)}"
    >>> rewrite(report, call_replaced("len", lambda items: 0))([3, 4])
    '0 of 4'
    """
    if not isinstance(name, str) or not all(part.isidentifier() for part in name.split(".")):
        msg = f"call_replaced takes a dotted name such as 'json.loads', not {short(name)}"
        raise TypeError(msg)
    if not callable(new):
        msg = f"call_replaced puts a callable in the place of `{name}`, not {short(new)}"
        raise TypeError(msg)
    if at is not None:
        place_of(at, "call_replaced", ())
    return CallReplacement(name, new, at)


class CallReplacement:
    """The edit that `call_replaced` returns."""

    __slots__ = ("at", "name", "new")
    new: Any
    name: str
    at: Any

    def __init__(self, name: str, new: Any, at: Any) -> None:
        self.name, self.new, self.at = name, new, at

    def __repr__(self) -> str:
        return f"call_replaced({self.name!r}, {short(self.new, 40)}{'' if self.at is None else f', at={self.at!r}'})"

    def __call__(self, items: Any) -> None:
        line: Any = None
        if self.at is not None:
            line = resolved(self.at, all_lines(items), items.filename, "call_replaced", items.name)
        seen: dict[str, None] = {}
        if not self.edited(items, line, seen):
            where = "" if line is None else f" on line {line}"
            close = nearest(self.name, seen)
            hint = f"; did you mean `{close}`?" if close else ""
            called = ", ".join(seen) or "nothing by name"
            msg = f"{items.name} does not call `{self.name}`{where}; it calls {called}{hint}"
            raise ScopeError(msg, name=self.name, names=tuple(seen), target=items.name)

    def edited(self, items: Any, line: int | None, seen: dict[str, None]) -> bool:
        """Replace the calls in these instructions, and in nested functions; say whether there were any."""
        changed = False
        split_pairs(items, self.name.partition(".")[0])
        parts = parts_of(list.__iter__(items))
        depths: list[int] = flow(steps_of(parts), regions_of(parts))[2]
        lines = lines_of(parts)
        replaced: list[tuple[int, int, int]] = []
        for index, item in enumerate(parts.instructions):
            if type(item.arg) is CodeType:
                changed |= edited_inside(item, lambda inside: self.edited(inside, line, seen))
                continue
            spelled, last = spelling(parts, index)
            if not spelled:
                continue
            call = call_of(parts, index, last, depths)
            if call < 0:
                continue
            seen.setdefault(spelled)
            if spelled == self.name and line in (None, lines[index]):
                replaced.append((index, last, call))
        for index, last, call in reversed(replaced):
            self.replace(items, parts, index, last, call)
        return changed or bool(replaced)

    def replace(self, items: Any, parts: Parts, index: int, last: int, call: int) -> None:
        """Load the new callable instead of the instructions from `index` to `last`."""
        bytecode = library()
        first, final = parts.instructions[index], parts.instructions[last]
        where = {"location": final.location}
        load = [bytecode.Instr("LOAD_CONST", self.new, **where)]
        release = opcodes().release
        if pushes_two(first) or pushes_two(final):
            if not release.global_null_bit:
                consumer = parts.instructions[call]
                consumer.set("CALL_FUNCTION", consumer.arg)
            elif release.null_after_callable:
                load.append(bytecode.Instr("PUSH_NULL", **where))
            else:
                load.insert(0, bytecode.Instr("PUSH_NULL", **where))
        every = list(list.__iter__(items))
        start = next(at for at, item in enumerate(every) if item is first)
        end = next(at for at, item in enumerate(every) if item is final)
        list.__setitem__(items, slice(start, end + 1), load)


def pushes_two(item: Any) -> bool:
    """Say whether a load pushes what a call wants besides the callable: NULL or self."""
    return item.name == "LOAD_METHOD" or (isinstance(item.arg, tuple) and item.arg[0] is True)


def spelling(parts: Parts, index: int) -> tuple[str, int]:
    """Return the dotted name that is loaded from an instruction on, and the index of its last one."""
    item = parts.instructions[index]
    release = opcodes().release
    if item.name in release.local_opcodes or item.name in release.deref_opcodes:
        if not item.name.startswith("LOAD") or item.name in ("LOAD_CLOSURE", "LOAD_FAST_AND_CLEAR"):
            return "", index
        name = item.arg if isinstance(item.arg, str) else item.arg.name
    elif item.name in ("LOAD_GLOBAL", "LOAD_NAME"):
        name = item.arg if isinstance(item.arg, str) else item.arg[-1]
    else:
        return "", index
    last = index
    labelled = set(parts.places.values())
    while last + 1 < len(parts.instructions) and last + 1 not in labelled:
        after = parts.instructions[last + 1]
        if pushes_two(item) and opcodes().release.null_after_callable:
            break
        if after.name not in ("LOAD_ATTR", "LOAD_METHOD"):
            break
        name += "." + (after.arg if isinstance(after.arg, str) else after.arg[-1])
        last += 1
        if pushes_two(after):
            break
    return name, last


def call_of(parts: Parts, index: int, last: int, depths: list[int]) -> int:
    """Return the index of the call that takes what was loaded as its callable; -1 where something else takes it."""
    base = depths[index]
    if base < 0:
        return -1
    for later in range(last + 1, len(parts.instructions)):
        item = parts.instructions[later]
        if depths[later] < 0:
            continue
        if depths[later] <= base:
            return -1  # a test took it
        if item.name == "PUSH_NULL":
            continue
        if item.is_final() or item.is_uncond_jump() or item.has_jump():
            continue
        above = depths[later] + item.stack_effect(False) - 1
        bottom = base - below(parts, index)
        if above <= bottom:  # the result lies where the callable lay, unless that was an argument
            is_call = item.name.startswith("CALL") and item.name not in _NO_CALL
            return later if is_call and above == bottom else -1
    return -1


_NO_CALL = ("CALL_INTRINSIC_1", "CALL_INTRINSIC_2", "CALL_FINALLY")


def below(parts: Parts, index: int) -> int:
    """Return 1 where a NULL was pushed for the callable before it was loaded (3.11 and 3.12)."""
    return int(index > 0 and parts.instructions[index - 1].name == "PUSH_NULL")


def split_pairs(items: Any, name: str) -> None:
    """Make two instructions of each pair that has a variable of this name, so that its load can be replaced."""
    bytecode = library()
    release = opcodes().release
    result: list[Any] = []
    for item in list.__iter__(items):
        if isinstance(item, bytecode.Instr) and item.name in release.local_pair_opcodes:
            if name in item.arg:
                for half, variable in zip(halves(item.name, release.local_opcodes), item.arg):
                    result.append(bytecode.Instr(half, variable, location=item.location))
                continue
        result.append(item)
    list.__setitem__(items, slice(None), result)
