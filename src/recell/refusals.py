"""Objects that hold no plain function: what they are, in a few words, and what the caller could pass instead."""

from __future__ import annotations

from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType

from recell.errors import short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["describe", "refused"]

_C_FUNCTIONS = ("wrapper_descriptor", "method_descriptor", "method-wrapper", "classmethod_descriptor")
_COMPILED = ("cython_function_or_method", "fused_cython_function", "compiled_function")


def describe(obj: object) -> str:
    """Return what an object is, in a few words: `the class int`, `a mock`, `the C function len`."""
    kind = type(obj)
    if issubclass(kind, type):
        return f"the class {obj.__qualname__}"  # type: ignore[attr-defined]
    if any(base.__name__ == "NonCallableMock" for base in kind.__mro__):
        return "a mock"
    if kind.__name__ == "_lru_cache_wrapper":
        return "an lru_cache around a function"
    if kind is BuiltinFunctionType or kind.__name__ in _C_FUNCTIONS:
        return f"the C function {getattr(obj, '__qualname__', '?')}"
    if property in kind.__mro__:
        return "a property"
    if kind.__name__ in _COMPILED:
        return f"the compiled function {getattr(obj, '__qualname__', '?')}"
    if kind is CodeType:
        return "a code object"
    if ModuleType in kind.__mro__:
        return "a module"
    article = "an" if kind.__name__[:1].lower() in "aeiou" else "a"
    return f"{article} {kind.__name__}"


def _example_of(cls: Any) -> str:
    namespace: dict[str, object] = {**vars(cls)}
    own = [name for name, value in namespace.items() if type(value) is FunctionType]
    return f"{cls.__name__}.{own[0] if own else 'method'}"


def refused(obj: object, verb: str, single: bool, holder: str | None) -> TypeError:
    """Return the error for an object that holds no plain function, or too many: what it is, and what would work.

    Args:
        obj: the object.
        verb: what the caller was asked to do.
        single: whether one function is needed.
        holder: the attribute of the object that holds a function, where there is one.
    """
    kind = type(obj)
    what = describe(obj)
    hint = "pass a Python function"
    if issubclass(kind, type):
        hint = f"pass one of its functions, such as {_example_of(obj)}"
    elif what == "a mock":
        hint = "a mock has no code and no closure; pass the function it stands for"
    elif property in kind.__mro__ and single:
        hint = "a property has up to three functions: pass its .fget, .fset or .fdel"
    elif property in kind.__mro__:
        hint = "none of its accessors is a Python function"
    elif holder is not None:
        hint = f"it holds a function: pass its `{holder}`"
    elif what.startswith("the C function") and verb in ("override", "swap", "wrap", "spy"):
        hint = "C code cannot be changed; override its name in the Python function that calls it"
    elif what.startswith("the compiled function"):
        hint = "compiled code has neither bytecode nor cells; override its name in the Python function that calls it"
    elif kind is str:
        hint = "pass the function itself, not its name"
    elif kind is CodeType:
        hint = "pass the function that runs it"
    elif ModuleType in kind.__mro__:
        hint = "pass one of its functions"
    elif not callable(obj):
        hint = "it is not callable; pass a Python function"
    return TypeError(f"{verb} needs a Python function, and {short(obj)} is {what}; {hint}")
