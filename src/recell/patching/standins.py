"""Stand-ins: objects that answer some attributes themselves and everything else from a real object."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from recell.cells import EMPTY
from recell.errors import ScopeError, hint_nearest, short
from recell.layers.values import ABSENT
from recell.scopes.scope import global_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FunctionType

    from recell.layers.exchange import State

__all__ = ["Attributes", "attribute_of", "is_stand_in", "real_of", "stand_in", "value_of"]

# special methods that a stand-in has of its own, or must not have
_OWN = {
    "__new__", "__del__", "__dir__", "__init__", "__dict__", "__repr__", "__class__", "__slots__",
    "__reduce__", "__sizeof__", "__getattr__", "__setattr__", "__delattr__", "__weakref__", "__prepare__",
    "__getstate__", "__set_name__", "__reduce_ex__", "__mro_entries__", "__getattribute__",
    "__subclasshook__", "__init_subclass__", "__instancecheck__", "__subclasscheck__",
}  # fmt: skip


class _Base:
    """The base of all stand-ins, out of reach of those who ask them for attributes."""

    __slots__ = ("__weakref__", "own", "real")


_new = object.__new__
_real_of, _own_of = _Base.real.__get__, _Base.own.__get__  # type: ignore[attr-defined]
_set_real, _set_own = _Base.real.__set__, _Base.own.__set__  # type: ignore[attr-defined]

# (type of the real object, whether that is a class with `__class_getitem__`) -> the class of its stand-ins; for types
# that nobody can change, and that never go
_classes: dict[tuple[type, bool], type] = {}
_HEAP_TYPE = 1 << 9


def stand_in(real: object, fakes: Mapping[str, Any], target: object) -> Any:
    """Make an object that looks like `real` but for some attributes.

    Args:
        real: what it stands in for.
        fakes: attribute -> value; `Attributes` as value stand for a stand-in of that attribute.
        target: the function in which it stands, for errors.

    Raises:
        ScopeError: `real` has no such attribute.
    """
    own: dict[str, Any] = {}
    for name, fake in fakes.items():
        present = attribute_of(real, name, target)
        own[name] = stand_in(present, fake.fakes, target) if type(fake) is Attributes else fake
    kind = type(real)
    key = kind, isinstance(real, type) and hasattr(real, "__class_getitem__")
    made = _classes.get(key)
    if made is None:
        made = _class_for(*key)
        if not kind.__flags__ & _HEAP_TYPE:
            _classes[key] = made
    return _made(made, real, own)


def _made(kind: type, real: object, own: dict[str, Any]) -> Any:
    new: Any = _new(kind)
    _set_real(new, real)
    _set_own(new, own)
    return new


def is_stand_in(value: object) -> bool:
    """Return whether an object is a stand-in."""
    return _Base in type(value).__mro__


def real_of(value: Any) -> Any:
    """Return what an object stands in for; itself where it is no stand-in."""
    return _real_of(value) if is_stand_in(value) else value


def _class_for(kind: type, subscripted: bool) -> type:
    """Make the class of stand-ins for objects of a type."""
    namespace: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        for name, value in vars(base).items():
            if name[:2] == name[-2:] == "__" and name not in _OWN and callable(value):
                namespace[name] = _forward(name)
    if subscripted and "__getitem__" not in namespace:
        namespace["__getitem__"] = lambda self, item: _real_of(self)[item]
    # None says "not supported" of a special method: it is no callable, and stays
    namespace.update(_METHODS, __slots__=())
    return type("StandIn", (_Base,), namespace)


class Attributes:
    """Fakes for attributes: of what a name means, or of `over`, where that is given."""

    __slots__ = ("fakes", "over")

    def __init__(self, over: object = ABSENT) -> None:
        self.fakes: dict[str, Any] = {}
        self.over: object = over


def value_of(func: FunctionType, state: State, name: str) -> Any:
    """The present value of a name in a function. Raises ScopeError where it has none."""
    cell = state.cells().get(name)
    try:
        return global_of(name, func) if cell is None else cell.cell_contents
    except (KeyError, ValueError):
        msg = f"`{name}` has no value in {short(func)} now; override it as a whole"
        raise ScopeError(msg, name=name, names=(), target=short(func)) from None


def attribute_of(real: object, name: str, target: object) -> Any:
    """The present value of an attribute that is to be faked: a fake for one that is not there is a mistake."""
    try:
        return getattr(real, name)
    except AttributeError:
        names = [known for known in dir(real) if not known.startswith("__")]
        msg = f"{short(real)}, as {short(target)} knows it, has no attribute `{name}` to override"
        raise ScopeError(
            msg + hint_nearest(name, names), name=name, names=tuple(names), target=short(target)
        ) from None


def _forward(name: str) -> Callable[..., Any]:
    def forward(self: object, *args: Any, **kwargs: Any) -> Any:
        real = _real_of(self)
        return getattr(type(real), name)(real, *args, **kwargs)

    return forward


def _getattribute(self: object, name: str) -> Any:
    own = _own_of(self)
    if name not in own:
        real = _real_of(self)
        # a class statement asks the object itself
        if name == "__mro_entries__" and isinstance(real, type):
            return lambda bases: (real,)
        return getattr(real, name)
    value = own[name]
    if value is EMPTY:
        msg = f"{short(_real_of(self))} has no attribute {name!r} here: it is overridden with EMPTY"
        raise AttributeError(msg)
    return value


def _setattr(self: object, name: str, value: object) -> None:
    own = _own_of(self)
    if name in own:
        own[name] = value
    else:
        setattr(_real_of(self), name, value)


def _delattr(self: object, name: str) -> None:
    own = _own_of(self)
    if name in own:
        own[name] = EMPTY
    else:
        delattr(_real_of(self), name)


def _copy(self: Any) -> Any:
    return _over_copy(self, copy.copy(_real_of(self)))


def _deepcopy(self: Any, memo: Any) -> Any:
    return _over_copy(self, copy.deepcopy(_real_of(self), memo))


def _over_copy(self: Any, copied: object) -> Any:
    """A class is its own copy, and so is what stands in for it."""
    return self if copied is _real_of(self) else _made(type(self), copied, dict(_own_of(self)))


def _itself(real: object) -> object:
    return real


_METHODS: dict[str, Callable[..., Any]] = {
    "__copy__": _copy,
    "__deepcopy__": _deepcopy,
    "__reduce_ex__": lambda self, protocol: (_itself, (_real_of(self),)),  # pickled, it is the real object
    "__getattribute__": _getattribute,
    "__setattr__": _setattr,
    "__delattr__": _delattr,
    "__repr__": lambda self: f"<stand-in for {short(_real_of(self))}: {', '.join(_own_of(self))}>",
    "__dir__": lambda self: sorted({*dir(_real_of(self)), *_own_of(self)}),
    "__instancecheck__": lambda self, instance: isinstance(instance, _real_of(self)),
    "__subclasscheck__": lambda self, subclass: issubclass(subclass, _real_of(self)),
}
