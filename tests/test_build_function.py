"""`build_function`: exactly the signature given, exactly the body given."""

from __future__ import annotations

import gc
import inspect
import linecache
import traceback

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signature_strategies import bound, calls, signatures
from sizes import pick

from recell import SourceError, build_function, closure, make_cell


def plain(signature: inspect.Signature) -> inspect.Signature:
    return signature


@settings(max_examples=pick(40, 500, debug=20), deadline=None)
@given(st.data())
def test_signature_and_calls_are_those_given(data: st.DataObject) -> None:
    """`inspect.signature` equals the given one, and calls bind as `Signature.bind` does, errors included."""
    signature = data.draw(signatures())
    names = list(signature.parameters)
    body = [f"return [{', '.join(names)}]"]
    func = build_function("made", signature, body)
    assert inspect.signature(func) == signature
    for _ in range(5):
        args, kwargs = data.draw(calls(signature))
        wanted = bound(signature, args, kwargs)
        if wanted is None:
            with pytest.raises(TypeError):
                func(*args, **kwargs)
        else:
            result = func(*args, **kwargs)
            assert result == list(wanted.values())
            for value, name in zip(result, names):
                if value is signature.parameters[name].default:
                    assert value is wanted[name]


def test_a_text_as_signature() -> None:
    """Defaults and annotations of a text are evaluated where the function's names are known."""
    names = {"Kind": int, "base": 10}
    func = build_function(
        "f", "(a: Kind, b=base, *, c=x) -> Kind", "return a, b, c, x", globals=names, closure={"x": 1}
    )
    assert func(5) == (5, 10, 1, 1)
    assert func.__annotations__ == {"a": int, "return": int}
    assert inspect.signature(build_function("f", "a, *b", [])) == inspect.signature(lambda a, *b: 0)


def test_objects_are_never_text() -> None:
    """Defaults and annotations are the very objects, whatever their repr says."""

    class Evil:
        def __repr__(self):
            return "): import os #"

    evil = Evil()
    parameter = inspect.Parameter("a", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=evil, annotation=evil)
    func = build_function("f", inspect.Signature([parameter], return_annotation=evil), ["return a"])
    assert func() is evil
    assert func.__annotations__["a"] is evil
    func = build_function(
        "f", "(a, *, b)", ["return a, b"], defaults={"a": evil, "b": evil}, annotations={"a": evil}
    )
    assert func() == (evil, evil)
    assert func.__annotations__ == {"a": evil}


def test_the_other_parts() -> None:
    """Cells are shared; doc, qualname, module, class and file name are as asked."""
    cell = make_cell(1)
    func = build_function(
        "f",
        "(self)",
        ["nonlocal n", "n += 1", "return n, __class__"],
        closure={"n": cell, "__class__": int},
        doc="what it does",
        qualname="C.f",
        module="there",
        filename="<given>",
        class_name="C",
    )
    assert func(0) == (2, int)
    assert closure(func).cells["n"] is cell
    assert (func.__doc__, func.__qualname__, func.__module__) == ("what it does", "C.f", "there")
    assert func.__code__.co_filename == "<given>"
    assert inspect.iscoroutinefunction(build_function("f", "()", "return 1", asynchronous=True))
    assert build_function("f", "()", '"""own doc"""').__doc__ == "own doc"
    assert build_function("f", "(n)", "return f(n - 1) if n else 'end'")(3) == "end"


@pytest.mark.parametrize(
    ("body", "result"),
    [
        ([], None),
        ("", None),
        (["# only a comment"], None),
        (["return 1"], 1),
        (["if 1:", "    return 2"], 2),
        ("    x = 3\n    return x", 3),
        ("\n\n    # note\n    x = 3\n    return x\n\n", 3),
        (['return """a', "  b", 'c"""'], "a\n  b\nc"),
        (["x = '''", "'''", "return x"], "\n"),
        (["return 'a\\", "b'"], "ab"),
        (["return (1,", "2)"], (1, 2)),
        ("if 1:\r\n\treturn 5\r\n", 5),
        (["x = 1\nreturn x"], 1),
    ],
)
def test_bodies_of_all_shapes(body: object, result: object) -> None:
    """Lines, texts, indented or not; what stands inside strings is untouched."""
    assert build_function("f", "()", body)() == result


@pytest.mark.parametrize(
    "body",
    [
        ["return 1", "\fprint('out')"],
        ["return 1", "\f@print", "\fdef f(): pass"],
        ["    return 1", "print('out')"],
        ["pass", "\f\fif 1: print('out')"],
        ["    pass", "else: print('out')"],
        ["\fpass"],
        ["return 1\n\fprint('out')"],
    ],
)
def test_a_body_cannot_break_out(body: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """No trick of indentation runs code outside the function."""
    before = dict(linecache.cache)
    with pytest.raises(SourceError):
        build_function("f", "()", body)
    assert capsys.readouterr().out == ""
    assert not linecache.cache.keys() - before


@pytest.mark.parametrize(
    "text",
    [
        "(a): print('out')\ndef g(b)",
        "(a): return 1 #",
        "(a): pass\nif print('out')",
        "(a):\n    pass\nprint('out') if (1)",
        "(a) -> 1: pass;",
        "a): pass #",
    ],
)
def test_a_signature_cannot_break_out(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A text that is more than a signature is refused."""
    with pytest.raises(SourceError):
        build_function("f", text, ["return 1"])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("body", "line", "column"),
    [
        (["x = 1", "return +"], 2, None),
        (["x = 1", "y = = 2"], 2, 5),
        ("    x = 1\n    y = = 2", 2, 9),
        (["nonlocal q"], 1, 1),
        (["return '''", "x"], None, None),
        (["x = 1", "  y = 2"], 2, None),
    ],
)
def test_errors_are_told_of_the_body(body: object, line: int | None, column: int | None) -> None:
    """Line and column are those of the lines given."""
    with pytest.raises(SourceError) as caught:
        build_function("f", "(a)", body)
    assert line is None or caught.value.lineno == line
    assert column is None or caught.value.offset == column


@pytest.mark.parametrize(
    ("name", "signature"),
    [
        ("class", "()"),
        ("a b", "()"),
        ("f", "(a, a)"),
        ("f", "(a=1, b)"),
        ("f", "(None)"),
        ("f", "(a"),
    ],
)
def test_bad_names_and_signatures(name: str, signature: str) -> None:
    """Names that are none, parameters twice, defaults out of order."""
    before = dict(linecache.cache)
    with pytest.raises(SourceError):
        build_function(name, signature, ["return 1"])
    assert not linecache.cache.keys() - before


def test_signatures_that_their_own_constructor_did_not_check() -> None:
    """Out of order, twice, defaults with a gap: refused, however the Signature came to be."""
    Parameter = inspect.Parameter
    for parameters in (
        [Parameter("a", 1, default=1), Parameter("b", 1)],
        [Parameter("a", 3), Parameter("b", 1)],
        [Parameter("a", 2), Parameter("b", 2)],
    ):
        unchecked = inspect.Signature(parameters, __validate_parameters__=False)
        with pytest.raises(SourceError):
            build_function("f", unchecked, [])
    with pytest.raises(SourceError):
        build_function("f", inspect.Signature([Parameter("class", 0)]), [])


def test_wrong_types_and_defaults() -> None:
    """Wrong types are TypeErrors, defaults that fit no parameter ValueErrors."""
    for arguments in (("f", 1, []), ("f", "()", 1), ("f", "()", ["a", 1]), (1, "()", [])):
        with pytest.raises(TypeError):
            build_function(*arguments)
    with pytest.raises(ValueError):
        build_function("f", "(a, b)", [], defaults={"a": 1})
    with pytest.raises(ValueError):
        build_function("f", "(a, b)", [], defaults={"c": 1})


def test_a_traceback_shows_the_body() -> None:
    """The lines given stand in tracebacks and in getsource."""
    func = build_function("f", "(a, *, b=1)", ["c = a", "return c / 0"])
    with pytest.raises(ZeroDivisionError) as caught:
        func(1)
    assert "return c / 0" in "".join(traceback.format_exception(caught.type, caught.value, caught.tb))
    assert inspect.getsource(func) == "def f(a, *, b=1):\n    c = a\n    return c / 0\n"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"annotations": [int]}, TypeError),
        ({"annotations": {"b": int}}, ValueError),
        ({"qualname": 5}, TypeError),
        ({"defaults": [1]}, TypeError),
        ({"defaults": {"b": 1}}, ValueError),
        ({"globals": []}, TypeError),
        ({"filename": 1}, TypeError),
    ],
)
def test_options_of_the_wrong_kind(options: dict, error: type) -> None:
    """The error speaks of what was given, nothing is registered, and the globals are as they were."""
    before = dict(linecache.cache)
    namespace: dict = {"x": 1}
    with pytest.raises(error):
        build_function("f", "(a)", ["return a"], **{"globals": namespace, **options})
    assert namespace == {"x": 1}
    gc.collect()
    assert not linecache.cache.keys() - before


def test_wrong_types_are_named() -> None:
    """Bytes are no lines, and the class of signatures is no signature."""
    with pytest.raises(TypeError, match="b'pass'"):
        build_function("f", "()", b"pass")
    with pytest.raises(TypeError, match="must be an inspect.Signature"):
        build_function("f", inspect.Signature, ["pass"])
    with pytest.raises(TypeError, match="build_function needs a dict as globals"):
        build_function("f", "()", ["pass"], globals=[])


@pytest.mark.parametrize(
    ("text", "line"), [("\n\n  (a, a)", 3), ("(a,\n a)", None), ("(a", 1), ("\n(a,\n", None)]
)
def test_errors_in_a_signature_are_told_of_its_text(text: str, line: int | None) -> None:
    """Blank lines before it count, and no place lies behind its end."""
    with pytest.raises(SourceError, match="in the signature") as caught:
        build_function("f", text, ["pass"])
    assert line is None or caught.value.lineno == line
    assert 1 <= caught.value.lineno <= text.count("\n") + 1


@pytest.mark.parametrize("text", ["(a):\n    pass; pass #", "(a): return 1 #"])
def test_more_than_a_signature(text: str) -> None:
    """A body in the signature's text is refused."""
    with pytest.raises(SourceError):
        build_function("f", text, ["return a"])


def test_the_body_goes_on_behind_the_function() -> None:
    """A form feed ends the indentation; what stands behind is no body."""
    for rest in ("\fclass C: pass", "\fdef g(): pass"):
        with pytest.raises(SourceError, match="goes on behind it"):
            build_function("f", "()", ["pass", rest])


def test_a_function_that_calls_itself_calls_the_one_returned() -> None:
    """With the defaults that it was given."""
    body = ["return 1 if n < 2 else n * fact(n - step)"]
    assert build_function("fact", "(n, step=1)", ["return 1 if n < 2 else n * fact(n - 1, step)"])(5) == 120
    made = build_function(
        "fact", "(n, step=1)", ["return 1 if n < 2 else n * fact(n - 2)"], defaults={"step": 2}
    )
    assert made.__globals__["fact"] is made
    assert build_function("fact", "(n, step=1)", body, defaults={"step": 2})(5) == 15


def test_objects_that_do_as_signatures() -> None:
    """Names that stand twice are refused, a default of `*args` means nothing, and names checked once are forgotten."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD

    class Parameter:
        def __init__(self, name: str, kind: object, default: object = inspect.Signature.empty) -> None:
            self.name, self.kind, self.default, self.annotation = name, kind, default, inspect.Signature.empty

    class Signature:
        empty = return_annotation = inspect.Signature.empty

        def __init__(self, *parameters: Parameter) -> None:
            self.parameters = dict(enumerate(parameters))

    with pytest.raises(SourceError, match="stands twice"):
        build_function("f", Signature(Parameter("a", kind), Parameter("a", kind)), ["pass"])
    starred = Signature(Parameter("rest", inspect.Parameter.VAR_POSITIONAL, 1))
    assert build_function("f", starred, ["return rest"])(1, 2) == (1, 2)


def test_many_names() -> None:
    """Those that were checked are remembered, up to a number."""
    from recell.source import signatures

    for start in range(0, 12_000, 200):
        names = [f"p{number}" for number in range(start, start + 200)]
        shape = inspect.Signature([inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in names])
        signatures.shape_of_signature(shape)
        assert len(signatures._good) <= 10_001
