"""Functions that others made, hold or watch: every verb does on them what it does on any other."""

from __future__ import annotations

import bdb
import builtins
import cProfile
import importlib.util
import linecache
import os
import subprocess
import sys
import threading
import types
import zipfile
from pathlib import Path
from typing import Any, Callable

import pytest
from hostile_subject import SOURCE, exercise, expected
from sizes import DEBUG, pick

import recell

HERE = Path(__file__).parent
PACKAGE = Path(recell.__file__).parent.parent
CHECKS = 39


def subject(
    namespace: dict[str, Any] | None = None, filename: str = "<subject>", optimize: int = -1
) -> types.FunctionType:
    namespace = {} if namespace is None else namespace
    exec(compile(SOURCE, filename, "exec", optimize=optimize, dont_inherit=True), namespace)
    return namespace["make"](2)


def test_the_subject_itself() -> None:
    """All checks run, on a function like any other."""
    assert exercise(subject()) == CHECKS


@pytest.mark.parametrize("optimize", [0, 1, 2])
def test_optimised_code(optimize: int) -> None:
    """Code compiled as with -O and -OO: no assertions, no docstrings."""
    work = subject(optimize=optimize)
    assert (work.__doc__ is None) == (optimize == 2)
    assert exercise(work) == CHECKS


@pytest.mark.parametrize("flag", ["-O", "-OO", "-X dev", "-X importtime", "-I", "-B"])
def test_interpreter_options(flag: str) -> None:
    """In an interpreter that runs with these options."""
    script = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from hostile_subject import SOURCE, exercise\n"
        "space = {}; exec(SOURCE, space)\n"
        "print(exercise(space['make'](2)) if exercise.__doc__ or sys.flags.optimize else None)\n"
    )
    command = [sys.executable, *flag.split(), "-c", script, str(PACKAGE), str(HERE)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    assert done.stdout.split() == [str(CHECKS).encode()]


def test_builtins_of_their_own() -> None:
    """Globals whose builtins are a dict with few names in it: verbs use those, not the interpreter's."""
    few = {name: getattr(builtins, name) for name in ("len", "map", "str", "AssertionError")}
    assert exercise(subject({"__builtins__": few})) == CHECKS
    changed = {**few, "len": lambda text: 8}
    assert subject({"__builtins__": changed})([1, 2]) == expected(length=8)
    assert recell.clone(subject({"__builtins__": changed}))([1, 2]) == expected(length=8)


def test_globals_that_are_a_subclass_of_dict() -> None:
    """A namespace class with `__missing__`, as templating engines use."""

    class Namespace(dict):
        def __missing__(self, name: str) -> object:
            return getattr(builtins, name)

    space = Namespace()
    exec(compile(SOURCE, "<subject>", "exec"), space)
    work = space["make"](2)
    assert type(recell.replace(work).__globals__) is Namespace
    assert recell.rebind(work, step=5)([1, 2]) == expected(step=5)
    with recell.override(work, SCALE=10):
        assert work([1, 2]) == expected(scale=10)
    assert work([1, 2]) == expected()


def test_modules_in_a_zip_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Functions of a zipimported module; their source is found as before."""
    archive = tmp_path / "library.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("zipped_subject.py", SOURCE)
    monkeypatch.syspath_prepend(str(archive))
    module = importlib.import_module("zipped_subject")
    try:
        work = module.make(2)
        assert exercise(work) == CHECKS
        import inspect

        linecache.clearcache()
        assert inspect.getsource(recell.rebind(work, step=5)) == inspect.getsource(work)
    finally:
        del sys.modules["zipped_subject"]


def test_frozen_modules() -> None:
    """Functions of the import system itself, which run while we look."""
    bootstrap = sys.modules["_frozen_importlib"]
    for func in [value for value in vars(bootstrap).values() if type(value) is types.FunctionType]:
        assert recell.replace(func).__code__ is func.__code__
        recell.verify(func.__code__)
    spec = recell.clone(bootstrap.ModuleSpec.__init__)
    made = bootstrap.ModuleSpec.__new__(bootstrap.ModuleSpec)
    spec(made, "name", None)
    assert made.name == "name"
    promoted = recell.promote(bootstrap.spec_from_loader, strict=False, _bootstrap_external=None)
    assert promoted.__code__ is not None
    importlib.import_module(
        "colorsys" if "colorsys" not in sys.modules else "chunk" if sys.version_info < (3, 13) else "this"
    )


def watched(install: Callable[[Callable[..., Any]], Any], remove: Callable[[Any], None]) -> int:
    """Runs the checks while somebody watches every event; returns how many events there were."""
    seen = []

    def watch(frame: types.FrameType, event: str, argument: object) -> Any:
        seen.append(event)
        if frame.f_code.co_name in ("work", "<lambda>"):
            frame.f_trace_opcodes = True
            frame.f_locals.get("values")  # a debugger looks at the variables
        return watch

    work = subject()
    before = install(watch)
    try:
        checks = exercise(work)
    finally:
        remove(before)
    assert checks == CHECKS
    return len(seen)


def test_while_a_debugger_traces_every_instruction() -> None:
    """`sys.settrace` with opcode events, reading the locals of every frame."""

    def install(watch: Callable[..., Any]) -> Any:
        before = sys.gettrace()
        sys.settrace(watch)
        return before

    assert watched(install, sys.settrace) > 1000


def test_while_a_profiler_runs() -> None:
    """`sys.setprofile`, and cProfile."""

    def install(watch: Callable[..., Any]) -> Any:
        before = sys.getprofile()
        sys.setprofile(watch)
        return before

    assert watched(install, sys.setprofile) > 100
    profile = cProfile.Profile()
    assert profile.runcall(exercise, subject()) == CHECKS


@pytest.mark.skipif(not hasattr(sys, "monitoring"), reason="PEP 669 came with 3.12")
@pytest.mark.parametrize("local", [False, True], ids=["global", "local"])
def test_while_monitoring_instruments_the_code(local: bool) -> None:
    """`sys.monitoring` rewrites instructions in place: what recell reads and copies is the clean code."""
    monitoring = sys.monitoring
    tool, events, seen = 4, monitoring.events, []
    names = ["LINE", "INSTRUCTION", "CALL", "JUMP", "PY_START", "PY_RETURN"]
    wanted = 0
    for name in names:
        wanted |= getattr(events, name)
    work = subject()
    monitoring.use_tool_id(tool, "hostile")
    try:
        for name in names:
            monitoring.register_callback(tool, getattr(events, name), lambda code, *rest: seen.append(code))
        if local:
            monitoring.set_local_events(tool, work.__code__, wanted)
        else:
            monitoring.set_events(tool, wanted)
        assert work([1, 2]) == expected()
        assert exercise(work) == CHECKS
    finally:
        monitoring.set_events(tool, 0)
        if local:
            monitoring.set_local_events(tool, work.__code__, 0)
        for name in names:
            monitoring.register_callback(tool, getattr(events, name), None)
        monitoring.free_tool_id(tool)
    assert len(seen) > 50
    assert exercise(work) == CHECKS


MEASURED = """
import sys
sys.path[:0] = sys.argv[2:]
import coverage, importlib.util, recell
from hostile_subject import exercise

spec = importlib.util.spec_from_file_location("measured_subject", sys.argv[1])
missing = []
for run in (lambda work: work([1, 2]), exercise):
    cover = coverage.Coverage(config_file=False, data_file=None, include=[sys.argv[1]], branch=True)
    cover.start()
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    outcome = run(module.make(2))
    cover.stop()
    missing.append(cover.analysis2(sys.argv[1])[3])
print(outcome, missing == [[], []] or missing)
"""


@pytest.mark.skipif(importlib.util.find_spec("coverage") is None, reason="coverage is not installed")
@pytest.mark.parametrize("core", ["ctrace", "pytrace", "sysmon"])
def test_while_coverage_measures(tmp_path: Path, core: str) -> None:
    """Under each of coverage's ways to measure, with branches: the same results, and the same lines covered."""
    if core == "sysmon" and sys.version_info < (3, 14):
        pytest.skip("measures branches from 3.14 on")
    path = tmp_path / "measured_subject.py"
    path.write_text(SOURCE)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MEASURED, str(path), str(PACKAGE), str(HERE)],
        env={**os.environ, "COVERAGE_CORE": core},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    assert done.stdout.decode().split() == [str(CHECKS), "True"]


def test_a_debugger_stops_at_its_breakpoints(tmp_path: Path) -> None:
    """Breakpoints set in the file before hold in what is overridden, rebuilt and promoted, each with the variables."""
    path = tmp_path / "debugged_subject.py"
    path.write_text(SOURCE)
    space: dict[str, Any] = {}
    exec(compile(SOURCE, str(path), "exec"), space)
    work = space["make"](2)
    line = 1 + next(number for number, text in enumerate(SOURCE.splitlines()) if "+= value * step" in text)
    stops = []

    class Debugger(bdb.Bdb):
        def user_line(self, frame: types.FrameType) -> None:
            if frame.f_lineno == line:
                stops.append((frame.f_locals["step"], frame.f_locals["value"]))
            self.set_continue()

    debugger = Debugger()
    assert debugger.set_break(str(path), line) is None
    before = sys.gettrace()
    try:
        debugger.runcall(work, [1])
        with recell.override(work, step=5, SCALE=10):
            debugger.runcall(work, [1])
        debugger.runcall(recell.rebind(work, step=7), [1])
        debugger.runcall(recell.promote(work, SCALE=7), [1])
        debugger.runcall(work, [1])
    finally:
        sys.settrace(before)
        debugger.clear_all_breaks()
    assert stops == [(2, 1), (5, 1), (7, 1), (2, 1), (2, 1)]


def test_while_other_threads_call_it() -> None:
    """Threads that call all the while see the one meaning or the other, never a mixture, never an error."""
    work = subject()
    allowed = [expected(), expected(step=5), expected(scale=10)]
    stop, wrong = threading.Event(), []

    def call() -> None:
        while not stop.is_set():
            try:
                found = work([1, 2])
            except BaseException as error:
                found = error
            if found not in allowed:
                wrong.append(found)
                return

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    threads = [threading.Thread(target=call) for _ in range(4)]
    try:
        for thread in threads:
            thread.start()
        for _ in range(pick(150, 5_000)):
            with recell.override(work, SCALE=10):
                pass
            with recell.override(work, step=5):
                pass
            with recell.wrap(work, lambda original: lambda *args, **kwargs: original(*args, **kwargs)):
                pass
    finally:
        stop.set()
        sys.setswitchinterval(interval)
        for thread in threads:
            thread.join()
    # a call that began keeps its code and its cells, however often it reads the name
    assert not wrong
    assert work([1, 2]) == expected()


def test_thousands_of_locals_names_and_constants() -> None:
    """Arguments of instructions beyond one and two bytes."""
    count = 5_000
    lines = [f"    v{index} = NAME{index} + {index + 1000} + step" for index in range(count)]
    source = "def make(step):\n  def work():\n" + "\n".join("  " + line for line in lines)
    source += f"\n    return v0, v{count - 1}, (lambda: LAST + step)()\n  return work\n"
    source = source.replace("      v", "    v")
    space: dict[str, Any] = {f"NAME{index}": 0 for index in range(count)}
    space["LAST"] = 1
    exec(source, space)
    work = space["make"](2)
    plain = (1002, 1000 + count - 1 + 2, 3)
    assert work() == plain
    recell.verify(work.__code__)
    assert recell.clone(work)() == plain
    assert recell.promote(work, {f"NAME{count - 1}": 7, "LAST": 5})() == (1002, plain[1] + 7, 7)
    assert recell.freeze(work, "step", LAST=5, NAME0=1)() == (1003, plain[1], 7)
    with recell.override(work, {f"NAME{count - 1}": 7, "LAST": 5}):
        assert work() == (1002, plain[1] + 7, 7)
    with recell.override(work, step=12, LAST=5):
        assert work() == (1012, plain[1] + 10, 17)
    with recell.swap(work, recell.rebind(work, step=12), cells="take"):
        assert work() == (1012, plain[1] + 10, 13)
    with recell.wrap(work, lambda original: lambda: original()[0]):
        assert work() == 1002
    with recell.patch_inner(work, "<lambda>", lambda: "patched"):
        assert work() == (*plain[:2], "patched")
    renamed = recell.substitute(work, rename={f"v{count - 1}": "last", "step": "pace"})
    assert renamed() == plain
    assert renamed.__code__.co_varnames[-1] == "last"
    assert recell.demote(work)() == plain
    assert recell.inner(space["make"], "work", step=2)() == plain
    recell.verify(renamed.__code__)
    assert work() == plain


def test_hundreds_of_free_variables() -> None:
    """A closure of 300 cells."""
    names = [f"n{index}" for index in range(300)]
    source = f"def make({', '.join(names)}):\n    return lambda: ({', '.join(names)}, LAST)\n"
    space: dict[str, Any] = {"LAST": 1}
    exec(source, space)
    work = space["make"](*range(300))
    assert recell.rebind(work, n299=7)()[-2:] == (7, 1)
    assert recell.promote(work, LAST=5)()[-2:] == (299, 5)
    assert recell.demote(work, "n150")()[150] == 150
    with recell.override(work, n299=7, LAST=5):
        assert work()[-2:] == (7, 5)
    with recell.patch_closure(work, {name: 0 for name in names}):
        assert sum(work()) == 1
    assert sum(work()) == sum(range(300)) + 1


def test_constants_that_no_compiler_makes() -> None:
    """Code that carries lists, functions, classes and its own module among its constants."""
    work = subject()
    strange = [[1], {"a": [2]}, work, object(), sys, subject, recell.make_cell(3)]
    code = work.__code__.replace(co_consts=(*work.__code__.co_consts, *strange))
    odd = recell.replace(work, code=code)
    assert exercise(odd) == CHECKS
    for copy in (recell.promote(odd, SCALE=10), recell.freeze(odd, SCALE=10)):
        kept = [each for each in copy.__code__.co_consts if any(each is other for other in strange)]
        assert len(kept) == len(strange)


@pytest.mark.skipif(
    sys.version_info < (3, 12), reason="before 3.12 subinterpreters share too much to be asked"
)
def test_subinterpreters() -> None:
    """A second interpreter in the process imports recell and does the same."""
    name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    interpreters = pytest.importorskip(name)
    # one with a GIL of its own cannot load ctypes on 3.12: there the in-place verbs raise UnsupportedPythonError
    interpreter = interpreters.create(isolated=False) if sys.version_info < (3, 13) else interpreters.create()
    try:
        failure = interpreters.run_string(interpreter, in_another_interpreter())
    finally:
        interpreters.destroy(interpreter)
    assert failure is None, failure


@pytest.mark.skipif(sys.version_info < (3, 14), reason="PEP 734 came with 3.14")
def test_interpreters_that_share_functions() -> None:
    """`concurrent.interpreters`: what recell made is called in another interpreter, and a pool of them uses recell."""
    from concurrent import interpreters
    from concurrent.futures import InterpreterPoolExecutor

    def plain(value):
        return value * 2

    plain.__module__ = None  # shared by value: interpreters take functions without closure and globals
    # `code.replace` does not mark arguments as such, which debug builds assert here (see test_cpython_faults.py)
    made = recell.replace(plain) if DEBUG else recell.replace(plain, name="other")
    interpreter = interpreters.create()
    try:
        assert interpreter.call(made, 4) == interpreter.call(plain, 4) == 8
    finally:
        interpreter.close()
    with InterpreterPoolExecutor(2) as pool:
        found = [pool.submit(exec, in_another_interpreter()) for _ in range(4)]
        assert [future.result() for future in found] == [None] * 4


def in_another_interpreter() -> str:
    return (
        f"import sys; sys.path[:0] = {[str(PACKAGE), str(HERE)]!r}\n"
        "from hostile_subject import SOURCE, exercise\n"
        "space = {}; exec(SOURCE, space)\n"
        f"assert exercise(space['make'](2)) == {CHECKS}\n"
    )
