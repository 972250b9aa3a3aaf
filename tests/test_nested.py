"""inner: nested functions as functions of their own."""

from __future__ import annotations

import functools
import inspect
import pickle
import types
from typing import Any

import pytest
from nested_shapes import SHAPES

from recell import (
    EMPTY,
    ClosureMismatchError,
    FreeVariableError,
    ScopeError,
    closure,
    inner,
    make_cell,
    swap,
)


def helper_lines() -> None: ...


def outer(rate, q=5):
    class K:
        def method(self, x=1):
            def deep(y):
                return x, y, rate

            return deep

        @staticmethod
        def static(z):
            return z + rate

        def uses_class(self):
            return super().__init__, __class__

    def total(net, digits=2):
        "rounds"
        return round(net * (1 + rate), digits)

    def odd(a, b=1, c=rate, d=(1, 2), *, k="x", e=rate.foo if rate else 3, m=-1) -> int:
        return a, b, c, d, k, e, m

    def fact(n: "int", s=1) -> int:
        return s if n < 2 else n * fact(n - 1)

    @functools.lru_cache(None)
    def cached(n):
        return cached(n - 1) if n else rate

    def deep():
        def deeper(z=None):
            return rate, z

        def local_only(v):
            w = v

            def leaf():
                return w, rate

            return leaf

        return deeper, local_only

    async def coroutine(x):
        return x + rate

    def generator(n):
        for i in range(n):
            yield i * rate

    return K, total, odd, fact, cached, deep, coroutine, generator, [lambda: rate], (lambda v: v)


def closed(base):
    def outer(x):
        def helper(y):
            return base, x, y

        def only_base(y):
            return base, y

        return helper(1), only_base(2)

    return outer


def test_a_nested_function_runs_without_its_outer_one() -> None:
    total = inner(outer, "total", rate=0.25)
    assert total(80) == 100.0 and total(80.123, 1) == 100.2
    assert (total.__name__, total.__module__, total.__doc__) == ("total", __name__, "rounds")
    assert total.__qualname__ == "outer.<locals>.total"
    assert total.__defaults__ == (2,)
    assert inspect.getsource(total).strip().startswith("def total(net, digits=2):")
    assert str(inspect.signature(total)) == "(net, digits=2)"


@pytest.mark.parametrize("path", ["deep.deeper", "deep.<locals>.deeper"])
def test_paths(path: str) -> None:
    deeper = inner(outer, path, rate=4)
    assert deeper(1) == (4, 1) and deeper.__qualname__ == "outer.<locals>.deep.<locals>.deeper"


def test_functions_in_class_bodies_and_methods() -> None:
    assert inner(outer, "K.static", rate=1)(2) == 3
    deep = inner(outer, "K.method.<locals>.deep", {"x": 1}, rate=3)
    assert deep(2) == (1, 2, 3)
    with pytest.raises(ClosureMismatchError) as caught:
        inner(outer, "K.uses_class")
    assert caught.value.missing == ("__class__",) and "{'__class__': …}" in str(caught.value)

    class C:
        pass

    assert inner(outer, "K.uses_class", {"__class__": C})(C())[1] is C


def test_a_codes_own_path() -> None:
    code = next(const for const in outer.__code__.co_consts if getattr(const, "co_name", "") == "total")
    assert inner(outer, code, rate=0)(1) == 1
    with pytest.raises(ScopeError):
        inner(closed(1), code, rate=0)


def test_lambdas_and_ambiguity() -> None:
    """Several candidates are listed with their lines, and line= chooses."""
    with pytest.raises(ScopeError) as caught:
        inner(outer, "<lambda>")
    assert str(caught.value).count("<lambda> (line ") == 2

    def two(a):
        first = lambda: "first"
        second = lambda: ("second", a)
        return first, second

    line = two.__code__.co_firstlineno
    assert inner(two, "<lambda>", line=line + 1)() == "first"
    assert inner(two, "<lambda>", line=line + 2, a=3)() == ("second", 3)
    with pytest.raises(ScopeError, match=f"none of them holds line {line + 99}"):
        inner(two, "<lambda>", line=line + 99)
    with pytest.raises(ScopeError, match="one function in .* is called total: .*; it does not hold line 1$"):
        inner(outer, "total", line=1)

    def decorated(a):
        if a:

            @functools.lru_cache(maxsize=None)
            def f():
                return 1
        else:

            def f():
                return 2

        return f

    found = [line for line in range(line, line + 40) if _finds(decorated, line)]
    assert len(found) >= 5  # any line of it will do, not just that of the decorator


def _finds(func: Any, line: int) -> bool:
    try:
        inner(func, "f", line=line)
    except ScopeError:
        return False
    return True


def test_comprehensions_and_generator_expressions() -> None:
    def f(n):
        return sum(i * n for i in range(3))

    assert list(inner(f, "<genexpr>", n=2)(iter(range(3)))) == [0, 2, 4]
    listing = compile("def f(n): return [i * n for i in range(3)]", "<text>", "exec").co_consts[0]
    if any(isinstance(const, types.CodeType) for const in listing.co_consts):
        assert inner(listing, "<listcomp>", n=2)(iter(range(3))) == [0, 2, 4]
    else:
        with pytest.raises(ScopeError):
            inner(listing, "<listcomp>")


def test_one_path_means_the_same_on_every_release() -> None:
    """A comprehension was a function before 3.12: it need not be named."""

    def f(n):
        return [(lambda: (i, n))() for i in range(3)]

    assert inner(f, "<lambda>", i=1, n=2)() == (1, 2)


def test_values() -> None:
    cell = make_cell(3)
    one, two = inner(outer, "deep.deeper", rate=cell), inner(outer, "deep.deeper", {"rate": cell})
    assert one.__closure__ == two.__closure__ and one.__closure__[0] is cell
    assert inner(outer, "deep.deeper", closure(one)).__closure__[0] is cell
    assert "rate" not in closure(inner(outer, "deep.deeper", rate=EMPTY))
    with pytest.raises(FreeVariableError, match="did you mean `rate`"):
        inner(outer, "deep.deeper", rte=3)
    with pytest.raises(FreeVariableError):
        inner(outer, "total", rate=1, net=3)


def test_the_outer_functions_own_closure_fills_what_it_can() -> None:
    func = closed("base")
    only_base = inner(func, "only_base")
    assert only_base(1) == ("base", 1) and only_base.__closure__[0] is func.__closure__[0]
    with pytest.raises(ClosureMismatchError) as caught:
        inner(func, "helper")
    assert caught.value.missing == ("x",) and caught.value.after == ("base", "x")
    assert inner(func, "helper", x=2)(3) == ("base", 2, 3)
    assert inner(func, "helper", x=2, base="other")(3) == ("other", 2, 3)


def test_missing_variables_are_named_or_left_empty() -> None:
    with pytest.raises(ClosureMismatchError, match="`w`, `rate`|`rate`, `w`"):
        inner(outer, "deep.local_only.leaf")
    leaf = inner(outer, "deep.local_only.leaf", missing="empty")
    assert len(closure(leaf)) == 0 and set(closure(leaf).names) == {"w", "rate"}
    with pytest.raises(NameError):
        leaf()
    with pytest.raises(ValueError, match="missing="):
        inner(outer, "total", missing="ignore")


def test_a_recursive_function_calls_itself() -> None:
    fact = inner(outer, "fact")
    assert fact(5) == 120 and closure(fact)["fact"] is fact
    assert inner(outer, "fact", fact=lambda n: 7)(5) == 35
    with pytest.raises(ClosureMismatchError) as caught:
        inner(outer, "cached", rate=1)  # the variable would hold what the decorator made
    assert caught.value.missing == ("cached",)


def test_constant_defaults_are_recovered_and_others_asked_for() -> None:
    with pytest.raises(ScopeError) as caught:
        inner(outer, "odd")
    assert caught.value.names == ("c", "e") and "defaults={'c': …}" in str(caught.value)
    odd = inner(outer, "odd", defaults={"c": 9, "e": 8})
    assert odd(0) == (0, 1, 9, (1, 2), "x", 8, -1)
    assert inner(outer, "odd", defaults={"c": 9, "e": 8, "b": 2})(0)[1] == 2
    assert inner(outer, "odd", defaults={"c": 9, "e": EMPTY}).__kwdefaults__ == {"k": "x", "m": -1}
    odd = inner(outer, "odd", missing="empty")
    assert (odd.__defaults__, odd.__kwdefaults__) == (((1, 2),), {"k": "x", "m": -1})
    assert inner(outer, "odd", defaults=(7, 8, 9), missing="empty").__defaults__ == (7, 8, 9)
    assert inner(outer, "total", rate=0, defaults={"net": 1})() == 1
    assert inner(outer, "total", rate=0, defaults=()).__defaults__ in ((), None)
    with pytest.raises(ValueError, match="nett"):
        inner(outer, "total", rate=0, defaults={"nett": 1})
    with pytest.raises(TypeError, match="defaults must be"):
        inner(outer, "total", rate=0, defaults=5)


DEFAULTS = """
async def outer(a, b, c):
    {text}
    return f
"""


@pytest.mark.parametrize(
    ("parameters", "known"),
    [
        ("x=1, y=2", {"x": 1, "y": 2}),
        (
            "x=None, y=True, z=False, w='', v=-1, u=...",
            {"x": None, "y": True, "z": False, "w": "", "v": -1, "u": ...},
        ),
        ("x=1, y=a", {"x": 1}),
        ("x=a, y=1", {"y": 1}),
        ("x=1 if a else 2, y=3", {"y": 3}),
        ("x=1, y=2 if a else 3, z=4", {"x": 1, "z": 4}),
        ("x=a and 1, y=2", {"y": 2}),
        ("x=1, y=a or 2", {"x": 1}),
        ("x=a or b or 2, y=a and b and 3, z=5", {"z": 5}),
        ("x=1 < a < 3, y=2", {"y": 2}),
        ("x=await a, y=2", {"y": 2}),
        ("x=1, y=await a, z=3", {"x": 1, "z": 3}),
        ("x=[1, 2], y=(1, 2), z={}, w={1: 2}, v=frozenset()", {"y": (1, 2)}),
        ("x=[i for i in a if i], y=2", {"y": 2}),
        ("x=1, y=[i for i in a if i], z=3", {"x": 1, "z": 3}),
        ("x=(lambda q=3: q), y=2", {"y": 2}),
        ("x=1, y=lambda: a, z=3", {"x": 1, "z": 3}),
        ("x=1, y=lambda: 5", {"x": 1}),
        ("x=(q := 5), y=2", {"x": 5, "y": 2}),
        ("x=1, y=(q := a), z=3", {"x": 1, "z": 3}),
        ("x=f'{a}', y='s'", {"y": "s"}),
        ("x=1 + 2, y=a.b.c(1), z='a' 'b'", {"x": 3, "z": "ab"}),
        ("*, x=1", {"x": 1}),
        ("*, x=1, y=2", {"x": 1, "y": 2}),
        ("*, x=1, y=a, z=3", {"x": 1, "z": 3}),
        ("*, x=1 if a else 2, y=3", {"y": 3}),
        ("*, x=1 if a else 2", {}),
        ("*, x=3, y=1 if a else 2", {"x": 3}),
        ("*, x=await a, y=2", {"y": 2}),
        ("v=1, *, x=a or 1, y=2", {"v": 1, "y": 2}),
        ("v=1 if a else 2, *, x=1, y=2", {"x": 1, "y": 2}),
        ("v=a, *r, x=1, y: int = 2, **s", {"x": 1, "y": 2}),
        ("v: a = 5, w: 'text' = b, *, x: a.b[c] = 1", {"v": 5, "x": 1}),
        ("v: int = 5, *, x: int = 1 if a else 2", {"v": 5}),
    ],
)
@pytest.mark.parametrize("body", ["return 1", "return a, b, c"])
@pytest.mark.parametrize(
    "before", ["", "if a: b = 1\n    ", "for i in a:\n        b = i\n    ", "x = a and b\n    "]
)
def test_only_constants_count_as_known(
    parameters: str, known: dict[str, Any], body: str, before: str
) -> None:
    """Whatever branches and awaits stand in the expressions, no value is taken for a default that is not always it."""
    text = f"{before}def f({parameters}):\n        {body}"
    module = compile(DEFAULTS.format(text=text), "<defaults>", "exec", dont_inherit=True)
    sentinel = object()
    try:
        func = inner(module, "outer.f", missing="empty", defaults={})
        asked: tuple[str, ...] = ()
        inner(module, "outer.f", {name: 0 for name in func.__code__.co_freevars})
    except ScopeError as error:
        asked = error.names
    func = inner(
        module,
        "outer.f",
        {name: 0 for name in func.__code__.co_freevars},
        defaults={name: sentinel for name in asked},
    )
    code, values = func.__code__, func.__defaults__ or ()
    found = dict(zip(code.co_varnames[code.co_argcount - len(values) : code.co_argcount], values))
    found.update(func.__kwdefaults__ or {})
    found = {name: value for name, value in found.items() if value is not sentinel}
    assert found == known and all(type(found[name]) is type(known[name]) for name in known)


def test_more_than_255_constants() -> None:
    text = "def outer(a):\n    b = [" + ", ".join(f"'{i}'+a" for i in range(300)) + "]\n"
    text += "    def f(x='last one', *, y='other'):\n        return x, y, a\n"
    module = compile(text, "<text>", "exec")
    assert inner(module, "outer.f", a=1)() == ("last one", "other", 1)


def test_annotations_are_kept_where_they_can_be_known() -> None:
    def f(a):
        def g(x: int, y: "text", z: list) -> str:
            return a

        return g

    new = inner(f, "g", a=1)
    assert set(new.__annotations__) == {"x", "y", "z", "return"}
    assert new.__annotations__ == f(1).__annotations__


def test_kinds_of_functions() -> None:
    assert inspect.iscoroutinefunction(inner(outer, "coroutine", rate=1))
    assert list(inner(outer, "generator", rate=2)(3)) == [0, 2, 4]


def test_from_a_module_that_is_not_run() -> None:
    module = compile(
        "import no_such_module\nLIMIT = 3\nclass C:\n def m(self, x=LIMIT, y=4): return x, y, len([])\n",
        "<m>",
        "exec",
    )
    method = inner(module, "C.m", defaults={"x": 1})
    assert method(None) == (1, 4, 0) and method.__qualname__ == "C.m"
    method = inner(
        module, "C.m", defaults={"x": 1}, globals={"__name__": "somewhere", "len": lambda x: "mine"}
    )
    assert method(None) == (1, 4, "mine") and method.__module__ == "somewhere"


def test_what_stands_for_a_function() -> None:
    class C:
        def method(self):
            def f():
                return self

            return f

        @staticmethod
        def static():
            return lambda: 5

        @property
        def prop(self):
            return lambda: 6

    assert inner(C().method, "f", self=1)() == 1
    assert inner(vars(C)["static"], "<lambda>")() == 5
    with pytest.raises(TypeError, match="fget"):
        inner(vars(C)["prop"], "<lambda>")
    assert inner(vars(C)["prop"].fget, "<lambda>")() == 6
    with pytest.raises(TypeError, match="class"):
        inner(C, "method")
    with pytest.raises(TypeError, match="C function"):
        inner(len, "method")
    with pytest.raises(TypeError, match="path"):
        inner(outer, 5)
    with pytest.raises(TypeError, match="inner needs a dict as globals"):
        inner(outer, "total", globals=vars, rate=0)
    with pytest.raises(TypeError, match="number of a line, not 'x'"):
        inner(outer, "total", line="x", rate=0)


def test_behind_a_function_that_only_passes_on() -> None:
    def target():
        def f():
            return "old"

        return f

    namespace: dict[str, Any] = {"__name__": "elsewhere"}
    exec(SHAPES["free variable"][0], namespace)
    change = swap(target, namespace["outer"])
    assert inner(target, "f", a=1)(1) == 2
    change.undo()
    assert inner(target, "f")() == "old"


def test_what_is_there_is_shown_as_a_tree() -> None:
    with pytest.raises(ScopeError) as caught:
        inner(outer, "deeper")
    text = str(caught.value)
    assert "did you mean `deep.deeper`" in text
    lines = text.splitlines()[1:]
    assert lines[0].startswith("  class K (line ") and lines[1].startswith("    method (line ")
    assert "    deeper (line" in text and "      leaf (line" in text
    assert "deep.local_only.leaf" in caught.value.names
    with pytest.raises(ScopeError, match="is a class.*K.method"):
        inner(outer, "K")
    with pytest.raises(ScopeError, match="holds no nested function"):
        inner(helper_lines, "x")
    error = pickle.loads(pickle.dumps(caught.value))
    assert error.names == caught.value.names
    big = compile("\n".join(f"def f{i}(): pass" for i in range(100)), "<big>", "exec")
    with pytest.raises(ScopeError, match="and 60 more"):
        inner(big, "nothing")


def test_functions_of_the_standard_library() -> None:
    """What cannot be imported is unit-tested: singledispatch's choice, without decorating anything."""
    from weakref import WeakKeyDictionary

    registry = {object: "for any", int: "for int"}
    cache: Any = WeakKeyDictionary()
    dispatch = inner(
        functools.singledispatch, "dispatch", registry=registry, dispatch_cache=cache, cache_token=None
    )
    assert (dispatch(int), dispatch(bool), dispatch(str)) == ("for int", "for int", "for any")
    assert set(cache) == {int, bool, str}
    with pytest.raises(ClosureMismatchError, match="`registry`"):
        inner(functools.singledispatch, "dispatch", dispatch_cache=cache, cache_token=None)


def test_extracted_and_original_behave_the_same() -> None:
    """With the very cells of a living closure: json's scanner, contextlib's helper."""
    import contextlib
    import json.decoder
    import json.scanner

    scan = json.scanner.py_make_scanner(json.decoder.JSONDecoder())
    inside = closure(scan)["_scan_once"]
    again = inner(json.scanner.py_make_scanner, "_scan_once", closure(inside))
    assert again is not inside and again.__code__ is inside.__code__
    for text in ('[1, {"a": 2.5}]', '"text"', "true", "-7e3", "null"):
        assert again(text, 0) == inside(text, 0) == scan(text, 0)
    for text in ("", "nonsense"):
        with pytest.raises(StopIteration):
            again(text, 0)
    outside = inner(json.scanner.py_make_scanner, "scan_once", {**closure(scan).cells, "_scan_once": again})
    assert outside("[null, [1]]", 0) == scan("[null, [1]]", 0)

    def manager(value):
        yield value

    helper = inner(contextlib.contextmanager, "helper", func=manager)
    with helper(5) as value:
        assert value == 5
