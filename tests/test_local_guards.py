"""The guard: code that asks the context first leaves everything else of a function as it was."""

from __future__ import annotations

import dis
import inspect
import json
import sys
import types
from contextvars import ContextVar, copy_context
from typing import Any, Callable, Iterator

import pytest
from corpus import harvest
from sizes import pick

from recell import UnsupportedCodeError
from recell.code.guarded import behind, own_code, sink_of
from recell.flags import GENERATORS as KINDS
from recell.local.guards import guarded, relayed
from recell.verifier.verify import verify_all


class Box:
    def __init__(self, call: Any = None) -> None:
        self.on = call is not None
        self.call = call


def guard(func: types.FunctionType) -> ContextVar[Any]:
    """Installs a guard; the variable's box is off."""
    var: ContextVar[Any] = ContextVar("box", default=Box())
    func.__code__ = guarded(func, func.__code__, var.get, None)
    return var


def checked(code: types.CodeType) -> None:
    """The verifier accepts it."""
    verify_all(code, dispatcher=True)


def functions() -> tuple[types.FunctionType, ...]:
    """Functions of the standard library, without those that only the interpreter calls."""
    found = [func for func in harvest.functions() if "." not in "".join(func.__code__.co_varnames[:1])]
    found = [func for func in found if func.__name__ != "__annotate__"]
    step = max(1, len(found) // pick(40, len(found), debug=12))
    return tuple(found[::step])


def instructions(code: types.CodeType) -> list[tuple[Any, ...]]:
    """Everything that a code object does, jumps told by the instruction they lead to."""
    units = [one for one in dis.get_instructions(code) if one.opname not in ("EXTENDED_ARG", "CACHE")]
    at = {one.offset: index for index, one in enumerate(units)}
    starts = {}
    extended = None
    for one in dis.get_instructions(code):
        if one.opname == "EXTENDED_ARG":
            extended = one.offset if extended is None else extended
        else:
            if extended is not None:
                at[extended] = at[one.offset]
            extended = None
    result = []
    for index, one in enumerate(units):
        jumps = one.opcode in dis.hasjrel or one.opcode in dis.hasjabs
        if one.opcode in dis.hasconst:
            value: Any = (id(one.argval),)
        elif jumps:
            value = at[one.argval] - index
        else:
            value = one.arg if one.opname != "RESUME" else None
        result.append((one.opname, value, getattr(one, "positions", None), one.starts_line is not None))
    return result


def test_a_guard_leaves_the_rest_of_the_code_as_it_is() -> None:
    var: ContextVar[Any] = ContextVar("box")
    for func in functions():
        code = func.__code__
        new = guarded(func, code, var.get, "sink")
        assert behind(new) is code
        checked(new)
        assert inspect.signature(
            types.FunctionType(new, {}, "f", None, func.__closure__)
        ) == inspect.signature(types.FunctionType(code, {}, "f", None, func.__closure__))
        for field in ("co_name", "co_filename", "co_firstlineno", "co_freevars", "co_argcount"):
            assert getattr(new, field) == getattr(code, field)
        assert (new.co_flags ^ code.co_flags) & (KINDS | 0x100) == 0
        if code.co_flags & KINDS:
            continue
        assert (new.co_varnames, new.co_cellvars) == (code.co_varnames, code.co_cellvars)
        assert new.co_consts[: len(code.co_consts)] == code.co_consts
        assert new.co_flags == code.co_flags
        before, after = instructions(code), instructions(new)
        extra = len(after) - len(before)
        head = next((at + 1 for at, one in enumerate(before) if one[0] == "RESUME"), 0)
        drop = slice(None) if sys.version_info >= (3, 11) else slice(0, 2)
        assert [one[drop] for one in after[:head]] == [one[drop] for one in before[:head]]
        assert [one[drop] for one in after[head + extra :]] == [one[drop] for one in before[head:]], func


def test_parameters_of_the_compiler_are_refused() -> None:
    made = (lambda: (each for each in ()))().gi_code
    func = types.FunctionType(made, {})
    with pytest.raises(UnsupportedCodeError, match=r"\.0"):
        guarded(func, made, ContextVar("box").get, None)


def every_kind(seen: list[Any]) -> dict[str, types.FunctionType]:
    """Functions of all kinds, with parameters of all kinds, some of them in cells."""
    free = "free"

    def plain(a: Any, b: Any = 2, /, c: Any = 3, *rest: Any, d: Any, e: Any = 5, **more: Any) -> Any:
        seen.append(lambda: (a, e))
        return a, b, c, rest, d, e, more, free

    def generator(a: Any, *rest: Any, d: Any = 4) -> Iterator[Any]:
        got = yield a, rest, d, free
        yield got
        return "end"

    async def coroutine(a: Any, b: Any = 2) -> Any:
        return a, b, free

    async def stream(a: Any, **more: Any) -> Any:
        got = yield a, free
        yield got, more

    return {func.__name__: func for func in (plain, generator, coroutine, stream)}  # type: ignore[misc]


def outcome(func: Callable[..., Any]) -> Any:
    """What a call of one of them gives, driven to its end."""
    name = func.__name__
    if name == "plain":
        return func(1, d=4), func(1, 2, 3, 4, d=5, e=6, f=7)
    if name == "generator":
        made = func(1, 2, d=3)
        steps = [next(made), made.send("sent")]
        try:
            next(made)
        except StopIteration as stop:
            steps.append(stop.value)
        return steps
    if name == "coroutine":
        return driven(func(1)), driven(func(1, b=5))
    stream = func(1, x=2)
    return driven(stream.__anext__()), driven(stream.asend("sent")), driven(stream.__anext__(), None)


def driven(awaitable: Any, *default: Any) -> Any:
    try:
        awaitable.__await__().send(None)
    except StopIteration as stop:
        return stop.value
    except StopAsyncIteration:
        return default[0]


@pytest.mark.parametrize("name", ["plain", "generator", "coroutine", "stream"])
def test_a_function_does_what_it_did_where_its_box_is_off(name: str) -> None:
    func = every_kind([])[name]
    expected, signature, closure = outcome(func), inspect.signature(func), func.__closure__
    code = func.__code__
    var = guard(func)
    assert outcome(func) == expected
    assert inspect.signature(func) == signature
    assert func.__closure__ is closure
    assert own_code(func) is code
    assert sink_of(func) is None
    kinds = (inspect.isgeneratorfunction, inspect.iscoroutinefunction, inspect.isasyncgenfunction)
    before = types.FunctionType(code, {}, name, None, closure)
    assert [kind(func) for kind in kinds] == [kind(before) for kind in kinds]
    context = copy_context()
    context.run(var.set, Box(every_kind([])[name]))
    func.__code__ = guarded(func, code, var.get, None)
    assert context.run(outcome, func) == expected


@pytest.mark.parametrize("name", ["plain", "generator", "coroutine", "stream"])
def test_where_its_box_is_on_calls_go_elsewhere_as_they_are_bound(name: str) -> None:
    func, other = every_kind([])[name], every_kind([])[name]
    other.__closure__[-1 if name != "plain" else 0].cell_contents = "other"  # type: ignore[index]
    other.__defaults__ = other.__kwdefaults__ = None
    expected = outcome(func)
    var = guard(func)
    context = copy_context()
    context.run(var.set, Box(other))
    assert repr(context.run(outcome, func)) == repr(expected).replace("'free'", "'other'")
    assert outcome(func) == expected


@pytest.mark.parametrize("name", ["plain", "generator", "coroutine", "stream"])
def test_a_relay_has_the_parameters_and_the_kind(name: str) -> None:
    func = every_kind([])[name]
    expected, signature = outcome(func), inspect.signature(func)
    relay = types.FunctionType(relayed(func.__code__, lambda: func), {}, name, func.__defaults__)
    relay.__kwdefaults__ = func.__kwdefaults__
    relay.__annotations__ = func.__annotations__
    checked(relay.__code__)
    assert outcome(relay) == expected
    assert inspect.signature(relay) == signature


def test_a_loop_at_the_start_asks_once() -> None:
    asked = []

    def loop(n: int) -> int:
        while True:
            n -= 1
            if n < 0:
                return n

    def box() -> Box:
        asked.append(1)
        return Box()

    loop.__code__ = guarded(loop, loop.__code__, box, None)
    assert loop(10) == -1
    assert len(asked) == 1


def test_a_handler_at_the_start_does_not_see_what_a_replacement_raises() -> None:
    def careful(n: int) -> str:
        try:
            return str(1 // n)
        except ZeroDivisionError:
            return "handled"

    var = guard(careful)
    context = copy_context()
    context.run(var.set, Box(lambda n: 1 // n))
    assert careful(0) == "handled"
    with pytest.raises(ZeroDivisionError):
        context.run(careful, 0)


def test_locals_show_no_more_than_before() -> None:
    def f(a: int, b: int = 2) -> Any:
        c = a + b
        return locals()

    guard(f)
    assert f(1) == {"a": 1, "b": 2, "c": 3}


def test_more_names_and_constants_than_a_byte_counts() -> None:
    names = [f"name{index}" for index in range(300)]
    body = "\n".join(f" {name} = {name}.x if a else {index}.5" for index, name in enumerate(names))
    parameters = ", ".join(f"a{index}" for index in range(300))
    text = (
        f"def f(a, {parameters}, *, k=1):\n global {', '.join(names)}\n{body}\n return lambda: (a, a290, k)"
    )
    space: dict[str, Any] = {}
    exec(text, space)
    f = space["f"]
    var = guard(f)
    checked(f.__code__)
    arguments = list(range(300))
    assert f(0, *arguments)() == (0, 290, 1)
    context = copy_context()
    context.run(var.set, Box(lambda *args, k: (args, k)))
    assert context.run(f, 0, *arguments) == ((0, *arguments), 1)


def traced(call: Callable[[], Any], code: types.CodeType) -> list[tuple[str, int]]:
    events: list[tuple[str, int]] = []

    def trace(frame: Any, event: str, _: Any) -> Any:
        if frame.f_code.co_name == code.co_name:
            frame.f_locals  # noqa: B018 - reading it is what could fail
            events.append((event, frame.f_lineno))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return events


def test_a_trace_function_sees_what_it_saw() -> None:
    def f(n: int) -> int:
        for each in range(n):
            n += each
        return n

    code = f.__code__
    expected = traced(lambda: f(3), code)
    var = guard(f)
    assert traced(lambda: f(3), code) == expected
    context = copy_context()
    context.run(var.set, Box(lambda n: n))
    events = context.run(traced, lambda: f(3), code)
    assert [event for event, _ in events if event != "line"] == ["call", "return"]


def test_a_traceback_through_a_guard_has_a_line_of_the_function() -> None:
    def f(n: int) -> Any:
        return n

    def fails(n: int) -> Any:
        raise LookupError(n)

    var = guard(f)
    context = copy_context()
    context.run(var.set, Box(fails))
    with pytest.raises(LookupError) as caught:
        context.run(f, 1)
    [line] = [entry.lineno for entry in caught.traceback if entry.frame.code.raw is f.__code__]
    assert line + 1 - f.__code__.co_firstlineno in (0, 1)


MODULES = [
    "json.decoder",
    "json.encoder",
    "json.scanner",
    "textwrap",
    "difflib",
    "fractions",
    "string",
    "shlex",
]


def work() -> Any:
    """Runs many functions of those modules, generators and methods with `super()` among them."""
    import difflib
    import fractions
    import shlex
    import string
    import textwrap

    text = "The quick brown fox jumps over the lazy dog, and again, and again.\n" * 4
    lines = text.split()
    data = {"a": [1, 2.5, None, True, "é\n"], "b": {"c": [[]] * 3}}
    encoder = json.JSONEncoder(indent=1, sort_keys=True)
    encoder.c_make_encoder = None  # type: ignore[attr-defined]
    return (
        "".join(encoder.iterencode(data)),
        json.JSONDecoder().decode(json.dumps(data, ensure_ascii=False)),
        textwrap.wrap(text, 30, initial_indent="> "),
        textwrap.dedent("  a\n    b\n"),
        list(difflib.unified_diff(lines, lines[3:] + ["x"], lineterm="")),
        difflib.get_close_matches("quikc", lines),
        fractions.Fraction("22/7") + fractions.Fraction(3.5),
        hash(fractions.Fraction(5, 3)),
        string.Template("$a and ${b}").substitute(a=1, b=2),
        string.Formatter().format("{0!r:>10} {x[a]}", "y", x=data),
        list(shlex.shlex("a 'b c' # d\ne", posix=True)),
    )


def test_whole_modules_do_what_they_did() -> None:
    import importlib

    expected = work()
    before: list[tuple[types.FunctionType, types.CodeType]] = []
    for name in MODULES:
        importlib.import_module(name)
    for func in harvest.live_functions():
        if func.__module__ in MODULES:
            before.append((func, func.__code__))
    assert len(before) > 150
    try:
        for func, _ in before:
            guard(func)
        assert work() == expected
    finally:
        for func, code in before:
            func.__code__ = code
    assert work() == expected
