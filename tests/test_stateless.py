"""stateless: a function that needs neither globals nor closure, so that another interpreter runs it; or who is to blame."""

from __future__ import annotations

import json
import math
import sys
from types import FunctionType
from typing import Any, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sizes import DEBUG

from recell import ScopeError, freeze, scope, stateless

RATE = 3
TEXT = "text"
TABLE = (1, ("a", b"b", 2.5), frozenset({1, None}))
ITEMS = [1, 2]
COUNT = 0


def helper() -> int:
    return RATE


def closing(step: int, unused: int = 0) -> Callable[[int], Any]:
    def func(x: int) -> Any:
        return [x + step + RATE, (lambda: step * len(TEXT))(), *(i + step for i in range(x))]

    return func


def with_class(x: int) -> Any:
    class Local:
        rate = RATE

        def get(self) -> tuple[int, str]:
            return self.rate + x, TEXT

    return Local().get()


def importing(x: float) -> float:
    import math

    return math.floor(x) + RATE


def generating(n: int) -> Any:
    for i in range(n):
        yield i, TABLE


GOOD: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "closure": (closing(2), (3,)),
    "class": (with_class, (4,)),
    "import": (importing, (4.5,)),
    "table": (lambda: TABLE, ()),
    "builtins": (lambda x: sorted(map(abs, x)), ([-2, 1],)),
    "nested": (lambda x: [[RATE * y for y in range(z)] for z in range(x)], (3,)),
}


@pytest.mark.parametrize("name", GOOD)
def test_it_does_the_same_and_needs_nothing(name: str) -> None:
    func, args = GOOD[name]
    alone = stateless(func)
    assert alone(*args) == func(*args)
    found = scope(alone)
    assert (alone.__closure__, dict(found.nonlocals), dict(found.globals)) == (None, {}, {})
    assert [*alone.__globals__] == ["__builtins__"]
    assert (alone.__name__, alone.__qualname__, alone.__module__) == (
        func.__name__,
        func.__qualname__,
        func.__module__,
    )


def test_generators_and_methods() -> None:
    assert list(stateless(generating)(2)) == [(0, TABLE), (1, TABLE)]

    class Owner:
        def method(self, x: int) -> int:
            return x + RATE

        plain = staticmethod(helper)

    assert stateless(Owner().method)(1) == 4
    assert stateless(vars(Owner)["plain"]).__func__() == 3


def assigns() -> None:
    global COUNT
    COUNT += 1


def counting() -> Callable[[], None]:
    count = 0

    def bump() -> None:
        nonlocal count
        count += 1

    return bump


def empty() -> Callable[[], Any]:
    def func() -> Any:
        return later

    if sys.argv is None:
        later = 1
    return func


class Base:
    def saying(self) -> str:
        return super().__repr__()


BAD: dict[str, tuple[Any, str, str]] = {
    "a function": (lambda: helper(), "helper", "define or import it inside"),
    "a module": (lambda x: math.floor(x), "math", "import math inside the function"),
    "a dotted module": (lambda x: json.dumps(x), "json", "import json inside the function"),
    "a list": (lambda: ITEMS, "ITEMS", "pass it as an argument"),
    "a class": (lambda: Base(), "Base", "define or import it inside"),
    "a global that it assigns": (assigns, "COUNT", "is assigned"),
    "a cell that it assigns": (counting(), "count", "is assigned"),
    "an empty cell": (empty(), "later", "has no value"),
    "a name without a value": (lambda: nowhere, "nowhere", "has no value"),  # type: ignore[name-defined]  # noqa: F821
    "defaults": (lambda x=1: x, "defaults", "defaults=None"),
    "keyword defaults": (lambda *, x=1: x, "kwdefaults", "kwdefaults=None"),
    "super": (Base.saying, "__class__", "super()"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_frozen_is_named(name: str) -> None:
    func, blamed, hint = BAD[name]
    before = (func.__code__, func.__closure__, func.__globals__)
    with pytest.raises(ScopeError) as caught:
        stateless(func)
    assert caught.value.name == blamed
    assert hint in str(caught.value)
    assert (func.__code__, func.__closure__, func.__globals__) == before


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(TypeError, match="stateless needs a Python function"):
        stateless(len)


PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary()),
    lambda inner: st.one_of(st.lists(inner, max_size=3).map(tuple), st.frozensets(st.integers(), max_size=3)),
    max_leaves=6,
)


@settings(deadline=None)
@given(PLAIN, PLAIN)
def test_any_plain_value_is_frozen(one: Any, two: Any) -> None:
    space: dict[str, Any] = {"ONE": one}
    exec("def outer(two):\n    def func(): return ONE, (lambda: (two, ONE))()\n    return func", space)
    func = space["outer"](two)
    assert repr(stateless(func)()) == repr(func())


@pytest.mark.skipif(sys.version_info < (3, 14), reason="concurrent.interpreters came with 3.14")
@pytest.mark.skipif(DEBUG, reason="debug builds of 3.14+ abort on any code object that CodeType.replace made")
def test_another_interpreter_runs_it() -> None:
    """`Interpreter.call` takes no function that needs globals or a closure, and takes these."""
    from concurrent import interpreters  # type: ignore[attr-defined, unused-ignore]

    interpreter = interpreters.create()
    try:
        step = closing(2)
        fresh = FunctionType(step.__code__, {"RATE": 3, "TEXT": TEXT}, "func", None, step.__closure__)
        with pytest.raises(interpreters.NotShareableError):
            interpreter.call(fresh, 3)
        for func, args in GOOD.values():
            if all(type(value) in (int, float, str) for value in args):
                assert interpreter.call(stateless(func), *args) == func(*args)
        assert interpreter.call(stateless(fresh), 3) == step(3)
        frozen = freeze(lambda: RATE, "RATE")
        assert interpreter.call(frozen) == 3
    finally:
        interpreter.close()
