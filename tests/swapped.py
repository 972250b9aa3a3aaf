"""Functions of every kind with given free variables, to be swapped for each other."""

from __future__ import annotations

import asyncio
import inspect

KINDS = ["plain", "generator", "coroutine", "async generator"]


def result_of(func, *args, **kwargs):
    """What calling a function of any kind comes to."""
    value = func(*args, **kwargs)
    if inspect.iscoroutine(value):
        return asyncio.run(_awaited(value))
    if inspect.isasyncgen(value):
        return asyncio.run(_collected(value))
    return list(value) if inspect.isgenerator(value) else value


async def _awaited(value):
    return await value


async def _collected(values):
    return [value async for value in values]


def factory(kind, names, tag, in_class=False, shape="def"):
    """A function of a kind with exactly these free variables, each holding (tag, name)."""
    value = f"({tag!r}, {', '.join(names)}{',' if names else ''} x" + (
        ", __class__.__name__)" if in_class else ")"
    )
    body = {
        "plain": f"return {value}",
        "generator": f"yield {value}",
        "coroutine": f"return {value}",
        "async generator": f"yield {value}",
    }[kind]
    keyword = "async def" if kind in ("coroutine", "async generator") else "def"
    if shape == "lambda":
        inner = [f"func = lambda x={tag!r}: {value if kind == 'plain' else '(yield ' + value + ')'}"]
    elif in_class:
        inner = [f"class C{tag}:", f" {keyword} func(self, x={tag!r}):", f"  {body}", f"func = C{tag}.func"]
    else:
        inner = [f"{keyword} func(x={tag!r}):", f" {body}"]
    text = "\n".join([f"def outer({', '.join(names)}):", *(f" {line}" for line in inner), " return func"])
    space = globals()
    local = {}
    exec(text, space, local)
    return local["outer"](*[(tag, name) for name in names])
