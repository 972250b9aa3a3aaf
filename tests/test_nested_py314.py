"""inner on 3.14+: annotations stay lazy, and are left out where they could not be evaluated."""

import annotationlib

import pytest

from recell import ClosureMismatchError, inner, replace_inner


def outer(a):
    def early(x: Later, y: int = 1) -> Later:
        return a

    class Local:
        def method(self, x: Local) -> Later:
            return a

    def uses_local(x: Local):
        return a

    def captured(x: a):
        return a

    def small(i=5, j=-1, k=None, *, m=255, n=256, o="", p=True):
        return i

    return early(1), Local().method(2), uses_local(3), captured(4), small()


def test_lazy_annotations_stay_lazy() -> None:
    global Later
    early = inner(outer, "early", a=1)
    with pytest.raises(NameError):
        early.__annotations__
    assert annotationlib.get_annotations(early, format=annotationlib.Format.STRING)["x"] == "Later"
    Later = list
    try:
        assert early.__annotations__ == {"x": list, "y": int, "return": list}
    finally:
        del Later


def test_annotations_see_the_cells_that_are_given() -> None:
    assert inner(outer, "captured", a="value").__annotations__ == {"x": "value"}


def test_annotations_that_need_a_local_of_the_outer_function_are_left_out() -> None:
    assert inner(outer, "uses_local", a=1).__annotate__ is None
    assert inner(outer, "Local.method", a=1)(None, None) == 1


def test_small_and_common_constants_are_known() -> None:
    small = inner(outer, "small")
    assert small.__defaults__ == (5, -1, None)
    assert small.__kwdefaults__ == {"m": 255, "n": 256, "o": "", "p": True}


def test_a_replacement_keeps_its_lazy_annotations() -> None:
    made = []

    def catching(a):
        def f(x: int):
            return a

        made.append(f)
        return f(1)

    def make(a=None):
        def f(x: not_defined_yet):
            return "new", a

        return f

    assert replace_inner(catching, "f", make())(7) == ("new", 7)
    with pytest.raises(NameError):
        made[0].__annotations__
    with pytest.raises(ClosureMismatchError):
        inner(catching, "f")
