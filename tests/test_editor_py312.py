"""The editor on what only 3.12 and later compile: inlined comprehensions, and two slots of one name."""

import dis

import pytest
from streams import assert_same

import recell
from recell.code.to_constants import NotConstant, reads_to_constants
from recell.code.to_globals import cells_to_globals
from recell.code.uses import uses


def test_one_name_with_two_slots() -> None:
    """A free variable, and the variable of an inlined comprehension: only the one that is meant is edited."""

    def make(k):
        def func(items):
            return [k for k in items], k, [[k for k in items] for _ in items]

        return func

    func = make(5)
    assert func.__code__.co_varnames.count("k") == func.__code__.co_freevars.count("k") == 1
    expected = func([1, 2])
    assert recell.freeze(func)([1, 2]) == recell.demote(func)([1, 2]) == expected
    assert recell.freeze(func, k=6)([1, 2])[1] == 6
    assert_same(func.__code__, recell.demote(func).__code__, {"k"}, {"k"})


def test_a_global_with_the_name_of_an_inlined_variable() -> None:
    """Promoted, it is a free variable of that name next to the local one, as the compiler itself makes them."""

    def func(items):
        def inner():
            return name  # noqa: F821

        return [name for name in items], name, [(lambda: name)() for _ in items], inner()  # noqa: F821

    new = recell.promote(func, name=7)
    assert new([1, 2]) == ([1, 2], 7, [7, 7], 7)
    assert recell.demote(new)([1]) == ([1], 7, [7], 7)
    assert recell.freeze(func, name=8)([1]) == ([1], 8, [8], 8)

    def only_nested(items):
        def inner():
            return name  # noqa: F821

        return [name for name in items], inner()

    assert recell.promote(only_nested, name=9)([1]) == ([1], 9)


def test_a_cell_made_in_the_place_of_a_free_variable() -> None:
    """CPython compiles an inlined variable that is a cell, next to a free one of that name, wrongly: refused."""

    def make(v):
        def func():
            nonlocal v
            v = sum([sum([f() for f in [lambda: v for i in range(2)]]) for v in range(2)])

        return func

    func = make(1)
    made = [each.arg for each in dis.get_instructions(func.__code__) if each.opname == "MAKE_CELL"]
    if max(made) < func.__code__.co_nlocals:
        pytest.skip("this release compiles it otherwise")
    new_cell = next(
        each
        for each in dis.get_instructions(func.__code__)
        if each.opname == "MAKE_CELL" and each.arg >= func.__code__.co_nlocals
    )
    with pytest.raises(
        recell.UnsupportedCodeError, match=f"the instruction at offset {new_cell.offset} uses"
    ):
        recell.demote(func)
    with pytest.raises(recell.UnsupportedCodeError):
        cells_to_globals(func.__code__, ["v"])
    assert recell.promote(func, range=range).__code__.co_freevars == ("v", "range")


def test_a_class_scope_between_annotation_and_function() -> None:
    """Names in a generic class's annotations are looked up in the class first, then in the promoted cell."""

    def func():
        class K[T]:
            own = int

            def m[U](self, a: own, b: outside) -> T:  # noqa: F821
                return a

        return K.m.__annotations__["a"], K.m.__annotations__["b"]

    assert recell.promote(func, outside=str)() == (int, str)
    assert recell.freeze(func, outside=str)() == (int, str)
    assert recell.demote(recell.promote(func, outside=str))() == (int, str)
    found = uses(func.__code__)
    assert found["outside"].read
    with pytest.raises(NotConstant) as caught:
        reads_to_constants(func.__code__, {"own": str})
    assert caught.value.reason == "class body"


def test_override_refuses_a_name_of_two_variables() -> None:
    """Which of the two is read nobody can tell, and the override would have no effect: nothing changes."""
    space: dict = {}
    exec(
        "def make(x, y):\n def func():\n  return [(lambda: x)() for x in (1, 2)], x, y\n"
        " def outer():\n  def inner():\n   return [(lambda: x)() for x in (1, 2)], x\n  return inner(), x, y\n"
        " return func, outer\nfunc, outer = make(7, 8)\n",
        space,
    )
    for func in (space["func"], space["outer"]):
        code, closure = func.__code__, func.__closure__
        inside = [name for each in code.co_consts for name in getattr(each, "co_cellvars", ())]
        if "x" not in (*code.co_cellvars, *inside):
            continue  # compiled rightly
        with pytest.raises(
            recell.UnsupportedCodeError, match="`x` is a variable of its own and a free variable"
        ):
            recell.override(func, x=100)
        assert func.__code__ is code and func.__closure__ is closure
        with recell.override(func, y=9):
            assert func()[-1] == 9
        assert func()[-1] == 8
