"""`define`: functions from texts: every kind, with real closures, their own globals, and as methods."""

from __future__ import annotations

import inspect
import linecache
from types import CellType

import pytest

import recell
from recell import EMPTY, SourceError, closure, define, make_cell


def test_a_def_gives_its_function() -> None:
    """The function is what the compiler would have made, under its own name."""
    func = define("def add(a, b=2):\n    return a + b\n")
    assert (func(1), func.__name__, func.__qualname__) == (3, "add", "add")


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("async def f(): return 1", inspect.iscoroutinefunction),
        ("def f(): yield 1", inspect.isgeneratorfunction),
        ("async def f(): yield 1", inspect.isasyncgenfunction),
        ("lambda: (yield)", inspect.isgeneratorfunction),
    ],
)
def test_every_kind_of_function(text: str, check: object) -> None:
    """Generators, coroutines and async generators, with and without a closure."""
    assert check(define(text))
    assert check(define(text, name="other"))


def test_a_lambda_alone_assigned_and_named() -> None:
    """A lambda's name is what Python gives it, unless the caller says another."""
    assert define("  lambda x: x + 1")(1) == 2
    assert define("grow = lambda x: x + 1").__name__ == "<lambda>"
    named = define("lambda x: (lambda: x + y)", closure={"y": 1}, name="grow")
    assert (named(1)(), named.__name__, named.__qualname__, named.__code__.co_name) == (
        2,
        "grow",
        "grow",
        "grow",
    )
    assert named(1).__qualname__ == "grow.<locals>.<lambda>"


def test_decorators_run_and_give_the_result() -> None:
    """A decorated function is what its decorators return, with a closure or without."""
    seen = []

    def keep(func):
        seen.append(func)
        return func

    func = define("@keep\ndef f(): return 1", globals={"keep": keep})
    assert seen == [func]
    func = define("@keep\ndef f(): return x", globals={"keep": keep}, closure={"x": 1})
    assert seen[1] is func
    assert type(define("@staticmethod\ndef f(): return 1")) is staticmethod


def test_free_variables_are_real() -> None:
    """A cell is shared, a value gets a fresh cell, EMPTY an empty one, and the source may assign them."""
    cell = make_cell(1)
    bump = define("def bump():\n    nonlocal n\n    n += step\n    return n", closure={"n": cell, "step": 10})
    assert (bump(), cell.cell_contents) == (11, 11)
    assert closure(bump).cells["n"] is cell
    later = define("def f(): return x", closure={"x": EMPTY})
    with pytest.raises(NameError):
        later()
    closure(later)["x"] = 5
    assert later() == 5
    wrapped = define("def f(): return x", closure={"x": make_cell(cell)})
    assert wrapped() is cell


def test_a_closure_given_shares_its_cells() -> None:
    """A `Closure` as values shares, a dict of it copies."""

    def outer(n):
        return lambda: n

    func = outer(1)
    shared = define("def f(): return n", closure=closure(func))
    copied = define("def f(): return n", closure=dict(closure(func)))
    closure(func)["n"] = 2
    assert (shared(), copied()) == (2, 1)


def test_defaults_and_decorators_see_the_closure() -> None:
    """What is evaluated around the function is evaluated where its free variables are known."""
    func = define("@d\ndef f(a=x, *, k=[x]): return a, k, x", closure={"x": 1, "d": lambda f: f})
    assert func() == (1, [1], 1)


def test_a_function_may_use_its_own_name() -> None:
    """Recursion through a cell that the caller fills, or through a namespace of its own; given globals stay clean."""
    text = "def fact(n): return n * fact(n - 1) if n else 1"
    assert define(text)(5) == 120
    own = make_cell()
    own.cell_contents = define(text, closure={"fact": own})
    assert own.cell_contents(5) == 120
    names = {}
    func = define(text, globals=names)
    assert "fact" not in names
    names["fact"] = func
    assert func(5) == 120
    held = define(text, closure={"fact": lambda n: 7})
    assert held(2) == 14  # the cell's contents are the caller's


def test_globals_are_those_given() -> None:
    """The namespace is the very dict; `__builtins__` is supplied as `exec` does."""
    names = {"x": 3}
    func = define("def f(): return x + len('ab')", globals=names)
    assert func.__globals__ is names
    assert func() == 5


def test_calls_on_imported_names_do_what_they_do_in_their_module() -> None:
    """The compiler may treat `name.attribute()` otherwise where the module imports the name; both do the same."""
    text = "def func():\n    return os.getcwd(), (os.path.join)('a'), (os).getpid(), os.path.join('b')\n"
    space: dict = {}
    exec("import os\n" + text, space)
    assert recell.define(text, globals=space)() == space["func"]()
    bound = "def func():\n    return os.getcwd(), ''.join('ab'), value\n"
    assert recell.define(bound, globals=space, closure={"value": 2})() == (space["os"].getcwd(), "ab", 2)


def test_names_that_are_not_used_are_ignored_on_request() -> None:
    """One set of names for several texts: each takes the cells that it uses, and no other."""
    cell = recell.make_cell(1)
    names = {"used": cell, "elsewhere": 2, "local": 3, "argument": 4}
    text = "def func(argument):\n    local = argument\n    return used, local\n"
    func = define(text, closure=names, strict=False)
    assert func(5) == (1, 5)
    assert recell.closure(func).cells == {"used": cell}
    assert define("def func():\n    return 1\n", closure=names, strict=False).__closure__ is None
    with pytest.raises(recell.FreeVariableError, match="strict=False ignores what is not used"):
        define(text, closure=names)


def test_what_may_stand_beside_a_definition() -> None:
    """Imports from the future, a text, `pass`: they say nothing about the function but how it is compiled."""
    text = '"""About it."""\nfrom __future__ import annotations\npass\ndef func(n: later) -> "x":\n    return n\n'
    made = define(text)
    assert made.__annotations__ == {"n": "later", "return": "'x'"}
    nested = define("def func(n):\n    return [(lambda: func(k))() for k in range(n)]\n")
    assert nested(2) == [[], [[]]]


def test_decorators_under_blank_lines_and_comments() -> None:
    """Whatever their margin, and however their arguments are laid out."""
    space = {"mark": lambda *given: lambda func: (given, func)}
    for margin in ("", "    "):
        for arguments in ("1", "(''' a\nb ''')", "\n1,\n  2", "\n    3"):
            text = f"\n# a comment\n{margin}@mark({arguments})\n{margin}def func():\n{margin}    return 1\n"
            given, func = define(text, globals=space)
            assert func() == 1 and given
    with pytest.raises(SourceError):
        define("\n    @mark('''\n    def func(): pass\n", globals=space)
    with pytest.raises(SourceError):
        define("\n    @mark(1)\n", globals=space)


def test_a_method_is_mangled_and_finds_its_class() -> None:
    """`class_name` mangles private names and gives a `__class__` cell."""

    class Base:
        def name(self):
            return "base"

    class C(Base):
        _C__secret = 5

    text = "    def name(self, __own=1):\n        return super().name(), self.__secret, __own, __class__\n"
    func = define(text, class_name="C")
    assert func.__qualname__ == "C.name"
    assert closure(func).cells["__class__"] == CellType()
    closure(func)["__class__"] = C
    C.name = func
    assert C().name() == ("base", 5, 1, C)
    other = define(text, class_name="C", closure={"__class__": C})
    assert other(C()) == ("base", 5, 1, C)
    assert define("def f(self): return __x", class_name="_C", closure={"__x": 3})(0) == 3
    assert define("def f(self): return 1", class_name="C", closure={"__class__": C})(0) == 1


def test_nested_names_show_no_scaffold() -> None:
    """Qualified names of all that is nested read as if the text stood in a module."""
    text = """
        def f():
            class C:
                def m(self):
                    return x
            def g():
                return [y for y in (x,)]
            return C, C.m, g, (lambda: x)
    """
    for options in ({"closure": {"x": 1}}, {"globals": {"x": 1}}, {"globals": {"x": 1}, "name": "other"}):
        func = define(text, **options)
        name = options.get("name", "f")
        cls, method, inner, lam = func()
        assert func.__qualname__ == name
        assert cls.__qualname__ == f"{name}.<locals>.C"
        assert method.__qualname__ == f"{name}.<locals>.C.m"
        assert inner.__qualname__ == f"{name}.<locals>.g"
        assert lam.__qualname__ == f"{name}.<locals>.<lambda>"
        assert inner() == [1]


def test_annotations_of_the_module_count() -> None:
    """Globals with `from __future__ import annotations` make the text's annotations strings too."""
    names = {}
    exec("from __future__ import annotations", names)
    func = define("def f(a: nowhere): pass", globals=names)
    assert func.__annotations__ == {"a": "nowhere"}
    func = define("def f(a: int): return x", closure={"x": 1})
    assert func.__annotations__ == {"a": int}  # not the annotations of this file


HEADS = [
    "a, b=2, /, c=None, *rest, d='x', e, f=..., **more",
    "a, b=-2, c=(1, 2)",
    "a=1.5, *, b=b'x'",
    "self, *, __private=1",
    "",
]


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("start", ["", "async "])
@pytest.mark.parametrize("class_name", [None, "C"])
def test_a_head_of_constants_only_and_one_that_runs(head: str, start: str, class_name: str | None) -> None:
    """Nothing runs for defaults that are constants; the function is the one that a decorated text gives."""
    text = f"{start}def func({head}):\n    'Doc.'\n    return [free for _ in ()], lambda: free\n"
    space = {"__name__": "somewhere", "same": lambda func: func}
    made = define(text, globals=space, closure={"free": 1}, class_name=class_name)
    other = define("@same\n" + text, globals=space, closure={"free": 1}, class_name=class_name)
    assert inspect.signature(made) == inspect.signature(other)
    for name in (
        "__name__",
        "__qualname__",
        "__module__",
        "__doc__",
        "__defaults__",
        "__kwdefaults__",
        "__dict__",
    ):
        assert getattr(made, name) == getattr(other, name), name
    assert made.__qualname__ == ("func" if class_name is None else "C.func")
    code, same = made.__code__, other.__code__
    assert (code.co_code, code.co_consts[0], code.co_flags) == (
        same.co_code,
        same.co_consts[0],
        same.co_flags,
    )
    assert [getattr(const, "co_name", None) for const in code.co_consts] == [
        getattr(const, "co_name", None) for const in same.co_consts
    ]
    for found in (code, *[const for const in code.co_consts if hasattr(const, "co_code")]):
        assert "<binder>" not in getattr(found, "co_qualname", "")
        assert linecache.getlines(found.co_filename)


def test_names_may_be_of_a_subclass() -> None:
    """A subclass of `str` is the plain name."""

    class Name(str):
        pass

    func = define(
        "def f(): return x, f2()", closure={Name("x"): 1}, name=Name("g"), globals={"f2": lambda: 2}
    )
    assert func() == (1, 2)
    assert type(func.__name__) is type(func.__code__.co_freevars[0]) is str
