"""Taking nested functions out, and putting others in their place."""

from __future__ import annotations

from typing import Any

import recell
from bench import calls, compare


def outer(rate: float = 0.1):
    note = str(rate)

    def total(net: float):
        return net * (1 + rate)

    def rounded(net, digits=2, *, up=False):
        return round(net * (1 + rate), digits), up

    def shown():
        return note, rate

    return total, rounded, shown


def functions() -> dict[str, Any]:
    total, rounded, shown = outer()
    return {"recell": recell, "outer": outer, "total": total, "rounded": rounded, "shown": shown, "new": len}


def module_code() -> Any:
    """A module with a thousand functions, and the last of them."""
    text = "".join(f"def f{i}(x, y={i}, *, z='{i}'):\n    return x, y, z\n" for i in range(1000))
    return compile(text, "<module>", "exec"), "f999"


def take_out(made: Any) -> None:
    recell.inner(*made)


def look_for(made: Any) -> None:
    code, name = made
    for constant in code.co_consts:
        if getattr(constant, "co_name", "") == name:
            return


BENCHMARKS = [
    compare(
        "inner: one free variable",
        "recell.inner(outer, 'shown', note=1, rate=2)",
        "recell.rebind(shown, note=1, rate=2)",
        reach=3,
        setup=functions,
    ),
    compare(
        "inner: annotated",
        "recell.inner(outer, 'total', rate=2)",
        "recell.rebind(total, rate=2)",
        reach=None,
        setup=functions,
    ),
    compare(
        "inner: defaults to recover",
        "recell.inner(outer, 'rounded', rate=2)",
        "recell.rebind(rounded, rate=2)",
        reach=None,
        setup=functions,
    ),
    compare(
        "replace_inner: an object",
        "recell.replace_inner(outer, 'shown', new)",
        "recell.rebind(shown, note=1, rate=2)",
        reach=None,
        setup=functions,
    ),
    compare(
        "patch_inner: enter and leave",
        "with recell.patch_inner(outer, 'shown', new): pass",
        "recell.rebind(shown, note=1, rate=2)",
        reach=None,
        setup=functions,
    ),
    calls(
        "inner: the last of a module of 1,000, times a search by name",
        take_out,
        look_for,
        reach=None,
        setup=module_code,
    ),
]
