"""Data classes by template: each method is compiled once for each shape of class, then only renamed.
It shows `define` (a template), `substitute` (its variants), `replace` (defaults) and `repoint` (`super()` in a
class that is made again, with slots)."""

from __future__ import annotations

import recell


class Factory:
    """The default of a field that is made anew for each instance."""

    def __init__(self, make):
        self.make_ = make

    def __repr__(self):
        return "<factory>"


def field(*, default_factory):
    return Factory(default_factory)


class FrozenError(AttributeError): ...


_templates = {}  # the shape of a class -> its methods, with the fields named _0, _1, …
_NAMES = {"Factory_": Factory, "store_": object.__setattr__}


def _init(count, made, frozen, post_init):
    lines = []
    for index in range(count):
        make = f"_{index}.make_() if type(_{index}) is Factory_ else " if index in made else ""
        value = f"{make}_{index}"
        lines.append(f'store_(self, "_{index}", {value})' if frozen else f"self._{index} = {value}")
    lines += ["self.__post_init__()"] * post_init or ["pass"] * (not lines)
    parameters = "".join(f", _{index}" for index in range(count))
    return f"def __init__(self{parameters}):\n " + "\n ".join(lines)


def _tuple(count, owner):
    return "(" + "".join(f"{owner}._{index}, " for index in range(count)) + ")"


def _texts(count, made, frozen, post_init, eq, order, hashed):
    yield _init(count, made, frozen, post_init)
    yield 'def __repr__(self):\n return "FORM".format(self)'
    alike = " if other.__class__ is not self.__class__: return NotImplemented\n"
    if eq:
        compared = " and ".join(f"self._{index} == other._{index}" for index in range(count)) or "True"
        yield f"def __eq__(self, other):\n{alike} return {compared}"
    for name, operator in (("lt", "<"), ("le", "<="), ("gt", ">"), ("ge", ">=")) if order else ():
        compared = f"{_tuple(count, 'self')} {operator} {_tuple(count, 'other')}"
        yield f"def __{name}__(self, other):\n{alike} return {compared}"
    if hashed:
        yield f"def __hash__(self):\n return hash({_tuple(count, 'self')})"


def _refuse(self, name, *value):
    raise FrozenError(f"cannot assign or delete field {name!r}")


def _own_annotations(cls):
    own = vars(cls)
    return own.get("__annotations__") or (cls.__annotations__ if "__annotate_func__" in own else {})


def quickclass(cls=None, *, eq=True, order=False, frozen=False, unsafe_hash=False, slots=False):
    """Give a class what its annotated fields ask for."""
    if cls is None:
        asked = dict(eq=eq, order=order, frozen=frozen, unsafe_hash=unsafe_hash, slots=slots)
        return lambda cls: quickclass(cls, **asked)
    namespace, defaults = dict(vars(cls)), {}
    for base in cls.__mro__[:0:-1]:
        defaults.update(vars(base).get("__quick_fields__", {}))
    for name in _own_annotations(cls):
        defaults[name] = namespace.get(name, recell.EMPTY)
        if type(defaults[name]) is Factory or (slots and name in namespace):
            delattr(cls, name)
    fields = [*defaults]
    made = tuple([index for index, name in enumerate(fields) if type(defaults[name]) is Factory])
    shape = len(fields), made, frozen, "__post_init__" in namespace, eq, order, unsafe_hash or (eq and frozen)
    if shape not in _templates:
        _templates[shape] = [recell.define(text, globals=_NAMES) for text in _texts(*shape)]
    rename = {f"_{index}": name for index, name in enumerate(fields)}
    values = tuple([value for value in defaults.values() if value is not recell.EMPTY])
    shown = ", ".join([f"{name}={{0.{name}!r}}" for name in fields])
    for template in _templates[shape]:
        name = template.__name__
        if name == "__repr__":
            method = recell.substitute(template, constants={"FORM": f"{{0.__class__.__qualname__}}({shown})"})
        else:
            stored = rename if name == "__init__" and frozen else {}
            method = recell.substitute(template, rename=rename, constants=stored)
        if name == "__init__" and values:
            if recell.EMPTY in [*defaults.values()][len(fields) - len(values) :]:
                raise TypeError(f"a field without a default follows one that has one: {fields}")
            method = recell.replace(method, defaults=values)
        method.__qualname__ = f"{cls.__qualname__}.{name}"
        method.__module__ = cls.__module__
        if name not in namespace:
            setattr(cls, name, method)
    if frozen:
        cls.__setattr__ = cls.__delattr__ = _refuse
    elif eq and not unsafe_hash and "__hash__" not in namespace:
        cls.__hash__ = None
    cls.__quick_fields__, cls.__match_args__ = defaults, tuple(fields)
    return _with_slots(cls) if slots else cls


def _with_slots(cls):
    inherited = {name for base in cls.__mro__[1:] for name in vars(base).get("__slots__", ())}
    namespace = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    namespace["__slots__"] = tuple(name for name in cls.__quick_fields__ if name not in inherited)
    new = type(cls)(cls.__name__, cls.__bases__, namespace)
    new.__qualname__ = cls.__qualname__
    recell.repoint(new, old=cls)  # `super()` and `__class__` in its methods
    return new
