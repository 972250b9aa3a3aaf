"""Functions of every shape that a compiler treats in its own way, as texts, with the arguments that they are called with."""

from __future__ import annotations

import asyncio
import linecache
import sys
import types
from typing import Any, AsyncIterator, Iterator

__all__ = ["TEXTS", "made", "nested", "outcome"]


class Held:
    """A context manager that lets errors through, or not."""

    def __init__(self, swallows: bool = False) -> None:
        self.swallows = swallows

    def __enter__(self) -> str:
        return "held"

    def __exit__(self, *error: object) -> bool:
        return self.swallows


class AsyncHeld:
    async def __aenter__(self) -> int:
        return 1

    async def __aexit__(self, *error: object) -> None: ...


async def ticks(n: int) -> AsyncIterator[int]:
    for i in range(n):
        await asyncio.sleep(0)
        yield i


MANY = {f"g{number}": number for number in range(70)}

TEXTS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "generator": (
        "def f(n):\n  try:\n    for i in range(n):\n      x = yield i\n      y = x\n    yield from [7, 8]\n"
        "  finally:\n    z = 1\n  return 5\n",
        (3,),
    ),
    "generator expression": (
        "def f(n):\n  k = 3\n  a = list(\n    i * k\n    for i in range(n)\n    if i\n  )\n  return a\n",
        (3,),
    ),
    "comprehension": (
        "def f(n):\n  x = 5\n  a = [x\n     for x in range(n)\n     if x > 0]\n  return a, x\n",
        (3,),
    ),
    "lambdas in a comprehension": (
        "def f(n):\n  a = [lambda: x\n     for x in range(n)]\n  return [g() for g in a]\n",
        (3,),
    ),
    "with": (
        "def f(n):\n  with Held() as c, Held() as d:\n    r = n + 1\n    if n:\n      return r\n  return c\n",
        (3,),
    ),
    "with, to its end": (
        "def f(n):\n  with Held() as c:\n    r = n + 1\n    if n:\n      return r\n  return c\n",
        (0,),
    ),
    "with an error": ("def f(n):\n  with Held(True):\n    1 // n\n  return 4\n", (0,)),
    "try": (
        "def f(n):\n  for i in range(3):\n    try:\n      n // i\n    except ZeroDivisionError as e:\n      n += 1\n"
        "      continue\n    else:\n      n += 10\n    finally:\n      n += 100\n  return n\n",
        (3,),
    ),
    "leaving a body": (
        "def f(n):\n  for i in range(3):\n    try:\n      n += 1\n      if i == 1:\n        continue\n      if i == 2:\n"
        "        break\n    except Exception:\n      n += 100\n  return n\n",
        (3,),
    ),
    "leaving behind a body": (
        "def f(n):\n  while n:\n    try:\n      n -= 1\n    except Exception:\n      return 6\n    continue\n"
        "  try:\n    n += 1\n    return 5\n  except Exception:\n    return 6\n  finally:\n    n = 1\n",
        (2,),
    ),
    "leaving handlers": (
        "def f(n):\n  for i in range(4):\n    try:\n      try:\n        [1][i]\n      except IndexError as e:\n"
        "        if i == 1:\n          continue\n        if i == 3:\n          break\n        try:\n          n += 1\n"
        "        except KeyError:\n          pass\n        continue\n    finally:\n      n += 100\n  return n\n",
        (3,),
    ),
    "returning from a handler": (
        "def f(n):\n  try:\n    1 // n\n  except ZeroDivisionError as e:\n    return 5\n  finally:\n    n = 1\n",
        (0,),
    ),
    "nothing done in a handler": (
        "def f(n):\n  with Held():\n    try:\n      1 // n\n    except ZeroDivisionError:\n      pass\n  return n\n",
        (0,),
    ),
    "try in a handler": (
        "def f(n):\n  try:\n    1 // n\n  except ZeroDivisionError:\n    try:\n      [][n]\n    except IndexError:\n"
        "      n = 7\n    finally:\n      n += 1\n  return n\n",
        (0,),
    ),
    "try in try in with": (
        "def f(n):\n  with Held():\n    try:\n      try:\n        return 1 // n\n      finally:\n        n = 9\n"
        "    except ZeroDivisionError:\n      return n\n",
        (0,),
    ),
    "one try after another": (
        "def f(n):\n  try:\n    try:\n      n += 1\n    except KeyError:\n      n = 0\n    try:\n      1 // 0\n"
        "    except KeyError:\n      n = 1\n  except ZeroDivisionError:\n    n += 10\n  return n\n",
        (3,),
    ),
    "while": (
        "def f(n):\n  while n > 0 and n < 10:\n    n -= 1\n    if n == 1:\n      break\n  else:\n    return 'e'\n"
        "  return n\n",
        (3,),
    ),
    "while at the start": ("def f(n):\n  while True:\n    n -= 1\n    if n < 0:\n      return n\n", (3,)),
    "try in a loop at the start": (
        "def f(n):\n  while True:\n    try:\n      if n:\n        continue\n      return 1\n    finally:\n      n -= 1\n",
        (3,),
    ),
    "nested": (
        "def f(n):\n  def g(a, b=n):\n    nonlocal n\n    n += a\n    return b\n  class K:\n    z = n\n"
        "    def m(self):\n      return super().__init__() or __class__.z + n\n  return g(2), n, K().m()\n",
        (3,),
    ),
    "many lines": (
        "def f(n):\n"
        + "".join(f"  v{i} = n + {i}\n" for i in range(260))
        + "  if n:\n    s = v259\n  return s\n",
        (3,),
    ),
    "a long loop": (
        "def f(n):\n  t = 0\n  for i in range(n):\n"
        + "".join(f"    t += g{i}\n" for i in range(70))
        + "  return t\n",
        (3,),
    ),
    "del": ("def f(n):\n  x = 1\n  del x\n  try:\n    x\n  except NameError:\n    return 'unbound'\n", (3,)),
    "assert": ("def f(n):\n  assert n, (\n    'x')\n  return (yield n)\n", (3,)),
    "coroutine": (
        "async def f(n):\n  await asyncio.sleep(0)\n  async with AsyncHeld() as c:\n"
        "    x = [i async for i in ticks(n)]\n  return x\n",
        (3,),
    ),
    "async for": (
        "async def f(n):\n  x = []\n  async for j in ticks(n):\n    if j == 1:\n      continue\n    x.append(j)\n"
        "  else:\n    x.append(n)\n  return x\n",
        (3,),
    ),
    "async generator": (
        "async def f(n):\n  try:\n    for i in range(n):\n      await asyncio.sleep(0)\n      yield i\n"
        "  finally:\n    await asyncio.sleep(0)\n",
        (3,),
    ),
    "all kinds of parameters": ("def f(*a, k=1, **kw):\n  b = a\n  return b, k, kw\n", (3,)),
    "a parameter in a cell": ("def f(n):\n  g = lambda: n\n  n += 1\n  del g\n  return n\n", (3,)),
    "comparisons over lines": ("def f(n):\n  return (0 < n\n    < 5\n    < 9)\n", (3,)),
    "choice over lines": ("def f(n):\n  return (1\n   if n\n   else 2)\n", (3,)),
    "tests over lines": (
        "def f(n):\n  while (n and\n      (n > 3 or\n      n < 2) or\n      n == 2):\n    n -= 1\n  return (n > 1\n"
        "    or n)\n",
        (6,),
    ),
    "call over lines": (
        "def f(n):\n  x = max(\n    n,\n    min(n, 2),\n    *(\n      5, n))\n  return x\n",
        (3,),
    ),
    "unpacking": (
        "def f(n):\n  a, *b = [1,\n    *range(n),\n    2]\n  x = {**{},\n    'k': n}\n  return a, b, x\n",
        (3,),
    ),
    "statements on one line": ("def f(n):\n  a = 1; b = 2; c = a + b\n  return c; \n", (3,)),
    "docstring alone": ("def f(n):\n  'doc'\n  pass\n", (3,)),
    "one line": ("def f(n): return n\n", (3,)),
    "raise": (
        "def f(n):\n  try:\n    raise KeyError(n) from None\n  except (KeyError, ValueError) as e:\n"
        "    r = e.args\n  return r\n",
        (3,),
    ),
    "import": ("def f(n):\n  import os.path as p\n  from os import sep\n  return p.basename(sep)\n", (3,)),
    "lambda": ("f = lambda n: (\n  n + 1,\n  n - 1)\n", (3,)),
}
if sys.version_info >= (3, 10):
    MATCH = (
        "def f(n):\n  match n:\n    case 0 | 1:\n      return 'a'\n    case int() if n > 100:\n      return 'b'\n"
        "    case [x, *y]:\n      return x\n    case {'k': v, **rest}:\n      return v, rest\n    case _:\n"
        "      return 'z'\n"
    )
    for subject in (1, 3, 300, [1, 2], {"k": 1, "l": 2}):
        TEXTS[f"match {subject}"] = MATCH, (subject,)
if sys.version_info >= (3, 11):
    TEXTS["except*"] = (
        "def f(n):\n  try:\n    raise ExceptionGroup('g', [KeyError(1), ValueError(2)])\n  except* KeyError as e:\n"
        "    n += 1\n  except* ValueError:\n    n += 10\n  return n\n",
        (3,),
    )
if sys.version_info >= (3, 12):
    TEXTS["type parameters"] = (
        "def f[T](n: T) -> T:\n  type A = list[T]\n  def g[U](u: U): return u, A.__value__\n  return g(n)[0]\n",
        (3,),
    )
    TEXTS["comprehension in a class"] = (
        "def f(n):\n  class K:\n    a = [i\n       for i in range(n)]\n  return K.a\n",
        (3,),
    )


def made(text: str, **names: Any) -> Any:
    """Return the function `f` of a text, whose lines are at hand as those of a file."""
    filename = f"<probed {len(linecache.cache)}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(True), filename)
    space = {"asyncio": asyncio, "Held": Held, "AsyncHeld": AsyncHeld, "ticks": ticks, **MANY, **names}
    exec(compile(text, filename, "exec"), space)
    return space["f"]


def nested(code: types.CodeType) -> Iterator[types.CodeType]:
    """Yield a code object and those in it."""
    yield code
    for constant in code.co_consts:
        if type(constant) is types.CodeType:
            yield from nested(constant)


def outcome(func: Any, arguments: tuple[Any, ...]) -> Any:
    """Return what a function of any kind returns or yields in the end, or its error; nothing is left being handled."""
    try:
        result = func(*arguments)
        if hasattr(result, "__anext__"):

            async def consume() -> list[Any]:
                return [value async for value in result]

            result = asyncio.run(consume())
        elif hasattr(result, "cr_frame"):
            result = asyncio.run(result)
        elif hasattr(result, "gi_frame"):
            result = list(result)
    except Exception as error:  # noqa: BLE001 - which one it is is compared
        result = type(error).__name__, str(error)
    assert sys.exc_info() == (None, None, None)
    return result
