"""Nested functions in large and odd surroundings: hundreds of variables, constants that nothing is made of, shadows."""

from __future__ import annotations

import builtins
import sys
import types
from typing import Any

import pytest

from recell import ClosureMismatchError, ScopeError, inner, patch_inner, replace_inner, swap

WIDE = 300


def defined(text: str, **names: Any) -> Any:
    """The function `outer` of a text, without this file's `from __future__ import annotations`."""
    namespace = {"__name__": __name__, **names}
    exec(compile(text, "large.py", "exec", dont_inherit=True), namespace)
    return namespace["outer"]


VARIABLES = [f"v{number:03}" for number in range(WIDE)]
STORES = "".join(f"    {name} = '{name}'\n" for name in VARIABLES)
USES = ", ".join(VARIABLES)


def test_hundreds_of_cells() -> None:
    """A closure of more than 255, one that calls itself, and keyword defaults by the hundred."""
    keywords = ", ".join(f"k{number}={number}" for number in range(WIDE))
    outer = defined(
        f"def outer():\n{STORES}    def zero(n, d='default', *, {keywords}):\n"
        f"        return (zero(n - 1) if n else (d, k0, k{WIDE - 1}), {USES})\n    return zero"
    )
    nested = inner(outer, "zero", {name: name for name in VARIABLES})
    assert nested(1) == outer()(1) == ((("default", 0, WIDE - 1), *VARIABLES), *VARIABLES)
    assert nested.__kwdefaults__ == outer().__kwdefaults__ and nested.__defaults__ == ("default",)

    def make(v299: Any = None) -> Any:
        def new(n: int) -> Any:
            return "new", n, v299

        return new

    assert replace_inner(outer, "zero", make())()(5) == ("new", 5, "v299")
    with patch_inner(outer, "zero", len):
        assert outer() is len
    assert len(outer()(0)) == WIDE + 1


@pytest.mark.parametrize("count", range(244, 262))
def test_constants_around_the_255th(count: int) -> None:
    """LOAD_CONST of the code, of the name or of a default gets an argument of two bytes."""
    stores = "".join(f"    x = 'constant {number}'\n" for number in range(count))
    outer = defined(
        f"def outer():\n{stores}    def nested(a='one', *, b='two', c='three'):\n        return a, b, c, x\n    return nested"
    )
    nested = inner(outer, "nested", x="x")
    assert nested() == ("one", "two", "three", "x") and nested.__qualname__ == outer().__qualname__
    assert replace_inner(outer, "nested", len)() is len


@pytest.mark.parametrize("count", [0, WIDE])
def test_a_code_object_that_is_held_and_never_made(count: int) -> None:
    """Somebody put it among the constants: it has no defaults of its own, and takes those that are given."""

    def outer() -> Any:
        return "outer"

    def extra(a: Any, b: Any = 1) -> Any:
        return a, b

    code = outer.__code__
    more = tuple(f"constant {number}" for number in range(count))
    outer.__code__ = code.replace(co_consts=(*code.co_consts, *more, extra.__code__))
    assert inner(outer, "extra")(1, 2) == (1, 2)
    assert inner(outer, "extra", defaults={"b": 3})(1) == (1, 3)
    with pytest.raises(TypeError):
        inner(outer, "extra")(1)


def test_a_variable_of_a_function_in_between_is_not_the_outer_ones() -> None:
    outer = defined(
        "def around():\n    x = 'around'\n    def outer():\n        def middle():\n            x = 'middle'\n"
        "            def deep():\n                return x\n            return deep\n        return middle, x\n"
        "    return outer\nouter = around()"
    )
    with pytest.raises(ClosureMismatchError, match="needs `x`"):
        inner(outer, "middle.deep")
    assert inner(outer, "middle.deep", x=5)() == 5


ANNOTATED = """
def outer():
    class K:
        Own = int
        def method(self, a: int, b: Own, c: Shared, d: nowhere = 1) -> None:
            return a
        def branching(self, a: int if Shared else str, b: Shared = 2):
            return b
        def called(self, a: Shared()):
            return a
    def plain(a: int if Shared else str, b: Shared = 2):
        return b
    def single(a: unknown):
        return a
    return K, plain, single
"""


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="annotations are lazy from 3.14 on")
@pytest.mark.parametrize("named", [True, False], ids=["builtins as a module", "builtins as a dict"])
def test_annotations_in_class_bodies_and_behind_branches(named: bool) -> None:
    """Single names are known, but for those that the class may have bound itself; what branches is not."""
    outer = defined(ANNOTATED, Shared=float, __builtins__=builtins if named else vars(builtins))
    assert inner(outer, "K.method").__annotations__ == {"a": int, "c": float, "return": None}
    assert inner(outer, "K.branching").__annotations__.get("b", float) is float
    assert "a" not in inner(outer, "plain").__annotations__
    assert "a" not in inner(outer, "K.called").__annotations__
    assert inner(outer, "single").__annotations__ == {}
    assert inner(outer, "plain").__defaults__ == inner(outer, "K.branching").__defaults__ == (2,)


def test_a_comprehension_is_no_function_any_more() -> None:
    outer = defined("def outer():\n    def zz(): pass\n    return [zz for x in 'ab']")
    if sys.version_info < (3, 12):
        assert inner(outer, "<listcomp>", zz=1)(iter("ab")) == [1, 1]
        return
    with pytest.raises(ScopeError, match="PEP 709"):
        inner(outer, "<listcomp>")


def between() -> Any:
    first = "first"
    second = "second"

    def one() -> Any:
        return first

    def two() -> Any:
        return second

    return one(), two()


def both() -> Any:
    first = second = None

    def new() -> Any:
        return first, second

    return new


def argument() -> Any:
    plain = [1]
    held = "held"
    return dict(a=plain, b=tuple((plain, lambda: held)))["b"]


def holding() -> Any:
    held = None
    return lambda: (held, "new")


def test_a_variable_that_only_a_function_beside_it_uses() -> None:
    assert replace_inner(between, "one", both())() == (("first", "second"), "second")
    assert replace_inner(between, "two", both())() == ("first", ("first", "second"))


@pytest.mark.parametrize("new", [holding(), len], ids=["closure", "object"])
def test_a_closure_behind_a_local_that_is_loaded_with_it(new: Any) -> None:
    """Both may be one instruction (3.13)."""
    changed = replace_inner(argument, "<lambda>", new)
    plain, made = changed()
    assert plain == [1] and (made is len if new is len else made() == ("held", "new"))


@pytest.mark.parametrize(
    "how", ["defaults", "keyword", "attributes", "annotations", "builtins", "name", "doc"]
)
def test_a_replacement_keeps_what_makes_it_more_than_its_code(how: str) -> None:
    """The closure is anew in each run; everything else is the replacement's own."""
    text = "def make(first):\n    def new(a{}, *, k{}):\n        return first, a, k\n    return new\n"
    texts = {"defaults": ("=1", ""), "keyword": ("", "=2"), "annotations": (": int", "")}
    outer = defined(
        text.format(*texts.get(how, ("", "")))
        + "def outer():\n    first = 'first'\n    def old(): return first\n    return old"
    )
    namespace = outer.__globals__
    if how == "builtins":  # those in the globals when a function is made count (3.10+)
        namespace["__builtins__"] = {**vars(builtins)}
    new = namespace["make"](None)
    if how == "builtins":
        new = types.FunctionType(new.__code__, namespace, None, None, new.__closure__)
    if how == "attributes":
        new.tag = "tag"
    if how == "name":
        new.__name__ = "other"
    if how == "doc":
        new.__doc__ = "doc"
    with patch_inner(outer, "old", new):
        made = outer()
    assert made(3, k=4) == ("first", 3, 4)
    assert (made.__defaults__, made.__kwdefaults__, made.__dict__) == (
        new.__defaults__,
        new.__kwdefaults__,
        new.__dict__,
    )
    assert (made.__name__, made.__doc__, made.__annotations__) == (
        new.__name__,
        new.__doc__,
        new.__annotations__,
    )
    assert getattr(made, "__builtins__", None) is getattr(new, "__builtins__", None)


def test_a_second_patch_over_a_closure_with_defaults() -> None:
    """The last one in force counts alone, also where the first one makes functions itself."""

    def make(first: Any = None) -> Any:
        def new(a: Any = 1) -> Any:
            return first, a

        return new

    with patch_inner(between, "one", make()) as first:
        assert between() == (("first", 1), "second")
        with patch_inner(between, "one", lambda a=2: ("last", a)):
            assert between() == (("last", 2), "second")
            first.undo()
            assert between() == (("last", 2), "second")
            first.start()
            assert between() == (("first", 1), "second")
        assert between() == (("first", 1), "second")
    assert between() == ("first", "second")


def test_a_patch_entered_over_something_else() -> None:
    """It lies beneath a swap; what another patch puts in the place of the function around makes no such function."""

    def other() -> Any:
        def another() -> Any:
            return 1

        return another()

    def outer() -> Any:
        def deep() -> Any:
            def deeper() -> Any:
                return 1

            return deeper()

        return deep()

    changes = [patch_inner(outer, "deep.deeper", len, existing=existing) for existing in (True, False)]
    with swap(outer, other):
        for change in changes:
            change.start()
            assert outer() == 1
    with pytest.raises(TypeError, match="at least one argument|exactly one argument"):
        outer()
    for change in changes:
        change.undo()
    assert outer() == 1
    with patch_inner(outer, "deep", lambda: "patched"):
        for change in changes:
            with pytest.raises(ScopeError, match="does not make its function"):
                change.start()
        assert outer() == "patched"
    assert outer() == 1
