"""Shapes of the place where the nested function is made, and of the code around it."""

from __future__ import annotations

from nested_shapes.registry import shape

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
