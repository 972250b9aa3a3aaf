"""The table of edits: classes."""

from __future__ import annotations

from reload_edit import edit

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
