"""Callables: the plain functions that an object stands for, and the same kind of object around other functions.

People hand over bound methods, static methods, partials, properties and caches as readily as functions. One table
says for each kind how to look inside, rebuild, walk and copy; every verb uses it. Types are asked with `type()`,
never `isinstance()` (a mock with a spec claims any class), and attributes are read raw.
"""

from __future__ import annotations

import functools
from functools import cached_property, partial, partialmethod, singledispatchmethod
from types import (
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)

from recell.refusals import describe, refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any, TypeVar

    F = TypeVar("F")
    Put = Callable[[Any], Any]

__all__ = [
    "CACHE",
    "Kind",
    "attributes",
    "attributes_reader",
    "cache_parameters",
    "caches_in",
    "copied",
    "describe",
    "function_of",
    "functions_defined_in",
    "functions_in",
    "functions_of",
    "kind_of",
    "rebuild",
    "refusal",
    "slots_of",
]

CACHE: type[Any] = type(functools.lru_cache(maxsize=None)(lambda: None))
"""The type of what `functools.lru_cache` makes."""

_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: not static in C


# -- the table -------------------------------------------------------------------------------------------------------


class Kind:
    """The treatment of the objects of one type and of its subclasses.

    Attributes: `base`: the type; `inside(obj)`: the callables that an object stands for; `passes(obj)`: what else it
    holds that may lead to functions; `make(obj, put, more)`: another object of the kind, with `put(callable)` for
    each callable inside and `more(value)` for everything else.
    """

    __slots__ = ("base", "inside", "make", "passes")
    base: type[Any]
    inside: Callable[[Any], tuple[Any, ...]]
    make: Callable[[Any, Put, Put], Any]
    passes: Callable[[Any], tuple[Any, ...]]

    def __init__(
        self,
        base: type[Any],
        inside: Callable[[Any], tuple[Any, ...]],
        make: Callable[[Any, Put, Put], Any],
        passes: Callable[[Any], tuple[Any, ...]] = lambda obj: (),
    ) -> None:
        self.base, self.inside, self.make, self.passes = base, inside, make, passes


def _constructed(base: Any, obj: Any, *args: Any, **keywords: Any) -> Any:
    """An object of the type of `obj`, made by its kind's constructor: a subclass's own may ask for anything."""
    new = base.__new__(type(obj), *args, **keywords)
    if base.__init__ is not object.__init__:
        base.__init__(new, *args, **keywords)
    return new


def _around_func(base: type) -> Kind:
    def make(obj: Any, put: Put, more: Put) -> Any:
        return _constructed(base, obj, put(obj.__func__))

    return Kind(base, lambda obj: (obj.__func__,), make)


def _with_arguments(base: type) -> Kind:
    def make(obj: Any, put: Put, more: Put) -> Any:
        keywords = {name: more(value) for name, value in obj.keywords.items()}
        return _constructed(base, obj, put(obj.func), *map(more, obj.args), **keywords)

    return Kind(base, lambda obj: (obj.func,), make, lambda obj: (*obj.args, *obj.keywords.values()))


def _cached_property(obj: Any, put: Put, more: Put) -> Any:
    new = _constructed(cached_property, obj, put(obj.func))
    new.attrname = obj.attrname  # what __set_name__ told it
    return new


def _property(obj: Any, put: Put, more: Put) -> Any:
    fget, fset, fdel = map(put, (obj.fget, obj.fset, obj.fdel))
    if type(obj) is property:  # its copying methods know whether the docstring is the getter's
        return obj.getter(fget).setter(fset).deleter(fdel)
    base: Any = property
    new = base.__new__(type(obj))
    base.__init__(new, fget, fset, fdel, obj.__doc__)
    if "__name__" in vars(property) and hasattr(obj, "__name__"):
        new.__name__ = obj.__name__  # 3.13+: what __set_name__ told it
    return new


def _dispatching(obj: Any, put: Put, more: Put) -> Any:
    new = _constructed(singledispatchmethod, obj, put(obj.func))
    for cls, function in obj.dispatcher.registry.items():
        if cls is not object:
            new.dispatcher.register(cls, put(function))
    return new


def _dispatched(obj: Any) -> tuple[Any, ...]:
    every = (obj.func, *obj.dispatcher.registry.values())
    return tuple({id(function): function for function in every}.values())


def cache_parameters(cached: Any) -> Mapping[str, Any]:
    """Return what `functools.lru_cache` was called with, to make another one like it."""
    if hasattr(cached, "cache_parameters"):  # 3.9+
        asked: Mapping[str, Any] = cached.cache_parameters()
        return asked
    return {"maxsize": cached.cache_info().maxsize}


_TABLE = {
    kind.base: kind
    for kind in (
        Kind(
            MethodType,
            lambda obj: (obj.__func__,),
            lambda obj, put, more: MethodType(put(obj.__func__), more(obj.__self__)),
            lambda obj: (obj.__self__,),
        ),
        _around_func(staticmethod),
        _around_func(classmethod),
        _with_arguments(partial),
        _with_arguments(partialmethod),
        Kind(cached_property, lambda obj: (obj.func,), _cached_property),
        Kind(property, lambda obj: (obj.fget, obj.fset, obj.fdel), _property),
        Kind(singledispatchmethod, _dispatched, _dispatching),
        Kind(
            CACHE,
            lambda obj: (obj.__wrapped__,),
            lambda obj, put, more: functools.lru_cache(**cache_parameters(obj))(put(obj.__wrapped__)),
        ),
    )
}


def kind_of(obj: object) -> Kind | None:
    """Return how to treat an object that holds callables; None for functions, and for what is of no known kind."""
    for base in type(obj).__mro__:
        if base in _TABLE:
            return _TABLE[base]
    return None


# -- looking inside --------------------------------------------------------------------------------------------------


def function_of(obj: object, verb: str) -> FunctionType:
    """Return the one plain function that a callable stands for.

    Args:
        obj: a function, or an object of a kind in the table.
        verb: what the caller was asked to do, for the error.

    Raises:
        TypeError: for everything else, and for what has several: says what it is and what would work.
    """
    if type(obj) is FunctionType:
        return obj
    kind = kind_of(obj)
    inside = () if kind is None else kind.inside(obj)
    if len(inside) != 1:
        raise refusal(obj, verb, single=True)
    return function_of(inside[0], verb)


def functions_of(obj: object, verb: str) -> tuple[FunctionType, ...]:
    """Return all plain functions in a callable, a property's accessors for one. Raises as `function_of` does."""
    if type(obj) is FunctionType:
        return (obj,)
    found = functions_in(obj)
    while not found:
        kind = kind_of(obj)
        inside = () if kind is None else kind.inside(obj)
        if len(inside) != 1:
            raise refusal(obj, verb, single=False)
        obj = inside[0]  # what is inside is what is wrong
    return found


def functions_in(obj: object) -> tuple[FunctionType, ...]:
    """Return all plain functions in any object, each once; none where it is of no known kind."""
    if type(obj) is FunctionType:
        return (obj,)
    kind = kind_of(obj)
    if kind is None:
        return ()
    found = [function for value in kind.inside(obj) for function in functions_in(value)]
    return tuple(found) if len(found) < 2 else tuple({id(function): function for function in found}.values())


def functions_defined_in(target: Any) -> tuple[FunctionType, ...]:
    """Return the functions in a class's own `vars`, or those that a module defines, its classes' included; each once.

    In a module a function behind decorators counts where `__wrapped__` leads to it.
    """
    found: dict[int, FunctionType] = {}
    namespace: Mapping[str, object] = vars(target)
    is_module = ModuleType in type(target).__mro__
    waiting = list(namespace.values())
    for value in waiting:
        if issubclass(type(value), type):
            if is_module and vars(value).get("__module__") == namespace.get("__name__"):
                waiting.extend(vars(value).values())
            continue
        for function in functions_in(value):
            if not is_module or function.__globals__ is namespace:
                found[id(function)] = function
            else:
                waiting.append(function.__dict__.get("__wrapped__"))
    return tuple(found.values())


def caches_in(obj: object) -> tuple[Any, ...]:
    """Return the `lru_cache` objects on the way to the functions of an object, the outermost first."""
    kind = kind_of(obj)
    if kind is None:
        return ()
    inside = [cache for value in kind.inside(obj) for cache in caches_in(value)]
    return (obj, *inside) if kind.base is CACHE else tuple(inside)


# -- another one of the kind -----------------------------------------------------------------------------------------


def rebuild(obj: F, transform: Callable[[FunctionType], FunctionType], verb: str) -> F:
    """Return a callable of the same kind around the transformed functions.

    Args:
        obj: what `functions_of` takes. Accessors of a property that are no plain functions are kept as they are.
        transform: makes the new function; called once for each plain function in `obj`.
        verb: what the caller was asked to do, for the error.

    Raises:
        TypeError: as `functions_of`, before anything is made.
    """
    functions_of(obj, verb)
    made: dict[int, Any] = {}

    def put(value: Any) -> Any:
        if id(value) not in made:
            new = value
            if type(value) is FunctionType:
                new = transform(value)
            elif functions_in(value):
                new = copied(value, put, _same)
            made[id(value)] = new
        return made[id(value)]

    return put(obj)  # type: ignore[no-any-return]


def _same(value: Any) -> Any:
    return value


def copied(obj: Any, put: Put, more: Put | None = None, note: Put = _same) -> Any:
    """Return a copy of one object that is no function, with everything that it holds exchanged.

    Args:
        obj: an object of a kind in the table, or an instance of any class; none of its own methods is called.
        put: gives what takes the place of a callable inside.
        more: gives what takes the place of everything else that it holds; without it, `put` does.
        note: is told of the copy before its attributes are filled in, and returns the one to go on with.
    """
    more = more or put
    kind = kind_of(obj)
    new = note(_instance(obj) if kind is None else kind.make(obj, put, more))
    own, target = attributes(obj), attributes(new)
    if own is not None and target is not None:
        for name, value in own.items():
            # annotations that a static method showed once are evaluated anew, from the new function
            if kind is None or (name not in target and name not in ("__annotations__", "__annotate__")):
                target[name] = more(value)
    for slot in _slots_above(type(new), object if kind is None else kind.base):
        if slot.__objclass__.__flags__ & _HEAP_TYPE:
            try:
                slot.__set__(new, more(slot.__get__(obj)))
            except AttributeError:  # it is empty, or cannot be set
                continue
    return new


def _instance(obj: Any) -> Any:
    try:
        return object.__new__(type(obj))
    except TypeError:  # a class on top of a C class
        import copy

        return copy.copy(obj)


# -- what any object holds -------------------------------------------------------------------------------------------


def attributes_reader(kind: type[Any]) -> Callable[[Any], dict[str, Any]] | None:
    """Return what reads an instance's own `__dict__`, whatever its class makes of that name; None without one."""
    for base in kind.__mro__:
        found = vars(base).get("__dict__")
        if type(found) is GetSetDescriptorType:
            return found.__get__
    return None


def attributes(obj: object) -> dict[str, Any] | None:
    """Return an instance's own `__dict__`, read without its class having a say; None where it has none."""
    reader = attributes_reader(type(obj))
    return None if reader is None else reader(obj)


def slots_of(kind: type[Any]) -> list[Any]:
    """Return the descriptors of the slots of a class's instances; a C class's members are such too."""
    return list(_slots_above(kind, object))


def _slots_above(kind: type[Any], base: type[Any]) -> Iterator[Any]:
    """The descriptors of the slots that a class has on top of one of its bases."""
    for cls in kind.__mro__[: kind.__mro__.index(base)]:
        for member in vars(cls).values():
            if type(member) is MemberDescriptorType:
                yield member


# -- refusals --------------------------------------------------------------------------------------------------------

# where decorators, commands, tasks and compilers keep the function that they were given
_HOLDERS = ("__wrapped__", "callback", "run", "py_func", "func")


def refusal(obj: object, verb: str, *, single: bool) -> TypeError:
    """Return the error for an object that holds no plain function, or too many: what it is, and what would work."""
    return refused(obj, verb, single, _holder(obj))


def _holder(obj: Any) -> str | None:
    """The attribute of an object of no known kind that holds a function."""
    if issubclass(type(obj), (type, ModuleType)) or describe(obj) == "a mock":
        return None
    if singledispatchmethod in type(obj).__mro__:
        return ".dispatcher.dispatch(cls)" if functions_in(obj) else None
    own = attributes(obj) or {}
    names: Iterable[str] = (*_HOLDERS, *own, *(slot.__name__ for slot in slots_of(type(obj))))
    for name in names:
        try:
            value = getattr(obj, name)
        except Exception:  # noqa: BLE001 - somebody's own attribute may raise anything
            continue
        if functions_in(value):
            return f".{name}"
    return None
