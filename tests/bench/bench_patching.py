"""Entering and leaving overrides, patched closures and swaps, and calling what is in force."""

from __future__ import annotations

import sys
from types import FunctionType
from typing import Any
from unittest import mock

import recell
from bench import compare, linear

LIMIT = 3
COUNT = 0


def loop(n: int = 200) -> int:
    total = 0
    for _ in range(n):
        total += LIMIT
    return total


def counting() -> int:
    global COUNT
    COUNT += 1
    return COUNT


def make(x: int = 1, y: int = 2):
    def func():
        return x + y

    return func


def leaf(text):
    """Twenty lines of the everyday kind."""
    found = []
    for line in text.splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, _, value = line.partition("=")
        try:
            number = int(value)
        except ValueError:
            number = LIMIT
        if number > LIMIT:
            found.append((name, number))
        else:
            found.append((name, LIMIT))
    if len(found) > LIMIT:
        found = found[:LIMIT]
    return sorted(found)


def prepared() -> dict[str, Any]:
    """Changes made beforehand, and mock's way of replacing one name of this module."""
    return {
        "patch_object": mock.patch.object,
        "module": sys.modules[__name__],
        "read": recell.override(loop, LIMIT=4),
        "grown": recell.override(counting, COUNT=4),
        "own_cell": recell.override(make(), x=4),
        "contents": recell.patch_closure(make(), x=4),
    }


def first() -> dict[str, Any]:
    def walk(code=leaf.__code__):
        raw = bytearray(code.co_code)
        for at in range(0, len(raw), 2):
            raw[at], raw[at + 1]
        return code.replace(co_code=bytes(raw))

    func = make(1)
    return {"override": recell.override, "leaf": leaf, "walk": walk, "func": func}


def inside() -> dict[str, Any]:
    """The overridden function, and one whose `__code__` was assigned."""
    assigned = FunctionType((lambda: 0).__code__, globals(), "assigned")
    change = recell.override(loop, LIMIT=4)
    change.start()
    code = loop.__code__
    change.undo()
    plain = FunctionType((lambda n=200: 0).__code__, globals(), "plain", (200,))
    plain.__code__ = code
    over = FunctionType(loop.__code__, globals(), "over", (200,))
    recell.override(over, LIMIT=4).start()
    return {"over": over, "plain": plain, "assigned": assigned}


def tiny() -> int:
    return LIMIT


def mocked_call() -> dict[str, Any]:
    over = FunctionType(tiny.__code__, globals(), "over")
    recell.override(over, LIMIT=4).start()
    return {"over": over, "fake": mock.Mock(return_value=4)}


def swapped() -> dict[str, Any]:
    def replacement(x, y=1):
        return x

    target = make(1)
    return {"swap": recell.swap, "target": target, "replacement": make(3), "other": replacement,
            "patch_object": mock.patch.object, "module": sys.modules[__name__]}  # fmt: skip


def functions(count: int) -> list[tuple[Any, Any]]:
    return [(make(i), make(-i)) for i in range(count)]


def swap_and_undo(pairs: list[tuple[Any, Any]]) -> None:
    for change in [recell.swap(old, new) for old, new in pairs]:
        change.undo()


BENCHMARKS = [
    compare("override a read name, prepared: enter and leave / mock.patch.object", "with read: pass",
            "with patch_object(module, 'LIMIT', 4): pass", reach=0.25, setup=prepared),
    compare("override a free variable, prepared: enter and leave / mock.patch.object", "with own_cell: pass",
            "with patch_object(module, 'LIMIT', 4): pass", reach=1.5, setup=prepared),
    compare("override that grows, prepared: enter and leave / mock.patch.object", "with grown: pass",
            "with patch_object(module, 'LIMIT', 4): pass", reach=1.5, setup=prepared),
    compare("patch_closure, prepared: enter and leave / mock.patch.object", "with contents: pass",
            "with patch_object(module, 'LIMIT', 4): pass", reach=0.35, setup=prepared),
    compare("first override of a leaf function / a raw walk", "with override(leaf, LIMIT=4): pass", "walk()",
            reach=8, setup=first),
    compare("a call inside an override / with __code__ assigned", "over()", "plain()", reach=1.05, setup=inside),
    compare("a call inside an override / a Mock", "over()", "fake()", reach=None, setup=mocked_call),
    compare("swap and undo / mock.patch.object", "swap(target, replacement).undo()", "with patch_object(module, 'LIMIT', 4): pass",
            reach=None, setup=swapped),
    compare("swap and undo, other free variables / mock.patch.object", "swap(target, other).undo()",
            "with patch_object(module, 'LIMIT', 4): pass", reach=None, setup=swapped),
    linear("swap and undo, for each function", swap_and_undo, functions, sizes=(10, 100, 1000)),
]  # fmt: skip
