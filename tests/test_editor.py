"""The code editor: exact about names, and about everything that it leaves alone."""

from __future__ import annotations

import dis
import os
import subprocess
import sys
from types import CodeType, FunctionType

import pytest
from programs import available, load, outcome
from sizes import DEBUG, FULL, pick
from streams import Constant, assert_same

import recell
from recell.code import assembler
from recell.code.instructions import opcodes
from recell.code.to_cells import add_free_variables, globals_to_cells
from recell.code.to_constants import NotConstant, reads_to_constants
from recell.code.to_globals import cells_to_globals, drop_free_variables
from recell.code.uses import uses

NEW = sys.version_info >= (3, 11)
FEW = pick(5, 40)


def reads(func: FunctionType) -> dict[str, object]:
    found = recell.scope(func)
    return {**found.globals, **found.builtins}


def verified(code: CodeType) -> CodeType:
    from recell.verifier.verify import verify

    verify(code)
    return code


@pytest.mark.parametrize("name", available())
def test_promoted_programs_do_the_same(name: str) -> None:
    """Every name by itself and all together: cells with the values that the globals had change nothing."""
    expected = outcome(load(name))
    names = list(reads(load(name)))
    local = {
        *load(name).__code__.co_varnames,
        *load(name).__code__.co_cellvars,
        *load(name).__code__.co_freevars,
    }
    for chosen in [*([each] for each in names[:FEW]), [each for each in names if each not in local]]:
        func = load(name)
        try:
            new = recell.promote(func, {each: reads(func)[each] for each in chosen})
        except recell.ScopeError:
            assert set(chosen) & local
            continue
        assert_same(func.__code__, verified(new.__code__), set(chosen))
        assert outcome(new) == expected, chosen
        func = load(name)
        back = recell.demote(recell.promote(func, {each: reads(func)[each] for each in chosen}), *chosen)
        assert_same(func.__code__, verified(back.__code__), set(chosen))
        assert back.__code__.co_freevars == func.__code__.co_freevars


@pytest.mark.parametrize("name", available())
def test_promoted_programs_see_their_cells(name: str) -> None:
    """Another value in the cell is what the function sees, wherever it reads the name; the module is left alone."""
    func = load(name)
    if "LIMIT" not in reads(func):
        return
    func.__globals__["LIMIT"] = 2
    expected = outcome(func)
    other = load(name)
    new = recell.promote(other, LIMIT=2)
    assert outcome(new) == expected
    assert other.__globals__["LIMIT"] == 3
    recell.closure(new)["LIMIT"] = 3
    fresh = recell.promote(load(name), LIMIT=3)
    assert outcome(fresh) == outcome(load(name))


@pytest.mark.parametrize("name", available())
def test_frozen_programs_do_the_same(name: str) -> None:
    """Every name that is not assigned, by itself and all together; another value is what the function sees."""
    expected = outcome(load(name))
    func = load(name)
    assigned = recell.scope(func).assigned
    free = func.__code__.co_freevars
    names = [each for each in reads(func) if each not in assigned and each not in free]
    for chosen in [*([each] for each in names[:FEW]), names]:
        func = load(name)
        new = recell.freeze(func, *chosen)
        verified(new.__code__)
        assert outcome(new) == expected, chosen
    if "LIMIT" in names:
        func = load(name)
        func.__globals__["LIMIT"] = 2
        assert outcome(recell.freeze(load(name), LIMIT=2)) == outcome(func)


@pytest.mark.parametrize("name", [each for each in available() if load(each).__closure__])
def test_demoted_and_frozen_closures_do_the_same(name: str) -> None:
    """Free variables as globals of a copy, or as constants, behave as the cells did."""
    expected = outcome(load(name))
    func = load(name)
    new = recell.freeze(func)
    assert set(new.__code__.co_freevars) == recell.scope(func).assigned & set(func.__code__.co_freevars)
    verified(new.__code__)
    assert outcome(new) == expected
    func = load(name)
    if not reads(func).keys() & set(func.__code__.co_freevars):
        new = recell.demote(func)
        assert new.__closure__ is None
        gone = set(func.__code__.co_freevars)
        assert_same(func.__code__, verified(new.__code__), gone, gone)
        assert outcome(new) == expected


@pytest.mark.parametrize("name", available())
def test_constants_keep_the_free_variables(name: str) -> None:
    """`reads_to_constants` leaves `co_freevars` alone, so that one `__code__` store switches."""
    func = load(name)
    free = {each: Constant(each) for each in func.__code__.co_freevars}
    values = {each: Constant(each) for each in reads(func)}
    for chosen in list(values)[:FEW]:
        try:
            new = reads_to_constants(func.__code__, {chosen: values[chosen]})
        except NotConstant as refusal:
            assert refusal.name == chosen
            continue
        assert new.co_freevars == func.__code__.co_freevars
        assert_same(func.__code__, verified(new), {chosen})
    for chosen in list(free)[:FEW]:
        try:
            new = reads_to_constants(func.__code__, {}, {chosen: free[chosen]})
        except NotConstant:
            continue
        assert new.co_freevars == func.__code__.co_freevars
        verified(new)


@pytest.mark.parametrize("name", available())
def test_grafted_free_variables_change_nothing(name: str) -> None:
    """`add_free_variables` appends to the closure; the function does what it did."""
    func = load(name)
    expected = outcome(load(name))
    code = add_free_variables(func.__code__, ["__class__", "more"])
    assert code.co_freevars == (*func.__code__.co_freevars, "__class__", "more")
    cells = (*(func.__closure__ or ()), recell.make_cell(int), recell.make_cell())
    assert outcome(recell.replace(func, code=verified(code), closure=cells)) == expected
    assert add_free_variables(func.__code__, []) is func.__code__


def test_nothing_to_change_gives_the_very_same_object() -> None:
    """A name that the code does not use leaves it as it is."""
    for name in available():
        code = load(name).__code__
        assert globals_to_cells(code, ["no_such_name"]) is code
        assert reads_to_constants(code, {"no_such_name": 1}, {"nor_this": 2}) is code
        assert cells_to_globals(code, ["no_such_name"]) is code
        assert drop_free_variables(code, ["no_such_name"]) is code


def test_uses_tells_nested_variables_apart() -> None:
    """A nested function's own parameter or local of that name is another variable."""

    def make(shared, untouched):
        def func(parameter):
            local = shared

            def own_parameter(limit, shared=1):
                return limit, shared

            def own_local():
                limit = 1
                return limit

            def reader():
                return reads_it, parameter  # noqa: F821

            def writer():
                global writes_it
                writes_it = 1

            return own_parameter, own_local, reader, writer, local

        return func

    found = uses(make(1, 2).__code__)
    assert "limit" not in found
    assert found["reads_it"].read and not found["reads_it"].written
    assert found["writes_it"].written and not found["writes_it"].read
    assert found["shared"].free and found["shared"].free_read and not found["shared"].free_written
    assert found["parameter"].parameter and not found["parameter"].local
    assert found["local"].local and not found["local"].parameter
    assert not uses(make(1, 2).__code__, ["nothing"])["nothing"].read
    assert "read" in repr(found["reads_it"])


def test_uses_follows_free_variables_by_slot() -> None:
    """`nonlocal` in a nested function assigns the outer's variable; a shadowing one in between does not."""

    def make():
        a = b = 1

        def func():
            def assigns():
                nonlocal a
                a = 2

            def shadows():
                b = 1

                def inner():
                    nonlocal b
                    b = 3

                return inner, b

            return assigns, shadows, b

        return func

    found = uses(make().__code__)
    assert found["a"].free_written
    assert found["b"].free_read and not found["b"].free_written


def test_what_a_class_body_stores_first_is_its_own() -> None:
    """A class body's own name is no use of the global; one read before it is stored is."""

    def func():
        class K:
            own = 1
            also = own
            taken = taken  # noqa: F821

        return K

    found = uses(func.__code__)
    assert not found["own"].read
    assert found["taken"].read and found["taken"].class_stored


def test_what_a_class_body_stores_is_no_constant_and_what_it_only_reads_is() -> None:
    """Whatever names it stores besides, before and behind."""

    def func():
        class K:
            before = 1
            read = outside  # noqa: F821
            taken = taken  # noqa: F821

        return K.read

    code = reads_to_constants(func.__code__, {"outside": 5})
    space = {"__builtins__": __builtins__, "__name__": "x", "taken": 1}
    assert FunctionType(verified(code), space)() == 5
    with pytest.raises(NotConstant) as caught:
        reads_to_constants(func.__code__, {"taken": 5})
    assert (caught.value.name, caught.value.reason) == ("taken", "class body")


def test_free_variables_beyond_255() -> None:
    """EXTENDED_ARGs appear where slots, constants and closures outgrow a byte; the loops still jump right."""
    func = load("many locals")
    assert len(func.__code__.co_freevars) == 300
    values = reads(func)
    code = globals_to_cells(func.__code__, values)
    assert len(code.co_freevars) == 300 + len(values)
    again = cells_to_globals(verified(code), values)
    assert again.co_freevars == func.__code__.co_freevars
    assert_same(func.__code__, again, set(values))
    some = list(func.__code__.co_freevars[::2])
    assert_same(func.__code__, verified(cells_to_globals(func.__code__, some)), set(some), set(some))


@pytest.mark.skipif(DEBUG and not FULL, reason="half a minute on a debug build: full size only")
def test_seventy_thousand_constants() -> None:
    """A constant whose index takes three bytes, in a leaf and in a nested function."""
    space: dict[str, object] = {"LIMIT": 1}
    numbers = ", ".join(f"{n}.5" for n in range(70_000))
    exec(
        f"def func():\n    for n in [{numbers}][:3]:\n        if n > LIMIT: return LIMIT, n, (lambda: LIMIT)()",
        space,
    )
    func = space["func"]
    assert isinstance(func, FunctionType)
    if len(func.__code__.co_consts) < 65_536:  # 3.14+ builds such lists of one constant tuple
        consts = (*func.__code__.co_consts, *range(70_000))
        func = recell.replace(func, code=func.__code__.replace(co_consts=consts))
    new = recell.freeze(func, LIMIT=2)
    assert new() == (2, 2.5, 2)
    assert_same(func.__code__, reads_to_constants(func.__code__, {"LIMIT": Constant("LIMIT")}), {"LIMIT"})


@pytest.mark.skipif(not NEW, reason="positions came with 3.11")
def test_tracebacks_show_the_same_columns() -> None:
    """The position of every instruction, edited ones included, is the original's."""
    import traceback

    def func(value):
        class K:
            x = [len(missing_name) for _ in value]  # noqa: F821

        return K

    texts = []
    for each in (func, recell.promote(func, len=len), recell.freeze(func, "len")):
        with pytest.raises(NameError) as caught:
            each("ab")
        frame = traceback.extract_tb(caught.value.__traceback__)[-1]
        texts.append((frame.lineno, frame.colno, frame.end_lineno, frame.end_colno, frame.line))
    assert texts[0] == texts[1] == texts[2]


def test_tracing_sees_the_same_lines() -> None:
    """A trace function sees the lines that it saw before, in the same order."""

    def func(n):
        total = 0
        for i in range(n):
            total += max(
                i,
                abs(total),
            )
            if total > len("abc"):
                break
        return total

    def lines(each: FunctionType) -> list[object]:
        seen = []

        def trace(frame, event, arg):
            if frame.f_code is each.__code__:
                frame.f_locals  # noqa: B018 - debuggers read it
                seen.append((event, frame.f_lineno))
                return trace
            return None

        sys.settrace(trace)
        try:
            each(5)
        finally:
            sys.settrace(None)
        return seen

    expected = lines(func)
    assert lines(recell.promote(func, max=max, abs=abs, len=len, range=range)) == expected
    assert lines(recell.freeze(func, "max", "abs", "len", "range")) == expected
    assert lines(recell.demote(recell.promote(func, max=max, len=len))) == expected


def test_debuggers_write_to_the_right_variable() -> None:
    """Where a nested function only passes a cell on past a local of the same name, tracing leaves both alone."""
    func = load("two variables of one name")
    expected = outcome(func)

    def trace(frame, event, arg):
        frame.f_locals  # noqa: B018
        return trace

    new = recell.promote(func, LIMIT=3)
    sys.settrace(trace)
    try:
        assert outcome(new) == expected
    finally:
        sys.settrace(None)


@pytest.mark.parametrize("gone", ["a", "b", "c", "ab", "ac", "bc"])
def test_variables_behind_those_that_go_move_up_in_place(gone) -> None:
    """No argument becomes wider: neither where they are read, nor where they are passed on."""

    def make(a, b, c):
        def func(x=0):
            nonlocal c
            c = x or c
            return a, b, c, lambda: (c, b, a)

        return func

    code = make(1, 2, 3).__code__
    new = cells_to_globals(code, tuple(gone))
    (nested,) = [each for each in new.co_consts if isinstance(each, CodeType)]
    assert new.co_freevars == nested.co_freevars == tuple(name for name in "abc" if name not in gone)
    for each in (new, nested):
        assert dis.EXTENDED_ARG not in each.co_code[::2]
    assert cells_to_globals(code, "abc").co_freevars == ()


def test_what_stores_and_deletes_a_global_takes_no_more_room_in_a_cell() -> None:
    """Nothing is put in front of it."""

    def func(x):
        global stored
        stored = x
        del stored
        stored = x

    code = globals_to_cells(func.__code__, ("stored",))
    grown = 2 * NEW  # COPY_FREE_VARS
    assert (
        len(code.co_code) == len(func.__code__.co_code) + grown and dis.EXTENDED_ARG not in code.co_code[::2]
    )


@pytest.mark.parametrize("more", [0, 250, 256, 300])
def test_a_constant_behind_many_others_between_jumps(more) -> None:
    """Where its load is wider than the read of a global, all behind it moves."""
    lines = "".join(f" x = {number}.5\n" for number in range(more))
    text = f"def func(flag):\n{lines} while flag:\n  flag = flag - 1 if flag else LIMIT\n return LIMIT if not flag else 0"
    space: dict[str, object] = {"LIMIT": 10}
    exec(text, space)
    func = space["func"]
    for new in (recell.freeze(func, LIMIT=7), recell.promote(func, LIMIT=7)):
        assert [new(flag) for flag in (0, 1, 3)] == [7, 7, 7]
        verified(new.__code__)
    assert [func(flag) for flag in (0, 1, 3)] == [10, 10, 10]


def test_unsupported_code_is_refused() -> None:
    """A nested function that is not made the way a compiler makes it: a typed error, not a guess."""
    code = load("closures").__code__
    nested = next(each for each in code.co_consts if isinstance(each, CodeType))
    broken = nested.replace(co_freevars=nested.co_freevars[:-1])
    consts = tuple(broken if each is nested else each for each in code.co_consts)
    with pytest.raises(recell.UnsupportedCodeError) as caught:
        globals_to_cells(code.replace(co_consts=consts), ["LIMIT"])
    instructions = [each for each in dis.get_instructions(code) if each.opname != "EXTENDED_ARG"]
    loaded = next(at for at, each in enumerate(instructions) if each.argval is nested)
    make = next(each for each in instructions[loaded:] if each.opname == "MAKE_FUNCTION")
    assert caught.value.code
    assert f"the function made at offset {make.offset} is not made" in caught.value.reason
    assert caught.value.reason in str(caught.value)


def test_edits_verify_themselves_on_demand() -> None:
    """With RECELL_VERIFY=1 every edited code object goes through the verifier; without it, the verifier is not loaded."""
    script = (
        "import sys, recell\n"
        "def func(): return len('ab'), [len for _ in 'a']\n"
        "assert recell.promote(func, len=abs).__code__.co_freevars == ('len',)\n"
        "recell.demote(recell.freeze(recell.promote(func, len=abs), 'len'))\n"
        "print('recell.verifier.verify' in sys.modules)\n"
    )
    for flag, expected in (("1", "True"), ("", "False")):
        environment = {**os.environ, "RECELL_VERIFY": flag}
        run = subprocess.run(
            [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, check=True
        )
        assert run.stdout.decode().strip() == expected


@pytest.mark.skipif(not NEW, reason="pairs of locals came with 3.13")
def test_one_half_of_a_pair() -> None:
    """A cell loaded by one half of LOAD_FAST_LOAD_FAST: taken out, the other half stays."""
    known = opcodes()
    if not known.closure_pairs:
        pytest.skip("pairs of locals came with 3.13")

    def make(x):
        def func(a):
            return list((a, lambda: x, a))

        return func

    func = make(5)
    code = func.__code__
    raw = bytearray(code.co_code)
    slot = code.co_nlocals
    load = next(
        at
        for at in range(0, len(raw), 2)
        if dis.opname[raw[at]].startswith("LOAD_FAST") and raw[at + 1] == slot
    )
    assert dis.opname[raw[load - 2]].startswith("LOAD_FAST")
    pair, single = next(
        (pair, single) for pair, single in known.closure_pairs.items() if single == known.load_closure
    )
    both = bytes((pair, 0 << 4 | slot))
    # as a compiler could write it: one instruction instead of two
    paired = assembler.apply(code, [(load // 2 - 1, load // 2 + 1, both)])
    new = recell.replace(func, code=paired)
    assert new(1)[1]() == 5
    frozen = recell.freeze(new, "x")
    assert frozen.__closure__ is None
    assert frozen(1)[0::2] == [1, 1]
    assert frozen(1)[1]() == 5
    more = recell.promote(new, list=tuple)
    assert more(1)[1]() == 5
    assert recell.demote(more)(1)[1]() == 5
