"""`define`: what a text gives, where its lines are, when they go, and what is refused."""

from __future__ import annotations

import copy
import cProfile
import doctest
import gc
import inspect
import io
import linecache
import pdb
import pickle
import subprocess
import sys
import textwrap
import threading
import traceback
import warnings
from types import CellType

import pytest
from sizes import pick

import recell
from recell import EMPTY, FreeVariableError, SourceError, closure, define, make_cell


def lines_of(func: object) -> list[str]:
    return linecache.getlines(func.__code__.co_filename)


# -- what a text may be -----------------------------------------------------------------------------


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


def test_calls_on_imported_names_are_compiled_as_in_their_module() -> None:
    """The compiler treats `name.attribute()` otherwise where the module imports the name, parentheses or not."""
    text = "def func():\n    return os.getcwd(), (os.path.join)('a'), (os).getpid(), os.path.join('b')\n"
    space: dict = {}
    exec("import os\n" + text, space)
    assert recell.define(text, globals=space).__code__.co_code == space["func"].__code__.co_code


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


# -- lines and columns ------------------------------------------------------------------------------

INDENTED = '''
      # a comment

    @keep("""
    @not a decorator
    def nor this
""")
    def f(a):
        text = """first
  second
last"""
        return text, \\
    a / 0
'''


def test_indented_text_keeps_lines_columns_and_strings() -> None:
    """Nothing in the text moves: not its lines, not its columns, not what stands inside strings."""
    seen = []

    def keep(text):
        seen.append(text)
        return lambda func: func

    func = define(INDENTED, globals={"keep": keep})
    assert seen == ["\n    @not a decorator\n    def nor this\n"]
    assert func.__code__.co_firstlineno == 4
    assert "first\n  second\nlast" in func.__code__.co_consts
    same = define(INDENTED, globals={"keep": keep}, closure=None, name="f")
    assert same.__code__ == func.__code__
    with pytest.raises(ZeroDivisionError) as caught:
        func(1)
    assert caught.traceback[-1].lineno + 1 in (12, 13)
    if hasattr(func.__code__, "co_positions"):
        columns = [position[2] for position in func.__code__.co_positions() if position[0] == 13]
        assert 4 in columns


def test_tabs_and_carriage_returns() -> None:
    """Indentation by tabs, and lines that end otherwise."""
    assert define("\tdef f(a):\n\t\tif a:\n\t\t\treturn 1\n\t\treturn 2")(0) == 2
    func = define("\r\n    def f():\r\n        return 1 /0\r\n")
    assert inspect.getsource(func) == "    def f():\n        return 1 /0\n"


def test_traceback_getsource_and_getsourcelines() -> None:
    """A defined closure that raises three frames deep shows the lines of all three."""
    text = textwrap.dedent(
        """
        def outer(n):
            def middle():
                def inner():
                    return n / zero
                return inner()
            return middle()
        """
    )
    func = define(text, closure={"zero": 0})
    with pytest.raises(ZeroDivisionError) as caught:
        func(1)
    shown = "".join(traceback.format_exception(caught.type, caught.value, caught.tb))
    for line in ("return n / zero", "return inner()", "return middle()"):
        assert line in shown
    assert inspect.getsource(func) == text.lstrip("\n")
    assert inspect.getsourcelines(func) == (text.lstrip("\n").splitlines(keepends=True), 2)
    linecache.checkcache()
    assert lines_of(func)


def test_pdb_lists_and_steps() -> None:
    """The debugger shows the text's lines and stops in them."""
    func = define("def f(a):\n    b = a + 1\n    return b * 2\n")
    out = io.StringIO()
    debugger = pdb.Pdb(
        stdin=io.StringIO("step\nlist\nnext\nnext\np b\ncontinue\n"), stdout=out, nosigint=True
    )
    debugger.use_rawinput = False
    previous = sys.gettrace()
    try:
        assert debugger.runcall(func, 3) == 8
    finally:
        sys.settrace(previous)
    shown = out.getvalue()
    assert "b = a + 1" in shown
    assert "return b * 2" in shown


def test_warnings_and_doctest_find_the_lines() -> None:
    """A warning names the text's file and line; a doctest in the docstring runs."""
    func = define(
        '''
        def f():
            """
            >>> 1 + 1
            2
            """
            import warnings
            warnings.warn("now", stacklevel=1)
        '''
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        func()
    assert (caught[0].filename, caught[0].lineno) == (func.__code__.co_filename, 8)
    assert "warnings.warn" in warnings.formatwarning(caught[0].message, UserWarning, caught[0].filename, 8)
    (test,) = doctest.DocTestFinder().find(func, "f", module=False)
    assert len(test.examples) == 1
    assert doctest.DocTestRunner(verbose=False).run(test).failed == 0


def test_every_default_file_name_is_new_and_a_given_one_is_kept() -> None:
    """`<recell f #1>` style by default; deterministic on request."""
    first, second = define("def f(): pass"), define("def f(): pass")
    assert first.__code__.co_filename != second.__code__.co_filename
    assert first.__code__.co_filename.startswith("<recell f #")
    named = define("def f(): pass", filename="<mine>")
    assert named.__code__.co_filename == "<mine>"
    assert inspect.getsource(named) == "def f(): pass\n"


# -- the life of the lines --------------------------------------------------------------------------


def test_the_lines_go_with_the_last_code_object() -> None:
    """Nested functions and copies of the code keep the entry; the last one takes it away."""
    func = define("def f(): return lambda: 1 + x", closure={"x": 1})
    name = func.__code__.co_filename
    inner = func()
    derived = inner.__code__.replace(co_name="other")
    del func, inner
    gc.collect()
    assert name in linecache.cache
    del derived
    gc.collect()
    assert name not in linecache.cache


def test_two_texts_under_one_name() -> None:
    """Equal texts share an entry until the last goes; another text takes its place."""
    one = define("def f(): return 1", filename="<shared>")
    two = define("def f(): return 1", filename="<shared>")
    del one
    assert inspect.getsource(two) == "def f(): return 1\n"
    three = define("def g(): return 2", filename="<shared>")
    del two
    assert inspect.getsource(three) == "def g(): return 2\n"
    del three
    assert "<shared>" not in linecache.cache


def test_file_name_and_code_are_plain_to_tools(tmp_path) -> None:
    """An exact string as file name; equal code; what leaves the process holds no lines; profiles can be saved."""
    func = define("def f(): return len([1])")
    name = func.__code__.co_filename
    assert type(name) is str
    (plain,) = [
        c for c in compile("def f(): return len([1])", "", "exec", 0, True).co_consts if hasattr(c, "co_code")
    ]
    assert func.__code__ == plain
    assert hash(func.__code__) == hash(plain)
    assert type(pickle.loads(pickle.dumps(func.__code__.co_names))) is tuple
    assert type(copy.deepcopy(func.__code__.co_names)) is tuple
    profile = cProfile.Profile()
    profile.runcall(func)
    profile.dump_stats(str(tmp_path / "stats"))
    del func, profile
    gc.collect()
    assert name not in linecache.cache  # whoever holds the name alone


def test_edited_code_keeps_its_lines() -> None:
    """Whatever recell makes of a defined function shows the text too, when the original is gone."""
    func = define("def f(a):\n    return a + x\n", globals={"x": 1})
    made = [
        recell.substitute(func, rename={"a": "b", "x": "x2"}),
        recell.promote(func, x=2),
        recell.freeze(func, x=3),
        recell.replace(func, name="g"),
    ]
    del func
    gc.collect()
    for each in made:
        assert inspect.getsource(each) == "def f(a):\n    return a + x\n"


def test_a_hundred_thousand_definitions_leave_memory_flat() -> None:
    """Nothing is kept of functions that are gone."""
    count = pick(4_000, 100_000)
    gc.collect()
    entries = len(linecache.cache)
    objects = []
    for number in range(count):
        if number in (count // 2, count - 1):
            gc.collect()
            objects.append(len(gc.get_objects()))
        define("def f(a): return a + n", closure={"n": number} if number % 2 else None, globals={"n": 1})
    gc.collect()
    assert len(linecache.cache) == entries
    assert abs(objects[1] - objects[0]) < 50


def test_threads_may_define_at_once() -> None:
    """Every thread gets its own function with its own lines."""
    failures = []

    def work(number: int) -> None:
        for index in range(pick(60, 2000)):
            text = f"def f(a):\n    return a + {number} + n  # {index}\n"
            func = define(text, closure={"n": index})
            if func(1) != 1 + number + index or inspect.getsource(func) != text:
                failures.append((number, index))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not failures


def test_coverage_is_undisturbed() -> None:
    """A file name in angle brackets is no file to any tool, and nothing is left behind at the end of a program."""
    program = "import recell; f = recell.define('def f(): return x', closure={'x': 1}); print(f())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("1\n", "")


# -- what is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("def f(:\n  pass", 1, 7),
        ("\n    def f():\n        x = = 1\n", 3, 13),
        ("", 1, 1),
        ("# only a comment", 1, 1),
        ("x = 1", 1, 1),
        ("x + 1", 1, 1),
        ("def f(): pass\ndef g(): pass", 2, 1),
        ("    def f(): pass\nx = 1", 2, 1),
        ("def f(): pass\nprint(1)", 2, 1),
        ("def f(): pass\nif 0: print(1)", 2, 1),
        ("if 1:\n  def f(): pass\nelse: x", 1, 1),
        ("class f: pass", 1, 1),
        ("def f():\n    return '\0'", 2, 13),
        ("def f():\n    return '\ud800'", 2, 13),
        ("lambda: 0, 1", 1, 1),
        ("f = g(lambda: 0)", 1, 1),
        ("return 1", 1, 1),
        ("def f():\n        return 1\n    return 2", 3, None),
        ("def f(a=1, b): pass", 1, None),
        ("def f():\n    nonlocal x\n    x = 1", 2, None),
        ("def f(): pass\n\fprint(1)", 2, None),
    ],
)
@pytest.mark.parametrize("options", [{}, {"name": "other"}], ids=["plain", "tree"])
def test_a_text_that_is_not_one_definition(text: str, line: int, column: int | None, options: dict) -> None:
    """The error is a SyntaxError with the caller's line and column, and nothing is registered."""
    before = dict(linecache.cache)
    with pytest.raises(SourceError) as caught:
        define(text, **options)
    error = caught.value
    assert isinstance(error, (SyntaxError, ValueError))
    assert error.lineno == line
    assert column is None or error.offset == column
    assert f"line {line}" in str(error)
    assert error.msg
    assert error.filename
    assert not linecache.cache.keys() - before
    again = pickle.loads(pickle.dumps(error))
    assert (again.lineno, again.offset, again.text, str(again)) == (
        error.lineno,
        error.offset,
        error.text,
        str(error),
    )


@pytest.mark.parametrize(
    "options",
    [
        {"name": "a b"},
        {"name": "class"},
        {"class_name": "1"},
        {"closure": {"not a name": 1}},
        {"closure": {"None": 1}},
    ],
)
def test_names_that_are_none(options: dict) -> None:
    """Keywords and what is no identifier are refused."""
    with pytest.raises(SourceError):
        define("def f(): return x", **options)


@pytest.mark.parametrize(
    "text", ["def f(): return y", "def f(x): return x", "def f():\n    x = 1\n    return x"]
)
def test_a_free_variable_that_is_none(text: str) -> None:
    """A name in `closure` that the function does not use as a free variable is a mistake."""
    before = dict(linecache.cache)
    with pytest.raises(FreeVariableError) as caught:
        define(text, closure={"x": 1})
    assert caught.value.name == "x"
    assert not linecache.cache.keys() - before


@pytest.mark.parametrize(
    "call",
    [
        lambda: define(b"def f(): pass"),
        lambda: define("def f(): pass", globals=[]),
        lambda: define("def f(): pass", closure=[1]),
        lambda: define("def f(): pass", filename=1),
        lambda: define("def f(): pass", name=1),
        lambda: define("def f(): pass", closure={1: 1}),
    ],
)
def test_wrong_types(call: object) -> None:
    """Wrong types are plain TypeErrors."""
    with pytest.raises(TypeError):
        call()


def test_an_error_of_a_decorator_shows_its_line() -> None:
    """What a decorator or default raises comes through, with the text's line in the traceback."""
    for options in ({}, {"closure": {"x": 1}}):
        with pytest.raises(ZeroDivisionError) as caught:
            define("def f(a=1 / 0): return x", **options)
        assert "1 / 0" in "".join(traceback.format_exception(caught.type, caught.value, caught.tb))


def test_the_module_is_the_public_home() -> None:
    """`recell.source` has all three."""
    from recell import source

    assert (source.define, source.build_function, source.forward) == (
        recell.define,
        recell.build_function,
        recell.forward,
    )
