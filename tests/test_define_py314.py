# ruff: noqa: F821 - names in annotations that nobody defines are what is tested
"""Lazy annotations (3.14+) through `define`, `build_function`, `forward` and `substitute`."""

import annotationlib
import inspect

from recell import build_function, closure, define, forward, make_cell, substitute


def test_annotations_stay_lazy() -> None:
    """Names in annotations are looked up when they are asked for, in cells and globals."""
    cell = make_cell()
    func = define("def f(a: Kind) -> Later: pass", globals={}, closure={"Kind": cell})
    cell.cell_contents = int
    assert annotationlib.get_annotations(func, format=annotationlib.Format.STRING) == {
        "a": "Kind",
        "return": "Later",
    }
    func.__globals__["Later"] = str
    assert func.__annotations__ == {"a": int, "return": str}
    assert func.__annotate__.__qualname__.startswith(("__annotate__", "f.__annotate__"))


def test_substitute_renames_them_unevaluated() -> None:
    """The keys of what `__annotate__` returns follow, names nowhere defined included."""

    def f(a: nowhere, *, b: "a" = 1) -> elsewhere: ...

    new = substitute(f, rename={"a": "x", "b": "y", "nowhere": "somewhere"})
    got = annotationlib.get_annotations(new, format=annotationlib.Format.STRING)
    assert got == {"x": "somewhere", "y": "a", "return": "elsewhere"}
    assert annotationlib.get_annotations(f, format=annotationlib.Format.STRING)["a"] == "nowhere"


def test_evaluated_ones_are_not_lost() -> None:
    """A dict that was evaluated, and changed, is renamed too."""

    def f(a: int): ...

    f.__annotations__["a"] = "changed"
    assert substitute(f, rename={"a": "b"}).__annotations__ == {"b": "changed"}


def test_forward_and_build_function_carry_them() -> None:
    """A function's lazy annotations are its forward's."""

    def f(a: nowhere): ...

    new = forward(print, signature=f)
    assert new.__annotate__ is f.__annotate__
    assert list(inspect.signature(new, annotation_format=annotationlib.Format.FORWARDREF).parameters) == ["a"]
    built = build_function("g", "(a: nowhere)", [], defaults={"a": 1})
    assert annotationlib.get_annotations(built, format=annotationlib.Format.STRING) == {"a": "nowhere"}
    assert built() is None
    assert closure(new)[".target"] is print


def test_template_strings_over_several_lines() -> None:
    """A body with a t-string that goes over lines keeps it as it is."""
    func = build_function("f", "(a)", ['return t"""x', '  {a}y"""'])
    assert func(1).strings == ("x\n  ", "y")
