"""attach beyond the cross of kinds: classes of all sorts, names, layers, undo, bad input."""

from __future__ import annotations

import abc
import collections
import dataclasses
import enum
import functools
import types
import typing

import pytest

from recell import attach, closure


class Base:
    def m(self):
        return ["Base"]


class Child(Base):
    pass


def m(self):
    return ["added", *super().m()]


def free_of_super(self):
    return "plain"


def test_the_function_itself_is_not_touched() -> None:
    code, cells = m.__code__, m.__closure__
    with attach(Child, m) as change:
        assert Child().m() == ["added", "Base"]
        assert m.__code__ is code and m.__closure__ is cells
        new = vars(Child)["m"]
        assert new is not m and new.__name__ == "m" and closure(new)["__class__"] is Child
        assert repr(change) == f"<attach of {__name__}.Child: m; active>"
    assert Child().m() == ["Base"] and "m" not in vars(Child)


def test_everything_of_a_function_is_carried_over() -> None:
    def f(self, x: int = 1, *, y: str = "a") -> list:
        "doc"
        return [x, y, *super().m()]

    f.tag = "tag"
    with attach(Child, f, "other"):
        new = vars(Child)["other"]
        assert (new.__defaults__, new.__kwdefaults__, new.__doc__) == ((1,), {"y": "a"}, "doc")
        assert (
            new.__annotations__ == f.__annotations__ and new.tag == "tag" and new.__dict__ is not f.__dict__
        )
        assert Child().other(2) == [2, "a", "Base"]
        assert new.__code__.co_consts == f.__code__.co_consts and new.__code__.co_filename == __file__


def test_the_name() -> None:
    for func, name in (
        (m, "m"),
        (staticmethod(m), "m"),
        (classmethod(m), "m"),
        (property(m), "m"),
        (functools.partialmethod(m), "m"),
        (functools.cached_property(m), "m"),
    ):
        with attach(Child, func) as change:
            assert name in vars(Child) and f": {name};" in repr(change)
    with pytest.raises(TypeError, match="pass it"):
        attach(Child, lambda self: 1)
    with pytest.raises(TypeError, match="name of an attribute"):
        attach(Child, m, 5)
    assert "m" not in vars(Child)


def test_shared_state_of_decorators_stays_shared() -> None:
    """What leads to no method is not copied: a decorator's own objects are common to the original and the copy."""
    calls: list[str] = []

    def counting(func):
        def wrapper(self):
            calls.append("call")
            return func(self)

        return wrapper

    wrapper = counting(m)
    with attach(Child, wrapper, "m"):
        assert Child().m() == ["added", "Base"] and calls == ["call"]
        assert closure(vars(Child)["m"]).cells["calls"] is closure(wrapper).cells["calls"]
    assert closure(wrapper)["func"] is m


def test_set_name_is_called_and_a_failure_leaves_nothing() -> None:
    told = []

    class Descriptor:
        def __init__(self, func):
            self.func = func

        def __set_name__(self, owner, name):
            told.append((owner, name))
            if name == "bad":
                raise KeyError(name)

        def __get__(self, obj, cls=None):
            return self.func.__get__(obj, cls)

    with attach(Child, Descriptor(m), "m"):
        assert told == [(Child, "m")] and Child().m() == ["added", "Base"]
    with pytest.raises(KeyError):
        attach(Child, Descriptor(m), "bad")
    assert "bad" not in vars(Child)
    cached = functools.cached_property(m)
    cached.__set_name__(Base, "other")
    with attach(Child, cached, "m"):
        obj = Child()
        assert obj.m == ["added", "Base"] and vars(obj) == {"m": ["added", "Base"]}


def test_nested_functions_and_comprehensions_see_the_class_too() -> None:
    def f(self):
        def inside(me):
            def deeper(me):
                return super().m()

            return deeper(me), __class__

        class Own(Base):
            def m(self):
                return ["Own", *super().m()]

        return (
            inside(self),
            [__class__ for _ in (1,)],
            (lambda: __class__)(),
            Own().m(),
            list(__class__ for _ in (1,)),
        )

    with attach(Child, f):
        assert Child().f() == ((["Base"], Child), [Child], Child, ["Own", "Base"], [Child])


def test_generators_coroutines_and_cell_arguments() -> None:
    def generator(self):
        try:
            yield super().m()
            yield (lambda: self)()
        finally:
            yield __class__

    async def coroutine(self, x):
        return super().m(), x

    with attach(Child, generator), attach(Child, coroutine):
        obj = Child()
        assert list(obj.generator()) == [["Base"], obj, Child]
        with pytest.raises(StopIteration) as stop:
            obj.coroutine(5).send(None)
        assert stop.value.value == (["Base"], 5)


def test_a_function_with_a_closure_keeps_its_cells() -> None:
    state = {"n": 0}

    def f(self):
        state["n"] += 1
        return super().m(), state["n"]

    with attach(Child, f):
        assert Child().f() == (["Base"], 1) and Child().f() == (["Base"], 2)
        assert closure(vars(Child)["f"]).cells["state"] is closure(f).cells["state"]


def test_a_function_that_says_nothing_of_super_gets_the_cell_as_well() -> None:
    with attach(Child, free_of_super):
        assert Child().free_of_super() == "plain"
        assert closure(vars(Child)["free_of_super"])["__class__"] is Child


def test_a_bound_method_means_the_function() -> None:
    class Other(Base):
        def m(self):
            return ["Other", *super().m()]

    with attach(Child, Other().m):
        assert Child().m() == ["Other", "Base"]
    assert Other().m() == ["Other", "Base"]


def test_methods_of_other_objects_keep_their_class() -> None:
    """A decorator that calls a method of something else: that method's super() is none of ours."""

    class Log:
        def __init__(self):
            self.lines = []

    class Loud(Log):
        def write(self, line):
            super().__init__()
            self.lines.append(line)

    log = Loud()

    def logged(func, write=log.write):
        def wrapper(self):
            write("called")
            return func(self)

        return wrapper

    with attach(Child, logged(m), "m"):
        assert Child().m() == ["added", "Base"] and log.lines == ["called"]


def test_layers() -> None:
    """Attached twice under one name: the last is in force, whatever is undone first."""
    one = attach(Child, m)
    two = attach(Child, lambda self: "two", "m")
    assert Child().m() == "two"
    one.undo()
    assert Child().m() == "two"
    two.undo()
    assert Child().m() == ["Base"] and "m" not in vars(Child)


def test_classes_of_all_sorts() -> None:
    class Meta(type):
        def __call__(cls, *args):
            return super().__call__(*args)

    def meta_method(cls):
        return __class__, super().mro()[0]

    with attach(Meta, meta_method):

        class WithMeta(metaclass=Meta):
            pass

        assert WithMeta.meta_method() == (Meta, WithMeta)

    T = typing.TypeVar("T")

    class Generic(Base, typing.Generic[T]):
        pass

    with attach(Generic, m):
        assert Generic[int]().m() == ["added", "Base"]

    class Abstract(abc.ABC):
        @abc.abstractmethod
        def m(self):
            return ["Abstract"]

    class Concrete(Abstract):
        def m(self):
            return ["Concrete"]

    with attach(Concrete, m):
        assert Concrete().m() == ["added", "Abstract"]
    assert Concrete().m() == ["Concrete"]

    class Colour(enum.Enum):
        RED = 1

    def shown(self):
        return super().__str__(), self.name

    with attach(Colour, shown):
        assert Colour.RED.shown() == ("Colour.RED", "RED")

    @dataclasses.dataclass
    class Data(Base):
        x: int = 1

    with attach(Data, m):
        assert Data().m() == ["added", "Base"] and Data() == Data()

    class Slotted(Base):
        __slots__ = ("x",)

    with attach(Slotted, m):
        assert Slotted().m() == ["added", "Base"]

    class Registering(Base):
        seen: typing.ClassVar[list] = []

        def __init_subclass__(cls, **options):
            super().__init_subclass__(**options)
            cls.seen.append(cls)

    def init_subclass(cls, **options):
        super().__init_subclass__(**options)
        cls.seen.append("attached")

    with attach(Registering, classmethod(init_subclass), "__init_subclass__"):

        class Sub(Registering):
            pass

        assert Registering.seen == ["attached"]


def test_bad_input() -> None:
    for bad in (int, object, dict, type, types.FunctionType):
        with pytest.raises(TypeError, match="C"):
            attach(bad, m)
    for bad in (5, None, Child(), m):
        with pytest.raises(TypeError, match="needs a class"):
            attach(bad, m)
    with pytest.raises(TypeError, match="the class comes first"):
        attach(m, Child)
    with pytest.raises(TypeError, match="is the class Base"):
        attach(Child, Base)
    for nothing in (5, "text", None, object()):
        with pytest.raises(
            TypeError, match="attach needs a function, or a descriptor or decorator around one"
        ):
            attach(Child, nothing, "name")
        assert "name" not in vars(Child)


def test_functions_that_lead_somewhere_and_say_nothing_of_super() -> None:
    """Defaults, keyword defaults and cells are looked through; one that is empty holds nothing."""

    def counted(self, start=1, *, step=free_of_super):
        return start

    with attach(Child, counted):
        new = vars(Child)["counted"]
        assert closure(new)["__class__"] is Child and Child().counted() == 1
        assert new.__kwdefaults__["step"] is free_of_super

    def late(self):
        return later, super().m()

    with attach(Child, late), pytest.raises(NameError):
        Child().late()
    later = "later"
    with attach(Child, late):
        assert Child().late() == ("later", ["Base"])
    del later
    with attach(Child, late), pytest.raises(NameError):
        Child().late()


def test_a_descriptor_on_top_of_a_c_class() -> None:
    """A copy of it, with what it holds; the original keeps its own function."""

    class Table(collections.deque):
        def __get__(self, obj, cls=None):
            return self if obj is None else types.MethodType(self.func, obj)

    def root(self):
        return ["rooted", *super().m()]

    table = Table([1, 2])
    table.func, table.kind = root, []
    with attach(Child, table, "rooted"):
        assert Child().rooted() == ["rooted", "Base"]
        copied = vars(Child)["rooted"]
        assert copied is not table and type(copied) is Table and copied == table and copied.kind is table.kind
    assert table.func is root


def test_a_cached_property_has_the_name_that_it_was_given() -> None:
    class Other:
        shown = functools.cached_property(lambda self: "shown")

    with attach(Child, vars(Other)["shown"]):
        assert Child().shown == "shown"
