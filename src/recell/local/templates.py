"""The text of code that asks the context first, compiled by the running release for each shape of parameters.

A context shows a box: where its `on` is true, calls go to its `call`; where not, the function does what it does
anyway. The two are read one after the other, so `call` must be callable for ever once `on` was true.
"""

from __future__ import annotations

import ast
import functools
import keyword
from types import CodeType
from typing import NamedTuple, Tuple

from recell.code.instructions import opcodes
from recell.flags import ASYNC_GENERATOR, COROUTINE, GENERATOR, VARARGS, VARKEYWORDS
from recell.source.forwarders import AS_CONSTANTS, ITERATING

__all__ = ["BOX", "Shape", "dispatching", "guarding", "relaying", "shape_of"]

BOX = "zz"
"""The free variable by which a template gets the function that returns the box; behind those of the function."""


class Shape(NamedTuple):
    """The parameters of a function, as far as a call of another one with them needs them."""

    positional_only: int
    positional: int
    star: bool
    keyword_only: Tuple[str, ...]
    stars: bool

    def names(self) -> tuple[str, ...]:
        """Names for the parameters that clash with nothing, in the order of the code."""
        count = self.positional_only + self.positional + len(self.keyword_only) + self.star + self.stars
        return tuple([f"p{index}" for index in range(count)])


def shape_of(code: CodeType) -> Shape:
    """Return the shape of a code object's parameters."""
    count = code.co_argcount
    return Shape(
        code.co_posonlyargcount,
        count - code.co_posonlyargcount,
        bool(code.co_flags & VARARGS),
        code.co_varnames[count : count + code.co_kwonlyargcount],
        bool(code.co_flags & VARKEYWORDS),
    )


def _head_and_call(shape: Shape) -> tuple[str, str]:
    """Return the parameters as a `def` spells them, and the arguments that hand them on as they are bound."""
    names = list(shape.names())
    positional = shape.positional_only + shape.positional
    head = names[:positional]
    call = head[:]
    if shape.positional_only:
        head.insert(shape.positional_only, "/")
    rest = names[positional + len(shape.keyword_only) :]
    if shape.star:
        head.append(f"*{rest[0]}")
        call.append(f"*{rest[0]}")
    elif shape.keyword_only:
        head.append("*")
    for name, parameter in zip(shape.keyword_only, names[positional:]):
        head.append(parameter)
        plain = name.isidentifier() and not keyword.iskeyword(name)
        call.append(f"{name}={parameter}" if plain else f"**{{{name!r}: {parameter}}}")
    if shape.stars:
        head.append(f"**{rest[-1]}")
        call.append(f"**{rest[-1]}")
    return ", ".join(head), ", ".join(call)


@functools.lru_cache(maxsize=256)
def guarding(shape: Shape, asked: str) -> CodeType:
    """Return code that calls what the box has, where it is on; its last free variable's last load is where it ends.

    Args:
        shape: the parameters.
        asked: the attribute that says whether the box is on.
    """
    head, call = _head_and_call(shape)
    return _compiled(
        f"def target({head}):\n  if {BOX}().{asked}: return {BOX}().call({call})\n  return {BOX}", ()
    )


@functools.lru_cache(maxsize=256)
def dispatching(shape: Shape, kind: int, free: int, named: bool, asked: str) -> CodeType:
    """Return code for a generator or coroutine: it calls what the box has, or a function made of its own code.

    Args:
        shape: the parameters.
        kind: which of the kinds, as its flag.
        free: how many free variables the function has; they come first.
        named: True where the function made goes through the free variable `zzz`, which gives it its name.
        asked: the attribute that says whether the box is on.
    """
    head, call = _head_and_call(shape)
    variables = tuple([f"f{index:06}" for index in range(free)])
    own = f"(lambda: ({', '.join(variables)}{',' if free == 1 else ''}))"
    if named:
        own = f"{BOX}z({own})"
    lines = _passing_on(kind, head, (f"{BOX}().call({call})", f"{own}({call})"), asked)
    return _compiled(lines, variables)


@functools.lru_cache(maxsize=256)
def relaying(shape: Shape, kind: int) -> CodeType:
    """Return code that passes every call on to the function that the free variable's own call returns."""
    head, call = _head_and_call(shape)
    return _compiled(_passing_on(kind, head, (f"{BOX}()({call})",)), ())


# How a kind whose flag alone makes the generator passes on: the callee is `{call}`.
_BRIDGES = {
    GENERATOR: "return (yield from {call})",
    COROUTINE: "return await {call}",
    ASYNC_GENERATOR: "inside = {call}",
}
_CONSTANTS = {
    "StopAsyncIteration": StopAsyncIteration,
    "GeneratorExit": GeneratorExit,
    "BaseException": BaseException,
}


def _passing_on(kind: int, head: str, calls: tuple[str, ...], asked: str = "") -> str:
    """Return the text that passes on to the first call where the box is on, else to the second."""
    eager = opcodes().return_generator >= 0
    bridge = "return {call}" if eager or not kind else _BRIDGES[kind]
    word = "def" if eager or kind in (0, GENERATOR) else "async def"
    lines = [bridge.format(call=call) for call in calls]
    if len(lines) > 1:
        lines[0] = f"if {BOX}().{asked}: {lines[0]}"
        lines[1] = f"else: {lines[1]}"
    text = f"{word} target({head}):\n    " + "\n    ".join(lines) + "\n"
    return text + ITERATING.format(**AS_CONSTANTS) if kind == ASYNC_GENERATOR and not eager else text


def _compiled(text: str, variables: tuple[str, ...]) -> CodeType:
    """Return the code of `target` in a text, all of it on one line."""
    parameters = ", ".join((*variables, BOX, f"{BOX}z"))
    tree = ast.parse(f"def outer({parameters}):\n" + "\n".join(f" {line}" for line in text.splitlines()))
    for node in ast.walk(tree):
        if hasattr(node, "lineno"):
            node.lineno = node.end_lineno = 1  # type: ignore[attr-defined]
            node.col_offset = node.end_col_offset = 0  # type: ignore[attr-defined]
    outer = next(const for const in compile(tree, "<recell>", "exec").co_consts if type(const) is CodeType)
    code = next(const for const in outer.co_consts if type(const) is CodeType)
    consts = [_CONSTANTS.get(const, const) if type(const) is str else const for const in code.co_consts]
    return code.replace(co_consts=tuple(consts))
