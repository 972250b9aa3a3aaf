"""Debuggers, tracers and coverage step through changed functions with the right lines and the right locals."""

from __future__ import annotations

import io
import pdb
import subprocess
import sys
import textwrap
import traceback

import pytest

from recell import override, swap

LIMIT = 10
COUNT = 0


def make(factor):
    def scale(values):
        total = 0
        for value in values:
            total += value * factor + LIMIT
        return total

    return scale


def grown(step):
    global COUNT
    COUNT += step
    result = [COUNT for _ in range(2)]
    return result


def make_other(offset):
    def other(values, start=1):
        total = start
        total += len(values) + offset
        return total

    return other


def traced(func, *args):
    """The lines that a call runs, relative to the code's first, and the locals at its end."""
    lines, ends = [], []

    def trace(frame, event, arg):
        if frame.f_code.co_filename != __file__ or frame.f_code.co_name.startswith("<"):
            return None
        if event == "line":
            lines.append(frame.f_lineno - frame.f_code.co_firstlineno)
        frame.f_locals  # reading it is what debuggers do at every event
        if event == "return":
            ends.append(dict(frame.f_locals))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        result = func(*args)
    finally:
        sys.settrace(before)
    return result, lines, ends[-1]


def test_settrace_through_an_override():
    """The same lines as without, and locals that show what the names mean here."""
    func = make(2)
    _, lines, _ = traced(func, [1, 2])
    with override(func, LIMIT=0):
        result, inside, names = traced(func, [1, 2])
        assert (result, inside) == (6, lines)
        assert {"values": [1, 2], "total": 6, "value": 2, "factor": 2}.items() <= names.items()
    with override(func, factor=5):
        result, inside, names = traced(func, [1, 2])
        assert (result, inside, names["factor"]) == (35, lines, 5)
    _, lines, _ = traced(grown, 0)
    with override(grown, COUNT=100):
        result, inside, names = traced(grown, 1)
        assert (result, inside) == ([101, 101], lines)
        assert names["result"] == [101, 101] and names["COUNT"] == 101
    assert COUNT == 0


def test_settrace_through_a_swap():
    func, other = make(2), make_other(7)
    _, lines, _ = traced(other, [1])
    with swap(func, other):
        result, inside, names = traced(func, [1])
        assert (result, inside) == (9, lines) and names["offset"] == 7 and names["start"] == 1
    assert traced(func, [])[0] == 0


def test_a_debugger_may_write_locals_and_free_variables():
    """What a trace function writes into `f_locals` is used, in overridden and grown functions alike."""

    def run(func, name, value, *args):
        def trace(frame, event, arg):
            if frame.f_code is func.__code__ and event == "line":
                frame.f_locals[name] = value
            return trace

        sys.settrace(trace)
        try:
            return func(*args)
        finally:
            sys.settrace(None)

    before = sys.gettrace()
    func = make(2)
    try:
        with override(func, factor=5, LIMIT=0):
            assert run(func, "values", [1], [1, 2]) == 5
            assert run(func, "factor", 7, [1, 2]) == 21
        assert func([1]) == 12
        with override(grown, COUNT=100):
            run(grown, "COUNT", 5, 1)
    finally:
        sys.settrace(before)
    assert COUNT == 0


@pytest.mark.skipif(not hasattr(sys, "monitoring"), reason="sys.monitoring came with 3.12")
def test_monitoring_sees_the_lines():
    func = make(2)
    tool, events = 4, sys.monitoring.events

    def lines_of(call):
        lines = []

        def on_line(code, line):
            if code.co_filename == __file__ and code.co_name in ("scale", "other"):
                lines.append(line - code.co_firstlineno)

        sys.monitoring.use_tool_id(tool, "recell tests")
        try:
            sys.monitoring.register_callback(tool, events.LINE, on_line)
            sys.monitoring.set_events(tool, events.LINE)
            call()
        finally:
            sys.monitoring.set_events(tool, 0)
            sys.monitoring.free_tool_id(tool)
        return lines

    plain = lines_of(lambda: func([1, 2]))
    with override(func, LIMIT=0):
        assert lines_of(lambda: func([1, 2])) == plain
    with override(func, factor=1):
        assert lines_of(lambda: func([1, 2])) == plain
    other = make_other(1)
    expected = lines_of(lambda: other([1]))
    with swap(func, other):
        assert lines_of(lambda: func([1])) == expected


def test_tracebacks_show_the_right_line():
    func = make(2)
    for change in (override(func, LIMIT="text"), override(func, factor=None)):
        with change, pytest.raises(TypeError) as caught:
            func([1])
        frames = traceback.extract_tb(caught.value.__traceback__)
        assert frames[-1].line == "total += value * factor + LIMIT" and frames[-1].name == "scale"


def test_pdb_steps_through():
    """`step`, `next`, `p` and `args` in an overridden and in a swapped function."""

    def session(func, commands, *args):
        output = io.StringIO()
        debugger = pdb.Pdb(
            stdin=io.StringIO("\n".join(commands) + "\n"), stdout=output, nosigint=True, readrc=False
        )
        debugger.use_rawinput = False
        before = sys.gettrace()
        try:
            debugger.runcall(func, *args)
        finally:
            sys.settrace(before)
        return output.getvalue()

    func = make(2)
    commands = ["next", "next", "p factor, value", "next", "p total", "args", "continue"]
    with override(func, factor=5, LIMIT=1):
        said = session(func, commands, [3])
    assert "(5, 3)" in said and "\n(Pdb) 16\n" in said and "values = [3]" in said
    assert "-> total += value * factor + LIMIT" in said
    with swap(func, make_other(7)):
        said = session(func, ["next", "next", "p total, offset", "continue"], [1])
    assert "(9, 7)" in said and "-> total += len(values) + offset" in said


def test_coverage_counts_the_lines(tmp_path):
    """Through coverage's own tracer, where it is installed."""
    pytest.importorskip("coverage")
    script = tmp_path / "covered.py"
    script.write_text(
        textwrap.dedent(
            """
            import recell
            LIMIT = 1
            def func(x):
                if x > LIMIT:
                    return "more"
                return "less"
            def other(x):
                return "other"
            with recell.override(func, LIMIT=100):
                assert func(50) == "less"
            with recell.swap(func, other):
                assert func(1) == "other"
            """
        )
    )
    code = (
        "import coverage, runpy\n"
        "c = coverage.Coverage(data_file=None, config_file=False, include=['*covered.py'])\n"
        "c.start()\n"
        f"runpy.run_path({str(script)!r})\n"
        "c.stop()\n"
        f"print('missing', c.analysis({str(script)!r})[2])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, universal_newlines=True, check=True
    )
    assert done.stdout.strip() == "missing [6]"


def test_limbo_frames_can_be_looked_at():
    """While an exchange is under way, `f_locals` of a frame of the code in between is safe to read (3.11+)."""
    if sys.version_info < (3, 11):
        pytest.skip("there is no such code before 3.11")
    script = textwrap.dedent(
        """
        import sys, recell
        def make(a, b):
            def func(x=1):
                return a, b, x
            return func
        target, seen, inside = make(1, 2), [], []
        def trace(frame, event, arg):
            if frame.f_code is target.__code__:
                seen.append((event, sorted(frame.f_locals)))
                frame.f_locals, frame.f_lineno
            return trace
        def hook(event, args):
            if event == "object.__setattr__" and args[0] is target and not inside:
                inside.append(1)
                sys.settrace(trace)
                try:
                    target()
                    target()
                finally:
                    sys.settrace(None)
                    inside.clear()
        hook.__cantrace__ = True
        sys.addaudithook(hook)
        for _ in range(20):
            change = recell.swap(target, lambda: "new")
            change.undo()
            with recell.override(target, a=5):
                pass
        assert seen
        assert target() == (1, 2, 1)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    assert done.returncode == 0, done.stdout
