"""The functions of a module that are alive: those its namespace leads to, and where there may be more, all there are.

How often a code object is referenced tells whether functions run it that were not met on the way. Only then the heap
is searched: once, whatever the number of functions.
"""

from __future__ import annotations

import functools
import sys
from collections import Counter
from sys import getrefcount
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

from recell import compat
from recell.callables import attributes
from recell.cells import contents_of
from recell.code.tree import is_function
from recell.layers.records import held_codes
from recell.reloading.comparing import codes_below

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Inhabitants", "held"]

_HAS_QUALNAME = hasattr(CodeType, "co_qualname")
# where the GIL is off, reference counts do not tell
_COUNTS: bool = getattr(sys, "_is_gil_enabled", lambda: True)()
_WRAPPERS = (staticmethod, classmethod, MethodType)
_PARTIALS = (functools.partial, functools.partialmethod, functools.cached_property)
_PLAIN = frozenset(
    (type(None), bool, int, float, complex, str, bytes, tuple, list, dict, set, frozenset, ModuleType)
)


def held(obj: Any) -> Iterator[Any]:
    """What stands inside a function, a descriptor or a decorated object, and may be or lead to a function."""
    kind = type(obj)
    if kind is FunctionType:
        for cell in obj.__closure__ or ():
            inside = contents_of(cell)
            if type(inside) not in _PLAIN and not issubclass(type(inside), type):
                yield inside
    elif property in kind.__mro__:
        yield from (obj.fget, obj.fset, obj.fdel)
    elif kind in _WRAPPERS:
        yield obj.__func__
    elif issubclass(kind, _PARTIALS):
        yield obj.func
    if not issubclass(kind, type):
        own = attributes(obj)
        if own and "__wrapped__" in own:
            yield own["__wrapped__"]


class Inhabitants:
    """The functions and classes of a namespace that its values lead to.

    Attributes: `functions` and `classes`, by id; `by_code`: a function of each code object, by the code's id;
    `around`: the ids of those that have others nested in them.

    Args:
        namespace: the globals of the functions.
        module: the module's name; classes know it as theirs.
        code_of: gives the code of a function.
        text: the code of the module's text, where an earlier reload keeps it.
    """

    namespace: dict[str, Any]
    module: str

    def __init__(
        self,
        namespace: dict[str, Any],
        module: str,
        code_of: Callable[[FunctionType], CodeType] | None = None,
        text: CodeType | None = None,
    ) -> None:
        self.namespace, self.module = namespace, module
        self.functions: dict[int, FunctionType] = {}
        self.classes: dict[int, type] = {}
        self._code_of = code_of
        self._paths: dict[int, str] = {}
        self._in_bodies: set[int] = set()
        if text is not None:
            self._know(text)
        self.by_code: dict[int, FunctionType] = {}
        self._more: dict[int, list[FunctionType]] = {}
        self._seen: set[int] = set()
        self._nested: set[int] = set()
        self.around: set[int] = set()
        self._counts: dict[int, int] = {}
        self._held = Counter([id(code) for code in held_codes()])
        self._usual = 0
        self.values(namespace.values())

    def values(self, values: Iterable[Any]) -> None:
        """Meets everything that some values lead to."""
        namespace, functions = self.namespace, self.functions
        waiting: list[Any] = []
        for value in list(values):
            if type(value) is FunctionType:
                if value.__globals__ is namespace:
                    functions[id(value)] = value
                # not its `__dict__`: asking makes one, and most functions have none
                if value.__closure__ is not None or getattr(value, "__wrapped__", None) is not None:
                    waiting.append(value)
            elif type(value) not in _PLAIN:
                waiting.append(value)
        seen = self._seen
        while waiting:
            value = waiting.pop()
            if type(value) in _PLAIN or id(value) in seen:
                continue
            seen.add(id(value))
            if issubclass(type(value), type):
                if value.__module__ == self.module:
                    self.classes[id(value)] = value
                    waiting.extend(vars(value).values())
                continue
            if type(value) is FunctionType and value.__globals__ is namespace:
                functions[id(value)] = value
            waiting.extend(held(value))

    def _know(self, text: CodeType) -> None:
        """What the code of the module's text tells: it holds the functions' code objects, and has their paths."""
        if not _HAS_QUALNAME:
            self._paths = {id(code): path for path, code in codes_below(text)}
        bodies = [text]
        for body in bodies:
            nested = [const for const in body.co_consts if type(const) is CodeType]
            self._in_bodies.update(map(id, nested))
            bodies.extend(code for code in nested if not is_function(code))

    def codes(self) -> Iterator[tuple[str, CodeType]]:
        """The functions' code objects and those nested in them, each once, with their paths."""
        paths, codes = self._codes()
        self._count(codes)  # by now nothing else of ours holds a code object
        return zip(paths, codes)

    def _codes(self) -> tuple[list[str], list[CodeType]]:
        names: list[str] = []
        codes: list[CodeType] = []  # not pairs: the garbage collector looks at each tuple
        by_code: dict[int, FunctionType] = {}
        more: dict[int, list[FunctionType]] = {}
        self.by_code, self._more = by_code, more
        code_of, paths = self._code_of, self._paths
        for function in self.functions.values():
            code = function.__code__ if code_of is None else code_of(function)
            if by_code.setdefault(id(code), function) is not function:
                more.setdefault(id(code), []).append(function)
                continue
            if _HAS_QUALNAME:
                path = code.co_qualname  # type: ignore[attr-defined, unused-ignore]
            else:
                path = paths.get(id(code)) or function.__qualname__
                if path.rpartition(".")[2] != code.co_name:  # functools.wraps gave it another function's name
                    continue  # it is met again inside the function that made it
            names.append(path)
            codes.append(code)
        nested: list[tuple[str, CodeType]] = []
        for path, code in zip(names, codes):
            if CodeType in map(type, code.co_consts):
                self.around.add(id(code))
                nested.extend(codes_below(code, path))
        if nested:
            known = set(map(id, codes))
            for path, code in nested:
                self._nested.add(id(code))
                if id(code) not in known:
                    known.add(id(code))
                    names.append(path)
                    codes.append(code)
        return names, codes

    def _count(self, codes: list[CodeType]) -> None:
        """Notes how often each code object is referenced."""
        codes.append(compile("lambda: 0", "<sample>", "eval").co_consts[0])
        counts = list(map(getrefcount, codes))
        self._usual = counts.pop()
        codes.pop()
        self._counts = dict(zip(map(id, codes), counts))

    def _hidden(self, key: int) -> bool:
        """Whether a code object is referenced more often than the functions met, and the code around, explain."""
        explained = (
            len(self.running(key)) + (key in self._nested) + (key in self._in_bodies) + self._held[key]
        )
        return not _COUNTS or self._counts.get(key, 1 << 30) - self._usual > explained

    def only(self, key: int) -> FunctionType | None:
        """The one function that runs a code object, given by its id; None where it may be another number."""
        if key in self._more or not _COUNTS:
            return None
        return None if self._hidden(key) else self.by_code.get(key)

    def running(self, key: int) -> list[FunctionType]:
        """The functions met that run a code object, given by its id."""
        first = self.by_code.get(key)
        return [] if first is None else [first, *self._more.get(key, ())]

    def owners(self, codes: Iterable[CodeType]) -> dict[int, list[FunctionType]]:
        """The functions that run each of some code objects, by id: those not met in the namespace included."""
        wanted = list(codes)
        found = {id(code): self.running(id(code)) for code in wanted}
        if any(self._hidden(id(code)) for code in wanted):
            for function in self._alive():
                functions = found.get(id(function.__code__))
                if functions is not None and not any([function is other for other in functions]):
                    functions.append(function)
        return found

    def _alive(self) -> list[FunctionType]:
        """Every function of the namespace, wherever it is held: one search of the heap."""
        import gc

        compat.warn_of_frozen("functions", 2)
        namespace = self.namespace
        return [
            found
            for found in gc.get_referrers(namespace)
            if type(found) is FunctionType
            and found.__globals__ is namespace
            and found.__name__ != compat.STAND_BY
        ]

    def search(self) -> None:
        """Meets every function of the namespace that is alive."""
        self.values(self._alive())
