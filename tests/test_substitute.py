"""`substitute`: names and placeholders exchanged in finished code, everything else as it was."""

from __future__ import annotations

import gc
import inspect
import types
import weakref

import pytest

import recell
from recell import ScopeError, SourceError, closure, define, substitute


class Thing:
    def __init__(self) -> None:
        self.alpha = 1
        self.beta = 2


def template(self, a, b=1, *rest, **more):
    "Template."
    self.alpha = a
    self.tag = "PLACE"
    return a + b, rest, more, "a", "alpha"


def test_parameters_locals_and_attributes() -> None:
    """Every identifier of the spelling changes; strings and the original do not."""
    new = substitute(template, rename={"a": "x", "alpha": "beta_", "rest": "others"})
    thing = Thing()
    assert new(thing, x=4) == (5, (), {}, "a", "alpha")
    assert thing.beta_ == 4
    assert str(inspect.signature(new)) == "(self, x, b=1, *others, **more)"
    assert str(inspect.signature(template)) == "(self, a, b=1, *rest, **more)"
    assert new.__doc__ == "Template."
    recell.verify(new.__code__)


def test_an_object_takes_the_place_of_a_string() -> None:
    """Any object, by identity."""
    marker = object()
    thing = Thing()
    substitute(template, constants={"PLACE": marker})(thing, 1)
    assert thing.tag is marker


def test_places_inside_other_constants() -> None:
    """Tuples, frozensets and literal lists hold placeholders too; the names of keywords are no strings."""

    def f(x, **kw):
        if x in {"P", "Q"}:
            return "set"
        if x in ("P", 1, ("P", "R")):
            return "tuple"
        return ["P", "Q", "R"], dict(P=1), ("P", "Q")

    new = substitute(f, constants={"P": 7})
    assert new(7) == "set"
    assert new((7, "R")) == "tuple"
    assert new(0) == ([7, "Q", "R"], {"P": 1}, (7, "Q"))
    with pytest.raises(TypeError):
        substitute(f, constants={"P": []})  # no element of a set


def test_a_keyword_tuple_that_is_also_data() -> None:
    """One constant of the code may be both: only the data changes."""

    def f():
        return dict(P=1), ("P",)

    assert substitute(f, constants={"P": 5})() == ({"P": 1}, (5,))


def test_nested_functions_follow() -> None:
    """Free variables, parameters, keyword defaults, annotations and qualified names of what is nested."""

    def outer(n):
        def helper(a, *, k: int = n, q: "str" = "PLACE") -> None:
            return a, k, q, n, "k"

        class Kept:
            def method(self):
                return n

        return helper, Kept, lambda: n

    new = substitute(
        outer,
        rename={"n": "m", "helper": "aid", "k": "key", "q": "quay", "Kept": "Taken", "outer": "outside"},
        constants={"PLACE": 9},
    )
    aid, taken, lam = new(m=3)
    assert aid(1) == (1, 3, 9, 3, "k")
    assert aid(1, key=5, quay=6) == (1, 5, 6, 3, "k")
    assert list(inspect.signature(aid).parameters) == ["a", "key", "quay"]
    assert set(aid.__annotations__) == {"key", "quay", "return"}
    assert aid.__code__.co_freevars == ("m",)
    base = outer.__qualname__.replace("outer", "outside")
    assert aid.__qualname__ == f"{base}.<locals>.aid"
    assert (taken.__name__, taken.__qualname__) == ("Taken", f"{base}.<locals>.Taken")
    assert taken.method.__qualname__ == f"{base}.<locals>.Taken.method"
    assert lam.__qualname__ == f"{base}.<locals>.<lambda>"
    assert (new.__name__, new.__code__.co_name, new.__qualname__) == ("outside", "outside", base)
    assert set(outer(1)[0].__kwdefaults__) == {"k", "q"}


def test_own_keyword_defaults_and_annotations_follow() -> None:
    """The keys of `__kwdefaults__` and of the annotations are the new names; the originals keep theirs."""

    def f(a: int, *, k: "text" = 3) -> str:  # noqa: F821
        return k

    new = substitute(f, rename={"a": "b", "k": "key"})
    assert new.__kwdefaults__ == {"key": 3}
    assert new.__annotations__ == {"b": int, "key": "text", "return": str} or set(new.__annotations__) == {
        "b",
        "key",
        "return",
    }
    assert new(1) == 3
    assert new(1, key=4) == 4
    assert f.__kwdefaults__ == {"k": 3}
    assert set(f.__annotations__) == {"a", "k", "return"}


def test_free_variables_keep_their_cells() -> None:
    """A renamed free variable is the same cell."""

    def outer(n):
        def f():
            nonlocal n
            n += 1
            return n

        return f

    func = outer(1)
    new = substitute(func, rename={"n": "count"})
    assert (new(), func()) == (2, 3)
    assert closure(new)["count"] == 3


def test_names_may_change_places() -> None:
    """A swap merges nothing."""

    def f(x, y):
        return x - y

    assert substitute(f, rename={"x": "y", "y": "x"})(x=1, y=3) == 2


def test_what_is_imported_keeps_its_name() -> None:
    """The names of modules and of what they hold are not the function's."""

    def f():
        import os.path
        from os import sep

        return os.path.join("a", "b"), sep

    new = substitute(f, rename={"os": "system", "sep": "mark"})
    assert new() == f()
    assert set(new.__code__.co_varnames) == {"system", "mark"}


def test_an_attribute_and_a_variable_are_apart() -> None:
    """Only two variables, or two attributes, can clash."""

    def f(x):
        return x.value

    assert substitute(f, rename={"x": "value"})(types.SimpleNamespace(value=1)) == 1


@pytest.mark.parametrize(
    ("rename", "error"),
    [
        ({"x": "y"}, ScopeError),
        ({"x": "z", "y": "z"}, ScopeError),
        ({"x": "len"}, ScopeError),
        ({"first": "second"}, ScopeError),
        ({"x": "class"}, SourceError),
        ({"x": "1x"}, SourceError),
        ({"x": ""}, SourceError),
        ({"x": "__debug__"}, SourceError),
        ({"nowhere": "x1"}, ScopeError),
        ({"x": 1}, TypeError),
        ({"x": ["z"]}, TypeError),
        ({1: "z"}, TypeError),
        ([("x", "z")], TypeError),
        ([], TypeError),
        (None, TypeError),
        ({"x": "z", "nowhere": "q"}, ScopeError),
        ({"f": "len"}, None),
    ],
)
@pytest.mark.parametrize("warm", [False, True])
def test_clashes_and_bad_names(rename: dict, error: type | None, warm: bool) -> None:
    """Two that would become one, keywords, what is no identifier, what is not there."""

    def f(x, y):
        return len(x.first + y.second)

    if warm:
        substitute(f, rename={"x": "class_", "y": "z"})
    if error is None:  # the function's own name is no variable of it
        assert substitute(f, rename=rename).__name__ == "len"
        return
    with pytest.raises(error):
        substitute(f, rename=rename)


def test_a_capture_by_a_nested_function() -> None:
    """A free variable cannot take the name of a nested function's own variable."""

    def f(x):
        return lambda y: x + y

    with pytest.raises(ScopeError):
        substitute(f, rename={"x": "y"})


def test_a_placeholder_that_is_not_there() -> None:
    """The error names the strings there are, and the nearest."""
    with pytest.raises(ScopeError, match="PLACE") as caught:
        substitute(template, constants={"PLACES": 1})
    assert caught.value.name == "PLACES"
    with pytest.raises(ScopeError):
        substitute(template, rename={"a": "x"}, constants={"nowhere": 1})
    for wrong in (None, [], ["PLACE"], {None: 4}, {(): 4}, {object(): 4}):
        with pytest.raises(TypeError):
            substitute(template, constants=wrong)


def test_class_cells_keep_their_name() -> None:
    """`super()` finds `__class__` by name."""

    class C:
        def f(self):
            return super().__hash__()

    with pytest.raises(ScopeError):
        substitute(C.f, rename={"__class__": "owner"})


def test_docstrings_may_be_placeholders() -> None:
    """The function's doc follows, whatever the object."""

    def f():
        "DOC"
        return "DOC"

    new = substitute(f, constants={"DOC": "what it does"})
    assert (new.__doc__, new()) == ("what it does", "what it does")
    new = substitute(f, constants={"DOC": None})
    assert (new.__doc__, new()) == (None, None)
    recell.verify(new.__code__)


def test_kinds_are_kept() -> None:
    """What stands for a function comes back as the same kind."""
    assert type(substitute(staticmethod(template), rename={"a": "x"})) is staticmethod
    prop = substitute(property(lambda self: self.alpha), rename={"alpha": "beta"})
    assert prop.fget(Thing()) == 2
    with pytest.raises(TypeError):
        substitute(len, rename={"a": "b"})


def test_a_template_from_a_text() -> None:
    """define once, substitute often: the source of a variant is the template's."""
    base = define("def get(self):\n    return self.FIELD\n")
    getters = [substitute(base, rename={"FIELD": name, "get": "get_" + name}) for name in ("alpha", "beta")]
    assert [getter(Thing()) for getter in getters] == [1, 2]
    assert inspect.getsource(getters[0]) == "def get(self):\n    return self.FIELD\n"


def test_nothing_is_kept_of_a_template() -> None:
    """The plans that make it fast go with the code, also where a constant leads back to it."""
    from recell.functions.templates import PLANS

    gc.collect()
    before = len(PLANS)
    func = define("def f(a):\n    a.x = 'P'\n    return a")
    alive = weakref.ref(func.__code__)
    for number in range(20):
        substitute(func, rename={"a": f"b{number}"}, constants={"P": number})
    assert len(PLANS) == before + 1
    del func
    gc.collect()
    assert alive() is None
    assert len(PLANS) == before


def test_the_first_constant_may_be_a_placeholder() -> None:
    """Without a docstring, nothing else comes first (3.14+)."""

    def f():
        return "P"

    assert [substitute(f, constants={"P": number})() for number in range(3)] == [0, 1, 2]
    assert substitute(f, constants={"P": "text"}).__doc__ is None


def test_a_doc_given_later_is_no_placeholder() -> None:
    """What the code holds is exchanged; a doc that somebody assigned is an attribute, and stays."""

    def f():
        return "P"

    f.__doc__ = "P"
    assert substitute(f, constants={"P": 5}).__doc__ == "P"


def test_a_placeholder_alone_and_in_a_tuple() -> None:
    """Both are exchanged, the second time too; what stands in no tuple does not mind that there is one."""

    def f(x):
        return x in ("P", "Q"), "P", "R"

    for number in range(2):
        assert substitute(f, constants={"P": number})(number) == (True, number, "R")
        assert substitute(f, constants={"R": number})("P") == (True, "P", number)


def test_names_of_a_subclass_of_str() -> None:
    """They become plain names: code objects take no others."""

    class Name(str):
        pass

    def f(x, *, y=1):
        return x, y

    def g(x):
        return x.x

    for _ in range(2):
        new = substitute(f, rename={Name("x"): Name("first"), "y": Name("second")})
        assert new(first=1, second=2) == (1, 2)
        assert {type(name) for name in new.__code__.co_varnames} == {str}
        new = substitute(g, rename={Name("x"): Name("real")})
        assert new(real=3) == 3
        assert {type(name) for name in (*new.__code__.co_varnames, *new.__code__.co_names)} == {str}


def test_quick_and_close_say_the_same() -> None:
    """A template and the same with a nested function, which takes the longer way."""

    def quick(a, b=1):
        a.x = b
        return a.x, "P"

    def close(a, b=1):
        a.x = b
        (lambda: None)()
        return a.x, "P"

    for func in (quick, close):
        func.extra = 1
        new = substitute(func, rename={"a": "b1", "b": "b2", "x": "real_"}, constants={"P": 2})
        assert (new(b1=Thing()), new(Thing(), b2=5)) == ((1, 2), (5, 2))
        assert (new.extra, new.__defaults__, new.__module__) == (1, (1,), __name__)
        assert new.__qualname__ == func.__qualname__
        recell.verify(new.__code__)
