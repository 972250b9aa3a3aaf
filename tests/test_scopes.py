"""scope, promote, demote, freeze: what a name means inside a function, and what it is made to mean."""

from __future__ import annotations

import functools
import gc
import inspect
import pickle
import sys
import types
import weakref

import pytest
from sizes import pick

import recell
from recell import EMPTY, ScopeError, compat, demote, freeze, promote, scope

LIMIT = 3
unused_global = 1


def make(factor, spare=None):
    def scaled(value, *, plus=0):
        """The value, scaled."""
        doubled = value * 2

        def inner():
            return factor * doubled + LIMIT

        return inner() + plus + len("ab")

    scaled.tag = "kept"
    return scaled


def assigning():
    global counter_value
    counter_value = counter_value + 1
    return counter_value


def refused(call, *args, **kwargs):
    with pytest.raises(ScopeError) as caught:
        call(*args, **kwargs)
    assert isinstance(caught.value, ValueError)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.name, again.target) == (
        str(caught.value),
        caught.value.name,
        caught.value.target,
    )
    return caught.value


# -- scope ----------------------------------------------------------------------------------------


def test_scope_sorts_every_name() -> None:
    """Free variables, globals and builtins with their values, of the nested functions too."""
    found = scope(make(10))
    assert dict(found.nonlocals) == {"factor": 10}
    assert dict(found.globals) == {"LIMIT": 3}
    assert dict(found.builtins) == {"len": len}
    assert found.unbound == found.assigned == frozenset()


def test_scope_reads_well() -> None:
    """One line: whose scope it is, and the names by kind."""
    assert repr(scope(make(10))) == (
        f"<scope of {__name__}.make.<locals>.scaled: nonlocals factor=10; globals LIMIT; builtins len>"
    )
    assert repr(scope(lambda: None)).endswith(": no names>")


def test_scope_never_raises_on_an_empty_cell() -> None:
    """A free variable without contents is unbound."""
    func = recell.rebind(make(10), factor=EMPTY)
    found = scope(func)
    assert "factor" in found.unbound
    assert "factor" not in found.nonlocals
    assert "factor" in repr(found)


def test_scope_of_what_is_assigned_or_found_nowhere() -> None:
    """Assigned names are told apart; a name that no one defines is unbound; attributes are no names."""

    def func():
        global made_here
        made_here = missing.attribute  # noqa: F821
        total = 0

        def add():
            nonlocal total
            total += 1

        return add

    found = scope(func)
    assert found.assigned == {"made_here"}
    assert found.unbound == {"missing"}
    assert scope(assigning).assigned == {"counter_value"}

    def outer():
        count = 0

        def bump():
            nonlocal count
            count += 1

        return bump

    assert scope(outer()).assigned == {"count"}


def test_scope_is_read_only() -> None:
    """The report is a picture: nothing can be written through it."""
    found = scope(make(1))
    with pytest.raises(TypeError):
        found.globals["LIMIT"] = 4
    with pytest.raises(AttributeError):
        found.other = 1


def test_scope_takes_what_stands_for_one_function() -> None:
    """Bound methods, static methods and partials; a property is asked for its accessor."""

    class C:
        @property
        def prop(self):
            return LIMIT

        @staticmethod
        def static():
            return LIMIT

        def method(self):
            return LIMIT

    assert set(scope(C().method).globals) == {"LIMIT"}
    assert set(scope(vars(C)["static"]).globals) == {"LIMIT"}
    assert set(scope(functools.partial(C.static)).globals) == {"LIMIT"}
    with pytest.raises(TypeError, match="fget"):
        scope(C.prop)
    with pytest.raises(TypeError, match="C function len"):
        scope(len)


# -- promote --------------------------------------------------------------------------------------


def test_promoted_names_are_free_variables_at_the_end() -> None:
    """Existing free variables keep their places and cells, and everything else is carried over."""
    func = make(10)
    new = promote(func, LIMIT=100, len=lambda text: 1000)
    assert new(1) == 10 * 2 + 100 + 1000
    assert func(1) == 10 * 2 + 3 + 2
    assert new.__code__.co_freevars == ("factor", "LIMIT", "len")
    assert new.__closure__[0] is func.__closure__[0]
    assert new.tag == "kept"
    assert new.__doc__ == func.__doc__
    assert new.__kwdefaults__ == {"plus": 0}
    assert inspect.signature(new) == inspect.signature(func)
    assert inspect.getsource(new) == inspect.getsource(func)


def test_a_promoted_name_follows_its_cell() -> None:
    """What is written to the cell is what the function, and what is nested in it, reads from then on."""
    new = promote(make(1), LIMIT=0)
    recell.closure(new)["LIMIT"] = 50
    assert new(1) == 2 + 50 + 2


def test_cells_and_closures_are_shared() -> None:
    """A cell as a value is taken as the cell; a Closure shares its cells; EMPTY is an empty cell."""
    cell = recell.make_cell(5)
    one, other = promote(make(1), LIMIT=cell), promote(make(2), {"LIMIT": cell})
    assert one.__closure__[-1] is other.__closure__[-1] is cell
    third = promote(lambda: LIMIT, recell.closure(one), strict=False)
    assert third.__closure__[0] is cell
    empty = promote(lambda: LIMIT, LIMIT=EMPTY)
    with pytest.raises(NameError):
        empty()
    inside = promote(lambda: LIMIT, LIMIT=recell.make_cell(cell))
    assert inside() is cell


def test_assignments_and_deletions_go_to_the_cell() -> None:
    """`global x` inside the function writes the cell, the module is untouched, and nothing falls back on a builtin."""

    def func():
        global len, fresh_name
        fresh_name = 1
        before = len
        del len
        try:
            len  # noqa: B018
        except NameError as error:
            return before, fresh_name, type(error)
        return None

    new = promote(func, len="mine", fresh_name=EMPTY)
    assert new() == ("mine", 1, NameError)
    assert "fresh_name" not in globals()
    assert recell.closure(new)["fresh_name"] == 1
    assert "len" not in recell.closure(new)


def test_locals_shows_promoted_names() -> None:
    """They are free variables, as `locals()` shows them."""

    def func():
        return LIMIT, sorted(locals())

    assert promote(func, LIMIT=1)() == (1, ["LIMIT"])


def test_promote_everything_around() -> None:
    """`promote(f, locals(), strict=False)` takes what the function uses and passes over the rest."""
    LIMIT, value, factor, nothing = 30, 1, 2, 3  # noqa: N806
    new = promote(make(10), locals(), strict=False)
    assert new(1) == 20 + 30 + 2
    assert new.__code__.co_freevars == ("factor", "LIMIT")
    same = promote(make(1), nothing=1, strict=False)
    assert same(1) == make(1)(1)


def test_what_promote_refuses() -> None:
    """Names that the function does not use as globals: what each of them is instead, and nothing changed."""
    func = make(10)
    before = func.__code__, func.__closure__
    error = refused(promote, func, LIMITS=1)
    assert error.name == "LIMITS"
    assert error.nearest == "LIMIT"
    assert error.names == ("LIMIT", "len")
    assert "did you mean `LIMIT`" in str(error)
    assert repr(func) in str(error)
    assert "is a parameter of" in str(refused(promote, func, value=1))
    assert "is a parameter of" in str(refused(promote, func, plus=1))
    assert "is a local variable of" in str(refused(promote, func, doubled=1))
    assert "rebind" in str(refused(promote, func, factor=1))
    assert "rebind" in str(refused(promote, func, LIMIT=1, factor=1))
    with pytest.raises(TypeError, match="text"):
        promote(func, {3: 4})
    with pytest.raises(TypeError, match="promote needs a Python function"):
        promote(print, x=1)
    assert (func.__code__, func.__closure__) == before


def test_a_local_of_the_same_name_is_refused() -> None:
    """Where only a nested `global x` reads the name, next to a parameter x of the function itself."""

    def func(LIMIT):  # noqa: N803
        def inner():
            global LIMIT
            return LIMIT

        return inner

    assert "is a parameter of" in str(refused(promote, func, LIMIT=1))


def test_a_free_variable_of_the_same_name_is_refused() -> None:
    """Code that carries a free variable of that name, and reads the global in a nested function."""

    def outer():
        LIMIT = 5  # noqa: N806

        def func():
            def inner():
                global LIMIT
                return LIMIT

            return LIMIT, inner()

        return func

    assert "free variable" in str(refused(promote, outer(), LIMIT=1))
    assert "both" in str(refused(demote, outer(), "LIMIT"))
    assert freeze(outer(), LIMIT=1)() == (1, 3)


class Base:
    def greet(self):
        return "base"


class Kinds(Base):
    """Every kind of callable that a class holds."""

    def method(self):
        return LIMIT, super().greet()

    @staticmethod
    def static():
        return LIMIT

    @classmethod
    def class_method(cls):
        return cls.__name__, LIMIT

    @property
    def prop(self):
        return LIMIT

    @prop.setter
    def prop(self, value):
        self.__dict__["stored"] = value + LIMIT + other_global

    @functools.cached_property
    def cached(self):
        return LIMIT

    partial_method = functools.partialmethod(lambda self, extra: (LIMIT, extra), 7)


other_global = 1000


@pytest.mark.parametrize("verb", ["promote", "freeze", "there and back"])
def test_the_kind_comes_back(verb: str) -> None:
    """Methods, static and class methods, properties, cached properties and partials stay what they are."""
    edit = {
        "promote": lambda obj: promote(obj, LIMIT=5),
        "freeze": lambda obj: freeze(obj, LIMIT=5),
        "there and back": lambda obj: demote(promote(obj, LIMIT=5), "LIMIT"),
    }[verb]

    class Sub(Kinds):
        pass

    for name in ("method", "static", "class_method", "prop", "cached", "partial_method"):
        old = vars(Kinds)[name]
        new = edit(old)
        assert type(new) is type(old)
        setattr(Sub, name, new)
        if name == "cached":
            new.__set_name__(Sub, name)
    it = Sub()
    assert it.method() == (5, "base")
    assert it.static() == 5
    assert it.class_method() == ("Sub", 5)
    assert it.prop == 5
    it.prop = 1
    assert it.stored == 1 + 5 + 1000
    assert it.cached == 5
    assert it.partial_method() == (5, 7)
    bound = edit(Kinds().method)
    assert isinstance(bound, types.MethodType)
    assert bound() == (5, "base")
    assert edit(functools.partial(Kinds.static))() == 5


def test_a_propertys_accessors_take_what_they_use() -> None:
    """A name that only the setter reads is promoted there; one that none reads is refused."""
    new = promote(Kinds.prop, other_global=1)
    assert new.fget.__closure__ is None
    assert new.fset.__code__.co_freevars == ("other_global",)
    assert "does not use" in str(refused(promote, Kinds.prop, nothing=1))
    assert freeze(Kinds.prop, other_global=2).fset.__code__.co_consts[-1] == 2


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


# -- all of them ----------------------------------------------------------------------------------


def test_only_known_releases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the opcodes are unknown: a typed error that names the verb's need, and nothing changed."""
    from recell import instructions

    monkeypatch.setattr(instructions, "_opcodes", None)
    monkeypatch.setattr(compat, "find", lambda: None)
    func = make(1)
    for call in (
        lambda: scope(func),
        lambda: promote(func, LIMIT=1),
        lambda: demote(func, "factor"),
        lambda: freeze(func, "LIMIT"),
    ):
        with pytest.raises(recell.UnsupportedPythonError) as caught:
            call()
        assert isinstance(caught.value, NotImplementedError)
    assert func(1) == make(1)(1)


def test_options_are_reached_as_names() -> None:
    """A name that is an option of the verb goes into the mapping."""
    space = {"strict": 1, "values": 2}
    exec("def func(): return strict, values", space)
    assert promote(space["func"], {"strict": 10}, values=20)() == (10, 20)
    assert freeze(space["func"], strict=10, values=20)() == (10, 20)


def test_builtins_of_an_own_namespace() -> None:
    """The builtins are those that the function falls back on, not those of the caller."""
    space = {"__builtins__": {"len": lambda text: "own"}}
    exec("def func(): return len('ab')", space)
    assert scope(space["func"]).builtins["len"]("ab") == "own"
    assert freeze(space["func"], "len")() == "own"
    assert demote(promote(space["func"], len=len))() == 2


def test_edits_can_follow_edits() -> None:
    """Promote, freeze, promote more, demote: each works on what the one before it made."""
    func = make(10)
    step = promote(func, LIMIT=1)
    step = freeze(step, "factor")
    step = promote(step, len=lambda text: 0)
    step = freeze(step, LIMIT=2)
    step = demote(step)
    assert step.__closure__ is None
    assert step(1) == 20 + 2 + 0
    for _ in range(pick(20, 300)):
        step = demote(promote(step, len=len), "len")
    assert step(1) == 20 + 2 + 2


def test_generators_and_coroutines() -> None:
    """They stay what they are, and read the names wherever they are suspended."""

    def gen():
        for i in range(LIMIT):
            yield i + LIMIT

    async def coro():
        return LIMIT

    async def agen():
        yield LIMIT

    for edit in (lambda each: promote(each, LIMIT=2), lambda each: freeze(each, LIMIT=2)):
        assert list(edit(gen)()) == [2, 3]
        assert inspect.isgeneratorfunction(edit(gen))
        assert inspect.iscoroutinefunction(edit(coro))
        assert inspect.isasyncgenfunction(edit(agen))
        running = edit(coro)()
        with pytest.raises(StopIteration) as done:
            running.send(None)
        assert done.value.value == 2


def test_recursion_and_threads_of_cells() -> None:
    """A promoted recursive function calls what its cell holds."""

    def factorial(n):
        return 1 if n < 2 else n * helper(n - 1)  # noqa: F821

    new = promote(factorial, helper=EMPTY)
    recell.closure(new)["helper"] = new
    assert new(5) == 120
