"""One function through every verb: what the hostile tests do to functions that others made, hold or watch."""

from __future__ import annotations

from types import FunctionType
from typing import Any

import recell

SOURCE = """
SCALE = 3

def make(step):
    def work(values, *, extra=1):
        "It has a docstring."
        assert step, "never"
        total = 0
        for value in values:
            try:
                total += value * step * SCALE
            finally:
                total += extra
        return total, [len(each) for each in map(str, values)], (lambda: SCALE)()
    return work
"""


def expected(*, step: int = 2, scale: int = 3, extra: int = 1, length: int = 1) -> tuple[Any, ...]:
    """What `work([1, 2])` returns."""
    return (1 + 2) * step * scale + 2 * extra, [length, length], scale


def state(func: FunctionType) -> tuple[Any, ...]:
    """What in-place verbs must put back, the very objects."""
    return (func.__code__, func.__closure__, func.__defaults__, func.__kwdefaults__, func.__globals__)


def exercise(work: FunctionType) -> int:
    """Every verb on `work` (made by `make(2)`); returns how many were checked."""
    values = [1, 2]
    before = [id(part) for part in state(work)]
    checks = 0

    def check(found: object, wanted: object) -> None:
        nonlocal checks
        checks += 1
        assert found == wanted, (checks, found, wanted)

    def unchanged() -> None:
        check([id(part) for part in state(work)], before)
        check(work(values), expected())

    recell.verify(work.__code__)
    unchanged()
    check(recell.replace(work, name="other")(values), expected())
    check(recell.rebind(work, step=5)(values), expected(step=5))
    check(recell.clone(work)(values), expected())
    check(recell.replace(work, kwdefaults={"extra": 4})(values), expected(extra=4))
    check(recell.promote(work, SCALE=10)(values), expected(scale=10))
    check(recell.promote(work, {"len": lambda text: 7}, SCALE=10)(values), expected(scale=10, length=7))
    check(recell.demote(work, "step")(values), expected())
    check(recell.freeze(work, SCALE=10)(values), expected(scale=10))
    check(recell.freeze(work, "step")(values), expected())
    check(set(recell.scope(work).nonlocals), {"step"})
    unchanged()
    with recell.override(work, SCALE=10):
        check(work(values), expected(scale=10))
        with recell.override(work, {"len": lambda text: 7}, step=5):
            check(work(values), expected(step=5, scale=10, length=7))
        check(work(values), expected(scale=10))
    unchanged()
    with recell.patch_closure(work, step=5):
        check(work(values), expected(step=5))
    unchanged()
    with recell.swap(work, lambda values, *, extra=1: ("swapped", extra)):
        check(work(values), ("swapped", 1))
    unchanged()

    def twice(original: Any) -> Any:
        return lambda *args, **kwargs: (original(*args, **kwargs), original(*args, **kwargs))

    with recell.wrap(work, twice):
        check(work(values), (expected(), expected()))
    unchanged()
    return checks + _less_common(work, values, unchanged)


def _less_common(work: FunctionType, values: list[int], unchanged: Any) -> int:
    """Nested functions, generated ones, methods and transactions; returns how many were checked."""
    changed = (*expected()[:2], "changed")

    def checked(found: object, wanted: object) -> int:
        assert found == wanted, (found, wanted)
        return 1

    checks = checked(recell.inner(work, "<lambda>")(), 3)
    checks += checked(recell.replace_inner(work, "<lambda>", lambda: "changed")(values), changed)
    with recell.patch_inner(work, "<lambda>", lambda: "changed"):
        checks += checked(work(values), changed)
    unchanged()
    renamed = recell.substitute(work, rename={"total": "amount", "values": "numbers"})
    checks += checked(renamed(numbers=values), expected())
    checks += checked(recell.forward(work, signature="(first)")(values), expected())
    checks += checked(
        recell.define("lambda values: work(values)", globals={}, closure={"work": work})(values), expected()
    )
    checks += checked(
        recell.build_function("made", "(values)", "return work(values)", closure={"work": work})(values),
        expected(),
    )
    with recell.Patcher() as patcher:
        patcher.override(work, SCALE=10)
        patcher.patch_closure(work, step=5)
        checks += checked(work(values), expected(step=5, scale=10))
    unchanged()

    class Holder:
        pass

    with recell.attach(Holder, recell.clone(work), "work"):
        checks += checked(Holder.__dict__["work"](values), expected())
    checks += checked(hasattr(Holder, "work"), False)
    checks += checked([each is work for each in recell.owners(work.__closure__[0])].count(True), 1)
    unchanged()
    return checks
