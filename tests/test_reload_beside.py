"""reload beside what else changes functions, beside threads and deep stacks, and on the standard library."""

from __future__ import annotations

import gc
import inspect
import subprocess
import sys
import threading
import types
import warnings
from typing import Any, Callable

import pytest
from reload_modules import make, same, snapshot, text, write
from sizes import pick

import recell
from recell.layers.stacks import Stack

_ = (make, write)  # fixtures


class Stop(Exception):
    pass


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
    assert module.f() == "swapped"  # what is in force stays in force over the new text
    assert inner() == (2, "new")
    changes[1].undo()
    assert module.f() == (5, "new")
    for change in (changes[0], changes[2]):
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
            "textwrap", "heapq", "sched", "argparse", "json.decoder", "queue", "shlex", "dataclasses", "fractions", "tarfile",
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


def test_an_override_entered_again_and_again_over_a_reload(make: Callable[..., types.ModuleType]) -> None:
    """The reload leaves beneath it, also where the override went in by the short way."""
    module = make("LIMIT = 1\ndef f(): return LIMIT\ndef g(): return 1")
    before = snapshot(module)
    report = recell.reload(module, source="LIMIT = 1\ndef f(): return LIMIT, 'new'\ndef g(): return 2")
    change = recell.override(module.f, LIMIT=5)
    for _ in range(3):
        with change:
            assert module.f() == (5, "new")
    with change:
        report.undo()
        assert module.f() == 5 and module.g() == 1
    assert same(before, snapshot(module))


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("stops", [False, True])
def test_what_a_handler_does_while_functions_get_their_code(
    behind: bool, stops: bool, make: Callable[..., types.ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its overrides stay, over the new code or over the old one, also where it stops the reload behind a store."""
    names = ["f", "g", "h"]
    old = "".join(f"def {name}(): return LIMIT\n" for name in names)
    module = make("LIMIT = 1\n" + old)
    before = snapshot(module)
    enter, came = Stack.enter, []

    def entering(self: Stack, edit: Any) -> None:
        this = edit.func is module.g and not came
        if behind or not this:
            enter(self, edit)
        if this:
            came.append(None)
            came[:] = [recell.override(getattr(module, name), LIMIT=5).start() for name in names]
            if not behind:
                enter(self, edit)
            if stops:
                raise Stop

    monkeypatch.setattr(Stack, "enter", entering)
    text = "LIMIT = 1\n" + old.replace("LIMIT\n", "LIMIT, 'new'\n")
    if stops:
        with pytest.raises(Stop):
            recell.reload(module, source=text)
        assert module.f() == module.g() == module.h() == 5
    else:
        report = recell.reload(module, source=text)
        assert module.f() == module.h() == (5, "new")  # over the new text, whenever that came
    monkeypatch.undo()
    for change in came:
        change.undo()
    if not stops:
        assert module.f() == module.g() == module.h() == (1, "new")
        report.undo()
    assert same(before, snapshot(module))


@pytest.mark.parametrize("known", [True, False], ids=["old text known", "old text lost"])
def test_the_end_of_the_stack_at_every_depth(known: bool) -> None:
    """A RecursionError comes wherever it likes: all of the reload is there, or nothing of it."""
    old = text(
        """
        def a(x=1): return x
        def outer():
            c = 1
            def inner(): return c
            return inner
        I = outer()
        class K:
            def m(self): return 1
        """
    )
    new = text(
        """
        def a(x=2, y=3): return x, y
        def outer():
            c = 2
            def inner(): return c + 1
            return inner
        I = outer()
        class K:
            def m(self): return super().__repr__()[:1]
            def n(self): return 2
        def new(): pass
        """
    )
    module: Any = types.ModuleType("deep")
    exec(compile(old, "deep.py", "exec", dont_inherit=True), vars(module))
    was = old if known else None
    recell.reload(module, source=new, was=was).undo()

    def seen() -> Any:
        return module.a(), module.I(), module.K().m(), hasattr(module, "new"), hasattr(module.K, "n")

    def dive(depth: int) -> Any:
        return dive(depth - 1) if depth else recell.reload(module, source=new, was=was)

    before, limit, here = seen(), sys.getrecursionlimit(), len(inspect.stack(0))
    sys.setrecursionlimit(here + 300)
    try:
        for depth in range(140, 300, pick(3, 1)):
            try:
                report = dive(depth)
            except RecursionError:
                assert seen() == before, depth
            else:
                report.undo()
    finally:
        sys.setrecursionlimit(limit)
    assert seen() == before


def test_definitions_that_the_text_deletes_again() -> None:
    """Where the old text is lost, a function or class that its text deletes is no reason to run anything."""
    source = text(
        """
        def helper(): return 1
        VALUE = helper()
        del helper
        class Once: pass
        OTHER = Once()
        del Once
        """
    )
    module: Any = types.ModuleType("deleting")
    exec(compile(source, "deleting.py", "exec", dont_inherit=True), vars(module))
    before = dict(vars(module))
    report = recell.reload(module, source="#\n" + source)
    assert not (report.ran or report.changed or report.refused), report
    assert all(vars(module)[name] is value for name, value in before.items())
    report.undo()
