"""reload is one transaction: whatever goes wrong leaves everything as it was."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any, Callable

import pytest
from reload_modules import RICH, RICHER, make, same, snapshot, text, write

import recell
from recell.layers.stacks import Stack
from recell.layers.values import ValueStack
from recell.reloading import bodies, definitions, transaction

_ = (make, write)  # fixtures


# -- one transaction ----------------------------------------------------------------------------


class Stop(Exception):
    pass


def test_failure_at_every_step_changes_nothing(
    make: Callable[..., types.ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever layer cannot be entered, those before it are taken back: the very same objects stand everywhere."""
    kinds = [Stack, ValueStack]
    enter = {kind: kind.enter for kind in kinds}
    countdown = [10**6]

    def failing(kind: Any) -> Callable[[Any, Any], None]:
        def entered(self: Any, layer: Any) -> None:
            countdown[0] -= 1
            if countdown[0] == 0:
                raise Stop
            enter[kind](self, layer)

        return entered

    module = make(RICH)
    aliases = [module.plain, module.decorated, module.Other().f]
    before = snapshot(module)
    for kind in kinds:
        monkeypatch.setattr(kind, "enter", failing(kind))
    steps = 0
    while True:
        steps += 1
        countdown[0] = steps
        try:
            report = recell.reload(module, source=text(RICHER), was=text(RICH))
        except Stop:
            assert same(before, snapshot(module)), steps
            continue
        break
    assert steps > 15
    assert aliases[0](1) == ("loud", (1, 3, 4, [1]))
    assert aliases[1](1) == ("loud", (1, 5))
    assert aliases[2]() == (2, "1")
    before["decorated:calls"] = recell.closure(module.decorated)[
        "calls"
    ]  # it was called: state is not undone
    report.undo()
    assert same(before, snapshot(module))


@pytest.mark.parametrize(
    "where, step",
    [
        (transaction, "follow_module"),
        (transaction, "Part"),
        (transaction, "Report"),
        (bodies, "matched"),
        (bodies, "follow"),
        (bodies, "define"),
        (bodies, "execute"),
        (bodies, "abstract_methods"),
        (definitions, "become"),
        (definitions, "way_to"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_failure_inside_changes_nothing(
    where: Any, step: str, make: Callable[..., types.ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception in any part of reload itself leaves the module as it was."""

    def failing(*args: Any, **more: Any) -> Any:
        raise Stop

    module = make(RICH)
    before = snapshot(module)
    monkeypatch.setattr(where, step, failing)
    with pytest.raises(Stop):
        recell.reload(module, source=text(RICHER), was=text(RICH))
    assert same(before, snapshot(module))


def test_a_class_that_objects_takes_everything_back(make: Callable[..., types.ModuleType]) -> None:
    """A metaclass that forbids setting an attribute makes the whole reload fail, and nothing has changed."""
    module = make(
        """
        class Meta(type):
            def __setattr__(cls, name, value): raise TypeError("sealed")
        class A(metaclass=Meta):
            def f(self): return 1
        def f(): return 1
        """
    )
    before = snapshot(module)
    with pytest.raises(recell.ReloadRefused, match="sealed"):
        recell.reload(
            module,
            source=text(
                """
                class Meta(type):
                    def __setattr__(cls, name, value): raise TypeError("sealed")
                class A(metaclass=Meta):
                    def f(self): return 1
                    def g(self): return 1
                def f(): return 2
                """
            ),
        )
    assert same(before, snapshot(module))


def test_dry_run_executes_nothing(make: Callable[..., types.ModuleType]) -> None:
    """A dry run compares code alone: nothing runs, nothing changes, and it cannot be undone."""
    module = make(
        "def f(): return 1\ndef make(a):\n    def inner(): return a\n    return inner\ndef gone(): pass"
    )
    inner = module.make(1)
    before = snapshot(module)
    report = recell.reload(
        module,
        source="1 / 0\ndef f(): return 2\ndef make(a):\n    def inner(): return -a\n    return inner\ndef g(): pass",
        dry_run=True,
    )
    assert report.dry and not report.active
    assert set(report.changed) == {"f", "make", "make.<locals>.inner"}
    assert (report.added, report.removed, report.closures) == (("g",), ("gone",), 1)
    assert str(report).startswith("dry run of reload of edited: 2 ran, 3 changed")
    assert same(before, snapshot(module))
    assert inner() == 1
    report.undo()  # there is nothing to undo
    with pytest.raises(recell.ChangeError):
        report.start()


def test_data_rerun(make: Callable[..., types.ModuleType]) -> None:
    """data="rerun" takes what the new text makes of module-level data; undo brings the living objects back."""
    module = make("X = 1\ncache = {}\nclass A:\n    n = 1\ndef f(): return X, cache")
    module.cache["a"] = 1
    cache = module.cache
    report = recell.reload(
        module, source="X = 2\ncache = {}\nclass A:\n    n = 1\ndef f(): return X, cache", data="rerun"
    )
    assert module.f() == (2, {})
    assert {"X", "cache"} <= set(report.changed)
    report.undo()
    assert module.cache is cache
    assert module.f() == (1, {"a": 1})


def test_a_class_counter_is_state(
    write: Callable[[str], Path], make: Callable[..., types.ModuleType]
) -> None:
    """A class attribute that the text did not change keeps what the program made of it."""
    write("class Job:\n    next_id = 1\n    limit = 5\n    def f(self): return 1\n")
    sys.dont_write_bytecode, before = False, sys.dont_write_bytecode
    try:
        import edited_file as module
    finally:
        sys.dont_write_bytecode = before
    module.Job.next_id = 57
    write("class Job:\n    next_id = 1\n    limit = 6\n    def f(self): return 2\n")
    recell.reload(module)
    assert (module.Job.next_id, module.Job.limit) == (57, 6)
    module.Job.next_id = 58
    report = recell.reload(
        module, source="class Job:\n    next_id = 1\n    limit = 7\n    def f(self): return 3\n"
    )
    assert (module.Job.next_id, module.Job.limit) == (58, 7)
    report.undo()
    assert (module.Job.next_id, module.Job.limit) == (58, 6)
    report = recell.reload(
        module, source="class Job:\n    next_id = 100\n    limit = 6\n    def f(self): return 3\n"
    )
    assert module.Job.next_id == 58 and [name for name, _ in report.kept] == ["Job.next_id"]
