"""The functions of a module that exist, wherever they are held, by the code that their text gave them.

Every function holds its globals. So the references to a module's namespace tell how many functions there are. Where the
names of the module lead to as many, these are all: the heap, which may be large, need not be searched.
"""

from __future__ import annotations

import gc
import sys
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from recell import compat
from recell.code.guarded import is_stand_by
from recell.layers.exchange import NO_GIL
from recell.layers.values import stacks_holding
from recell.reloading.journal import text_code

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Existing", "functions_of", "reachable"]

_FAR: int = 20_000  # objects: looking at more takes longer than to search a heap of usual size
_LEAVES: frozenset[type] = frozenset(
    {str, int, float, complex, bool, bytes, type(None), CodeType, ModuleType}
)


def functions_of(modules: Iterable[ModuleType]) -> dict[int, list[FunctionType]]:
    """Find the functions whose globals are the modules' namespaces; return them by the ids of the modules.

    Those that cannot be counted otherwise are looked for in one search of the heap.
    """
    found: dict[int, list[FunctionType]] = {}
    searched: dict[int, list[FunctionType]] = {}  # id of the namespace -> its functions
    namespaces = []
    for module in modules:
        there = reachable(module)
        if there is None:
            namespaces.append(vars(module))
            there = searched[id(vars(module))] = []
        found[id(module)] = there
    if namespaces:
        compat.warn_of_frozen("functions", 2)
        for function in gc.get_referrers(*namespaces):
            if type(function) is FunctionType and not is_stand_by(function):
                into = searched.get(id(function.__globals__))
                if into is not None:
                    into.append(function)
    return found


def _references(module: ModuleType) -> int:
    return sys.getrefcount(vars(module))


def reachable(module: ModuleType) -> list[FunctionType] | None:
    """Return the functions whose globals a module's namespace is, if its names lead to all of them; else None.

    None too where somebody else holds the namespace itself: a function that nothing leads to, perhaps.
    """
    if NO_GIL:
        return None  # references are not counted in one place
    count = _references(module) - _references(ModuleType("none")) - stacks_holding(vars(module))
    namespace, name = vars(module), vars(module).get("__name__")
    found: list[FunctionType] = []
    waiting: list[Any] = list(namespace.values())
    seen: set[int] = set()
    far = _FAR + 2 * len(waiting)
    for one in waiting:
        if len(found) == count:
            break
        kind = type(one)
        if kind in _LEAVES or id(one) in seen:
            continue
        seen.add(id(one))
        if kind is FunctionType:
            if one.__globals__ is namespace:
                found.append(one)
            waiting += [inner for inner in gc.get_referents(one) if not _is_globals(inner)]
        elif one is not namespace and (not isinstance(one, type) or one.__module__ == name):
            waiting += gc.get_referents(one)
        if len(waiting) > far:
            return None
    if len(found) != count:
        return None
    return [function for function in found if not is_stand_by(function)]


def _is_globals(value: Any) -> bool:
    return type(value) is dict and ("__builtins__" in value or "__build_class__" in value)


class Existing:
    """The functions of one module.

    Args:
        module: theirs. What it holds now is looked at now.
        functions: those found already, in a transaction of several modules.
    """

    def __init__(self, module: ModuleType, functions: list[FunctionType] | None = None) -> None:
        self._module = module
        self._functions = reachable(module) if functions is None else functions
        self._by_place: dict[tuple[str, int], list[tuple[CodeType, FunctionType]]] | None = None

    def _index(self) -> dict[tuple[str, int], list[tuple[CodeType, FunctionType]]]:
        """The functions by name and first line of their code, as it was when the reload began."""
        if self._by_place is None:
            index: dict[tuple[str, int], list[tuple[CodeType, FunctionType]]] = {}
            if self._functions is None:
                self._functions = functions_of([self._module])[id(self._module)]
            for function in self._functions:
                code = text_code(function)
                index.setdefault((code.co_name, code.co_firstlineno), []).append((code, function))
            self._by_place = index
        return self._by_place

    def of(self, code: CodeType) -> list[FunctionType]:
        """The functions that ran a code object when the reload began."""
        there = self._index().get((code.co_name, code.co_firstlineno), ())
        return [function for own, function in there if own is code or own == code]

    def all(self) -> list[tuple[CodeType, FunctionType]]:
        """All functions, with their codes."""
        return [one for there in self._index().values() for one in there]
