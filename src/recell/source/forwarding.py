"""`forward`: functions with a given signature that hand their arguments on to another callable."""

from __future__ import annotations

from builtins import callable as _is_callable
from collections import OrderedDict
from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Tuple

from recell.callables import functions_in
from recell.errors import short
from recell.flags import ASYNC_GENERATOR, COROUTINE, GENERATOR, GENERATORS
from recell.functions.building import KEEP, build
from recell.public import public
from recell.source.forwarders import forwarder, remembered, shown
from recell.source.signatures import Shape, is_signature, shape_of_function, shape_of_signature
from recell.source.sourcelines import holding, registered

if TYPE_CHECKING:
    from inspect import Signature

__all__ = ["TARGET", "forward"]

TARGET = ".target"
"""The free variable in which a forward keeps what it calls."""

_HOW = {
    0: "return",
    GENERATOR: "yield from",
    COROUTINE: "await",
    ASYNC_GENERATOR: "iterate asynchronously",
}

_named: OrderedDict[Tuple[str, str, str], CodeType] = OrderedDict()


@public
def forward(
    callable: Any,
    /,
    signature: Signature | str | Any = None,
    *,
    name: str | None = None,
    qualname: str | None = None,
    module: Any = KEEP,
    doc: Any = KEEP,
) -> FunctionType:
    """Make a function with exactly this signature that calls another with its arguments.

    Positional parameters are handed on by position, keyword-only ones by name, defaults as the very objects. What
    calls a generator, coroutine or async generator function is one itself.

    Args:
        callable: what is called.
        signature: an `inspect.Signature`, a text such as `"(a, /, b=1, *rest)"`, or a callable whose signature,
            name, qualified name, module and doc the new function gets; without it, `callable` itself.
        name, qualname, module, doc: what the attribute is to be.

    Returns:
        The function; its free variable `.target` is `callable`.

    Raises:
        TypeError: `callable` cannot be called, or `signature` is none.
        SourceError: the text is no signature, or a parameter's name is no identifier or a keyword.
        ValueError: nothing is known of a callable's signature.

    >>> from recell import forward
    >>> def traced(func):
    ...     def call(*args, **kwargs):
    ...         print("calling", func.__name__)
    ...         return func(*args, **kwargs)
    ...     return forward(call, signature=func)
    >>> @traced
    ... def area(width, height=2, *, scale=1):
    ...     return width * height * scale
    >>> import inspect
    >>> area(3), inspect.signature(area), area.__name__
    calling area
    (6, <Signature (width, height=2, *, scale=1)>, 'area')
    """
    if not _is_callable(callable):
        msg = f"forward needs something to call, and {short(callable)} cannot be called"
        raise TypeError(msg)
    for given, what in ((name, "name"), (qualname, "qualified name")):
        if given is not None and not isinstance(given, str):
            msg = f"the {what} must be a string, not {short(given)}"
            raise TypeError(msg)
    inside = (callable,) if type(callable) is FunctionType else functions_in(callable)
    kind = inside[0].__code__.co_flags & GENERATORS if len(inside) == 1 else 0
    like = callable
    if type(signature) is FunctionType:
        shape, like = shape_of_function(signature), signature
    elif signature is None:
        shape = _shape_of(callable)
    elif is_signature(signature):
        shape = shape_of_signature(signature)
    elif isinstance(signature, str):
        shape = _shape_of_text(signature, inside[0].__globals__ if inside else None)
    else:
        if not _is_callable(signature):
            msg = f"the signature must be an inspect.Signature, a text or a callable, not {short(signature)}"
            raise TypeError(msg)
        shape, like = _shape_of(signature), signature
    own_name = name if name is not None else _name_of(like)
    code = _code_for(_HOW[kind], own_name, shape)
    if inside:
        globals: dict[str, Any] = inside[0].__globals__
    else:
        import builtins

        globals = {"__builtins__": builtins.__dict__}
    new = build(code, globals, own_name, shape.defaults, (CellType(callable),), shape.kwdefaults)
    if qualname is None:
        qualname = own_name if name is not None else getattr(like, "__qualname__", None)
    new.__qualname__ = qualname if type(qualname) is str else own_name
    new.__module__ = getattr(like, "__module__", None) if module is KEEP else module  # type: ignore[assignment]
    if doc is not KEEP:
        new.__doc__ = doc
    elif type(like) is FunctionType or functions_in(like):
        new.__doc__ = like.__doc__
    if shape.annotate is not None or shape.annotations:
        shape.annotate_function(new)
    return new


def _name_of(like: Any) -> str:
    name = getattr(like, "__name__", None)
    if type(name) is str:
        return name
    inside = functions_in(like)
    return inside[0].__name__ if len(inside) == 1 else "forward"


def _shape_of(obj: Any) -> Shape:
    if type(obj) is FunctionType and not obj.__dict__:  # no __wrapped__ and no __signature__
        return shape_of_function(obj)
    import inspect

    try:
        return shape_of_signature(inspect.signature(obj))
    except ValueError as error:  # many classes written in C
        msg = f"{short(obj)} tells no signature ({error}); pass signature="
        raise ValueError(msg) from None


def _shape_of_text(text: str, globals: dict[str, Any] | None) -> Shape:
    from recell.source.defining import Definition
    from recell.source.signatures import checked_text

    head = checked_text(text)
    return shape_of_function(Definition(f"def _{head}:\n    pass\n", globals, None, None, None, None).made())


def _code_for(how: str, name: str, shape: Shape) -> CodeType:
    """Return the code of a forward with these names, and with lines that show them; equal ones share it."""
    key = (how, name, shape.head())
    code = _named.get(key)
    if code is not None:
        return code
    template, fields = forwarder(how, shape, TARGET)
    if hasattr(template, "co_qualname"):
        fields["co_qualname"] = name
    lines = registered(shown(how, name, shape), name, None)
    fields.update(holding(lines, template.co_names, template))
    return remembered(_named, key, template.replace(co_name=name, co_filename=lines.filename, **fields))
