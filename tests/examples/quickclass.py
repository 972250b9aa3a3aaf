"""Data classes by template: each method is compiled once for each number of fields, then only renamed.

It shows `define` (a template), `substitute` (its variants), `replace` (defaults) and `repoint` (`super()` in a
class that is made again, with slots).
"""

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


_templates = {}  # text -> function
_NAMES = {"Factory_": Factory, "store_": object.__setattr__}


def _template(text):
    if text not in _templates:
        _templates[text] = recell.define(text, globals=_NAMES)
    return _templates[text]


def _init(fields, defaults, frozen, post_init):
    lines = []
    for index, name in enumerate(fields):
        value = f"_{index}"
        if type(defaults.get(name)) is Factory:
            value = f"_{index}.make_() if type(_{index}) is Factory_ else _{index}"
        lines.append(f'store_(self, "_{index}", {value})' if frozen else f"self._{index} = {value}")
    lines += ["self.__post_init__()"] * post_init or ["pass"] * (not lines)
    parameters = "".join(f", _{index}" for index in range(len(fields)))
    return f"def __init__(self{parameters}):\n " + "\n ".join(lines)


def _tuple(fields, owner):
    return "(" + "".join(f"{owner}._{index}, " for index in range(len(fields))) + ")"


def _methods(fields, defaults, namespace, eq, order, frozen, unsafe_hash):
    """(text of the template, constants) of each method that the class is to have."""
    count = range(len(fields))
    stored = {f"_{index}": name for index, name in enumerate(fields)} if frozen else {}
    yield _init(fields, defaults, frozen, "__post_init__" in namespace), stored
    form = "{}(" + ", ".join(f"{name}={{!r}}" for name in fields) + ")"
    shown = "".join(f", self._{index}" for index in count)
    yield f'def __repr__(self):\n return "FORM".format(self.__class__.__qualname__{shown})', {"FORM": form}
    alike = " if other.__class__ is not self.__class__: return NotImplemented\n"
    if eq:
        compared = " and ".join(f"self._{index} == other._{index}" for index in count) or "True"
        yield f"def __eq__(self, other):\n{alike} return {compared}", {}
    for name, operator in (("lt", "<"), ("le", "<="), ("gt", ">"), ("ge", ">=")) if order else ():
        compared = f"{_tuple(fields, 'self')} {operator} {_tuple(fields, 'other')}"
        yield f"def __{name}__(self, other):\n{alike} return {compared}", {}
    if unsafe_hash or (eq and frozen):
        yield f"def __hash__(self):\n return hash({_tuple(fields, 'self')})", {}


def _refuse(self, name, *value):
    raise FrozenError(f"cannot assign or delete field {name!r}")


def _own_annotations(cls):
    own = vars(cls)
    return own.get("__annotations__") or (cls.__annotations__ if "__annotate_func__" in own else {})


def quickclass(cls=None, *, eq=True, order=False, frozen=False, unsafe_hash=False, slots=False):
    """Give a class what its annotated fields ask for."""
    if cls is None:
        asked = {"eq": eq, "order": order, "frozen": frozen, "unsafe_hash": unsafe_hash, "slots": slots}
        return lambda cls: quickclass(cls, **asked)
    namespace, defaults = dict(vars(cls)), {}
    for base in cls.__mro__[:0:-1]:
        defaults.update(vars(base).get("__quick_fields__", {}))
    for name in _own_annotations(cls):
        defaults[name] = namespace.get(name, recell.EMPTY)
        if type(defaults[name]) is Factory or (slots and name in namespace):
            delattr(cls, name)
    fields = [*defaults]
    rename = {f"_{index}": name for index, name in enumerate(fields)}
    for text, constants in _methods(fields, defaults, namespace, eq, order, frozen, unsafe_hash):
        template = _template(text)
        method = recell.substitute(template, rename=rename, constants=constants)
        if method.__name__ == "__init__" and any(value is not recell.EMPTY for value in defaults.values()):
            method = recell.replace(method, defaults=defaults)
        method.__qualname__ = f"{cls.__qualname__}.{method.__name__}"
        method.__module__ = cls.__module__
        if method.__name__ not in namespace:
            setattr(cls, method.__name__, method)
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
