"""The lines of what `define` makes: what tracebacks, pdb and `inspect` show, and for how long."""

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

import pytest
from sizes import pick

import recell
from recell import define


def lines_of(func: object) -> list[str]:
    return linecache.getlines(func.__code__.co_filename)


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


def test_the_lines_of_a_file_stay_what_they_are(tmp_path, monkeypatch) -> None:
    """A text under the name of a real file never shows in that file's tracebacks, whether it was read before or not."""
    path = tmp_path / "real.py"
    path.write_text("def broken():\n    return 1 / 0  # the real line\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in (str(path), "real.py"):
        for read_before in (False, True):
            linecache.clearcache()
            if read_before:
                linecache.getlines(name)
            func = define("def f():\n    secret = 1\n    return 1 / 0", filename=name)
            assert linecache.getline(name, 2) == "    return 1 / 0  # the real line\n"
            linecache.checkcache()
            assert func.__code__.co_filename == name
            del func
            assert linecache.getline(name, 2) == "    return 1 / 0  # the real line\n"


def test_lines_that_somebody_else_registered_stay(tmp_path) -> None:
    """A cell of a notebook, say; and when a file is gone, its name is free."""
    linecache.cache["<cell 1>"] = entry = (5, None, ["cell\n"], "<cell 1>")
    func = define("def f(): return 1", filename="<cell 1>")
    assert linecache.cache.pop("<cell 1>") is entry
    again = define("def f(): return 1", filename="<cell 1>")
    assert inspect.getsource(again) == inspect.getsource(func) == "def f(): return 1\n"
    path = tmp_path / "empty.py"
    path.write_text("")
    func = define("def f(): return 1", filename=str(path))
    assert "".join(linecache.getlines(str(path))).strip() == ""
    path.unlink()
    func = define("def f(): return 1", filename=str(path))
    assert inspect.getsource(func) == "def f(): return 1\n"


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
    count = pick(1_500, 100_000)
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
