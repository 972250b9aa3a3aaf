"""What a class's attributes lead to: the functions behind descriptors and decorators, opaque ones included.

Followed are cells, defaults, attributes of functions and instances, slots, what descriptors and partials hold. Never
entered are other classes, modules, globals and containers. No code of a user runs: attributes are read raw.
"""

from __future__ import annotations

import functools
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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    Plan = tuple[Callable[[Any], Iterable[object]], ...]

__all__ = ["CLASS", "attributes", "class_cells", "held_by", "slots_of"]

CLASS = "__class__"
"""The free variable in which a method keeps the class that holds it: `super()` looks there."""

_HEAP_TYPE = 1 << 9

# what holds no function, or is a container
_LEAVES = frozenset(
    {
        *(type(None), type(...), type(NotImplemented), bool, int, float, complex, str, bytes, bytearray),
        *(tuple, list, dict, set, frozenset, CellType, CodeType, ModuleType),
        *(GetSetDescriptorType, MemberDescriptorType, type(len), type(object.__init__), type(str.join)),
    }
)

_NEVER = (type, ModuleType, tuple, list, dict, set, frozenset)


def _dict_of(kind: type[Any]) -> GetSetDescriptorType | None:
    """What reads an instance's `__dict__`, whatever the class makes of that name."""
    for base in kind.__mro__:
        found = vars(base).get("__dict__")
        if type(found) is GetSetDescriptorType:
            return found
    return None


def slots_of(kind: type[Any]) -> list[Any]:
    """The descriptors of the slots of a class's instances; a C class's members are such too."""
    return [
        member
        for base in kind.__mro__
        for member in vars(base).values()
        if type(member) is MemberDescriptorType
    ]


def attributes(obj: object) -> dict[str, Any] | None:
    """An instance's own `__dict__`, read without its class having a say; None where it has none."""
    kind = type(obj)  # pyright: ignore[reportUnknownVariableType]
    reader = _dict_of(kind)
    return None if reader is None else reader.__get__(obj)


def _passed(obj: Any) -> Iterator[object]:
    """What a partial or partialmethod passes on: arguments are no container that somebody fills."""
    yield from obj.args
    yield from obj.keywords.values()


def _dispatched(obj: Any) -> Iterable[object]:
    return tuple(obj.dispatcher.registry.values())


_EXTRA: dict[type, Callable[[Any], Iterable[object]]] = {
    functools.partial: _passed,
    functools.partialmethod: _passed,
    functools.singledispatchmethod: _dispatched,
}


def _plan(kind: type[Any]) -> Plan:
    """How to read what an instance of a class holds."""
    if kind in _LEAVES or issubclass(kind, _NEVER):
        return ()
    readers: list[Callable[[Any], Iterable[object]]] = [
        _EXTRA[base] for base in kind.__mro__ if base in _EXTRA
    ]
    own = _dict_of(kind)
    if own is not None:
        get_dict = own.__get__
        readers.append(lambda obj: tuple(get_dict(obj).values()))
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
    """What a function holds besides its `__class__` cell."""
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
        found += _registered(func.__dict__)
    return found


def _registered(own: Mapping[str, Any]) -> tuple[object, ...]:
    """The functions that `functools.singledispatch` chooses from, by the attributes of the one that it made."""
    registry: Mapping[str, object] | None = own.get("registry")
    if not isinstance(registry, MappingProxyType) or "dispatch" not in own:
        return ()
    return tuple(registry.values())


def held_by(obj: object, plans: dict[type, Plan]) -> Iterable[object]:
    """What an object holds that may be, or lead to, a function. `plans` remembers how the types met are read."""
    kind = type(obj)  # pyright: ignore[reportUnknownVariableType]
    if kind is FunctionType:
        return _function_holds(obj)  # type: ignore[arg-type]
    plan = plans.get(kind)
    if plan is None:
        plan = plans[kind] = _plan(kind)
    return [value for reader in plan for value in reader(obj)] if plan else ()


def class_cells(namespace: Mapping[str, object], old: type) -> list[CellType]:
    """Every `__class__` cell that the values of a class's namespace lead to and that holds `old`, each once."""
    found: list[CellType] = []
    seen: set[int] = set()  # ids of objects and cells, all of which the class keeps alive
    plans: dict[type, Plan] = {}
    leaves, function = _LEAVES, FunctionType
    layer: dict[int, Any] = {id(value): value for value in namespace.values()}
    while layer:
        seen.update(layer)
        further: list[object] = []
        for obj in layer.values():
            kind = type(obj)  # pyright: ignore[reportUnknownVariableType]
            if kind is not function:
                if kind not in leaves:
                    further += held_by(obj, plans)
                continue
            closure = obj.__closure__
            if closure:
                for cell in closure:
                    if id(cell) not in seen:
                        contents = _contents(cell)
                        if obj.__code__.co_freevars[_position(closure, cell)] != CLASS:
                            further.append(contents)
                            continue
                        seen.add(id(cell))
                        if contents is old:
                            found.append(cell)
            defaults = obj.__defaults__
            if defaults:
                for value in defaults:
                    if type(value) not in leaves:
                        further.append(value)
            values = obj.__kwdefaults__
            if values:
                further += values.values()
            values = obj.__dict__
            if values:
                further += values.values()
                further += _registered(values)
        layer = {id(value): value for value in further if id(value) not in seen}
    return found


def _contents(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _position(closure: tuple[CellType, ...], cell: CellType) -> int:
    """Where a cell is in a closure: cells compare by contents, so `index` is no use."""
    return next(index for index, other in enumerate(closure) if other is cell)
