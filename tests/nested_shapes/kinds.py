"""Shapes of the nested function itself: what it closes over, its kind, what decorates and holds it."""

from __future__ import annotations

from nested_shapes.registry import shape

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
