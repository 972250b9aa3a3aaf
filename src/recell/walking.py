"""Everything that an object holds and that may lead to a function, one level at a time.

Followed are cells, defaults, attributes of functions and instances, slots, what descriptors and partials hold. Never
entered are classes, modules, globals and containers. No code of a user runs: attributes are read raw.
"""

from __future__ import annotations

from types import (
    CellType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    ModuleType,
)
from typing import TYPE_CHECKING, Any

from recell.callables import attributes, attributes_reader, kind_of, slots_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    Plan = tuple[Callable[[Any], Iterable[object]], ...]

__all__ = ["CLASS", "LEAVES", "held_by", "inside", "registered"]

CLASS = "__class__"
"""The free variable in which a method keeps the class that holds it: `super()` looks there."""

LEAVES = frozenset(
    {
        *(type(None), type(...), type(NotImplemented), bool, int, float, complex, str, bytes, bytearray),
        *(tuple, list, dict, set, frozenset, CellType, CodeType, ModuleType),
        *(GetSetDescriptorType, MemberDescriptorType, type(len), type(object.__init__), type(str.join)),
    }
)
"""The types whose objects hold no function, or are containers."""

_NEVER = (type, ModuleType, tuple, list, dict, set, frozenset)


def inside(obj: Any) -> tuple[Any, ...]:
    """Return the callables that an object stands around: what its kind holds, and its `__wrapped__`."""
    kind = kind_of(obj)
    found: tuple[Any, ...] = () if kind is None else kind.inside(obj)
    own = attributes(obj)
    return (*found, own["__wrapped__"]) if own and "__wrapped__" in own else found


def held_by(obj: object, plans: dict[type, Plan]) -> Iterable[object]:
    """Return what an object holds that may be, or lead to, a function; not a function's `__class__` cell.

    `plans` remembers how the types met are read: pass the same dict throughout one walk.
    """
    kind = type(obj)  # pyright: ignore[reportUnknownVariableType]
    if kind is FunctionType:
        return _function_holds(obj)  # type: ignore[arg-type]
    plan = plans.get(kind)
    if plan is None:
        plan = plans[kind] = _plan(obj)
    return [value for reader in plan for value in reader(obj)] if plan else ()


def _plan(obj: object) -> Plan:
    """Return the readers of what objects of this one's type hold."""
    kind: type[Any] = type(obj)
    if kind in LEAVES or issubclass(kind, _NEVER):
        return ()
    readers: list[Callable[[Any], Iterable[object]]] = []
    known = kind_of(obj)
    if known is not None:
        readers += [known.inside, known.passes]
    own = attributes_reader(kind)
    if own is not None:
        readers.append(lambda obj: tuple(own(obj).values()))
    slots = slots_of(kind)
    if slots:

        def read_slots(obj: object) -> Iterator[object]:
            for slot in slots:
                try:
                    yield slot.__get__(obj)
                except AttributeError:
                    continue

        readers.append(read_slots)
    return tuple(readers)


def _function_holds(func: FunctionType) -> list[object]:
    found: list[object] = []
    for name, cell in zip(func.__code__.co_freevars, func.__closure__ or ()):
        if name != CLASS:
            try:
                found.append(cell.cell_contents)
            except ValueError:
                continue
    if func.__defaults__:
        found += func.__defaults__
    if func.__kwdefaults__:
        found += func.__kwdefaults__.values()
    if func.__dict__:
        found += func.__dict__.values()
        found += registered(func.__dict__)
    return found


def registered(own: Mapping[str, Any]) -> tuple[object, ...]:
    """Return the functions that `functools.singledispatch` chooses from, by the attributes of the one it made."""
    registry: Mapping[str, object] | None = own.get("registry")
    if not isinstance(registry, MappingProxyType) or "dispatch" not in own:
        return ()
    return tuple(registry.values())
