"""Stand-ins: objects that answer some attributes themselves and everything else from a real object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recell.cells import EMPTY
from recell.errors import ScopeError, hint_nearest, short
from recell.scopes.scope import global_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FunctionType

    from recell.layers.exchange import State

__all__ = ["Attributes", "attribute_of", "stand_in", "value_of"]

# special methods that a stand-in has of its own, or must not have
_OWN = {
    "__new__", "__del__", "__dir__", "__init__", "__dict__", "__repr__", "__class__", "__slots__",
    "__reduce__", "__sizeof__", "__getattr__", "__setattr__", "__delattr__", "__weakref__", "__prepare__",
    "__getstate__", "__set_name__", "__reduce_ex__", "__mro_entries__", "__getattribute__",
    "__subclasshook__", "__init_subclass__", "__instancecheck__", "__subclasscheck__",
}  # fmt: skip


def stand_in(real: object, fakes: Mapping[str, Any], target: object) -> Any:
    """An object that looks like `real` but for some attributes.

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
        own[name] = stand_in(present, fake.fakes, target) if isinstance(fake, Attributes) else fake
    namespace: dict[str, Any] = {}
    for base in reversed(type(real).__mro__):
        for name, value in vars(base).items():
            if name[:2] == name[-2:] == "__" and name not in _OWN and callable(value):
                namespace[name] = _forward(name, real)
    if isinstance(real, type) and "__getitem__" not in namespace and hasattr(real, "__class_getitem__"):
        namespace["__getitem__"] = lambda self, item: real[item]  # type: ignore[index]
    # None says "not supported" of a special method: it is no callable, and stays
    namespace.update(_methods(real, own))
    return type("StandIn", (), namespace)()


class Attributes:
    """Fakes for attributes of an attribute."""

    __slots__ = ("fakes",)

    def __init__(self) -> None:
        self.fakes: dict[str, Any] = {}


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


def _forward(name: str, real: object) -> Callable[..., Any]:
    kind: Any = type(real)

    def forward(self: object, *args: Any, **kwargs: Any) -> Any:
        return getattr(kind, name)(real, *args, **kwargs)

    return forward


def _methods(real: Any, own: dict[str, Any]) -> dict[str, Callable[..., Any]]:
    def __getattribute__(self: object, name: str) -> Any:  # noqa: N807
        if name not in own:
            # a class statement asks the object itself
            if name == "__mro_entries__" and isinstance(real, type):
                return lambda bases: (real,)
            return getattr(real, name)
        value = own[name]
        if value is EMPTY:
            msg = f"{short(real)} has no attribute {name!r} here: it is overridden with EMPTY"
            raise AttributeError(msg)
        return value

    def __setattr__(self: object, name: str, value: object) -> None:  # noqa: N807
        if name in own:
            own[name] = value
        else:
            setattr(real, name, value)

    def __delattr__(self: object, name: str) -> None:  # noqa: N807
        if name in own:
            own[name] = EMPTY
        else:
            delattr(real, name)

    def __repr__(self: object) -> str:  # noqa: N807
        return f"<stand-in for {short(real)}: {', '.join(own)}>"

    def __dir__(self: object) -> list[str]:  # noqa: N807
        return sorted({*dir(real), *own})

    def __instancecheck__(self: object, instance: object) -> bool:  # noqa: N807
        return isinstance(instance, real)

    def __subclasscheck__(self: object, subclass: type) -> bool:  # noqa: N807
        return issubclass(subclass, real)

    return {name: value for name, value in locals().items() if name.startswith("__")}
