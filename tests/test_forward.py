"""`forward`: exactly the signature given, and every argument handed on."""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
import traceback

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signature_strategies import bound, calls, signatures
from sizes import pick

from recell import SourceError, closure, forward


def record(*args: object, **kwargs: object) -> tuple[tuple[object, ...], dict[str, object]]:
    return args, kwargs


@settings(max_examples=pick(50, 500), deadline=None)
@given(st.data())
def test_signature_and_calls_are_those_given(data: st.DataObject) -> None:
    """`inspect.signature` equals the given one; calls bind as `Signature.bind` does, and the target binds the same."""
    signature = data.draw(signatures())
    func = forward(record, signature)
    assert inspect.signature(func) == signature
    for name, parameter in signature.parameters.items():
        assert inspect.signature(func).parameters[name].default is parameter.default
    for _ in range(5):
        args, kwargs = data.draw(calls(signature))
        wanted = bound(signature, args, kwargs)
        if wanted is None:
            with pytest.raises(TypeError):
                func(*args, **kwargs)
        else:
            got_args, got_kwargs = func(*args, **kwargs)
            assert bound(signature, got_args, got_kwargs) == wanted


def every(a, /, b, c=3, *rest, d, e: int = 5, **more) -> str:
    """All kinds."""
    return a, b, c, rest, d, e, more


def test_a_signature_preserving_wrapper_is_one_call() -> None:
    """Given a function as signature, its signature, name, doc and module are the wrapper's."""
    seen = []

    def around(*args, **kwargs):
        seen.append((args, kwargs))
        return every(*args, **kwargs)

    func = forward(around, signature=every)
    assert inspect.signature(func) == inspect.signature(every)
    assert (func.__name__, func.__qualname__, func.__doc__, func.__module__) == (
        "every",
        "every",
        "All kinds.",
        __name__,
    )
    assert func.__annotations__ == every.__annotations__
    assert func(1, 2, d=4, z=6) == (1, 2, 3, (), 4, 5, {"z": 6})
    assert seen == [((1, 2, 3), {"d": 4, "e": 5, "z": 6})]
    assert closure(func)[".target"] is around


def test_kinds_follow_the_target() -> None:
    """A forward of a generator, coroutine or async generator function is one, and passes everything through."""

    def generator(a):
        got = yield a
        try:
            yield got
        except KeyError:
            yield "caught"
        return "end"

    func = forward(generator)
    assert inspect.isgeneratorfunction(func)
    made = func(1)
    assert (next(made), made.send(2), made.throw(KeyError())) == (1, 2, "caught")
    with pytest.raises(StopIteration) as caught:
        next(made)
    assert caught.value.value == "end"

    async def coroutine(a, *, k=2):
        return a, k

    func = forward(functools.partial(coroutine, k=3))
    assert inspect.iscoroutinefunction(func)
    assert asyncio.run(func(1)) == (1, 3)


def test_async_generators_are_delegated_to() -> None:
    """asend, athrow and aclose reach the inner one; names of parameters cannot clash with the forward's own."""
    log = []

    async def inner(item, sent, error, target, inner):
        try:
            got = yield item
            try:
                yield got
            except KeyError:
                yield "caught"
        finally:
            log.append("closed")

    func = forward(inner)
    assert inspect.isasyncgenfunction(func)

    async def use():
        made = func(1, 2, 3, 4, 5)
        first = [await made.__anext__(), await made.asend("sent"), await made.athrow(KeyError())]
        await made.aclose()
        return first, [each async for each in func(7, 0, 0, 0, 0)]

    assert asyncio.run(use()) == ([1, "sent", "caught"], [7, None])
    assert log == ["closed", "closed"]


def test_any_callable_may_be_the_target() -> None:
    """Methods, partials, classes, C functions and objects that can be called."""

    class Adder:
        def __init__(self, a=1):
            self.a = a

        def __call__(self, b):
            return self.a + b

        def method(self, b=2):
            return self.a + b

    assert forward(Adder().method)() == 3
    assert forward(Adder(), "(b=5)")() == 6
    assert forward(Adder, "(a)")(4).a == 4
    assert forward(len, "(obj, /)")([1]) == 1
    assert forward(functools.partial(every, 1, d=2), "(b)")(3) == (1, 3, 3, (), 2, 5, {})
    assert forward(Adder().method).__name__ == "method"


def test_names_and_parts_asked_for() -> None:
    """name, qualname, module and doc are the caller's."""
    func = forward(record, "(a)", name="mine", module="there", doc="what")
    assert (func.__name__, func.__qualname__, func.__module__, func.__doc__) == (
        "mine",
        "mine",
        "there",
        "what",
    )
    assert func.__code__.co_name == "mine"
    assert forward(record, "(a)", name="mine", qualname="C.mine").__qualname__ == "C.mine"


def test_it_follows_wrapped_and_signature_attributes() -> None:
    """Without a signature the callable's own counts, as `inspect.signature` tells it."""

    @functools.wraps(every)
    def wrapper(*args, **kwargs):
        return every(*args, **kwargs)

    assert inspect.signature(forward(wrapper)) == inspect.signature(every)


def test_the_source_and_the_traceback_show_it() -> None:
    """A forward has lines of its own."""

    def boom(a, *, k=1):
        raise ZeroDivisionError

    func = forward(boom)
    assert inspect.getsource(func) == "def boom(a, *, k=...):\n    return target(a, k=k)\n"
    with pytest.raises(ZeroDivisionError) as caught:
        func(1)
    shown = "".join(traceback.format_exception(caught.type, caught.value, caught.tb))
    assert "return target(a, k=k)" in shown
    if hasattr(func.__code__, "co_positions"):
        assert {position[2] for position in func.__code__.co_positions()} == {None}


def test_many_shapes_and_threads() -> None:
    """More shapes than are remembered, from several threads at once, each with its own names."""
    failures = []

    def work(number: int) -> None:
        for index in range(pick(150, 600)):
            names = [f"a{number}_{index}_{k}" for k in range(index % 7)]
            func = forward(record, f"({', '.join(names)})" if index % 5 == 0 else _signature(names))
            if func(*names) != (tuple(names), {}) or list(inspect.signature(func).parameters) != names:
                failures.append(names)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def _signature(names: list[str]) -> inspect.Signature:
    return inspect.Signature(
        [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names]
    )


def test_what_is_refused() -> None:
    """What cannot be called, what is no signature, names that are none."""
    with pytest.raises(TypeError, match="cannot be called"):
        forward(5)
    with pytest.raises(TypeError, match="signature"):
        forward(record, 5)
    with pytest.raises(TypeError, match="name must be a string, not 1"):
        forward(record, name=1)
    with pytest.raises(TypeError, match="qualified name must be a string, not 1"):
        forward(record, qualname=1)
    with pytest.raises(ValueError, match=r"<class 'dict'> tells no signature .*; pass signature="):
        forward(dict)
    for text in ("(a, a)", "(a=1, b)", "(class)", "(a): pass\ndef g()", "("):
        with pytest.raises(SourceError):
            forward(record, text)
    with pytest.raises(SourceError):
        forward(record, inspect.Signature([inspect.Parameter("class", inspect.Parameter.POSITIONAL_ONLY)]))


def test_the_class_of_signatures_is_a_callable_as_any() -> None:
    """It has what a signature has, and is none."""
    func = forward(record, inspect.Signature)
    assert inspect.signature(func) == inspect.signature(inspect.Signature)
