"""Trampolines: code with the signature of a callable that passes every call on to it.

The callable is held in one cell, under a name that no source can have, so that nothing that leads back to the
target is held by a code object: those are invisible to the garbage collector.
"""

from __future__ import annotations

import ast
import functools
import inspect
import keyword
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from recell import compat
from recell.cells import FORWARDED
from recell.layers.exchange import Face, face_of, new_face
from recell.source.forwarders import AS_CONSTANTS, BODIES
from recell.source.signatures import shape_of_function

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ASYNC_GENERATOR",
    "BRIDGES",
    "COROUTINE",
    "DECORATED",
    "GENERATOR",
    "copied",
    "kind_of",
    "trampoline",
]

PLAIN, GENERATOR, COROUTINE, ASYNC_GENERATOR = "plain", "generator", "coroutine", "async generator"

_FLAGS = {
    inspect.CO_GENERATOR: GENERATOR,
    inspect.CO_COROUTINE: COROUTINE,
    inspect.CO_ASYNC_GENERATOR: ASYNC_GENERATOR,
}

_ANY_KIND = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR

# (kind of the target, kind of the replacement) -> how; what is missing is refused
BRIDGES = {
    (PLAIN, PLAIN): "return",
    (PLAIN, GENERATOR): "return",
    (PLAIN, COROUTINE): "return",
    (PLAIN, ASYNC_GENERATOR): "return",
    (GENERATOR, PLAIN): "yield from",
    (GENERATOR, GENERATOR): "yield from",
    (COROUTINE, PLAIN): "return later",
    (COROUTINE, GENERATOR): "return later",
    (COROUTINE, ASYNC_GENERATOR): "return later",
    (COROUTINE, COROUTINE): "await",
    (ASYNC_GENERATOR, GENERATOR): "iterate",
    (ASYNC_GENERATOR, ASYNC_GENERATOR): "iterate asynchronously",
}
# a decorator's plain wrapper hands back what the decorated coroutine function gave it
DECORATED = {
    **BRIDGES,
    (COROUTINE, PLAIN): "await what can be awaited",
    (ASYNC_GENERATOR, PLAIN): "iterate asynchronously",
}

_CONSTANTS: dict[str, object] = {
    "isawaitable": inspect.isawaitable,
    "StopAsyncIteration": StopAsyncIteration,
    "GeneratorExit": GeneratorExit,
    "BaseException": BaseException,
}


def kind_of(obj: Any) -> str:
    """Return what a call of the object gives: a value, a generator, a coroutine or an asynchronous generator."""
    if type(obj) is FunctionType:
        return _kind_of_code(obj.__code__)
    while functools.partial in type(obj).__mro__:
        obj = obj.func
    obj = getattr(obj, "__func__", obj) if inspect.ismethod(obj) else obj
    if type(obj) is FunctionType:
        return _kind_of_code(obj.__code__)
    if inspect.iscoroutinefunction(obj) or _is_async_mock(obj):
        return COROUTINE
    thing: object = obj
    if isinstance(thing, type) or inspect.isbuiltin(thing):
        return PLAIN
    call = inspect.getattr_static(type(thing), "__call__", None)
    return kind_of(call) if type(call) is FunctionType and call.__module__ != "unittest.mock" else PLAIN


def _kind_of_code(code: CodeType) -> str:
    if code.co_flags & _ANY_KIND:
        for flag, kind in _FLAGS.items():
            if code.co_flags & flag:
                return kind
    return PLAIN


def _is_async_mock(obj: Any) -> bool:
    import sys

    mock = sys.modules.get("unittest.mock")
    return mock is not None and isinstance(obj, mock.AsyncMock)


class Trampoline(NamedTuple):
    """The code that passes on, and what the function that runs it shows."""

    code: CodeType
    face: Face


class _Parameters(NamedTuple):
    positional_only: tuple[str, ...]
    positional: tuple[str, ...]
    star: str | None
    keyword_only: tuple[str, ...]
    stars: str | None

    def names(self) -> tuple[str, ...]:
        """Return them in the order of `co_varnames`."""
        names = (*self.positional_only, *self.positional, *self.keyword_only)
        return names + tuple(name for name in (self.star, self.stars) if name is not None)


def trampoline(target: FunctionType, replacement: Callable[..., Any], how: str) -> Trampoline:
    """Return code for `target` that passes every call on to `replacement`, which its one free variable holds."""
    face = _face(replacement)
    parameters, face = _parameters(replacement, face)
    text = _text(how, parameters)
    code = _compiled(text)
    names = parameters.names()
    locals_ = tuple(f".{name}" for name in code.co_varnames[len(names) :])
    where = replacement.__code__ if type(replacement) is FunctionType else target.__code__
    changes: dict[str, Any] = {
        "co_consts": tuple(
            _CONSTANTS.get(const, const) if type(const) is str else const for const in code.co_consts
        ),
        "co_varnames": names + locals_,
        "co_freevars": (FORWARDED,),
        "co_name": target.__name__,
        "co_filename": where.co_filename,
        "co_firstlineno": where.co_firstlineno,
    }
    if compat.require("a trampoline").qualname_in_code:
        changes["co_qualname"] = target.__qualname__
    return Trampoline(code.replace(**changes), face)


def _face(replacement: Callable[..., Any]) -> Face:
    """Return what the target shows; dicts are copies, so that the two do not change together."""
    if type(replacement) is not FunctionType:
        wraps = inspect.getattr_static(replacement, "__wrapped__", None) is not None
        attributes = {"__wrapped__": replacement} if wraps else {}
        doc = replacement.__doc__ if isinstance(getattr(replacement, "__doc__", None), str) else None
        return Face(None, None, {}, None, doc, attributes, ())
    return copied(face_of(replacement))


def copied(face: Face) -> Face:
    """Return the same face on dicts of its own."""
    defaults, kwdefaults, annotations, annotate, doc, attributes, parameters = face
    return new_face(
        (
            defaults,
            None if kwdefaults is None else {**kwdefaults},
            None if annotations is None else {**annotations},
            annotate,
            doc,
            {**attributes},
            parameters,
        )
    )


def _parameters(replacement: Callable[..., Any], face: Face) -> tuple[_Parameters, Face]:
    """Return the parameters that a call of the replacement really takes, and the face completed with defaults."""
    if type(replacement) is FunctionType:
        return _Parameters(*shape_of_function(replacement)[:5]), face
    try:
        signature = inspect.signature(replacement, follow_wrapped=False)
    except (ValueError, TypeError):
        return _ANYTHING, face
    annotations = {
        name: parameter.annotation
        for name, parameter in signature.parameters.items()
        if parameter.annotation is not parameter.empty
    }
    if signature.return_annotation is not signature.empty:
        annotations["return"] = signature.return_annotation
    face = face._replace(annotations=annotations)
    given = list(signature.parameters.values())
    if any(repr(parameter.default) == "<unrepresentable>" for parameter in given):
        return _ANYTHING, face._replace(attributes={**face.attributes, "__signature__": signature})
    by_kind: dict[Any, list[str]] = {}
    for parameter in given:
        by_kind.setdefault(parameter.kind, []).append(parameter.name)
    kinds = inspect.Parameter
    with_default = [parameter for parameter in given if parameter.default is not kinds.empty]
    defaults = tuple(
        parameter.default for parameter in with_default if parameter.kind is not kinds.KEYWORD_ONLY
    )
    kwdefaults = {
        parameter.name: parameter.default
        for parameter in with_default
        if parameter.kind is kinds.KEYWORD_ONLY
    }
    parameters = _Parameters(
        tuple(by_kind.get(kinds.POSITIONAL_ONLY, ())),
        tuple(by_kind.get(kinds.POSITIONAL_OR_KEYWORD, ())),
        next(iter(by_kind.get(kinds.VAR_POSITIONAL, ())), None),
        tuple(by_kind.get(kinds.KEYWORD_ONLY, ())),
        next(iter(by_kind.get(kinds.VAR_KEYWORD, ())), None),
    )
    return parameters, face._replace(defaults=defaults or None, kwdefaults=kwdefaults or None)


_ANYTHING = _Parameters((), (), "args", (), "kwargs")


def _text(how: str, parameters: _Parameters) -> str:
    """Return the source of the trampoline; parameters get their names afterwards, so that nothing can clash."""
    names = {name: f"p{index}" for index, name in enumerate(parameters.names())}
    head = [names[name] for name in parameters.positional_only]
    call = list(head)
    if head:
        head.append("/")
    for name in parameters.positional:
        head.append(names[name])
        call.append(names[name])
    if parameters.star is not None:
        head.append(f"*{names[parameters.star]}")
        call.append(f"*{names[parameters.star]}")
    elif parameters.keyword_only:
        head.append("*")
    for name in parameters.keyword_only:
        head.append(names[name])
        plain = name.isidentifier() and not keyword.iskeyword(name)
        call.append(f"{name}={names[name]}" if plain else f"**{{{name!r}: {names[name]}}}")
    if parameters.stars is not None:
        head.append(f"**{names[parameters.stars]}")
        call.append(f"**{names[parameters.stars]}")
    return BODIES[how].format(
        head=f"target({', '.join(head)})", call=f"replacement({', '.join(call)})", **AS_CONSTANTS
    )


@functools.lru_cache(maxsize=256)
def _compiled(text: str) -> CodeType:
    """Return the code of `target` in a text, all of it on one line, with `replacement` as its free variable."""
    tree = ast.parse("def outer(replacement):\n" + "\n".join(f" {line}" for line in text.splitlines()))
    for node in ast.walk(tree):
        if hasattr(node, "lineno"):
            node.lineno = node.end_lineno = 1  # type: ignore[attr-defined]
            node.col_offset = node.end_col_offset = 0  # type: ignore[attr-defined]
    outer = next(const for const in compile(tree, "<recell>", "exec").co_consts if type(const) is CodeType)
    return next(const for const in outer.co_consts if type(const) is CodeType)
