"""clone(globals=…): the clones live in another namespace, decorated ones and methods too."""

from __future__ import annotations

import contextlib
import functools
from types import ModuleType
from typing import Any

import pytest

import recell
from recell import EMPTY, clone, swap

LIBRARY = ModuleType("library")
exec(
    "import functools\nLIMIT = 'library'\n"
    "def logged(func):\n"
    "    @functools.wraps(func)\n"
    "    def wrapper(*args): return LIMIT, func(*args)\n"
    "    return wrapper\n"
    "def opaque(func):\n    return lambda *args: (LIMIT, func(*args))\n",
    vars(LIBRARY),
)
TEXT = """
import contextlib, functools
LIMIT = 'home'
def plain(): return LIMIT
@logged
def decorated(): return LIMIT
@contextlib.contextmanager
def managed(): yield LIMIT
@functools.lru_cache(maxsize=3)
def cached(): return LIMIT
def local(func): return lambda: [LIMIT, func()]
@local
def twice(): return LIMIT
class Owner:
    def method(self): return LIMIT
    @staticmethod
    def static(): return LIMIT
    @property
    def prop(self): return LIMIT
    @logged
    def both(self): return LIMIT
def pair(count):
    def bump():
        nonlocal count
        count += 1
        return LIMIT, count
    return bump, (lambda: count)
"""


def home() -> dict[str, Any]:
    space: dict[str, Any] = {"__name__": "home", "logged": LIBRARY.logged, "opaque": LIBRARY.opaque}
    exec(TEXT, space)
    return space


THERE = {"__name__": "there", "LIMIT": "there"}


@pytest.mark.parametrize("name", ["plain", "cached"])
def test_the_clone_reads_the_other_namespace(name: str) -> None:
    space = home()
    new = clone(space[name], globals=THERE)
    assert (new(), space[name]()) == ("there", "home")
    assert type(new) is type(space[name])


def test_beneath_decorators_of_another_module() -> None:
    """Those keep their own namespace, and the function that they hold moves."""
    space = home()
    new = clone(space["decorated"], globals=THERE)
    assert (new(), space["decorated"]()) == (("library", "there"), ("library", "home"))
    assert new.__wrapped__() == "there"
    with clone(space["managed"], globals=THERE)() as value:
        assert value == "there"
    assert contextlib.contextmanager.__globals__ is not THERE


def test_beneath_decorators_of_the_same_module() -> None:
    space = home()
    assert (clone(space["twice"], globals=THERE)(), space["twice"]()) == (["there"] * 2, ["home"] * 2)


def test_methods() -> None:
    owner = home()["Owner"]
    instance = owner()
    assert clone(instance.method, globals=THERE)() == "there"
    assert clone(vars(owner)["static"], globals=THERE).__func__() == "there"
    assert clone(vars(owner)["prop"], globals=THERE).fget(instance) == "there"
    assert clone(instance.both, globals=THERE)() == ("library", "there")
    assert (instance.method(), instance.prop, instance.both()) == ("home", "home", ("library", "home"))


def test_cells_are_connected_as_always() -> None:
    bump, read = home()["pair"](1)
    new_bump, new_read = clone(bump, read, globals=THERE)
    assert new_bump() == ("there", 2)
    assert (new_read(), read()) == (2, 1)


def test_what_is_swapped_goes_along() -> None:
    space = home()
    with swap(space["plain"], LIBRARY.logged(space["decorated"])):
        assert clone(space["plain"], globals=THERE)()[0] == "library"


def test_builtins_follow_the_namespace() -> None:
    space = {"LIMIT": len, "__builtins__": {"len": "mine"}}
    func = home()
    exec("def reads(): return len", func)
    assert clone(func["reads"], globals=space)() == "mine"


def test_bad_namespaces_are_refused() -> None:
    with pytest.raises(TypeError, match="clone needs a dict as globals"):
        clone(home()["plain"], globals=LIBRARY)  # type: ignore[call-overload]
    assert recell.clone(functools.partial(home()["plain"]), globals=THERE)() == "there"
    assert EMPTY is not None
