"""The command line: `recell tour`, `recell inspect`, `recell doctor`."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import types

import pytest

import recell
from recell.__main__ import main
from recell.inspecting import draw_dot, draw_tree, explore, resolve, to_data


def bank(balance):
    def deposit(amount):
        nonlocal balance
        balance += amount

    def read():
        return balance, later

    if balance:
        later = read
    return deposit, read


deposit, read = bank(10)
deposit_empty, read_empty = bank(0)


class Account:
    def __init__(self):
        self.value = __class__

    @property
    def worth(self):
        return __class__, self.value


def test_tour_plays_every_step_and_every_check_holds(capsys):
    assert main(["tour"]) == 0
    out = capsys.readouterr().out
    assert "FAILED" not in out
    assert ", 0 failed" in out


def test_module_runs_as_a_command():
    done = subprocess.run(
        [sys.executable, "-m", "recell", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("recell ")


def test_a_reader_that_has_seen_enough_is_no_error():
    """As in `recell tour | head -n 1`."""
    command = [sys.executable, "-m", "recell", "tour"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 0


def test_without_a_command_the_help_is_shown_and_the_status_is_bad_use(capsys):
    assert main([]) == 2
    assert "inspect" in capsys.readouterr().out


def test_tree_shows_each_free_variable_its_value_and_who_shares_the_cell(capsys):
    assert main(["inspect", f"{__name__}:deposit"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{__name__}.bank.<locals>.deposit  (")
    assert lines[1] == "`- balance = 10"
    assert lines[2].strip() == f"shared with {__name__}.bank.<locals>.read"


def test_tree_shows_an_empty_cell_and_a_function_that_holds_itself_once():
    tree = list(draw_tree(explore(read_empty)))
    assert "|- balance = 0" in tree
    assert "`- later = <empty>" in tree
    recursive = list(draw_tree(explore(read)))
    assert recursive[-1 if "assigned" not in recursive[-1] else -2].strip().endswith("see above") or any(
        line.strip().endswith("see above") for line in recursive
    )


def plain(values):
    global counted
    counted = unknown_name  # noqa: F821
    return len(values), json


def wrapping(level, helper=plain):
    def inner():
        return level

    def outer():
        return inner, level, plain, helper

    return outer


def test_tree_goes_into_the_functions_in_cells_and_says_what_the_other_names_mean():
    """A function without free variables ends its branch; without opcode facts the names are left out."""
    lines = list(draw_tree(explore(wrapping(3))))
    at = next(index for index, line in enumerate(lines) if ".wrapping.<locals>.inner  (" in line)
    assert lines[at + 1].endswith("`- level = 3")
    assert "globals: plain" in lines
    assert list(draw_tree(explore(plain)))[1:] == [
        "`- no free variables", "globals: json", "builtins: len", "unbound: unknown_name", "assigned: counted",
    ]  # fmt: skip


def test_tree_of_an_interpreter_whose_opcodes_are_unknown(monkeypatch):
    from recell import compat

    graph = explore(plain)
    monkeypatch.setattr(compat, "find", lambda: None)
    assert list(draw_tree(graph))[1:] == ["`- no free variables"]


def test_a_graph_names_a_function_outside_of_it_once():
    """Whoever shares two cells with a function stands in one box."""

    def make(a, b):
        def first():
            return a, b

        def second():
            return b, a

        return first, second

    first, second = make(1, 2)
    boxes = [line for line in draw_dot(explore(first)) if "shape=box, style=dashed" in line]
    assert len(boxes) == 1 and ".second" in boxes[0]
    assert second() == (2, 1)


def test_a_class_means_the_functions_in_it_accessors_included():
    names = [function.__name__ for function in explore(resolve(f"{__name__}:Account")).roots]
    assert names == ["__init__", "worth"]


def test_a_path_names_the_descriptor_and_not_what_access_makes_of_it():
    assert isinstance(resolve(f"{__name__}:Account.worth"), property)


def test_json_names_functions_cells_and_owners(capsys):
    assert main(["inspect", "--json", f"{__name__}:read"]) == 0
    data = json.loads(capsys.readouterr().out)
    (function,) = data["functions"]
    assert set(function["free_variables"]) == {"balance", "later"}
    cells = {cell["id"]: cell for cell in data["cells"]}
    balance = cells[function["free_variables"]["balance"]]
    assert (balance["value"], balance["type"], balance["empty"]) == ("10", "int", False)
    assert balance["owners"] == [f"{__name__}.bank.<locals>.deposit", f"{__name__}.bank.<locals>.read"]
    later = cells[function["free_variables"]["later"]]
    assert later["holds"] == [function["id"]]


def test_dot_is_a_graph_with_a_box_for_each_function_and_an_ellipse_for_each_cell():
    lines = list(draw_dot(explore(read)))
    assert lines[0] == "digraph closure {"
    assert lines[-1] == "}"
    text = "\n".join(lines)
    assert text.count("shape=ellipse") == 2
    assert 'label="balance"' in text
    assert "bank.<locals>.deposit" in text  # it holds the same cell, and is not reachable from `read`


def test_graph_data_numbers_each_function_and_cell_once():
    data = to_data(explore(read))
    assert [function["id"] for function in data["functions"]] == [1]
    assert sorted(cell["id"] for cell in data["cells"]) == [1, 2]


@pytest.mark.parametrize(
    ("target", "part"),
    [
        ("json", "names no function"),
        ("no_such_module_anywhere:f", "no_such_module_anywhere"),
        ("json:nothing", "nothing"),
        ("math:sin", "is the C function sin"),
        ("json:dumps.<locals>.inner", "only while its outer function runs"),
    ],
)
def test_bad_targets_are_told_in_one_line_with_status_2(target, part, capsys):
    assert main(["inspect", target]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert part in err
    assert err.count("\n") == 1


LOUD = """
import os, sys
print("printed while importing")
os.write(1, b"written while importing\\n")
os.system("echo a child process")

class Loud:
    def __repr__(self):
        print("printed by a repr")
        return "\\x1b[2Jcleared \\u202eturned" + chr(10) + "round"

def make(loud=Loud()):
    return lambda: loud

f = make()
f.__qualname__ = 'a\\x1b]0;title\\x07"\\nb'
broken = property(lambda self: 1 / 0)

def outer(kept, other):
    values = [lambda: kept for _ in "ab"]
    def inner():
        class Inside:
            def method(self):
                return other
        return Inside
    return values, inner

class Twice:
    def method(self): return 1
    alias = again = method
"""


@pytest.fixture
def loud(tmp_path):
    """Runs `recell inspect` in a folder with a module that prints, with what it gave."""
    (tmp_path / "loud_module.py").write_text(LOUD)
    (tmp_path / "ends.py").write_text("raise SystemExit('no\\x1b[2J')")
    (tmp_path / "fails.py").write_text("1 / 0")

    def inspect(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "recell", "inspect", *arguments], cwd=str(tmp_path), stdout=-1, stderr=-1
        )

    return inspect


@pytest.mark.parametrize("form", ["--json", "--dot", None])
def test_what_a_module_prints_is_kept_apart_and_escapes_are_harmless(loud, form):
    """The output is the result alone, and holds no character that a terminal would obey."""
    done = loud("loud_module:f", *([form] if form else []))
    out, err = done.stdout.decode(), done.stderr.decode()
    assert done.returncode == 0
    for printed in ("printed while importing", "written while importing", "a child process", "by a repr"):
        assert printed in err
        assert printed not in out
    assert all(char.isprintable() or char == "\n" for char in out)
    assert r"\x1b[2Jcleared" in (json.loads(out)["cells"][0]["value"] if form == "--json" else out)
    if form == "--dot":
        assert sum(line.startswith("  f1 [") for line in out.splitlines()) == 1


@pytest.mark.parametrize(
    ("target", "told"),
    [("ends:f", r"ended with SystemExit('no\x1b[2J')"), ("fails:f", "ZeroDivisionError: division by zero")],
)
def test_a_module_that_cannot_be_imported_is_told_in_one_line(loud, target, told):
    done = loud(target, "--json")
    assert (done.returncode, done.stdout) == (2, b"")
    assert told in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


def test_functions_that_a_function_makes_and_its_cell_variables_are_shown(loud):
    """Also what is in comprehensions and classes of it."""
    out = loud("loud_module:outer").stdout.decode().splitlines()
    assert out[1] == "`- no free variables"
    assert "cell variables: kept, other" in out
    made = [re.sub(r"\(line \d+\)", "()", line) for line in out if "makes" in line]
    assert made == [
        "|- makes <lambda> (), uses kept",
        "`- makes inner (), uses other",
        "   `- makes method (), uses other",
    ]
    [function] = json.loads(loud("loud_module:outer", "--json").stdout)["functions"]
    assert function["cell_variables"] == ["kept", "other"]
    assert [inside["name"] for inside in function["nested"]] == ["<lambda>", "inner"]
    assert [inside["name"] for inside in function["nested"][1]["nested"]] == ["method"]
    assert 'label="method"' in loud("loud_module:outer", "--dot").stdout.decode()


def test_a_method_with_several_names_is_shown_once(loud):
    done = loud("loud_module:Twice")
    assert done.stdout.count(b"Twice.method") == 1


def test_the_help_says_that_the_module_runs(capsys):
    with pytest.raises(SystemExit):
        main(["inspect", "--help"])
    assert "imported, which runs its code" in " ".join(capsys.readouterr().out.split())


def test_a_module_of_the_folder_one_stands_in_is_found(tmp_path, monkeypatch, capsys):
    """The installed command finds what `python -m recell` finds, and leaves `sys.path` as it was."""
    (tmp_path / "module_of_this_folder.py").write_text("def f(x=1):\n    return lambda: x\ng = f()\n")
    monkeypatch.chdir(tmp_path)
    before = [*sys.path]
    try:
        assert main(["inspect", "module_of_this_folder:g"]) == 0
    finally:
        sys.modules.pop("module_of_this_folder", None)
    assert "x = 1" in capsys.readouterr().out
    assert sys.path == before


def test_tour_counts_a_step_that_raises_as_failed():
    from recell import tour

    def broken(stage):
        raise ZeroDivisionError

    out = io.StringIO()
    original = tour.steps
    tour.steps = lambda: [tour.Step("broken", (), broken)]
    try:
        assert not tour.run(out)
    finally:
        tour.steps = original
    assert "ZeroDivisionError" in out.getvalue()


def test_every_verb_is_shown_by_a_step_that_calls_it():
    """The tour, and with it the doctor, leaves out no capability."""
    from recell import tour

    stops = tour.steps()
    verbs = {
        name
        for name in recell._HOMES
        if isinstance(getattr(recell, name), types.FunctionType) or name == "Patcher"
    }
    assert {verb for step in stops for verb in step.verbs} == verbs
    for step in stops:
        assert {*step.verbs} <= names_read(step.show.__code__), step.title


def names_read(code):
    nested = [const for const in code.co_consts if isinstance(const, types.CodeType)]
    return {*code.co_names}.union(*map(names_read, nested))


def test_doctor_finds_that_everything_works_here(capsys):
    from recell import tour

    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = list(dict.fromkeys(", ".join(step.verbs) for step in tour.steps()))
    assert lines[-1] == f"{len(names)} of {len(names)} capabilities work here"
    assert [line.strip().rpartition("  ")[0].strip() for line in lines[1:-1]] == names


def test_doctor_tells_a_refusal_from_a_fault_and_goes_on(monkeypatch, capsys):
    from recell import doctor, tour

    def refuse(stage):
        raise recell.UnsupportedPythonError("no opcode facts", feature="test", version=(9, 9))

    def fail(stage):
        stage.check("two and two are four", False)

    def work(stage):
        stage.check("two and two are four", True)

    stops = [("refused", refuse), ("faulty", work), ("faulty", fail), ("fine", work)]
    monkeypatch.setattr(doctor, "steps", lambda: [tour.Step(name, (name,), show) for name, show in stops])
    assert main(["doctor"]) == 1
    refused, faulty, fine, last = capsys.readouterr().out.splitlines()[1:]
    assert refused.split(None, 1)[1].startswith("not here  no opcode facts")
    assert faulty.split(None, 1)[1] == "BROKEN  two and two are four"
    assert fine.split() == ["fine", "works"]
    assert last == "1 of 3 capabilities work here"


def test_doctor_notices_a_verifier_that_refuses_nothing(monkeypatch, capsys):
    monkeypatch.setattr(recell, "verify", lambda code: None)
    assert main(["doctor"]) == 1
    assert "code that reads constants which are not there is refused" in capsys.readouterr().out


def test_tour_passes_over_what_needs_threads_or_source_files(monkeypatch, capsys):
    """As in a browser: no threads, and a standard library without files. It says so, and is no failure."""
    import http.server
    import threading

    def no_threads(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_threads)
    monkeypatch.setattr(http.server, "__file__", "/nowhere/server.py")
    assert main(["tour"]) == 0
    out = capsys.readouterr().out
    assert out.count("passed over, without threads: can't start new thread") == 2
    assert "passed over: it needs a source file" in out
    assert " steps, 1 passed over, " in out
    assert ", 0 failed" in out


def test_output_that_is_no_text_stream_is_taken_as_it_is(monkeypatch):
    """A replaced `sys.stdout` may have no encoding to speak of."""
    written = []
    monkeypatch.setattr(sys, "stdout", type("Out", (), {"write": lambda self, text: written.append(text)})())
    assert main([]) == 2
    assert "inspect" in "".join(written)


def test_the_names_of_the_package_are_listed():
    assert {"patch_closure", "Patcher", "__version__"} <= {*dir(recell)}


def test_tour_counts_a_step_that_checks_nothing_as_failed(monkeypatch):
    from recell import tour

    monkeypatch.setattr(tour, "steps", lambda: [tour.Step("idle", (), lambda stage: stage.say("nothing"))])
    out = io.StringIO()
    assert not tour.run(out)
    assert "failed: idle: the step checked something" in out.getvalue()
