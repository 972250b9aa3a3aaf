"""What other modules were given stays theirs and follows: registries, decorators from elsewhere, functions of one name."""

from __future__ import annotations

import sys
import types
import typing
from typing import Any, Callable, Iterator, List

import pytest
from reload_modules import make, text

import recell

_ = make  # a fixture


@pytest.fixture()
def tools(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A module of decorators."""
    module = types.ModuleType("tools")
    exec(
        text("""
        import functools
        COMMANDS = {}
        LIST = []
        class Command:
            def __init__(self, f): self.callback = f
        def command(f):
            made = COMMANDS[f.__name__] = Command(f)
            return made
        def listed(f):
            LIST.append(f)
            return f
        def deco(f):
            @functools.wraps(f)
            def wrapper(*a): return "deco", f(*a)
            return wrapper
        def variant(other):
            def decorator(f):
                @functools.wraps(other)
                def wrapper(*a): return "deco", other(*a)
                return wrapper
            return decorator
        class Registry:
            def __init__(self): self.functions = []
            def register(self, f):
                self.functions.append(f)
                return self
            def __call__(self): return [f() for f in self.functions]
        """),
        vars(module),
    )
    monkeypatch.setitem(sys.modules, "tools", module)
    yield module


def changed(module: types.ModuleType, old: str, new: str, **how: Any) -> recell.Report:
    return recell.reload(module, source=text(new), was=text(old), **how)


def test_a_body_under_a_decorator_registers_nothing(tools: Any, make: Callable[..., Any]) -> None:
    """The object that a registry holds stays, and what it calls is the new text; a swap of that is seen there."""
    old = "import tools\n@tools.command\ndef show(): return 'one'\n"
    module = make(old)
    command = tools.COMMANDS["show"]
    report = changed(module, old, old.replace("one", "two"))
    assert report.ran == () and tools.COMMANDS == {"show": command} and module.show is command
    assert command.callback() == "two"
    with recell.swap(module.show.callback, lambda: "patched"):
        assert tools.COMMANDS["show"].callback() == "patched"
    report.undo()
    assert command.callback() == "one"


DECORATED = "import tools\n@tools.deco\ndef f(x): return 'old', x\n"
PLAIN = DECORATED.replace("@tools.deco\n", "")
OTHER = "import tools\ndef s(x): return 'other'\n@tools.variant(s)\ndef f(x): return 'unused'\n"


@pytest.mark.parametrize(
    "old, new, expected",
    [
        (PLAIN, DECORATED.replace("old", "new"), ("deco", ("new", 1))),
        (DECORATED, DECORATED.replace("old", "new"), ("deco", ("new", 1))),
        (DECORATED, PLAIN.replace("old", "new"), ("new", 1)),
        (PLAIN, OTHER, ("deco", "other")),
        (PLAIN, OTHER.replace("\ndef f", "\nasync def f"), ("deco", "other")),
    ],
    ids=["added", "body", "removed", "another function", "another kind"],
)
def test_a_decorator_from_elsewhere(
    old: str, new: str, expected: Any, tools: Any, make: Callable[..., Any]
) -> None:
    """Who holds the function sees what a fresh import gives, under the same identity; and back."""
    module = make(old)
    f, before = module.f, module.f(1)
    report = changed(module, old, new)
    assert module.f is f and f(1) == expected
    report.undo()
    assert f(1) == before


TIMED = """
def timed(f):
    return lambda *a: ['timed', *f(*a)]
def logged(f):
    return lambda *a: ['logged', *f(*a)]
"""


def test_a_decorator_added_beneath_another(make: Callable[..., Any]) -> None:
    old = TIMED + "@timed\ndef view(): return ['v']\n"
    module = make(old)
    view = module.view
    report = changed(module, old, old.replace("@timed\n", "@timed\n@logged\n"))
    assert view() == module.view() == ["timed", "logged", "v"] and module.view is view
    second = recell.reload(module, source=text(TIMED + "def view(): return ['v']\n"))
    assert view() == ["v"]
    second.undo()
    assert view() == ["timed", "logged", "v"]
    report.undo()
    assert view() == ["timed", "v"]


def test_a_decorator_added_beneath_a_classmethod(make: Callable[..., Any]) -> None:
    old = TIMED + "class A:\n    @classmethod\n    def c(cls): return ['v']\n"
    module = make(old)
    bound = module.A.c
    changed(module, old, old.replace("@classmethod\n", "@classmethod\n    @timed\n"))
    assert bound() == module.A.c() == ["timed", "v"]


def test_an_assigned_wrapper_follows_its_argument(make: Callable[..., Any]) -> None:
    old = TIMED + "def one(): return [1]\ndef two(): return [2]\nv = timed(one)\n"
    module = make(old)
    held = module.v
    report = changed(module, old, old.replace("timed(one)", "timed(two)"))
    assert module.v() == held() == ["timed", 2] and report.ran == ("v",)


def test_names_follow_what_decorators_give() -> None:
    """`__name__`, `__qualname__` and `__wrapped__` are those of a fresh import."""
    old = text("""
        import functools
        def variant(other):
            def decorator(f):
                @functools.wraps(other)
                def wrapper(*a): return f(*a)
                return wrapper
            return decorator
        def other(): pass
        def renamed(f):
            f.__name__ = "renamed"; f.__qualname__ = "Q"
            return f
        def plain(f): return f
        @variant(other)
        def first(): return "A"
        @plain
        def second(): return 1
    """)
    new = old.replace("wraps(other)", "wraps(f)").replace("@plain", "@renamed")
    module = types.ModuleType("named")
    exec(compile(old, "named.py", "exec", dont_inherit=True), vars(module))
    first, second = module.first, module.second
    recell.reload(module, source=new, was=old)
    assert (first.__name__, first.__qualname__, first.__wrapped__.__name__) == ("first", "first", "first")
    assert (second.__name__, second.__qualname__) == ("renamed", "Q")
    assert module.first is first and module.second is second


@pytest.mark.parametrize("edit", ["'B", "7 and 'B", "print(end='') or 'B"])
@pytest.mark.parametrize("future", ["", "from __future__ import annotations\n"])
def test_functions_of_one_name(edit: str, future: str, tools: Any, make: Callable[..., Any]) -> None:
    """Each keeps its own text, in whatever order the heap has them, also where a `__future__` changes them all."""
    old = "import tools\n" + "".join(f"@tools.listed\ndef _(x): return 'A{n}'\n" for n in range(4))
    module = make(old)
    held = list(tools.LIST)
    changed(module, old, future + old.replace("'A", edit))
    assert [f(1) for f in held] == ["B0", "B1", "B2", "B3"] and tools.LIST == held
    assert module._ is held[3]


def test_functions_of_one_name_in_an_object(tools: Any, make: Callable[..., Any]) -> None:
    """A registry that returns itself keeps its functions, and only the one that was edited changes."""
    old = "import tools\napp = tools.Registry()\n" + "".join(
        f"@app.register\ndef do(): return 'old{n}'\n" for n in range(3)
    )
    for at in range(3):
        module = make(old)
        report = changed(module, old, old.replace(f"'old{at}'", f"'new{at}'"))
        assert module.app() == [("new" if n == at else "old") + str(n) for n in range(3)]
        assert not report.ran


def test_single_dispatch_and_accessors(make: Callable[..., Any]) -> None:
    """Implementations and accessors of one name are told apart by place, not by the order in which they are found."""
    old = text("""
        from functools import singledispatch
        @singledispatch
        def show(x): return "A-object"
        @show.register(int)
        def _(x): return "A-int"
        @show.register(str)
        def _(x): return "A-str"
        class C:
            @property
            def x(self): return "A-get"
            @x.setter
            def x(self, v): self.log = "A-set"
            @x.deleter
            def x(self): self.log = "A-del"
    """)

    def seen(module: Any) -> List[str]:
        c = module.C()
        found = [module.show(x) for x in (object(), 1, "")] + [c.x]
        c.x = 1
        found.append(c.log)
        del c.x
        return [*found, c.log]

    for new in (
        old.replace('"A-', '"B-'),
        "from __future__ import annotations\n" + old.replace('"A-', 'x and "B-'),
    ):
        module = make(old)
        if "x and" in new:
            new = new.replace('x and "B-', '"B-')
        changed(module, old, new)
        assert seen(module) == ["B-object", "B-int", "B-str", "B-get", "B-set", "B-del"]


def test_overloads_that_come_and_go(make: Callable[..., Any]) -> None:
    """What is held is the implementation, not a stub."""
    plain = "import typing as t\nclass C:\n    def get(self, a): return 'A'\ndef top(a): return 'A'\n"
    stubs = "{0}@t.overload\n{0}def {1}a: int) -> int: ...\n{0}@t.overload\n{0}def {1}a: str) -> str: ...\n"
    full = (
        "import typing as t\nclass C:\n"
        + stubs.format("    ", "get(self, ")
        + "    def get(self, a, b=1): return 'B'\n"
        + stubs.format("", "top(")
        + "def top(a, b=1): return 'B'\n"
    )
    for old, new, expected in ((plain, full, "B"), (full, plain.replace("'A'", "'C'"), "C")):
        module = make(old)
        get, top = module.C().get, module.top
        changed(module, old, new)
        assert (get(1), top(1), module.C().get(1), module.top(1)) == (expected,) * 4
    assert typing


def test_objects_that_the_text_makes(make: Callable[..., Any]) -> None:
    """Compiled patterns, times, numbers, paths: where the line changed, it runs."""
    old = text("""
        import re, datetime, decimal
        R = re.compile("a+")
        D = datetime.timedelta(seconds=1)
        N = decimal.Decimal("1.5")
        T = (re.compile("a+"),)
        X = 1
        def f(s): return bool(R.match(s))
    """)
    module = make(old)
    f = module.f
    new = (
        old.replace('"a+"', '"b+"')
        .replace("seconds=1", "seconds=2")
        .replace("1.5", "2.5")
        .replace("X = 1", "X = 2")
    )
    report = changed(module, old, new)
    assert (module.R.pattern, module.D.seconds, str(module.N), module.X) == ("b+", 2, "2.5", 2)
    assert f("b") and module.T[0].pattern == "b+"
    assert report.ran == ("R", "D", "N", "T")
    report.undo()
    assert f("a") and module.X == 1


SELVES = ["names = globals()", "d = {}\nd['self'] = d", "l = []\nl.append(l)", "t = ([],)\nt[0].append(t)"]


@pytest.mark.parametrize("lines", SELVES)
@pytest.mark.parametrize("known", [True, False])
def test_data_that_holds_itself(lines: str, known: bool, make: Callable[..., Any]) -> None:
    old = f"{lines}\ndef f(): return 1\n"
    module = make(old)
    new = old.replace("return 1", "return 2")
    recell.reload(module, source=new, was=old if known else None)
    assert module.f() == 2


def test_slots_stay_what_they_are(make: Callable[..., Any]) -> None:
    """Descriptors of slots are never copied; a `__slots__` that the text deletes afterwards is no change of layout."""
    old = text("""
        class P(Exception):
            __slots__ = ("path",)
            def __init__(self, path): self.path = path
            def show(self): return self.path
        class U:
            __slots__ = ("a", "b")
            def m(self): return 1
        del U.__slots__
    """)
    for how in ({}, {"data": "rerun"}, {"rerun": True}):
        module = make(old)
        p, slot = module.P(1), vars(module.P)["path"]
        report = changed(module, old, old.replace("return self.path", "return self.path, 2"), **how)
        assert p.show() == (1, 2) and module.P(3).show() == (3, 2) and vars(module.P)["path"] is slot
        report.undo()
        assert p.show() == 1 and module.P(4).show() == 4
    module = make(old)
    report = changed(module, old, old.replace("del U.__slots__\n", "").replace("return 1", "return 2"))
    assert module.U().m() == 2 and module.U.__slots__ == ("a", "b")
    report.undo()
    assert "__slots__" not in vars(module.U)


def test_a_descriptor_for_the_class(make: Callable[..., Any]) -> None:
    old = text("""
        class Lookup:
            def __get__(self, obj, owner): return owner if obj is None else int
        class Proxy:
            __class__ = Lookup()
            def show(self): return 1
    """)
    for how in ({}, {"data": "rerun"}):
        module = make(old)
        proxy = module.Proxy()
        changed(module, old, old.replace("return 1", "return 2"), **how)
        assert proxy.show() == 2 and proxy.__class__ is int


def test_a_class_that_names_another_module(make: Callable[..., Any]) -> None:
    """Which class is the text's own is told by the text: `except` still catches what was raised before."""
    old = "class Failed(Exception):\n    def show(self): return 1\nFailed.__module__ = 'front'\n"
    module = make(old)
    failed, error = module.Failed, module.Failed()
    changed(module, old, "\n\n" + old.replace("return 1", "return 2"))
    assert module.Failed is failed and error.show() == 2 and failed.__module__ == "front"


def test_models_follow_whole_or_are_refused_whole(make: Callable[..., Any]) -> None:
    """attrs' two ways: with a `__dict__` a field can be added, with slots it cannot."""
    pytest.importorskip("attr")
    old = "import attr\n@attr.s(auto_attribs=True)\nclass P:\n    x: int = 1\n"
    module = make(old)
    point = module.P(1)
    changed(module, old, old + "    y: int = 4\n")
    import attr

    assert attr.asdict(module.P(1)) == {"x": 1, "y": 4} and isinstance(point, module.P)
    old = old.replace("@attr.s(auto_attribs=True)", "@attr.define")
    module = make(old)
    with pytest.raises(recell.ReloadRefused, match="__slots__"):
        changed(module, old, old + "    y: int = 4\n")
    assert attr.asdict(module.P(1)) == {"x": 1}


def test_a_named_tuple_and_those_made_of_it(make: Callable[..., Any]) -> None:
    old = "import typing\nclass P(typing.NamedTuple):\n    x: int = 1\n    def f(self): return self.x\n"
    module = make(old)
    P, p = module.P, module.P(5)
    changed(module, old, old.replace("x: int = 1", "x: int = 2").replace("return self.x", "return -self.x"))
    assert module.P is P and p.f() == -5 and P().f() == -2
