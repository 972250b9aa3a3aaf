"""The table of edits: kinds of classes, and what is made of them."""

from __future__ import annotations

from reload_edit import edit

edit(
    "a single-dispatch method",
    "import functools\nclass A:\n    @functools.singledispatchmethod\n    def f(self, x): return 'any'\n    @f.register(int)\n    def _(self, x): return 'int'",
    "import functools\nclass A:\n    @functools.singledispatchmethod\n    def f(self, x): return 'ANY'\n    @f.register(int)\n    def _(self, x): return 'INT'",
    "a = m.A()",
    {"a.f(1), a.f('')": ("int", "any")},
    {"a.f(1), a.f('')": ("INT", "ANY")},
)
edit(
    "a decorator that is a class with state",
    "class Counted:\n    def __init__(self, f): self.f, self.calls = f, 0\n    def __call__(self, *a):\n        self.calls += 1\n        return self.f(*a), self.calls\n@Counted\ndef f(x): return x",
    "class Counted:\n    def __init__(self, f): self.f, self.calls = f, 0\n    def __call__(self, *a):\n        self.calls += 10\n        return self.f(*a), self.calls\n@Counted\ndef f(x): return -x",
    "f = m.f; f(1)",
    {},
    {"f(5)": (-5, 11), "m.f is f": True},
)
edit(
    "a named tuple's method",
    "from collections import namedtuple\nclass P(namedtuple('P', 'x y')):\n    __slots__ = ()\n    def f(self): return self.x",
    "from collections import namedtuple\nclass P(namedtuple('P', 'x y')):\n    __slots__ = ()\n    def f(self): return self.y",
    "p = m.P(1, 2); P = m.P",
    {"p.f()": 1},
    {"p.f()": 2, "m.P is P": True, "P(3, 4).f()": 4, "isinstance(p, m.P)": True},
)
edit(
    "a typing.NamedTuple's method",
    "from typing import NamedTuple\nclass P(NamedTuple):\n    x: int\n    def f(self): return self.x",
    "from typing import NamedTuple\nclass P(NamedTuple):\n    x: int\n    def f(self): return -self.x",
    "p = m.P(1); P = m.P",
    {"p.f()": 1},
    {"p.f()": -1, "m.P is P": True, "m.P(3).f()": -3},
)
edit(
    "a TypedDict and a Protocol beside a changed function",
    "from typing import TypedDict\nclass D(TypedDict):\n    x: int\ndef f(d): return d['x']",
    "from typing import TypedDict\nclass D(TypedDict):\n    x: int\n    y: int\ndef f(d): return d['y']",
    "f = m.f; D = m.D",
    {"f({'x': 1})": 1},
    {"f({'y': 2})": 2, "m.D is D": True, "sorted(D.__annotations__)": ["x", "y"]},
)
edit(
    "a class with slots",
    "class A:\n    __slots__ = ('x',)\n    def __init__(self): self.x = 1\n    def f(self): return self.x",
    "class A:\n    __slots__ = ('x',)\n    def __init__(self): self.x = 1\n    def f(self): return -self.x\n    def g(self): return super().__hash__() == hash(self)",
    "a = m.A()",
    {"a.f()": 1},
    {"a.f()": -1, "a.g()": True},
)
edit(
    "a descriptor class of the module's own",
    "class Typed:\n    def __init__(self, kind): self.kind = kind\n    def __set_name__(self, owner, name): self.name = '_' + name\n    def __get__(self, obj, cls=None): return getattr(obj, self.name)\n    def __set__(self, obj, value): setattr(obj, self.name, self.kind(value))\nclass A:\n    x = Typed(int)",
    "class Typed:\n    def __init__(self, kind): self.kind = kind\n    def __set_name__(self, owner, name): self.name = '_' + name\n    def __get__(self, obj, cls=None): return getattr(obj, self.name)\n    def __set__(self, obj, value): setattr(obj, self.name, self.kind(value) + 1)\nclass A:\n    x = Typed(int)\n    y = Typed(float)",
    "a, b = m.A(), m.A(); a.x = b.x = '1'",
    {"a.x": 1},
    {"a.x": 1, "(setattr(b, 'x', '5'), b.x)[1]": 6, "(setattr(b, 'y', '5'), b.y)[1]": 6.0},
)
edit(
    "a metaclass's method",
    "class Meta(type):\n    def hello(cls): return 1\nclass A(metaclass=Meta): pass",
    "class Meta(type):\n    def hello(cls): return 2, cls.__name__\nclass A(metaclass=Meta):\n    def f(self): return 3",
    "A = m.A",
    {"A.hello()": 1},
    {"A.hello()": (2, "A"), "A().f()": 3, "m.A is A": True},
)
edit(
    "subclasses that register themselves",
    "class Base:\n    known = {}\n    def __init_subclass__(cls, **more):\n        super().__init_subclass__(**more)\n        Base.known[cls.__name__] = cls\nclass A(Base):\n    def f(self): return 1",
    "class Base:\n    known = {}\n    def __init_subclass__(cls, **more):\n        super().__init_subclass__(**more)\n        Base.known[cls.__name__] = cls\nclass A(Base):\n    def f(self): return 2",
    "A = m.A; known = m.Base.known",
    {"known['A'] is A": True, "known['A']().f()": 1},
    {"m.Base.known is known": True, "known['A'] is A": True, "known['A']().f()": 2},
)
edit(
    "a partial and a bound method at module level",
    "import functools\nclass A:\n    def f(self): return 1\n_a = A()\nrun_f = _a.f\ndef add(a, b): return a + b\nadd1 = functools.partial(add, 1)",
    "import functools\nclass A:\n    def f(self): return 2\n_a = A()\nrun_f = _a.f\ndef add(a, b): return a - b\nadd1 = functools.partial(add, 1)",
    "run_f, add1 = m.run_f, m.add1",
    {"run_f(), add1(5)": (1, 6)},
    {"run_f(), add1(5)": (2, -4), "m.run_f(), m.add1(5)": (2, -4)},
)
edit(
    "a class body that uses a comprehension and a private name",
    "class A:\n    __x = [1, 2]\n    y = [n * 2 for n in __x]\n    def f(self): return self.__x, self.y",
    "class A:\n    __x = [1, 2]\n    y = [n * 2 for n in __x]\n    def f(self): return self.y, self.__x",
    "a = m.A()",
    {"a.f()": ([1, 2], [2, 4])},
    {"a.f()": ([2, 4], [1, 2])},
)
edit(
    "a property added over a class attribute",
    "class A:\n    size = 1",
    "class A:\n    @property\n    def size(self): return 2",
    "a = m.A()",
    {"a.size": 1},
    {"a.size": 2},
)
edit(
    "a class attribute in the place of a property",
    "class A:\n    @property\n    def size(self): return 2",
    "class A:\n    size = 1",
    "a = m.A()",
    {"a.size": 2},
    {"a.size": 1},
)
edit(
    "functools.wraps around a method with super()",
    "import functools\ndef deco(f):\n    @functools.wraps(f)\n    def inner(self, *a): return 'deco', f(self, *a)\n    return inner\nclass B:\n    def f(self): return 'B'\nclass A(B):\n    @deco\n    def f(self): return super().f()",
    "import functools\ndef deco(f):\n    @functools.wraps(f)\n    def inner(self, *a): return 'DECO', f(self, *a)\n    return inner\nclass B:\n    def f(self): return 'b'\nclass A(B):\n    @deco\n    def f(self): return super().f(), 'A'",
    "a = m.A(); f = a.f",
    {"a.f()": ("deco", "B")},
    {"a.f()": ("DECO", ("b", "A")), "f()": ("DECO", ("b", "A"))},
)
edit(
    "a total_ordering class",
    "import functools\n@functools.total_ordering\nclass V:\n    def __init__(self, n): self.n = n\n    def __eq__(self, o): return self.n == o.n\n    def __lt__(self, o): return self.n < o.n",
    "import functools\n@functools.total_ordering\nclass V:\n    def __init__(self, n): self.n = n\n    def __eq__(self, o): return self.n == o.n\n    def __lt__(self, o): return self.n > o.n",
    "V = m.V; a, b = V(1), V(2)",
    {"a < b, a >= b": (True, False)},
    {"a < b, a >= b": (False, True), "m.V is V": True},
)
edit(
    "a frozen data class with a factory and a slot default",
    "import dataclasses\n@dataclasses.dataclass(frozen=True)\nclass P:\n    x: int\n    tags: list = dataclasses.field(default_factory=list)\n    def f(self): return self.x",
    "import dataclasses\n@dataclasses.dataclass(frozen=True)\nclass P:\n    x: int\n    tags: list = dataclasses.field(default_factory=lambda: ['new'])\n    def f(self): return self.x, self.tags",
    "P = m.P; p = P(1)",
    {"p.f(), P(2).tags": (1, [])},
    {"p.f()": (1, []), "P(2).tags": ["new"], "hash(P(1, ())) == hash(P(1, ()))": True, "m.P is P": True},
)
edit(
    "an enumeration with aliases and functions as helpers",
    "import enum\nclass Color(enum.IntFlag):\n    RED = 1\n    BLUE = 2\n    @classmethod\n    def pick(cls): return cls.RED\n    @property\n    def nice(self): return self.name.lower()\n    @staticmethod\n    def s(): return 1",
    "import enum\nclass Color(enum.IntFlag):\n    RED = 1\n    BLUE = 2\n    @classmethod\n    def pick(cls): return cls.BLUE\n    @property\n    def nice(self): return self.name.title()\n    @staticmethod\n    def s(): return 2",
    "C = m.Color; red = C.RED",
    {"C.pick() is red, red.nice, C.s()": (True, "red", 1)},
    {"C.pick() is C.BLUE, red.nice, C.s()": (True, "Red", 2), "m.Color.RED is red": True},
)
edit(
    "an enumeration's method added and removed",
    "import enum\nclass E(enum.Enum):\n    A = 1\n    def f(self): return 1",
    "import enum\nclass E(enum.Enum):\n    A = 1\n    def g(self): return 2",
    "A = m.E.A",
    {"A.f()": 1, "hasattr(A, 'g')": False},
    {"A.g()": 2, "hasattr(A, 'f')": False},
)
edit(
    "a weak reference and a finalizer",
    "import weakref\nGONE = []\nclass A:\n    def done(self): GONE.append(1)\ndef watch(a): return weakref.finalize(a, GONE.append, 'f')",
    "import weakref\nGONE = []\nclass A:\n    def done(self): GONE.append(2)\ndef watch(a): return weakref.finalize(a, GONE.append, 'g')",
    "a = m.A(); w = m.watch(a); wm = __import__('weakref').WeakMethod(a.done)",
    {"wm() is not None": True},
    {"(wm()(), m.GONE)[1][-1]": 2},
)
edit(
    "numbers that are equal and not the same",
    "def f(a=1, b=0.0, *, k=1): return a, b, k\nclass A:\n    X = 1",
    "def f(a=True, b=-0.0, *, k=1.0): return a, b, k\nclass A:\n    X = True",
    "f = m.f; A = m.A",
    {"repr(f())": "(1, 0.0, 1)", "repr(A.X)": "1"},
    {"repr(f())": "(True, -0.0, 1.0)", "repr(A.X)": "True"},
)
edit(
    "a default that cannot be compared",
    "class Odd:\n    def __eq__(self, other): raise ValueError('ambiguous')\n    __hash__ = None\nODD = Odd()\ndef f(a=Odd()): return 1",
    "class Odd:\n    def __eq__(self, other): raise ValueError('ambiguous')\n    __hash__ = None\nODD = Odd()\ndef f(a=Odd()): return 2",
    "f = m.f; default = f.__defaults__",
    {"f()": 1},
    {"f()": 2, "f.__defaults__ is default": True},
)
edit(
    "a class becomes a function, another a class",
    "class A:\n    def __init__(self): self.x = 1\ndef B(): return 2",
    "def A(): return 3\nclass B:\n    def f(self): return 4",
    "A, B = m.A, m.B; a = A()",
    {"a.x, B()": (1, 2)},
    {"a.x, m.A(), m.B().f()": (1, 3, 4)},
)
edit(
    "bases swapped round",
    "class X:\n    def f(self): return 'X'\nclass Y:\n    def f(self): return 'Y'\nclass A(X, Y): pass",
    "class X:\n    def f(self): return 'X'\nclass Y:\n    def f(self): return 'Y'\nclass A(Y, X):\n    def g(self): return super().f()",
    "a = m.A()",
    {"a.f()": "X"},
    {"a.f(), a.g()": ("Y", "Y")},
)
edit(
    "a cached property that was computed",
    "import functools\nclass A:\n    @functools.cached_property\n    def x(self): return 1",
    "import functools\nclass A:\n    @functools.cached_property\n    def x(self): return 2",
    "a = m.A(); a.x; A = m.A",
    {"a.x": 1},
    {"a.x": 1, "A().x": 2},
)
