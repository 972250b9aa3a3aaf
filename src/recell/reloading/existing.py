"""The functions of a module that exist, wherever they are held, by the code that their text gave them."""

from __future__ import annotations

from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from recell import compat
from recell.reloading.journal import text_code

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Existing", "functions_of"]


def functions_of(*namespaces: dict[str, Any]) -> dict[int, list[FunctionType]]:
    """The functions whose globals each namespace is, by its id: found by one walk of the heap."""
    import gc

    compat.warn_of_frozen("functions", 2)
    found: dict[int, list[FunctionType]] = {id(namespace): [] for namespace in namespaces}
    for function in gc.get_referrers(*namespaces):
        if type(function) is FunctionType and function.__name__ != compat.STAND_BY:
            there = found.get(id(function.__globals__))
            if there is not None:
                there.append(function)
    return found


class Existing:
    """The functions of one module.

    Args:
        namespace: their globals.
        functions: those found already, in a transaction of several modules.
    """

    def __init__(self, namespace: dict[str, Any], functions: Iterable[FunctionType] | None = None) -> None:
        self._namespace, self._functions = namespace, functions
        self._by_place: dict[tuple[str, int], list[tuple[CodeType, FunctionType]]] | None = None

    def _index(self) -> dict[tuple[str, int], list[tuple[CodeType, FunctionType]]]:
        """The functions by name and first line of their code, as it was when the reload began."""
        if self._by_place is None:
            index: dict[tuple[str, int], list[tuple[CodeType, FunctionType]]] = {}
            functions = self._functions
            if functions is None:
                functions = functions_of(self._namespace)[id(self._namespace)]
            for function in functions:
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

    def add(self, function: FunctionType) -> None:
        """Count in a function that a statement has made, or that has got new code."""
        if self._by_place is not None:
            code = function.__code__
            self._by_place.setdefault((code.co_name, code.co_firstlineno), []).append((code, function))
