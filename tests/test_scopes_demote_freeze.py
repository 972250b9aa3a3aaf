"""demote and freeze: free variables become globals, names become constants."""

from __future__ import annotations

import gc
import inspect
import sys
import weakref

import pytest
from scoping import LIMIT, Kinds, assigning, make, refused

import recell
from recell import EMPTY, demote, freeze, promote, scope
from recell.code.to_cells import add_free_variables

# -- demote ---------------------------------------------------------------------------------------


def test_demoted_names_are_globals_of_a_copy() -> None:
    """The values stand in a new dict; the other free variables stay shared; the function's own globals are untouched."""
    func = make(10)
    new = demote(func, "factor")
    assert new(1) == func(1)
    assert new.__closure__ is None
    assert new.__globals__ is not func.__globals__
    assert new.__globals__["factor"] == 10
    assert "factor" not in globals()
    new.__globals__["factor"] = 0
    assert new(1) == func(1) - 20
    assert inspect.signature(new) == inspect.signature(func)


def test_demote_without_names_takes_all() -> None:
    """All free variables, but for the `__class__` that super() looks for."""
    assert demote(promote(make(10), LIMIT=1)).__closure__ is None
    method = promote(Kinds.method, LIMIT=8)
    new = demote(method)
    assert new.__code__.co_freevars == ("__class__",)
    assert new(Kinds()) == (8, "base")


def test_demote_into_a_given_dict() -> None:
    """The dict becomes the function's globals; what it holds already stays, what it lacks is put in."""
    space = {"LIMIT": 100, "__builtins__": __builtins__}
    new = demote(make(10), globals=space)
    assert new.__globals__ is space
    assert space["factor"] == 10
    assert new(1) == 20 + 100 + 2
    space["factor"] = 1
    assert demote(make(10), "factor", globals=space)(1) == 2 + 100 + 2


def test_an_empty_cell_becomes_an_undefined_global() -> None:
    """Reading it is a NameError, as it was."""
    new = demote(recell.rebind(make(10), factor=EMPTY), "factor")
    assert "factor" not in new.__globals__
    with pytest.raises(NameError):
        new(1)


def test_what_demote_refuses() -> None:
    """Names that are no free variables, `__class__` under super(), globals that are no dict."""
    assert "is a global" in str(refused(demote, make(1), "LIMIT"))
    assert "is a parameter" in str(refused(demote, make(1), "value"))
    error = refused(demote, make(1), "factr")
    assert error.nearest == "factor"
    assert "super()" in str(refused(demote, Kinds.method, "__class__"))
    with pytest.raises(TypeError, match="dict"):
        demote(make(1), globals=[])
    assert demote(lambda: 1)() == 1


def test_assignments_follow() -> None:
    """`nonlocal` writes become writes of the new globals."""

    def counter():
        count = 0

        def bump():
            nonlocal count
            count += 1
            return count

        return bump

    bump = counter()
    new = demote(bump, "count")
    assert [new(), new(), bump()] == [1, 2, 1]
    assert new.__globals__["count"] == 2


# -- freeze ---------------------------------------------------------------------------------------


def test_frozen_names_are_constants() -> None:
    """Globals, builtins and free variables, with their present value or the given one, in nested functions too."""
    func = make(10)
    new = freeze(func, "LIMIT", "len", factor=2)
    assert new(1) == 4 + 3 + 2
    assert new.__closure__ is None
    assert func(1) == 20 + 3 + 2
    assert scope(new).globals == scope(new).builtins == scope(new).nonlocals == {}
    recell.closure(func)["factor"] = 5
    assert freeze(func, "factor")(1) == 10 + 3 + 2


def test_freeze_by_itself() -> None:
    """Without arguments: all free variables never assigned and hashable; the others keep their cells."""

    def outer(number, items, count):
        def func():
            nonlocal count
            count += 1
            return number, items, count

        return func

    func = outer(1, [2], 3)
    new = freeze(func)
    assert new.__code__.co_freevars == ("count", "items")
    assert all(cell in func.__closure__ for cell in new.__closure__)
    assert new() == (1, [2], 4)
    assert new() == (1, [2], 5)
    assert freeze(recell.rebind(func, number=EMPTY)).__code__.co_freevars == ("count", "items", "number")


def test_what_leads_back_stays_a_cell() -> None:
    """The function itself, a class or an instance that holds it: a constant there would never be collected."""

    def outer():
        def factorial(n):
            return 1 if n < 2 else n * factorial(n - 1)

        return factorial

    assert freeze(outer()).__code__.co_freevars == ("factorial",)

    def with_class():
        class Holder:
            def method(self):
                return Holder

            def static():
                return Holder, LIMIT

            static = staticmethod(static)

        return Holder

    holder = with_class()
    assert freeze(holder.method).__code__.co_freevars == ("Holder",)
    assert freeze(vars(holder)["static"]).__func__.__code__.co_freevars == ("Holder",)

    def with_an_instance_of_its_class():
        class Own:
            def method(self):
                return own

        own = Own()
        return Own.method

    assert freeze(with_an_instance_of_its_class()).__code__.co_freevars == ("own",)

    def with_instance():
        class Slotted:
            __slots__ = ("callback",)

        class Plain:
            pass

        def func():
            return slotted, plain

        slotted, plain = Slotted(), Plain()
        slotted.callback = plain.callback = func
        return func

    assert freeze(with_instance()).__code__.co_freevars == ("plain", "slotted")
    assert freeze(Kinds.method).__code__.co_freevars == ("__class__",)

    def with_closure():
        def other():
            return func, missing  # noqa: F821 - its cell stays empty

        def func():
            return other

        if not func:
            missing = 1  # noqa: F841
        return func

    assert freeze(with_closure()).__code__.co_freevars == ("other",)

    def with_own_method():
        class Holder:
            def method(self):
                return holder

            @property
            def value(self):
                return Holder

        holder = Holder()
        return Holder

    holder = with_own_method()
    assert freeze(holder.method).__code__.co_freevars == ("holder",)
    assert freeze(vars(holder)["value"]).fget.__code__.co_freevars == ("Holder",)


def test_super_in_a_nested_function_needs_its_class() -> None:
    """The method's own code does not name `super`, and passes the cell on."""

    class Derived(Kinds):
        def method(self):
            def plain():
                return 1

            def inner(me):
                return super()

            return inner if plain else None

        def named(self):
            return __class__

    assert freeze(Derived.method).__code__.co_freevars == ("__class__",)
    assert freeze(Derived.method)(1)(Derived()).__thisclass__ is Derived
    with pytest.raises(recell.ScopeError, match="has to stay a free variable"):
        freeze(Derived.method, "__class__")
    assert freeze(Derived.named, "__class__")(1) is Derived


def test_a_global_with_the_name_of_a_cell_variable() -> None:
    """A comprehension's variable is apart from it, inlined (3.12+) or not; one of the function's own is in its place."""

    def comprehending(values):
        return [(lambda: LIMIT)() for LIMIT in values], LIMIT  # noqa: N806

    assert promote(comprehending, LIMIT=1)([7]) == ([7], 1)

    def func():
        LIMIT = 5  # noqa: N806

        def inner():
            return LIMIT

        def other():
            global LIMIT
            return LIMIT

        return inner(), other()

    assert func() == (5, 3)
    assert "`LIMIT`" in str(refused(promote, func, LIMIT=1))


def test_a_free_variable_that_is_only_declared() -> None:
    """Nothing reads it: freezing it is a mistake of the caller's."""

    def func():
        return 1

    code = add_free_variables(func.__code__, ["more"])
    func = recell.replace(func, code=code, closure=(recell.make_cell(1),))
    assert "does not read" in str(refused(freeze, func, "more"))


def test_class_bodies_that_read_free_variables() -> None:
    """One of two becomes a constant there, the other stays a cell."""

    def outer(a, b):
        def func():
            class K:
                x = a
                y = b

            return K.x, K.y

        return func

    func = outer(1, 2)
    for name in "ab":
        new = freeze(func, name)
        recell.verify(new.__code__)
        assert new() == (1, 2)
    assert freeze(func)() == (1, 2)
    assert freeze(func, a=5)() == (5, 2)


def test_a_frozen_function_is_collected() -> None:
    """Nothing that `freeze` made by itself keeps its function alive."""

    class Value:
        pass

    def outer(value):
        def func():
            return value

        return func

    func = freeze(outer(Value()))
    watcher = weakref.ref(func), weakref.ref(func())
    del func
    gc.collect()
    assert [each() for each in watcher] == [None, None]


def test_a_cell_stands_for_its_contents() -> None:
    """A constant cannot be shared: a cell gives its contents, a wrapped one itself, an empty one is refused."""
    cell = recell.make_cell(7)
    assert freeze(lambda: LIMIT, LIMIT=cell)() == 7
    assert freeze(lambda: LIMIT, LIMIT=recell.make_cell(cell))() is cell
    assert "empty" in str(refused(freeze, lambda: LIMIT, LIMIT=EMPTY))
    assert "empty" in str(refused(freeze, lambda: LIMIT, LIMIT=recell.make_cell()))


def test_class_bodies_that_store_the_name() -> None:
    """The class's own name wins there, the frozen value where the class has none yet."""

    def func():
        class K:
            before = LIMIT
            LIMIT = 10
            after = LIMIT

        return K.before, K.LIMIT, K.after, LIMIT

    assert freeze(func, LIMIT=1)() == promote(func, LIMIT=1)() == (1, 10, 10, 1)
    assert func() == (3, 10, 10, 3)

    promoted = promote(func, LIMIT=2)
    again = freeze(promoted, LIMIT=1)
    assert again() == (1, 10, 10, 1)
    assert again.__closure__[0] is not promoted.__closure__[0]
    assert freeze(promoted).__closure__ == promoted.__closure__
    assert demote(promoted)() == promoted() == (2, 10, 10, 2)


def test_any_value_can_be_frozen() -> None:
    """Unhashable values, code objects, functions and cells keep their identity."""
    code = (lambda: 1).__code__
    for value in ([1], {}, code, make, object(), 1.5, "text", (1, [2]), None, True, sys):
        got = freeze(lambda: LIMIT, LIMIT=value)()
        assert got is value or got == value
        nested = freeze(lambda: (lambda: LIMIT)(), LIMIT=value)
        assert nested() is value or nested() == value
        # a code object among the constants is a value, no nested function
        again = promote(freeze(lambda: (LIMIT, (lambda: len)()), LIMIT=value), len=5)
        assert again()[1] == 5


def test_what_freeze_refuses() -> None:
    """Assigned names, parameters and locals, unused names, names without a value, `__class__` under super()."""
    func = make(10)
    assert "is assigned or deleted" in str(refused(freeze, assigning, counter_value=1))
    assert "is a parameter of" in str(refused(freeze, func, "value"))
    assert "is a local variable of" in str(refused(freeze, func, doubled=1))
    error = refused(freeze, func, "factr")
    assert error.nearest == "factor"
    assert "has no value now" in str(refused(freeze, lambda: missing, "missing"))  # noqa: F821
    assert "has no value now" in str(refused(freeze, recell.rebind(func, factor=EMPTY), "factor"))
    assert "super()" in str(refused(freeze, Kinds.method, "__class__"))
    with pytest.raises(TypeError, match="text"):
        freeze(func, 3)
    with pytest.raises(TypeError, match="freeze needs a Python function"):
        freeze(int, "x")
