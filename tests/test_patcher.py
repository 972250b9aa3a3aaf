"""`Patcher`: one undo stack for everything, with monkeypatch's methods beside the verbs."""

from __future__ import annotations

import collections
import ctypes
import os
import sys
import threading
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recell import Patcher


class Shared:
    foo = "foo"


class Forwarding:
    """Gets, sets and deletes the attributes of another object."""

    def __getattr__(self, name):
        return getattr(Shared, name)

    def __setattr__(self, name, value):
        setattr(Shared, name, value)

    def __delattr__(self, name):
        delattr(Shared, name)


class NeverDeleting(Forwarding):
    def __delattr__(self, name):
        raise AttributeError(name)


class Slotted:
    __slots__ = ("foo",)

    def __init__(self):
        self.foo = "foo"


class WithProperty:
    def __init__(self):
        self._foo = "foo"

    @property
    def foo(self):
        return self._foo

    @foo.setter
    def foo(self, value):
        self._foo = value


class Caching:
    def __getattr__(self, name):
        if name != "foo":
            raise AttributeError(name)
        value = self.__dict__["foo"] = "foo"
        return value


class Storing(type):
    def __setattr__(cls, name, value):
        type.__setattr__(cls, "_" + name, value)

    def __getattr__(cls, name):
        return type.__getattribute__(cls, "_" + name)

    def __delattr__(cls, name):
        type.__delattr__(cls, "_" + name)


def own():
    found = types.SimpleNamespace()
    found.foo = "foo"
    return found


def in_thread():
    found = threading.local()
    found.foo = "foo"
    return found


def as_metaclass():
    return Storing("Stored", (), {"_foo": "foo"})


def as_module():
    found = types.ModuleType("found")
    found.__getattr__ = lambda name: {"foo": "foo"}[name] if name == "foo" else getattr(None, name)
    return found


def as_structure():
    return type("S", (ctypes.Structure,), {"_fields_": [("foo", ctypes.py_object)]})("foo")


HOLDERS = [
    Forwarding, NeverDeleting, Slotted, WithProperty, Caching, own, in_thread, as_metaclass, as_module, as_structure, Shared,
    lambda: Shared, lambda: type("Derived", (Shared,), {}),
]  # fmt: skip


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: holder.__name__)
def test_whatever_holds_an_attribute_has_it_again(holder):
    """Own, inherited, computed, forwarded: what was seen is seen again, and the object has no more than before."""
    obj = holder()
    obj.foo
    before = dict(getattr(obj, "__dict__", {}))
    for _ in range(2):
        with Patcher() as patcher:
            patcher.setattr(obj, "foo", "fake")
            assert obj.foo == "fake"
            patcher.setattr(obj, "foo", "more")
            assert obj.foo == "more"
        assert obj.foo == "foo" and dict(getattr(obj, "__dict__", {})) == before
    assert Shared.foo == "foo" and "foo" in vars(Shared)


@pytest.mark.parametrize("value", ["new", None])
def test_an_attribute_that_was_not_there(value):
    """`raising=False` makes it, and it is gone afterwards."""
    obj = own()
    with Patcher() as patcher:
        patcher.setattr(obj, "bar", value, raising=False)
        assert obj.bar == value
        patcher.delattr(obj, "bar")
        assert not hasattr(obj, "bar")
    assert vars(obj) == {"foo": "foo"}


def test_deleting():
    """What is not the object's own cannot be deleted; nothing has changed then."""
    obj = types.SimpleNamespace(foo=1)
    patcher = Patcher()
    patcher.delattr(obj, "foo")
    assert not hasattr(obj, "foo")
    with pytest.raises(AttributeError, match="no attribute 'foo'"):
        patcher.delattr(obj, "foo")
    patcher.delattr(obj, "foo", raising=False)
    inherited = Shared()
    with pytest.raises(AttributeError):
        patcher.delattr(inherited, "foo")
    patcher.undo()
    assert obj.foo == 1 and inherited.foo == "foo" and vars(inherited) == {}


def test_special_attributes_of_functions():
    """Deleting them sets them to None; they come back all the same."""

    def func(a: int = 1, *, b=2):
        "text"

    names = [
        "__doc__",
        "__defaults__",
        "__kwdefaults__",
        "__annotations__",
        "__module__",
        "__name__",
        "__qualname__",
    ]
    before = [getattr(func, name) for name in names]
    with Patcher() as patcher:
        for name in names:
            patcher.setattr(
                func, name, {"__defaults__": (5,), "__kwdefaults__": {}, "__annotations__": {}}.get(name, "x")
            )
    assert [getattr(func, name) for name in names] == before


# ------------------------------------------------------------------ dotted names


def test_dotted_names():
    """`setattr` and `delattr` as monkeypatch has them; modules on the way are imported."""
    with Patcher() as patcher:
        patcher.setattr("os.path.sep", "|")
        patcher.setattr("xml.dom.minidom.Text.data", "fake", raising=False)
        assert os.path.sep == "|"
        patcher.delattr("os.path.sep")
        assert not hasattr(os.path, "sep")
    assert os.path.sep == os.sep


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("os.path.exist", AttributeError, "did you mean `exists`"),
        ("os.paths.exists", AttributeError, "did you mean `path`"),
        ("colections.abc.Mapping", ImportError, "did you mean `collections`"),
        ("nothing_like_that_here.x", ImportError, "no module 'nothing_like_that_here'"),
        ("os", TypeError, "no dotted name"),
        ("os..path", TypeError, "no dotted name"),
        ("", TypeError, "no dotted name"),
        (5, TypeError, "a dotted name"),
        (None, TypeError, "a dotted name"),
    ],
)
def test_dotted_names_that_lead_nowhere(name, kind, said):
    """A typed error names the nearest, and nothing has changed."""
    patcher = Patcher()
    with pytest.raises(kind, match=said):
        patcher.setattr(name, 1)
    with pytest.raises(kind, match=said):
        patcher.delattr(name)
    assert repr(patcher) == "<Patcher: nothing to undo>"


def test_a_module_that_fails_says_so_itself(patcher, tmp_path):
    """The error of a module on the way is its own."""
    (tmp_path / "failing_on_import.py").write_text("import nothing_like_that_here\n")
    patcher.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="No module named 'nothing_like_that_here'"):
        patcher.setattr("failing_on_import.x", 1)


# ------------------------------------------------------------------ items and the environment


@given(
    st.dictionaries(st.sampled_from("abcd"), st.integers(0, 3)),
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 3) | st.none()), max_size=8),
    st.sampled_from(
        [
            dict,
            collections.OrderedDict,
            lambda items: collections.defaultdict(int, items),
            collections.UserDict,
        ]
    ),
)
def test_items(items, steps, kind):
    """Whatever is set and deleted in whatever order: a mapping has the items that it had, no key more."""
    mapping = kind(items)
    with Patcher() as patcher:
        for key, value in steps:
            if value is not None:
                patcher.setitem(mapping, key, value)
                assert mapping[key] == value
            elif key in mapping:
                patcher.delitem(mapping, key)
                assert key not in mapping
            else:
                with pytest.raises(KeyError):
                    patcher.delitem(mapping, key)
                patcher.delitem(mapping, key, raising=False)
                assert key not in mapping
    assert dict(mapping) == items


def test_lists():
    """Items and slices of a list, by place."""
    found = [1, 2, 3]
    with Patcher() as patcher:
        patcher.setitem(found, 0, "a")
        patcher.setitem(found, slice(1, 3), ["b", "c"])
        assert found == ["a", "b", "c"]
        with pytest.raises(IndexError):
            patcher.delitem(found, 5)
    assert found == [1, 2, 3]


def test_the_environment():
    """Variables set, put before others, deleted."""
    before = dict(os.environ)
    with Patcher() as patcher:
        patcher.setenv("RECELL_A", "1")
        patcher.setenv("RECELL_A", "0", prepend=":")
        assert os.environ["RECELL_A"] == "0:1"
        patcher.setenv("RECELL_B", "2", prepend=":")
        assert os.environ["RECELL_B"] == "2"
        patcher.delenv("RECELL_A")
        with pytest.raises(KeyError):
            patcher.delenv("RECELL_A")
        patcher.delenv("RECELL_A", raising=False)
        with pytest.raises(TypeError, match="RECELL_B would become 3"):
            patcher.setenv("RECELL_B", 3)
        assert os.environ["RECELL_B"] == "2"
    assert dict(os.environ) == before


def test_the_folder(tmp_path):
    """Back to where it was, also when it changed in between."""
    before = os.getcwd()
    (tmp_path / "inner").mkdir()
    with Patcher() as patcher:
        patcher.chdir(tmp_path)
        patcher.chdir(str(tmp_path / "inner"))
        assert os.path.samefile(os.getcwd(), tmp_path / "inner")
        os.chdir(tmp_path)
        with pytest.raises(OSError):
            patcher.chdir(tmp_path / "nowhere")
    assert os.getcwd() == before


def test_the_path_of_imports(tmp_path):
    """Each undo takes out its own entry, wherever it is by then."""
    before = list(sys.path)
    folder = str(tmp_path)
    sys.path.append(folder)
    try:
        with Patcher() as patcher:
            patcher.syspath_prepend(tmp_path)
            patcher.syspath_prepend(folder)
            assert sys.path[:2] == [folder, folder]
            sys.path.insert(0, "another")
        assert sys.path == ["another", *before, folder]
    finally:
        sys.path[:] = before
