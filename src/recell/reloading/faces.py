"""The face of a function (defaults, annotations, documentation, attributes) after a new text of it."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

from recell.functions.annotations import HAS_ANNOTATE
from recell.layers.exchange import Face, face_of
from recell.reloading.following import by_name
from recell.reloading.likeness import alike, same_annotations, stays

if TYPE_CHECKING:
    from collections.abc import Collection
    from types import CodeType

__all__ = ["face_after", "shown"]


def face_after(
    function: FunctionType, old: CodeType, new: FunctionType, keep: Collection[str] | None = None
) -> Face:
    """Return what a function is to show after another was made from its new text.

    Args:
        function: the existing function.
        old: its code before.
        new: the function that the text made.
        keep: those of its own attributes that stay; None: all.
    """
    before = by_name(old, function.__defaults__)
    names = new.__code__.co_varnames[: new.__code__.co_argcount]
    fresh = new.__defaults__
    defaults = fresh
    if fresh:
        pairs = zip(names[len(names) - len(fresh) :], fresh)
        defaults = tuple(
            [
                before[name] if name in before and stays(before[name], value) else value
                for name, value in pairs
            ]
        )
        had = function.__defaults__
        if had and len(had) == len(defaults) and all(a is b for a, b in zip(had, defaults)):
            defaults = had
    kwdefaults = new.__kwdefaults__
    if kwdefaults:
        own = function.__kwdefaults__ or {}
        kwdefaults = {
            name: own[name] if name in own and stays(own[name], value) else value
            for name, value in kwdefaults.items()
        }
        if own.keys() == kwdefaults.keys() and all(own[name] is value for name, value in kwdefaults.items()):
            kwdefaults = function.__kwdefaults__
    attributes = _attributes(function, new, keep)
    annotations, annotate = _annotations(function, new)
    doc = function.__doc__ if function.__doc__ == new.__doc__ else new.__doc__
    type_params = getattr(function, "__type_params__", ())
    if type_params or getattr(new, "__type_params__", ()):
        if repr(type_params) != repr(getattr(new, "__type_params__", ())):
            type_params = getattr(new, "__type_params__", ())
    return Face(defaults, kwdefaults, annotations, annotate, doc, attributes, type_params)


def _attributes(function: FunctionType, new: FunctionType, keep: Collection[str] | None) -> dict[str, Any]:
    own, fresh = function.__dict__, new.__dict__
    stay = {
        name: value
        for name, value in own.items()
        if name not in fresh and not (name[:2] == "__" == name[-2:]) and (keep is None or name in keep)
    }
    after = {**stay, **fresh}
    if own.keys() == after.keys() and all(own[name] is value for name, value in after.items()):
        return own
    return {**{name: after[name] for name in own if name in after}, **after}


def _annotations(function: FunctionType, new: FunctionType) -> tuple[Any, Any]:
    """The annotations that a function is to have, evaluated and lazy."""
    if not HAS_ANNOTATE:
        old, after = function.__annotations__, new.__annotations__
        return (old if same_annotations(old, after) else after), None
    face, other = face_of(function), face_of(new)
    if other.annotate is None:
        if face.annotate is None and same_annotations(face.annotations, other.annotations):
            return face.annotations, None
        return other.annotations, None
    if face.annotate is not None and alike(face.annotate, other.annotate):
        return face.annotations, face.annotate
    return None, other.annotate


def shown(value: Any, code: CodeType | None) -> tuple[Any, ...]:
    """Return what a decorator can read of what it is given, besides what calling it does.

    Args:
        value: the object.
        code: its code by its text, where it is a function.
    """
    if code is None or type(value) is not FunctionType:
        return (type(value),)
    import inspect

    try:
        signature: str | None = str(inspect.signature(value))
    except (TypeError, ValueError):
        signature = None
    attributes = {name: id(one) for name, one in value.__dict__.items() if name != "__wrapped__"}
    return FunctionType, code.co_flags & _KINDS, value.__name__, value.__doc__, attributes, signature


_KINDS = 0x20 | 0x80 | 0x200  # CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR
