"""What a function shows besides its code (defaults, annotations, documentation, attributes), after a new text of it."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

from recell.code.making import UNKNOWN, making
from recell.functions.annotations import HAS_ANNOTATE
from recell.layers.exchange import Face, face_of
from recell.reloading.likeness import alike, stays

if TYPE_CHECKING:
    from types import CodeType

    from recell.reloading.comparing import Comparison
    from recell.reloading.translating import Translation

__all__ = ["closure_defaults", "face_after"]

_NESTED = 0x10  # CO_NESTED


def _names(code: CodeType) -> tuple[str, ...]:
    return code.co_varnames[: code.co_argcount]


def _by_name(code: CodeType, defaults: tuple[Any, ...] | None) -> dict[str, Any]:
    names = _names(code)
    return dict(zip(names[len(names) - len(defaults or ()) :], defaults or ()))


def _merged(
    old_code: CodeType, old: tuple[Any, ...] | None, new_code: CodeType, new: tuple[Any, ...] | None
) -> tuple[Any, ...] | None:
    """The new defaults, with the living objects wherever they stay."""
    if old is new:
        return old
    if not new:
        return new
    before = _by_name(old_code, old)
    names = _names(new_code)
    merged = tuple(
        [
            before[name] if name in before and stays(before[name], value) else value
            for name, value in zip(names[len(names) - len(new) :], new)
        ]
    )
    if old is not None and len(merged) == len(old) and all(map(_is, merged, old)):
        return old
    return merged


def _is(one: object, other: object) -> bool:
    return one is other


def face_after(
    func: FunctionType, old_code: CodeType, new: FunctionType, translation: Translation
) -> Face | None:
    """What a function is to show after another has been made from its new text; None where that is what it shows.

    Args:
        func: the living function.
        old_code: its code, before the reload.
        new: the function that the new text made.
        translation: brings the new one's objects over.
    """
    new_defaults, new_kwdefaults = new.__defaults__, new.__kwdefaults__
    if new_defaults is not None and type(new_defaults) is tuple:
        new_defaults = translation(new_defaults)
    defaults = _merged(old_code, func.__defaults__, new.__code__, new_defaults)
    kwdefaults = func.__kwdefaults__
    if kwdefaults is not new_kwdefaults:
        before = kwdefaults or {}
        after = {name: translation(value) for name, value in (new_kwdefaults or {}).items()}
        after = {
            name: before[name] if name in before and stays(before[name], value) else value
            for name, value in after.items()
        }
        if after.keys() != before.keys() or any(after[name] is not before[name] for name in after):
            kwdefaults = after or None
    doc = func.__doc__ if func.__doc__ == new.__doc__ else new.__doc__
    attributes = func.__dict__
    more = new.__dict__
    if more:
        added = {
            name: translation(value)
            for name, value in more.items()
            if name not in attributes
            or name == "__wrapped__"
            or not (stays(attributes[name], value) or _is_state(new, name))
        }
        added = {name: value for name, value in added.items() if attributes.get(name, UNKNOWN) is not value}
        if added:
            attributes = {**attributes, **added}
    annotations, annotate, same_annotations = _annotations(func, new, translation)
    type_params = getattr(func, "__type_params__", ())
    if type_params or getattr(new, "__type_params__", ()):
        if repr(type_params) != repr(getattr(new, "__type_params__", ())):
            type_params = getattr(new, "__type_params__", ())
    if (
        defaults is func.__defaults__
        and kwdefaults is func.__kwdefaults__
        and doc is func.__doc__
        and attributes is func.__dict__
        and same_annotations
        and type_params is getattr(func, "__type_params__", type_params)
    ):
        return None
    return Face(defaults, kwdefaults, annotations, annotate, doc, attributes, type_params)


def _is_state(new: FunctionType, name: str) -> bool:
    """Whether an attribute is a decorator's own, as a count of calls is; what the decorated has is the text's."""
    inside = getattr(new, "__wrapped__", None)
    return bool(new.__code__.co_flags & _NESTED) and name not in getattr(inside, "__dict__", ())


def _annotations(func: FunctionType, new: FunctionType, translation: Translation) -> tuple[Any, Any, bool]:
    """The annotations that a function is to have, evaluated and lazy, and whether it has those."""
    if not HAS_ANNOTATE:
        old, after = func.__annotations__, new.__annotations__
        if old == after or repr(old) == repr(after):
            return old, None, True
        return {name: translation(value) for name, value in after.items()}, None, False
    face = face_of(func)
    lazy: Any = new.__annotate__  # type: ignore[attr-defined]
    if lazy is None and face.annotate is None:
        evaluated = face_of(new).annotations
        if (not face.annotations and not evaluated) or repr(face.annotations) == repr(evaluated):
            return face.annotations, None, True
        return {name: translation(value) for name, value in (evaluated or {}).items()}, None, False
    if type(lazy) is FunctionType and type(face.annotate) is FunctionType:
        if alike(face.annotate, lazy):
            return face.annotations, face.annotate, True
    return None, translation(lazy) if type(lazy) is FunctionType else lazy, False


def closure_defaults(
    func: FunctionType, old: CodeType, new: CodeType, comparison: Comparison, path: str
) -> tuple[tuple[Any, ...] | None, dict[str, Any] | None, str | None]:
    """The defaults of a living closure after its text changed, and the parameter whose default nothing can give.

    What its outer function evaluated when it made the closure is kept by the parameter's name; constants that the new
    text has are taken.
    """
    outer = path.rpartition(".<locals>.")[0]
    known: dict[str, Any] = {}
    known_before: dict[str, Any] = {}
    for codes, code, into in ((comparison.new, new, known), (comparison.old, old, known_before)):
        for around in codes[outer]:
            made = making(around, code) if any(const is code for const in around.co_consts) else None
            if made is not None:
                positional, keyword = made.defaults()
                into.update(positional)
                into.update(keyword)
                break
        else:
            if codes is comparison.new:
                return func.__defaults__, func.__kwdefaults__, None
    before = {**_by_name(old, func.__defaults__), **(func.__kwdefaults__ or {})}
    values: dict[str, Any] = {}
    for name, value in known.items():
        text_before = known_before.get(name, UNKNOWN)
        if name in before and (
            value is UNKNOWN or (text_before is not UNKNOWN and stays(text_before, value))
        ):
            values[name] = before[name]
        elif value is UNKNOWN:
            return None, None, name
        else:
            values[name] = value
    positional_names = [name for name in _names(new) if name in values]
    keyword_names = new.co_varnames[new.co_argcount : new.co_argcount + new.co_kwonlyargcount]
    defaults = tuple([values[name] for name in positional_names]) or None
    kwdefaults = {name: values[name] for name in keyword_names if name in values} or None
    old_defaults = func.__defaults__
    if (
        defaults
        and old_defaults
        and len(defaults) == len(old_defaults)
        and all(map(_is, defaults, old_defaults))
    ):
        defaults = old_defaults
    if kwdefaults == func.__kwdefaults__:
        kwdefaults = func.__kwdefaults__
    return defaults, kwdefaults, None
