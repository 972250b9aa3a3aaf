"""Functions and changes of every in-place kind, for the tests that break changes off: what comes back, and what stays."""

from __future__ import annotations

import os
from typing import Any, Callable

import recell
from recell import EMPTY
from recell.layers import stacks
from recell.layers.locking import LOCK
from recell.layers.records import layers_of, record_of
from recell.patching import overriding

LIMIT, COUNT = "limit", "count"
FOLDERS = tuple(os.path.dirname(module.__file__) for module in (stacks, overriding))


def make(a: Any, b: Any, tag: str = "base") -> Any:
    def func(x: Any = 0, *, k: Any = 1) -> Any:
        global COUNT
        if x == "never":
            COUNT = x

        def inner() -> Any:
            return "inner"

        return tag, a, b, LIMIT, COUNT, x, k, inner()

    return func


FRESH = ("base", "a", "b", "limit", "count", 0, 1, "inner")
SPACE: dict[str, Any] = {"LIMIT": "far limit"}
exec("def foreign(x=3, *, k=4): return 'foreign', LIMIT", SPACE)
OTHER = make("c", "d", "other")


class Later:
    """A change that stays, made when it is entered first."""

    def __init__(self, make_it: Callable[[], Any]) -> None:
        self.make_it, self.change = make_it, None

    def __enter__(self) -> Any:
        if self.change is None:
            self.change = self.make_it()
        else:
            self.change.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        assert self.change is not None
        self.change.__exit__(*raised)

    def undo(self) -> None:
        assert self.change is not None
        self.change.undo()

    @property
    def active(self) -> bool:
        return self.change is not None and self.change.active


def decorated(func: Any) -> Any:
    return lambda *args, **kwargs: ("wrapped", func(*args, **kwargs))


CHANGES: dict[str, Callable[[Any], Any]] = {
    "constant": lambda func: recell.override(func, LIMIT=5),
    "private cell": lambda func: recell.override(func, a=5),
    "growth": lambda func: recell.override(func, COUNT=5),
    "all three": lambda func: recell.override(func, COUNT=5, LIMIT=6, b=7),
    "patch_closure": lambda func: recell.patch_closure(func, a=5),
    "emptied": lambda func: recell.patch_closure(func, a=EMPTY),
    "patch_defaults": lambda func: recell.patch_defaults(func, x=5, k=6),
    "patch_inner": lambda func: recell.patch_inner(func, "inner", lambda: "patched"),
    "swap": lambda func: Later(lambda: recell.swap(func, OTHER, cells="take")),
    "swap from elsewhere": lambda func: Later(lambda: recell.swap(func, SPACE["foreign"])),
    "wrap": lambda func: Later(lambda: recell.wrap(func, decorated)),
    "class": lambda func: None,
}
BENEATH: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda func: None,
    "constant": lambda func: recell.override(func, LIMIT=9).start(),
    "growth": lambda func: recell.override(func, COUNT=9).start(),
    "swap": lambda func: recell.swap(func, make("s", "t", "swapped"), cells="take"),
    "patch_defaults": lambda func: recell.patch_defaults(func, x=77).start(),
}


def seen(funcs: list[Any]) -> list[Any]:
    found = []
    for func in funcs:
        try:
            found.append(func())
        except NameError:
            found.append("NameError")
    return found


def parts(func: Any) -> tuple[Any, ...]:
    return (
        func.__code__, func.__closure__, func.__defaults__, func.__kwdefaults__, func.__dict__, func.__doc__,
        func.__closure__[0].cell_contents,
    )  # fmt: skip


class Scene:
    """Some functions, what lies over them, and a change of them that is to be broken off."""

    def __init__(self, kind: str, beneath: str, entered_before: int) -> None:
        self.funcs = [make("a", "b") for _ in range(3 if kind == "class" else 1)]
        self.parts = [parts(func) for func in self.funcs]
        self.beneath = beneath
        self.below = [BENEATH[beneath](func) for func in self.funcs]
        self.before = seen(self.funcs)
        if kind == "class":
            cls = type("Some", (), {f"method{at}": func for at, func in enumerate(self.funcs)})
            self.change = recell.override(cls, LIMIT=5)
        else:
            self.change = CHANGES[kind](self.funcs[0])
        for _ in range(entered_before):
            with self.change:
                pass

    def same_parts(self) -> bool:
        return all(
            new is old
            for func, before in zip(self.funcs, self.parts)
            for new, old in zip(parts(func), before)
        )

    def check(self, inside: list[Any] | None) -> None:
        """The change is in force or not, as it says; it can be undone; all that comes later works; all comes back."""
        assert not LOCK._is_owned()
        change = self.change
        if change.active:
            assert inside is not None, "in force though entering failed"
            assert seen(self.funcs) == inside
            change.undo()
        assert not change.active
        assert seen(self.funcs) == self.before
        if self.beneath == "nothing":
            assert self.same_parts()
        for func in self.funcs:
            stack = record_of(func).used()
            assert stack is None or not stack.busy
        with change:
            assert change.active
            assert seen(self.funcs) != self.before
        assert seen(self.funcs) == self.before
        for below in self.below:
            if below is not None:
                below.undo()
        assert seen(self.funcs) == [FRESH] * len(self.funcs)
        assert self.same_parts()
        assert not any(layers_of(func) for func in self.funcs)
