"""Answers to import statements inside a function while names that they bind are overridden."""

from __future__ import annotations

import sys
from types import CellType
from typing import TYPE_CHECKING, Any

from recell.cells import EMPTY, contents_of
from recell.errors import ScopeError, short

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FunctionType

    from recell.code.imports import Binding, Statement

__all__ = ["Answer", "imported_value", "paths_of"]

_ABOUT_IMPORTS = ("__name__", "__package__", "__spec__", "__path__")


class Answer:
    """The constant that answers an import statement, made from the values of an override.

    Args:
        statement: the statement.
        bindings: what of it is overridden.
        asked: whether the constant is asked for an attribute, or is itself what is bound.
    """

    __slots__ = ("asked", "bindings", "statement")

    asked: bool
    bindings: tuple[Binding, ...]
    statement: Statement

    def __init__(self, statement: Statement, bindings: tuple[Binding, ...], asked: bool) -> None:
        self.statement = statement
        self.bindings = bindings
        self.asked = asked

    def __call__(self, values: Mapping[str, Any], namespace: dict[str, Any]) -> Any:
        """Return the constant."""
        first = self.bindings[0]
        if not self.asked:
            return values[first.name]
        statement = self.statement
        if not first.path:
            return _Answering(lambda _: _given(values[first.name], statement, statement.module))
        if statement.chained:
            return _chain(first.path, lambda: _given(values[first.name], statement, statement.module))
        given = {binding.path[0]: values[binding.name] for binding in self.bindings}
        about = {name: namespace[name] for name in _ABOUT_IMPORTS if name in namespace}

        def answer(name: str) -> Any:
            if name in given:
                return _given(given[name], statement, name)
            return _attribute(_imported(statement, about, (name,)), name)

        return _Answering(answer)


class _Answering:
    """An object whose attributes a function answers: IMPORT_FROM asks it as it asks a module."""

    __slots__ = ("answer",)

    def __init__(self, answer: Callable[[str], Any]) -> None:
        self.answer = answer

    def __getattribute__(self, name: str) -> Any:
        return _Answering if name == "__class__" else _answer_of(self)(name)


_answer_of: Any = vars(_Answering)["answer"].__get__


def _chain(path: tuple[str, ...], value: Callable[[], Any]) -> Any:
    """`import a.b.c as d` asks what it gets for `b`, and that for `c`."""
    if len(path) == 1:
        return _Answering(lambda _: value())
    return _Answering(lambda _: _chain(path[1:], value))


def _given(value: Any, statement: Statement, name: str) -> Any:
    if type(value) is CellType:
        value = contents_of(value)
    if value is not EMPTY:
        return value
    if statement.fromlist:
        msg = f"cannot import name {name!r} from {statement.module!r}: it is overridden with EMPTY"
        raise ImportError(msg, name=statement.module)
    msg = f"No module named {name!r}: it is overridden with EMPTY"
    raise ModuleNotFoundError(msg, name=name)


def _imported(statement: Statement, about: dict[str, Any], names: tuple[str, ...]) -> Any:
    return __import__(statement.module, about, None, names, statement.level)


def _attribute(module: Any, name: str) -> Any:
    try:
        return getattr(module, name)
    except AttributeError:
        return sys.modules[
            f"{module.__name__}.{name}"
        ]  # as IMPORT_FROM does where packages import each other


def imported_value(func: FunctionType, statement: Statement, binding: Binding) -> Any:
    """Return what an import statement of a function binds a name to.

    Raises:
        ScopeError: it cannot be imported.
    """
    try:
        value = _imported(statement, func.__globals__, statement.fromlist)
        for name in binding.path:
            value = _attribute(value, name)
    except (ImportError, AttributeError, KeyError) as error:
        msg = (
            f"`{binding.name}`, which {short(func)} imports, cannot be imported here ({error}); "
            "override it as a whole"
        )
        raise ScopeError(msg, name=binding.name, names=(), target=short(func)) from error
    return value


def paths_of(found: Mapping[str, tuple[Statement, Binding]]) -> dict[str, str]:
    """Return the dotted paths of what is imported from somewhere -> the names that are bound to it.

    `from time import sleep as nap` gives `time.sleep` -> `nap`.
    """
    return {
        f"{statement.module}.{binding.path[0]}": binding.name
        for statement, binding in found.values()
        if statement.fromlist and not statement.level
    }
