"""Programs that are reloaded while they run: threads, tasks, packages, other changes of the same functions."""

from __future__ import annotations

import asyncio
import gc
import importlib
import sys
import threading
import types
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest
from reload_modules import make, text
from sizes import pick

import recell

_ = make  # a fixture

BASE = """
    X = 1
    def deco(f):
        def inner(*a): return 'decorated', f(*a)
        return inner
    def plain(a=3): return a, X
    @deco
    def decorated(a=3): return a, X
    def outer():
        n = 1
        def get(): return n, X
        return get
    get = outer()
    class A:
        def method(self): return X, 'old'
        def root(self): return super().__hash__() is not None, X
    method, root = A().method, A().root
"""
AFTER = (
    BASE.replace("return a, X", "return a, X, 'new'")
    .replace("return n, X", "return n, X, 'new'")
    .replace("X, 'old'", "X, 'new'")
    .replace("not None, X", "not None, X, 'new'")
)
FUNCTIONS: Dict[str, Callable[[Any], types.FunctionType]] = {
    "plain": lambda m: m.plain,
    "decorated": lambda m: m.decorated,
    "get": lambda m: m.get,
    "method": lambda m: m.A.method,
    "root": lambda m: m.A.root,
}
CHANGES: Dict[str, Callable[[Any], Any]] = {
    "override": lambda f: recell.override(f, {"X" if "X" in f.__code__.co_names else "f": str}).start(),
    "wrap": lambda f: recell.wrap(f, lambda g: lambda *a: ("wrapped", g(*a))),
    "swap": lambda f: recell.swap(f, lambda *a: "swapped"),
}


@pytest.mark.parametrize("reload_leaves_first", [True, False])
@pytest.mark.parametrize("reload_comes_first", [True, False])
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_with_another_change(
    name: str,
    change: str,
    reload_comes_first: bool,
    reload_leaves_first: bool,
    make: Callable[..., types.ModuleType],
) -> None:
    """A reload and another change of a function come and go in any order; the very same code is there at the end."""
    module = make(BASE)
    before = getattr(module, name)()
    functions = [find(module) for find in FUNCTIONS.values()]
    states = [(func.__code__, func.__closure__) for func in functions]
    steps = [
        lambda: recell.reload(module, source=text(AFTER)),
        lambda: CHANGES[change](FUNCTIONS[name](module)),
    ]
    if reload_comes_first:
        report, other = steps[0](), steps[1]()
        assert change == "override" or str(getattr(module, name)()).strip("('")[:4] in ("wrap", "swap")
    else:
        other, report = steps[1](), steps[0]()
    assert not report.refused
    if reload_leaves_first:
        report.undo()
        other.undo()
    else:
        other.undo()
        assert "new" in str(getattr(module, name)())
        report.undo()
    assert getattr(module, name)() == before
    for func, (code, closure) in zip(functions, states):
        assert func.__code__ is code and func.__closure__ is closure


def test_threads_that_run_what_changes(make: Callable[..., types.ModuleType]) -> None:
    """Functions that threads are in the middle of get other code, other defaults: no call fails."""
    source = "def work(n{0}): return n, {1!r}\nclass C:\n    def step(self{0}): return work(1)\n"
    module = make(source.format("", 0))
    stop, errors = threading.Event(), []

    def run() -> None:
        instance, work = module.C(), module.work
        while not stop.is_set():
            try:
                instance.step()
                work(2)
            except BaseException as error:
                errors.append(error)
                return

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for turn in range(pick(12, 60)):
            report = recell.reload(module, source=source.format(f", more={turn}", turn + 1))
            if report.refused:  # where the GIL is off
                break
            if turn % 3 == 0:
                report.undo()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not errors


def test_reloads_with_other_defaults_do_not_add_up(make: Callable[..., types.ModuleType]) -> None:
    """What an exchange of code and defaults keeps for itself is not taken for a function of the module."""
    module = make("def f(a=0): return a\nclass A:\n    def g(self, a=0): return a\n")
    reports = []
    for turn in range(1, 8):
        source = f"def f(a={turn}): return a, {turn}\nclass A:\n    def g(self, a={turn}): return a, {turn}\n"
        reports.append(recell.reload(module, source=source))
        assert reports[-1].closures == 0
        assert module.f() == module.A().g() == (turn, turn)
    for report in reports:
        report.undo()
    assert module.f() == module.A().g() == 0


@pytest.fixture()
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        if name.split(".")[0] in ("ring_one", "ring_two", "packed"):
            del sys.modules[name]


def test_modules_that_import_each_other(folder: Path) -> None:
    """Names that came from the other module, by `import *` too, follow it; both reloads leave in either order."""
    (folder / "ring_one.py").write_text(
        "import ring_two\ndef f(): return ring_two.g()\ndef base(): return 1\n"
    )
    (folder / "ring_two.py").write_text(
        "import ring_one\nfrom ring_one import *\ndef g(): return ring_one.base()\n"
    )
    importlib.invalidate_caches()
    one, two = importlib.import_module("ring_one"), importlib.import_module("ring_two")
    first = recell.reload(
        one, source="from ring_two import g\ndef f(): return g(), 2\ndef base(): return 10\n"
    )
    assert one.f() == (10, 2)
    second = recell.reload(two, source="from ring_one import base\ndef g(): return base(), 'g'\n")
    assert one.f() == ((10, "g"), 2)
    first.undo()
    second.undo()
    assert one.f() == 1


def test_a_package_with_modules_in_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package's own text is reloaded; its modules stay the ones they were."""
    (folder / "packed").mkdir()
    (folder / "packed" / "__init__.py").write_text(
        "from . import sub\nfrom .sub import *\n__all__ = ['f', 'h']\ndef h(): return f()\n"
    )
    (folder / "packed" / "sub.py").write_text("def f(): return 1\n")
    importlib.invalidate_caches()
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    packed = importlib.import_module("packed")
    sub = packed.sub
    (folder / "packed" / "__init__.py").write_text(
        "from . import sub\nfrom .sub import f as g, f\n__all__ = ['f', 'h', 'g']\ndef h(): return g(), sub.f()\n"
    )
    with pytest.raises(ValueError, match="is a package"):
        recell.reload(packed, source="")
    outer = recell.reload(packed)
    inner = recell.reload(sub, source="def f(): return 2\n")
    assert packed.h() == (2, 2) and packed.sub is sub and packed.__all__ == ["f", "h", "g"]
    outer.undo()
    assert packed.h() == 2
    inner.undo()
    assert packed.h() == 1 and packed.__all__ == ["f", "h"]


def test_a_module_that_writes_into_itself(make: Callable[..., types.ModuleType]) -> None:
    """What module code puts into its module by way of `sys.modules` is followed like what it binds."""
    source = """
        import enum
        A_ONE, A_TWO = 1, 2
        enum.IntEnum._convert_("Known", __name__, lambda name: name.startswith("A_"))
        def f(): return A_ONE
    """
    module = make(source.replace("_convert_", "_convert" if sys.version_info < (3, 8) else "_convert_"))
    known, one = module.Known, module.A_ONE
    names = dict(vars(module))
    assert one is known.A_ONE
    report = recell.reload(module, source=text(source.replace("return A_ONE", "return A_ONE, 'new'")))
    assert report.changed == ("f",) and not report.removed
    assert module.Known is known and module.A_ONE is one and module.f() == (one, "new")
    report.undo()
    assert vars(module) == names
    with pytest.raises(ZeroDivisionError):
        recell.reload(module, source=text(source) + "1 / 0\n")
    assert all(vars(module)[name] is value for name, value in names.items())


def test_what_other_modules_were_given(make: Callable[..., types.ModuleType]) -> None:
    """Functions that the run puts into another module pass calls on to the living ones, also after undo."""
    board = types.ModuleType("other_board")
    sys.modules["other_board"] = board
    try:
        source = (
            "import sys\ndef f(): return {}\nvars(sys.modules['other_board']).update(f=f, g=lambda: f())\n"
        )
        module = make(source.format(1))
        f = module.f
        report = recell.reload(module, source=source.format(2))
        assert (module.f is f, board.f(), board.g()) == (True, 2, 2)
        report.undo()
        assert (board.f(), board.g()) == (1, 1)
    finally:
        del sys.modules["other_board"]


def test_tasks_and_contexts_in_between(make: Callable[..., types.ModuleType]) -> None:
    """A task and a context that are under way end as they began, and what they call next is new."""
    source = """
        import asyncio, contextlib
        @contextlib.asynccontextmanager
        async def connected(log):
            log.append('open{0}')
            yield
            log.append('close{0}')
        async def handle(queue, log):
            while True:
                item = await queue.get()
                if item is None: return
                log.append(('handle{0}', await step(item)))
        async def step(item): return item, '{0}'
    """
    module = make(source.replace("{0}", ""))
    log: List[Any] = []

    async def main() -> None:
        queue: Any = asyncio.Queue()
        task = asyncio.ensure_future(module.handle(queue, log))
        living = module.connected(log)
        await living.__aenter__()
        queue.put_nowait(1)
        for _ in range(3):
            await asyncio.sleep(0)
        recell.reload(module, source=text(source.replace("{0}", "2")))
        queue.put_nowait(2)
        queue.put_nowait(None)
        await task
        await living.__aexit__(None, None, None)
        async with module.connected(log):
            pass

    asyncio.run(main())
    assert log == ["open", ("handle", (1, "")), ("handle", (2, "2")), "close", "open2", "close2"]


def test_another_reload_of_the_module_in_its_own_code(make: Callable[..., types.ModuleType]) -> None:
    """A text that reloads its own module while it runs is told to wait, and nothing has changed."""
    module = make("def f(): return 1\n")
    names = dict(vars(module))
    sys.modules["other_board"] = board = types.ModuleType("other_board")
    vars(board)["again"] = lambda: recell.reload(module, source="def f(): return 3\n")
    try:
        with pytest.raises(recell.ReloadRefused, match="is under way"):
            recell.reload(module, source="import other_board\ndef f(): return 2\nother_board.again()\n")
        assert vars(module) == names and module.f() == 1
    finally:
        del sys.modules["other_board"]
        gc.collect()
