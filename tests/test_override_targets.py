"""`override`: what may be its target, and the error that looks for an unused name."""

from __future__ import annotations

import functools
import time
from unittest import mock

import pytest
from overridden import everything, fetch, now
from snapshots import assert_same, snapshot

from recell import EMPTY, ScopeError, override

LIMIT = 10


class Shop:
    def price(self, n):
        return n * LIMIT

    @staticmethod
    def static():
        return LIMIT

    @classmethod
    def klass(cls):
        return cls.__name__, LIMIT

    @property
    def prop(self):
        return LIMIT

    def other(self):
        return len("abc")


def test_a_class_means_the_functions_in_it():
    """Functions, static and class methods and accessors; a name must be used by at least one."""
    shop, before = Shop(), snapshot(Shop.price)
    with override(Shop, LIMIT=2, len=lambda x: "len") as change:
        assert (shop.price(3), Shop.static(), Shop.klass(), shop.prop, shop.other()) == (
            6,
            2,
            ("Shop", 2),
            2,
            "len",
        )
        assert repr(change) == f"<override of {__name__}.Shop: LIMIT, len; active>"
    assert shop.price(3) == 30 and shop.other() == 3
    assert_same(Shop.price, before)
    with pytest.raises(ScopeError, match="none of the functions"):
        override(Shop, nothing=1)
    with pytest.raises(TypeError, match="none of its own"):
        override(type("Empty", (), {}), LIMIT=1)


def test_methods_and_wrappers_of_functions():
    with override(Shop().price, LIMIT=1):
        assert Shop().price(5) == 5
    part = functools.partial(fetch, "u")
    with override(part, {"time.sleep": lambda s: None}):
        assert part() == "u at True"


def helper():
    return time.time()


def calls_helper():
    return helper()


@functools.lru_cache(maxsize=None)
def cached():
    return time.time()


def calls_cached():
    return cached()


class Clock:
    def tick(self):
        return time.time()


def calls_clock():
    return Clock().tick()


def login_required(view):
    @functools.wraps(view)
    def wrapper(*args):
        return view(*args)

    return wrapper


@login_required
def view(request):
    return time.time()


def sleeps():
    return time.sleep


@pytest.mark.parametrize(
    ("func", "name", "message"),
    [
        (calls_helper, "time", "`time` is read by `helper`, which `calls_helper` calls"),
        (calls_cached, "time", r"`time` is read by `cached.__wrapped__`, which"),
        (calls_clock, "time", r"`time` is read by `Clock.tick`, which"),
        (view, "time", "`view.__wrapped__` reads it"),
        (sleeps, "sleep", r'it reads `time.sleep`: use override\(sleeps, {"time.sleep": …}\)'),
        (fetch, "url", "`url` is a parameter of it"),
        (now, "today", "`today` is a local variable of it"),
        (fetch, "tme", "did you mean `time`"),
        (fetch, "time.", r"does not use `time\.` as"),
        (everything, "nothing_like_it", "it uses"),
    ],
)
def test_an_unused_name_is_looked_for(func, name, message):
    """The commonest mistake: the error says who uses the name."""
    before = snapshot(func)
    with pytest.raises(ScopeError, match=message) as caught:
        override(func, {name: 1})
    assert caught.value.name == name
    assert_same(func, before)


def test_targets_that_are_no_functions():
    for target in (len, mock.Mock(), 5, Shop.prop):
        with pytest.raises(TypeError, match="override needs a Python function"):
            override(target, LIMIT=1)


def test_class_cells_hold_classes():
    class Base:
        def who(self):
            return "base"

    class Child(Base):
        def who(self):
            return super().who() + __class__.__name__

    with pytest.raises(TypeError, match="must be a class"):
        override(Child.who, __class__=5)

    class Other(Child):
        pass

    with override(Child.who, __class__=Other), pytest.raises(RecursionError):
        Other().who()
    assert Child().who() == "baseChild"


class Shape:
    kind, sides = "shape", 0


class Square(Shape):
    pass


def use_shape(action):
    return action(Shape), Shape.kind


def derive(base):
    class Derived(base):
        pass

    return Derived


def test_what_stands_in_for_a_class_passes_for_it_in_class_checks_and_as_a_base():
    with override(use_shape, {"Shape.kind": "fake"}):
        assert use_shape(lambda shape: issubclass(Square, shape)) == (True, "fake")
        assert use_shape(lambda shape: isinstance(Square(), shape)) == (True, "fake")
        derived, kind = use_shape(derive)
        assert (derived.__mro__, derived.kind, kind) == ((derived, Shape, object), "shape", "fake")
        assert use_shape(dir)[0] == sorted(dir(Shape))


def test_deleting_a_fake_attribute_hides_it_there_alone():
    with override(use_shape, {"Shape.kind": "fake"}):
        with pytest.raises(AttributeError, match="has no attribute 'kind' here"):
            use_shape(lambda shape: delattr(shape, "kind"))
        assert Shape.kind == "shape"
    assert use_shape(vars)[1] == "shape"


def test_an_attribute_that_is_empty_is_not_there():
    with override(use_shape, {"Shape.kind": EMPTY}), pytest.raises(AttributeError, match="'kind'"):
        use_shape(id)


class Plain:
    kind = "plain"


class Sized:
    kind = "sized"

    def __class_getitem__(cls, item):
        return cls.__name__, item


def use_sized(action):
    return action(Sized), Sized.kind


def test_what_stands_in_for_a_class_passes_subscripts_and_deletions_on():
    with override(use_sized, {"Sized.kind": "fake"}):
        assert use_sized(lambda sized: sized[int]) == (("Sized", int), "fake")
        assert use_sized(repr)[0].startswith("<stand-in for ") and "kind" in use_sized(repr)[0]
        Sized.passing = 1
        use_sized(lambda sized: delattr(sized, "passing"))
        assert not hasattr(Sized, "passing")


sized = Sized()


def use_both(action):
    return action(Plain), Plain.kind, action(sized), sized.kind


def test_what_stands_in_for_something_cannot_be_iterated_over_where_that_cannot():
    """Neither a class that takes no subscripts nor an instance of one that does: `iter` takes subscripts for items."""

    def refuses(thing):
        with pytest.raises(TypeError, match="not iterable"):
            iter(thing)
        return True

    with override(use_both, {"Plain.kind": 1, "sized.kind": 2}):
        assert use_both(refuses) == (True, 1, True, 2)


def test_names_are_strings():
    with pytest.raises(TypeError, match="names as strings, not 1"):
        override(fetch, {1: 2})


config = Plain()


def use_config():
    return config.kind, config.deep.one, config.deep.two


def test_several_fakes_behind_one_name_and_behind_an_override_of_it():
    """Two attributes of one attribute; a name overridden as a whole, by the same change or one beneath."""
    config.deep = Plain()
    config.deep.one, config.deep.two = 1, 2
    with override(use_config, {"config.deep.one": "a", "config.deep.two": "b"}):
        assert use_config() == ("plain", "a", "b")
    other = Plain()
    other.kind, other.deep = "other", config.deep
    with override(use_config, {"config": other, "config.deep.one": "a"}):
        assert use_config() == ("other", "a", 2)
    with override(use_config, config=other), override(use_config, {"config.deep.two": "b"}):
        assert use_config() == ("other", 1, "b")
    assert use_config() == ("plain", 1, 2)


class Client:
    def first(self):
        return session.get("first")  # no module has it

    def second(self):
        return Plain.kind


def test_mocks_for_a_class_each_made_where_the_name_is_used():
    """`mock.DEFAULT` for a name that means nothing is a plain mock; for an attribute of one it is an error."""
    with override(Client, {"session": mock.DEFAULT, "Plain.kind": mock.DEFAULT}) as fakes:
        Client().first()
        fakes["session"].get.assert_called_once_with("first")
        assert Client().second() is fakes["Plain.kind"]
        assert len(fakes) == 2 and bool(fakes) and {*fakes.keys()} == {*fakes} == {"session", "Plain.kind"}
    with pytest.raises(ScopeError, match="`session` has no value"):
        override(Client, {"session.get": mock.DEFAULT})
    with pytest.raises(ScopeError, match="`session` has no value"):
        override(Client, {"session.get": 5})


@pytest.mark.skipif(not hasattr(override, "__builtins__"), reason="functions hold their builtins since 3.10")
def test_a_builtin_of_a_function_whose_globals_name_no_builtins():
    """The function's own builtins say what the name means."""
    func = type(override)((lambda: int.from_bytes(b"1", "big")).__code__, {})
    with override(func, {"int.from_bytes": lambda *args: args}):
        assert func() == (b"1", "big")
    assert func() == 49


def test_only_the_very_default_asks_for_a_mock():
    """A value that says of everything that it is equal is a value like any other."""
    with override(Client, Plain=mock.ANY) as fakes:
        assert fakes["Plain"] is mock.ANY


def test_neither_a_value_nor_its_class_is_compared():
    """Both may refuse."""

    class Refusing(type):
        def __eq__(self, other):
            raise ArithmeticError

        __hash__ = type.__hash__

    class Value(metaclass=Refusing):
        kind = "value"
        __eq__, __hash__ = Refusing.__eq__, object.__hash__

    with override(Client, Plain=Value()), override(use_both, sized=Value()):
        assert Client().second() == "value"
        assert use_both(id)[3] == "value"


@pytest.mark.parametrize("values", [{"Plain.kind": 5}, {"Plain": mock.DEFAULT}], ids=["dotted", "mock"])
def test_functions_of_a_class_that_do_not_use_the_name_stay_as_they_are(values):
    """They are passed over, wherever they stand in the class; those behind them are not."""
    first, plain, second = Client.first.__code__, Plain, Client.second.__code__
    with override(Client, values):
        assert Client.first.__code__ is first and Client.second.__code__ is not second
        assert Client().second() == 5 or Client().second() is not plain.kind
    assert Client.first.__code__ is first and Client.second.__code__ is second


class Mixed:
    measure = len  # nothing to override in it
    inside = Plain
    size = 5

    def price(self):
        return LIMIT


def test_what_a_class_holds_besides_functions_is_passed_over():
    """Builtins, classes and values, in front of its functions."""
    with override(Mixed, LIMIT=2):
        assert Mixed().price() == 2 and Mixed.measure("ab") == 2
    assert Mixed().price() == 10


def test_the_hint_looks_behind_everything_that_a_name_may_mean():
    """A wrapper around a wrapper, one around itself, a bound method, and names without a value."""

    class Wrapping:
        def __init__(self, inside):
            self.__wrapped__ = inside

    around = login_required(Wrapping(helper))
    with pytest.raises(ScopeError, match=r"`wrapper.__wrapped__.__wrapped__` reads it|__wrapped__` reads it"):
        override(around, time=1)
    circle = Wrapping(None)
    circle.__wrapped__ = circle
    tick = Clock().tick
    late = "bound below"

    def calls():
        return circle, tick(), late, nowhere

    with pytest.raises(ScopeError, match="`time` is read by `tick`, which `calls` calls"):
        override(calls, time=1)
    del late
    with pytest.raises(ScopeError, match="`time` is read by `tick`"):
        override(calls, time=1)
