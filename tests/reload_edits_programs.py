"""The table of edits: what programs do with functions besides calling them."""

from __future__ import annotations

from reload_edit import edit

edit(
    "a function in a dispatch table",
    "def a(): return 1\ndef b(): return 2\nTABLE = {'a': a, 'b': b}\ndef call(k): return TABLE[k]()",
    "def a(): return 10\ndef b(): return 20\ndef c(): return 30\nTABLE = {'a': a, 'b': b, 'c': c}\ndef call(k): return TABLE[k]()",
    "call = m.call; table = m.TABLE",
    {"call('a')": 1},
    {"call('a')": 10, "call('b')": 20, "m.TABLE is table": True, "call('c')": 30},
)
edit(
    "an implementation of a single-dispatch function",
    "import functools\n@functools.singledispatch\ndef show(x): return 'any'\n@show.register(int)\ndef _(x): return 'int'\n@show.register(str)\ndef show_str(x): return 'str'",
    "import functools\n@functools.singledispatch\ndef show(x): return 'ANY'\n@show.register(int)\ndef _(x): return 'INT'\n@show.register(str)\ndef show_str(x): return 'STR'",
    "show = m.show",
    {"show(1), show('a'), show(None)": ("int", "str", "any")},
    {"show(1), show('a'), show(None)": ("INT", "STR", "ANY"), "m.show is show": True},
)
edit(
    "a single-dispatch implementation added",
    "import functools\n@functools.singledispatch\ndef show(x): return 'any'\n@show.register(int)\ndef _(x): return 'int'",
    "import functools\n@functools.singledispatch\ndef show(x): return 'any'\n@show.register(int)\ndef _(x): return 'int'\n@show.register(list)\ndef _(x): return 'list'",
    "show = m.show",
    {"show(1), show(None)": ("int", "any")},
    {"show(1), show([])": ("int", "list"), "m._(0)": "list"},
)
edit(
    "a decorator with state",
    "def counted(f):\n    def inner(*a):\n        inner.calls += 1\n        return f(*a), inner.calls\n    inner.calls = 0\n    return inner\n@counted\ndef f(x): return x",
    "def counted(f):\n    def inner(*a):\n        inner.calls += 1\n        return f(*a), inner.calls, 'new'\n    inner.calls = 0\n    return inner\n@counted\ndef f(x): return -x",
    "f = m.f; f(1)",
    {},
    {"f(5)": (-5, 2, "new"), "m.f is f": True, "m.f.calls": 2},
)
edit(
    "a context manager that is entered",
    "import contextlib\n@contextlib.contextmanager\ndef opened(log):\n    log.append('in')\n    yield 1\n    log.append('out')",
    "import contextlib\n@contextlib.contextmanager\ndef opened(log):\n    log.append('IN')\n    yield 2\n    log.append('OUT')",
    "log = []; living = m.opened(log); living.__enter__(); opened = m.opened",
    {},
    {"living.__exit__(None, None, None)": False, "log": ["in", "out"], "entered(opened([]))": 2},
)
edit(
    "an asynchronous generator that lives",
    "async def ticks():\n    yield 1\n    yield 2",
    "async def ticks():\n    yield 10\n    yield 20",
    "ticks = m.ticks; living = ticks(); first = run(living.__anext__())",
    {"first": 1},
    {"run(living.__anext__())": 2, "run(ticks().__anext__())": 10},
)
edit(
    "an overloaded function",
    "from typing import overload, Any\n@overload\ndef f(x: int) -> int: ...\n@overload\ndef f(x: str) -> str: ...\ndef f(x: Any) -> Any: return x",
    "from typing import overload, Any\n@overload\ndef f(x: int) -> int: ...\n@overload\ndef f(x: str) -> str: ...\ndef f(x: Any) -> Any: return x, 1",
    "f = m.f",
    {"f(1)": 1},
    {"f(1)": (1, 1), "m.f is f": True},
    changed=("f",),
)
edit(
    "a module's __getattr__",
    "def __getattr__(name): return 'old ' + name",
    "def __getattr__(name):\n    if name.startswith('_'): raise AttributeError(name)\n    return 'new ' + name",
    "",
    {"m.anything": "old anything"},
    {"m.anything": "new anything"},
)
edit(
    "star import of another module",
    "from posixpath import *\ndef f(): return join('a', 'b')",
    "from ntpath import *\ndef f(): return join('a', 'b')",
    "f = m.f",
    {"f()": "a/b"},
    {"f()": "a\\b"},
)
edit(
    "names imported for type checkers only",
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from nowhere import Thing\ndef f(x: 'Thing') -> 'Thing': return x",
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from nowhere import Thing, Other\ndef f(x: 'Other') -> 'Thing': return x, 1",
    "f = m.f",
    {"f(1)": 1},
    {"f(1)": (1, 1), "f.__annotations__['x']": "Other"},
)
edit(
    "a condition chooses the other definition",
    "FAST = True\nif FAST:\n    def f(): return 'fast'\nelse:\n    def f(): return 'slow'",
    "FAST = True\nif not FAST:\n    def f(): return 'fast'\nelse:\n    def f(): return 'slow'",
    "f = m.f",
    {"f()": "fast"},
    {"f()": "slow", "m.f()": "slow"},
)
edit(
    "an import that falls back",
    "try:\n    from nowhere import loads\nexcept ImportError:\n    def loads(text): return text.lower()\ndef f(): return loads('A')",
    "try:\n    from json import loads\nexcept ImportError:\n    def loads(text): return text.lower()\ndef f(): return loads('[1]')",
    "f = m.f",
    {"f()": "a"},
    {"f()": [1]},
)
edit(
    "a function that is defined twice",
    "def f(): return 1\ndef f(): return 2",
    "def f(): return 3\ndef f(): return 4",
    "f = m.f",
    {"f()": 2},
    {"f()": 4, "m.f is f": True},
)
edit(
    "a function that holds itself as an attribute",
    "def f(): return f.me()\nf.me = lambda: 1",
    "def f(): return f.me(), 'new'\nf.me = lambda: 2",
    "f = m.f",
    {"f()": 1},
    {"f()": (2, "new"), "m.f is f": True},
)
edit(
    "a nonlocal counter two levels up and its reader",
    "def make():\n    n = 0\n    def up():\n        nonlocal n\n        n += 1\n    def read(): return n\n    return up, read",
    "def make():\n    n = 0\n    def up(by=2):\n        nonlocal n\n        n += by\n    def read(): return 'n', n\n    return up, read",
    "up, read = m.make(); up(); up2, read2 = m.make()",
    {"read()": 1},
    {"read()": ("n", 1), "(up2(), read2())[1]": ("n", 2)},
)
edit(
    "a lambda as a default and in a sort key",
    "def f(items, key=lambda x: x): return sorted(items, key=key)",
    "def f(items, key=lambda x: -x): return sorted(items, key=key)",
    "f = m.f",
    {"f([2, 1])": [1, 2]},
    {"f([1, 2])": [2, 1]},
)
edit(
    "a generator function becomes asynchronous",
    "def f():\n    yield 1",
    "async def f():\n    yield 1",
    "f = m.f; g = f()",
    {"list(f())": [1]},
    {"list(g)": [1], "run(f().__anext__())": 1},
)
edit(
    "a callback registry keyed by the function",
    "import collections\nSEEN = collections.Counter()\ndef f():\n    SEEN[f] += 1\n    return SEEN[f]",
    "import collections\nSEEN = collections.Counter()\ndef f():\n    SEEN[f] += 1\n    return SEEN[f], 'new'",
    "f = m.f; f()",
    {},
    {"f()": (2, "new"), "m.f is f": True},
)
