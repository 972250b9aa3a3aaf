"""Caches, dispatching methods, and objects that hold a function: taken apart, copied, walked, or refused by name."""

from __future__ import annotations

import functools
import sys
from types import FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recell
from recell.callables import (
    CACHE,
    attributes,
    cache_parameters,
    caches_in,
    copied,
    function_of,
    functions_defined_in,
    functions_in,
    functions_of,
    rebuild,
)
from recell.functions.building import remake
from recell.walking import held_by, inside

RATE = 2


def priced(amount: int) -> int:
    return amount * RATE


def made(rate: int, **options: Any) -> Any:
    @functools.lru_cache(**options)
    def price(amount: int) -> int:
        return amount * rate

    return price


# -- caches ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{"maxsize": 3}, {"maxsize": None}, {"maxsize": 0}, {"typed": True}])
def test_a_cache_comes_back_as_one_of_its_size(options: dict[str, Any]) -> None:
    """The new cache is empty, of the same parameters, around the new function; the old one keeps what it has."""
    price = made(2, **options)
    price(5)
    before = price.cache_info()
    for new in (recell.rebind(price, rate=3), recell.replace(price, closure={"rate": 3})):
        assert type(new) is CACHE
        assert cache_parameters(new) == cache_parameters(price)
        assert new.cache_info().currsize == 0
        assert new(5) == 15
        assert (new.__name__, new.__wrapped__.__name__) == ("price", "price")
    assert price.cache_info() == before
    assert price(5) == 10


def test_new_function_verbs_take_caches() -> None:
    cached = functools.lru_cache(maxsize=7)(priced)
    assert recell.promote(cached, RATE=5)(1) == 5
    assert recell.freeze(cached, RATE=6)(1) == 6
    assert recell.demote(made(2), "rate", globals={"rate": 9})(2) == 18
    assert recell.substitute(cached, rename={"amount": "n"})(n=2) == 4
    assert cached(1) == 2


def test_verbs_that_look_mean_the_function_in_a_cache() -> None:
    price = made(2)
    assert dict(recell.closure(price)) == {"rate": 2}
    assert dict(recell.scope(functools.lru_cache()(priced)).globals) == {"RATE": 2}
    recell.closure(price)["rate"] = 4
    assert price(1) == 4


def test_a_recursive_cache_calls_its_own_copy() -> None:
    def factory() -> Any:
        @functools.lru_cache(maxsize=None)
        def fib(n: int) -> int:
            return n if n < 2 else fib(n - 1) + fib(n - 2)

        return fib

    fib = factory()
    new = recell.clone(fib)
    assert new(20) == 6765
    assert fib.cache_info().currsize == 0
    assert recell.closure(new)["fib"] is new


def test_a_cached_method_can_be_attached() -> None:
    class Base:
        def area(self) -> int:
            return 7

    class Child(Base):
        pass

    @functools.lru_cache(maxsize=9)
    def area(self: Any) -> int:
        return super().area() + 1  # type: ignore[misc]

    with recell.attach(Child, area):
        assert Child().area() == 8
        assert cache_parameters(vars(Child)["area"])["maxsize"] == 9


@pytest.mark.parametrize("count", [0, 1, 2])
def test_the_caches_on_the_way_are_found(count: int) -> None:
    """Outermost first, behind any other kind."""
    obj: Any = priced
    expected = []
    for _ in range(count):
        obj = functools.lru_cache()(obj)
        expected.insert(0, obj)
        obj = staticmethod(obj) if _ else obj
    assert list(caches_in(obj)) == expected


# -- dispatching methods ---------------------------------------------------------------------------------------------


class Shown:
    @functools.singledispatchmethod
    def show(self, value: object) -> str:
        return f"any {RATE}"

    @show.register(int)
    @show.register(bytes)
    def _(self, value: object) -> str:
        return f"number {RATE}"

    @show.register(list)
    def _(self, value: object) -> str:
        return "list"


def test_a_dispatching_method_means_all_of_its_functions() -> None:
    method = vars(Shown)["show"]
    functions = functions_of(method, "promote")
    assert len(functions) == len(set(functions)) == 3
    with pytest.raises(TypeError, match=r"pass its `\.dispatcher\.dispatch\(cls\)`"):
        function_of(method, "closure")
    sole = functools.singledispatchmethod(priced)
    assert function_of(sole, "closure") is priced


def test_a_dispatching_method_comes_back_with_every_function_exchanged_once() -> None:
    """Types lead to what they led to; a function registered twice stays one function."""
    seen = []

    def transform(function: FunctionType) -> FunctionType:
        seen.append(function)
        return remake(function)

    method = vars(Shown)["show"]
    new = rebuild(method, transform, "verb")
    assert len(seen) == 3
    old_registry, registry = method.dispatcher.registry, new.dispatcher.registry
    assert list(registry) == list(old_registry)
    assert registry[int] is registry[bytes] is not old_registry[int]
    promoted = recell.promote(method, RATE=9)

    class Again:
        show = promoted

    again: Any = Again()
    assert [again.show(value) for value in (1.5, 1, b"", [])] == ["any 9", "number 9", "number 9", "list"]
    assert [Shown().show(value) for value in (1.5, 1)] == ["any 2", "number 2"]


@pytest.mark.skipif(sys.version_info < (3, 14), reason="an access gives an object of its own from 3.14 on")
def test_a_bound_dispatching_method_names_what_it_holds() -> None:
    with pytest.raises(TypeError, match=r"pass its `\.__wrapped__`"):
        recell.closure(Shown().show)


# -- objects that hold a function ------------------------------------------------------------------------------------


class Held:
    def __call__(self) -> None: ...


class Slotted(Held):
    __slots__ = ("handler",)


class Lazy(Held):
    @property
    def run(self) -> Any:
        return priced


class Odd(Held):
    def __getattr__(self, name: str) -> Any:
        raise LookupError(name)


def holding(**values: Any) -> Held:
    held = Held()
    vars(held).update(values)
    return held


def slotted() -> Held:
    held = Slotted()
    held.handler = priced
    return held


HOLDERS = {
    "a wrapper object": (holding(__wrapped__=priced), ".__wrapped__"),
    "a command": (holding(name="x", callback=priced), ".callback"),
    "a task": (Lazy(), ".run"),
    "a dispatcher of compiled code": (holding(py_func=priced), ".py_func"),
    "a memo": (holding(func=MethodType(priced, 1)), ".func"),
    "a decorator of one's own": (holding(fn=priced), ".fn"),
    "a slot": (slotted(), ".handler"),
    "a namespace": (SimpleNamespace(callback=staticmethod(priced)), ".callback"),
}


@pytest.mark.parametrize("name", HOLDERS)
def test_the_attribute_that_holds_the_function_is_named(name: str) -> None:
    obj, attribute = HOLDERS[name]
    for verb in (recell.rebind, recell.closure, recell.clone, lambda obj: recell.override(obj, x=1)):
        with pytest.raises(TypeError) as caught:
            verb(obj)
        assert str(caught.value).endswith(f"it holds a function: pass its `{attribute}`")


@pytest.mark.parametrize("obj", [Held(), Odd(), holding(fn=len), holding(fn=[priced])], ids=range(4))
def test_what_holds_none_is_not_sent_to_its_class(obj: Any) -> None:
    with pytest.raises(TypeError) as caught:
        recell.rebind(obj)
    assert str(caught.value).endswith("; pass a Python function")


# -- modules and classes ---------------------------------------------------------------------------------------------


def test_a_module_means_the_functions_that_it_defines() -> None:
    module = ModuleType("shop")
    text = (
        "import contextlib, functools\nfrom os.path import join\n"
        "def f(): pass\nalias = f\ncached = functools.lru_cache(f)\n"
        "@contextlib.contextmanager\ndef g(): yield\n"
        "class C:\n    def m(self): pass\n    @property\n    def p(self): pass\n"
        "    class D:\n        def n(self): pass\n"
    )
    exec(text, vars(module))
    vars(module)["Shown"] = Shown
    assert [function.__name__ for function in functions_defined_in(module)] == ["f", "g", "m", "p", "n"]


def test_a_class_means_the_functions_in_its_own_namespace() -> None:
    class Child(Shown):
        Inner = Shown
        count = 3

        def own(self) -> None: ...

        static = staticmethod(functools.lru_cache()(priced))

    assert set(functions_defined_in(Child)) == {vars(Child)["own"], priced}


# -- copies and walks ------------------------------------------------------------------------------------------------


class Node:
    def __init__(self, *held: Any) -> None:
        self.held = held[0] if held else None


def test_a_copy_that_holds_itself_holds_the_copy() -> None:
    node = Node()
    node.held = node
    made_copies: dict[int, Any] = {}

    def put(value: Any) -> Any:
        if type(value) is not Node:
            return value
        if id(value) not in made_copies:
            copied(value, put, note=lambda new: made_copies.setdefault(id(value), new))
        return made_copies[id(value)]

    new = put(node)
    assert new is not node
    assert new.held is new
    assert node.held is node


WRAPPERS = [
    staticmethod,
    classmethod,
    functools.cached_property,
    functools.singledispatchmethod,
    lambda f: functools.partial(f, 1),
    lambda f: functools.partialmethod(f, k=1),
    lambda f: property(f, f),
    lambda f: MethodType(f, 1),
    functools.lru_cache(maxsize=2),
]


@settings(deadline=None)
@given(st.lists(st.sampled_from(WRAPPERS), max_size=4))
def test_any_nest_of_kinds_is_looked_into_walked_and_made_again(wrappers: list[Any]) -> None:
    """One function in, the same function found by every way in; an exchange reaches all of its places."""
    obj: Any = priced
    for wrapper in wrappers:
        try:
            obj = wrapper(obj)
        except (TypeError, AttributeError):  # a kind that does not go around this one
            continue
    assert functions_in(obj) == (priced,)
    seen, waiting, plans = {id(obj)}, [obj], {}
    kept = []
    while waiting:
        kept.append(waiting.pop())
        narrow = {id(value) for value in inside(kept[-1])}
        wide = list(held_by(kept[-1], plans))
        assert type(kept[-1]) is FunctionType or narrow <= {id(value) for value in wide}
        waiting += [value for value in wide if id(value) not in seen]
        seen |= {id(value) for value in wide}
    assert id(priced) in seen
    other = remake(priced)
    new = rebuild(obj, lambda function: other, "verb")
    assert functions_in(new) == (other,)
    while obj is not priced:
        assert type(new) is type(obj)
        assert attributes(new) is None or attributes(new).keys() == attributes(obj).keys()
        (obj,), (new,) = (
            {id(value): value for value in inside(each) if value is not None}.values() for each in (obj, new)
        )
