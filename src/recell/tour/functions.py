"""Functions made and rebuilt: from a compiled text, and from the standard library's own."""

from __future__ import annotations

from typing import Any

import recell
from recell.tour import Stage, Step

TEXT = """
def outer(factor):
    def scale(value, offset=0):
        "value times factor, plus offset, rounded as the globals say"
        return round(value * factor + offset, DIGITS)
    return scale
"""


def define_a_function(stage: Stage) -> None:
    """Compile a text, take a function's code out of it, and give it globals, a name, defaults and a closure."""
    from types import CodeType

    module = compile(TEXT, "<text>", "exec")
    outer = next(const for const in module.co_consts if type(const) is CodeType)
    code = next(const for const in outer.co_consts if type(const) is CodeType)
    stage.did('code = …  # of `scale`, taken from compile(text, "<text>", "exec")', code.co_freevars)
    stage.did('make_function(code, {"DIGITS": 1}, "scaled", (10,), {"factor": 3})')
    scaled = recell.make_function(code, {"DIGITS": 1}, "scaled", (10,), {"factor": 3})
    stage.did("scaled(1.25), scaled(2, offset=0)", (scaled(1.25), scaled(2, offset=0)))
    stage.check(
        "globals, defaults and closure are in force", (scaled(1.25), scaled(2, offset=0)) == (13.8, 6)
    )
    stage.check(
        "it is named in tracebacks as outside", scaled.__code__.co_name == scaled.__name__ == "scaled"
    )
    factor = recell.make_cell(3)
    shared = recell.make_function(code, {"DIGITS": 1}, closure={"factor": factor})
    factor.cell_contents = 4
    stage.did("shared = make_function(…, closure={'factor': factor}); factor.cell_contents = 4")
    stage.check("a cell given is shared, not copied", shared(2, 0) == 8)
    try:
        recell.make_function(code, {}, closure={})
    except recell.ClosureMismatchError as error:
        stage.say(f"without its free variable: {error}")
        stage.check("the error names the missing free variable", error.missing == ("factor",))


def refuse_unsafe_code(stage: Stage) -> None:
    """Code that would crash the interpreter is refused before it can run."""
    import textwrap

    code = textwrap.dedent.__code__
    recell.verify(code)
    stage.did("recell.verify(textwrap.dedent.__code__)")
    broken = code.replace(co_consts=(), co_names=())
    try:
        recell.verify(broken)
    except recell.UnsafeCodeError as error:
        stage.did("recell.verify(code.replace(co_consts=(), co_names=()))  # raises", error.reason)
        refused = True
    else:
        refused = False
    stage.check("code that reads constants which are not there is refused", refused)


def rebuild_a_function(stage: Stage) -> None:
    """A renamed, rebound copy of a library's closure; the original is untouched."""
    import contextlib
    import io
    from operator import attrgetter

    @contextlib.contextmanager
    def quiet():  # type: ignore[no-untyped-def]
        yield io.StringIO()

    stage.say("contextlib.contextmanager wraps a generator function in a closure, `helper`, over `func`:")
    stage.did("recell.closure(quiet)", recell.closure(quiet))

    def loud():  # type: ignore[no-untyped-def]
        yield "loud"

    other = recell.replace(recell.rebind(quiet, func=loud), name="other", attributes={})
    manager: Any = other()
    with quiet() as silent, manager as noisy:
        stage.did("with quiet() as a, other() as b: (a, b)", (type(silent).__name__, noisy))
        stage.check("the copy manages the other generator", noisy == "loud")
        stage.check("the original still manages its own", isinstance(silent, io.StringIO))
    same = attrgetter("__code__.co_code", "__defaults__", "__kwdefaults__", "__module__", "__doc__")
    stage.check("everything not named was carried over", same(other) == same(quiet))


STEPS = [
    Step(
        "A function made of a code object",
        ("make_function", "make_cell"),
        define_a_function,
    ),
    Step("Code that would crash, refused", ("verify",), refuse_unsafe_code),
    Step("A library's closure rebuilt around another function", ("rebind", "replace"), rebuild_a_function),
]
