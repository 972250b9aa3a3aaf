"""Code edits among the other changes in place: in any order, from several threads, and back to the original objects."""

from __future__ import annotations

import functools
import random
import threading
from typing import Any, Callable

import pytest
from sizes import SEED, pick

import recell
from recell import ENTRY, inserted, patch_code, probe

seen: list[Any] = []


def helper(x: int) -> int:
    return x + 10


def make() -> Any:
    k = 5

    def target(a: int, *, b: int = 3) -> int:
        def nested(q: int) -> int:
            return q + k

        c = helper(a) + b
        return nested(c) + k

    return target


def decorator(decorated: Any) -> Any:
    def wrapper(*args: Any, **options: Any) -> Any:
        return decorated(*args, **options) + 1_000_000

    return wrapper


def swapped(a: int, *, b: int = 3) -> int:
    return -1


def changes(target: Any) -> dict[str, Callable[[], Any]]:
    return {
        "probe": lambda: probe(target, lambda a: seen.append(a), at=ENTRY),
        "line": lambda: probe(
            target, lambda c: seen.append(("c", c)), at="return nested(c) + k", when="c > 0"
        ),
        "code": lambda: patch_code(target, inserted("a = a + 1", at="c = helper(a) + b")),
        "grown": lambda: patch_code(target, inserted("b = b + 100", at=ENTRY), bonus, values={"bonus": 50}),
        "inner": lambda: recell.patch_inner(target, "nested", lambda q: -q),
        "override": lambda: recell.override(target, helper=lambda x: x * 1000),
        "closure": lambda: recell.patch_closure(target, k=7),
        "wrap": lambda: recell.wrap(target, decorator),
        "swap": lambda: recell.swap(target, swapped),
    }


def bonus(code: Any) -> None:
    """Adds the free variable `bonus` to what is returned."""
    from bytecode import FreeVar, Instr

    for at in reversed(range(len(code))):
        if getattr(code[at], "name", "") == "RETURN_VALUE":
            add = Instr("BINARY_OP", 0) if hasattr(make.__code__, "co_qualname") else Instr("BINARY_ADD")
            code[at:at] = [Instr("LOAD_DEREF", FreeVar("bonus")), add]


def model(active: list[str], a: int) -> tuple[Any, list[Any]]:
    """The result and what is seen."""
    if "swap" in active:
        return -1, []
    noted: list[Any] = [a] if "probe" in active else []
    k = 7 if "closure" in active else 5
    b = 103 if "grown" in active else 3
    a += "code" in active
    c = (a * 1000 if "override" in active else a + 10) + b
    if "line" in active and c > 0:
        noted.append(("c", c))
    result = (-c if "inner" in active else c + k) + k + (50 if "grown" in active else 0)
    return result + (1_000_000 if "wrap" in active else 0), noted


def test_any_order_of_entering_and_leaving() -> None:
    """Each state does what the model says; at the end code and closure are the very objects of the beginning."""
    target = make()
    base = target.__code__, target.__closure__
    rng = random.Random(SEED)
    lower = ["probe", "line", "code", "grown", "inner", "override", "closure"]
    for _ in range(pick(25, 1000, debug=8)):
        names = rng.sample(lower, rng.randint(2, 5)) + rng.choice([[], [], ["wrap"], ["swap"]])
        live: list[tuple[str, Any]] = []
        history: list[str] = []

        def judge() -> None:
            seen.clear()
            assert (target(1), seen) == model([name for name, _ in live], 1), history

        for name in names:
            live.append((name, changes(target)[name]().__enter__()))
            history.append(f"+{name}")
            judge()
        rng.shuffle(live)
        while live:
            name, change = live.pop()
            change.undo()
            history.append(f"-{name}")
            judge()
        assert target.__code__ is base[0] and target.__closure__ is base[1], history


def test_while_four_threads_call() -> None:
    """Every call does the old thing or the new one."""
    target = make()
    allowed = {model(active, 1)[0] for active in ([], ["probe"], ["code"], ["probe", "code"], ["grown"])}
    wrong: list[Any] = []
    stop = threading.Event()

    def call() -> None:
        while not stop.is_set():
            result = target(1)
            if result not in allowed:
                wrong.append(result)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(pick(40, 2000, debug=10)):
            with probe(target, lambda a: None, at=ENTRY), patch_code(
                target, inserted("a = a + 1", at="c = helper(a) + b")
            ):
                pass
            with patch_code(target, inserted("b = b + 100", at=ENTRY), bonus, values={"bonus": 50}):
                pass
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not wrong


def test_patch_code_is_a_layer() -> None:
    """Bad edits are told when it is made; entered twice it has two sets of cells, and is left twice."""
    target = make()
    code = target.__code__
    with pytest.raises(recell.ClosureMismatchError):
        patch_code(target, bonus)
    with pytest.raises(recell.FreeVariableError):
        patch_code(target, inserted("a = 1", at=ENTRY), values={"other": 1})
    with pytest.raises(recell.ScopeError, match="has the free variable `k` already"):
        patch_code(target, inserted("a = 1", at=ENTRY), values={"k": 1})
    with pytest.raises(TypeError, match="changes nothing"):
        patch_code(target)
    change = patch_code(target, inserted("a = a + 1", at=ENTRY))
    assert target.__code__ is code and not change.active
    with change:
        assert target(1) == make()(2)
        with change:
            assert target(1) == make()(3)
        assert target(1) == make()(2)
    assert target.__code__ is code


def test_an_edit_that_fails_later_leaves_everything_as_it_is() -> None:
    """What it raises while it is entered is the caller's; nothing has changed."""
    target = make()
    calls: list[int] = []

    def moody(code: Any) -> None:
        calls.append(1)
        if len(calls) > 1:
            raise KeyError("later")

    change = patch_code(target, moody)
    with change:
        with probe(target, lambda: None, at=ENTRY) as above:
            assert target(1) == make()(1) and above.hits == 1
        assert target(1) == make()(1)
    assert len(calls) == 1


def test_a_changed_generator_that_runs_already_goes_on() -> None:
    """It keeps the code that it has; the next one has the new code."""

    def count(n: int) -> Any:
        for i in range(n):
            yield i

    running = count(3)
    next(running)
    with patch_code(count, inserted("i = i + 100", at="yield i")):
        assert list(count(2)) == [100, 101] and list(running) == [1, 2]
    assert list(count(2)) == [0, 1]


def test_the_cache_of_a_function_is_emptied_on_both_ways() -> None:
    """What was computed without the change is not served while it is in force, nor the other way round."""

    @functools.lru_cache(maxsize=None)
    def double(n: int) -> int:
        return n * 2

    assert double(1) == 2
    with patch_code(double, inserted("n += 1", at=ENTRY)) as change:
        assert double(1) == 4
        with probe(double, lambda n: seen.append(n), at=ENTRY) as watched:
            assert double(1) == 4 == double(1) and watched.hits == 1
        assert double.cache_info().currsize == 0 and change.active
    assert double(1) == 2
