"""Functions and changes of every in-place kind, for the tests that break changes off: what comes back, and what stays."""

from __future__ import annotations

import sys
from typing import Any, Callable

import recell
from recell import EMPTY, ENTRY
from recell.layers.changes import Change
from recell.layers.locking import LOCK
from recell.layers.places import AttributeLayer, ItemLayer
from recell.layers.records import layers_of, record_of

LIMIT, COUNT = "limit", "count"
SETTINGS = {"debug": False}
PROBED: list[Any] = []


class Box:
    tag: Any = None


class Old:
    @staticmethod
    def kind() -> Any:
        return __class__  # type: ignore[name-defined]  # noqa: F821


Remade = type("Old", (), {"kind": Old.__dict__["kind"]})


def make(a: Any, b: Any, tag: str = "base") -> Any:
    def func(x: Any = 0, *, k: Any = 1) -> Any:
        global COUNT
        if x == "never":
            COUNT = x

        def inner() -> Any:
            return "inner"

        probed = len(PROBED)
        PROBED.clear()
        return tag, a, b, LIMIT, COUNT, x, k, inner(), Box.tag, SETTINGS["debug"], Remade.kind(), probed

    return func


FRESH = ("base", "a", "b", "limit", "count", 0, 1, "inner", None, False, Old, 0)
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


def tagger() -> str:
    return "tag"


def set_attribute(verbs: Any, func: Any) -> Any:
    if verbs is not recell:
        return verbs.setattr(Box, "tag", "set")
    return Change("setattr", Box, [AttributeLayer(Box, "tag", "set")])


def set_item(verbs: Any, func: Any) -> Any:
    if verbs is not recell:
        return verbs.setitem(SETTINGS, "debug", True)
    return Change("setitem", SETTINGS, [ItemLayer(SETTINGS, "debug", True)])


INSERTED = recell.inserted("x = 'patched code'", at="probed = len(PROBED)")
VERBS: dict[str, Callable[[Any, Any], Any]] = {
    "constant": lambda verbs, func: verbs.override(func, LIMIT=5),
    "private cell": lambda verbs, func: verbs.override(func, a=5),
    "growth": lambda verbs, func: verbs.override(func, COUNT=5),
    "all three": lambda verbs, func: verbs.override(func, COUNT=5, LIMIT=6, b=7),
    "patch_closure": lambda verbs, func: verbs.patch_closure(func, a=5),
    "emptied": lambda verbs, func: verbs.patch_closure(func, a=EMPTY),
    "two cells": lambda verbs, func: verbs.patch_closure(func, a=5, b=6),
    "patch_defaults": lambda verbs, func: verbs.patch_defaults(func, x=5, k=6),
    "patch_inner": lambda verbs, func: verbs.patch_inner(func, "inner", lambda: "patched"),
    "patch_code": lambda verbs, func: verbs.patch_code(func, INSERTED),
    "probe": lambda verbs, func: verbs.probe(func, lambda: PROBED.append(1), at=ENTRY),
    "swap": lambda verbs, func: verbs.swap(func, OTHER, cells="take"),
    "swap from elsewhere": lambda verbs, func: verbs.swap(func, SPACE["foreign"]),
    "wrap": lambda verbs, func: verbs.wrap(func, decorated),
    "attach": lambda verbs, func: verbs.attach(Box, tagger, "tag"),
    "repoint": lambda verbs, func: verbs.repoint(Remade, old=Old),
    "setattr": set_attribute,
    "setitem": set_item,
    "class": lambda verbs, func: verbs.override(func, LIMIT=5),
}
"""Kind -> how a module or a patcher makes the change."""
STAY = {"swap", "swap from elsewhere", "wrap", "attach", "repoint"}
HIDDEN = {(kind, "swap") for kind in ("patch_inner", "patch_code", "probe")}
"""Kinds that a swap beneath them hides: they are of a lower rank."""
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
        PROBED.clear()
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
        self.target: Any = self.funcs[0]
        if kind == "class":
            self.target = type("Some", (), {f"method{at}": func for at, func in enumerate(self.funcs)})
        make_it = VERBS[kind]
        self.change = (
            Later(lambda: make_it(recell, self.target)) if kind in STAY else make_it(recell, self.target)
        )
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
        self.check_before()
        with change:
            assert change.active
            assert seen(self.funcs) != self.before
        assert seen(self.funcs) == self.before
        self.check_fresh()

    def check_before(self) -> None:
        """What was before the change is there, and nobody thinks that he is still installing."""
        assert not LOCK._is_owned()
        assert seen(self.funcs) == self.before
        if self.beneath == "nothing":
            assert self.same_parts()
        for func in self.funcs:
            stack = record_of(func).used()
            assert stack is None or not stack.busy

    def check_fresh(self) -> None:
        """Without what lies beneath, the very objects are back."""
        for below in self.below:
            if below is not None:
                below.undo()
        assert seen(self.funcs) == [FRESH] * len(self.funcs)
        assert self.same_parts()
        assert not any(layers_of(func) for func in self.funcs)


def scene(kind: str, beneath: str, entered_before: int = 0) -> Scene | None:
    """A scene; None where what lies beneath does not have the name, or hides the change."""
    if (kind, beneath) in HIDDEN:
        return None
    try:
        return Scene(kind, beneath, entered_before)
    except recell.ScopeError:
        return None


def deep(calls: int, action: Callable[[], object]) -> object:
    """Call something that many calls further down."""
    return deep(calls - 1, action) if calls else action()


def depth() -> int:
    """How many calls are under way."""
    frame: Any = sys._getframe()
    count = 0
    while frame is not None:
        frame, count = frame.f_back, count + 1
    return count
