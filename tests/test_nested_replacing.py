"""replace_inner and patch_inner over many shapes of outer functions."""

from __future__ import annotations

import dis
import types
from typing import Any
from unittest import mock

import pytest
from nested_shapes import SHAPES
from nested_shapes.counters import counter, make_step

from recell import (
    ClosureMismatchError,
    closure,
    inner,
    patch_inner,
    replace_inner,
)


def load(name: str, module: str = "shapes") -> dict[str, Any]:
    source, _, _ = SHAPES[name]
    namespace: dict[str, Any] = {"__name__": module}
    exec(compile(source, f"<{name}>", "exec", dont_inherit=True), namespace)
    return namespace


def outer_of(namespace: dict[str, Any], path: str) -> types.FunctionType:
    outer = namespace["outer"]
    return outer if isinstance(outer, types.FunctionType) else getattr(outer, path.partition(".")[0])


def path_in(namespace: dict[str, Any], path: str) -> str:
    return path if isinstance(namespace["outer"], types.FunctionType) else path.partition(".")[2]


def put(namespace: dict[str, Any], path: str, new: Any) -> None:
    outer = namespace["outer"]
    if isinstance(outer, types.FunctionType):
        namespace["outer"] = new
    else:
        setattr(outer, path.partition(".")[0], new)


def run(name: str, namespace: dict[str, Any]) -> Any:
    return eval(SHAPES[name][2], namespace)


def template(name: str, module: str) -> tuple[types.FunctionType, dict[str, Any]]:
    """The nested function compiled elsewhere: equal code, globals of its own, empty cells, its own constant defaults."""
    other = load(name, module)
    path = SHAPES[name][1]
    return inner(outer_of(other, path), path_in(other, path), missing="empty"), other


def steps(code: types.CodeType) -> list[tuple[Any, ...]]:
    """Instructions with positions, jumps as counts of instructions: equal wherever the code stands."""
    ones = list(dis.get_instructions(code))
    number = {one.offset: index for index, one in enumerate(ones)}
    jumps = {*dis.hasjrel, *dis.hasjabs}
    result = []
    for index, one in enumerate(ones):
        if one.opname in ("EXTENDED_ARG", "CACHE"):
            continue
        what = one.argval if one.opcode not in jumps else "jump"
        if isinstance(what, types.CodeType):
            what = what.co_name
        place = one.positions if hasattr(one, "positions") else one.starts_line
        result.append((one.opname, what, place))
    return result


def same_but_for_one_place(old: types.CodeType, new: types.CodeType, most: int) -> None:
    """Everything in front of and behind one place is the same, with its positions."""
    before, after = steps(old), steps(new)
    head = 0
    while head < min(len(before), len(after)) and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < min(len(before), len(after)) - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    assert len(before) - head - tail <= most, (
        before[head : len(before) - tail],
        after[head : len(after) - tail],
    )
    for field in (
        "co_names",
        "co_varnames",
        "co_cellvars",
        "co_flags",
        "co_argcount",
        "co_firstlineno",
        "co_filename",
    ):
        assert getattr(old, field) == getattr(new, field)


# defaults that are no constants, as they are when the expression runs
RUNNING: dict[str, Any] = {
    "everything at once": ((3,), {"k": 3}),
    "two decorators with arguments": ((3,), None),
}


@pytest.mark.parametrize("name", SHAPES)
def test_an_equal_function_in_place_changes_nothing(name: str) -> None:
    """The nested function, compiled elsewhere, put in place of itself: it closes over the outer function's cells."""
    namespace = load(name)
    expected = run(name, namespace)
    path = SHAPES[name][1]
    outer = outer_of(namespace, path)
    code, cells = outer.__code__, outer.__closure__
    new, _ = template(name, "elsewhere")
    if name in RUNNING:
        new.__defaults__, new.__kwdefaults__ = RUNNING[name]
    replaced = replace_inner(outer, path_in(namespace, path), new)
    assert outer.__code__ is code and outer.__closure__ is cells
    put(namespace, path, replaced)
    if name in ("loop making closures", "conditional default"):
        return  # each function that is made has defaults of its own
    assert run(name, namespace) == expected
    assert run(name, namespace) == expected


@pytest.mark.parametrize("name", SHAPES)
def test_any_callable_takes_the_place(name: str) -> None:
    """An object in place of the nested function is what is called, decorators applied; the rest stays where it was."""
    namespace = load(name)
    path = SHAPES[name][1]
    outer = outer_of(namespace, path)
    new = mock.MagicMock(name="new", return_value=NotImplemented)
    replaced = replace_inner(outer, path_in(namespace, path), new)
    put(namespace, path, replaced)
    try:
        run(name, namespace)
    except Exception:
        pass  # what a mock returns need not suit the outer function
    assert new.mock_calls, "it was never called"
    if "." not in path_in(namespace, path):
        same_but_for_one_place(outer.__code__, replaced.__code__, 60)


@pytest.mark.parametrize("name", SHAPES)
def test_patch_inner_is_undone_exactly(name: str) -> None:
    """Inside, the new one is called; afterwards the very code object is there again, whatever was raised."""
    namespace = load(name)
    path = SHAPES[name][1]
    outer = outer_of(namespace, path)
    code, cells, identity = outer.__code__, outer.__closure__, id(outer)
    expected = run(name, namespace)
    new = mock.MagicMock(name="new")
    change = patch_inner(outer, path_in(namespace, path), new)
    assert not change.active
    with pytest.raises(KeyError):
        with change:
            assert change.active and "patch_inner" in repr(change)
            try:
                run(name, namespace)
            except Exception:
                pass
            raise KeyError
    assert new.mock_calls
    assert outer.__code__ is code and outer.__closure__ is cells and id(outer_of(namespace, path)) == identity
    assert run(name, namespace) == expected
    template_, _ = template(name, "elsewhere")
    with patch_inner(outer, path_in(namespace, path), template_):
        pass
    assert outer.__code__ is code
    assert run(name, namespace) == expected


def test_there_are_at_least_forty_shapes() -> None:
    assert len(SHAPES) >= 40


# -- what closes over what ------------------------------------------------------------------------------------


def test_the_new_function_closes_over_the_outer_functions_cells_anew_in_every_run() -> None:
    new = make_step([])
    other = replace_inner(counter, "step", new)
    (step, count), (step2, count2) = other(1000), other(0)
    assert (step(), step(1), count(), count2()) == (900, 899, 899, 0)
    assert step2() == -100
    assert step is not step2 and step.__code__ is new.__code__
    assert step.__doc__ == "documented" and step.__defaults__ == (100,)
    assert closure(new)["count"] is None  # its own cell is not touched
    step, count = counter(5)
    assert step() == 6 == count()


def test_a_function_of_the_same_module_costs_nothing_more() -> None:
    """Same globals, nothing on the function that MAKE_FUNCTION would not give: the code constant is exchanged."""

    def outer(a, b):
        def f(x):
            return x + a

        def g():
            return a, b

        return f(1), g()

    def make(a=None, b=None):
        def f(x):
            return b, a, x

        f.__qualname__ = f"{outer.__qualname__}.<locals>.f"
        return f

    new = make()
    code = new.__code__
    if hasattr(code, "co_qualname"):
        new.__code__ = code.replace(co_qualname=new.__qualname__)
    replaced = replace_inner(outer, "f", new)
    assert replaced(1, 2) == ((2, 1, 1), (1, 2))
    assert any(constant is new.__code__ for constant in replaced.__code__.co_consts)


def test_variables_are_handed_down_to_where_the_function_is_made() -> None:
    """A free variable that only the outermost function holds reaches the innermost through those in between."""

    def outer(a, b):
        def first():
            class K:
                def method(self):
                    return "old"

            return K().method()

        def uses_b():
            return b

        return first(), a, uses_b()

    def make(b=None):
        def method(self):
            return "new", b

        return method

    assert replace_inner(outer, "first.K.method", make())(1, 2) == (("new", 2), 1, 2)
    code = outer.__code__
    with patch_inner(outer, "first.K.method", make()):
        assert outer(1, 2)[0] == ("new", 2)
    assert outer.__code__ is code and outer(1, 2)[0] == "old"


def test_the_outer_functions_own_free_variables_are_closed_over() -> None:
    def module_like():
        config = {"n": 1}

        def outer():
            def f():
                return "old", config

            return f()

        return outer

    outer = module_like()

    def make(config=None):
        def f():
            return "new", config

        return f

    assert replace_inner(outer, "f", make())() == ("new", {"n": 1})


def test_what_the_outer_function_does_not_hold_is_named() -> None:
    def make(count=None, zzz=None):
        return lambda: (count, zzz)

    with pytest.raises(ClosureMismatchError) as caught:
        replace_inner(counter, "step", make())
    assert caught.value.missing == ("zzz",) and "zzz" in str(caught.value) and "`count`" in str(caught.value)
    code = counter.__code__
    with pytest.raises(ClosureMismatchError):
        patch_inner(counter, "step", make())
    assert counter.__code__ is code


def test_a_closure_over_other_things_is_a_callable_as_any_other() -> None:
    calls = []
    replaced = replace_inner(counter, "step", lambda *args: calls.append(args))
    step, _ = replaced(1)
    step(7)
    assert calls == [(7,)]


def test_a_plain_local_is_no_cell() -> None:
    def outer(a):
        local = a

        def f():
            return a

        return f(), local

    def make(a=None, local=None):
        return lambda: (a, local)

    with pytest.raises(ClosureMismatchError, match="`local`: a local that no nested function uses"):
        replace_inner(outer, "f", make())


def test_a_variable_of_an_inlined_comprehension_is_not_taken_for_a_cell() -> None:
    """On 3.12+ its cell is there only while the comprehension runs: refused, or right, never a crash."""

    def outer(n):
        def f():
            return "old"

        made = [lambda: i for i in range(n)]
        return f(), [g() for g in made]

    def make(i=None):
        def f():
            return i

        return f

    new = make()
    del new.__closure__[0].cell_contents
    try:
        replaced = replace_inner(outer, "f", new)
    except (ClosureMismatchError, NotImplementedError) as error:
        assert "`i`" in str(error)
    else:
        pytest.fail(f"{replaced} closes over what is no variable of the function")


def test_what_takes_the_place_of_a_generator_expression_need_not_give_an_iterator() -> None:
    """Where the compiler iterates over one unseen (`any`, `all`, `tuple` on 3.14+): an error, never a crash."""

    def outer(a):
        return any(x > a for x in [1, 5]), a

    def of_tuple(a):
        return tuple(x + a for x in (1, 2)), a

    assert replace_inner(outer, "<genexpr>", lambda numbers: [0, 7])(9) == (True, 9)
    assert replace_inner(of_tuple, "<genexpr>", lambda numbers: "ab")(9) == (("a", "b"), 9)
    for func in (outer, of_tuple):
        with pytest.raises(TypeError, match="iterable"):
            replace_inner(func, "<genexpr>", lambda numbers: 5)(9)

    def make(a=None):
        def generator(numbers):
            for x in numbers:
                yield x == a

        return generator

    closing = replace_inner(outer, "<genexpr>", make())
    assert closing(5) == (True, 5) and closing(2) == (False, 2)
    code = outer.__code__
    with patch_inner(outer, "<genexpr>", make()):
        assert outer(5) == (True, 5)
    assert outer.__code__ is code


# -- kinds, layers, existing closures -------------------------------------------------------------------------


def test_tracebacks_show_the_right_lines() -> None:
    """Lines in front of and behind the place are those of the source, also where code had to move."""
    source, path, _ = SHAPES["an outer function with far jumps"]
    namespace: dict[str, Any] = {}
    exec(compile(source, "<far>", "exec", dont_inherit=True), namespace)
    outer = namespace["outer"]

    def make(a=None):
        def f(x):
            if x == 60:
                raise KeyError(x)
            return x

        return f

    replaced = replace_inner(outer, path, make())
    try:
        replaced(2)
    except KeyError as error:
        assert error.__traceback__.tb_next.tb_lineno == 6 + 60
    else:
        pytest.fail("not raised")
