"""recell.callables: every kind of callable gives its functions, and comes back as the same kind around other ones."""

from __future__ import annotations

import abc
import functools
import sys
from types import FunctionType, MethodType, SimpleNamespace
from typing import Any, Callable
from unittest import mock

import pytest

from recell.callables import (
    CACHE,
    describe,
    function_of,
    functions_in,
    functions_of,
    rebuild,
)
from recell.functions.building import remake


def plain(self: Any = None, *args: Any, **keywords: Any) -> Any:
    """Documented."""
    return ("plain", args, keywords)


def other(self: Any = None, value: Any = None) -> None:
    """Another one."""


class Owner:
    pass


class TaggedStatic(staticmethod):
    """A subclass with a constructor of its own, and a slot."""

    __slots__ = ("tag",)

    def __init__(self, tag: str, function: Any) -> None:
        super().__init__(function)
        self.tag = tag

    def __new__(cls, tag: str, function: Any) -> TaggedStatic:
        return super().__new__(cls, function)


class TaggedClass(classmethod):
    def __new__(cls, function: Any, *, tag: str) -> TaggedClass:
        return super().__new__(cls, function)

    def __init__(self, function: Any, *, tag: str) -> None:
        super().__init__(function)
        self.tag = tag


class TaggedProperty(property):
    def __init__(self, tag: str, *accessors: Any) -> None:
        super().__init__(*accessors)
        self.tag = tag


class TaggedCached(functools.cached_property):
    def __init__(self, tag: str, function: Any) -> None:
        super().__init__(function)
        self.tag = tag


class TaggedPartial(functools.partial):
    def __new__(cls, tag: str, function: Any, *args: Any, **keywords: Any) -> TaggedPartial:
        new = super().__new__(cls, function, *args, **keywords)
        new.tag = tag
        return new


class TaggedPartialMethod(functools.partialmethod):
    if sys.version_info < (3, 14):  # from there on the state is made by __new__

        def __init__(self, tag: str, function: Any, *args: Any, **keywords: Any) -> None:
            super().__init__(function, *args, **keywords)
            self.tag = tag

    else:

        def __new__(cls, tag: str, function: Any, *args: Any, **keywords: Any) -> TaggedPartialMethod:
            new = super().__new__(cls, function, *args, **keywords)
            new.tag = tag
            return new


class TaggedDispatching(functools.singledispatchmethod):
    def __init__(self, tag: str, function: Any) -> None:
        super().__init__(function)
        self.tag = tag


class AbstractProperty(abc.abstractproperty):
    pass


SINGLE: dict[str, Callable[[FunctionType], Any]] = {
    "function": lambda f: f,
    "bound method": lambda f: MethodType(f, Owner()),
    "method bound to a class": lambda f: MethodType(f, Owner),
    "staticmethod": staticmethod,
    "classmethod": classmethod,
    "partial": lambda f: functools.partial(f, 1, k=2),
    "partialmethod": lambda f: functools.partialmethod(f, 1, k=2),
    "cached_property": functools.cached_property,
    "lru_cache": lambda f: functools.lru_cache(maxsize=5)(f),
    "singledispatchmethod": functools.singledispatchmethod,
    "staticmethod of an lru_cache": lambda f: staticmethod(functools.lru_cache(maxsize=None)(f)),
    "subclass of singledispatchmethod": lambda f: TaggedDispatching("here", f),
    "subclass of staticmethod": lambda f: TaggedStatic("here", f),
    "subclass of classmethod": lambda f: TaggedClass(f, tag="here"),
    "subclass of partial": lambda f: TaggedPartial("here", f, 1, k=2),
    "subclass of partialmethod": lambda f: TaggedPartialMethod("here", f, 1, k=2),
    "subclass of cached_property": lambda f: TaggedCached("here", f),
    "classmethod of a partial": lambda f: classmethod(functools.partial(f, 1)),
    "staticmethod of a classmethod": lambda f: staticmethod(classmethod(f)),
    "partial of a bound method": lambda f: functools.partial(MethodType(f, Owner()), 1),
    "partialmethod of a staticmethod": lambda f: functools.partialmethod(staticmethod(f), 1),
    "bound method of a partial": lambda f: MethodType(functools.partial(f, 1), Owner()),
}
IDS = list(SINGLE)


def copy_of(function: FunctionType) -> FunctionType:
    return remake(function)


def layers(obj: Any) -> list[Any]:
    """The kinds from the outside in, each with what it keeps besides the callable."""
    found = []
    while type(obj) is not FunctionType:
        kept = (getattr(obj, "args", None), getattr(obj, "keywords", None), getattr(obj, "tag", None))
        found.append((type(obj), kept, getattr(obj, "__self__", None) if type(obj) is MethodType else None))
        obj = obj.__wrapped__ if type(obj) is CACHE else obj.func if hasattr(obj, "func") else obj.__func__
    return found


@pytest.mark.parametrize("kind", IDS)
def test_the_one_function_that_a_callable_stands_for(kind: str) -> None:
    obj = SINGLE[kind](plain)
    assert function_of(obj, "verb") is plain
    assert functions_of(obj, "verb") == functions_in(obj) == (plain,)


@pytest.mark.parametrize("kind", IDS)
def test_a_callable_comes_back_as_the_same_kind(kind: str) -> None:
    """Type, arguments, bound object and attributes of each layer are the original's; the function is new."""
    obj = SINGLE[kind](plain)
    new = rebuild(obj, copy_of, "verb")
    assert layers(new) == layers(obj)
    assert function_of(new, "verb") is not plain
    assert function_of(new, "verb").__code__ is plain.__code__
    assert function_of(obj, "verb") is plain


TAKE_ATTRIBUTES = [kind for kind in IDS if type(SINGLE[kind](plain)) not in (FunctionType, MethodType)]


@pytest.mark.parametrize("kind", TAKE_ATTRIBUTES)
def test_attributes_that_somebody_put_on_a_wrapper_come_along(kind: str) -> None:
    obj = SINGLE[kind](plain)
    obj.note = "kept"
    new = rebuild(obj, copy_of, "verb")
    assert new.note == "kept"
    assert sorted(vars(new)) == sorted(vars(obj))
    new.note = "its own"
    assert obj.note == "kept"


def test_attributes_of_the_function_do_not_confuse_the_wrapper() -> None:
    """A function may have attributes called as functools' own are."""
    function = remake(plain)
    function.keywords, function.attrname, function.args = {}, "x", ()  # type: ignore[attr-defined]
    for kind in (staticmethod, classmethod):
        new = rebuild(kind(function), copy_of, "verb")
        assert type(new) is kind
        assert new.__func__.__dict__ == function.__dict__


def test_a_cached_property_works_under_its_name_in_another_class() -> None:
    class Holder:
        @functools.cached_property
        def value(self) -> object:
            return object()

    class Again:
        pass

    new = rebuild(Holder.__dict__["value"], copy_of, "verb")
    assert new.attrname == "value"
    Again.value = new  # type: ignore[attr-defined]
    holder = Again()
    assert holder.value is holder.value  # type: ignore[attr-defined]
    assert "value" in vars(holder)


def test_a_nested_partial_keeps_its_shape() -> None:
    """`partial` flattens a plain partial inside; one with attributes of its own stays nested."""
    inner = functools.partial(plain, 1, k=1)
    inner.note = "inner"  # type: ignore[attr-defined]
    outer = functools.partial(inner, 2, k=2)
    assert outer.func is inner
    new = rebuild(outer, copy_of, "verb")
    assert new.func is not inner
    assert type(new.func) is functools.partial
    assert new.func.note == "inner"  # type: ignore[attr-defined]
    assert new() == outer() == ("plain", (2,), {"k": 2})


# -- properties ----------------------------------------------------------------------------------------------------


PROPERTIES: dict[str, Callable[[], Any]] = {
    "getter": lambda: property(plain),
    "all three": lambda: property(plain, other, copy_of(other)),
    "no getter": lambda: property(None, plain),
    "a C function among them": lambda: property(plain, None, print),
    "docstring of its own": lambda: property(plain, doc="own"),
    "docstring without getter": lambda: property(None, plain, doc="own"),
    "abstract": lambda: AbstractProperty(plain, other),
    "subclass": lambda: TaggedProperty("here", plain, other),
    "accessor in a partial": lambda: property(functools.partial(plain, k=1)),
}


@pytest.mark.parametrize("kind", PROPERTIES)
def test_a_property_means_its_accessors(kind: str) -> None:
    obj = PROPERTIES[kind]()
    expected = [found for accessor in (obj.fget, obj.fset, obj.fdel) for found in functions_in(accessor)]
    assert list(functions_of(obj, "verb")) == expected
    with pytest.raises(TypeError, match=r"pass its \.fget, \.fset or \.fdel"):
        function_of(obj, "verb")


@pytest.mark.parametrize("kind", PROPERTIES)
def test_a_property_comes_back_whole(kind: str) -> None:
    """Each accessor is new where it was a Python function, itself where not; docstring and state stay."""
    obj = PROPERTIES[kind]()
    new = rebuild(obj, copy_of, "verb")
    assert type(new) is type(obj)
    assert new.__doc__ == obj.__doc__
    assert getattr(new, "__dict__", None) == getattr(obj, "__dict__", None)
    assert getattr(new, "__isabstractmethod__", False) == getattr(obj, "__isabstractmethod__", False)
    for before, after in zip((obj.fget, obj.fset, obj.fdel), (new.fget, new.fset, new.fdel)):
        assert type(after) is type(before)
        if functions_in(before):
            assert functions_in(after)[0] is not functions_in(before)[0]
            assert functions_in(after)[0].__code__ is functions_in(before)[0].__code__
        else:
            assert after is before


def test_a_property_keeps_the_name_that_its_class_gave_it() -> None:
    class Holder:
        @property
        def value(self) -> int:
            return 1

        tagged = TaggedProperty("here", plain)

    for name in ("value", "tagged"):
        obj = vars(Holder)[name]
        new = rebuild(obj, copy_of, "verb")
        assert getattr(new, "__name__", None) == getattr(obj, "__name__", None)


def test_a_property_without_a_python_function_is_refused() -> None:
    for obj in (property(), property(len), property(functools.partial(len))):
        with pytest.raises(TypeError, match="is a property; none of its accessors is a Python function"):
            functions_of(obj, "verb")
        with pytest.raises(TypeError, match="none of its accessors"):
            rebuild(obj, copy_of, "verb")
        assert functions_in(obj) == ()


# -- wrappers and refusals -----------------------------------------------------------------------------------------


def test_a_wraps_style_wrapper_is_taken_as_itself() -> None:
    @functools.wraps(plain)
    def wrapper(*args: Any) -> Any:
        return plain(*args)

    assert function_of(wrapper, "verb") is wrapper
    assert function_of(functools.singledispatch(plain), "verb") is not plain


class Callable_:
    def __call__(self) -> None: ...


class OwnMock(mock.Mock):
    pass


class BadModule:
    __module__ = None  # type: ignore[assignment]


REFUSED: dict[str, tuple[Any, str]] = {
    "C function": (len, "the C function len"),
    "C method": (str.join, "the C function str.join"),
    "bound C method": ("".join, "the C function str.join"),
    "slot wrapper": (object.__init__, "the C function object.__init__"),
    "method wrapper": ("".__add__, "the C function str.__add__"),
    "C class method": (vars(dict)["fromkeys"], "the C function dict.fromkeys"),
    "class": (Owner, "the class Owner"),
    "type": (type, "the class type"),
    "metaclass": (abc.ABCMeta, "the class ABCMeta"),
    "mock": (mock.Mock(), "a mock"),
    "magic mock": (mock.MagicMock(), "a mock"),
    "async mock": (mock.AsyncMock(), "a mock"),
    "mock with a spec": (mock.Mock(spec=plain), "a mock"),
    "mock with a class as spec": (mock.MagicMock(spec=FunctionType), "a mock"),
    "subclass of a mock": (OwnMock(), "a mock"),
    "module": (abc, "a module"),
    "callable object": (Callable_(), "a Callable_"),
    "object": (SimpleNamespace(), "a SimpleNamespace"),
    "number": (3, "an int"),
    "text": ("plain", "a str"),
    "None": (None, "a NoneType"),
    "code": (plain.__code__, "a code object"),
    "class without a module": (BadModule(), "a BadModule"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_holds_no_python_function_is_refused_and_named(kind: str) -> None:
    """Alone, and inside of each kind that takes it."""
    obj, what = REFUSED[kind]
    assert describe(obj) == what
    assert functions_in(obj) == ()
    for holder in (lambda x: x, staticmethod, classmethod, lambda x: MethodType(x, Owner())):
        try:
            held = holder(obj)
        except TypeError:
            continue  # not everything can be bound
        for verb in (function_of, functions_of, lambda given, name: rebuild(given, copy_of, name)):
            with pytest.raises(TypeError) as caught:
                verb(held, "rebind")
            assert type(caught.value) is TypeError
            assert str(caught.value).startswith("rebind needs a Python function, and ")
            assert f" is {what}; " in str(caught.value)


def test_a_transformation_that_fails_leaves_the_original_alone() -> None:
    def fail(function: FunctionType) -> FunctionType:
        raise LookupError

    for make in (*SINGLE.values(), *(lambda f, p=p: p() for p in PROPERTIES.values())):
        obj = make(plain)
        before = functions_of(obj, "verb")
        with pytest.raises(LookupError):
            rebuild(obj, fail, "verb")
        assert functions_of(obj, "verb") == before


@pytest.mark.parametrize("name", ["cython_function_or_method", "compiled_function"])
def test_compiled_functions_are_told_by_their_types_name(name: str) -> None:
    """Cython's and Nuitka's have no common base."""
    compiled = type(name, (), {"__qualname__": "compiled", "__call__": print})()
    assert describe(compiled).startswith("the compiled function ")
    with pytest.raises(TypeError, match="compiled code has neither bytecode nor cells"):
        function_of(compiled, "override")
