"""Code that passes every call on to the callable in its one free variable: for `forward`, and for trampolines.

One template is compiled for each way of passing on and each form of signature, with parameters `_0`, `_1`, …; the
names of a real signature are put into a copy of it. So parameters may have any name, also one that is no identifier.
"""

from __future__ import annotations

from collections import OrderedDict
from types import CodeType
from typing import TYPE_CHECKING, Any, Dict, Tuple

from recell.source.signatures import Shape

if TYPE_CHECKING:
    from typing import TypeVar

    K = TypeVar("K")

__all__ = ["AS_CONSTANTS", "BODIES", "ITERATING", "forwarder", "remembered", "shown"]

ITERATING = """\
    step = inside.__anext__()
    while True:
        try:
            value = await step
        except {stop}:
            return
        try:
            sent = yield value
        except {closing}:
            await inside.aclose()
            raise
        except {anything} as error:
            step = inside.athrow(error)
        else:
            step = inside.asend(sent)
"""
"""The rest of an asynchronous generator that passes everything on to the one in `inside`."""

# how a function of each kind passes a call on; `{stop}`, `{closing}`, `{anything}` and `{awaitable}` are what the
# globals of the function might not have, or have replaced
BODIES = {
    "return": "def {head}:\n    return {call}\n",
    "yield from": "def {head}:\n    return (yield from {call})\n",
    "await": "async def {head}:\n    return await {call}\n",
    "return later": "async def {head}:\n    return {call}\n",
    "await what can be awaited": """\
async def {head}:
    can_await = {awaitable}
    value = {call}
    return (await value) if can_await(value) else value
""",
    "iterate": "async def {head}:\n    for value in {call}:\n        yield value\n",
    "iterate asynchronously": "async def {head}:\n    inside = {call}\n" + ITERATING,
}
_BY_NAME = {
    "stop": "StopAsyncIteration",
    "closing": "GeneratorExit",
    "anything": "BaseException",
    "awaitable": "isawaitable",
}
AS_CONSTANTS = {key: repr(name) for key, name in _BY_NAME.items()}

_Form = Tuple[str, bool, int, int, int, bool, bool]
_LIMIT = 256
_templates: OrderedDict[_Form, CodeType] = OrderedDict()


def shown(how: str, name: str, shape: Shape) -> str:
    """Return the text that passes on in this way, as a person reads it."""
    return BODIES[how].format(head=name + shape.head(), call=f"target{shape.arguments()}", **_BY_NAME)


def forwarder(how: str, shape: Shape, free: str, *, hidden: bool = False) -> tuple[CodeType, Dict[str, Any]]:
    """Return a template, and the fields to replace in it.

    Args:
        how: a key of the table above.
        shape: the signature; its names become the code's.
        free: the name of the free variable that holds the callable.
        hidden: the code is all on one line and needs no builtins by name; otherwise its lines are those of `shown`.
    """
    only, positional, variable, keyword_only, keywords = shape[:5]
    counts = (len(only), len(positional), len(keyword_only), variable is not None, keywords is not None)
    form = (how, hidden, *counts)
    template = _templates.get(form)
    if template is None:
        template = remembered(_templates, form, _compiled(*form))
    names = shape.names
    renamed = {f"_{index}": own for index, own in enumerate(names)}
    return template, {
        "co_varnames": (*names, *template.co_varnames[len(names) :]),
        "co_freevars": (free,),
        "co_consts": tuple([_renamed(const, renamed) for const in template.co_consts]),
    }


def remembered(cache: OrderedDict[K, CodeType], key: K, code: CodeType) -> CodeType:
    """Return the code, kept for the next time; of too many the oldest goes."""
    cache[key] = code
    if len(cache) > _LIMIT:
        try:  # noqa: SIM105 - contextlib is not loaded for this
            cache.popitem(last=False)
        except KeyError:  # pragma: no cover - another thread took the last
            pass
    return code


def _renamed(const: Any, renamed: Dict[str, str]) -> Any:
    """Return a constant with the names of keywords in a call exchanged."""
    if type(const) is str:
        return renamed.get(const, const)
    if type(const) is tuple:
        return tuple([_renamed(part, renamed) for part in const])
    return const


def _compiled(
    how: str, hidden: bool, only: int, positional: int, keyword_only: int, variable: bool, keywords: bool
) -> CodeType:
    """Compile the template of a form; all names but the parameters' are such that no text can spell them."""
    count = only + positional + keyword_only + variable + keywords
    parts = [f"_{index}" for index in range(count)]
    before = only + positional
    shape = Shape(
        tuple(parts[:only]),
        tuple(parts[only:before]),
        parts[before + keyword_only] if variable else None,
        tuple(parts[before : before + keyword_only]),
        parts[-1] if keywords else None,
        None,
        None,
        None,
        None,
    )
    words = AS_CONSTANTS if hidden else _BY_NAME
    text = BODIES[how].format(head="template" + shape.head(), call=f"target{shape.arguments()}", **words)
    text = "def outer(target):\n " + text.replace("\n", "\n ")
    module = compile(_on_one_line(text) if hidden else text, "<template>", "exec", 0, True)
    outer = next(const for const in module.co_consts if type(const) is CodeType)
    code = next(const for const in outer.co_consts if type(const) is CodeType)
    code = code.replace(
        co_firstlineno=1,
        co_varnames=(*parts, *("." + name for name in code.co_varnames[count:])),
        co_consts=tuple([_value_of(const) for const in code.co_consts]) if hidden else code.co_consts,
    )
    return code if hidden else _without_columns(code)


def _on_one_line(text: str) -> Any:
    import ast

    tree = ast.parse(text)
    for node in ast.walk(tree):
        if hasattr(node, "lineno"):
            node.lineno = node.end_lineno = 1  # type: ignore[attr-defined]
            node.col_offset = node.end_col_offset = 0  # type: ignore[attr-defined]
    return tree


def _value_of(const: Any) -> Any:
    """Return the object that a constant stands for: an exception, or a function of `inspect`."""
    if type(const) is not str or const not in _BY_NAME.values():
        return const
    import builtins
    import inspect

    return getattr(builtins if hasattr(builtins, const) else inspect, const)


def _without_columns(code: CodeType) -> CodeType:
    """Return the code with lines only: a template's columns are not those of the text with real names (3.11+)."""
    if not hasattr(code, "co_positions"):
        return code
    table = bytearray()
    line = code.co_firstlineno
    for start, end, own in code.co_lines():
        units = (end - start) // 2
        while units:
            step = min(units, 8)
            units -= step
            if own is None:
                table.append(0x80 | 15 << 3 | step - 1)
                continue
            table.append(0x80 | 13 << 3 | step - 1)  # a line, no columns (Objects/locations.md)
            delta, line = own - line, own
            table.append(delta << 1 if delta >= 0 else -delta << 1 | 1)  # a signed varint below 32
    return code.replace(co_linetable=bytes(table))
