"""What recell makes, each beside the function that Python itself makes of the same text: they travel alike.

Processes that receive them need nothing but this file, and only where a pickler asks for a function's module.
"""

from __future__ import annotations

import builtins
import inspect
from types import FunctionType
from typing import Any, Callable, Dict, List, Tuple

FACTOR = 3
Maker = Callable[[], Callable[..., Any]]


def make(step: int = 1) -> Callable[..., Any]:
    total = 10

    def add(amount: int, *, times: int = 2) -> tuple[int, int, str]:
        """Adds."""
        nonlocal total
        total += amount * step * times * FACTOR
        return total, max(step, 0), ", ".join(str(each * step) for each in range(2))

    add.tag = "here"
    return add


def make_generator(limit: int) -> Callable[..., Any]:
    def count(start: int) -> Any:
        for number in range(start, limit):
            yield lambda: number * FACTOR

    return lambda start=0: [each() for each in count(start)]


TEXT = inspect.getsource(make)


def written(*changes: Tuple[str, str], head: str = "pass", extra: Dict[str, Any] = {}) -> Maker:
    """`make` of the text with some of it written otherwise, in this module's globals or in a copy with more names."""
    text = TEXT
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    lines = [f"    {line}\n" for line in (head, *text.splitlines(), "return make")]
    whole = "from __future__ import annotations\ndef written_make():\n" + "".join(lines)
    found: Dict[str, Any] = {}
    exec(compile(whole, "<written>", "exec"), {**globals(), **extra} if extra else globals(), found)
    return found["written_make"]()


def as_plain() -> Dict[str, Tuple[Maker, Maker]]:
    """Verb -> what makes its function, and what makes the one that Python would have made."""
    import recell

    signature = "amount, *, times=2"
    body = "return amount * step * times * FACTOR"

    def named(func: Any) -> Any:
        func.__name__, func.__qualname__, func.__doc__ = "other", "make.<locals>.other", "Other."
        return func

    def plain(step: int) -> Callable[..., Any]:
        def plain(amount, *, times=2):
            return amount * step * times * FACTOR

        return plain

    def forwarding() -> Callable[..., Any]:
        call = make(4)

        def add(amount, *, times):
            """Adds."""
            return call(amount, times=times)

        return add

    return {
        "as it was": (make, make),
        "replace": (lambda: recell.replace(make(), name="other", doc="Other."), lambda: named(make())),
        "rebind": (lambda: recell.rebind(make(), step=5), lambda: make(5)),
        "clone": (lambda: recell.clone(make()), make),
        "promote": (
            lambda: recell.promote(make(), FACTOR=7, max=min),
            lambda: written(head="FACTOR, max = 7, min")(),
        ),
        "demote": (
            lambda: recell.demote(make(), "step"),
            lambda: written(("make(step: int = 1)", "make()"), extra={"step": 1})(),
        ),
        "freeze": (
            lambda: recell.freeze(make(), "step", FACTOR=11),
            lambda: written(("make(step: int = 1)", "make()"), ("* step", "* 1"), ("max(step", "max(1"), ("FACTOR", "11"))(),
        ),
        "inner": (lambda: recell.inner(make, "add", step=4, total=10), lambda: untagged(make(4))),
        "make_function": (
            lambda: recell.make_function(
                make().__code__, {"FACTOR": 2}, closure={"step": 4, "total": 10}, kwdefaults={"times": 1}
            ),
            lambda: bare(make(4), {"FACTOR": 2, "__builtins__": builtins}, {"times": 1}),
        ),
        "define": (
            lambda: recell.define(
                f"def plain({signature}):\n    {body}\n", globals=globals(), closure={"step": 4}
            ),
            lambda: plain(4),
        ),
        "build_function": (
            lambda: recell.build_function("plain", f"({signature})", [body], globals=globals(), closure={"step": 4}),
            lambda: plain(4),
        ),
        "forward": (lambda: recell.forward(make(4), signature="(amount, *, times)"), forwarding),
        "substitute": (
            lambda: recell.substitute(make(), rename={"step": "pace"}, constants={", ": "; "}),
            lambda: written(("step", "pace"), ('", "', '"; "'))(),
        ),
        "a generator in a closure": (
            lambda: recell.clone(make_generator(5), deep=True),
            lambda: make_generator(5),
        ),
    }  # fmt: skip


def untagged(func: Any) -> Any:
    del func.tag
    return func


def bare(func: Any, space: Dict[str, Any], keywords: Dict[str, Any]) -> FunctionType:
    """What `types.FunctionType` makes of the parts."""
    new = FunctionType(func.__code__, space, func.__name__, None, func.__closure__)
    new.__kwdefaults__ = keywords
    return new


def results(func: Callable[..., Any]) -> List[Any]:
    """What two calls give, or raise, from the state that the function is in."""
    found: List[Any] = []
    for amount in (2, 3):
        for keywords in ({}, {"times": 1}):
            try:
                found.append(func(amount, **keywords))
            except TypeError as error:
                found.append(type(error).__name__)
    return found


def story(func: Any) -> Dict[str, Any]:
    """All that a receiver can see of a function; the calls come last, for they write to its cells."""
    return {
        "name": func.__name__, "doc": func.__doc__, "dict": dict(vars(func)), "defaults": func.__defaults__,
        "kwdefaults": func.__kwdefaults__, "signature": str(inspect.signature(func)),
        "results": results(func),
    }  # fmt: skip
