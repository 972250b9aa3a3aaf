"""recell.make_function: what types.FunctionType does, complete: closure by name, builtins, defaults, names, checks."""

from __future__ import annotations

import builtins
import inspect
import traceback
from types import CodeType, FunctionType, ModuleType
from typing import Any, Callable

import pytest

import recell
from recell import EMPTY, ClosureMismatchError, FreeVariableError, closure, make_cell, make_function, replace

TEXT = """
LIMIT = 10

def outer(step, start=0):
    def inner(n, factor=2, *rest, key, other=5, **more):
        "Steps."
        return n * factor + step + LIMIT + other
    class Body:
        attribute = step
    return lambda: step
"""
MODULE = compile(TEXT, "<text>", "exec")


def code_of(name: str, inside: CodeType = MODULE) -> CodeType:
    """The code object of this name, wherever in the text."""
    for const in inside.co_consts:
        if isinstance(const, CodeType):
            if const.co_name == name:
                return const
            try:
                return code_of(name, const)
            except LookupError:
                pass
    raise LookupError(name)


OUTER, INNER, LAMBDA = code_of("outer"), code_of("inner"), code_of("<lambda>")


def test_a_function_from_a_text_with_globals_name_defaults_and_closure() -> None:
    """The dynamic function definition, all parts given."""
    names = {"LIMIT": 100}
    function = make_function(INNER, names, "renamed", (3,), {"step": 7}, kwdefaults={"other": 50})
    assert type(function) is FunctionType
    assert function(10, key=None) == 30 + 7 + 100 + 50
    assert function.__globals__ is names
    assert (function.__name__, function.__code__.co_name, function.__doc__) == (
        "renamed",
        "renamed",
        "Steps.",
    )
    assert (function.__defaults__, function.__kwdefaults__) == ((3,), {"other": 50})
    assert str(inspect.signature(function)) == "(n, factor=3, *rest, key, other=50, **more)"


def test_without_more_than_the_code() -> None:
    function = make_function(LAMBDA, closure={"step": 1})
    assert function() == 1
    assert function.__code__ is LAMBDA
    assert (function.__name__, function.__module__) == ("<lambda>", None)
    assert function.__globals__ == {"__builtins__": builtins.__dict__}
    assert (function.__defaults__, function.__kwdefaults__, function.__dict__) == (None, None, {})
    assert function.__annotations__ == {}


def test_builtins_are_supplied_where_globals_have_none() -> None:
    """On every release alike, as exec does; those that are there stay."""
    code = code_of("f", compile("def f(): return len('abc')", "<text>", "exec"))
    names: dict[str, Any] = {}
    assert make_function(code, names)() == 3
    assert names["__builtins__"] is builtins.__dict__
    for own in ({"len": lambda text: "own"}, ModuleType("own")):
        if isinstance(own, ModuleType):
            own.len = lambda text: "own"  # type: ignore[attr-defined]
        names = {"__builtins__": own}
        assert make_function(code, names)() == "own"
        assert names == {"__builtins__": own}


def test_a_closure_by_name_or_as_a_tuple() -> None:
    cell = make_cell(1)
    assert make_function(LAMBDA, closure={"step": cell}).__closure__[0] is cell  # type: ignore[index]
    assert make_function(LAMBDA, closure=(cell,)).__closure__[0] is cell  # type: ignore[index]
    other = make_function(LAMBDA, closure=(cell,))
    assert make_function(LAMBDA, closure=closure(other)).__closure__[0] is cell  # type: ignore[index]
    with pytest.raises(NameError):
        make_function(LAMBDA, closure={"step": EMPTY})()
    assert make_function(OUTER).__closure__ is None
    assert make_function(OUTER, closure=()).__closure__ is None
    assert make_function(OUTER, closure={}).__closure__ is None


def test_a_closure_that_is_a_subclass_of_tuple_becomes_a_tuple() -> None:
    class Cells(tuple):
        pass

    function = make_function(LAMBDA, closure=Cells((make_cell(1),)))
    assert type(function.__closure__) is tuple
    assert function() == 1


def test_defaults_by_name_as_tuple_or_none() -> None:
    assert make_function(INNER, defaults={"factor": 1, "other": 2}, closure={"step": 0}).__defaults__ == (1,)
    function = make_function(INNER, defaults={"n": 5, "factor": 1, "key": 2}, closure={"step": 0})
    assert (function.__defaults__, function.__kwdefaults__) == ((5, 1), {"key": 2})
    assert make_function(INNER, defaults=(1, 2), closure={"step": 0}).__defaults__ == (1, 2)
    assert make_function(INNER, defaults=None, closure={"step": 0}).__defaults__ is None
    both = make_function(INNER, defaults={"key": 1}, kwdefaults={"other": 2}, closure={"step": 0})
    assert both.__kwdefaults__ == {"key": 1, "other": 2}


def test_all_attributes_can_be_given() -> None:
    given = {"a": 1}
    function = make_function(
        OUTER,
        {"__name__": "text"},
        name="outer2",
        qualname="Some.outer2",
        module="elsewhere",
        doc="Documented.",
        annotations={"step": int},
        attributes=given,
        kwdefaults={},
    )
    assert (function.__name__, function.__qualname__, function.__module__) == (
        "outer2",
        "Some.outer2",
        "elsewhere",
    )
    assert (function.__doc__, function.__annotations__, function.__dict__) == (
        "Documented.",
        {"step": int},
        {"a": 1},
    )
    assert function.__dict__ is not given
    assert make_function(OUTER, {"__name__": "text"}).__module__ == "text"
    assert make_function(OUTER, {"__name__": "text"}, module=None).__module__ is None
    assert make_function(INNER, closure={"step": 0}, doc=None).__doc__ is None


def test_name_and_qualname_follow() -> None:
    """`name` is the last part of the qualified name; the code object itself knows both, as far as the release does."""
    function = make_function(INNER, name="other", closure={"step": 0})
    assert function.__qualname__.rpartition(".")[2] == "other"
    if hasattr(INNER, "co_qualname"):
        assert function.__qualname__ == function.__code__.co_qualname == "outer.<locals>.other"
    assert INNER.co_name == "inner"


def test_a_lambda_renamed_is_seen_in_tracebacks() -> None:
    code = code_of("<lambda>", compile("f = lambda: 1 / 0", "<text>", "exec"))
    function = make_function(code, name="divide")
    with pytest.raises(ZeroDivisionError) as caught:
        function()
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "divide"


def test_a_comprehension_or_generator_expression_is_a_function_too() -> None:
    code = code_of("<genexpr>", compile("(x * 2 for x in y)", "<text>", "exec"))
    assert list(make_function(code)(iter([1, 2]))) == [2, 4]


def test_the_code_is_verified_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, the very object given, and before anything else is touched."""
    verifier = pytest.importorskip("recell.verifier.verify")
    seen: list[CodeType] = []
    monkeypatch.setattr(verifier, "verify", seen.append)
    make_function(LAMBDA, closure={"step": 1}, name="other")
    assert len(seen) == 1
    assert seen[0] is LAMBDA
    make_function(LAMBDA, closure={"step": 1}, verify=False)
    assert len(seen) == 1

    def refuse(code: CodeType) -> None:
        raise recell.UnsafeCodeError("unsafe", code=repr(code))

    monkeypatch.setattr(verifier, "verify", refuse)
    names: dict[str, Any] = {}
    with pytest.raises(recell.UnsafeCodeError):
        make_function(LAMBDA, names, closure={"step": 1})
    assert names == {}


WRONG: list[tuple[str, Callable[[dict[str, Any]], Any], type]] = [
    ("a module's code", lambda g: make_function(MODULE, g), TypeError),
    ("a class's code", lambda g: make_function(code_of("Body"), g), TypeError),
    ("a function", lambda g: make_function(test_without_more_than_the_code, g), TypeError),  # type: ignore[arg-type]
    ("None", lambda g: make_function(None, g), TypeError),  # type: ignore[arg-type]
    ("no closure", lambda g: make_function(LAMBDA, g), ClosureMismatchError),
    ("an empty closure", lambda g: make_function(LAMBDA, g, closure=()), ClosureMismatchError),
    ("a closure too long", lambda g: make_function(OUTER, g, closure=(make_cell(),)), ClosureMismatchError),
    ("another name", lambda g: make_function(LAMBDA, g, closure={"stop": 1}), FreeVariableError),
    ("one name too many", lambda g: make_function(LAMBDA, g, closure={"step": 1, "x": 1}), FreeVariableError),
    ("no cells", lambda g: make_function(LAMBDA, g, closure=(1,)), TypeError),  # type: ignore[arg-type]
    ("a list as closure", lambda g: make_function(LAMBDA, g, closure=[make_cell()]), TypeError),  # type: ignore[arg-type]
    ("more defaults than parameters", lambda g: make_function(OUTER, g, defaults=(1, 2, 3)), ValueError),
    ("a default for no parameter", lambda g: make_function(OUTER, g, defaults={"stop": 1}), ValueError),
    ("a default for no text", lambda g: make_function(OUTER, g, defaults={1: 1}), ValueError),  # type: ignore[dict-item]
    (
        "a default for *rest",
        lambda g: make_function(INNER, g, closure={"step": 1}, defaults={"rest": 1}),
        ValueError,
    ),
    ("a gap in the defaults", lambda g: make_function(OUTER, g, defaults={"step": 1}), ValueError),
    ("a list of defaults", lambda g: make_function(OUTER, g, defaults=[1]), TypeError),  # type: ignore[arg-type]
    ("a keyword default for no such", lambda g: make_function(OUTER, g, kwdefaults={"step": 1}), ValueError),
    ("keyword defaults no mapping", lambda g: make_function(OUTER, g, kwdefaults=5), TypeError),  # type: ignore[arg-type]
    ("a name no text", lambda g: make_function(OUTER, g, name=5), TypeError),  # type: ignore[arg-type]
    ("a qualname no text", lambda g: make_function(OUTER, g, qualname=5), TypeError),  # type: ignore[arg-type]
    ("annotations no mapping", lambda g: make_function(OUTER, g, annotations=5), TypeError),  # type: ignore[arg-type]
    ("attributes no mapping", lambda g: make_function(OUTER, g, attributes=[1]), TypeError),  # type: ignore[arg-type]
    ("type params no tuple", lambda g: make_function(OUTER, g, type_params=[1]), TypeError),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("call", "kind"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_bad_input_is_refused_and_nothing_changes(call: Callable[[Any], Any], kind: type) -> None:
    names: dict[str, Any] = {}
    with pytest.raises(kind) as caught:
        call(names)
    assert type(caught.value) is kind
    assert names == {}


@pytest.mark.parametrize("wrong", [builtins, "names", [], (), 5])
def test_globals_must_be_a_dict(wrong: Any) -> None:
    with pytest.raises(TypeError, match="make_function needs a dict as globals, and "):
        make_function(OUTER, wrong)


def test_a_subclass_of_dict_works_as_globals() -> None:
    class Names(dict):
        def __missing__(self, name: str) -> Any:
            raise KeyError(name)

    names = Names(LIMIT=1)
    assert (
        make_function(INNER, names, defaults=(1, 1), closure={"step": 0}, kwdefaults={"key": 0, "other": 0})()
        == 2
    )


def test_type_params_need_a_release_that_has_them() -> None:
    if hasattr(FunctionType, "__type_params__"):
        assert make_function(OUTER, type_params=(int,)).__type_params__ == (int,)  # type: ignore[attr-defined]
    else:
        with pytest.raises(recell.UnsupportedPythonError) as caught:
            make_function(OUTER, type_params=(int,))
        assert caught.value.feature == "type_params"
        assert len(caught.value.version) == 2
        assert make_function(OUTER, type_params=()).__name__ == "outer"


def test_what_is_made_can_be_rebuilt() -> None:
    function = make_function(
        INNER, {"LIMIT": 1}, defaults=(3,), closure={"step": 7}, kwdefaults={"key": 1, "other": 0}
    )
    again = replace(function, closure={"step": 70})
    assert again(1) == 3 + 70 + 1
