"""The table of edits: what a module's text was, what lives, what the text becomes, and what must hold then.

Each edit is played by `test_reload_edits.py`, and through other reloaders by the benchmark of `reload`.
`then` holds before the edit and again after it was undone, `now` after it; `live` binds what lives meanwhile.
"""

from __future__ import annotations

import textwrap
from typing import Any, Dict, List, NamedTuple


class Edit(NamedTuple):
    """One edit of a module."""

    title: str
    before: str
    live: str
    after: str
    then: Dict[str, Any]
    now: Dict[str, Any]
    report: Dict[str, Any]


EDITS: List[Edit] = []


def edit(
    title: str,
    before: str,
    after: str,
    live: str = "",
    then: Dict[str, Any] = {},
    now: Dict[str, Any] = {},
    **report: Any,
) -> None:
    before, live, after = (textwrap.dedent(text).strip("\n") + "\n" for text in (before, live, after))
    EDITS.append(Edit(title, before, live, after, then, now, report))


# -- functions ----------------------------------------------------------------------------------

edit(
    "function body",
    "def f(a): return a",
    "def f(a): return a + 1",
    "f = m.f; box = {'f': [m.f]}",
    {"f(1)": 1},
    {"f(1)": 2, "box['f'][0](1)": 2, "m.f is f": True},
    changed=("f",),
)
edit(
    "nothing",
    "def f(a): return a",
    "def f(a): return a",
    "f = m.f; code = f.__code__",
    {"f(1)": 1},
    {"f(1)": 1, "f.__code__ is code": True},
    changed=(),
    moved=(),
)
edit(
    "lines inserted above",
    "def f(a):\n    return a",
    "# one\n# two\ndef f(a):\n    return a",
    "f = m.f",
    {"f.__code__.co_firstlineno": 1, "f(1)": 1},
    {"f.__code__.co_firstlineno": 3, "f(1)": 1, "line_of(f)": 4},
    changed=(),
    moved=("f",),
)
edit(
    "a blank line inside",
    "def f(a):\n    b = a\n    return b / 0",
    "def f(a):\n    b = a\n\n    return b / 0",
    "f = m.f",
    {"line_of(f)": 3},
    {"line_of(f)": 4},
    changed=(),
)
edit(
    "signature",
    "def f(a, b): return a, b",
    "def f(b, *rest, c, **more): return b, rest, c, more",
    "f = m.f",
    {"f(1, b=2)": (1, 2)},
    {"f(1, 2, c=3, d=4)": (1, (2,), 3, {"d": 4}), "str(signature(f))": "(b, *rest, c, **more)"},
    changed=("f",),
)
edit(
    "default value",
    "def f(a=1): return a",
    "def f(a=2): return a",
    "f = m.f; defaults = f.__defaults__",
    {"f()": 1, "f.__defaults__ is defaults": True},
    {"f()": 2},
    changed=("f",),
)
edit(
    "default added and removed",
    "def f(a, b=1): return a, b",
    "def f(a=5, b=6, c=7): return a, b, c",
    "f = m.f",
    {"f(0)": (0, 1)},
    {"f()": (5, 6, 7)},
)
edit(
    "all defaults removed",
    "def f(a=1, *, k=2): return a, k",
    "def f(a, *, k): return a, k",
    "f = m.f",
    {"f()": (1, 2)},
    {"f.__defaults__": None, "f.__kwdefaults__": None, "f(3, k=4)": (3, 4)},
)
edit(
    "keyword-only default",
    "def f(*, k=1): return k",
    "def f(*, k=2, j=3): return k, j",
    "f = m.f",
    {"f()": 1},
    {"f()": (2, 3)},
)
edit(
    "a mutable default keeps its state",
    "def f(x, seen=[]):\n    seen.append(x)\n    return list(seen)",
    "def f(x, seen=[]):\n    seen.append(-x)\n    return list(seen)",
    "f = m.f; f(1)",
    {},
    {"f(2)": [1, -2]},
)
edit(
    "annotations",
    "def f(a: int) -> str: return a",
    "def f(a: 'float', b: int = 0) -> list: return a",
    "f = m.f",
    {"f.__annotations__": {"a": int, "return": str}},
    {"f.__annotations__": {"a": "float", "b": int, "return": list}},
)
edit(
    "documentation",
    "def f():\n    'old'",
    "def f():\n    'new'",
    "f = m.f",
    {"f.__doc__": "old"},
    {"f.__doc__": "new"},
)
edit(
    "attributes of a function",
    "def f(): pass\nf.tag = 1",
    "def f(): pass\nf.tag = 1\nf.more = 2",
    "f = m.f; f.calls = 7",
    {"f.tag": 1, "f.calls": 7, "hasattr(f, 'more')": False},
    {"f.tag": 1, "f.calls": 7, "f.more": 2},
)
edit(
    "function added",
    "def f(): return 1",
    "def f(): return g()\ndef g(): return 2",
    "f = m.f",
    {"f()": 1, "hasattr(m, 'g')": False},
    {"f()": 2, "m.g.__globals__ is vars(m)": True, "m.g.__module__": "edited"},
    added=("g",),
)
edit(
    "function deleted",
    "def f(): return 1\ndef g(): return 2",
    "def f(): return 1",
    "g = m.g",
    {"m.g is g": True},
    {"hasattr(m, 'g')": False, "g()": 2},
    removed=("g",),
)
edit(
    "function renamed",
    "def f(): return 1",
    "def g(): return 1",
    "f = m.f",
    {"m.f is f": True, "hasattr(m, 'g')": False},
    {"m.g()": 1, "m.g.__name__": "g", "hasattr(m, 'f')": False, "f()": 1},
    added=("g",),
    removed=("f",),
)
edit(
    "an alias becomes a function of its own",
    "def foo(): return 'foo'\nbar = foo",
    "def foo(): return 'foo'\ndef bar(): return 'bar'",
    "foo, bar = m.foo, m.bar",
    {"m.bar is foo": True},
    {"foo()": "foo", "bar()": "foo", "m.bar()": "bar", "m.foo is foo": True},
    changed=("bar",),
)
edit(
    "a function becomes an alias",
    "def foo(): return 'foo'\ndef bar(): return 'bar'",
    "def foo(): return 'foo'\nbar = foo",
    "foo, bar = m.foo, m.bar",
    {"m.bar is bar": True},
    {"m.bar is foo": True, "bar()": "bar"},
)
edit(
    "an alias of a changed function",
    "def foo(): return 1\nbar = foo",
    "def foo(): return 2\nbar = foo",
    "foo = m.foo",
    {"m.bar()": 1},
    {"m.bar()": 2, "m.bar is m.foo is foo": True},
)
edit(
    "a lambda",
    "double = lambda x: 2 * x",
    "double = lambda x, y=0: 3 * x + y",
    "double = m.double",
    {"double(2)": 4},
    {"double(2)": 6, "double(2, 1)": 7, "m.double is double": True},
)
edit(
    "one lambda of several",
    "a = lambda: 1\nb = lambda: 2\nc = lambda: 3",
    "a = lambda: 1\nb = lambda: 20\nc = lambda: 3",
    "a, b, c = m.a, m.b, m.c",
    {"(a(), b(), c())": (1, 2, 3)},
    {"(a(), b(), c())": (1, 20, 3)},
)
edit(
    "a plain function becomes a generator",
    "def f(): return [1]",
    "def f():\n    yield 2",
    "f = m.f",
    {"list(f())": [1]},
    {"list(f())": [2], "type(f()).__name__": "generator"},
)
edit(
    "a generator becomes a plain function",
    "def f():\n    yield 2",
    "def f(): return [1]",
    "f = m.f",
    {"list(f())": [2]},
    {"f()": [1]},
)
edit(
    "a plain function becomes a coroutine function",
    "def f(): return 1",
    "async def f(): return 2",
    "f = m.f",
    {"f()": 1},
    {"run(f())": 2},
)
edit(
    "a generator changed while suspended",
    "def f():\n    yield 1\n    yield 2",
    "def f():\n    yield 10\n    yield 20",
    "f = m.f; suspended = f(); next(suspended)",
    {},
    {"list(suspended)": [2], "list(f())": [10, 20]},
)
edit(
    "a coroutine changed while awaited",
    "async def f(gate):\n    await gate\n    return 1",
    "async def f(gate):\n    await gate\n    return 2",
    "f = m.f; waiting = f(gate()); waiting.send(None)",
    {},
    {"finish(waiting)": 1, "finish(f(gate()))": 2},
)
edit(
    "a recursive function",
    "def f(n): return n and 1 + f(n - 1)",
    "def f(n): return n and 2 + f(n - 1)",
    "f = m.f",
    {"f(3)": 3},
    {"f(3)": 6},
)

# -- closures -----------------------------------------------------------------------------------

COUNTER = """
def counter(start):
    count = start
    def bump():
        nonlocal count
        count += 1
        return count
    def show(): return count
    return bump, show
"""

edit(
    "a nested function changed while closures live",
    COUNTER,
    COUNTER.replace("count += 1", "count += 10"),
    "pairs = [m.counter(n) for n in range(3)]; bump, show = pairs[2]; bump()",
    {"len(pairs)": 3, "bump() == show()": True},
    {
        "[b() - s() for b, s in pairs]": [0, 0, 0],
        "show() > 10": True,
        "bump() - show()": 0,
        "-show() + bump()": 10,
    },
    closures=3,
)
edit(
    "a free variable added, which a sibling holds",
    "def make(a, b):\n    def f(): return a\n    def g(): return a, b\n    return f, g",
    "def make(a, b):\n    def f(): return a, b\n    def g(): return a, b\n    return f, g",
    "f, g = m.make(1, 2)",
    {"f()": 1},
    {"f()": (1, 2), "f.__closure__[1] is g.__closure__[1]": True},
)
edit(
    "a free variable added, which nobody holds",
    "def make(a, b):\n    def f(): return a\n    return f",
    "def make(a, b):\n    def f(): return a, b\n    return f",
    "f = m.make(1, 2)",
    {"f()": 1},
    {"f()": 1, "m.make(1, 2)()": (1, 2)},
    left=("make.<locals>.f",),
)
edit(
    "a free variable removed",
    "def make(a, b):\n    def f(): return a, b\n    return f",
    "def make(a, b):\n    def f(): return b\n    return f",
    "f = m.make(1, 2)",
    {"f()": (1, 2)},
    {"f()": 2, "len(f.__closure__)": 1},
)
edit(
    "all free variables removed",
    "def make(a):\n    def f(): return a\n    return f",
    "def make(a):\n    def f(): return 'none'\n    return f",
    "f = m.make(1)",
    {"f()": 1},
    {"f()": "none", "f.__closure__": None},
)
edit(
    "a free variable renamed",
    "def make(a):\n    def f(): return a\n    return f",
    "def make(b):\n    def f(): return b\n    return f",
    "f = m.make(1)",
    {"f()": 1},
    {"f()": 1, "m.make(2)()": 2},
    left=("make.<locals>.f",),
)
edit(
    "free variables in another order",
    "def make(a, b):\n    def f(): return a, b\n    return f",
    "def make(b, a):\n    def f():\n        z = b\n        return z, a\n    return f",
    "f = m.make(1, 2)",
    {"f()": (1, 2)},
    {"f()": (2, 1)},
)
edit(
    "a closure's parameter with a constant default",
    "def make(a):\n    def f(x): return a + x\n    return f",
    "def make(a):\n    def f(x, y=100): return a + x + y\n    return f",
    "f = m.make(1)",
    {"f(1)": 2},
    {"f(1)": 102, "f(1, 0)": 2},
)
edit(
    "a closure's default that its outer call gave",
    "def make(a):\n    def f(x=a): return x\n    return f",
    "def make(a):\n    def f(x=a): return -x\n    return f",
    "f = m.make(5)",
    {"f()": 5},
    {"f()": -5},
)
edit(
    "a closure's default that only a new call gives",
    "def make(a):\n    def f(x): return x\n    return f",
    "def make(a):\n    def f(x, y=a): return x, y\n    return f",
    "f = m.make(5)",
    {"f(1)": 1},
    {"f(1)": 1, "m.make(5)(1)": (1, 5)},
    left=("make.<locals>.f",),
)
edit(
    "nothing but a closure's constant default",
    "def make(a):\n    def f(x=1, *, k=2): return a, x, k\n    return f",
    "def make(a):\n    def f(x=10, *, k=20): return a, x, k\n    return f",
    "f = m.make(0)",
    {"f()": (0, 1, 2)},
    {"f()": (0, 10, 20)},
    closures=1,
)
edit(
    "a function two levels down",
    "def a(x):\n    def b():\n        def c(): return x\n        return c\n    return b",
    "def a(x):\n    def b():\n        def c(): return x, 'new'\n        return c\n    return b",
    "b = m.a(1); c = b()",
    {"c()": 1},
    {"c()": (1, "new"), "b()()": (1, "new")},
)
edit(
    "a closure in a container and in a callback",
    "def make(a):\n    return lambda: a",
    "def make(a):\n    return lambda: [a]",
    "import functools; box = [m.make(1)]; callback = functools.partial(m.make(2))",
    {"box[0]()": 1, "callback()": 2},
    {"box[0]()": [1], "callback()": [2]},
    closures=2,
)
edit(
    "a closure that module-level data holds",
    "def make(a):\n    def f(): return a\n    return f\nstep = make(1)",
    "def make(a):\n    def f(): return a, 'new'\n    return f\nstep = make(1)",
    "step = m.step",
    {"m.step()": 1},
    {"m.step()": (1, "new"), "m.step is step": True},
)

# -- decorators ---------------------------------------------------------------------------------

LOUD = """
def loud(f):
    calls = 0
    def wrapper(*args):
        nonlocal calls
        calls += 1
        return ('loud', calls, f(*args))
    return wrapper
"""

edit(
    "decorator added",
    LOUD + "def f(a): return a",
    LOUD + "@loud\ndef f(a): return a + 1",
    "f = m.f",
    {"f(1)": 1},
    {"f(1)": ("loud", 1, 2), "m.f is f": True},
)
edit(
    "decorator removed",
    LOUD + "@loud\ndef f(a): return a",
    LOUD + "def f(a): return a + 1",
    "f = m.f",
    {"f(1)[2]": 1},
    {"f(1)": 2, "m.f is f": True, "f.__closure__": None},
)
edit(
    "a decorated function's body",
    LOUD + "@loud\ndef f(a): return a",
    LOUD + "@loud\ndef f(a): return -a",
    "f = m.f; f(1); f(1)",
    {"f(1)[2]": 1},
    {"f(1)[2]": -1, "f(1)[1] > 4": True, "m.f is f": True},
)
edit(
    "the decorator itself",
    LOUD + "@loud\ndef f(a): return a",
    LOUD.replace("('loud',", "('LOUD',") + "@loud\ndef f(a): return a",
    "f = m.f; f(1)",
    {"f(1)[0]": "loud"},
    {"f(1)[::2]": ("LOUD", 1), "f(1)[1] > 3": True},
)
edit(
    "a decorator's argument",
    "def times(n):\n    def deco(f):\n        def w(a): return f(a) * n\n        return w\n    return deco\n@times(2)\ndef f(a): return a",
    "def times(n):\n    def deco(f):\n        def w(a): return f(a) * n\n        return w\n    return deco\n@times(5)\ndef f(a): return a",
    "f = m.f",
    {"f(1)": 2},
    {"f(1)": 5, "m.f is f": True},
)
edit(
    "lru_cache added",
    "def f(a): return [a]",
    "import functools\n@functools.lru_cache(maxsize=None)\ndef f(a): return [a]",
    "f = m.f",
    {"f(1) is f(1)": False},
    {"f(1) is f(1)": True, "m.f(1) is f(1)": True, "m.f.cache_info().hits > 0": True},
)
edit(
    "lru_cache removed",
    "import functools\n@functools.lru_cache(maxsize=None)\ndef f(a): return [a]",
    "import functools\ndef f(a): return [a]",
    "f = m.f",
    {"m.f is f": True},
    {"m.f(1) is m.f(1)": False, "m.f is f.__wrapped__": True},
    left=("f",),
)
edit(
    "a cached function's body",
    "import functools\n@functools.lru_cache(maxsize=None)\ndef f(a): return [a]",
    "import functools\n@functools.lru_cache(maxsize=None)\ndef f(a): return [a, a]",
    "f = m.f",
    {"f(1)": [1]},
    {"f(1)": [1], "f(2)": [2, 2], "m.f is f": True},
)
edit(
    "a context manager's body",
    "import contextlib\n@contextlib.contextmanager\ndef f():\n    yield 1",
    "import contextlib\n@contextlib.contextmanager\ndef f():\n    yield 2",
    "f = m.f",
    {"entered(f())": 1},
    {"entered(f())": 2, "m.f is f": True},
)
edit(
    "a new function that registers itself elsewhere",
    "import board\n@board.register\ndef f(): return 1",
    "import board\nLIMIT = 9\n@board.register\ndef f(): return 2\n@board.register\ndef g(): return LIMIT",
    "f = m.f; first = board.FOUND['f']",
    {"board.FOUND['f']()": 1, "first()": 1},
    {"f()": 2, "first()": 2, "board.FOUND['f']()": 2, "board.FOUND['g']()": 9},
)

# -- classes ------------------------------------------------------------------------------------

edit(
    "method body",
    "class A:\n    def f(self): return 1",
    "class A:\n    def f(self): return 2",
    "A = m.A; a = A(); bound = a.f",
    {"a.f()": 1, "bound()": 1},
    {"a.f()": 2, "bound()": 2, "m.A is A": True, "type(a) is m.A": True},
    changed=("A.f",),
)
edit(
    "method added",
    "class A:\n    def f(self): return 1",
    "class A:\n    def f(self): return self.g()\n    def g(self): return 2",
    "a = m.A()",
    {"a.f()": 1, "hasattr(a, 'g')": False},
    {"a.f()": 2, "m.A.g.__globals__ is vars(m)": True},
    added=("A.g",),
)
edit(
    "method deleted",
    "class A:\n    def f(self): return 1\n    def g(self): return 2",
    "class A:\n    def f(self): return 1",
    "a = m.A()",
    {"a.g()": 2},
    {"hasattr(a, 'g')": False},
    removed=("A.g",),
)
BASE = "class Base:\n    def f(self): return 'base'\n    @classmethod\n    def c(cls): return cls.__name__\n"
edit(
    "super() added",
    BASE + "class A(Base):\n    def f(self): return 'a'",
    BASE + "class A(Base):\n    def f(self): return super().f() + 'a'",
    "a = m.A()",
    {"a.f()": "a"},
    {"a.f()": "basea", "m.A.f.__closure__[0].cell_contents is m.A": True},
)
edit(
    "super() removed",
    BASE + "class A(Base):\n    def f(self): return super().f() + 'a'",
    BASE + "class A(Base):\n    def f(self): return 'a'",
    "a = m.A()",
    {"a.f()": "basea"},
    {"a.f()": "a"},
)
edit(
    "super() in a new method and a new classmethod",
    BASE + "class A(Base): pass",
    BASE
    + "class A(Base):\n    def f(self): return super().f() + '!'\n    @classmethod\n    def c(cls): return super().c() + '!'",
    "a = m.A()",
    {"a.f()": "base", "a.c()": "A"},
    {"a.f()": "base!", "a.c()": "A!"},
)
edit(
    "super() kept, body changed",
    BASE + "class A(Base):\n    def f(self): return super().f() + 'a'",
    BASE + "class A(Base):\n    def f(self): return super().f() + 'b'",
    "a = m.A()",
    {"a.f()": "basea"},
    {"a.f()": "baseb"},
)
edit(
    "method moved to property",
    "class A:\n    def size(self): return 1",
    "class A:\n    @property\n    def size(self): return 2",
    "a = m.A()",
    {"a.size()": 1},
    {"a.size": 2},
)
edit(
    "property moved to method",
    "class A:\n    @property\n    def size(self): return 1",
    "class A:\n    def size(self): return 2",
    "a = m.A()",
    {"a.size": 1},
    {"a.size()": 2},
)
edit(
    "property's getter changed, setter added",
    "class A:\n    @property\n    def x(self): return 1",
    "class A:\n    @property\n    def x(self): return self._x\n    @x.setter\n    def x(self, value): self._x = value",
    "a = m.A()",
    {"a.x": 1},
    {"setattr(a, 'x', 5)": None, "a.x": 5},
)
edit(
    "property's setter changed",
    "class A:\n    @property\n    def x(self): return self._x\n    @x.setter\n    def x(self, value): self._x = value",
    "class A:\n    @property\n    def x(self): return self._x\n    @x.setter\n    def x(self, value): self._x = -value",
    "a = m.A(); prop = vars(m.A)['x']",
    {"setattr(a, 'x', 5)": None, "a.x": 5},
    {"setattr(a, 'x', 5)": None, "a.x": -5, "vars(m.A)['x'] is prop": True},
)
edit(
    "staticmethod and classmethod bodies",
    "class A:\n    @staticmethod\n    def s(): return 1\n    @classmethod\n    def c(cls): return cls, 1",
    "class A:\n    @staticmethod\n    def s(): return 2\n    @classmethod\n    def c(cls): return cls, 2",
    "A = m.A; s, c = A.s, A.c",
    {"s()": 1, "c()[1]": 1},
    {"s()": 2, "c()": "=(A, 2)", "A.s is s": True},
)
edit(
    "staticmethod becomes classmethod",
    "class A:\n    @staticmethod\n    def s(): return 1",
    "class A:\n    @classmethod\n    def s(cls): return cls.__name__",
    "A = m.A",
    {"A.s()": 1},
    {"A.s()": "A"},
)
edit(
    "cached_property's body",
    "import functools\nclass A:\n    @functools.cached_property\n    def x(self): return [1]",
    "import functools\nclass A:\n    @functools.cached_property\n    def x(self): return [2]",
    "a, b = m.A(), m.A(); a.x",
    {"a.x": [1]},
    {"a.x": [1], "b.x": [2]},
)
edit(
    "class attribute",
    "class A:\n    limit = 1\n    cache = {}",
    "class A:\n    limit = 2\n    cache = {}\n    more = 3",
    "A = m.A; A.cache['x'] = 1; cache = A.cache",
    {"A.limit": 1, "hasattr(A, 'more')": False, "A.cache is cache": True},
    {"A.limit": 2, "A.more": 3, "A.cache is cache": True},
    changed=("A.limit",),
    added=("A.more",),
)
edit(
    "class added",
    "def f(): return 1",
    "def f(): return A().g()\nclass A:\n    def g(self): return __class__.__name__ + str(f.__name__)",
    "f = m.f",
    {"f()": 1},
    {"f()": "Af", "m.A.g.__globals__ is vars(m)": True},
)
edit(
    "class deleted",
    "class A: pass\nclass B: pass",
    "class A: pass",
    "B = m.B",
    {"m.B is B": True},
    {"hasattr(m, 'B')": False},
    removed=("B",),
)
edit(
    "a class that derives from a living one added",
    "class A:\n    def f(self): return 1",
    "class A:\n    def f(self): return 2\nclass B(A):\n    def f(self): return super().f() + 1",
    "A = m.A",
    {},
    {"m.B().f()": 3, "m.B.__bases__": "=(A,)", "A.__subclasses__()": "=[m.B]"},
)
edit(
    "bases changed",
    "class X:\n    def f(self): return 'x'\nclass Y:\n    def f(self): return 'y'\nclass A(X): pass",
    "class X:\n    def f(self): return 'x'\nclass Y:\n    def f(self): return 'y'\nclass A(Y, X): pass",
    "a = m.A()",
    {"a.f()": "x", "m.A.__bases__": "=(m.X,)"},
    {"a.f()": "y", "m.A.__bases__": "=(m.Y, m.X)"},
)
edit(
    "a class in a class",
    "class A:\n    class B:\n        def f(self): return 1",
    "class A:\n    class B:\n        def f(self): return 2\n        def g(self): return __class__",
    "b = m.A.B()",
    {"b.f()": 1},
    {"b.f()": 2, "b.g() is type(b)": True},
)
edit(
    "a class made in a function",
    "def make(n):\n    class C:\n        def f(self): return n\n    return C",
    "def make(n):\n    class C:\n        def f(self): return n, 'new'\n    return C",
    "c = m.make(4)()",
    {"c.f()": 4},
    {"c.f()": (4, "new")},
)
edit(
    "a name-mangled attribute",
    "class A:\n    def __init__(self): self.__x = 1\n    def f(self): return self.__x",
    "class A:\n    def __init__(self): self.__x = 1\n    def f(self): return self.__x + self.__y()\n    def __y(self): return 1",
    "a = m.A()",
    {"a.f()": 1},
    {"a.f()": 2},
)
edit(
    "a special method",
    "class A:\n    pass",
    "class A:\n    def __len__(self): return 3\n    def __eq__(self, other): return True",
    "a = m.A()",
    {"hasattr(a, '__len__')": False, "a == 1": False, "A.__hash__ is None if 'A' in dir() else False": False},
    {"len(a)": 3, "a == 1": True, "m.A.__hash__ is None": True},
)
edit(
    "an abstract method",
    "import abc\nclass A(abc.ABC):\n    @abc.abstractmethod\n    def f(self): ...",
    "import abc\nclass A(abc.ABC):\n    def f(self): return 1",
    "A = m.A",
    {"sorted(A.__abstractmethods__)": ["f"]},
    {"A().f()": 1},
)
edit(
    "a data class's method and field",
    "import dataclasses\n@dataclasses.dataclass\nclass P:\n    x: int\n    def f(self): return self.x",
    "import dataclasses\n@dataclasses.dataclass\nclass P:\n    x: int\n    y: int = 2\n    def f(self): return self.x + self.y",
    "P = m.P; p = P(1)",
    {"p.f()": 1, "repr(P(1))": "P(x=1)", "len(dataclasses_fields(P))": 1},
    {"p.f()": 3, "repr(P(1, 5))": "P(x=1, y=5)", "m.P is P": True, "P(1) == P(1, 2)": True},
)
edit(
    "an enumeration's method",
    "import enum\nclass E(enum.Enum):\n    A = 1\n    def f(self): return self.value",
    "import enum\nclass E(enum.Enum):\n    A = 1\n    def f(self): return -self.value",
    "A = m.E.A",
    {"A.f()": 1},
    {"A.f()": -1, "m.E.A is A": True},
)
edit(
    "a class's documentation",
    "class A:\n    'old'",
    "class A:\n    'new'",
    "A = m.A",
    {"A.__doc__": "old"},
    {"A.__doc__": "new"},
)

# -- module level -------------------------------------------------------------------------------

edit(
    "import added",
    "def f(): return 1",
    "import json\nfrom os.path import join as glue\ndef f(): return json.dumps([1]), glue('a', 'b')",
    "f = m.f",
    {"f()": 1, "hasattr(m, 'json')": False},
    {"f()[0]": "[1]"},
    added=("json", "glue"),
)
edit(
    "import changed",
    "from posixpath import join as glue\ndef f(): return glue('a', 'b')",
    "from ntpath import join as glue\ndef f(): return glue('a', 'b')",
    "f = m.f",
    {"f()": "a/b"},
    {"f()": "a\\b"},
    changed=("glue",),
)
edit(
    "constant changed",
    "LIMIT = 1\ndef f(): return LIMIT",
    "LIMIT = 2\ndef f(): return LIMIT",
    "f = m.f",
    {"f()": 1},
    {"f()": 1, "m.LIMIT": 1},
    kept=("LIMIT",),
)
edit(
    "constant added",
    "def f(): return 1",
    "LIMIT = 2\ndef f(): return LIMIT",
    "f = m.f",
    {"f()": 1},
    {"f()": 2},
    added=("LIMIT",),
)
edit(
    "data with state",
    "cache = {}\ndef f(k): return cache.setdefault(k, 1)",
    "cache = {}\ndef f(k): return cache.setdefault(k, 2)",
    "f = m.f; f('a'); cache = m.cache",
    {"m.cache is cache": True, "f('a')": 1},
    {"m.cache is cache": True, "f('a')": 1, "f('b')": 2},
)
edit(
    "a registry of the module's own is not filled twice",
    "HOOKS = []\ndef hook(f):\n    HOOKS.append(f)\n    return f\n@hook\ndef a(): return 1",
    "HOOKS = []\ndef hook(f):\n    HOOKS.append(f)\n    return f\n@hook\ndef a(): return 2",
    "hooks = m.HOOKS",
    {"[h() for h in m.HOOKS]": [1]},
    {"[h() for h in m.HOOKS]": [2], "m.HOOKS is hooks": True},
)
edit(
    "data becomes a function",
    "f = 1",
    "def f(): return 2",
    "",
    {"m.f": 1},
    {"m.f()": 2},
)
edit(
    "a function becomes data",
    "def f(): return 2",
    "f = 1",
    "f = m.f",
    {"m.f is f": True},
    {"m.f": 1, "f()": 2},
)
edit(
    "the module's documentation",
    "'''old'''\ndef f(): pass",
    "'''new'''\ndef f(): pass",
    "",
    {"m.__doc__": "old"},
    {"m.__doc__": "new"},
)
edit(
    "a new container of functions and instances",
    "class A:\n    def f(self): return 1\ndef g(): return 1",
    "class A:\n    def f(self): return 2\ndef g(): return 2\nTABLE = {'g': [g, (A, A())], 'h': lambda: g}",
    "A, g = m.A, m.g",
    {},
    {
        "m.TABLE['g'][0] is g": True,
        "type(m.TABLE['g'][1][1]) is A": True,
        "m.TABLE['g'][1][0] is A": True,
        "m.TABLE['h']() is g": True,
    },
    added=("TABLE",),
)
edit(
    "definitions under if and try",
    "import sys\nif sys.maxsize > 1:\n    def f(): return 1\ntry:\n    import nowhere_at_all\nexcept ImportError:\n    def g(): return 1",
    "import sys\nif sys.maxsize > 1:\n    def f(): return 2\ntry:\n    import nowhere_at_all\nexcept ImportError:\n    def g(): return 2",
    "f, g = m.f, m.g",
    {"f() + g()": 2},
    {"f() + g()": 4, "m.f is f": True},
)
edit(
    "state that the text asks for",
    "try:\n    STATE\nexcept NameError:\n    STATE = []\ndef f(): return STATE",
    "try:\n    STATE\nexcept NameError:\n    STATE = []\ndef f(): return STATE, 'new'",
    "m.STATE.append(1); state = m.STATE",
    {"m.STATE is state": True},
    {"m.f()": ([1], "new"), "m.STATE is state": True},
)
