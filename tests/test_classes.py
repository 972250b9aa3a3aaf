"""attach and repoint beyond the cross of kinds: classes of all sorts, undo, bounds of the search, bad input, recipes."""

from __future__ import annotations

import abc
import dataclasses
import enum
import functools
import gc
import sys
import types
import typing
import weakref
from typing import Any

import pytest

from recell import Patcher, RecellError, ScopeError, attach, closure, make_cell, rebind, replace, repoint


class Base:
    def m(self):
        return ["Base"]


class Child(Base):
    pass


def m(self):
    return ["added", *super().m()]


def free_of_super(self):
    return "plain"


# -- attach -----------------------------------------------------------------------------------------------------


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
        with pytest.raises(TypeError, match="needs a class"):
            repoint(bad, old=Base)
        with pytest.raises(TypeError, match="needs a class"):
            repoint(Base, old=bad)
    with pytest.raises(TypeError, match="is the class Base"):
        attach(Child, Base)


# -- repoint ----------------------------------------------------------------------------------------------------


def made_again(cls: Any, **more: Any) -> Any:
    namespace = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    namespace.update(more)
    return type(cls)(cls.__name__, cls.__bases__, namespace)


def test_unrelated_classes_are_refused() -> None:
    class One(Base):
        def m(self):
            return super().m()

    class Two:
        def other(self):
            return super().other()

    for old in (Two, int, object, Exception):
        with pytest.raises(ScopeError, match="no second making") as caught:
            repoint(One, old=old)
        assert isinstance(caught.value, RecellError) and caught.value.names[0].endswith("One")
    assert One().m() == ["Base"] and closure(One.m)["__class__"] is One


def test_nothing_to_change_is_no_error() -> None:
    class Old(Base):
        def plain(self):
            return 1

    new = made_again(Old)
    change = repoint(new, old=Old)
    assert change.cells == () and change.active
    change.undo()
    same = repoint(Old, old=Old)
    assert same.cells == ()


def test_the_search_stops_at_classes_modules_globals_and_containers() -> None:
    class Old(Base):
        def m(self):
            return super().m()

    method = Old.m

    def fresh():
        return rebind(method, {"__class__": Old})

    other_class = type("Other", (), {"m": fresh()})
    module = types.ModuleType("module")
    module.m = fresh()
    others = {
        "a_class": other_class,
        "a_module": module,
        "a_list": [fresh()],
        "a_tuple": (fresh(),),
        "a_dict": {"m": fresh()},
        "in_globals": types.FunctionType((lambda: m).__code__, {"m": fresh()}),
    }
    new = made_again(Old, **others)
    change = repoint(new, old=Old)
    assert len(change.cells) == 1 and change.cells[0] is method.__closure__[0]
    assert closure(other_class.m)["__class__"] is Old and closure(module.m)["__class__"] is Old


def test_no_code_of_a_user_runs() -> None:
    """Objects are read raw: properties, __getattr__ and lazy proxies have no say."""

    class Trap:
        def __init__(self, func):
            object.__setattr__(self, "func", func)

        def __getattribute__(self, name):
            raise AssertionError(name)

        def __eq__(self, other):
            raise AssertionError("compared")

        __hash__ = None

    class Old(Base):
        def m(self):
            return super().m()

    own = rebind(Old.m, {"__class__": Old})
    trap = Trap(own)
    new = made_again(Old, trap=trap, empty=rebind(lambda: own, own=make_cell()))
    assert len(repoint(new, old=Old).cells) == 2
    assert closure(own)["__class__"] is new


def test_long_chains_and_cycles() -> None:
    class Old(Base):
        def m(self):
            return super().m()

    class Link:
        __slots__ = ("func", "next")

    first = last = Link()
    for _ in range(20_000):
        last.next = Link()
        last = last.next
    last.func = own = rebind(Old.m, {"__class__": Old})
    last.next = first
    new = made_again(Old, chain=first)
    change = repoint(new, old=Old)
    assert len(change.cells) == 2 and closure(own)["__class__"] is new
    while first is not None:  # a chain of this length must not be torn down by recursion
        first.next, first = None, getattr(first, "next", None)


def test_empty_and_other_class_cells_are_left_alone() -> None:
    class Old(Base):
        def m(self):
            return super().m()

        def other(self):
            return super().m()

    empty, foreign = make_cell(), make_cell(int)
    new = made_again(Old, e=rebind(Old.m, {"__class__": empty}), f=rebind(Old.m, {"__class__": foreign}))
    change = repoint(new, old=Old)
    assert len(change.cells) == 1
    with pytest.raises(ValueError):
        empty.cell_contents
    assert foreign.cell_contents is int


def test_a_variable_that_merely_holds_the_old_class_stays() -> None:
    class Old(Base):
        def m(self):
            return super().m()

    def make(cls):
        def factory(self):
            return cls()

        return factory

    new = made_again(Old, factory=make(Old))
    repoint(new, old=Old)
    assert type(new().factory()) is Old


def test_enum_dataclass_and_metaclass() -> None:
    class Meta(type):
        def m(cls):
            return super().mro()

    NewMeta = made_again(Meta)
    with repoint(NewMeta, old=Meta):
        assert NewMeta("X", (), {}).m()[-1] is object

    @dataclasses.dataclass
    class Data(Base):
        x: int

        def m(self):
            return [self.x, *super().m()]

    new = made_again(Data)
    with pytest.raises(TypeError):
        new(1).m()
    with repoint(new, old=Data):
        assert new(1).m() == [1, "Base"]

    class Mixin:
        def shown(self):
            return "shown"

    class Colour(Mixin, enum.Enum):
        RED = 1

        def shown(self):
            return super().shown(), self.name

    change = repoint(Colour, old=Colour)
    assert Colour.RED.shown() == ("shown", "RED") and change.cells == ()


def test_reload_recipe() -> None:
    """A class defined anew, whose old methods live on in it: what hot reload meets."""
    source = "class C(Base):\n    def m(self):\n        return [{n}, *super().m()]\n    def same(self):\n        return super().m()\n"
    first: dict[str, Any] = {"Base": Base}
    second: dict[str, Any] = {"Base": Base}
    exec(source.format(n=1), first)
    exec(source.format(n=2), second)
    old, new = first["C"], second["C"]
    new.kept = vars(old)["same"]
    with pytest.raises(TypeError):
        new().kept()
    with repoint(new, old=old):
        assert new().kept() == ["Base"] == new().same()


def test_patcher_has_both() -> None:
    class Old(Base):
        def m(self):
            return super().m()

    new = made_again(Old)
    with Patcher() as patcher:
        assert patcher.repoint(new, old=Old).cells
        patcher.attach(new, m, "added")
        assert new().m() == ["Base"] and new().added() == ["added", "Base"]
    with pytest.raises(TypeError):
        new().m()
    assert not hasattr(new, "added") and Old().m() == ["Base"]


def test_classes_are_collected() -> None:
    """Neither verb keeps a class alive once its change is gone."""

    class Old(Base):
        def m(self):
            return super().m()

    new = made_again(Old)
    repoint(new, old=Old)
    attach(new, m, "added")
    gone = weakref.ref(new), weakref.ref(Old)
    del new, Old
    gc.collect()
    assert [ref() for ref in gone] == [None, None]


# -- recipe: a class made again with __slots__ -----------------------------------------------------------------


def with_slots(cls: Any, names: tuple[str, ...]) -> Any:
    """What attrs and dataclasses do, with every super() right."""
    left_out = ("__dict__", "__weakref__", *names)
    namespace = {name: value for name, value in vars(cls).items() if name not in left_out}
    new = type(cls)(cls.__name__, cls.__bases__, {**namespace, "__slots__": names})
    new.__qualname__ = cls.__qualname__
    repoint(new, old=cls)
    return new


def opaque(func):
    def wrapper(*args, **kwargs):
        return func(*args, **kwargs)

    return wrapper


def test_recipe_a_class_made_again_with_slots() -> None:
    class Point(Base):
        def __init__(self, x):
            super().__init__()
            self.x = x

        @opaque
        def m(self):
            return [self.x, *super().m()]

        @property
        @opaque
        def p(self):
            return super().m()

        @p.setter
        def p(self, value):
            self.x = (value, super().m())

        @classmethod
        @functools.wraps(opaque)
        def c(cls):
            return super().__name__ if hasattr(super(), "__name__") else __class__

    Slotted = with_slots(Point, ("x",))
    point = Slotted(1)
    assert point.m() == [1, "Base"] and point.p == ["Base"] and Slotted.c() is Slotted
    point.p = 5
    assert point.x == (5, ["Base"])
    assert isinstance(vars(Slotted)["x"], types.MemberDescriptorType)


@pytest.mark.skipif(sys.version_info < (3, 10), reason="dataclass(slots=True) came with 3.10")
def test_recipe_dataclass_with_slots() -> None:
    """dataclass(slots=True) leaves super() broken behind decorators: repoint(new, old=old) puts it right."""

    def build(fix: bool) -> Any:
        class Data(Base):
            x: int = 1

            @opaque
            def m(self):
                return [self.x, *super().m()]

        new = dataclasses.dataclass(slots=True)(Data)
        assert new is not Data
        if fix:
            repoint(new, old=Data)
        return new

    with pytest.raises(TypeError):
        build(fix=False)().m()
    new = build(fix=True)
    assert new(2).m() == [2, "Base"] and new.__slots__ == ("x",)


def test_recipe_attrs_slotted_classes() -> None:
    """A decorated method of a slotted attrs class: broken by attrs alone, right after repoint."""
    attr = pytest.importorskip("attr")

    def build(fix: bool) -> Any:
        class Data(Base):
            x = attr.ib(default=1)

            @opaque
            def m(self):
                return [self.x, *super().m()]

            @functools.lru_cache(maxsize=None)
            def cached(self):
                return super().m()

            def plain(self):
                return super().m()

        new = attr.s(slots=True, eq=False)(Data)
        if fix:
            repoint(new, old=Data)
        return new

    new = build(fix=True)
    assert new(2).m() == [2, "Base"] and new().cached() == ["Base"] and new().plain() == ["Base"]

    def only_decorated(fix: bool) -> Any:
        class Data(Base):
            x = attr.ib(default=1)

            @opaque
            def m(self):
                return [self.x, *super().m()]

        new = attr.s(slots=True)(Data)
        if fix:
            repoint(new, old=Data)
        return new

    with pytest.raises(TypeError):
        only_decorated(fix=False)().m()
    assert only_decorated(fix=True)().m() == [1, "Base"]


def test_every_function_of_a_class_made_by_replace_follows() -> None:
    """Copies made by replace share the cell, so one change does for all of them."""

    class Old(Base):
        def m(self):
            return super().m()

    new = made_again(Old, copy=replace(Old.m, name="copy"))
    change = repoint(new, old=Old)
    assert len(change.cells) == 1 and new().copy() == ["Base"]
