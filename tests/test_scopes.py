"""scope and promote, and what holds for all verbs: what a name means inside a function, and what it is made to mean."""

from __future__ import annotations

import functools
import inspect
import types

import pytest
from scoping import LIMIT, Kinds, assigning, make, refused
from sizes import pick

import recell
from recell import EMPTY, compat, demote, freeze, promote, scope
from recell.errors import short

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
        "<scope of scoping.make.<locals>.scaled: nonlocals factor=10; globals LIMIT; builtins len>"
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


def test_a_promoted_name_may_be_of_a_subclass_of_str() -> None:
    """It becomes the plain name: code objects take no other, and before 3.9 one ends the interpreter."""

    class Name(str):
        pass

    func = promote(lambda: LIMIT, {Name("LIMIT"): 5})
    assert func() == 5
    assert {type(name) for name in func.__code__.co_freevars} == {str}


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
    assert short(func) in str(error)
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


# -- all of them ----------------------------------------------------------------------------------


def test_only_known_releases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the opcodes are unknown: a typed error that names the verb's need, and nothing changed."""
    from recell.code import instructions

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


@pytest.mark.skipif(not hasattr(scope, "__builtins__"), reason="functions hold their builtins since 3.10")
def test_builtins_are_those_that_the_function_was_made_with() -> None:
    """Whatever its globals name as builtins now."""
    own = {"len": len}
    space = {"__builtins__": own}
    exec("def func(x): return len(x), abs(x)", space)
    space["__builtins__"] = {"len": 1, "abs": abs}
    found = scope(space["func"])
    assert found.builtins == {"len": len} and found.unbound == {"abs"}
