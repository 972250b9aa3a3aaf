"""`override`: names mean something else inside one function, and only there."""

from __future__ import annotations

import os.path
import re
import time
from unittest import mock

import overridden
import pytest
from overridden import body, everything, fetch, make, now
from snapshots import assert_same, snapshot

from recell import EMPTY, ScopeError, closure, make_cell, override

LIMIT = 10


COUNT = 0


def test_a_name_that_is_only_read_costs_one_code_store():
    """Globals and builtins in all nested scopes; closure and everything else stay the very objects."""
    before, result = snapshot(everything), everything(2)
    fake_len = lambda x: 99
    change = override(everything, LIMIT=5, len=fake_len)
    assert_same(everything, before)
    with change:
        assert everything(2) == (5, 99, 5, 5, [5, 5], 50, [5, 5], {5: 1}, [6, 7])
        assert everything.__closure__ is None and everything.__code__.co_freevars == ()
        assert overridden.LIMIT == 10 and len("ab") == 2
        inside = everything.__code__
    assert_same(everything, before)
    assert everything(2) == result
    with change:
        assert everything.__code__ == inside  # one code object, made again


def test_a_free_variable_for_one_function_only():
    """Those who share the cell do not see it; the closure keeps its length and the code its identity."""
    first, second, third = make()
    before = snapshot(first)
    with override(first, shared=5):
        assert first() == (5, "o", 5, [5]) and second() == 1
        assert first.__code__ is before[0] and len(first.__closure__) == 2
        assert closure(first)["shared"] == 5
        third()
        assert second() == 2 and first()[0] == 5
    assert_same(first, before)
    assert first()[0] == 2


def test_assignments_go_to_a_private_cell_and_are_dropped():
    first, second, third = make()
    with override(third, shared=100):
        assert third() == 101 and third() == 102 and second() == 1
    assert third() == 2 == second()
    change = override(third, shared=100)
    for _ in range(2):  # a fresh cell for every entry
        with change:
            assert third() == 101


def counting():
    global COUNT
    COUNT += 1
    return COUNT


def deleting():
    global COUNT
    del COUNT
    return COUNT  # noqa: F821


def test_a_global_that_is_assigned_grows_the_closure():
    """Stores and deletions go to a private cell; the module is not touched."""
    before = snapshot(counting)
    change = override(counting, COUNT=100)
    for _ in range(2):
        with change:
            assert counting() == 101 and counting() == 102 and COUNT == 0
            assert closure(counting)["COUNT"] == 102
        assert_same(counting, before)
    with override(deleting, COUNT=1), pytest.raises(NameError):
        deleting()
    assert COUNT == 0


def test_a_class_body_that_stores_the_name():
    before = snapshot(body)
    with override(body, LIMIT=1):
        assert body() == (2, 2)
    assert body() == (11, 11)
    assert_same(body, before)


def limit_only():
    return LIMIT


def test_a_cell_is_taken_as_the_cell():
    """The function then shares it with whoever gave it."""
    cell = make_cell(7)
    with override(everything, LIMIT=cell):
        assert everything(1)[0] == 7
        cell.cell_contents = 8
        assert everything(1)[0] == 8
    first, second, third = make()
    with override(third, shared=cell):
        assert third() == 9
    assert cell.cell_contents == 9 and second() == 1
    with override(first, closure(third)):
        assert closure(first).cells["shared"] is closure(third).cells["shared"]
    with override(limit_only, LIMIT=make_cell(make_cell(3))):
        assert limit_only().cell_contents == 3


def test_empty_means_no_value():
    first, second, _ = make()
    with override(first, shared=EMPTY), pytest.raises(NameError):
        first()
    with override(body, LIMIT=EMPTY), pytest.raises(NameError):
        body()
    assert first()[0] == 1 and body() == (11, 11)


def test_several_kinds_at_once():
    def outer(a):
        def func():
            global COUNT
            COUNT = COUNT + LIMIT
            return a, COUNT, LIMIT, len("x")

        return func

    func = outer("a")
    before = snapshot(func)
    with override(func, {"a": "A"}, COUNT=1, LIMIT=2, len=lambda x: "len"):
        assert func() == ("A", 3, 2, "len")
    assert_same(func, before)
    assert COUNT == 0


def exists(path):
    return os.path.exists(path), os.path.basename(path), os.sep


def test_dotted_names():
    """Inside the function a stand-in answers the faked attribute, and the real object everything else."""
    naps = []
    with override(fetch, {"time.sleep": naps.append}):
        assert fetch("u") == "u at True" and naps == [5]
        assert time.sleep is not naps.append
    with override(exists, {"os.path.exists": lambda path: "yes", "os.sep": "|"}):
        assert exists("/no/where") == ("yes", "where", "|")
        assert not os.path.exists("/no/where")
    assert exists("/no/where") == (False, "where", os.sep)


def test_a_class_behind_a_dotted_name_still_is_a_class():
    with override(now, {"datetime.datetime.now": lambda: "now"}):
        assert now() == (True, "now", 9999, True, True)


def test_stand_ins_pass_on_special_methods():
    """Calls, items, iteration, comparison, `with` and attributes set reach the real object."""

    class Box(dict):
        tag = "real"

        def __call__(self):
            return "called"

        def __enter__(self):
            return "entered"

        def __exit__(self, *args):
            return None

    def make_func(box):
        def func():
            box["k"] = 1
            box.note = 2
            box.tag = "set inside"
            with box as entered:
                pass
            return (
                box(),
                len(box),
                list(box),
                box["k"],
                "k" in box,
                box == {"k": 1},
                isinstance(box, Box),
                box.tag,
                entered,
                str(box),
            )

        return func

    box = Box()
    with override(make_func(box), {"box.tag": "fake"}) as change:
        pass
    func = make_func(box)
    with override(func, {"box.tag": "fake"}):
        got = func()
    assert got[:-1] == ("called", 1, ["k"], 1, True, True, True, "set inside", "entered")
    assert box.note == 2 and box.tag == "real"


def test_a_dotted_name_that_is_not_there():
    with pytest.raises(ScopeError, match="sleep"):
        override(fetch, {"time.slep": 1})
    with pytest.raises(ScopeError, match="does not use `tim`"):
        override(fetch, {"tim.sleep": 1})


def test_default_makes_autospecced_mocks():
    """`DEFAULT`: a mock with the signature of what the name means now, in the mapping that `as` gives."""

    def load(path):
        return exists(path)

    with override(load, exists=mock.DEFAULT) as fakes:
        fakes["exists"].return_value = "faked"
        assert load("p") == "faked"
        fakes["exists"].assert_called_once_with("p")
        with pytest.raises(TypeError):
            fakes["exists"](1, 2, 3)
        assert set(fakes) == {"exists"}
        first = fakes["exists"]
    change = override(fetch, {"time.sleep": mock.DEFAULT})
    with change as fakes:
        fetch("u")
        fakes["time.sleep"].assert_called_once_with(5)
    with override(load, exists=mock.DEFAULT) as fakes:
        assert fakes["exists"] is not first


def test_lambdas_generator_expressions_and_re():
    """Names of comprehension scopes, and a real function of the standard library."""
    compiled = []
    real = re.compile

    def spy(pattern, flags=0):
        compiled.append(pattern)
        return real(pattern, flags)

    with override(re.match, _compile=spy):
        assert re.match("a", "abc").group() == "a"
    assert compiled == ["a"] and re.match("b", "b")
    func = lambda: sum(x * LIMIT for x in range(3))
    with override(func, LIMIT=1):
        assert func() == 3
    assert func() == 30
