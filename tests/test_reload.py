"""reload is one transaction: what lives follows the text, and whatever goes wrong leaves everything as it was."""

from __future__ import annotations

import gc
import importlib
import inspect
import linecache
import os
import subprocess
import sys
import textwrap
import threading
import traceback
import types
import warnings
from pathlib import Path
from typing import Any, Callable, Dict, Iterator

import pytest
from sizes import pick

import recell
from recell import layers, reloading
from recell.batches import CodesLayer


def text(source: str) -> str:
    return textwrap.dedent(source).strip("\n") + "\n"


@pytest.fixture()
def make(monkeypatch: pytest.MonkeyPatch) -> Callable[..., types.ModuleType]:
    """Makes a module of a text, as if it had been imported."""

    def module_of(source: str, name: str = "edited") -> types.ModuleType:
        module = types.ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
        exec(compile(text(source), f"{name}.py", "exec", dont_inherit=True), vars(module))
        return module

    return module_of


@pytest.fixture()
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """Writes the file of a module that can be imported under the name `edited_file`."""
    monkeypatch.syspath_prepend(str(tmp_path))
    path = tmp_path / "edited_file.py"
    count = [0]

    def written(source: str) -> Path:
        path.write_text(text(source), encoding="utf-8")
        count[0] += 1
        os.utime(path, (count[0] * 10, count[0] * 10))  # each text is of another second
        importlib.invalidate_caches()
        return path

    yield written
    sys.modules.pop("edited_file", None)
    linecache.clearcache()


def snapshot(module: types.ModuleType) -> Dict[str, Any]:
    """Everything of a module that a reload may touch, by identity."""
    found: Dict[str, Any] = {}

    def function(key: str, func: types.FunctionType) -> None:
        annotations = None if sys.version_info >= (3, 14) else func.__annotations__
        parts = (
            func.__code__,
            func.__closure__,
            func.__defaults__,
            func.__kwdefaults__,
            func.__doc__,
            func.__dict__,
        )
        for number, part in enumerate((*parts, annotations) if annotations else parts):
            found[f"{key}#{number}"] = part
        for name, cell in zip(func.__code__.co_freevars, func.__closure__ or ()):
            found[f"{key}:{name}"] = cell.cell_contents

    for name, value in vars(module).items():
        found[name] = value
        if isinstance(value, types.FunctionType):
            function(name, value)
        elif isinstance(value, type) and value.__module__ == module.__name__:
            found[f"{name}.__bases__"] = value.__bases__
            for attribute, member in vars(value).items():
                if attribute not in ("__dict__", "__weakref__"):
                    found[f"{name}.{attribute}"] = member
                if isinstance(member, types.FunctionType):
                    function(f"{name}.{attribute}", member)
    return found


def same(one: Dict[str, Any], other: Dict[str, Any]) -> bool:
    if one.keys() != other.keys():
        raise AssertionError(sorted(one.keys() ^ other.keys()))
    changed = [name for name in one if one[name] is not other[name] and not name.endswith("__bases__")]
    changed += [name for name in one if name.endswith("__bases__") and one[name] != other[name]]
    if changed:
        raise AssertionError(changed)
    return True


RICH = """
    import functools
    LIMIT = 1
    def loud(f):
        calls = 0
        @functools.wraps(f)
        def wrapper(*args):
            nonlocal calls
            calls += 1
            return f(*args)
        return wrapper
    def plain(a, b=1, *, c=2): return a, b, c
    @loud
    def decorated(a): return a
    class Base:
        def f(self): return 1
    class Other(Base):
        rate = 1
        def f(self): return 1
        @property
        def p(self): return 1
        def gone(self): return 1
        def rooted(self): return super()
    class Third(Base):
        def mine(self, a=1): return __class__, a
    def removed(): return 1
"""
RICHER = """
    import functools, json
    LIMIT = 2
    NEW = [1]
    def loud(f):
        calls = 0
        @functools.wraps(f)
        def wrapper(*args):
            nonlocal calls
            calls += 10
            return 'loud', f(*args)
        return wrapper
    @loud
    def plain(a, b=3, *, c=4): return a, b, c, NEW
    @loud
    def decorated(a, more=5): return a, more
    class Base:
        def f(self): return 2
    class Mixed(Base):
        def g(self): return __class__
    class Other(Mixed):
        rate = 2
        def f(self): return super().f(), json.dumps(1)
        @property
        def p(self): return 2
        @p.setter
        def p(self, value): pass
        def rooted(self): return super().f()
    class Third(Base):
        def mine(self, a=2): return a, __class__
"""


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
        "reload of edited: 3 changed, 1 added, 1 removed, 1 kept, 1 left",
        "  changed  make, f, make.<locals>.inner",
        "  added    h",
        "  removed  g",
        "  kept     X: stays 1; the text makes it 2",
        "  left     make.<locals>.inner: one that lives already has no `b`: that variable went when its outer call returned",
    ]
    assert [func() for func in inner] == [1, 1, 1]
    assert repr(report).startswith("<reload of edited: 3 changed")


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
    """`data` is one of two words; source is text."""
    module = make("X = 1")
    with pytest.raises(ValueError, match="'keep'.*'rerun'"):
        recell.reload(module, source="", data="no")
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
        recell.reload(module, source=text(RICHER) + "raise KeyboardInterrupt\n")
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
}


@pytest.mark.parametrize("case", REFUSED)
def test_impossible_changes(case: str, make: Callable[..., types.ModuleType]) -> None:
    """What a living class cannot become is refused with the reason, and nothing has changed, the rest neither."""
    old, new, reason = REFUSED[case]
    module = make(old)
    before = snapshot(module)
    report = recell.reload(module, source=new)
    assert not report.active
    [refusal] = report.refused
    assert reason in str(refusal)
    assert "refused" in str(report) and "refused" in repr(report)
    assert same(before, snapshot(module))
    with pytest.raises(recell.ChangeError):
        report.undo()
    with pytest.raises(recell.ChangeError):
        report.start()


def test_modules_without_a_text(tmp_path: Path, write: Callable[[str], Path]) -> None:
    """C modules, modules made at run time, deleted and undecodable files: refused, nothing changed."""
    import itertools
    import math

    nowhere = types.ModuleType("nowhere")
    for module in (math, sys, itertools, nowhere):
        names = dict(vars(module))
        report = recell.reload(module)
        assert not report.active
        assert isinstance(report.refused[0], recell.SourceError), module
        assert dict(vars(module)) == names
    path = write("def f(): return 1")
    import edited_file as module

    path.write_bytes(b"# -*- coding: utf-8 -*-\ndef f(): return '\xff\xfe'\n")
    assert "cannot be read" in str(recell.reload(module).refused[0])
    path.write_bytes(b"# -*- coding: nonsense -*-\ndef f(): return 2\n")
    assert "cannot be read" in str(recell.reload(module).refused[0])
    path.unlink()
    assert "cannot be read" in str(recell.reload(module, dry_run=True).refused[0])
    assert module.f() == 1


def test_a_module_in_mid_import(write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that reloads itself while it is imported is told to wait."""
    write(
        """
        import sys, recell
        def f(): return 1
        REPORT = recell.reload(sys.modules[__name__])
        def g(): return 1
        """
    )
    import edited_file as module

    assert "being imported" in str(module.REPORT.refused[0])
    assert module.g() == 1


def test_main_without_a_file() -> None:
    """An interactive `__main__` is refused unless its text is given."""
    script = (
        "import __main__, recell\n"
        "del __main__.__file__\n"
        "def f(): return 1\n"
        "assert '__main__' in str(recell.reload(__main__).refused[0])\n"
        "recell.reload(__main__, source='def f(): return 2')\n"
        "assert f() == 2\n"
    ).replace("del __main__.__file__\n", "")
    subprocess.run([sys.executable, "-c", script], check=True)


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


# -- one transaction ----------------------------------------------------------------------------


class Stop(Exception):
    pass


def test_failure_at_every_step_changes_nothing(
    make: Callable[..., types.ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever layer cannot be entered, those before it are taken back: the very same objects stand everywhere."""
    kinds = [CodesLayer, layers.FunctionLayer, layers.ItemLayer, layers.AttributeLayer, layers.CellLayer]
    enter = {kind: kind.enter for kind in kinds}
    countdown = [10**6]

    def failing(kind: Any) -> Callable[[Any], None]:
        def entered(self: Any) -> None:
            countdown[0] -= 1
            if countdown[0] == 0:
                raise Stop
            enter[kind](self)

        return entered

    module = make(RICH)
    aliases = [module.plain, module.decorated, module.Other().f]
    before = snapshot(module)
    for kind in kinds:
        monkeypatch.setattr(kind, "enter", failing(kind))
    steps = 0
    while True:
        steps += 1
        countdown[0] = steps
        try:
            report = recell.reload(module, source=text(RICHER))
        except Stop:
            assert same(before, snapshot(module)), steps
            continue
        break
    assert steps > 15
    assert aliases[0](1) == ("loud", (1, 3, 4, [1]))
    assert aliases[1](1) == ("loud", (1, 5))
    assert aliases[2]() == (2, "1")
    before["decorated:calls"] = recell.closure(module.decorated)[
        "calls"
    ]  # it was called: state is not undone
    report.undo()
    assert same(before, snapshot(module))


@pytest.mark.parametrize(
    "step", ["Comparison", "Inhabitants", "Translation", "Constants", "Merge", "layers_of", "Report"]
)
def test_failure_inside_changes_nothing(
    step: str, make: Callable[..., types.ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception in any part of reload itself leaves the module as it was."""

    def failing(*args: Any, **more: Any) -> Any:
        raise Stop

    module = make(RICH)
    before = snapshot(module)
    monkeypatch.setattr(reloading, step, failing)
    with pytest.raises(Stop):
        recell.reload(module, source=text(RICHER))
    assert same(before, snapshot(module))


def test_a_class_that_objects_takes_everything_back(make: Callable[..., types.ModuleType]) -> None:
    """A metaclass that forbids setting an attribute makes the whole reload fail, and nothing has changed."""
    module = make(
        """
        class Meta(type):
            def __setattr__(cls, name, value): raise TypeError("sealed")
        class A(metaclass=Meta):
            def f(self): return 1
        def f(): return 1
        """
    )
    before = snapshot(module)
    report = recell.reload(
        module,
        source=text(
            """
            class Meta(type):
                def __setattr__(cls, name, value): raise TypeError("sealed")
            class A(metaclass=Meta):
                def f(self): return 1
                def g(self): return 1
            def f(): return 2
            """
        ),
    )
    assert "sealed" in str(report.refused[0])
    assert same(before, snapshot(module))


def test_dry_run_executes_nothing(make: Callable[..., types.ModuleType]) -> None:
    """A dry run compares code alone: nothing runs, nothing changes, and it cannot be undone."""
    module = make(
        "def f(): return 1\ndef make(a):\n    def inner(): return a\n    return inner\ndef gone(): pass"
    )
    inner = module.make(1)
    before = snapshot(module)
    report = recell.reload(
        module,
        source="1 / 0\ndef f(): return 2\ndef make(a):\n    def inner(): return -a\n    return inner\ndef g(): pass",
        dry_run=True,
    )
    assert report.dry and not report.active
    assert set(report.changed) == {"f", "make", "make.<locals>.inner"}
    assert (report.added, report.removed, report.closures) == (("g",), ("gone",), 1)
    assert str(report).startswith("dry run of reload of edited: 3 changed")
    assert same(before, snapshot(module))
    assert inner() == 1
    with pytest.raises(recell.ChangeError):
        report.undo()


def test_data_rerun(make: Callable[..., types.ModuleType]) -> None:
    """data="rerun" takes what the new text makes of module-level data; undo brings the living objects back."""
    module = make("X = 1\ncache = {}\nclass A:\n    n = 1\ndef f(): return X, cache")
    module.cache["a"] = 1
    cache = module.cache
    report = recell.reload(
        module, source="X = 2\ncache = {}\nclass A:\n    n = 1\ndef f(): return X, cache", data="rerun"
    )
    assert module.f() == (2, {})
    assert {"X", "cache"} <= set(report.changed)
    report.undo()
    assert module.cache is cache
    assert module.f() == (1, {"a": 1})


def test_a_class_counter_is_state(
    write: Callable[[str], Path], make: Callable[..., types.ModuleType]
) -> None:
    """A class attribute that the text did not change keeps what the program made of it."""
    write("class Job:\n    next_id = 1\n    limit = 5\n    def f(self): return 1\n")
    sys.dont_write_bytecode, before = False, sys.dont_write_bytecode
    try:
        import edited_file as module
    finally:
        sys.dont_write_bytecode = before
    module.Job.next_id = 57
    write("class Job:\n    next_id = 1\n    limit = 6\n    def f(self): return 2\n")
    recell.reload(module)
    assert (module.Job.next_id, module.Job.limit) == (57, 6)
    module.Job.next_id = 58
    report = recell.reload(
        module, source="class Job:\n    next_id = 1\n    limit = 7\n    def f(self): return 3\n"
    )
    assert (module.Job.next_id, module.Job.limit) == (58, 7)
    report.undo()
    assert (module.Job.next_id, module.Job.limit) == (58, 6)
    recell.reload(module, source="class Job:\n    next_id = 100\n    limit = 6\n    def f(self): return 3\n")
    assert module.Job.next_id == 100


# -- together with the other verbs --------------------------------------------------------------


def test_with_other_layers(make: Callable[..., types.ModuleType]) -> None:
    """Reload, swap, override and patch_closure over one function leave in any order."""
    module = make(
        "LIMIT = 1\ndef f(): return LIMIT\ndef make(a):\n    def inner(): return a\n    return inner"
    )
    inner = module.make(1)
    before = snapshot(module)
    changes = [
        recell.override(module.f, LIMIT=5).start(),
        recell.swap(module.f, lambda: "swapped"),
        recell.patch_closure(inner, a=2).start(),
    ]
    report = recell.reload(
        module,
        source="LIMIT = 1\ndef f(): return LIMIT, 'new'\ndef make(a):\n    def inner(): return a, 'new'\n    return inner",
    )
    assert module.f() == (1, "new")
    assert inner() == (2, "new")
    for change in changes:
        change.undo()
    assert module.f() == (1, "new")
    assert inner() == (1, "new")
    report.undo()
    assert same(before, snapshot(module))
    assert inner() == 1


def test_interference_is_told(make: Callable[..., types.ModuleType]) -> None:
    """Where somebody else assigned a function's code since, undo raises and changes nothing."""
    module = make("def f(): return 1\ndef g(): return 1")
    report = recell.reload(module, source="def f(): return 2\ndef g(): return 2")
    installed, module.f.__code__ = module.f.__code__, (lambda: 3).__code__
    with pytest.raises(recell.InterferenceError):
        report.undo()
    assert (module.f(), module.g()) == (3, 2)
    module.f.__code__ = installed
    report.undo()
    assert (module.f(), module.g()) == (1, 1)


def test_frozen_objects_are_told(make: Callable[..., types.ModuleType]) -> None:
    """Where the heap has to be searched, a warning says that frozen objects are not found."""
    module = make("def make(a):\n    def inner(): return a\n    return inner")
    inner = module.make(1)
    gc.freeze()
    try:
        with pytest.warns(RuntimeWarning, match="frozen"):
            recell.reload(module, source="def make(a):\n    def inner(): return -a\n    return inner")
    finally:
        gc.unfreeze()
    assert inner() in (1, -1)


def test_unchanged_functions_are_not_touched(make: Callable[..., types.ModuleType]) -> None:
    """A function whose text is the same keeps its very code object, and so do the functions in it."""
    module = make("def f():\n    def g(): return 1\n    return g\ndef h(): return 1")
    code, inner = module.f.__code__, module.f()
    report = recell.reload(module, source="def f():\n    def g(): return 1\n    return g\ndef h(): return 2")
    assert module.f.__code__ is code
    assert module.f().__code__ is inner.__code__
    assert report.changed == ("h",)


def test_nothing_is_left_behind(make: Callable[..., types.ModuleType]) -> None:
    """What the run made and nobody holds is gone after the reload: functions, classes, namespaces."""
    source = "class A:\n    def f(self): return super()\ndef g(a=1): return [lambda: a]\n"
    module = make(source)
    recell.reload(module, source=source)

    def counted() -> int:
        gc.collect()
        return sum(
            type(found) in (dict, types.FunctionType, type, types.CellType) for found in gc.get_objects()
        )

    before = counted()
    for n in range(10):
        recell.reload(module, source=source.replace("a=1", f"a={n}"))
    assert counted() - before < 10


def test_threads_that_call_meanwhile(make: Callable[..., types.ModuleType]) -> None:
    """Threads calling functions, methods and closures all the while see the old or the new behaviour, nothing else."""
    source = """
    def make(count):
        def inner({parameter}): return count, {n}
        return inner
    class A:
        def f(self): return {call}
    def f({parameter}): return {n}
    """

    def of(n: int) -> str:
        return text(
            source.format(n=n, parameter="k=1" if n % 2 else "*k", call=f"(super(), {n})[1]" if n % 3 else n)
        )

    module = make(of(0))
    inner, a, f = module.make("kept"), module.A(), module.f
    stop, problems, calls = threading.Event(), [], [0]

    def work() -> None:
        while not stop.is_set():
            try:
                results = (inner()[0] == "kept", type(a.f()) is int, type(f()) is int)
                calls[0] += 1
            except BaseException as error:
                problems.append(error)
                return
            if not all(results):
                problems.append(results)

    threads = [threading.Thread(target=work) for _ in range(2)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(5e-4)
    try:
        for thread in threads:
            thread.start()
        reports = []
        for n in range(1, pick(9, 60)):
            reports.append(recell.reload(module, source=of(n)))
        for report in reversed(reports):
            assert not report.refused
            report.undo()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)
    assert not problems, problems
    assert calls[0]
    assert (inner(), a.f(), f()) == (("kept", 0), 0, 0)


def test_no_warnings(make: Callable[..., types.ModuleType]) -> None:
    """A function that becomes a generator and back warns nobody, in undo neither."""
    module = make("def f(): return 1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = recell.reload(module, source="def f(): yield 1")
        report.undo()
        recell.reload(module, source="async def f(): yield 1").undo()
    assert module.f() == 1


def test_a_standard_library_module() -> None:
    """Real modules of the standard library reload onto their own text without a change, and with one."""
    script = text(
        """
        import sys, recell, importlib
        NAMES = (
            "textwrap", "heapq", "string", "argparse", "json.decoder", "queue", "shlex", "dataclasses", "fractions", "zipfile",
            "configparser", "contextlib", "statistics", "difflib", "http.server", "asyncio.queues",
        )
        def check(name):
            module = importlib.import_module(name)
            before = dict(vars(module))
            report = recell.reload(module)
            assert not report.refused, report
            assert not report.moved, report
            for key, value in before.items():
                assert vars(module)[key] is value, (name, key)
            assert not report.changed, report
            report.undo()
            with open(module.__file__, encoding="utf-8") as stream:
                text = stream.read()
            report = recell.reload(module, source="#\\n" + text)
            assert not report.refused and report.moved, report
            report.undo()
            for key, value in before.items():
                assert vars(module)[key] is value, (name, key)
        for name in NAMES:
            check(name)
        print("done")
        """
    )
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.stdout.strip().endswith(b"done"), done.stdout.decode()
