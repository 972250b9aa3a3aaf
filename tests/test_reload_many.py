"""A reload that changes many plain functions is one layer, until another change wants a layer over one of them."""

from __future__ import annotations

import gc
import itertools
import os
import subprocess
import sys
import types
from typing import Any, Callable, Iterator, List, Tuple

import pytest

import recell
from recell.errors import InterferenceError

COUNT = 30


def text(mark: int) -> str:
    return "".join(f"def f{n}(a, b={n}): return a, b, {mark}, RATE\n" for n in range(COUNT)) + "RATE = 1\n"


@pytest.fixture()
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    module = types.ModuleType("edited")
    monkeypatch.setitem(sys.modules, "edited", module)
    exec(compile(text(0), "edited.py", "exec", dont_inherit=True), vars(module))
    yield module


def marks(module: types.ModuleType) -> set[int]:
    return {vars(module)[f"f{n}"](0)[2] for n in range(COUNT)}


def codes(module: types.ModuleType) -> List[types.CodeType]:
    return [vars(module)[f"f{n}"].__code__ for n in range(COUNT)]


def same(one: List[types.CodeType], other: List[types.CodeType]) -> bool:
    return all(first is second for first, second in zip(one, other))


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_undone_in_any_order(order: Tuple[int, ...], module: types.ModuleType) -> None:
    """Whatever was reloaded last and is still in force is what runs; at the end the very same code is there."""
    before = codes(module)
    reports = [recell.reload(module, source=text(mark)) for mark in (1, 2, 3)]
    left = {1, 2, 3}
    for position in order:
        assert marks(module) == {max(left)}
        reports[position].undo()
        left.discard(position + 1)
    assert same(before, codes(module))


OVER: List[Callable[[types.FunctionType], Any]] = [
    lambda f: recell.override(f, RATE=7).start(),
    lambda f: recell.wrap(f, lambda g: lambda *args: ("wrapped", *g(*args))),
    lambda f: recell.swap(f, lambda a, b=2: (a, b, "swapped", 0)),
]


@pytest.mark.parametrize("first", [0, 1, 2])
@pytest.mark.parametrize("over", range(len(OVER)))
def test_with_another_change_over_it(over: int, first: int, module: types.ModuleType) -> None:
    """A change of one function among them, and the reloads beneath and above, leave in any order."""
    before = codes(module)
    changes = [recell.reload(module, source=text(1))]
    changes.append(OVER[over](module.f3))
    seen = module.f3(0)
    assert seen[-1] == 7 or "wrapped" in seen or "swapped" in seen
    assert module.f4(0) == (0, 4, 1, 1)
    changes.append(recell.reload(module, source=text(2)))
    changes.pop(first).undo()
    assert module.f4(0)[2] == (1 if first == 2 else 2)
    for change in changes:
        change.undo()
    assert same(before, codes(module))
    assert marks(module) == {0}


def test_a_change_that_was_there_before(module: types.ModuleType) -> None:
    """A function that has a layer already gets the new text like the others, and both leave in either order."""
    before = codes(module)
    for first in (0, 1):
        override = recell.override(module.f3, RATE=7).start()
        report = recell.reload(module, source=text(1))
        assert marks(module) == {1}
        changes = [override, report]
        changes[first].undo()
        changes[1 - first].undo()
        assert same(before, codes(module))


def test_a_later_report_that_nobody_keeps(module: types.ModuleType) -> None:
    """Its text stays in force when an earlier reload is undone, as long as that one is there to know it."""
    before = codes(module)
    first = recell.reload(module, source=text(1))
    recell.reload(module, source=text(2))
    gc.collect()
    first.undo()
    assert marks(module) == {2}
    del first
    third = recell.reload(module, source=text(3))
    third.undo()
    assert marks(module) == {2}
    assert not same(before, codes(module))


def test_interference_with_one_of_them(module: types.ModuleType) -> None:
    """Code that somebody else assigned meanwhile is told, and then nothing has changed."""
    before = codes(module)
    report = recell.reload(module, source=text(1))
    mine = module.f5.__code__
    module.f5.__code__ = (lambda a, b: None).__code__
    with pytest.raises(InterferenceError):
        report.undo()
    assert report.active
    assert module.f4(0)[2] == module.f6(0)[2] == 1
    module.f5.__code__ = mine
    report.undo()
    assert same(before, codes(module))


def test_undone_and_entered_again(module: types.ModuleType) -> None:
    """A report can be entered again: under other changes too."""
    before = codes(module)
    report = recell.reload(module, source=text(1))
    report.undo()
    with recell.override(module.f3, RATE=7):
        with report:
            assert marks(module) == {1}
        assert module.f3(0) == (0, 3, 0, 7)
    assert same(before, codes(module))


class Stop(Exception):
    pass


def done_alone(request: pytest.FixtureRequest) -> bool:
    """Runs the test in a process of its own: an audit hook stays, and before 3.11 other threads come in at it."""
    if os.environ.get("RECELL_ALONE"):
        return False
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", request.node.nodeid]
    done = subprocess.run(
        command,
        cwd=str(request.config.rootpath),
        env={**os.environ, "RECELL_ALONE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout
    return True


def test_a_store_that_fails(module: types.ModuleType, request: pytest.FixtureRequest) -> None:
    """An audit hook may refuse any store: those before it are put back, on entering and on undoing."""
    if done_alone(request):
        return
    target: List[Any] = [None]

    def hook(event: str, arguments: Tuple[Any, ...]) -> None:
        if target[0] is not None and event == "object.__setattr__" and arguments[0] is target[0]:
            target[0] = None
            raise Stop

    sys.addaudithook(hook)
    before = codes(module)
    for at in (0, 1, COUNT - 1):
        target[0] = vars(module)[f"f{at}"]
        with pytest.raises(Stop):
            recell.reload(module, source=text(1))
        assert same(before, codes(module))
        report = recell.reload(module, source=text(1))
        during = codes(module)
        target[0] = vars(module)[f"f{at}"]
        with pytest.raises(Stop):
            report.undo()
        assert same(during if report.active else before, codes(module))
        if report.active:
            report.undo()
        assert same(before, codes(module))


def test_a_finalizer_that_changes_one_meanwhile(
    module: types.ModuleType, request: pytest.FixtureRequest
) -> None:
    """What an audit hook or the garbage collector enters half way through keeps its place among the layers."""
    if done_alone(request):
        return
    before = codes(module)
    for turn in (0, COUNT - 1):
        entered: List[Any] = []
        armed = [True]

        def hook(event: str, arguments: Tuple[Any, ...]) -> None:
            if armed[0] and event == "object.__setattr__" and arguments[0] is module.f9:
                armed[0] = False
                entered.append(recell.override(vars(module)[f"f{turn}"], RATE=9).start())

        sys.addaudithook(hook)
        report = recell.reload(module, source=text(1))
        assert entered and vars(module)[f"f{turn}"](0)[2:] == (
            1,
            9,
        )  # what is in force stays so over new text
        report.undo()
        assert vars(module)[f"f{turn}"](0)[2:] == (0, 9)
        entered[0].undo()
        assert same(before, codes(module))


def test_a_reload_in_the_middle_of_another(module: types.ModuleType, request: pytest.FixtureRequest) -> None:
    """What an audit hook reloads half way through is refused, and the outer reload is whole."""
    if done_alone(request):
        return
    before = codes(module)
    inside: List[Any] = []
    armed = [True]

    def hook(event: str, arguments: Tuple[Any, ...]) -> None:
        if armed[0] and event == "object.__setattr__" and arguments[0] is module.f9:
            armed[0] = False
            with pytest.raises(recell.ReloadRefused) as caught:
                recell.reload(module, source=text(2))
            inside.append(caught.value.report)

    sys.addaudithook(hook)
    report = recell.reload(module, source=text(1))
    assert marks(module) == {1}
    (refused,) = inside[0].refused
    assert "is under way" in str(refused) and not inside[0].active
    second = recell.reload(module, source=text(2))
    assert marks(module) == {2}
    second.undo()
    report.undo()
    assert same(before, codes(module))


def test_nothing_is_made_for_functions_that_did_not_change(module: types.ModuleType) -> None:
    """Looking at a function makes neither a `__dict__` nor annotations for it."""
    recell.reload(module, source=text(0))
    report = recell.reload(module, source=text(0).replace("b, 0", "b, 5", 1))
    assert report.changed == ("f0",)
    assert not any(type(found) is dict and not found for found in gc.get_referents(module.f7))
    report.undo()
