"""PEP 649: annotations are not evaluated by copying; what was evaluated and changed is kept; `__annotate__` follows."""

import annotationlib
import functools
import gc
import inspect
from types import FunctionType
from typing import Any, Callable

import pytest

import recell
from recell import BuiltinsMismatchError, clone, closure, make_cell, make_function, rebind, replace
from recell.functions import annotations as annotating
from recell.functions import building

EVALUATED: list[str] = []


def note(name: str) -> str:
    EVALUATED.append(name)
    return name


def make(kind: Any = int, count: int = 1) -> Any:
    def function(a: note("a"), b: kind = 2, *, k: kind = 3) -> note("r"):
        """Documented."""
        return a, count, kind

    return function


def unused(kind: Any = int) -> Any:
    def function(a: kind) -> None: ...

    return function


def failing(count: int = 1) -> Any:
    def function(a: not_there) -> None:  # noqa: F821
        return count

    return function


VERBS: dict[str, Callable[[Any], Any]] = {
    "replace": replace,
    "replace, name": lambda f: replace(f, name="other"),
    "replace, defaults": lambda f: replace(f, defaults=(5,)),
    "replace, globals": lambda f: replace(f, globals=dict(f.__globals__)),
    "replace, closure": lambda f: replace(f, closure={"count": 5}),
    "rebind": lambda f: rebind(f, count=5),
    "clone": clone,
    "clone, deep": lambda f: clone(f, deep=True),
    "as a method": lambda f: rebind(staticmethod(f), count=5).__func__,
}


@pytest.fixture(autouse=True)
def forget() -> Any:
    EVALUATED.clear()


def evaluated(function: FunctionType) -> bool:
    return annotating.evaluated_annotations(function) is not None


@pytest.mark.parametrize("verb", VERBS)
def test_copying_evaluates_nothing(verb: str) -> None:
    """Neither the copy's nor the original's; the copy's are evaluated when asked for."""
    function = make()
    new = VERBS[verb](function)
    assert EVALUATED == []
    assert not evaluated(function)
    assert not evaluated(new)
    assert new.__annotations__ == {"a": "a", "b": int, "k": int, "return": "r"}
    assert EVALUATED == ["a", "r"]
    assert not evaluated(function)


@pytest.mark.parametrize("verb", VERBS)
def test_annotations_that_cannot_be_evaluated_do_not_hinder(verb: str) -> None:
    new = VERBS[verb](failing())
    with pytest.raises(NameError):
        new.__annotations__  # noqa: B018
    names = annotationlib.get_annotations(new, format=annotationlib.Format.FORWARDREF)
    assert names["a"] == annotationlib.ForwardRef("not_there", owner=new) or "not_there" in repr(names["a"])
    assert annotationlib.get_annotations(new, format=annotationlib.Format.STRING) == {
        "a": "not_there",
        "return": "None",
    }


@pytest.mark.parametrize("verb", VERBS)
def test_what_was_evaluated_is_kept_as_a_copy(verb: str) -> None:
    function = make()
    annotations = function.__annotations__
    new = VERBS[verb](function)
    assert new.__annotations__ == annotations
    assert new.__annotations__ is not annotations
    assert function.__annotations__ is annotations
    assert function.__annotate__ is not None
    assert new.__annotate__ is not None


@pytest.mark.parametrize("verb", VERBS)
def test_an_evaluated_dict_that_was_changed_is_not_lost(verb: str) -> None:
    """Nor is `__annotate__`, which the dict does not follow from any more."""
    function = make()
    function.__annotations__["a"] = "changed"
    function.__annotations__["new"] = "added"
    new = VERBS[verb](function)
    assert new.__annotations__ == {"a": "changed", "b": int, "k": int, "return": "r", "new": "added"}
    assert new.__annotate__(1) == {"a": "a", "b": int, "k": int, "return": "r"}
    new.__annotations__["a"] = "its own"
    assert function.__annotations__["a"] == "changed"


@pytest.mark.parametrize("verb", VERBS)
def test_an_emptied_dict_stays_empty(verb: str) -> None:
    function = make()
    function.__annotations__.clear()
    assert VERBS[verb](function).__annotations__ == {}
    function = make()
    function.__annotate__ = None
    assert VERBS[verb](function).__annotations__ == {}
    function = make()
    function.__annotations__ = {"a": "set"}
    new = VERBS[verb](function)
    assert (new.__annotations__, new.__annotate__) == ({"a": "set"}, None)


def test_annotate_is_carried_as_it_is_where_nothing_changes() -> None:
    function = make()
    for new in (replace(function), replace(function, name="x"), rebind(function, count=5)):
        assert new.__annotate__ is function.__annotate__


def test_annotate_follows_a_rebinding() -> None:
    """The name means the same in the body and in the annotations, as before."""
    function = make()
    assert function.__annotate__.__code__.co_freevars == ("kind",)
    for new in (
        rebind(function, kind=str),
        replace(function, closure={"kind": str}),
        replace(function, closure={"kind": make_cell(str)}, name="x"),
    ):
        assert new.__annotations__["b"] is str
        assert new(1)[2] is str
        assert new.__annotate__ is not function.__annotate__
        closure(new)["kind"] = bytes
        assert new.__annotate__(1)["k"] is bytes
    assert function.__annotations__["b"] is int


def test_annotate_of_a_clone_holds_the_clones_cells() -> None:
    function = make()
    new = clone(function)
    closure(new)["kind"] = str
    assert (new.__annotations__["b"], function.__annotations__["b"]) == (str, int)
    assert clone(function, share="kind").__annotate__ is function.__annotate__


def test_annotate_that_shares_a_cell_with_a_sibling_follows_the_siblings_clone() -> None:
    """The function's own body does not use the name; the annotations do, and a function cloned with it."""

    def outer(kind: Any) -> tuple[Any, Any]:
        def annotated(a: kind) -> None: ...

        def setter(new: Any) -> None:
            nonlocal kind
            kind = new

        return annotated, setter

    annotated, setter = outer(int)
    assert closure(annotated).names == ()
    new, new_setter = clone(annotated, setter)
    new_setter(str)
    assert (new.__annotations__["a"], annotated.__annotations__["a"]) == (str, int)


def test_evaluated_annotations_follow_a_rebinding_unless_they_were_changed() -> None:
    function = make()
    function.__annotations__  # noqa: B018
    assert rebind(function, kind=str).__annotations__["b"] is str
    function.__annotations__["extra"] = 1
    new = rebind(function, kind=str)
    assert (new.__annotations__["b"], new.__annotations__["extra"]) == (int, 1)
    assert new.__annotate__(1)["b"] is str


def test_annotate_moves_with_other_globals() -> None:
    names: dict[str, Any] = {"K": int}
    exec("def f(a: K): return K", names)
    new = replace(names["f"], globals={"K": str})
    assert (new(1), new.__annotations__) == (str, {"a": str})
    assert names["f"].__annotations__ == {"a": int}


def test_an_annotate_that_is_no_function_is_carried() -> None:
    class Lazy(dict):
        def __call__(self, format: int, /) -> dict[str, Any]:
            return {"a": format}

    for annotate in (functools.partial(lambda value, format, /: {"a": value}, 5), Lazy()):
        function = make()
        function.__annotate__ = annotate
        for new in (replace(function), rebind(function, kind=str), clone(function, deep=True)):
            assert new.__annotate__ is annotate
            assert not evaluated(new)
        function.__annotations__["x"] = 1
        assert replace(function).__annotations__ == function.__annotations__
        assert replace(function).__annotate__ is annotate


def test_odd_dicts_are_not_taken_for_annotations() -> None:
    """A function refers to other dicts as well: its globals, attributes, defaults, even its module's name."""

    class Names(dict):
        pass

    names = Names(note=note)
    exec("def f(a: note('a'), *, k=1): pass", names)
    function = names["f"]
    assert not evaluated(function)
    function.__kwdefaults__ = Names(k=2)
    function.__module__ = {}
    function.__doc__ = {}
    function.x = 1
    assert not evaluated(function)
    new = replace(function)
    assert EVALUATED == []
    function.__annotations__["b"] = 1
    assert evaluated(function)
    assert replace(function).__annotations__ == {"a": "a", "b": 1}
    assert new.__annotations__ == {"a": "a"}


@pytest.mark.parametrize("changes", range(64))
def test_evaluated_annotations_are_found_whatever_else_a_function_holds(changes: int) -> None:
    """Every combination of what may be there or not: attributes, closure, type parameters, docstring, defaults."""
    function = make() if changes & 1 else unused()
    if changes & 2:
        function.x = 1
    if changes & 4:
        function.__type_params__ = ()
    if changes & 8:
        del function.__doc__
        del function.__module__
    if changes & 16:
        function.__kwdefaults__ = {"k": 1}
        function.__defaults__ = ()
    if changes & 32:
        function.__annotate__ = lambda format: {"a": "other"}
    assert not evaluated(function)
    assert not evaluated(replace(function))
    annotations = function.__annotations__
    annotations["mine"] = 1
    assert annotating.evaluated_annotations(function) is annotations
    new = replace(function)
    assert new.__annotations__ == annotations
    assert (new.__dict__, new.__type_params__) == (function.__dict__, function.__type_params__)
    function.__annotations__ = annotations  # which takes `__annotate__` away
    assert annotating.evaluated_annotations(function) is annotations


def test_annotations_that_are_another_part_of_the_function_too() -> None:
    plain: Any = FunctionType((lambda: 0).__code__, {}, closure=())
    assert not evaluated(plain)
    for function in (plain, make()):
        function.__annotate__ = lambda format: {}
        function.__annotations__["x"] = 1
        function.__dict__ = function.__annotations__
        assert annotating.evaluated_annotations(function) is function.__dict__
        assert replace(function).__annotations__ == {"x": 1}


def test_annotations_given_replace_the_lazy_ones() -> None:
    new = replace(make(), annotations={"a": 1})
    assert (new.__annotations__, new.__annotate__) == ({"a": 1}, None)
    assert replace(make(), annotations=None).__annotations__ == {}
    assert EVALUATED == []
    made = make_function(make().__code__, closure={"kind": 1, "count": 2}, annotations={"a": 3})
    assert made.__annotations__ == {"a": 3}


def test_signature_and_source() -> None:
    function = make()
    for verb in VERBS.values():
        new = verb(function)
        for format in (annotationlib.Format.VALUE, annotationlib.Format.STRING):
            expected = inspect.signature(function, annotation_format=format).return_annotation
            assert inspect.signature(new, annotation_format=format).return_annotation == expected
        assert inspect.getsource(new) == inspect.getsource(function)


def test_defaults_that_are_a_subclass_of_tuple_and_changed_annotations_together() -> None:
    function = make()
    function.__defaults__ = type("Defaults", (tuple,), {})((7,))
    function.__annotations__["x"] = 1
    new = replace(function)
    assert (new.__annotations__["x"], type(new.__defaults__)) == (1, type(function.__defaults__))
    assert new.__annotate__ is function.__annotate__


def test_other_builtins_and_lazy_annotations_together() -> None:
    own = {"len": lambda text: "own", "str": "own str"}
    names: dict[str, Any] = {"__builtins__": own}
    exec("def f(a: str): return len(a)", names)
    function = names.pop("f")
    del names["__builtins__"]
    new = replace(function)
    assert (new(""), new.__annotations__) == ("own", {"a": "own str"})
    assert new.__builtins__ is own
    function.__annotations__["b"] = 1
    new = replace(function, doc="x")
    assert (new(""), new.__annotations__) == ("own", {"a": "own str", "b": 1})
    names["__builtins__"] = {}
    with pytest.raises(BuiltinsMismatchError):
        replace(function)


@pytest.mark.parametrize("verb", VERBS)
def test_copies_with_lazy_annotations_are_collected(verb: str) -> None:
    def count() -> int:
        return sum(type(obj) is FunctionType for obj in gc.get_objects())

    function = make()
    VERBS[verb](function)
    gc.collect()
    before = count()
    for _ in range(50):
        VERBS[verb](function).__annotations__["x"] = 1
    gc.collect()
    assert count() <= before + 2


def test_no_verb_evaluates_what_only_annotations_use() -> None:
    function = unused()
    assert closure(function).names == ()
    with pytest.raises(recell.FreeVariableError):
        rebind(function, kind=str)
    assert clone(function).__annotations__["a"] is int


def odd(function: Any) -> Any:
    """The function with defaults that only `FunctionType` takes."""
    function.__defaults__ = type("Defaults", (tuple,), {})((7,))
    return function


def test_what_was_evaluated_outlives_what_it_was_evaluated_from() -> None:
    names: dict[str, Any] = {"later": int}
    exec("def outer(kind):\n def f(a: later, b: kind = 1): return kind\n return f", names)
    for change in (lambda function: function, odd):
        function = change(names["outer"](str))
        assert function.__annotations__ == {"a": int, "b": str}
        del names["later"]
        for new in (replace(function), rebind(function, kind=float)):
            assert new.__annotations__ == {"a": int, "b": str}
        names["later"] = int


def test_an_annotate_that_is_no_function_beside_odd_defaults() -> None:
    function = odd(make())
    function.__annotate__ = annotate = functools.partial(dict, a=1)
    assert replace(function).__annotate__ is annotate
    assert recell.substitute(function, rename={"a": "x"}).__code__.co_varnames[0] == "x"


def test_a_function_from_all_its_parts() -> None:
    parts = make()
    given = parts.__code__, globals(), "f", odd(make()).__defaults__, parts.__closure__, {"k": 1}
    new = building.build(*given, {"a": 1}, parts.__annotate__)
    assert (new.__kwdefaults__, new.__annotations__, new.__annotate__) == (
        {"k": 1},
        {"a": 1},
        parts.__annotate__,
    )


@pytest.mark.parametrize("changed", [False, True])
def test_substitute_keeps_what_evaluates_annotations(changed: bool) -> None:
    """Annotations that were evaluated once follow a renaming, and so does what evaluates them on demand."""

    def function(first: int) -> str: ...

    assert set(function.__annotations__) == {"first", "return"}
    if changed:
        function.__annotations__["more"] = float
    new = recell.substitute(function, rename={"first": "second"})
    assert new.__annotate__(1) == {"second": int, "return": str}
    assert new.__annotations__ == {"second": int, "return": str, **({"more": float} if changed else {})}
    assert function.__annotate__(1) == {"first": int, "return": str}
