"""What holds for every verb that returns a new function: kinds, calling, specialisation, memory, safety."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import inspect
import subprocess
import sys
import textwrap
import threading
from types import MethodType
from typing import Any, Callable

import pytest
from collecting import collecting
from sizes import pick

import recell
from recell import clone, closure, make_cell, make_function, rebind, replace
from recell.callables import function_of
from recell.functions import building, rebinding, replacing


def plain(x: int, y: int = 2, *, z: int = 3) -> tuple[int, ...]:
    return (x, y, z)


def make(count: int = 41) -> Callable[..., Any]:
    def read(*args: Any) -> Any:
        return count, args

    return read


def with_defaults(count: int = 41) -> Callable[..., Any]:
    def function(n: int, m: int = 2, *, k: int = 3) -> int:
        return n + count

    return function


VERBS: dict[str, Callable[[Any], Any]] = {
    "replace": lambda f: replace(f, doc="new"),
    "replace, closure by name": lambda f: replace(f, closure={"count": 5}),
    "replace, closure and name": lambda f: replace(f, closure={"count": 5}, name="other"),
    "replace, defaults": lambda f: replace(f, defaults=()),
    "rebind": lambda f: rebind(f, count=5),
    "clone": clone,
    "clone, deep": lambda f: clone(f, deep=True),
}


# -- kinds ---------------------------------------------------------------------------------------------------------


class Owner:
    plain = make(1)
    bound = make(2)
    static = staticmethod(make(3))
    klass = classmethod(make(4))
    partial = staticmethod(functools.partial(make(5), "p"))  # a bare one warns on 3.13, and binds later
    partial_method = functools.partialmethod(make(6), "pm")
    cached = functools.cached_property(make(7))
    nested = classmethod(functools.partial(make(8), "n"))  # type: ignore[var-annotated]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("name", [name for name in vars(Owner) if not name.startswith("__")])
def test_every_kind_is_handed_back_and_works_in_a_class(name: str, verb: str) -> None:
    """The same kind, around a new function, which does the same with its own cell."""
    original = vars(Owner)[name]
    new = VERBS[verb](original)
    assert type(new) is type(original)
    function = function_of(new, "test")
    assert function is not function_of(original, "test")
    Other = type("Other", (), {name: new})
    if hasattr(new, "__set_name__"):
        new.__set_name__(Other, name)
    old_result, result = getattr(Owner(), name), getattr(Other(), name)
    if name != "cached":
        old_result, result = old_result("x"), result("x")
    expected = 5 if "closure" in verb or verb == "rebind" else old_result[0]
    assert result[0] == expected
    assert len(result[1]) == len(old_result[1])
    assert [type(arg) for arg in result[1] if isinstance(arg, str)] == [
        type(arg) for arg in old_result[1] if isinstance(arg, str)
    ]


@pytest.mark.parametrize("verb", VERBS)
def test_a_bound_method_stays_bound(verb: str) -> None:
    owner = Owner()
    new = VERBS[verb](owner.bound)
    assert type(new) is MethodType
    assert new.__self__ is owner
    assert new.__func__ is not Owner.bound
    assert new(1)[1] == (owner, 1)
    of_class = VERBS[verb](Owner.klass)
    assert (type(of_class), of_class.__self__) == (MethodType, Owner)


@pytest.mark.parametrize("verb", VERBS)
def test_generators_coroutines_and_async_generators_stay_what_they_are(verb: str) -> None:
    def outer(count: int) -> tuple[Any, ...]:
        def generator() -> Any:
            got = yield count
            try:
                yield got
            finally:
                yield "end"

        async def coroutine() -> int:
            await asyncio.sleep(0)
            return count

        async def async_generator() -> Any:
            yield count
            await asyncio.sleep(0)
            yield count

        return generator, coroutine, async_generator

    generator, coroutine, async_generator = map(VERBS[verb], outer(5))
    assert inspect.isgeneratorfunction(generator)
    assert inspect.iscoroutinefunction(coroutine)
    assert inspect.isasyncgenfunction(async_generator)
    running = generator()
    assert (next(running), running.send("sent"), list(running)) == (5, "sent", ["end"])

    async def all_of() -> tuple[Any, ...]:
        return await coroutine(), [item async for item in async_generator()]

    assert asyncio.run(all_of()) == (5, [5, 5])


@pytest.mark.parametrize("verb", VERBS)
def test_positional_only_and_keyword_only_parameters(verb: str) -> None:
    def outer(count: int) -> Callable[..., Any]:
        def function(a: Any, /, b: Any, *args: Any, c: Any, d: Any = 4, **more: Any) -> Any:
            return a, b, args, c, d, more, count

        return function

    new = VERBS[verb](outer(5))
    assert new(1, 2, 3, c=4, a=5) == (1, 2, (3,), 4, 4, {"a": 5}, 5)
    assert new(1, b=2, c=3) == (1, 2, (), 3, 4, {}, 5)
    for wrong in (lambda: new(a=1, b=2, c=3), lambda: new(1, 2, 3)):
        with pytest.raises(TypeError, match="missing"):
            wrong()


# -- memory --------------------------------------------------------------------------------------------------------


def make_and_drop(count: int) -> None:
    """Each way of making functions, with everything that a function can carry."""
    function = with_defaults()
    function.tag = 1  # type: ignore[attr-defined]
    code = function.__code__  # type: ignore[attr-defined]
    for index in range(count):
        rebind(function, count=index)
        replace(function, closure=(make_cell(index),))
        replace(function, name="other", defaults=(index,))
        clone(function)
        make_function(code, {}, defaults=(index,), closure={"count": index}, verify=False)
        closure(function)["count"] = index


def test_functions_made_and_dropped_leave_memory_flat() -> None:
    """Neither blocks nor tracked objects grow with the number made; nothing is cached per function or code."""
    rounds = pick(800, 100_000)
    make_and_drop(500)
    gc.collect()
    blocks, objects = sys.getallocatedblocks(), len(gc.get_objects())
    make_and_drop(rounds)
    gc.collect()
    assert abs(len(gc.get_objects()) - objects) < 50
    assert abs(sys.getallocatedblocks() - blocks) < 500


@pytest.mark.skipif(not hasattr(sys, "gettotalrefcount"), reason="a debug build counts references")
def test_no_reference_is_lost_or_kept() -> None:
    make_and_drop(200)
    gc.collect()
    before = sys.gettotalrefcount()  # type: ignore[attr-defined]
    make_and_drop(1000)
    gc.collect()
    assert abs(sys.gettotalrefcount() - before) < 300  # type: ignore[attr-defined]


def test_cells_and_values_live_only_as_long_as_the_function() -> None:
    import weakref

    class Value:
        pass

    for verb in (
        lambda value: rebind(make(), count=value),
        lambda value: replace(make(), closure={"count": value}, name="x"),
        lambda value: make_function(make().__code__, closure={"count": value}, verify=False),  # type: ignore[attr-defined]
        lambda value: clone(make(value)),
    ):
        value = Value()
        alive = weakref.ref(value)
        function = verb(value)
        del value
        assert alive() is not None
        del function
        gc.collect()
        assert alive() is None


# -- safety --------------------------------------------------------------------------------------------------------


def test_a_closure_that_does_not_fit_never_becomes_a_function() -> None:
    """Below the verbs too: a wrong length would crash the interpreter on 3.13+."""
    function: Any = make()
    for cells in ((make_cell(), make_cell()), ()):
        if cells:
            with pytest.raises(ValueError, match="does not fit"):
                building.remake(function, closure=cells)
        with pytest.raises(ValueError, match="does not fit"):
            building.remake(function, plain.__code__, (make_cell(),))
    assert building.remake(function, plain.__code__).__closure__ is None


def test_copies_while_another_thread_exchanges_code_and_closure() -> None:
    """A copy is of one state or the other: code and closure are read in one go."""

    def outer(a: Any, b: Any) -> tuple[Any, Any]:
        return (lambda: (a,)), (lambda: (b,))

    one, two = outer("a", "b")
    function: Any = replace(one)
    stop = threading.Event()

    def exchange() -> None:
        while not stop.is_set():
            function.__code__ = two.__code__
            function.__code__ = one.__code__

    old = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread = threading.Thread(target=exchange)
    thread.start()
    try:
        for _ in range(pick(800, 50_000)):
            assert replace(function)() == ("a",)
            assert clone(function)() == ("a",)
            with contextlib.suppress(recell.FreeVariableError):
                assert rebind(function, a=1)() == (1,)
    finally:
        stop.set()
        thread.join()
        sys.setswitchinterval(old)


def test_an_audit_hook_that_calls_the_new_function_survives() -> None:
    """Each function that recell makes is complete before anybody else can see it."""
    script = """
        import gc, sys, recell
        from types import FunctionType
        def make(x):
            def f(a=1, *, b=2):
                return x, a, b
            return f
        function = make(5)
        calls = 0
        def hook(event, args):
            global calls
            if event in ("function.__new__", "code.__new__", "object.__getattr__", "object.__setattr__"):
                calls += 1
                function()
        recell.rebind(function, x=1), recell.clone(function)
        sys.addaudithook(hook)
        for _ in range(50):
            assert recell.rebind(function, x=1)() == (1, 1, 2)
            assert recell.replace(function, name="g", defaults=(7,))() == (5, 7, 2)
            assert recell.clone(function)() == (5, 1, 2)
        assert calls
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True)


@pytest.mark.parametrize("threshold", [1, 2, 7])
def test_garbage_collection_at_every_step(threshold: int) -> None:
    with collecting(threshold):
        make_and_drop(20)


@pytest.mark.parametrize("verb", VERBS)
def test_tracing_sees_a_copy_as_it_sees_the_original(verb: str) -> None:
    """Line numbers and events are the code's."""

    def outer(count: int) -> Callable[[], Any]:
        def function() -> int:
            total = 0
            for i in range(2):
                total += i
            return total + count

        return function

    def events(function: Any) -> list[Any]:
        seen: list[Any] = []

        def trace(frame: Any, event: str, arg: Any) -> Any:
            if frame.f_code.co_filename == __file__ and frame.f_code.co_name in ("function", "other"):
                seen.append((event, frame.f_lineno, sorted(frame.f_locals)))
                return trace
            return None

        old = sys.gettrace()
        sys.settrace(trace)
        try:
            function()
        finally:
            sys.settrace(old)
        return seen

    function = outer(1)
    assert len(events(function)) > 5
    assert events(VERBS[verb](function)) == events(function)


def test_an_unknown_release_can_still_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    """rebind, clone and replace without code= need no opcode fact."""
    monkeypatch.setattr(building, "_FACTORIES", [])
    monkeypatch.setattr(building, "copy_with", building._copy_typed)
    for module in (rebinding, replacing):
        monkeypatch.setattr(module, "copy_with", building._copy_typed)
    function: Any = with_defaults()
    function.tag = 1
    function.__annotations__  # noqa: B018 - evaluated where annotations are lazy
    for new in (
        rebind(function, count=1),
        replace(function, name="other"),
        clone(function),
        replace(function),
    ):
        assert new(1) in (2, 42)
        assert new.__defaults__ == (2,)
        assert new.__kwdefaults__ == {"k": 3}
        assert new.__annotations__ == function.__annotations__
        assert new.tag == 1


def test_what_is_kept_says_so_in_signatures() -> None:
    """Parameters that stay as they are have a default that shows it."""
    assert "= <kept>" in str(inspect.signature(recell.replace))


def test_a_function_from_parts_has_them_all() -> None:
    """Made as the compiler's where the release allows it, and otherwise part by part."""
    from recell.functions.building import build

    def func(a: int, b: int = 1, *, k: int = 2) -> int:
        return a + b + k

    for defaults in ((3,), type("Defaults", (tuple,), {})((3,))):
        new = build(func.__code__, globals(), "f", defaults, None, {"k": 4}, {"a": str})
        assert (new.__name__, new(1), new.__annotations__) == ("f", 8, {"a": str})
