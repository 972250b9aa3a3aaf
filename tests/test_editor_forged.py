"""The editor and code that no compiler writes: edited exactly, or refused with a typed error, never guessed at."""

from __future__ import annotations

from types import FunctionType

import pytest
from assembling import RELEASE, assemble, has
from verifying import CONSTS, RETURN

import recell
from recell import UnsafeCodeError, UnsupportedCodeError, verify
from recell.code import assembler, tables
from recell.code import assembler as edits
from recell.code.instructions import found, opcodes
from recell.code.making import UNKNOWN
from recell.code.to_cells import globals_to_cells
from recell.code.to_globals import cells_to_globals, drop_free_variables

NEW = RELEASE.exception_table


def limited():
    return LIMIT  # noqa: F821


def outer(x, y):
    def func(a):
        return a, lambda: (x, y)

    return func


# -- functions made in other ways -------------------------------------------------------------------

QUALNAME = (("LOAD_CONST", 1),) if not RELEASE.qualname_in_code else ()


def test_a_function_of_code_from_elsewhere():
    """Its code is no constant, so it is no part of what is edited: its names stay."""
    making = (("LOAD_FAST", 0), *QUALNAME, ("MAKE_FUNCTION", 0), "RETURN_VALUE")
    consts = {"co_consts": (limited.__code__, "name"), "co_varnames": ("a",), "co_argcount": 1}
    code = assemble(*making, **consts)
    assert globals_to_cells(code, ["LIMIT"]) is code
    first = assemble(("MAKE_FUNCTION", 0), "RETURN_VALUE", opening=False, **consts)
    assert globals_to_cells(first, ["LIMIT"]) is first


def test_a_closure_that_is_no_display():
    """A tuple from somewhere: which cells it holds nobody can tell."""
    inner = outer(1, 2)(0)[1].__code__
    attached = has("SET_FUNCTION_ATTRIBUTE")
    making = ["MAKE_FUNCTION", ("SET_FUNCTION_ATTRIBUTE", 8)] if attached else [("MAKE_FUNCTION", 8)]
    pushed = (("LOAD_FAST", 0), ("LOAD_CONST", 0), *QUALNAME)
    consts = {"co_consts": (inner, "name"), "co_varnames": ("a",), "co_argcount": 1}
    for before in ((), (("LOAD_CONST", 1), ("BUILD_TUPLE", 2))):
        code = assemble(pushed[0], *before, *pushed[1:], *making, "RETURN_VALUE", **consts)
        with pytest.raises(UnsupportedCodeError, match="not made the way a compiler does it"):
            globals_to_cells(code, ["LIMIT"])


@pytest.mark.skipif(not has("LOAD_FAST_LOAD_FAST"), reason="pairs of locals came with 3.13")
def test_a_closure_loaded_by_a_pair():
    """Two cells by one instruction, as a compiler could write it: either goes, and both."""
    func = outer(1, 2)
    code = func.__code__
    base = code.co_nlocals
    loads = [found(code.co_code[::2], code.co_code[1::2], number) for number in opcodes().closure_loads]
    first, second = sorted(unit for each in loads for _, unit, slot in each if slot >= base)
    assert second == first + 1
    pair = next(pair for pair, single in opcodes().closure_pairs.items() if single == code.co_code[2 * first])
    both = bytes((pair, base << 4 | base + 1))
    paired = recell.replace(func, code=assembler.apply(code, [(first, second + 1, both)]))
    for names in (("x",), ("y",), ("x", "y")):
        for verb in (recell.freeze, recell.demote):
            new = verb(paired, *names)
            verify(new.__code__)
            assert new(0)[1]() == (1, 2)


@pytest.mark.skipif(not NEW, reason="cells are apart from locals")
def test_a_free_variable_read_as_a_local():
    """A correct compiler loads its cell for a closure only: what else would become of it nobody can tell."""
    reading = (("COPY_FREE_VARS", 1), ("RESUME", 0), ("LOAD_FAST", 0), "RETURN_VALUE")
    code = assemble(*reading, opening=False, co_freevars=("x",), **CONSTS)
    with pytest.raises(UnsupportedCodeError, match="no correct compiler does"):
        cells_to_globals(code, ["x"])
    if has("LOAD_FAST_LOAD_FAST"):
        paired = (*reading[:2], ("LOAD_FAST_LOAD_FAST", 0), "POP_TOP", "RETURN_VALUE")
        with pytest.raises(UnsupportedCodeError, match="no correct compiler does"):
            cells_to_globals(assemble(*paired, opening=False, co_freevars=("x",), **CONSTS), ["x"])


def test_a_declared_free_variable_that_nothing_copies():
    """Without COPY_FREE_VARS there is nothing to shorten."""
    code = assemble(*RETURN, co_freevars=("x", "y"), **CONSTS)
    assert drop_free_variables(code, ["x"]).co_freevars == ("y",)
    assert cells_to_globals(code, ["x", "y"]).co_freevars == ()


# -- large tables -----------------------------------------------------------------------------------


def test_names_that_share_a_byte():
    """The 257th name has the first one's argument behind an EXTENDED_ARG."""
    names = [f"n{number}" for number in range(300)]
    space: dict[str, object] = {name: number for number, name in enumerate(names)}
    exec(f"def func(): return [{', '.join(names)}]", space)
    func = space["func"]
    assert isinstance(func, FunctionType)
    assert recell.freeze(func, n0=-1)() == [-1, *range(1, 300)]
    assert recell.promote(func, n0=-1, n256=-2)() == [-1, *range(1, 256), -2, *range(257, 300)]


def test_constants_that_take_two_bytes():
    """A function that does nothing but read the name gets the load that fits, or its code moves."""
    code = limited.__code__
    many = limited.__code__.replace(co_consts=(*code.co_consts, *range(300)))
    func = FunctionType(many, {"LIMIT": 3})
    for value in (5, "text"):
        new = recell.freeze(func, LIMIT=value)
        verify(new.__code__)
        assert new() == value


# -- what the editor asks of itself -----------------------------------------------------------------


def looping(n):
    total = [0]
    for i in range(n):
        try:
            total.append(i)
        except ValueError:
            return None
    return total


def test_a_relocation_that_went_wrong_is_noticed():
    """Relocated code is decoded and compared: another length, instruction, argument, target or handler is an error."""
    code = looping.__code__
    units = len(code.co_code) // 2
    where = range(units + 1)
    assert assembler._difference(code, code, [], where, where) == ""
    raw = code.co_code
    longer = assembler.apply(code, [(0, 0, bytes((opcodes().nop, 0)))])
    assert "length" in assembler._difference(code, longer, [], where, where)

    def changed(number, step, new):
        at = 2 * found(raw[::2], raw[1::2], number)[0][1] + step
        return code.replace(co_code=raw[:at] + bytes((new,)) + raw[at + 1 :])

    load, jump = opcodes().load_global, next(n for n in raw[::2] if n in opcodes().jumps)
    assert "instruction" in assembler._difference(
        code, changed(load, 0, opcodes().load_name), [], where, where
    )
    assert "argument" in assembler._difference(code, changed(load, 1, 77), [], where, where)
    target = changed(jump, 1, 2)
    assert "jump" in assembler._difference(code, target, [], where, where)
    if NEW:
        without = code.replace(co_exceptiontable=b"")
        assert "handlers" in assembler._difference(code, without, [], where, where)


def test_a_relocation_that_went_wrong_is_not_handed_out(monkeypatch):
    """The error asks for a report; nobody gets the code."""
    monkeypatch.setattr(assembler, "_difference", lambda *args: "the length")
    nop = bytes((opcodes().nop, 0))
    with pytest.raises(UnsupportedCodeError, match="please report this"):
        assembler.apply(looping.__code__, [(0, 0, nop)])


def test_edited_code_is_verified_on_demand(monkeypatch):
    """RECELL_VERIFY=1 looks at everything that an edit makes."""
    bad = limited.__code__.replace(co_names=())
    assert edits.checked(bad) is bad
    monkeypatch.setattr(edits, "VERIFY", True)
    assert edits.checked(limited.__code__) is limited.__code__
    with pytest.raises(UnsafeCodeError):
        edits.checked(bad)


def test_a_value_that_is_not_known_says_so():
    """As messages show it."""
    assert repr(UNKNOWN) == "<unknown>"


# -- locations --------------------------------------------------------------------------------------


@pytest.mark.skipif(not NEW, reason="the format came with 3.11")
@pytest.mark.parametrize("text", ["a" + "\n" * 100 + "+ b", " " * 200 + "a" + "\n" * 3 + " " * 150 + "+ b"])
def test_long_steps_between_lines_are_carried(text):
    """Lines and columns that take two bytes, whatever instruction goes."""
    code = compile(f"x = ({text})\ny = x\nz = (\n\n{text})\n", "x", "exec")
    old = list(code.co_positions())
    for unit in range(len(old)):
        where = [each - (each > unit) for each in range(len(old) + 1)]
        table = tables.move_locations(code.co_linetable, where)
        short = code.replace(co_code=code.co_code[:-2], co_linetable=table, co_exceptiontable=b"")
        assert list(short.co_positions()) == [*old[:unit], *old[unit + 1 :]], unit
