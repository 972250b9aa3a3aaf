"""Edits that few programs see, kept apart from the table that the benchmark plays: what each line of `reload` is for."""

from __future__ import annotations

import sys
from typing import List

import reload_edit
from reload_edit import EDITS, Edit, edit

__all__ = ["CORNERS"]

_before = len(EDITS)

edit(
    "containers of functions that the text has not had",
    "def f(): return 1\ndef g(): return 2",
    """
    import functools
    def f(): return -1
    def g(): return -2
    class A:
        def m(self): return f()
    SET, FROZEN, TUPLE, BOUND = {f, 1}, frozenset([f, g]), (f, (g,)), A().m
    CACHED, FOREIGN = functools.lru_cache(maxsize=None)(f), functools.lru_cache(maxsize=None)(len)
    PART, WITH = functools.partial(max, 1), functools.partial(print, f, end=g)
    """,
    "f, g = m.f, m.g",
    {"f(), g()": (1, 2)},
    {
        "f in m.SET and f in m.FROZEN and g in m.FROZEN": True,
        "m.TUPLE[0] is f and m.TUPLE[1][0] is g": True,
        "m.BOUND(), m.CACHED(), m.FOREIGN('ab'), m.PART(3)": (-1, -1, 2, 3),
        "m.CACHED.__wrapped__ is f": True,
        "m.WITH.args[0] is f and m.WITH.keywords['end'] is g": True,
    },
)
edit(
    "a class under two names",
    "class A:\n    def f(self): return 1\nB = A",
    "class A:\n    def f(self): return 2\nB = A",
    "A, a = m.A, m.A()",
    {"a.f()": 1},
    {"a.f()": 2, "m.A is m.B is A": True},
)
edit(
    "two names of one closure that get one each",
    "def o(n):\n    def f(): return n\n    return f\nf = o(1)\ng = f",
    "def o(n, k=2):\n    def f(): return n + k\n    return f\nf = o(1)\ng = o(5)",
    "f = m.f",
    {"f()": 1},
    {"f()": 1, "m.f is f": True, "m.g()": 7},
    kept=("f",),
    left=("o.<locals>.f",),
)
edit(
    "a line that moves in a lambda alone",
    "def f():\n    return lambda: (\n        1 / 0)",
    "def f():\n    return lambda: (\n\n        1 / 0)",
    "import dis; f = m.f",
    {"max(line for _, line in dis.findlinestarts(f().__code__) if line)": 3},
    {"max(line for _, line in dis.findlinestarts(f().__code__) if line)": 4},
    moved=("f", "f.<locals>.<lambda>"),
)
edit(
    "a function that is new, with functions as defaults",
    "def f(): return 1",
    "def f(): return 2\ndef new(a=f, *, b=f): return a(), b(), a is b",
    "f = m.f",
    {"f()": 1},
    {"m.new()": (2, 2, True), "m.new.__defaults__[0] is f": True},
)
edit(
    "descriptors that are new, around what is no plain function",
    "def f(): return 1\nclass A:\n    x: int",
    """
    import functools
    def f(): return 2
    class A:
        x: int
    class B:
        count = staticmethod(len)
        part = functools.partialmethod(print, f)
        static = staticmethod(functools.partial(f))
        def own(self): return f()
        bound = staticmethod(A().__class__)
    """,
    "f = m.f",
    {"f()": 1},
    {
        "m.B.count('abc'), m.B.static(), m.B().own()": (3, 2, 2),
        "type(m.B.bound()) is m.A": True,
        "vars(m.B)['part'].args[0] is f": True,
    },
)
edit(
    "an enumeration's functions that are new",
    "import enum\nclass Color(enum.Enum):\n    RED = 1\n    def name_of(self): return self.name",
    """
    import enum
    class Color(enum.Enum):
        RED = 1
        def name_of(self): return self._private()
        def _private(self): return self.name * 2
        def __str__(self): return 'a color'
        @classmethod
        def _missing_(cls, value): return cls.RED
    """,
    "red = m.Color.RED",
    {"red.name_of()": "RED", "str(red)": "Color.RED"},
    {"red.name_of()": "REDRED", "str(red)": "a color", "m.Color(5) is red": True},
)
edit(
    "names that mean another class, another module, or no module any more",
    "import json as codec, os as system\nclass A: pass\nclass B: pass\nC = A",
    "import pickle as codec\nsystem = 5\nclass A: pass\nclass B: pass\nC = B",
    "A, B = m.A, m.B",
    {"m.C is A": True, "m.codec.__name__": "json"},
    {"m.C is B": True, "m.codec.__name__": "pickle", "m.system": 5},
)
edit(
    "data that the new text deletes",
    "X = 1\ndef f(): return X",
    "X = 2\ndef f(): return -X\ndel X",
    "f = m.f",
    {"f()": 1},
    {"hasattr(m, 'X')": False},
)
edit(
    "a list of what is public, and a set that says something else",
    "def f(): return 1\nKNOWN = frozenset([1])\nDEFAULT = object()",
    "def f(k=frozenset([2])): return k\n__all__ = ['f']\nKNOWN = frozenset([1, 2])\nDEFAULT = object()",
    "known, default = m.KNOWN, m.DEFAULT",
    {"m.KNOWN is known": True},
    {"m.__all__": ["f"], "m.f()": frozenset([2]), "m.DEFAULT is default": True},
    added=(),
)
edit(
    "a default that is a frozen set",
    "def f(k=frozenset([1])): return k",
    "def f(k=frozenset([1, 2])): return k",
    "f = m.f",
    {"f()": frozenset([1])},
    {"f()": frozenset([1, 2])},
)
edit(
    "a cache of another size",
    "import functools\n@functools.lru_cache(maxsize=1)\ndef f(x): return x",
    "import functools\n@functools.lru_cache(maxsize=2)\ndef f(x): return -x",
    "",
    {"m.f(1), m.f.cache_info().maxsize": (1, 1)},
    {"m.f(1), m.f.cache_info().maxsize": (-1, 2)},
)
edit(
    "a property class of the module's own",
    "class prop(property):\n    kind = 'old'\nclass A:\n    @prop\n    def x(self): return 1",
    "class prop(property):\n    kind = 'new'\n    def more(self): return 5\nclass A:\n    @prop\n    def x(self): return 2",
    "a = m.A()",
    {"a.x": 1},
    {"a.x": 2},
)
edit(
    "a function with a name that is an accessor too",
    "class A:\n    def get(self): return 1\n    x = property(get)\n    def set(self, value=1): return value\n    y = property(set)",
    "class A:\n    def get(self): return 2\n    x = property(get)\n    def set(self, value=2): return value\n    y = property(set)",
    "a, get = m.A(), m.A.get",
    {"a.x, a.get(), a.y": (1, 1, 1)},
    {"a.x, a.get(), a.y": (2, 2, 2), "m.A.get is get": True},
)
edit(
    "one function under two names, with another default",
    "def f(a=1): return a\ng = f",
    "def f(a=2): return a\ng = f",
    "f = m.f",
    {"m.g()": 1},
    {"m.g()": 2, "m.f is m.g is f": True},
)
edit(
    "accessors that are other functions, values, or none of the module's",
    """
    import board, functools, json
    def one(self=None): return 1
    def two(self=None): return 2
    class A:
        x = property(one)
        y = staticmethod(len)
        z = staticmethod(board.register)
        part = functools.partialmethod(one)
        same = staticmethod(json.loads)
        odd = staticmethod(1.5)
        lazy = functools.cached_property(one)
    """,
    """
    import board, functools, json
    def one(self=None): return -1
    def two(self=None): return -2
    class A:
        x = property(two)
        y = staticmethod(print)
        z = staticmethod(json.loads)
        part = functools.partialmethod(one)
        same = staticmethod(json.loads)
        odd = staticmethod(1.5)
        lazy = functools.cached_property(one)
        lazy.__wrapped__ = two
    """,
    "a = m.A()",
    {"a.x, a.y('abc'), a.part(), a.lazy": (1, 3, 1, 1)},
    {"a.x, a.z('3'), a.part(), a.same('4')": (-2, 3, -1, 4)},
)
edit(
    "a partial method with other arguments",
    "import functools\nclass A:\n    def f(self, x): return x\n    g = functools.partialmethod(f, 1)",
    "import functools\nclass A:\n    def f(self, x): return x\n    g = functools.partialmethod(f, 2)",
    "a = m.A()",
    {"a.g()": 1},
    {"a.g()": 2},
)
edit(
    "a decorator whose wrapper needs one variable less",
    "def deco(n, more=0):\n    def around(f):\n        def inner(): return n, more, f()\n        return inner\n    return around\n@deco(1)\ndef f(): return 'f'",
    "def deco(n, more=0):\n    def around(f):\n        def inner(): return n, f()\n        return inner\n    return around\n@deco(2)\ndef f(): return 'f'",
    "f = m.f",
    {"f()": (1, 0, "f")},
    {"m.f()": (2, "f")},
)
edit(
    "several functions of one name, one of which goes or comes",
    "KIND = 1\nif KIND:\n    def f(): return 1\nelse:\n    def f(x): return 2\ng = [lambda: 1, lambda x: 2]",
    "KIND = 1\nif KIND:\n    def f(): return -1\nelif KIND == 2:\n    def f(x): return 2\nelse:\n    def f(x, y): return 3\ng = [lambda: 1]",
    "f = m.f",
    {"f()": 1},
    {"m.f()": -1},
)
edit(
    "a function that is not changed, under an override",
    "LIMIT = 1\ndef f(): return LIMIT\ndef g(): return 1",
    "LIMIT = 1\ndef f(): return LIMIT\ndef g(): return 2",
    "import recell\nchange = recell.override(m.f, LIMIT=5).start()",
    {"m.f(), m.g()": (5, 1)},
    {"m.f(), m.g()": (5, 2)},
)
edit(
    "a closure that needs its class",
    "class A:\n    def make(self):\n        def inner(): return 1\n        return inner",
    "class A:\n    def make(self):\n        def inner(): return __class__.__name__\n        return inner",
    "inner = m.A().make()",
    {"inner()": 1},
    {"inner()": "A"},
)
edit(
    "a closure that needs a variable which only a function beside it holds",
    "def outer(n):\n    def helper(): return n\n    def inner(): return helper()\n    return inner",
    "def outer(n):\n    def helper(): return n\n    def inner(): return helper(), n\n    return inner",
    "inner = m.outer(5)",
    {"inner()": 5},
    {"inner()": (5, 5)},
)
edit(
    "a class inside a function, whose closure needs it",
    "def outer():\n    class K:\n        def m(self):\n            def inner(): return 1\n            return inner\n    return K().m()",
    "def outer():\n    class K:\n        def m(self):\n            def inner(): return __class__.__name__\n            return inner\n    return K().m()",
    "inner = m.outer()",
    {"inner()": 1},
    {"inner()": 1, "m.outer()()": "K"},
    left=("outer.<locals>.K.m", "outer.<locals>.K.m.<locals>.inner"),
)
edit(
    "a name that is bound twice",
    "X = 1\nX = 2\ndef f(): return X",
    "X = 1\nX = 3\ndef f(): return -X",
    "f = m.f",
    {"f()": 2},
    {"f()": -3},
)
edit(
    "annotations that are set while the module runs",
    "def f(x): return x\nf.__annotations__ = {'x': int}",
    "def f(x): return -x\nf.__annotations__ = {'x': str}",
    "f = m.f",
    {"f(1), f.__annotations__['x'].__name__": (1, "int")},
    {"f(1), f.__annotations__['x'].__name__": (-1, "str")},
)
edit(
    "lambdas that nothing tells apart",
    "pairs = [lambda: 1, lambda x: 2]\ndef f(): return pairs[0]()",
    "pairs = [lambda a, b: 3, lambda a, b, c: 4]\ndef f(): return 5",
    "f = m.f",
    {"f()": 1},
    {"f()": 5},
)
edit(
    "lambdas in other numbers",
    "few = [lambda: 1, lambda: 2]\ndef f(): return 1",
    "few = [lambda x: 3, lambda x: 4, lambda x: 5]\ndef f(): return 2",
    "f = m.f",
    {"f()": 1},
    {"f()": 2},
)
edit(
    "a decorator that goes, whose wrapper holds another function twice",
    "def helper(): return 'helped'\ndef deco(a):\n    b = c = helper\n    def inner(): return a(), b(), c()\n    return inner\n@deco\ndef f(): return 1",
    "def helper(): return 'helped'\ndef f(): return 2",
    "f = m.f",
    {"f()": (1, "helped", "helped")},
    {"f()": 2, "m.f is f": True},
)
edit(
    "a function that the run itself puts into the module",
    "def f(): return 1",
    "import sys\ndef f(): return 2\ndef extra(): return f() * 10\nsys.modules['edited'].also = extra\nsys.modules['edited'].f = f",
    "f = m.f",
    {"f()": 1},
    {"f(), m.also(), m.extra is m.also, m.f is f": (2, 20, True, True)},
)
if sys.version_info >= (3, 15):
    edit(
        "a lazy import that was done meanwhile",
        "lazy import json as codec\ndef f(): return codec.__name__",
        "lazy import json as codec\ndef f(): return codec.__name__ * 2",
        "f = m.f",
        {"f()": "json"},
        {"f()": "jsonjson"},
        changed=("f",),
    )
    edit(
        "a lazy import of something else",
        "lazy import json as codec\nlazy import os as system\ndef f(): return codec.__name__",
        "lazy import pickle as codec\nlazy import os as system\ndef f(): return codec.__name__ * 2",
        "f = m.f",
        {},
        {"f()": "picklepickle"},
    )

CORNERS: List[Edit] = EDITS[_before:]
del EDITS[_before:]

_ = reload_edit
