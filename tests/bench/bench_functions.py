"""Building rebound functions, calling them, reading closures; importing the package; memory."""

from __future__ import annotations

import sys
import tracemalloc
from types import CellType, FunctionType
from typing import Any

import recell
from bench import Benchmark, compare, linear
from bench.measure import seconds_of


def outer(x: int = 1, y: int = 2):
    def counter(a: int, b: int = 5, *, c: int = 7) -> int:
        """A closure with everything that a function can carry."""
        return x + y + a + b + c

    counter.tag = "here"
    return counter


def by_hand(func: FunctionType, closure: tuple[CellType, ...]) -> FunctionType:
    """What a careful person writes: FunctionType and all metadata."""
    new = FunctionType(func.__code__, func.__globals__, func.__name__, func.__defaults__, closure)
    new.__kwdefaults__ = func.__kwdefaults__ and dict(func.__kwdefaults__)
    new.__qualname__ = func.__qualname__
    new.__module__ = func.__module__
    new.__doc__ = func.__doc__
    new.__dict__.update(func.__dict__)
    if sys.version_info >= (3, 14):
        new.__annotate__ = func.__annotate__
    else:
        new.__annotations__ = dict(func.__annotations__)
    if sys.version_info >= (3, 12):
        new.__type_params__ = func.__type_params__
    return new


def building() -> dict[str, Any]:
    func = outer()
    return {
        "func": func,
        "by_hand": by_hand,
        "rebind": recell.rebind,
        "replace": recell.replace,
        "clone": recell.clone,
        "CellType": CellType,
        "old": func.__closure__,
        "closure": (CellType(3), func.__closure__[1]),
    }


def adding(x: int = 1, y: int = 2):
    def adder(a: int) -> int:
        return x + y + a

    return adder


def calling() -> dict[str, Any]:
    """Without defaults: calls of such functions are specialised furthest, and the difference shows most."""
    func = adding()
    return {
        "func": adding(),
        "same": adding(),
        "rebound": recell.rebind(func, x=3),
        "rebuilt": recell.replace(func, name="other"),
        "cloned": recell.clone(func),
    }


def reading() -> dict[str, Any]:
    func = outer()
    return {
        "live": recell.closure(func),
        "cell": func.__closure__[0],
        "closure": recell.closure,
        "func": func,
    }


def import_time() -> tuple[float, float]:
    """Milliseconds of `import recell` and of a bare interpreter, each the least of several child processes."""
    return 1e3 * seconds_of("import recell"), 1e3 * seconds_of("pass")


def memory() -> tuple[float, float]:
    """Bytes of a rebound function, and of FunctionType with one fresh cell."""

    def make(x: object = None):
        return lambda: x

    func, count = make(), 2000
    recell.rebind(func, x=None)

    def bytes_each(build: Any) -> float:
        kept = [None] * count
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        for index in range(count):
            kept[index] = build()
        after = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return (after - before) / count

    rebound = bytes_each(lambda: recell.rebind(func, x=None))
    code, names = func.__code__, func.__globals__
    return rebound, bytes_each(lambda: FunctionType(code, names, None, None, (CellType(None),)))


def family(count: int) -> list[FunctionType]:
    """Functions that share one cell, each with a cell of its own."""
    common = 0

    def member(own: int) -> FunctionType:
        return lambda: (common, own)

    return [member(index) for index in range(count)]


def wide(count: int) -> FunctionType:
    """A function with this many free variables."""
    names = [f"name{index}" for index in range(count)]
    source = f"def outer({', '.join(names)}):\n    def inner():\n        return {', '.join(names)}\n    return inner\n"
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    return namespace["outer"](*range(count))


BENCHMARKS = [
    compare(
        "rebind(f, x=3) / FunctionType + all metadata",
        "rebind(func, x=3)",
        "by_hand(func, (CellType(3), old[1]))",
        reach=1.6,
        setup=building,
    ),
    compare(
        "replace(f, closure=tuple) / FunctionType + all metadata",
        "replace(func, closure=closure)",
        "by_hand(func, closure)",
        reach=1.6,
        setup=building,
    ),
    compare(
        "clone(f) / FunctionType + all metadata",
        "clone(func)",
        "by_hand(func, (CellType(1), CellType(2)))",
        reach=None,
        setup=building,
    ),
    compare("noise: a call / the same call", "same(1)", "func(1)", reach=1.03, setup=calling),
    compare(
        "call of a rebound function / the compiler's own", "rebound(1)", "func(1)", reach=1.03, setup=calling
    ),
    compare(
        "call of a rebuilt function / the compiler's own", "rebuilt(1)", "func(1)", reach=1.03, setup=calling
    ),
    compare(
        "call of a cloned function / the compiler's own", "cloned(1)", "func(1)", reach=1.03, setup=calling
    ),
    compare(
        'closure(f)["x"], held / cell.cell_contents',
        'live["x"]',
        "cell.cell_contents",
        reach=8,
        setup=reading,
    ),
    compare(
        'closure(f)["x"] = 1, held / cell.cell_contents = 1',
        'live["x"] = 1',
        "cell.cell_contents = 1",
        reach=8,
        setup=reading,
    ),
    compare(
        'closure(f)["x"], made each time / cell.cell_contents',
        'closure(func)["x"]',
        "cell.cell_contents",
        reach=None,
        setup=reading,
    ),
    linear("linear: clone(*functions)", lambda functions: recell.clone(*functions), family),
    linear("linear: sharing(*functions)", lambda functions: recell.sharing(*functions), family),
    linear(
        "linear: rebind of all free variables", lambda func: recell.rebind(func, recell.closure(func)), wide
    ),
    Benchmark(
        "import recell over a bare interpreter", import_time, reach=10, unit="ms", difference=True, rounds=3
    ),
    Benchmark(
        "memory of a rebound function / FunctionType + one cell", memory, reach=1.2, rounds=3, unit="bytes"
    ),
]
