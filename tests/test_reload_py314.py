"""Lazy annotations (PEP 649) follow a new text, and stay lazy."""

from __future__ import annotations

import sys
import types

import pytest

import recell


@pytest.fixture()
def make(monkeypatch: pytest.MonkeyPatch):
    def module_of(source: str) -> types.ModuleType:
        module = types.ModuleType("edited")
        monkeypatch.setitem(sys.modules, "edited", module)
        exec(compile(source, "edited.py", "exec", dont_inherit=True), vars(module))
        return module

    return module_of


def test_lazy_annotations_follow(make) -> None:
    """Annotations may name what comes later; those of classes and of the module follow too."""
    module = make("def f(a: int): pass\nclass A:\n    x: int\nlimit: int = 1\n")
    f, cls = module.f, module.A
    annotate = f.__annotate__
    assert (f.__annotations__, cls.__annotations__, module.__annotations__) == (
        {"a": int},
        {"x": int},
        {"limit": int},
    )
    report = recell.reload(
        module,
        source="def f(a: Later, b: str): pass\nclass A:\n    x: str\n    y: Later\nlimit: str = 1\nclass Later: pass\n",
    )
    assert not report.refused, report
    assert f.__annotations__ == {"a": module.Later, "b": str}
    assert cls.__annotations__ == {"x": str, "y": module.Later}
    assert module.__annotations__ == {"limit": str}
    assert f.__annotate__.__globals__ is vars(module)
    report.undo()
    assert f.__annotate__ is annotate
    assert (f.__annotations__, cls.__annotations__, module.__annotations__) == (
        {"a": int},
        {"x": int},
        {"limit": int},
    )


def test_unevaluated_annotations_stay_unevaluated(make) -> None:
    """Nobody evaluates annotations for a reload: names that do not exist harm nothing."""
    module = make("def f(a: Nowhere): return 1\n")
    f = module.f
    report = recell.reload(module, source="def f(a: Nowhere, b: Elsewhere = 1): return 2\n")
    assert f(1) == 2
    with pytest.raises(NameError, match="Nowhere"):
        f.__annotations__
    report.undo()
    assert f(1) == 1
    assert recell.reload(module, source="def f(a: Nowhere): return 1\n").changed == ()
