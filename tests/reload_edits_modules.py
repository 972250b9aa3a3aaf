"""The table of edits: decorators, and what stands in a module besides functions and classes."""

from __future__ import annotations

from reload_edit import edit

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
    {"f()": 2, "m.LIMIT": 2},
    changed=("LIMIT",),
    ran=(),
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
