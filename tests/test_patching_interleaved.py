"""Two changes of one function that meet half way: at each call that recell makes, something else comes in.

A profile function stops the change there; another thread (or the same one, as a signal's handler or a finalizer does,
where the lock is held) then does its part. So what depends on the moment happens each time.
"""

from __future__ import annotations

import contextlib
import gc
import linecache
import sys
import threading
import time
from typing import Any, Callable, Iterator

import pytest

import recell
from recell.layers import exchange as installing
from recell.layers import function_stacks
from recell.layers.function_layers import stack_of
from recell.patching.code_switching import Switching

LIMIT, COUNT = "limit", "count"
LOCKED = Switching.__enter__.__name__ == "_enter_locked"  # before 3.10 the short way takes the lock
ENTER, EXIT = Switching.__enter__.__name__, Switching.__exit__.__name__


def make(a: Any, b: Any) -> Any:
    def func(x: int = 0) -> Any:
        global COUNT
        if x:
            COUNT = x
        return a, b, LIMIT, COUNT

    return func


def other() -> Any:
    return "other"


def in_a_thread(action: Callable[[], object]) -> None:
    errors: list[BaseException] = []

    def run() -> None:
        try:
            action()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert not errors, errors


@contextlib.contextmanager
def at(event: str, called: str, inside: str, action: Callable[[], object]) -> Iterator[None]:
    """Runs an action once, at the call (or the return) of something that a function of recell's calls."""
    todo = [action]

    def profile(frame: Any, what: str, arg: Any) -> None:
        if what == event and todo:
            caller = frame.f_back if what == "call" else frame
            name = frame.f_code.co_name if what == "call" else getattr(arg, "__name__", "")
            if name == called and caller is not None and caller.f_code.co_name == inside:
                todo.pop()()

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(before)
    assert not todo, f"{inside} never called {called}"


class Meeting(list):  # type: ignore[type-arg]
    """The list of a stack, where something else comes in once it was changed.

    Up to 3.10 threads are switched, and signals handled, at almost every instruction; later only where a call is.
    """

    come: Callable[[], object] | None = None

    def __iadd__(self, more: Any) -> Any:
        super().__iadd__(more)
        return self._met()

    def __delitem__(self, at: Any) -> None:
        super().__delitem__(at)
        self._met()

    def _met(self) -> Meeting:
        come, self.come = self.come, None
        if come is not None:
            come()
        return self


def meetings(func: Any, change: Any) -> tuple[Meeting, Meeting]:
    """A change, prepared over a stack whose two lists are meetings."""
    stack = stack_of(func)
    slot, free = Meeting(), Meeting([None])
    stack.slot, stack.free = slot, free
    often(change)
    return slot, free


def often(change: Any) -> Any:
    """Entered and left until the short way is known."""
    for _ in range(3):
        with change:
            pass
    return change


MEANWHILE: dict[str, Callable[[Any], Any]] = {
    "code": lambda func: recell.override(func, COUNT="new count"),
    "cell": lambda func: recell.override(func, b="new b"),
    "swap": lambda func: recell.swap(func, other),
}


def expected(func: Any, own: bool, kind: str, there: bool) -> Any:
    if there and kind == "swap":
        return "other"
    limit = "new limit" if own else "limit"
    return (
        "a",
        "new b" if there and kind == "cell" else "b",
        limit,
        "new count" if there and kind == "code" else "count",
    )


def reading(a: Any, b: Any) -> Any:
    def func() -> Any:
        return a, b, LIMIT, COUNT

    return func


@pytest.mark.parametrize("kind", MEANWHILE)
@pytest.mark.parametrize("first", ["own", "other"])
def test_another_change_comes_in_before_the_store(kind: str, first: str) -> None:
    """The store came late, or not at all: both are in force, and leave in any order."""
    func = reading("a", "b")
    code, closure = func.__code__, func.__closure__
    own = recell.override(func, LIMIT="new limit")
    slot, _ = meetings(func, own)
    came: list[Any] = []

    def come() -> None:
        change = MEANWHILE[kind](func)
        came.append(change if change.active else change.start())

    slot.come = come if LOCKED else lambda: in_a_thread(come)
    own.start()
    assert own.active and came[0].active
    assert func() == expected(func, True, kind, True)
    (own if first == "own" else came[0]).undo()
    assert func() == expected(func, first != "own", kind, first == "own")
    (came[0] if first == "own" else own).undo()
    assert func.__code__ is code and func.__closure__ is closure
    with own:
        assert func() == expected(func, True, kind, False)
    assert func.__code__ is code


@pytest.mark.parametrize("kind", MEANWHILE)
def test_another_change_comes_in_before_a_switch_is_taken_out(kind: str) -> None:
    """The code is back already when another change makes a layer of the switch: it leaves like any other layer."""
    func = reading("a", "b")
    code, closure = func.__code__, func.__closure__
    own = often(recell.override(func, LIMIT="new limit"))
    came: list[Any] = []

    def come() -> None:
        change = MEANWHILE[kind](func)
        came.append(change if change.active else change.start())

    own.start()
    with at("c_call", "remove", EXIT, come if LOCKED else lambda: in_a_thread(come)):
        own.__exit__(None, None, None)
    assert not own.active and came[0].active
    assert func() == expected(func, False, kind, True)
    came[0].undo()
    assert func.__code__ is code and func.__closure__ is closure


@pytest.mark.skipif(LOCKED, reason="the short way takes the lock")
@pytest.mark.parametrize("way", ["in", "out"])
def test_another_thread_waits_while_a_switch_is_half_way(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    func = reading("a", "b")
    own, over = recell.override(func, LIMIT="new limit"), recell.override(func, COUNT="new count")
    _, free = meetings(func, own)
    waits, threads = threading.Event(), [threading.Thread(target=over.start)]
    real_sleep = function_stacks.sleep

    def sleep(seconds: float) -> None:
        waits.set()
        real_sleep(seconds)

    def come() -> None:
        threads[0].start()
        assert waits.wait(30)

    monkeypatch.setattr(function_stacks, "sleep", sleep)
    if way == "in":
        free.come = come
        own.start()
    else:
        own.start()
        with at("c_return", "remove", EXIT, come):
            own.__exit__(None, None, None)
    threads[0].join()
    assert func() == ("a", "b", "new limit" if way == "in" else "limit", "new count")
    for change in (own, over):
        if change.active:
            change.undo()
    assert func() == ("a", "b", "limit", "count")


@pytest.mark.parametrize("kind", MEANWHILE)
@pytest.mark.parametrize("way", ["in", "out"])
def test_a_handler_comes_in_while_private_cells_are_exchanged(way: str, kind: str) -> None:
    """What a signal's handler or a finalizer enters meanwhile is installed when the exchange is through."""
    func = make("a", "b")
    code, closure = func.__code__, func.__closure__
    own = recell.override(func, COUNT="new count")
    slot, _ = meetings(func, own)
    over = recell.override(
        func, {"code": {"LIMIT": "x"}, "cell": {"b": "x"}, "swap": {"a": "x", "LIMIT": "y"}}[kind]
    )
    if way == "in":
        slot.come = over.start
        own.start()
    else:
        own.start()
        with at("call", "exchange", "leave", over.start):
            own.__exit__(None, None, None)
    count = "new count" if way == "in" else "count"
    shown = {
        "code": ("a", "b", "x", count),
        "cell": ("a", "x", "limit", count),
        "swap": ("x", "b", "y", count),
    }
    assert func() == shown[kind] and own.active is (way == "in")
    over.undo()
    assert func() == ("a", "b", "limit", count)
    if own.active:
        own.undo()
    assert func.__code__ is code and func.__closure__ is closure
    with own:
        assert func() == ("a", "b", "limit", "new count")
    assert func.__code__ is code and func.__closure__ is closure


class Interrupted(BaseException):
    """As KeyboardInterrupt is, raised by a signal's handler."""


def interrupt() -> None:
    raise Interrupted


@pytest.mark.parametrize("values", [{"a": "x"}, {"COUNT": "x"}, {"a": "x", "COUNT": "y"}], ids=repr)
@pytest.mark.parametrize("again", [False, True], ids=["first", "again"])
@pytest.mark.parametrize("way", ["in", "out"])
@pytest.mark.parametrize("behind", [False, True], ids=["before", "behind"])
def test_ctrl_c_at_each_exchange_of_a_closure(
    way: str, again: bool, values: dict[str, Any], behind: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The function is in one of the two states, and the change says in which."""
    func = make("a", "b")
    code, closure, before = func.__code__, func.__closure__, func()
    real, countdown = installing.closure_setter(), [0]

    def setter(function: Any, cells: Any) -> None:
        countdown[0] -= 1
        if countdown[0] == 0 and not behind:
            raise Interrupted
        real(function, cells)
        if countdown[0] == 0:
            raise Interrupted

    monkeypatch.setattr(installing, "_set_closure", setter)
    own = recell.override(func, values)
    if again:
        often(own)
    if way == "out":
        own.start()
    inside = tuple(values.get(name, value) for name, value in zip(("a", "b", "LIMIT", "COUNT"), before))
    countdown[0] = 1
    with contextlib.suppress(Interrupted):
        own.start() if way == "in" else own.__exit__(None, None, None)
    countdown[0] = 0
    if own.active:
        assert func() == inside
        own.undo()
    assert func() == before and func.__code__ is code and func.__closure__ is closure
    with own:
        assert func() == inside
    assert func.__code__ is code and func.__closure__ is closure


@pytest.mark.skipif(LOCKED, reason="the short way takes the lock")
def test_a_store_that_came_late_is_no_interference() -> None:
    """Between its last look and its store a thread was overtaken; another one finds that code before it can say so."""
    func = reading("a", "b")
    code, closure = func.__code__, func.__closure__
    own, over = often(recell.override(func, LIMIT="new limit")), recell.override(func, COUNT="new count")
    near, store, stored, say = (threading.Event() for _ in range(4))

    def trace(frame: Any, event: str, arg: Any) -> Any:
        if frame.f_code.co_name == ENTER and frame.f_code.co_filename.endswith("code_switching.py"):
            return step
        return None

    def step(frame: Any, event: str, arg: Any) -> Any:
        if event == "line":
            if near.is_set():
                stored.set()
                say.wait(30)
                return None
            if linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip() == "func.__code__ = above":
                near.set()
                store.wait(30)
        return step

    def enter() -> None:
        sys.settrace(trace)
        try:
            own.start()
        finally:
            sys.settrace(None)

    def wait_until_it_says_so() -> None:
        say.set()
        stack = stack_of(func)
        for _ in range(3000):
            if stack.late:
                return
            time.sleep(0.01)

    thread = threading.Thread(target=enter)
    thread.start()
    assert near.wait(30)
    over.start()
    store.set()
    assert stored.wait(30)
    top = recell.override(func, b="new b")
    with at("call", "_straightened", "check", wait_until_it_says_so):
        top.start()
    thread.join()
    assert func() == ("a", "new b", "new limit", "new count")
    for change in (over, own, top):
        change.undo()
    assert func.__code__ is code and func.__closure__ is closure


def test_a_closure_exchanged_by_somebody_else_is_interference() -> None:
    """By way of ctypes, as other tools do."""
    func, cells = make("a", "b"), make("c", "d").__closure__
    own = recell.override(func, a="x").start()
    installed = func.__closure__
    installing.closure_setter()(func, cells)
    with pytest.raises(recell.InterferenceError, match="__closure__"):
        own.undo()
    installing.closure_setter()(func, installed)
    own.undo()
    assert func() == ("a", "b", "limit", "count")


@pytest.mark.parametrize("way", ["in", "out"])
def test_what_a_handler_enters_before_the_store_waits(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the store would put a closure beneath a code that is not its own."""
    func = make("a", "b")
    code, closure = func.__code__, func.__closure__
    real, todo = installing.closure_setter(), []

    def setter(function: Any, cells: Any) -> None:
        there = function.__code__, function.__closure__
        while todo:
            todo.pop()()
        assert function.__code__ is there[0] and function.__closure__ is there[1]
        real(function, cells)

    monkeypatch.setattr(installing, "_set_closure", setter)
    own, over = often(recell.override(func, a="x")), recell.override(func, COUNT="y")
    if way == "out":
        own.start()
    todo.append(over.start)
    own.start() if way == "in" else own.__exit__(None, None, None)
    assert not todo and func() == ("x" if way == "in" else "a", "b", "limit", "y")
    over.undo()
    if way == "in":
        own.undo()
    assert func.__code__ is code and func.__closure__ is closure


@pytest.mark.skipif(LOCKED, reason="the short way takes the lock")
def test_another_change_comes_and_goes_before_a_switch_is_taken_out() -> None:
    func = reading("a", "b")
    code, closure = func.__code__, func.__closure__
    own, over = often(recell.override(func, LIMIT="new limit")), recell.override(func, b="new b")
    own.start()

    def come_and_go() -> None:
        over.start()
        own.undo()
        over.undo()

    with at("c_call", "remove", EXIT, lambda: in_a_thread(come_and_go)), pytest.raises(recell.ChangeError):
        own.__exit__(None, None, None)
    assert func.__code__ is code and func.__closure__ is closure
    with own:
        assert func() == ("a", "b", "new limit", "count")
    assert func.__code__ is code


def test_interference_is_told_while_other_threads_run() -> None:
    """It might be the store of one of them: they get a moment to say so."""
    func = reading("a", "b")
    go = threading.Event()
    thread = threading.Thread(target=go.wait)
    thread.start()
    try:
        own = recell.override(func, LIMIT="new limit").start()
        installed, func.__code__ = func.__code__, reading("c", "d").__code__
        with pytest.raises(recell.InterferenceError, match="__code__"):
            own.undo()
    finally:
        go.set()
        thread.join()
    func.__code__ = installed
    own.undo()
    assert func() == ("a", "b", "limit", "count")


def test_a_change_that_nobody_holds_stays_when_others_come_and_go() -> None:
    func = reading("a", "b")
    own = often(recell.override(func, LIMIT="new limit"))
    own.start()
    stack = stack_of(func)  # who can undo keeps it, and so does this
    del own
    gc.collect()
    with recell.override(func, b="new b"):
        assert func() == ("a", "new b", "new limit", "count")
    assert func() == ("a", "b", "new limit", "count")
    assert stack.edits


def test_an_interruption_while_original_follows() -> None:
    """What lies beneath a swap leaves or stays, and `original` with it."""
    func = make("a", "b")
    code, closure = func.__code__, func.__closure__
    first, second = recell.swap(func, make("c", "d"), cells="take"), recell.swap(func, other)
    assert second.original() == ("a", "b", "limit", "count") or second.original() == (
        "c",
        "d",
        "limit",
        "count",
    )
    before = second.original()
    real, countdown = installing.closure_setter(), [1]

    def setter(function: Any, cells: Any) -> None:
        countdown[0] -= 1
        if countdown[0] == 0:
            raise Interrupted
        real(function, cells)

    grown = recell.swap(func, lambda: "third")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(installing, "_set_closure", setter)
        with contextlib.suppress(Interrupted):
            first.undo()
    assert func() == "third"
    if first.active:
        assert second.original() == before
        first.undo()
    grown.undo()
    second.undo()
    assert func.__code__ is code and func.__closure__ is closure
