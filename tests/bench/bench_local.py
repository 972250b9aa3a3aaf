"""Context-local changes: entering and leaving, and calls of localized functions where nothing is active, and where it is."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from functools import wraps
from types import FunctionType
from typing import Any
from unittest import mock

from bench import compare
from recell import local, localize

LIMIT = 3


def read(a: int, b: int = 2) -> int:
    return a + b + LIMIT


def by_hand(func: Any) -> Any:
    """What people write: a wrapper that asks a context variable."""
    var: ContextVar[Any] = ContextVar("by_hand", default=[None])

    @wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        call = var.get()[0]
        return (func if call is None else call)(*args, **kwargs)

    return wrapper


def fresh(name: str) -> FunctionType:
    return FunctionType(read.__code__, globals(), name, read.__defaults__)


def calls() -> dict[str, Any]:
    """Functions with nothing active, and with an override that this context sees."""
    plain, guarded, inside, wrapped = (
        fresh("plain"),
        fresh("guarded"),
        fresh("inside"),
        by_hand(fresh("by_hand")),
    )
    kept = localize(guarded, inside)
    active = local.override(inside, LIMIT=4).start()
    return {"plain": plain, "guarded": guarded, "inside": inside, "wrapped": wrapped, "kept": (kept, active)}


def entries() -> dict[str, Any]:
    """A localized function, one that is not, and mock's way of replacing one name of this module."""
    func, other = fresh("func"), fresh("other")
    kept = localize(func)
    return {
        "func": func, "other": other, "kept": kept, "override": local.override, "swap": local.swap, "wrap": local.wrap,
        "prepared": local.override(func, LIMIT=4), "unlocalized": local.override(other, LIMIT=4),
        "values": iter(range(1000, 1 << 60)), "replacement": lambda a, b: a, "same": lambda func: func,
        "patch_object": mock.patch.object, "module": sys.modules[__name__],
    }  # fmt: skip


MOCK = "with patch_object(module, 'LIMIT', 4): pass"

BENCHMARKS = [
    compare("local.override as written, localized / mock.patch.object as written",
            "with override(func, LIMIT=next(values)): pass", MOCK, reach=2, setup=entries),
    compare("local.override as written, the same literal again / mock.patch.object",
            "with override(func, LIMIT=4): pass", MOCK, reach=None, setup=entries),
    compare("local.override, prepared / mock.patch.object", "with prepared: pass", MOCK, reach=None, setup=entries),
    compare("local.override, prepared, not localized / mock.patch.object", "with unlocalized: pass", MOCK,
            reach=None, setup=entries),
    compare("local.swap as written / mock.patch.object", "with swap(func, replacement): pass", MOCK, reach=None,
            setup=entries),
    compare("a call of a localized function, nothing active / a wrapper with a ContextVar", "guarded(1, 2)",
            "wrapped(1, 2)", reach=0.5, setup=calls),
    compare("a call where a local override is active / a wrapper with a ContextVar", "inside(1, 2)", "wrapped(1, 2)",
            reach=None, setup=calls),
    compare("a call of a localized function, nothing active / of the function", "guarded(1, 2)", "plain(1, 2)",
            reach=None, setup=calls),
]  # fmt: skip
