"""Entering and leaving overrides, patched closures and swaps, and calling what is in force."""

from __future__ import annotations

import sys
import time
from types import FunctionType
from typing import Any
from unittest import mock

import recell
from bench import Benchmark, compare, linear
from bench.measure import CLOCK

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


def nap(seconds):
    time.sleep(seconds)


def target(a, b=2):
    return a


def replacement(a, b=3):
    return b


def decorator(func):
    def around(*args, **kwargs):
        return func(*args, **kwargs)

    return around


SPACE: dict[str, Any] = {"LIMIT": 1}
exec("def foreign(a, b=2):\n    return LIMIT", SPACE)

TEN = type("Ten", (), {})
for _at in range(10):
    _space: dict[str, Any] = {}
    exec(f"def method(self, x=1):\n    return {_at} if x > LIMIT else LIMIT + {_at}", globals(), _space)
    setattr(TEN, f"method{_at}", _space["method"])


def as_written() -> dict[str, Any]:
    """What a test writes, each time anew, beside mock's way of replacing one name of this module."""
    return {
        "patch_object": mock.patch.object,
        "module": sys.modules[__name__],
        "override": recell.override,
        "patch_closure": recell.patch_closure,
        "patch_defaults": recell.patch_defaults,
        "swap": recell.swap,
        "wrap": recell.wrap,
        "small": small,
        "leaf": leaf,
        "nap": nap,
        "counting": counting,
        "closure": make(),
        "Ten": TEN,
        "target": target,
        "replacement": replacement,
        "foreign": SPACE["foreign"],
        "decorator": decorator,
        "fake": len,
        "prepared": recell.override(small, LIMIT=lambda: 4),
        "prepared_cell": recell.override(make(), x=4),
        "prepared_growth": recell.override(counting, COUNT=4),
        "prepared_closure": recell.patch_closure(make(), x=4),
    }


def small(n):
    return n <= LIMIT


def beside_mock(name: str, statement: str, reach: float | None) -> Any:
    mocked = "with patch_object(module, 'LIMIT', 4): pass"
    return compare(f"{name} / mock.patch.object", statement, mocked, reach=reach, setup=as_written)


def first_ever() -> tuple[float, float]:
    """The first override of a function, and as many of mock's: the least of three."""
    override, patch_object, module = recell.override, mock.patch.object, sys.modules[__name__]
    taken = []
    for _ in range(3):
        functions = [FunctionType(small.__code__.replace(), globals()) for _ in range(200)]
        start = CLOCK()
        for function in functions:
            with override(function, LIMIT=4):
                pass
        middle = CLOCK()
        for _ in functions:
            with patch_object(module, "LIMIT", 4):
                pass
        taken.append((middle - start, CLOCK() - middle))
    first, second = (min(column) for column in zip(*taken))
    return first * 1e9 / 200, second * 1e9 / 200


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


def watched() -> dict[str, Any]:
    """A spy and a mock with a side effect, each called once and asked once."""
    module = sys.modules[__name__]
    patch_object = mock.patch.object
    real = tiny

    def spied() -> None:
        with recell.spy(real) as seen:
            real()
            seen.mock.assert_called_once_with()

    def mocked() -> None:
        with patch_object(module, "tiny", autospec=True, side_effect=real) as seen:
            module.tiny()
            seen.assert_called_once_with()

    return {"spied": spied, "mocked": mocked}


def functions(count: int) -> list[tuple[Any, Any]]:
    return [(make(i), make(-i)) for i in range(count)]


def swap_and_undo(pairs: list[tuple[Any, Any]]) -> None:
    for change in [recell.swap(old, new) for old, new in pairs]:
        change.undo()


BENCHMARKS = [
    beside_mock("override of a read name, a fresh value", "with override(small, LIMIT=lambda: 0): pass", 1.9),
    beside_mock("override of a read name, the same literal", "with override(small, LIMIT=4): pass", 1.5),
    Benchmark("override of a read name, the first time ever / mock.patch.object", first_ever, reach=6),
    beside_mock("override of a free variable", "with override(closure, x=4): pass", 2),
    beside_mock("override of a dotted name", "with override(nap, {'time.sleep': fake}): pass", 3.5),
    beside_mock("override that grows", "with override(counting, COUNT=4): pass", 4.5),
    beside_mock("override of a class of ten methods", "with override(Ten, LIMIT=4): pass", 15),
    beside_mock("patch_closure", "with patch_closure(closure, x=4): pass", 1.15),
    beside_mock("patch_defaults", "with patch_defaults(target, b=4): pass", 2),
    beside_mock("swap in the same module", "with swap(target, replacement): pass", 3.6),
    beside_mock("swap from another module", "with swap(target, foreign): pass", 4.2),
    beside_mock("wrap", "with wrap(target, decorator): pass", 6),
    beside_mock("override of a read name, prepared", "with prepared: pass", 1.3),
    beside_mock("override of a free variable, prepared", "with prepared_cell: pass", None),
    beside_mock("override that grows, prepared", "with prepared_growth: pass", None),
    beside_mock("patch_closure, prepared", "with prepared_closure: pass", 0.75),
    compare("first override of a leaf function / a raw walk", "with override(leaf, LIMIT=4): pass", "walk()",
            reach=8, setup=first),
    compare("a call inside an override / with __code__ assigned", "over()", "plain()", reach=1.05, setup=inside),
    compare("spy, one call and one assertion / patch.object(autospec=True, side_effect=…)", "spied()", "mocked()",
            reach=0.5, setup=watched),
    compare("a call inside an override / a Mock", "over()", "fake()", reach=None, setup=mocked_call),
    beside_mock("swap, other free variables", "with swap(closure, replacement): pass", None),
    linear("swap and undo, for each function", swap_and_undo, functions, sizes=(10, 100, 1000)),
]  # fmt: skip
