"""Generic functions (PEP 695) in place: swapped, wrapped, overridden; type parameters come and go."""

from __future__ import annotations

import inspect

import pytest
from snapshots import assert_same, snapshot

import recell
from recell import closure, override, patch_closure, swap, wrap

LIMIT = 10


def first[T](items: list[T], default: T | None = None) -> T | None:
    return items[0] if items else default


def bounded[N: (int, float)](value: N) -> tuple[N, int, object]:
    return value, LIMIT, N


def make(a):
    def generic[K](key: K) -> tuple[K, object, object]:
        def inner[V](value: V) -> object:
            return K, V, LIMIT, a

        return key, inner(1), a

    return generic


class Box[T]:
    def get(self, n: T) -> object:
        return super().__repr__(), T, n, LIMIT

    @classmethod
    def kind[U](cls, x: U) -> object:
        return cls, T, U, x


def test_type_parameters_are_swapped_and_come_back():
    """The replacement's type parameters while it is in force, the very objects afterwards."""
    parameters, annotations = first.__type_params__, dict(first.__annotations__)
    for replacement in (bounded, lambda items: "plain", make(1)):
        change = swap(first, replacement)
        assert first.__type_params__ == replacement.__type_params__
        assert inspect.signature(first) == inspect.signature(replacement)
        change.undo()
        assert first.__type_params__ is parameters and first.__annotations__ == annotations
        assert first([5]) == 5


def test_a_plain_function_becomes_generic():
    def plain(value):
        return value

    with swap(plain, bounded):
        assert plain(1)[:2] == (1, 10) and plain.__type_params__ == bounded.__type_params__
    assert plain(1) == 1 and plain.__type_params__ == ()


def test_wrapping_a_generic_function():
    with wrap(bounded, lambda func: lambda *args: ("wrapped", *func(*args))):
        assert bounded(1)[:3] == ("wrapped", 1, 10)
    assert bounded(1)[:2] == (1, 10)


def test_names_in_generic_scopes():
    """Globals and free variables of generic functions nested in others, and type parameters themselves."""
    generic = make("a")
    with override(generic, LIMIT=1, a="A"):
        key, (k, v, limit, a), same = generic("k")
        assert (key, limit, a, same) == ("k", 1, "A", "A") and k.__name__ == "K" and v.__name__ == "V"
    with override(generic, K=int):
        assert generic("k")[1][0] is int
    with patch_closure(generic, a="everyone"):
        assert generic(1)[2] == "everyone"
    assert generic("k")[1][2:] == (10, "a") and generic("k")[1][0].__name__ == "K"
    assert closure(generic)["K"].__name__ == "K"


def test_methods_of_generic_classes():
    box = Box()
    with override(Box, LIMIT=2, T=str):
        assert box.get(1)[1:] == (str, 1, 2) and Box.kind(3)[1] is str
    assert box.get(1)[3] == 10 and box.get(1)[1].__name__ == "T"
    with pytest.raises(recell.ScopeError):
        override(Box.get, U=1)
    with swap(Box.get, lambda self, n: "swapped"):
        assert box.get(1) == "swapped"
    assert box.get(2)[2] == 2


class Unequal:
    """An annotation that refuses to be compared, as arrays do."""

    def __eq__(self, other):
        raise ValueError("ambiguous")

    __hash__ = None


def annotated(evaluate):
    """A function whose annotations were evaluated once; `evaluate` runs each time."""

    def new(x):
        return "new"

    new.__annotate__ = lambda format: {"x": evaluate()}
    assert new.__annotations__
    return new


def lazily():
    if not hasattr(annotated, "__annotate__"):
        pytest.skip("annotations are lazy from 3.14 on")


def test_evaluated_annotations_that_cannot_be_compared():
    """The very objects are shown, and come back."""
    lazily()
    old, new = annotated(Unequal), annotated(Unequal)
    own, shown = old.__annotations__["x"], new.__annotations__["x"]
    with swap(old, new):
        assert old.__annotations__["x"] is shown and old.__annotate__ is new.__annotate__
    assert old.__annotations__["x"] is own


@pytest.mark.parametrize("error", [NameError, KeyboardInterrupt])
def test_annotations_that_raise_when_they_are_evaluated_again(error):
    """They stay lazy; an interruption leaves the function as it was."""
    lazily()
    calls = []

    def evaluate():
        calls.append(1)
        if len(calls) > 1:
            raise error
        return int

    def old(x, y=1):
        return "old"

    new, before = annotated(evaluate), snapshot(old)
    if error is KeyboardInterrupt:
        with pytest.raises(KeyboardInterrupt):
            swap(old, new)
        assert old(1) == "old"
    else:
        with swap(old, new):
            assert old(1) == "new" and old.__annotate__ is new.__annotate__
    assert_same(old, before)
