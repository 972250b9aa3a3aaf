"""`substitute` where one name or constant stands in several places, or where nobody can tell: exact, or refused."""

from __future__ import annotations

import types

import pytest
from assembling import RELEASE, assemble

import recell
from recell import ScopeError, UnsupportedCodeError, substitute
from recell.functions import substituting


def template(me, a, b=1):
    return a + b


def test_an_import_shares_its_name_with_an_attribute() -> None:
    """The attribute is renamed, and the variable; what is imported is not the function's to name."""

    def func(x):
        import string

        return string.digits[0], x.string

    new = substitute(func, rename={"string": "text"})
    assert new(types.SimpleNamespace(text=1)) == ("0", 1)
    recell.verify(new.__code__)
    many = func.__code__.replace(co_names=(*func.__code__.co_names, *(f"n{n}" for n in range(300))))
    with pytest.raises(UnsupportedCodeError, match="imports among that many names"):
        substitute(recell.replace(func, code=many), rename={"string": "text"})


SPACE: dict = {}
exec(  # the annotations of this module are texts
    compile(
        """
def branching_default(x):
    def inner(a, *, k=(1 if x else 2)):
        return a, k
    return inner

def branching_annotation(x):
    def inner(a, *, k=1, z: (int if x else str) = 2):
        return a, k
    return inner

def annotated(x):
    def inner(a: int, *, k: str = 1, z: [x] = 2) -> float:
        return a, k
    return inner
""",
        "<text>",
        "exec",
        dont_inherit=True,
    ),
    SPACE,
)


@pytest.mark.parametrize("name", ["branching_default", "branching_annotation", "annotated"])
def test_defaults_and_annotations_that_branch(name: str) -> None:
    """Names are followed back over both ways."""
    func = SPACE[name]
    new = substitute(func, rename={"k": "key", "a": "b"})
    for x in (0, 1):
        inner, old = new(x), func(x)
        assert inner(b=1, key=3) == (1, 3) and inner(1) == old(1)
        names = {"a": "b", "k": "key"}
        assert inner.__annotations__ == {names.get(n, n): each for n, each in old.__annotations__.items()}


def test_nested_functions_keep_the_names_that_stay() -> None:
    """Of keyword defaults and annotations those that are renamed change, and classes likewise."""

    def func(x):
        def inner(a: "text", b: int, *, k=1):  # noqa: F821
            return a, b, k

        class Body:
            pass

        return inner, Body

    inner, body = substitute(func, rename={"a": "first", "x": "y"})(1)
    assert inner(first=1, b=2) == (1, 2, 1) and inner.__kwdefaults__ == {"k": 1}
    assert list(inner.__annotations__) == ["first", "b"] and body.__name__ == "Body"
    inner, body = substitute(func, rename={"k": "key", "Body": "Soul", "b": "second"})(1)
    assert inner(1, second=2, key=3) == (1, 2, 3) and body.__name__ == "Soul"


def test_a_constant_that_spells_a_name_by_accident() -> None:
    """It stays where it is a value, also where the name needs a constant of its own far behind all others."""

    def func():
        def inner(*, k=1):
            return k

        return inner, "k", ("k",)

    inner, *rest = substitute(func, rename={"k": "key"})()
    assert inner(key=2) == 2 and rest == ["k", ("k",)]
    many = func.__code__.replace(co_consts=(*func.__code__.co_consts, *range(300)))
    inner, *rest = substitute(recell.replace(func, code=many), rename={"k": "key"})()
    assert inner(key=2) == 2 and rest == ["k", ("k",)]


def test_a_qualified_name_of_another_kind() -> None:
    """One that does not end with the name stays."""

    def func():
        return 1

    func.__qualname__ = "elsewhere"
    new = substitute(func, rename={"func": "other"})
    assert (new.__name__, new.__qualname__) == ("other", "elsewhere")


def test_names_known_to_be_right_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are not ever more of them."""
    known = {f"n{number}" for number in range(10_001)}
    monkeypatch.setattr(substituting, "_VALID", known)
    assert substitute(template, rename={"a": "fresh_name"})(0, fresh_name=1) == 2
    assert len(known) < 10_000


def test_functions_of_code_from_elsewhere_are_left_alone() -> None:
    """A MAKE_FUNCTION whose code is no constant makes what nobody can rename."""
    name = () if RELEASE.qualname_in_code else (("LOAD_CONST", 1),)
    making = (("LOAD_FAST", 0), *name, ("MAKE_FUNCTION", 0), "RETURN_VALUE")
    code = assemble(
        *making,
        co_consts=(template.__code__, "name"),
        co_varnames=("a",),
        co_argcount=1,
        co_names=("unused",),
    )
    made = types.FunctionType(code, {})
    assert substitute(made, rename={"a": "c"}).__code__.co_varnames == ("c",)


def test_a_variable_gets_the_name_of_an_attribute() -> None:
    """The two are apart, and so is what is imported; two variables, or two attributes, are not."""

    def func(x):
        import string as other

        return x.string, x.name, other

    assert substitute(func, rename={"x": "name"})(types.SimpleNamespace(string=1, name=2))[:2] == (1, 2)
    with pytest.raises(ScopeError, match="two variables"):
        substitute(func, rename={"x": "other"})
    with pytest.raises(ScopeError, match="two attributes"):
        substitute(func, rename={"name": "string"})


def test_more_names_than_a_byte_counts() -> None:
    """Arguments behind an EXTENDED_ARG are read whole."""
    names = [f"n{number}" for number in range(300)]
    space = dict.fromkeys(names, 1)
    exec(f"def func(a):\n def inner(*, k=1): return k, a\n return inner, {', '.join(names)}", space)
    made = substitute(space["func"], rename={"k": "key", "a": "b"})
    inner, *rest = made(b=2)
    assert inner(key=3) == (3, 2) and rest == [1] * 300
