"""recell.replace: what is named is exchanged: by name where there are names, checked before anything is made."""

from __future__ import annotations

import builtins
import functools
import inspect
import traceback
from types import CodeType
from typing import Any

import pytest
from equal_functions import ATTRIBUTES, assert_equal_but, make
from hypothesis import given
from hypothesis import strategies as st
from strategies import Sharing, sampled, sharings

import recell
from recell import (
    EMPTY,
    ClosureMismatchError,
    FreeVariableError,
    closure,
    make_cell,
    replace,
)

GLOBAL = "global"


# -- names and other attributes ------------------------------------------------------------------------------------


def test_a_new_name_renames_code_and_qualname() -> None:
    bump, _ = make()
    new = replace(bump, name="other")
    assert (new.__name__, new.__qualname__) == ("other", "make.<locals>.other")  # type: ignore[attr-defined]
    assert new.__code__.co_name == "other"  # type: ignore[attr-defined]
    if hasattr(CodeType, "co_qualname"):
        assert new.__code__.co_qualname == "make.<locals>.other"  # type: ignore[attr-defined]
    assert bump.__code__.co_name == "bump"  # type: ignore[attr-defined]
    assert_equal_but(new, bump, "__name__", "__qualname__", "__code__")


def test_a_new_qualname_alone_or_with_a_name() -> None:
    bump, _ = make()
    new: Any = replace(bump, qualname="A.b")
    assert (new.__name__, new.__qualname__, new.__code__.co_name) == ("bump", "A.b", "bump")
    new = replace(bump, qualname="A.b", name="c")
    assert (new.__name__, new.__qualname__, new.__code__.co_name) == ("c", "A.b", "c")


def test_a_renamed_lambda_looks_right_in_tracebacks() -> None:
    new = replace(lambda: 1 / 0, name="divide")
    with pytest.raises(ZeroDivisionError) as caught:
        new()
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "divide"
    assert new.__qualname__ == "test_a_renamed_lambda_looks_right_in_tracebacks.<locals>.divide"


def test_attributes_annotations_and_keyword_defaults_replace_and_none_clears() -> None:
    bump, _ = make()
    given = {"x": 1}
    new: Any = replace(
        bump, attributes=given, annotations=given, kwdefaults={"key": 7}, doc="New.", module="m"
    )
    assert (new.__dict__, new.__annotations__, new.__kwdefaults__) == ({"x": 1}, {"x": 1}, {"key": 7})
    assert new.__dict__ is not given
    assert new.__annotations__ is not given
    assert (new.__doc__, new.__module__) == ("New.", "m")
    new = replace(
        bump, attributes=None, annotations=None, kwdefaults=None, defaults=None, doc=None, module=None
    )
    assert (new.__dict__, new.__annotations__, new.__kwdefaults__, new.__defaults__) == ({}, {}, None, None)
    assert (new.__doc__, new.__module__) == (None, None)
    with pytest.raises(TypeError):
        new(1)


# -- defaults ------------------------------------------------------------------------------------------------------


def test_a_mapping_of_defaults_merges_by_parameter_name() -> None:
    bump, positional = make()
    new: Any = replace(bump, defaults={"a": 10, "key": 30})
    assert (new.__defaults__, new.__kwdefaults__) == ((10, 2), {"key": 30, "other": 4})
    assert new()[1:] == (10, 2, 30, 4, "global")
    assert replace(positional, defaults={"second": 20})(1)[:3] == (1, 20, 3)
    assert replace(positional, defaults={}).__defaults__ == (2, 3)  # type: ignore[attr-defined]
    both: Any = replace(bump, defaults={"key": 30}, kwdefaults={"other": 40})
    assert both.__kwdefaults__ == {"other": 40, "key": 30}


def test_empty_takes_a_default_away() -> None:
    bump, positional = make()
    new: Any = replace(positional, defaults={"third": EMPTY, "second": EMPTY})
    assert new.__defaults__ is None
    new = replace(bump, defaults={"key": EMPTY})
    assert new.__kwdefaults__ == {"other": 4}
    with pytest.raises(TypeError):
        new(1)


def test_a_default_that_is_the_sentinel_itself_stays() -> None:
    """`make_cell(contents=EMPTY)` is such a function."""
    new: Any = replace(recell.make_cell, defaults={})
    assert new.__defaults__ == (EMPTY,)
    function: Any = replace(lambda *, a=1, b=2: (a, b), kwdefaults={"a": EMPTY, "b": 2})
    assert replace(function, defaults={"b": 3})() == (EMPTY, 3)


def test_a_tuple_of_defaults_is_right_aligned() -> None:
    _, positional = make()
    assert replace(positional, defaults=(20,))(1, 1) == (1, 1, 20, 41)
    assert replace(positional, defaults=())(1, 1, 1) == (1, 1, 1, 41)
    with pytest.raises(TypeError):
        replace(positional, defaults=None)(1, 1)


def test_more_defaults_than_parameters_are_merged_as_calls_read_them() -> None:
    """CPython takes them in silence and aligns them to the right."""
    _, positional = make()
    odd: Any = replace(positional)
    odd.__defaults__ = (1, 2, 3, 4, 5)
    assert odd() == (3, 4, 5, 41)
    assert replace(odd, defaults={"second": 0})() == (3, 0, 5, 41)


# -- closure -------------------------------------------------------------------------------------------------------


def test_a_closure_by_name_is_partial_and_a_tuple_is_full() -> None:
    bump, _ = make()
    cell = make_cell(100)
    own = bump.__closure__  # type: ignore[attr-defined]
    new: Any = replace(bump, closure={"count": cell})
    assert (new.__closure__[0] is cell, new.__closure__[1] is own[1]) == (True, True)
    new = replace(bump, closure=(cell, own[1]))
    assert (new.__closure__[0] is cell, new.__closure__[1] is own[1]) == (True, True)
    assert replace(bump, closure={"count": 5}, name="x")(1)[0] == 6
    assert replace(bump, closure=closure(new), name="x").__closure__[0] is cell  # type: ignore[attr-defined]
    with pytest.raises(NameError):
        replace(bump, closure={"count": EMPTY}, doc="")(1)


def test_code_with_other_free_variables_is_matched_by_name() -> None:
    """Order and number may differ; what both have keeps its cell."""
    bump, positional = make()
    new: Any = replace(bump, code=positional.__code__, verify=False)  # type: ignore[attr-defined]
    assert new.__closure__ == (bump.__closure__[0],)  # type: ignore[attr-defined]
    assert new.__closure__[0] is bump.__closure__[0]  # type: ignore[attr-defined]
    back: Any = replace(new, code=bump.__code__, closure={"step": 1}, verify=False)  # type: ignore[attr-defined]
    assert back.__closure__[0] is bump.__closure__[0]  # type: ignore[attr-defined]
    turned = bump.__code__.replace(co_freevars=("step", "count"))  # type: ignore[attr-defined]
    own = bump.__closure__  # type: ignore[attr-defined]
    assert replace(bump, code=turned, verify=False).__closure__ == own[::-1]  # type: ignore[attr-defined]


def test_code_without_free_variables_leaves_no_closure() -> None:
    bump, _ = make()
    new: Any = replace(bump, code=(lambda: 5).__code__, defaults=None, kwdefaults=None)
    assert new.__closure__ is None
    assert new() == 5
    assert new.__doc__ == "Documented."


def test_same_count_of_other_names_is_never_bound_by_position() -> None:
    bump, _ = make()
    other = bump.__code__.replace(co_freevars=("x", "y"))  # type: ignore[attr-defined]
    with pytest.raises(ClosureMismatchError) as caught:
        replace(bump, code=other, verify=False)
    assert caught.value.missing == ("x", "y")
    new: Any = replace(bump, code=other, closure={"x": 1, "y": 2}, verify=False)
    assert dict(closure(new)) == {"x": 1, "y": 2}


def test_super_that_is_not_there_is_explained() -> None:
    class Owner:
        def method(self) -> object:
            return super()

    with pytest.raises(
        ClosureMismatchError, match=r"the use of `super` entails the free variable `__class__`"
    ):
        replace(lambda self: None, code=Owner.method.__code__, verify=False)


# -- kinds and refusals --------------------------------------------------------------------------------------------


def test_a_property_is_replaced_whole() -> None:
    """Both accessors get the one new cell."""

    def accessors(value: Any) -> property:
        def get(self: Any) -> Any:
            return value

        def put(self: Any, new: Any) -> None:
            nonlocal value
            value = new

        return property(get, put)

    class Holder:
        attribute = accessors(1)

    class Again:
        attribute = replace(vars(Holder)["attribute"], closure={"value": 5}, module="elsewhere")

    assert Again().attribute == 5
    Again().attribute = 6
    assert (Again().attribute, Holder().attribute) == (6, 1)
    assert vars(Again)["attribute"].fget.__module__ == vars(Again)["attribute"].fset.__module__ == "elsewhere"


WRONG: list[tuple[str, dict[str, Any], type]] = [
    ("code no code", {"code": make}, TypeError),
    ("code None", {"code": None}, TypeError),
    ("code a module's", {"code": compile("x = 1", "<text>", "exec")}, TypeError),
    ("globals a module", {"globals": builtins}, TypeError),
    ("globals None", {"globals": None}, TypeError),
    ("closure None", {"closure": None}, TypeError),
    ("closure a list", {"closure": []}, TypeError),
    ("closure too short", {"closure": (make_cell(),)}, ClosureMismatchError),
    ("closure too long", {"closure": (make_cell(), make_cell(), make_cell())}, ClosureMismatchError),
    ("closure empty", {"closure": ()}, ClosureMismatchError),
    ("closure without cells", {"closure": (1, 2)}, TypeError),
    ("closure with one that is no cell", {"closure": (make_cell(), None)}, TypeError),
    ("closure with another name", {"closure": {"stop": 1}}, FreeVariableError),
    ("closure with a name no text", {"closure": {1: 1}}, FreeVariableError),
    ("closure of a function without", {"closure": {"count": 1, "zebra": 1}}, FreeVariableError),
    ("name no text", {"name": 3}, TypeError),
    ("qualname no text", {"qualname": 3}, TypeError),
    ("defaults a list", {"defaults": [1]}, TypeError),
    ("defaults a number", {"defaults": 1}, TypeError),
    ("more defaults than parameters", {"defaults": (1, 2, 3)}, ValueError),
    ("default for no parameter", {"defaults": {"zebra": 1}}, ValueError),
    ("default for **more", {"defaults": {"more": 1}}, ValueError),
    ("default for a name no text", {"defaults": {2: 1}}, ValueError),
    ("default with a gap", {"defaults": {"b": EMPTY, "a": 1}}, ValueError),
    ("keyword defaults no mapping", {"kwdefaults": 3}, TypeError),
    ("keyword default for a positional", {"kwdefaults": {"a": 1}}, ValueError),
    ("annotations no mapping", {"annotations": 3}, TypeError),
    ("attributes no mapping", {"attributes": 3}, TypeError),
    ("type params no tuple", {"type_params": [1]}, TypeError),
    ("an unknown part", {"consts": ()}, TypeError),
]


@pytest.mark.parametrize(
    "wrap", [lambda f: f, staticmethod, functools.partial, property], ids=lambda wrap: wrap.__name__
)
@pytest.mark.parametrize(("parts", "kind"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_bad_input_is_refused_and_nothing_changes(parts: dict[str, Any], kind: type, wrap: Any) -> None:
    bump, _ = make()
    before = [getattr(bump, name) for name in ATTRIBUTES]
    copies = [dict(bump.__dict__), dict(bump.__kwdefaults__), dict(closure(bump))]  # type: ignore[attr-defined]
    with pytest.raises(kind) as caught:
        replace(wrap(bump), **parts)
    assert type(caught.value) is kind
    assert all(getattr(bump, name) is value for name, value in zip(ATTRIBUTES, before))
    assert copies == [dict(bump.__dict__), dict(bump.__kwdefaults__), dict(closure(bump))]  # type: ignore[attr-defined]


def test_code_that_does_not_suit_the_defaults_is_refused() -> None:
    bump, _ = make()
    with pytest.raises(ValueError, match="would get 1 defaults"):
        replace(bump, code=(lambda: 1).__code__, kwdefaults=None)


def test_the_code_is_verified_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    verifier = pytest.importorskip("recell.verifier.verify")
    seen: list[CodeType] = []
    monkeypatch.setattr(verifier, "verify", seen.append)
    code = (lambda: 1).__code__
    replace(lambda: 2, code=code)
    assert len(seen) == 1
    assert seen[0] is code
    replace(lambda: 2, code=code, verify=False)
    replace(lambda: 2, name="other")
    assert len(seen) == 1


def test_its_signature_is_shown() -> None:
    """`help` and editors see the parameters."""
    parameters = inspect.signature(replace).parameters
    assert list(parameters)[:4] == ["func", "code", "globals", "closure"]
    assert {"name", "defaults", "kwdefaults", "type_params", "attributes", "verify"} < set(parameters)
    assert "defaults" in (inspect.getdoc(replace) or "")


@sampled
@given(sharings(), st.data())
def test_replacing_there_and_back(drawn: Sharing, data: st.DataObject) -> None:
    """Over random functions: parts exchanged and put back give a function equal in every attribute."""
    function: Any = data.draw(st.sampled_from(drawn.functions))
    parts: dict[str, Any] = data.draw(
        st.fixed_dictionaries(
            {},
            optional={
                "name": st.text(min_size=1, max_size=5),
                "doc": st.one_of(st.none(), st.text(max_size=3)),
                "module": st.one_of(st.none(), st.text(max_size=3)),
                "attributes": st.one_of(
                    st.none(), st.dictionaries(st.text(max_size=2), st.integers(), max_size=2)
                ),
                "annotations": st.one_of(
                    st.none(), st.dictionaries(st.text(max_size=2), st.just(int), max_size=2)
                ),
                "closure": st.just(tuple(make_cell(i) for i in range(len(function.__code__.co_freevars)))),
            },
        )
    )
    new: Any = replace(function, **parts)
    if "attributes" in parts:
        assert new.__dict__ == (parts["attributes"] or {})
    back = replace(
        new,
        closure=function.__closure__ or (),
        name=function.__name__,
        qualname=function.__qualname__,
        doc=function.__doc__,
        module=function.__module__,
        attributes=function.__dict__,
        annotations=function.__annotations__,
    )
    if "name" not in parts:
        back = replace(back, code=function.__code__, verify=False)
        assert_equal_but(back, function)
    else:
        assert_equal_but(back, function, "__code__")


def test_an_unknown_part_is_told_by_the_name_of_the_verb() -> None:
    with pytest.raises(TypeError, match=r"^replace\(\) got an unexpected keyword argument 'consts'"):
        replace(make()[0], consts=())  # type: ignore[call-arg]
