"""Data classes by template: a method is compiled once for each shape of class, then only renamed: with `define` (a
template), `substitute` (its variants), `replace` (defaults), `repoint` (`super()` in a class made again, with slots)."""

from __future__ import annotations

import sys

import recell


class Factory:
    """The default of a field that is made anew for each instance."""

    def __init__(self, *, default_factory):
        self.make_ = default_factory

    def __repr__(self):
        return "<factory>"


class FrozenError(AttributeError): ...


field = Factory
_templates = {}  # the shape of a class -> the names of its fields there (_0, _1, …), and its methods with them
_FIELD_BY_FIELD = sys.version_info >= (3, 13)  # so compare the data classes of the standard library
_NAMES = {"Factory_": Factory, "store_": object.__setattr__}


def _init(places, made, frozen, post_init):
    store = 'store_(self, "{}", {})' if frozen else "self.{} = {}"
    make = "{0}.make_() if type({0}) is Factory_ else {0}"
    values = [make.format(place) if at in made else place for at, place in enumerate(places)]
    lines = [*map(store.format, places, values)]
    lines += ["self.__post_init__()"] * post_init or ["pass"] * (not lines)
    return f"def __init__({', '.join(['self', *places])}):\n " + "\n ".join(lines)


def _tuple(places, owner):
    return "(" + "".join([f"{owner}.{place}, " for place in places]) + ")"


def _texts(places, made, frozen, post_init, eq, order, hashed):
    yield _init(places, made, frozen, post_init)
    alike = " if other.__class__ is not self.__class__: return NotImplemented\n"
    ordered = (("lt", "<"), ("le", "<="), ("gt", ">"), ("ge", ">=")) * order
    for name, operator in (("eq", "=="),) * eq + ordered:
        compared = f"{_tuple(places, 'self')} {operator} {_tuple(places, 'other')}"
        if name == "eq" and _FIELD_BY_FIELD:
            compared = " and ".join([f"self.{place} == other.{place}" for place in places]) or "True"
        yield f"def __{name}__(self, other):\n{alike} return {compared}"
    if hashed:
        yield f"def __hash__(self):\n return hash({_tuple(places, 'self')})"


def __repr__(self):  # the same for each shape: a template need not come from a text
    return "FORM".format(self)  # noqa: F523 - a placeholder has no fields


def _refuse(self, name, *value):
    raise FrozenError(f"cannot assign or delete field {name!r}")


def _own_annotations(cls):
    own = cls.__annotations__ if "__annotate_func__" in vars(cls) else {}
    return vars(cls).get("__annotations__", own)


def quickclass(cls=None, *, eq=True, order=False, frozen=False, unsafe_hash=False, slots=False):
    """Give a class what its annotated fields ask for."""
    if cls is None:
        asked = dict(eq=eq, order=order, frozen=frozen, unsafe_hash=unsafe_hash, slots=slots)
        return lambda cls: quickclass(cls, **asked)
    namespace, fields = dict(vars(cls)), {}
    for base in cls.__mro__[-2:0:-1]:
        fields.update(vars(base).get("__quick_fields__", {}))
    for name in _own_annotations(cls):
        fields[name] = value = namespace.get(name, recell.EMPTY)
        if type(value) is Factory or (slots and name in namespace):
            delattr(cls, name)
    values = tuple([value for value in fields.values() if value is not recell.EMPTY])
    if recell.EMPTY in [*fields.values()][len(fields) - len(values) :]:
        raise TypeError(f"a field without a default follows one that has one: {[*fields]}")
    made = tuple([at for at, value in enumerate(fields.values()) if type(value) is Factory])
    shape = len(fields), made, frozen, "__post_init__" in namespace, eq, order, unsafe_hash or (eq and frozen)
    if shape not in _templates:
        places = [f"_{at}" for at in range(len(fields))]
        _templates[shape] = places, [recell.define(t, globals=_NAMES) for t in _texts(places, *shape[1:])]
    rename = dict(zip(_templates[shape][0], fields))
    shown = ", ".join([f"{name}={{0.{name}!r}}" for name in fields])
    for template in (__repr__, *_templates[shape][1]):
        name = template.__name__
        if name in namespace:
            continue  # the class's own
        if name == "__repr__":
            method = recell.substitute(template, constants={"FORM": f"{{0.__class__.__qualname__}}({shown})"})
        elif name == "__init__":
            template = recell.replace(template, defaults=values) if values else template
            method = recell.substitute(template, rename=rename, constants=rename if frozen else {})
        else:
            method = recell.substitute(template, rename=rename)
        method.__qualname__, method.__module__ = f"{cls.__qualname__}.{name}", cls.__module__
        setattr(cls, name, method)
    if frozen:
        cls.__setattr__ = cls.__delattr__ = _refuse
    elif eq and not unsafe_hash and "__hash__" not in namespace:
        cls.__hash__ = None
    cls.__quick_fields__, cls.__match_args__ = fields, tuple(fields)
    return _with_slots(cls) if slots else cls


def _with_slots(cls):
    inherited = {name for base in cls.__mro__[1:] for name in vars(base).get("__slots__", ())}
    namespace = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    namespace["__slots__"] = tuple(name for name in cls.__quick_fields__ if name not in inherited)
    new = type(cls)(cls.__name__, cls.__bases__, namespace)
    new.__qualname__ = cls.__qualname__
    recell.repoint(new, old=cls)  # `super()` and `__class__` in its methods
    return new
