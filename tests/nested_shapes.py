"""Outer functions of many shapes: name -> (source that defines `outer`, path of a function in it, expression to run)."""

from __future__ import annotations

SHAPES: dict[str, tuple[str, str, str]] = {}


def shape(name: str, path: str, run: str, source: str) -> None:
    assert name not in SHAPES
    SHAPES[name] = (source, path, run)


shape("plain", "f", "outer(3)", "def outer(a):\n    def f(x):\n        return x + 1\n    return f(a)\n")
shape(
    "free variable", "f", "outer(3)", "def outer(a):\n    def f(x):\n        return x + a\n    return f(a)\n"
)
shape(
    "nonlocal",
    "f",
    "outer(3)",
    """
def outer(n):
    total = 0
    def f(x):
        nonlocal total
        total += x
        return total
    return [f(i) for i in range(n)], total
""",
)
shape(
    "nonlocal chain of three",
    "a.b.c",
    "outer(3)",
    """
def outer(n):
    count = 0
    def a():
        nonlocal count
        count += 1
        def b():
            nonlocal count
            count += 10
            def c():
                nonlocal count
                count += 100
                return count
            return c()
        return b()
    return [a() for _ in range(n)], count
""",
)
shape(
    "constant defaults",
    "f",
    "outer(3)",
    "def outer(a):\n    def f(x, y=2, *, z=(1, 2), w='s'):\n        return x, y, z, w, a\n    return f(a), f(1, 5, z=0)\n",
)
shape(
    "defaults with side effects",
    "f",
    "outer([])",
    """
def outer(log):
    def note(value):
        log.append(value)
        return value
    def f(x=note(1), *, y=note(2)):
        return x, y, log
    return f(5, y=6), list(log)
""",
)
shape(
    "annotations",
    "f",
    "outer(3)",
    "def outer(a):\n    def f(x: int, y: 'str' = '', *z: list) -> a:\n        return x, a\n    return f(a)\n",
)
shape(
    "everything at once",
    "f",
    "outer(3)",
    "def outer(a):\n    b = a\n    def f(x: a, y=b, *z, k: int = b, **r) -> a:\n        return x, y, z, k, r, a, b\n    return f(1, 2, 3, q=4)\n",
)
shape(
    "recursion",
    "f",
    "outer(6)",
    "def outer(n):\n    def f(k):\n        return 1 if k < 2 else k * f(k - 1)\n    return f(n)\n",
)
shape(
    "mutual recursion",
    "even",
    "outer(7)",
    """
def outer(n):
    def even(k):
        return k == 0 or odd(k - 1)
    def odd(k):
        return k != 0 and even(k - 1)
    return even(n), odd(n)
""",
)
shape(
    "loop making closures",
    "f",
    "outer(4)",
    """
def outer(n):
    made = []
    for i in range(n):
        def f(x, i=i):
            return x * i + n
        made.append(f)
    return [f(2) for f in made]
""",
)
shape(
    "loop over a shared cell",
    "f",
    "outer(4)",
    "def outer(n):\n    made = []\n    for i in range(n):\n        def f():\n            return i\n        made.append(f)\n    return [f() for f in made]\n",
)
shape("lambda", "<lambda>", "outer(3)", "def outer(a):\n    return (lambda x: x * a)(2)\n")
shape(
    "lambda as an argument",
    "<lambda>",
    "outer([3, 1, 2])",
    "def outer(a):\n    return sorted(a, key=lambda x: -x)\n",
)
shape(
    "lambda in a comprehension",
    "<lambda>",
    "outer(3)",
    "def outer(a):\n    return [(lambda: a + i)() for i in range(3)]\n",
)
shape(
    "lambda as a default",
    "<lambda>",
    "outer(3)",
    "def outer(a):\n    def f(x, g=lambda v: v * a):\n        return g(x)\n    return f(4)\n",
)
shape(
    "generator",
    "f",
    "outer(3)",
    "def outer(a):\n    def f(n):\n        for i in range(n):\n            yield i * a\n    return list(f(4))\n",
)
shape(
    "generator with send",
    "f",
    "outer(3)",
    """
def outer(a):
    def f():
        got = None
        while got != a:
            got = yield got
        return "end"
    g = f()
    seen = [next(g), g.send(1)]
    try:
        g.send(a)
    except StopIteration as stop:
        seen.append(stop.value)
    return seen
""",
)
shape(
    "outer is a generator",
    "f",
    "list(outer(3))",
    "def outer(a):\n    def f(x):\n        return x + a\n    for i in range(3):\n        yield f(i)\n",
)
shape(
    "yield from",
    "f",
    "list(outer(3))",
    "def outer(a):\n    def f(n):\n        yield from range(n)\n        yield a\n    yield from f(a)\n",
)
shape(
    "coroutine",
    "f",
    "outer(3)",
    """
import asyncio
def outer(a):
    async def f(x):
        await asyncio.sleep(0)
        return x + a
    async def main():
        return await f(1), await asyncio.gather(f(2), f(3))
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(main())
    finally:
        loop.close()
""",
)
shape(
    "asynchronous generator",
    "f",
    "outer(3)",
    """
import asyncio
def outer(a):
    async def f(n):
        for i in range(n):
            yield i * a
    async def main():
        return [x async for x in f(3)]
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(main())
    finally:
        loop.close()
""",
)
shape(
    "outer is a coroutine",
    "f",
    "drive(outer(3))",
    """
def drive(coroutine):
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
async def outer(a):
    def f(x):
        return x + a
    return f(1)
""",
)
shape(
    "decorated",
    "f",
    "outer(3)",
    """
def twice(g):
    return lambda *args: (g(*args), g(*args))
def outer(a):
    @twice
    def f(x):
        return x + a
    return f(1)
""",
)
shape(
    "two decorators with arguments",
    "f",
    "outer(3)",
    """
def tag(name):
    return lambda g: lambda *args: (name, g(*args))
def outer(a):
    @tag("one")
    @tag(a)
    def f(x, y=a):
        return x + y
    return f(1)
""",
)
shape(
    "decorator that is nested itself",
    "deco",
    "outer(3)",
    """
def outer(a):
    def deco(g):
        return lambda x: ("deco", a, g(x))
    @deco
    def f(x):
        return x
    return f(1)
""",
)
shape(
    "wraps",
    "deco.wrapper",
    "outer(3)",
    """
import functools
def outer(a):
    def deco(g):
        @functools.wraps(g)
        def wrapper(*args, **kwargs):
            return a, g(*args, **kwargs)
        return wrapper
    @deco
    def f(x, y=1):
        "doc"
        return x + y
    return f(1, y=4), f.__doc__
""",
)
shape(
    "method of a nested class",
    "C.m",
    "outer(3)",
    "def outer(a):\n    class C:\n        def m(self, x):\n            return x + a\n    return C().m(1)\n",
)
shape(
    "method with super",
    "D.m",
    "outer(3)",
    """
def outer(a):
    class B:
        def m(self):
            return "B", a
    class D(B):
        def m(self):
            return "D", super().m(), __class__ is D
    return D().m()
""",
)
shape(
    "property, staticmethod and classmethod",
    "C.s",
    "outer(3)",
    """
def outer(a):
    class C:
        @staticmethod
        def s(x):
            return x + a
        @classmethod
        def c(cls, x):
            return cls.s(x)
        @property
        def p(self):
            return self.s(5)
    return C.s(1), C.c(2), C().p
""",
)
shape(
    "closure in a method",
    "m.f",
    "C(4).m(1)",
    "class C:\n    def __init__(self, v):\n        self.v = v\n    def m(self, x):\n        def f():\n            return self.v + x\n        return f()\nouter = C\n",
)
shape("genexpr", "<genexpr>", "outer(3)", "def outer(a):\n    return sum(i * a for i in range(4))\n")
shape(
    "in a try block",
    "f",
    "outer(3)",
    """
def outer(a):
    try:
        def f(x):
            if x > a:
                raise ValueError(x)
            return x
        return f(1), f(9)
    except ValueError as error:
        return "caught", error.args
    finally:
        a = 0
""",
)
shape(
    "in a finally block",
    "f",
    "outer(3), outer(0)",
    """
def outer(a):
    got = []
    try:
        if a:
            return got
        got.append("body")
    finally:
        def f(x):
            return x, a
        got.append(f(1))
    return got
""",
)
shape(
    "in an except block",
    "f",
    "outer(0), outer(2)",
    """
def outer(a):
    try:
        return 1 / a
    except ZeroDivisionError as error:
        def f():
            return a, "zero"
        return f()
""",
)
shape(
    "in a with block",
    "f",
    "outer(3)",
    """
import contextlib
def outer(a):
    with contextlib.ExitStack() as stack:
        def f():
            got.append(a)
        got = []
        stack.callback(f)
    return got
""",
)
shape(
    "in a branch",
    "f",
    "outer(3), outer(0)",
    "def outer(a):\n    if a:\n        def f():\n            return 'yes', a\n    else:\n        f = None\n    return f and f()\n",
)
shape(
    "in a while loop with break",
    "f",
    "outer(5)",
    """
def outer(a):
    seen = []
    while True:
        def f(x):
            seen.append(x)
            return len(seen) >= a
        if f(a):
            break
    return seen
""",
)
shape(
    "conditional default",
    "f",
    "outer(0), outer(2)",
    "def outer(a):\n    def f(x=1 if a else 2, *, y=a or 7):\n        return x, y, a\n    return f()\n",
)
shape(
    "starred arguments",
    "f",
    "outer(3)",
    "def outer(a):\n    def f(*args, **kwargs):\n        return args, kwargs, a\n    return f(1, 2, k=3)\n",
)
shape(
    "positional-only",
    "f",
    "outer(3)",
    "def outer(a):\n    def f(x, /, y, *, z=1):\n        return x, y, z, a\n    return f(1, y=2)\n",
)
shape(
    "unused variables of the outer function",
    "f",
    "outer(3)",
    "def outer(a):\n    b = c = d = 1\n    def g():\n        return a, b, c, d\n    def f():\n        return d, a\n    return f(), g()\n",
)
shape(
    "many free variables",
    "f",
    "outer()",
    "def outer():\n    "
    + "\n    ".join(f"v{i} = {i}" for i in range(40))
    + "\n    def f():\n        return "
    + " + ".join(f"v{i}" for i in range(0, 40, 3))
    + "\n    def g():\n        return "
    + ", ".join(f"v{i}" for i in range(40))
    + "\n    return f(), g()\n",
)
shape(
    "more than 255 constants",
    "f",
    "outer(1)",
    "def outer(a):\n    b = ["
    + ", ".join(f"'c{i}', a" for i in range(300))
    + "]\n    def f(x):\n        return x, a, len(b)\n    return f(b[0])\n",
)
shape(
    "an outer function with far jumps",
    "f",
    "outer(2)",
    "def outer(a):\n    got = []\n    for i in range(a):\n        def f(x):\n            return x + a\n"
    + "".join(f"        got.append(f(i + {i}))\n" for i in range(120))
    + "    return sum(got)\n",
)
shape(
    "two of one name",
    "f",
    "outer(3)",
    "def outer(a):\n    def f():\n        return 'first', a\n    one = f()\n    class K:\n        def f(self):\n            return 'method'\n    return one, K().f()\n",
)
shape(
    "walrus and comprehension in the outer function",
    "f",
    "outer(3)",
    "def outer(a):\n    def f(x):\n        return x + a\n    return [y for x in range(5) if (y := f(x)) > 4], {k: f(k) for k in (1, 2)}\n",
)
shape(
    "closure returned",
    "f",
    "[g(1) for g in (outer(1), outer(2))]",
    "def outer(a):\n    def f(x):\n        return x + a\n    return f\n",
)
shape(
    "docstrings and attributes",
    "f",
    "outer(3)",
    "def outer(a):\n    'outer'\n    def f():\n        'inner'\n        return f.tag, f.__doc__, a\n    f.tag = 5\n    return f()\n",
)
shape(
    "del of the name",
    "f",
    "outer(3)",
    "def outer(a):\n    def f():\n        return a\n    g = f\n    del f\n    return g()\n",
)
