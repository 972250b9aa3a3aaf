"""recell.errors: each error is also the built-in a caller expects, says what happened, carries data, and pickles."""

from __future__ import annotations

import copy
import pickle
from types import FunctionType
from typing import Any, Callable
from unittest import mock

import pytest

import recell
from recell import errors
from recell.errors import hint_nearest, listed, nearest, short

BUILT_IN = {
    "BuiltinsMismatchError": (ValueError,),
    "ChangeError": (RuntimeError,),
    "ClosureMismatchError": (ValueError,),
    "EmptyCellError": (KeyError, ValueError),
    "FreeVariableError": (KeyError,),
    "InterferenceError": (RuntimeError,),
    "RecellError": (Exception,),
    "ReloadRefused": (RuntimeError,),
    "ScopeError": (ValueError,),
    "SourceError": (SyntaxError, ValueError),
    "UnsafeCodeError": (ValueError,),
    "UnsupportedCodeError": (NotImplementedError,),
    "UnsupportedPythonError": (NotImplementedError,),
}
DATA: dict[str, Any] = {
    "name": "x",
    "names": ("x", "y"),
    "nearest": None,
    "target": "module.f (file.py:1)",
    "offset": 3,
}


def make(count: int = 41, step: int = 1) -> tuple[Callable[[], int], Callable[[], int]]:
    def bump() -> int:
        nonlocal count
        count += step
        return count

    def unset() -> int:
        return later

    if count < 0:
        later = 1
    return bump, unset


bump, unset = make()


def plain() -> int:
    return len("global")


def test_all_errors_are_listed_here() -> None:
    """The table of this file, the module's __all__ and the package know the same errors."""
    assert sorted(BUILT_IN) == sorted(errors.__all__)
    assert all(getattr(recell, name) is getattr(errors, name) for name in BUILT_IN)


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_each_is_also_the_built_in_that_a_caller_expects(name: str) -> None:
    error = getattr(errors, name)
    assert issubclass(error, errors.RecellError)
    assert all(issubclass(error, base) for base in BUILT_IN[name])


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_the_text_is_the_message_and_nothing_else(name: str) -> None:
    """Also for errors that are KeyErrors, whose text is a repr otherwise."""
    error = getattr(errors, name)("no 'such' thing", **DATA)
    assert str(error) == "no 'such' thing"
    assert str(getattr(errors, name)()) == ""


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_errors_pickle_with_their_data(name: str, protocol: int) -> None:
    """Text, arguments and data survive, also a second time."""
    error = getattr(errors, name)("text", **DATA)
    for _ in range(2):
        error = pickle.loads(pickle.dumps(error, protocol))
        assert type(error) is getattr(errors, name)
        assert str(error) == "text"
        assert error.args == ("text",)
        assert {key: getattr(error, key) for key in DATA} == DATA


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_errors_copy_with_their_data(name: str, copied: Callable[[Any], Any]) -> None:
    error = copied(getattr(errors, name)("text", **DATA))
    assert str(error) == "text"
    assert {key: getattr(error, key) for key in DATA} == DATA


def test_a_source_error_has_the_place_in_the_attributes_of_a_syntax_error() -> None:
    error = errors.SourceError("bad", filename="<text>", lineno=3, offset=7, text="x = = 1")
    assert (error.msg, error.filename, error.lineno, error.offset, error.text) == (
        "bad",
        "<text>",
        3,
        7,
        "x = = 1",
    )
    again = pickle.loads(pickle.dumps(error))
    assert (again.msg, again.filename, again.lineno, again.offset, again.text) == (
        "bad",
        "<text>",
        3,
        7,
        "x = = 1",
    )


# -- the literal texts of the commonest mistakes ------------------------------------------------------------------


class Tame:
    """An object whose repr has no address, so that a text can be compared whole."""

    def __repr__(self) -> str:
        return "<tame>"


class TameCall(Tame):
    def __call__(self) -> None: ...


class TameCommand(TameCall):
    def __init__(self) -> None:
        self.callback = message


def message(call: Callable[[], Any]) -> str:
    """The text of what the call raises, with functions' places taken out."""
    with pytest.raises(Exception) as caught:  # the type is checked where the text is the same for several
        call()
    text = str(caught.value)
    for function, name in ((bump, "bump"), (unset, "unset"), (plain, "plain")):
        text = text.replace(short(function), name)
    return text


def code_with(freevars: tuple[str, ...]) -> Any:
    names = ", ".join(freevars)
    namespace: dict[str, FunctionType] = {}
    exec(f"def outer({names}):\n    def inner():\n        return ({names},)\n    return inner", namespace)
    return next(const for const in namespace["outer"].__code__.co_consts if hasattr(const, "co_code"))


MESSAGES: list[tuple[str, Callable[[], Any], type, str]] = [
    (
        "an unknown name, with a near one",
        lambda: recell.rebind(bump, coutn=1),
        recell.FreeVariableError,
        "bump has no free variable `coutn`; its free variables are: `count`, `step`; did you mean `count`?",
    ),
    (
        "an unknown name, with nothing near",
        lambda: recell.closure(bump)["zebra"],
        recell.FreeVariableError,
        "bump has no free variable `zebra`; its free variables are: `count`, `step`; "
        "new names cannot be added to a closure: see `promote`",
    ),
    (
        "a global taken for a free variable",
        lambda: recell.rebind(plain, len=max),
        recell.FreeVariableError,
        "plain has no free variables, so no `len`; `len` is a global there: `promote` makes it a free variable",
    ),
    (
        "a name that is no text",
        lambda: recell.closure(bump)[3],  # type: ignore[index]
        recell.FreeVariableError,
        "free variables are named by strings, not by 3; bump has `count`, `step`",
    ),
    (
        "an empty cell read",
        lambda: recell.closure(unset)["later"],
        recell.EmptyCellError,
        "free variable `later` of unset is empty: nothing was assigned to it yet; set it, or look at .cells",
    ),
    (
        "a closure of the wrong length",
        lambda: recell.replace(bump, closure=(recell.make_cell(1),)),
        recell.ClosureMismatchError,
        "the closure given has 1 cells, and bump has 2 free variables: `count`, `step`; give them by name",
    ),
    (
        "code with other free variables",
        lambda: recell.replace(bump, code=code_with(("count", "other")), verify=False),
        recell.ClosureMismatchError,
        "bump: the code needs a cell for `other`. Free variables before: `count`, `step`; after: `count`, `other`. "
        "Give the missing ones by name, closure={'other': …}",
    ),
    (
        "no cell in a tuple closure",
        lambda: recell.replace(bump, closure=(recell.make_cell(1), 2)),
        TypeError,
        "item 1 of the closure is no cell but 2; `make_cell(value)` makes one, or give the closure by name",
    ),
    (
        "a list as closure",
        lambda: recell.replace(bump, closure=[]),  # type: ignore[arg-type]
        TypeError,
        "closure must be a mapping or a tuple of cells, not []",
    ),
    (
        "more defaults than parameters",
        lambda: recell.replace(plain, defaults=(1,)),
        ValueError,
        "plain has 0 positional parameters (none) and would get 1 defaults: (1,); give defaults= to fit",
    ),
    (
        "a function as code",
        lambda: recell.make_function(plain),  # type: ignore[arg-type]
        TypeError,
        "make_function needs a code object, and plain is a function; pass its `__code__`, or use `replace` to copy "
        "the function",
    ),
    (
        "a text as code",
        lambda: recell.make_function("x = 1"),  # type: ignore[arg-type]
        TypeError,
        "make_function needs a code object, and 'x = 1' is a str; `define` makes a function from a text",
    ),
    (
        "a builtin",
        lambda: recell.rebind(len, x=1),
        TypeError,
        "rebind needs a Python function, and <built-in function len> is the C function len; pass a Python function",
    ),
    (
        "a class",
        lambda: recell.rebind(Tame, x=1),
        TypeError,
        f"rebind needs a Python function, and {Tame!r} is the class Tame; pass one of its functions, such as "
        "Tame.__repr__",
    ),
    (
        "a property, where one function is needed",
        lambda: recell.closure(PROPERTY),
        TypeError,
        "closure needs a Python function, and <property object> is a property; a property has up "
        "to three functions: pass its .fget, .fset or .fdel",
    ),
    (
        "no callable",
        lambda: recell.clone(Tame()),
        TypeError,
        "clone needs a Python function, and <tame> is a Tame; it is not callable; pass a Python function",
    ),
    (
        "an object with __call__",
        lambda: recell.clone(TameCall()),
        TypeError,
        "clone needs a Python function, and <tame> is a TameCall; pass a Python function",
    ),
    (
        "a command that holds a function",
        lambda: recell.clone(TameCommand()),
        TypeError,
        "clone needs a Python function, and <tame> is a TameCommand; it holds a function: pass its `.callback`",
    ),
]


class _Property(property):
    def __repr__(self) -> str:
        return "<property object>"


PROPERTY = _Property(len)


@pytest.mark.parametrize(
    ("call", "kind", "text"), [row[1:] for row in MESSAGES], ids=[row[0] for row in MESSAGES]
)
def test_literal_texts(call: Callable[[], Any], kind: type, text: str) -> None:
    """What, on which object, both values, and one hint."""
    assert message(call) == text
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind


def test_a_mock_is_refused_by_name() -> None:
    for target in (mock.Mock(), mock.MagicMock(), mock.NonCallableMock(), mock.Mock(spec=plain), mock.call):
        with pytest.raises(TypeError) as caught:
            recell.rebind(target, x=1)
        assert "needs a Python function" in str(caught.value)
    with pytest.raises(
        TypeError, match="is a mock; a mock has no code and no closure; pass the function it stands for"
    ):
        recell.rebind(mock.Mock(), x=1)


def test_a_modules_code_is_refused_with_the_way_to_its_functions() -> None:
    code = compile("def f(): pass\ndef g(): pass", "<text>", "exec")
    with pytest.raises(TypeError) as caught:
        recell.make_function(code)
    assert str(caught.value) == (
        f"make_function needs the code of a function, and {code!r} is a module's code; "
        "the functions in it are `f`, `g`: `inner(code, 'f')` gets one"
    )


# -- data ----------------------------------------------------------------------------------------------------------


def test_the_data_of_a_free_variable_error() -> None:
    with pytest.raises(recell.FreeVariableError) as caught:
        recell.rebind(bump, coutn=1)
    error = caught.value
    assert (error.name, error.names, error.nearest, error.target) == (
        "coutn",
        ("count", "step"),
        "count",
        short(bump),
    )


def test_the_data_of_an_empty_cell_error() -> None:
    with pytest.raises(recell.EmptyCellError) as caught:
        recell.closure(unset)["later"]
    assert (caught.value.name, caught.value.target) == ("later", short(unset))


def test_the_data_of_a_closure_mismatch_error() -> None:
    with pytest.raises(recell.ClosureMismatchError) as caught:
        recell.replace(bump, code=code_with(("count", "other")), verify=False)
    error = caught.value
    assert (error.before, error.after, error.missing) == (("count", "step"), ("count", "other"), ("other",))
    assert error.target == short(bump)


@pytest.mark.parametrize("call", [row[1] for row in MESSAGES], ids=[row[0] for row in MESSAGES])
def test_what_is_raised_pickles(call: Callable[[], Any]) -> None:
    """Data are plain values: an error travels between processes."""
    with pytest.raises(Exception) as caught:
        call()
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is type(caught.value)
    assert str(again) == str(caught.value)
    assert vars(again) == vars(caught.value)


@pytest.mark.parametrize("wrong", [None, 0, 5, "count", (), [("count", 1)]])
def test_values_are_a_mapping(wrong: Any) -> None:
    """Also what is empty and no mapping is refused, by name of the verb."""
    bump = make()[0]

    def outer() -> Any:
        return lambda: None

    for verb in (recell.rebind, recell.override, recell.patch_closure, recell.promote):
        with pytest.raises(TypeError, match=f"{verb.__name__} takes a mapping from names to values"):
            verb(bump, wrong)
    with pytest.raises(TypeError, match="inner takes a mapping from names to values"):
        recell.inner(outer, "<lambda>", wrong)
    with pytest.raises(TypeError, match="substitute takes mappings"):
        recell.substitute(bump, rename=wrong)
    if wrong:
        with pytest.raises(TypeError, match="substitute takes mappings"):
            recell.substitute(bump, constants=wrong)


# -- the helpers of messages ---------------------------------------------------------------------------------------


def test_short_never_raises_and_is_one_short_line() -> None:
    class Rude:
        def __repr__(self) -> str:
            raise RuntimeError

    assert short(1) == "1"
    line = plain.__code__.co_firstlineno
    assert short(plain) == f"{__name__}.plain (test_errors.py:{line})"
    assert short(bump).startswith(f"{__name__}.make.<locals>.bump (test_errors.py:")
    assert short(TameCall().__call__).startswith(f"{__name__}.TameCall.__call__ (test_errors.py:")
    assert short(plain.__code__) == f"code plain (test_errors.py:{line})"
    nameless = FunctionType(plain.__code__, {})
    nameless.__module__ = None
    assert short(nameless) == f"plain (test_errors.py:{line})"
    assert short("a\nb") == r"'a\nb'"
    assert len(short("x" * 1000)) == 100
    assert short("x" * 1000).endswith("…")
    assert "Rude object at" in short(Rude())
    assert short(type("Sly", (), {"__repr__": lambda self: "\x1b[2J\u202e\x07"})()) == r"\x1b[2J\u202e\x07"
    assert "\n" not in short(type("Lines", (), {"__repr__": lambda self: "a\n  b"})())


def test_names_as_messages_show_them() -> None:
    assert listed(()) == "none"
    assert listed(["a", "b"]) == "`a`, `b`"
    assert nearest("coutn", ["step", "count"]) == "count"
    assert nearest("zebra", ["step", "count"]) is None
    assert hint_nearest("coutn", ["count"]) == "; did you mean `count`?"
    assert hint_nearest("zebra", ["count"]) == ""
