"""Classes and super(): methods added to existing classes, and `__class__` cells put right in re-created ones."""

from __future__ import annotations

from types import CellType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from recell.callables import describe, functions_in
from recell.classes.class_cells import class_cells
from recell.errors import ScopeError, short
from recell.layers.changes import Change
from recell.layers.places import AttributeLayer, CellLayer
from recell.layers.values import ABSENT, ValueLayer, ValueStack
from recell.public import public

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recell.layers.changes import Layer

__all__ = ["Repointed", "attach", "repoint"]

_HEAP_TYPE, _IMMUTABLE_TYPE = 1 << 9, 1 << 8


@public
def attach(cls: type, func: object, name: str | None = None, /) -> Change:
    """Install a function as a method, so that zero-argument `super()` works in it wherever it was written.

    Args:
        cls: a class.
        func: a function, or any descriptor or decorator around one: staticmethod, classmethod, property,
            cached_property, partialmethod, `functools.wraps` wrappers, and opaque decorators that keep the function in
            a cell, partial, attribute, slot or default argument. It is copied, and the copy has a `__class__` cell of
            its own; the original is not touched. What holds no function is installed as it is.
        name: the attribute; the function's own name without the argument.

    Returns:
        A `Change`, active already; `undo()` puts back what was there before. `__set_name__` is called, as in a class
        body.

    Raises:
        TypeError: `cls` is no class, or one that cannot be changed (a C class); `func` has no name and none was given.

    >>> from recell import attach
    >>> class Base:
    ...     def greet(self):
    ...         return "hello"
    >>> class Polite(Base):
    ...     pass
    >>> def greet(self):
    ...     return super().greet() + ", please"
    >>> change = attach(Polite, greet)
    >>> Polite().greet()
    'hello, please'
    >>> change.undo()
    >>> Polite().greet()
    'hello'
    """
    _check_class(cls, "attach")
    if not cls.__flags__ & _HEAP_TYPE or cls.__flags__ & _IMMUTABLE_TYPE:
        msg = f"attach cannot change {short(cls)}: it is a class written in C; attach to a subclass of it"
        raise TypeError(msg)
    given: Any = func  # a type checker makes a plain function of whatever is callable
    if isinstance(given, type) or not (callable(given) or hasattr(type(given), "__get__")):
        msg = f"attach needs a function, or a descriptor or decorator around one, and {short(func)} is {describe(func)}"
        raise TypeError(msg)
    if type(func) is MethodType and functions_in(func):
        func = func.__func__  # the class's function is meant, as everywhere
    if name is None:
        name = _own_name(func)
    elif not isinstance(name, str):
        msg = f"the name of an attribute is a text, not {short(name)}"
        raise TypeError(msg)
    from recell.classes.copying import copied_for

    new = copied_for(func, CellType(cls))
    layers: list[Layer] = [AttributeLayer(cls, name, new)]
    if hasattr(type(new), "__set_name__"):
        layers.append(ValueLayer(None, _Told(cls, name), new))
    return Change("attach", cls, layers, [name], stays=True)


class _Told(ValueStack):
    """A class's attribute is told its name when it is there, as `type.__new__` does."""

    __slots__ = ("cls", "name")

    def __init__(self, cls: type, name: str) -> None:
        super().__init__()
        self.cls, self.name = cls, name

    def read(self) -> object:
        return ABSENT

    def write(self, value: Any) -> None:
        if value is not ABSENT:
            type(value).__set_name__(value, self.cls, self.name)


def _own_name(func: Any) -> str:
    """The name under which a function, or what stands around it, is known."""
    if type(func) is FunctionType and func.__name__.isidentifier():
        return func.__name__
    for candidate in (func, *functions_in(func)):
        name = getattr(candidate, "__name__", None)
        if isinstance(name, str) and name.isidentifier():
            return name
    name = getattr(func, "attrname", None)
    if isinstance(name, str):
        return name
    msg = f"{short(func)} has no name that could be the attribute's; pass it: attach(cls, func, 'name')"
    raise TypeError(msg)


@public
class Repointed(Change):
    """The change that `repoint` makes; `cells` are the `__class__` cells that it changed.

    >>> from recell import repoint
    >>> class Old:
    ...     def name(self):
    ...         return __class__.__name__
    >>> New = type("New", (Old,), dict(name=Old.name))
    >>> with repoint(New, old=Old) as change:
    ...     New().name(), len(change.cells)
    ('New', 1)
    >>> New().name()
    'Old'
    """

    __slots__ = ("cells",)

    cells: tuple[CellType, ...]

    def __init__(self, cls: type, cells: Iterable[CellType]) -> None:
        self.cells = tuple(cells)
        layers: list[Layer] = [CellLayer(cell, cls) for cell in self.cells]
        super().__init__("repoint", cls, layers, ["__class__"], stays=True)


@public
def repoint(cls: type, /, *, old: type) -> Repointed:
    """Put `super()` right in a class that was made again: `__class__` cells that hold `old` hold `cls` then.

    What makes a class a second time (for `__slots__`, another metaclass, a reload) leaves the methods with the class
    they were compiled in, and `super()` raises `TypeError`.

    Args:
        cls: the new class; the cells are those that its own attributes lead to: through staticmethod, classmethod,
            property, cached_property, partialmethod, `functools.wraps` wrappers, and opaque decorators that keep the
            function in a cell, partial, default, attribute or slot.
        old: the class that it replaces. Methods that both share belong to `cls` then.

    Returns:
        A `Change`, active already; `.cells` lists what it changed.

    Raises:
        TypeError: one of the two is no class.
        ScopeError: the classes have nothing to do with each other.

    >>> from recell import repoint
    >>> class Point:
    ...     def __repr__(self):
    ...         return super().__repr__()[:6]
    >>> namespace = {n: v for n, v in vars(Point).items() if n not in ("__dict__", "__weakref__")}
    >>> Slotted = type("Point", (), {**namespace, "__slots__": ("x", "y")})
    >>> repr(Slotted())
    Traceback (most recent call last):
        ...
    TypeError: ...
    >>> change = repoint(Slotted, old=Point)
    >>> len(change.cells)
    1
    >>> repr(Slotted())
    '<...'
    """
    _check_class(cls, "repoint")
    _check_class(old, "repoint")
    cells = [] if cls is old else class_cells(vars(cls), old)
    if cls is not old and not _related(cls, old):
        msg = (
            f"{short(cls)} is no second making of {short(old)}: they share neither name nor bases nor functions; "
            "old= is the class that this one replaces"
        )
        raise ScopeError(
            msg, name=old.__qualname__, names=(cls.__qualname__, old.__qualname__), target=short(cls)
        )
    return Repointed(cls, cells)


def _related(cls: type, old: type) -> bool:
    """Return whether one class can be the other made again."""
    if cls.__name__ == old.__name__ or issubclass(cls, old) or issubclass(old, cls):
        return old is not object and cls is not object
    shared = {id(value) for value in vars(old).values() if functions_in(value)}
    return cls.__bases__ == old.__bases__ and any(id(value) in shared for value in vars(cls).values())


def _check_class(cls: object, verb: str) -> None:
    if not isinstance(cls, type):
        hint = "; pass its class"
        if callable(cls):
            hint = "; the class comes first" if verb == "attach" else ""
        msg = f"{verb} needs a class, and {short(cls)} is {describe(cls)}{hint}"
        raise TypeError(msg)
