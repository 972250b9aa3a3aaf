"""super() and __class__: every descriptor and every way to hide a function, attached and repointed."""

from __future__ import annotations

import contextlib
import functools
from typing import Any, Callable

import pytest

from recell import attach, clone, closure, repoint


class Root:
    def base(self):
        return ["Root"]

    @classmethod
    def cbase(cls):
        return ["Root", cls]


class Side(Root):
    def base(self):
        return ["Side", *super().base()]

    @classmethod
    def cbase(cls):
        return ["Side", *super().cbase()]


# -- ways to hide a function --------------------------------------------------------------------------------


def with_wraps(func):
    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        return func(*args, **kwargs)

    return wrapper


def in_closure(func):
    def wrapper(*args, **kwargs):
        return func(*args, **kwargs)

    return wrapper


def in_partial(func):
    return functools.partialmethod(lambda self, held, *args: held(self, *args), func)


def in_partial_in_closure(func):
    held = functools.partial(func)

    def wrapper(*args, **kwargs):
        return held(*args, **kwargs)

    return wrapper


def in_default(func):
    def wrapper(*args, func=func):
        return func(*args)

    return wrapper


def in_positional_default(func):
    def wrapper(self, func=func):
        return func(self)

    return wrapper


def in_function_attribute(func):
    def wrapper(*args):
        return wrapper.hidden(*args)

    wrapper.hidden = func
    return wrapper


class InAttribute:
    def __init__(self, func):
        self.hidden = func

    def __get__(self, obj, cls=None):
        return functools.partial(self.hidden, obj)


class InSlot:
    __slots__ = ("hidden",)

    def __init__(self, func):
        self.hidden = func

    def __get__(self, obj, cls=None):
        return functools.partial(self.hidden, obj)


class InInheritedSlot(InSlot):
    __slots__ = ("more",)


def in_instance_in_closure(func):
    holder = InSlot(func)

    def wrapper(self):
        return holder.hidden(self)

    return wrapper


def in_bound_method(func):
    class Caller:
        def __init__(self):
            self.func = func

        def call(self, *args):
            return self.func(*args)

    call = Caller().call

    def wrapper(self):
        return call(self)

    return wrapper


def twice_wrapped(func):
    return in_default(with_wraps(in_closure(func)))


def singledispatch(func):
    dispatching = functools.singledispatchmethod(lambda self, arg=None: "nothing registered")
    dispatching.register(int, lambda self, arg: func(self))
    return dispatching


def cyclic(func):
    """The wrapper holds itself, in a cell and in an attribute of an instance."""
    holder = InAttribute(func)

    def wrapper(self):
        return (holder.hidden if wrapper is holder.wrapper else None)(self)

    holder.wrapper = wrapper
    wrapper.holder = holder
    return wrapper


def call(obj):
    return obj.m()


KINDS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "function": (lambda func: func, call),
    "staticmethod": (staticmethod, lambda obj: type(obj).m(obj)),
    "property get": (property, lambda obj: obj.m),
    "property subclass": (type("Subclassed", (property,), {}), lambda obj: obj.m),
    "cached_property": (functools.cached_property, lambda obj: obj.m),
    "partialmethod": (functools.partialmethod, call),
    "wraps": (with_wraps, call),
    "lru_cache": (functools.lru_cache(maxsize=None), lambda obj: type(obj).m(obj)),
    "contextmanager": (
        lambda func: contextlib.contextmanager(yielding(func)),
        lambda obj: contextlib.ExitStack().enter_context(obj.m()),
    ),
    "singledispatchmethod": (singledispatch, lambda obj: obj.m(1)),
    "opaque: closure": (in_closure, call),
    "opaque: partial": (in_partial, call),
    "opaque: partial in a closure": (in_partial_in_closure, call),
    "opaque: default argument": (in_positional_default, call),
    "opaque: keyword default": (in_default, call),
    "opaque: function attribute": (in_function_attribute, call),
    "opaque: attribute": (InAttribute, call),
    "opaque: slot": (InSlot, call),
    "opaque: inherited slot": (InInheritedSlot, call),
    "opaque: instance in a closure": (in_instance_in_closure, call),
    "opaque: bound method": (in_bound_method, call),
    "opaque: three deep": (twice_wrapped, call),
    "opaque: in a cycle": (cyclic, call),
    "staticmethod of an opaque one": (
        lambda func: staticmethod(in_closure(func)),
        lambda obj: type(obj).m(obj),
    ),
    "property of an opaque one": (lambda func: property(InSlot(func).__get__(None).func), lambda obj: obj.m),
    "cached_property of a wrapper": (
        lambda func: functools.cached_property(with_wraps(func)),
        lambda obj: obj.m,
    ),
    "opaque one of a partialmethod": (lambda func: functools.partialmethod(in_closure(func)), call),
}


def yielding(func):
    def generator(self):
        yield func(self)

    return generator


def body(self):
    return __class__, super().base()


def bottom_of(cls):
    return type("Bottom", (cls, Side), {})


def works(cls, use) -> None:
    """The right class, the MRO respected, subclasses with a method of their own unaffected."""
    assert use(cls()) == (cls, ["Root"])
    assert use(bottom_of(cls)()) == (cls, ["Side", "Root"])

    class Own(cls):
        def m(self):
            return "own"

    assert Own().m() == "own"


def fails(cls, use) -> None:
    with pytest.raises((TypeError, RuntimeError)):
        use(cls())


@pytest.mark.parametrize("kind", KINDS)
def test_attach(kind: str) -> None:
    """A function written at module level has a `__class__` cell of its own once attached, whatever holds it."""
    make, use = KINDS[kind]

    class Left(Root):
        pass

    class Other(Root):
        pass

    decorated = make(body)
    change = attach(Left, decorated, "m")
    works(Left, use)
    second = attach(Other, decorated, "m")
    works(Other, use)
    works(Left, use)  # each has a cell of its own
    assert body.__code__.co_freevars == ()
    with pytest.raises((NameError, RuntimeError)):
        body(Left())
    change.undo()
    second.undo()
    assert "m" not in vars(Left) and not change.active
    again = attach(Left, vars(Other).get("m", decorated), "m")
    works(Left, use)
    again.undo()


@pytest.mark.parametrize("kind", KINDS)
def test_attach_takes_over_what_another_class_has(kind: str) -> None:
    """A method that has a `__class__` cell is copied, with a new one; the class it comes from keeps its own."""
    make, use = KINDS[kind]

    class Left(Root):
        @make
        def m(self):
            return __class__, super().base()

    class Other(Root):
        pass

    own = vars(Left)["m"]
    change = attach(Other, own, "m")
    works(Left, use)
    works(Other, use)
    change.undo()
    assert vars(Left)["m"] is own
    works(Left, use)


@pytest.mark.parametrize("kind", KINDS)
def test_attach_over_what_is_there(kind: str) -> None:
    """Undo puts back the very object that was there before."""
    make, use = KINDS[kind]

    class Left(Root):
        def m(self):
            return "before"

    before = vars(Left)["m"]
    change = attach(Left, make(body), "m")
    works(Left, use)
    change.undo()
    assert vars(Left)["m"] is before and Left().m() == "before"


def made_again(cls):
    """The class once more, as attrs and dataclasses make it for `__slots__`."""
    namespace = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    return type(cls)(cls.__name__, cls.__bases__, namespace)


@pytest.mark.parametrize("kind", KINDS)
def test_repoint(kind: str) -> None:
    """super() fails in the class made again, works once repointed, and the old class works after undo."""
    make, use = KINDS[kind]

    class Left(Root):
        @make
        def m(self):
            return __class__, super().base()

        def plain(self):
            return super().base()

    works(Left, use)
    old, new = Left, made_again(Left)
    if kind != "lru_cache":
        fails(new, use)
    change = repoint(new, old=old)
    assert len(change.cells) == 1 and change.cells[0].cell_contents is new
    if "cache" not in kind:
        works(new, use)
    assert use(new()) == (new, ["Root"])
    assert new().plain() == ["Root"]
    assert closure(new.plain)["__class__"] is new
    change.undo()
    assert change.cells[0].cell_contents is old
    works(old, use)
    fails(new, lambda obj: obj.plain())


@pytest.mark.parametrize("kind", KINDS)
def test_repoint_of_methods_with_cells_of_their_own(kind: str) -> None:
    """Methods that share a cell are told apart from those that do not: every cell is changed, once."""
    make, use = KINDS[kind]

    class Left(Root):
        def m(self):
            return __class__, super().base()

        def shares(self):
            return super().base()

    made = make(clone(Left.m))
    setattr(Left, "m", made)
    if hasattr(made, "__set_name__"):
        made.__set_name__(Left, "m")
    new = made_again(Left)
    change = repoint(new, old=Left)
    assert len(change.cells) == 2 and change.cells[0] is not change.cells[1]
    works(new, use)
    assert new().shares() == ["Root"]
    change.undo()
    assert [cell.cell_contents for cell in change.cells] == [Left, Left]


# -- what takes a class, and properties with three functions -----------------------------------------------------


def class_body(cls):
    return __class__, super().cbase()


@pytest.mark.parametrize("make", [lambda f: f, with_wraps, in_closure, in_default])
def test_classmethods(make) -> None:
    class Left(Root):
        m = classmethod(make(class_body))

    with pytest.raises((NameError, RuntimeError)):
        Left.m()
    change = attach(Left, classmethod(make(class_body)), "m")
    assert Left.m() == (Left, ["Root", Left]) and Left().m() == (Left, ["Root", Left])
    bottom = bottom_of(Left)
    assert bottom.m() == (Left, ["Side", "Root", bottom])
    change.undo()
    with pytest.raises((NameError, RuntimeError)):
        Left.m()

    class Again(Root):
        @classmethod
        @make
        def m(cls):
            return __class__, super().cbase()

    new = made_again(Again)
    with pytest.raises(TypeError):
        new.m()
    change = repoint(new, old=Again)
    assert new.m() == (new, ["Root", new])
    change.undo()
    assert Again.m() == (Again, ["Root", Again])


@pytest.mark.parametrize("make", [lambda f: f, with_wraps, in_closure, in_default])
def test_property_get_set_and_delete(make) -> None:
    log = []

    def get(self):
        return __class__, super().base()

    def put(self, value):
        log.append((value, __class__, super().base()))

    def delete(self):
        log.append(("deleted", __class__, super().base()))

    class Left(Root):
        pass

    change = attach(Left, property(make(get), make(put), make(delete), "doc"), "m")
    assert vars(Left)["m"].__doc__ == "doc"
    for cls, chain in ((Left, ["Root"]), (bottom_of(Left), ["Side", "Root"])):
        del log[:]
        obj = cls()
        assert obj.m == (Left, chain)
        obj.m = 5
        del obj.m
        assert log == [(5, Left, chain), ("deleted", Left, chain)]
    change.undo()
    assert not hasattr(Left, "m")

    class Again(Root):
        @property
        @make
        def m(self):
            return __class__, super().base()

        @m.setter
        @make
        def m(self, value):
            log.append((value, __class__, super().base()))

        @m.deleter
        @make
        def m(self):
            log.append(("deleted", __class__, super().base()))

    new = made_again(Again)
    with pytest.raises(TypeError):
        new().m
    change = repoint(new, old=Again)
    del log[:]
    obj = new()
    assert obj.m == (new, ["Root"])
    obj.m = 6
    del obj.m
    assert log == [(6, new, ["Root"]), ("deleted", new, ["Root"])]
    change.undo()
    assert Again().m == (Again, ["Root"])
