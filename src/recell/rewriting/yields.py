"""Yields inside handlers: `close()` takes a short way past the generator's own handler alone."""

from __future__ import annotations

from types import CodeType
from typing import TYPE_CHECKING, Any

from recell.rewriting.library import library

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recell.rewriting.assembling import Parts

__all__ = ["GENERATORS", "with_deeper_yields"]

GENERATORS = 0x20 | 0x80 | 0x200
"""The flags of generators, coroutines and asynchronous generators."""
_NAMES = ("YIELD_VALUE", "RESUME")

_deeper: dict[tuple[str, int], int] | None = None


def _arguments() -> dict[tuple[str, int], int]:
    """Return, for a yield in no handler but the generator's own, the argument that it has inside another.

    The compiler is asked: the argument is different in each release.
    """
    global _deeper  # noqa: PLW0603 - found out once
    if _deeper is None:
        _deeper = {}
        for prefix, statement in (("", "yield x"), ("", "yield from x"), ("async ", "await x")):
            text = f"{prefix}def f(x):\n %s\n"
            plain = text % statement
            inside = text % f"try:\n  {statement}\n finally:\n  g()"
            for one, other in zip(_read(plain), _read(inside)):
                if one != other and one[0] == other[0]:
                    _deeper[one] = other[1]
    return _deeper


def _read(text: str) -> Iterator[tuple[str, int]]:
    module = compile(text, "<text>", "exec", dont_inherit=True)
    code = next(constant for constant in module.co_consts if type(constant) is CodeType)
    found = [item for item in library().Bytecode.from_code(code) if getattr(item, "name", "") in _NAMES]
    started = False
    for item in found:
        started |= item.name == "YIELD_VALUE"
        if started:
            yield item.name, 0 if not isinstance(item.arg, int) else item.arg


def with_deeper_yields(listed: list[Any], parts: Parts) -> list[Any]:
    """Return the instructions with the yields in new regions marked as deeper: `close()` must not pass them by."""
    inside = {
        id(parts.instructions[index])
        for first, last, begin in parts.regions
        if type(begin.stack_depth) is not int
        for index in range(first, last)
        if parts.instructions[index].name in _NAMES
    }
    if not inside:
        return listed
    deeper = _arguments()
    result = []
    yielded = False
    for item in listed:
        name = getattr(item, "name", "")
        yielded |= name == "YIELD_VALUE"
        if id(item) in inside and yielded and type(item.arg) is int and (name, item.arg) in deeper:
            item = item.copy()
            item.arg = deeper[name, item.arg]
        result.append(item)
    return result
