"""The table of edits: functions and closures."""

from __future__ import annotations

from reload_edit import edit

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
