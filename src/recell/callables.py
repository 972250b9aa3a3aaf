"""Any callable -> the plain function (or functions) in it, and back to a callable of the same kind.

People hand over bound methods, static methods, partials and properties as readily as functions. Types are asked
with `type()`, never `isinstance()`: a mock with a spec claims any class.
"""

from __future__ import annotations

from types import BuiltinFunctionType, CodeType, FunctionType, MemberDescriptorType, MethodType

from recell.errors import short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeVar

    F = TypeVar("F")

__all__ = [
    "cache_parameters",
    "describe",
    "function_of",
    "functions_in",
    "functions_of",
    "rebuild",
    "refusal",
]

# where each kind keeps the callable that it wraps; functools' kinds join on first need
_INSIDE: dict[type, str] = {MethodType: "__func__", staticmethod: "__func__", classmethod: "__func__"}


def _know_functools() -> None:
    import functools

    _INSIDE[functools.partial] = _INSIDE[functools.partialmethod] = _INSIDE[functools.cached_property] = (
        "func"
    )


def _kind_of(obj: object) -> type | None:
    """Which of the kinds that wrap one callable an object is of: a key of `_INSIDE`."""
    if len(_INSIDE) == 3:
        _know_functools()
    return next((base for base in type(obj).__mro__ if base in _INSIDE), None)


def _inside(obj: object) -> Any:
    """The callable that an object of a known kind wraps; None for other objects."""
    kind = _kind_of(obj)
    return None if kind is None else getattr(obj, _INSIDE[kind])


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
    if _kind_of(obj) is not None:
        return function_of(_inside(obj), verb)
    raise refusal(obj, verb, single=True)


def functions_of(obj: object, verb: str) -> tuple[FunctionType, ...]:
    """All plain functions in a callable: one, or a property's accessors. Raises as `function_of` does."""
    if type(obj) is FunctionType:
        return (obj,)
    found = functions_in(obj)
    if not found:
        while _kind_of(obj) is not None:
            obj = _inside(obj)  # what is inside is what is wrong
        raise refusal(obj, verb, single=False)
    return found


def functions_in(obj: Any) -> tuple[FunctionType, ...]:
    """All plain functions in any object; none where it is of no known kind."""
    if type(obj) is FunctionType:
        return (obj,)
    if property in type(obj).__mro__:
        return tuple(found for accessor in (obj.fget, obj.fset, obj.fdel) for found in functions_in(accessor))
    return () if _kind_of(obj) is None else functions_in(_inside(obj))


def rebuild(obj: F, transform: Callable[[FunctionType], FunctionType], verb: str) -> F:
    """A callable of the same kind around the transformed function.

    Args:
        obj: what `functions_of` takes. Accessors of a property that are no plain functions are kept as they are.
        transform: makes the new function; called once for each plain function in `obj`.
        verb: what the caller was asked to do, for the error.

    Raises:
        TypeError: as `function_of`.
    """
    given: Any = obj
    new: Any
    if type(given) is FunctionType:
        new = transform(given)
    elif property in type(given).__mro__:
        new = _rebuild_property(given, transform, verb)
    else:
        new = _rebuild_wrapper(given, transform, verb)
    return new  # type: ignore[no-any-return]


def _rebuild_wrapper(obj: Any, transform: Callable[[FunctionType], FunctionType], verb: str) -> Any:
    base: Any = _kind_of(obj)
    if base is None:
        raise refusal(obj, verb, single=False)
    inside = rebuild(_inside(obj), transform, verb)
    if base is MethodType:
        return MethodType(inside, obj.__self__)
    # a subclass's own constructor may ask for anything: the base makes it, and the rest is copied
    args: tuple[Any, ...] = ()
    keywords: dict[str, Any] = {}
    if base.__name__ in ("partial", "partialmethod"):
        args, keywords = obj.args, obj.keywords
    new = base.__new__(type(obj), inside, *args, **keywords)
    if base.__init__ is not object.__init__:
        base.__init__(new, inside, *args, **keywords)
    if base.__name__ == "cached_property":
        new.attrname = obj.attrname  # what __set_name__ told it
    return _with_state_of(obj, new, base)


def _rebuild_property(obj: Any, transform: Callable[[FunctionType], FunctionType], verb: str) -> Any:
    functions_of(obj, verb)  # refuses before anything is made
    accessors: list[Any] = [
        rebuild(accessor, transform, verb) if functions_in(accessor) else accessor
        for accessor in (obj.fget, obj.fset, obj.fdel)
    ]
    new: Any
    if type(obj) is property:  # its copying methods know whether the docstring is the getter's
        new = obj.getter(accessors[0]).setter(accessors[1]).deleter(accessors[2])
    else:
        base: Any = property
        new = base.__new__(type(obj))
        base.__init__(new, *accessors, obj.__doc__)
        if "__name__" in vars(property) and hasattr(obj, "__name__"):
            new.__name__ = obj.__name__  # 3.13+: what __set_name__ told it
    return _with_state_of(obj, new, property)


def _with_state_of(obj: Any, new: Any, base: type) -> Any:
    """`new` with what its constructor did not set: the instance's own attributes and slots."""
    own = getattr(obj, "__dict__", None)
    if own is not None:
        for name, value in own.items():
            # annotations that a static method showed once are evaluated anew, from the new function
            if name not in new.__dict__ and name not in ("__annotations__", "__annotate__"):
                new.__dict__[name] = value
    for kind in type(obj).__mro__[: type(obj).__mro__.index(base)]:
        for slot in vars(kind).values():
            if type(slot) is MemberDescriptorType and hasattr(obj, slot.__name__):
                slot.__set__(new, slot.__get__(obj))
    return new


def cache_parameters(cached: Any) -> Mapping[str, Any]:
    """What `functools.lru_cache` was called with, to make another one like it."""
    if hasattr(cached, "cache_parameters"):  # 3.9+
        asked: Mapping[str, Any] = cached.cache_parameters()
        return asked
    return {"maxsize": cached.cache_info().maxsize}


def describe(obj: object) -> str:
    """What an object is, in a few words: `the class int`, `a mock`, `the C function len`."""
    kind = type(obj)
    if issubclass(kind, type):
        return f"the class {obj.__qualname__}"  # type: ignore[attr-defined]
    if any(base.__name__ == "NonCallableMock" for base in kind.__mro__):
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
    if kind is CodeType:
        return "a code object"
    article = "an" if kind.__name__[:1].lower() in "aeiou" else "a"
    return f"{article} {kind.__name__}"


def _example_of(cls: Any) -> str:
    namespace: dict[str, object] = {**vars(cls)}
    own = [name for name, value in namespace.items() if type(value) is FunctionType]
    return f"{cls.__name__}.{own[0] if own else 'method'}"


def refusal(obj: object, verb: str, *, single: bool) -> TypeError:
    """The error for an object that holds no plain function: what it is, and what would work."""
    kind = type(obj)
    what = describe(obj)
    hint = "pass a Python function"
    if issubclass(kind, type):
        hint = f"pass one of its functions, such as {_example_of(obj)}"
    elif what == "a mock":
        hint = "a mock has no code and no closure; pass the function it stands for"
    elif what.startswith("an lru_cache"):
        hint = "use `f.__wrapped__`, and clear the cache with `f.cache_clear()`"
    elif what.startswith("the C function") and verb in ("override", "swap", "wrap"):
        hint = "C code cannot be changed; override its name in the Python function that calls it"
    elif what.startswith("the compiled function"):
        hint = "compiled code has neither bytecode nor cells; override its name in the Python function that calls it"
    elif property in kind.__mro__ and single:
        hint = "a property has up to three functions: pass its .fget, .fset or .fdel"
    elif property in kind.__mro__:
        hint = "none of its accessors is a Python function"
    elif type(getattr(kind, "__call__", None)) is FunctionType:  # noqa: B004 - is it written in Python?
        hint = f"pass its method `{kind.__name__}.__call__`"
    elif kind is str:
        hint = "pass the function itself, not its name"
    elif kind is CodeType:
        hint = "pass the function that runs it"
    elif not callable(obj):
        hint = "it is not callable; pass a Python function"
    msg = f"{verb} needs a Python function, and {short(obj)} is {what}; {hint}"
    return TypeError(msg)
