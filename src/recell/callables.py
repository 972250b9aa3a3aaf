"""Any callable -> the plain function (or functions) in it, and back to a callable of the same kind.

People hand over bound methods, static methods, partials and properties as readily as functions. Types are asked
with `type()`, never `isinstance()`: a mock with a spec claims any class.
"""

from __future__ import annotations

from types import BuiltinFunctionType, FunctionType, MethodType

from recell.errors import short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    F = TypeVar("F")

__all__ = ["describe", "function_of", "functions_in", "functions_of", "rebuild", "refusal"]

# where each kind keeps the callable that it wraps; functools' kinds join on first need
_INSIDE: dict[type, str] = {MethodType: "__func__", staticmethod: "__func__", classmethod: "__func__"}
_functools_known = False


def _know_functools() -> None:
    global _functools_known  # noqa: PLW0603 - a table completed once
    import functools

    _INSIDE.update(
        {functools.partial: "func", functools.partialmethod: "func", functools.cached_property: "func"}
    )
    _functools_known = True


def _inside(obj: object) -> str | None:
    """The attribute under which a callable of a known kind keeps what it wraps."""
    if not _functools_known:
        _know_functools()
    for base in type(obj).__mro__:
        attribute = _INSIDE.get(base)
        if attribute is not None:
            return attribute
    return None


def function_of(obj: object, verb: str) -> FunctionType:
    """The one plain function that a callable stands for.

    Args:
        obj: a function, bound method, staticmethod, classmethod, partial, partialmethod or cached_property.
        verb: what the caller was asked to do, for the error.

    Raises:
        TypeError: for everything else, saying what it is and what would work.
    """
    if type(obj) is FunctionType:
        return obj
    attribute = _inside(obj)
    if attribute is not None:
        return function_of(getattr(obj, attribute), verb)
    raise refusal(obj, verb, single=True)


def functions_of(obj: object, verb: str) -> tuple[FunctionType, ...]:
    """All plain functions in a callable: one, or a property's accessors. Raises as `function_of` does."""
    if type(obj) is FunctionType:
        return (obj,)
    found = functions_in(obj)
    if not found:
        function_of(obj, verb)  # what is inside may be what is wrong
        raise refusal(obj, verb, single=False)
    return found


def functions_in(obj: Any) -> tuple[FunctionType, ...]:
    """All plain functions in any object; none where it is of no known kind."""
    if type(obj) is FunctionType:
        return (obj,)
    if property in type(obj).__mro__:
        return tuple(found for accessor in (obj.fget, obj.fset, obj.fdel) for found in functions_in(accessor))
    attribute = _inside(obj)
    return () if attribute is None else functions_in(getattr(obj, attribute))


def rebuild(obj: F, transform: Callable[[FunctionType], FunctionType], verb: str) -> F:
    """A callable of the same kind around the transformed function.

    Args:
        obj: what `functions_of` takes. Accessors of a property that are no plain functions are kept as they are.
        transform: makes the new function; called once for each plain function in `obj`.
        verb: what the caller was asked to do, for the error.

    Raises:
        TypeError: as `function_of`.
    """
    if type(obj) is FunctionType:
        return transform(obj)  # type: ignore[return-value]
    if property in type(obj).__mro__:
        return _rebuild_property(obj, transform, verb)
    return _rebuild_wrapper(obj, transform, verb)


def _rebuild_wrapper(obj: Any, transform: Callable[[FunctionType], FunctionType], verb: str) -> Any:
    attribute = _inside(obj)
    if attribute is None:
        raise refusal(obj, verb, single=False)
    kind = type(obj)
    new_inside = rebuild(getattr(obj, attribute), transform, verb)
    if kind is MethodType:
        return MethodType(new_inside, obj.__self__)
    if hasattr(obj, "keywords"):  # partial and partialmethod
        new = kind(new_inside, *obj.args, **obj.keywords)
    else:
        new = kind(new_inside)
    if hasattr(obj, "attrname"):  # what __set_name__ told a cached_property
        new.attrname = obj.attrname
    for name, value in vars(obj).items():
        # what the constructor set (the function, a lock, attributes copied from the function) is the new one's own
        if name not in vars(new):
            setattr(new, name, value)
    return new


def _rebuild_property(obj: Any, transform: Callable[[FunctionType], FunctionType], verb: str) -> Any:
    functions_of(obj, verb)  # refuses before anything is made
    new_accessors = [
        rebuild(accessor, transform, verb) if functions_in(accessor) else accessor
        for accessor in (obj.fget, obj.fset, obj.fdel)
    ]
    if type(obj) is property:
        new = property(*new_accessors, obj.__doc__)
    else:  # a subclass's own constructor may ask for more: its copying methods know it
        new = obj.getter(new_accessors[0]).setter(new_accessors[1]).deleter(new_accessors[2])
        for name, value in getattr(obj, "__dict__", {}).items():
            if name not in vars(new):
                setattr(new, name, value)
    own_name = getattr(obj, "__name__", None)
    if own_name is not None and getattr(new, "__name__", None) != own_name:
        new.__name__ = own_name  # 3.13+: set by __set_name__
    return new


def describe(obj: object) -> str:
    """What an object is, in a few words: `the class int`, `a mock`, `the C function len`."""
    kind = type(obj)
    if issubclass(kind, type):
        return f"the class {obj.__qualname__}"  # type: ignore[attr-defined]
    if kind.__module__.partition(".")[0] in ("unittest", "mock") and "Mock" in kind.__name__:
        return "a mock"
    if kind.__name__ == "_lru_cache_wrapper":
        return "an lru_cache around a function"
    if kind is BuiltinFunctionType or kind.__name__ in (
        "wrapper_descriptor",
        "method_descriptor",
        "method-wrapper",
        "classmethod_descriptor",
    ):
        return f"the C function {getattr(obj, '__qualname__', '?')}"
    if property in kind.__mro__:
        return "a property"
    if kind.__name__ in ("cython_function_or_method", "fused_cython_function", "compiled_function"):
        return f"the compiled function {getattr(obj, '__qualname__', '?')}"
    article = "an" if kind.__name__[:1].lower() in "aeiou" else "a"
    return f"{article} {kind.__name__}"


def refusal(obj: object, verb: str, *, single: bool) -> TypeError:
    """The error for an object that holds no plain function: what it is, and what would work."""
    kind = type(obj)
    what = describe(obj)
    hint = "pass a Python function"
    if issubclass(kind, type):
        hint = "pass one of its functions, such as C.method"
    elif what == "a mock":
        hint = "a mock has no code and no closure; pass the function it stands for"
    elif what.startswith("an lru_cache"):
        hint = "use `f.__wrapped__`, and clear the cache with `f.cache_clear()`"
    elif property in kind.__mro__ and single:
        hint = "a property has up to three functions: pass its .fget, .fset or .fdel"
    elif property in kind.__mro__:
        hint = "none of its accessors is a Python function"
    elif type(getattr(kind, "__call__", None)) is FunctionType:
        hint = f"pass its method `{kind.__name__}.__call__`"
    elif not callable(obj):
        hint = "it is not callable; pass a Python function"
    msg = f"{verb} needs a Python function, and {short(obj)} is {what}; {hint}"
    return TypeError(msg)

