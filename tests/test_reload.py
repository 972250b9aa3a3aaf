"""reload: what a caller sees of it, and what cannot be reloaded."""

from __future__ import annotations

import inspect
import linecache
import marshal
import py_compile
import subprocess
import sys
import traceback
import types
from pathlib import Path
from typing import Any, Callable

import pytest
from reload_modules import RICH, RICHER, make, same, snapshot, text, write

import recell

_ = (make, write)  # fixtures


# -- what a caller sees -------------------------------------------------------------------------


def test_it_reads_the_file_again(write: Callable[[str], Path]) -> None:
    """Without source= the module's file is read; tracebacks and getsource show the new text."""
    write("def f():\n    return 1 / 0  # old\n")
    import edited_file as module  # type: ignore[import-not-found]

    f = module.f
    assert "# old" in inspect.getsource(f)
    write("# a line\ndef f():\n    return 1 / 0  # new\n")
    report = recell.reload(module)
    assert module.f is f
    assert "# new" in inspect.getsource(f)
    with pytest.raises(ZeroDivisionError) as caught:
        f()
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (last.lineno, last.line) == (3, "return 1 / 0  # new")
    assert last.filename == module.__file__
    report.undo()


def test_given_text_is_shown_until_undo(make: Callable[..., types.ModuleType]) -> None:
    """Text passed as source= stands in tracebacks, and no longer after undo."""
    module = make("def f(): return 1")
    linecache.cache["edited.py"] = before = (1, None, ["def f(): return 1\n"], "edited.py")
    report = recell.reload(module, source="\n\ndef f():\n    return 'new text'\n")
    assert inspect.getsource(module.f) == "def f():\n    return 'new text'\n"
    linecache.checkcache()
    assert inspect.getsource(module.f) == "def f():\n    return 'new text'\n"
    report.undo()
    assert linecache.cache["edited.py"] is before
    linecache.clearcache()


def test_bytes_with_an_encoding(make: Callable[..., types.ModuleType]) -> None:
    """Text given as bytes is decoded as Python decodes a file."""
    module = make("def f(): return ''")
    recell.reload(module, source="# -*- coding: latin-1 -*-\ndef f(): return 'ä'\n".encode("latin-1"))
    assert module.f() == "ä"


def test_report_is_a_change(make: Callable[..., types.ModuleType]) -> None:
    """A report is active at once, is undone once, can be done again, and works as a context manager."""
    module = make("def f(): return 1")
    report = recell.reload(module, source="def f(): return 2")
    assert isinstance(report, recell.Change)
    assert isinstance(report, recell.Report)
    assert report.active
    report.undo()
    assert not report.active
    assert module.f() == 1
    with pytest.raises(recell.ChangeError):
        report.undo()
    report.start()
    assert module.f() == 2
    report.undo()
    with recell.reload(module, source="def f(): return 3") as change:
        assert module.f() == 3
        assert "active" in repr(change)
    assert module.f() == 1


def test_report_prints_as_a_table(make: Callable[..., types.ModuleType]) -> None:
    """What changed, how many closures followed, what was left and why: one line each."""
    module = make(
        """
        X = 1
        def make(a, b):
            def inner(): return a
            return inner
        def f(): return 1
        def g(): return 1
        """
    )
    inner = [module.make(1, 2) for _ in range(3)]
    module.X = 5
    report = recell.reload(
        module,
        source=text(
            """
            X = 2
            def make(a, b):
                def inner(): return a, b
                return inner
            def f(): return 2
            def h(): return 1
            """
        ),
    )
    assert str(report).splitlines() == [
        "reload of edited: 1 ran, 3 changed, 1 added, 1 removed, 1 kept, 1 left",
        "  ran      h",
        "  changed  make, make.<locals>.inner, f",
        "  added    h",
        "  removed  g",
        "  kept     X: stays 5: the program has bound it since",
        "  left     make.<locals>.inner: one that exists already has no `b`: that variable went when its outer call returned",
    ]
    assert [func() for func in inner] == [1, 1, 1]
    assert repr(report).startswith("<reload of edited: 1 ran, 3 changed")


def test_two_reloads_leave_in_any_order(make: Callable[..., types.ModuleType]) -> None:
    """Each report takes its own layer away, wherever it lies."""
    module = make("def f(): return 1")
    before = snapshot(module)
    first = recell.reload(module, source="def f(): return 2\ndef g(): return 2")
    second = recell.reload(module, source="def f(): return 3\ndef g(): return 3")
    assert (module.f(), module.g()) == (3, 3)
    first.undo()
    assert module.f() == 3
    second.undo()
    assert same(before, snapshot(module))


def test_ten_reloads_and_back(make: Callable[..., types.ModuleType]) -> None:
    """Reports undone from the last to the first lead through every state back to the first."""
    module = make("def f(): return 0\nclass A:\n    def g(self): return 0")
    f, a = module.f, module.A()
    before = snapshot(module)
    reports = [
        recell.reload(
            module,
            source=f"{'#' * n}\ndef f(): return {n}\nclass A:\n    def g(self): return {n}\n    def h{n}(self): return super()",
        )
        for n in range(1, 11)
    ]
    for n in range(10, 0, -1):
        assert (f(), a.g(), hasattr(a, f"h{n}")) == (n, n, True)
        reports[n - 1].undo()
    assert same(before, snapshot(module))


# -- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", ["json", None, 5, object(), len, dict], ids=repr)
def test_no_module(wrong: Any) -> None:
    """What is no module is a TypeError that says what it is."""
    with pytest.raises(TypeError, match="needs a module"):
        recell.reload(wrong)


def test_no_such_data_option(make: Callable[..., types.ModuleType]) -> None:
    """`data` is one of three words, or names; source is text."""
    module = make("X = 1")
    for wrong in ("no", 5, ["X", 1]):
        with pytest.raises(ValueError, match="'changed'.*'keep'.*'rerun'"):
            recell.reload(module, source="", data=wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="source must be"):
        recell.reload(module, source=5)  # type: ignore[arg-type]


def test_syntax_error(make: Callable[..., types.ModuleType]) -> None:
    """Text that does not compile is a SourceError with line and column, and nothing has changed."""
    module = make(RICH)
    before = snapshot(module)
    with pytest.raises(recell.SourceError, match="does not compile") as caught:
        recell.reload(module, source="def f(): return 1\ndef g(: pass\n")
    assert isinstance(caught.value, SyntaxError)
    assert caught.value.lineno == 2
    assert caught.value.filename == "edited.py"
    assert same(before, snapshot(module))
    with pytest.raises(SyntaxError):
        recell.reload(module, source="x = '\0'", dry_run=True)


def test_exception_half_way_through(make: Callable[..., types.ModuleType]) -> None:
    """What the module's code raises comes through as it is, and nothing has changed."""
    module = make(RICH)
    before = snapshot(module)
    with pytest.raises(ZeroDivisionError):
        recell.reload(module, source=text(RICHER) + "1 / 0\ndef late(): pass\n")
    assert same(before, snapshot(module))
    with pytest.raises(KeyboardInterrupt):
        recell.reload(module, source=text(RICHER) + "raise KeyboardInterrupt\n", was=text(RICH))
    assert same(before, snapshot(module))


REFUSED = {
    "metaclass": (
        "class M(type): pass\nclass A: pass\ndef f(): return 1",
        "class M(type): pass\nclass A(metaclass=M): pass\ndef f(): return 2",
        "metaclass",
    ),
    "slots": (
        "class A:\n    __slots__ = ('x',)\ndef f(): return 1",
        "class A:\n    __slots__ = ('x', 'y')\ndef f(): return 2",
        "__slots__",
    ),
    "slots added": (
        "class A: pass\ndef f(): return 1",
        "class A:\n    __slots__ = ()\ndef f(): return 2",
        "__slots__",
    ),
    "enumeration": (
        "import enum\nclass E(enum.Enum):\n    A = 1\ndef f(): return 1",
        "import enum\nclass E(enum.Enum):\n    A = 1\n    B = 2\ndef f(): return 2",
        "members",
    ),
    "bases": ("class A(int): pass\ndef f(): return 1", "class A(str): pass\ndef f(): return 2", "layout"),
    "bases, with an instance": (
        "class A(int): pass\ndef f(): return 1",
        "class A(str): pass\nX = A('x')\ndef f(): return 2",
        "layout",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_impossible_changes(case: str, make: Callable[..., types.ModuleType]) -> None:
    """What a living class cannot become is refused with the reason, and nothing has changed, the rest neither."""
    old, new, reason = REFUSED[case]
    module = make(old)
    before = snapshot(module)
    with pytest.raises(recell.ReloadRefused, match="nothing was changed") as caught:
        recell.reload(module, source=new, was=text(old))
    report = caught.value.report
    assert not report.active
    [refusal] = report.refused
    assert reason in str(refusal) and reason in caught.value.reasons[0]
    assert "refused" in str(report) and "refused" in repr(report)
    assert same(before, snapshot(module))
    report.undo()  # there is nothing to undo
    with pytest.raises(recell.ChangeError):
        report.start()
    part = recell.reload(module, source=new, was=text(old), partial=True)
    assert module.f() == 2 and reason in str(part.refused[0]) and reason in str(part)
    part.undo()
    assert same(before, snapshot(module))


def refused(module: Any, **how: Any) -> str:
    """Why a reload is refused."""
    with pytest.raises(recell.ReloadRefused) as caught:
        recell.reload(module, **how)
    assert not caught.value.report.active
    [error] = caught.value.report.refused
    return str(error)


def test_modules_without_a_text(tmp_path: Path, write: Callable[[str], Path]) -> None:
    """C modules, modules made at run time, deleted and undecodable files: refused, nothing changed."""
    import itertools
    import math

    nowhere = types.ModuleType("nowhere")
    for module in (math, sys, itertools, nowhere):
        names = dict(vars(module))
        with pytest.raises(recell.ReloadRefused) as caught:
            recell.reload(module)
        assert isinstance(caught.value.report.refused[0], recell.SourceError), module
        assert dict(vars(module)) == names
    path = write("def f(): return 1")
    import edited_file as module

    path.write_bytes(b"# -*- coding: utf-8 -*-\ndef f(): return '\xff\xfe'\n")
    assert "cannot be read" in refused(module)
    path.write_bytes(b"# -*- coding: nonsense -*-\ndef f(): return 2\n")
    assert "cannot be read" in refused(module)
    path.unlink()
    assert "cannot be read" in str(recell.reload(module, dry_run=True).refused[0])
    assert module.f() == 1


def test_a_module_in_mid_import(write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that reloads itself while it is imported is told to wait."""
    write(
        """
        import sys, recell
        def f(): return 1
        try:
            recell.reload(sys.modules[__name__])
        except recell.ReloadRefused as error:
            REPORT = error.report
        def g(): return 1
        """
    )
    import edited_file as module

    assert "being imported" in str(module.REPORT.refused[0])
    assert module.g() == 1


def test_main_without_a_file() -> None:
    """An interactive `__main__` is refused unless its text is given; what the text adds belongs to `__main__` too."""
    module = types.ModuleType("__main__")
    exec("def f(): return 1\nclass A: pass\n", vars(module))
    f, cls = module.f, module.A
    assert "pass its text" in refused(module) and f() == 1
    recell.reload(module, source="def f(): return 2\nclass A:\n    def g(self): pass\nclass B(A): pass\n")
    assert f() == 2 and module.A is cls and issubclass(module.B, cls)
    assert {found.__module__ for found in (module.f, module.A, module.B, module.A.g)} == {"__main__"}


def test_main_does_not_run_again(tmp_path: Path) -> None:
    """The program under `if __name__ == "__main__"` is running already: it is not started a second time."""
    path = tmp_path / "program.py"
    old = text(
        """
        import sys, recell
        RUNS = []
        class A:
            def f(self): return 1
        def f(): return 1
        if __name__ == "__main__":
            RUNS.append(1)
            a = A()
            text = open(__file__).read().replace("return 1", "return 2") + "\\nclass B(A): pass\\n"
            report = recell.reload(sys.modules["__main__"], source=text)
            assert (f(), a.f(), RUNS) == (2, 2, [1]), (f(), a.f(), RUNS)
            assert B.__module__ == A.__module__ == f.__module__ == "__main__"
            print("done")
        """
    )
    path.write_text(old)
    done = subprocess.run([sys.executable, str(path)], stdout=subprocess.PIPE, check=True)
    assert done.stdout.strip() == b"done"


def test_where_the_text_is_looked_for(tmp_path: Path, write: Callable[[str], Path]) -> None:
    """The loader gives it; without one that does, the file is read; bytecode alone has none."""
    path = write("def f(): return 1")
    import edited_file as module

    f = module.f
    write("def f(): return 2")
    module.__loader__ = object()
    recell.reload(module)
    assert f() == 2
    module.__file__ = path
    assert "has no file: pass its text" in refused(module) and f() == 2
    compiled = tmp_path / "sourceless.pyc"
    py_compile.compile(str(path), cfile=str(compiled))
    sys.path_importer_cache.clear()
    try:
        import sourceless  # type: ignore[import-not-found]

        assert sourceless.f() == 2
        assert "is compiled already" in refused(sourceless)
    finally:
        sys.modules.pop("sourceless", None)


def test_bytecode_that_is_something_else(write: Callable[[str], Path]) -> None:
    """The cached bytecode only tells what the old text said: a file of another kind tells nothing."""
    write("X = 1\nY = print(end='')\ndef f(): return X")
    import edited_file as module

    cached = Path(module.__spec__.cached)
    cached.parent.mkdir(exist_ok=True)
    for content in (marshal.dumps(5), b"?", marshal.dumps(compile("", "empty", "exec"))):
        cached.write_bytes(b"\0" * 16 + content)
        report = recell.reload(module, source="X = 2\nY = print(end='')\ndef f(): return -X")
        assert module.f() == -2 and report.unknown == 1 and "1 statements not compared" in str(report)
        report.undo()
        assert module.f() == 1


def test_a_lost_text_says_what_it_cannot_tell(make: Callable[..., types.ModuleType]) -> None:
    """Functions, constants and new names follow; a constant that the module's own code binds stays."""
    module = make(
        "X = 1\nTURN = 0\nclass A:\n    limit = 1\n    def f(self): return 1\n"
        "def f(a=1):\n    global TURN\n    TURN += 1\n    return a\ndef gone(): pass\n"
    )
    linecache.clearcache()
    f, a = module.f, module.A()
    f()
    before = snapshot(module)
    new = (
        "import json\nX = 2\nTURN = 10\nclass A:\n    limit = 2\n    def f(self): return 2\n    def g(self): return 3\n"
        "def f(a=2):\n    global TURN\n    TURN += 1\n    return a\ndef fresh(): return json\n"
    )
    report = recell.reload(module, source=new)
    assert (module.X, f(), a.f(), a.g(), a.limit, module.fresh().__name__) == (2, 2, 2, 3, 2, "json")
    assert not hasattr(module, "gone") and [name for name, _ in report.kept] == ["TURN"]
    module.TURN -= 1
    report.undo()
    assert same(before, snapshot(module))


def test_a_name_bound_twice(make: Callable[..., types.ModuleType]) -> None:
    """The last binding is what a name means, however often it is bound."""
    module = make("X = 1\nX = 2\ndef f(): return X")
    recell.reload(module, source="X = 1\nX = 3\ndef f(): return -X")
    assert module.f() == -3
    report = recell.reload(module, source="X = 1\nX = 4\ndef f(): return X")
    assert module.f() == 4 and not report.kept


def test_an_enumeration_that_has_not_changed(make: Callable[..., types.ModuleType]) -> None:
    """Its functions are compared one by one, as those of other classes are."""
    before = text("""
    import enum
    class Kind(enum.Enum):
        A = 1
        def label(self): return "a"
        def __str__(self): return "kind"
        @property
        def shown(self): return self.label()
    class Flags(enum.IntFlag):
        A = 1
        def label(self): return "flag"
    """)
    module = make(before)
    report = recell.reload(module, source=before)
    assert str(report).startswith(f"reload of {module.__name__}: nothing to change")
    report = recell.reload(module, source=before.replace('"a"', '"b"'))
    assert report.changed == ("Kind.label",) and module.Kind.A.shown == "b"
    report.undo()
    assert module.Kind.A.shown == "a"


def test_what_a_decorators_class_made_is_told_where_its_function_changed(
    make: Callable[..., types.ModuleType],
) -> None:
    """The object and its state stay, and nothing runs."""
    before = """
class counted:
    def __init__(self, func): self.func, self.calls = func, 0
    def __call__(self):
        self.calls += 1
        return self.func()
@counted
def one(): return 1
@counted
def two(): return 2
"""
    module = make(before)
    assert module.one() == 1
    report = recell.reload(module, source=before)
    assert not report.kept and not report.changed
    for moved in ("", "\n"):
        report = recell.reload(module, source=moved + before.replace("return 1", "return 10"))
        assert (module.one(), module.one.calls) == (10, 2)
        assert report.changed == ("one",) and not report.kept and not report.ran
        report.undo()
        module.one.calls = 1
