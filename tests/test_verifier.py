"""`verify` accepts what compilers make and what runs well; the code units of what it refuses, and what the error says."""

from __future__ import annotations

import dis
import sys
from opcode import opmap
from types import CellType

import pytest
from assembling import DEBUG, NEW, RELEASE, assemble, at, has, patched, units, with_units
from verifying import CONSTS, RETURN, closing, generating, guarded, inner_code, plain, refused

from recell import UnsafeCodeError, verify

# -- what is accepted -------------------------------------------------------------------------------


def test_every_construct_is_accepted():
    """The functions of this file, nested ones included."""
    for func in (plain, closing, guarded, generating, test_every_construct_is_accepted):
        verify(func.__code__)
    with open(__file__, encoding="utf-8") as file:
        verify(compile(file.read(), __file__, "exec"))


def test_an_append_whose_result_goes_on_another_line():
    """Debug builds of 3.13 and 3.14 do not bear it traced, but compilers make it: `match` with one case."""
    text = "def func(values):\n    match values.append(1):\n        case _:\n            return values\n"
    if sys.version_info >= (3, 10):
        verify(compile(text, "match", "exec"))


def test_only_code_objects():
    """Anything else is a TypeError that shows it."""
    with pytest.raises(TypeError, match=r"takes a code object, not .*\.plain \(.*\); pass its `__code__`"):
        verify(plain)


def test_assembled_code_is_accepted():
    """What the other tests here change is right to begin with."""
    verify(assemble(*RETURN, **CONSTS))


def test_declared_free_variables_that_nothing_reads():
    """Frames read their cells unasked, so they are copied first."""
    code = plain.__code__.replace(co_freevars=("more",))
    if NEW:
        refused(code, "never copied")
    else:
        verify(code)


@pytest.mark.parametrize(
    "fields",
    [
        {"co_varnames": ("x", "x"), "co_nlocals": 2},
        {"co_varnames": ("x", "y"), "co_nlocals": 2, "co_freevars": ("x",)},
    ],
)
def test_duplicate_names(fields):
    """Slots count, names do not."""
    opening = (("COPY_FREE_VARS", 1), ("RESUME", 0)) if NEW and "co_freevars" in fields else ()
    verify(assemble(*opening, *RETURN, opening=not opening, **CONSTS, **fields))


def test_free_variables_in_any_order_and_appended():
    """The interpreter does not care how they are sorted."""
    freevars = ("zz", *inner_code.co_freevars, "aa")
    if not NEW:
        verify(inner_code.replace(co_freevars=(*inner_code.co_freevars, "aa")))
        return
    offset = at(inner_code, "COPY_FREE_VARS")
    verify(patched(inner_code.replace(co_freevars=freevars), offset + 1, 3))


@pytest.mark.parametrize(
    "value", [CellType(1), CellType(), [], {}, {1}, object(), plain.__code__, (CellType(1),), 1j, ...]
)
def test_constants_of_any_kind(value):
    """Cells, lists, code objects: as values they are all the same."""
    verify(assemble(("LOAD_CONST", 1), "RETURN_VALUE", co_consts=(None, value)))


def test_seventy_thousand_constants():
    """EXTENDED_ARG, twice."""
    code = assemble(("LOAD_CONST", 69999), "POP_TOP", *RETURN, co_consts=tuple(range(70000)))
    verify(code)
    error = refused(code.replace(co_consts=tuple(range(69999))), "out of range")
    assert error.instruction == "LOAD_CONST 69999"


def test_jump_over_nops():
    """What same-size edits leave."""
    step = RELEASE.jump_unit
    verify(assemble(("JUMP_FORWARD", 3 * (2 if step == 1 else 1)), "NOP", "NOP", "NOP", *RETURN, **CONSTS))


def test_dead_code_may_do_what_it_likes_to_the_stack():
    """Compilers leave such code behind a return."""
    verify(assemble(*RETURN, "POP_TOP", "POP_TOP", *RETURN, **CONSTS))


def test_a_cell_as_a_constant_in_the_place_of_a_cell_variable():
    """LOAD_CONST cell, STORE_FAST slot: what an override puts before the first line."""
    if not has("MAKE_CELL"):
        return
    cell = {"co_consts": (None, CellType(1)), "co_cellvars": ("c",), "co_varnames": ()}
    verify(assemble(("LOAD_CONST", 1), ("STORE_FAST", 0), ("LOAD_DEREF", 0), "RETURN_VALUE", **cell))
    refused(
        assemble(("LOAD_CONST", 0), ("STORE_FAST", 0), ("LOAD_DEREF", 0), "RETURN_VALUE", **cell), "no cell"
    )


def test_three_hundred_free_variables():
    """COPY_FREE_VARS behind an EXTENDED_ARG."""
    names = tuple(f"v{i}" for i in range(300))
    source = f"def outer():\n {','.join(names)} = range(300)\n def inner():\n  return [{','.join(names)}]\n return inner"
    space = {}
    exec(source, space)
    verify(space["outer"].__code__)
    verify(space["outer"]().__code__)


# -- what is refused: the code units ----------------------------------------------------------------


def test_the_error_says_where_and_why():
    """Offset, instruction, reason and the code's repr are attributes; the error pickles."""
    import pickle

    code = assemble(("LOAD_CONST", 0), "POP_TOP", ("LOAD_CONST", 9), "RETURN_VALUE", **CONSTS)
    error = refused(code, "argument 9 is out of range: there are 5")
    assert error.instruction == "LOAD_CONST 9"
    assert code.co_code[error.offset] == opmap["LOAD_CONST"] and code.co_code[error.offset + 1] == 9
    assert error.code == repr(code) and repr(code) in str(error)
    again = pickle.loads(pickle.dumps(error))
    assert (again.offset, again.reason) == (error.offset, error.reason)
    assert isinstance(error, ValueError)


def test_nested_code_is_checked():
    """At any depth."""
    bad = assemble(("LOAD_CONST", 9), "RETURN_VALUE", co_name="deep")
    outer = assemble(*RETURN, co_consts=(None, assemble(*RETURN, co_consts=(None, bad))))
    assert "deep" in str(refused(outer))


@pytest.mark.parametrize(
    "instructions", [(), ("NOP",), (("LOAD_CONST", 0), "POP_TOP"), (("JUMP_FORWARD", 0),)]
)
def test_the_end_is_not_run_past(instructions):
    """Every path ends."""
    if instructions or not NEW:
        refused(assemble(*instructions, **CONSTS))


def test_half_a_code_unit():
    """3.11 and later refuse it themselves."""
    try:
        code = plain.__code__.replace(co_code=plain.__code__.co_code + b"\0")
    except ValueError:
        return
    refused(code, "half a code unit")


@pytest.mark.skipif(DEBUG, reason="the constructor asserts")
@pytest.mark.parametrize(
    "before", [(), (("LOAD_GLOBAL", 0), "POP_TOP") * 2], ids=["first", "behind counters"]
)
def test_unknown_and_internal_opcodes(before):
    """Only what a compiler emits: no gaps, no specialised or instrumented ones, no CACHE.

    Counters of how often an instruction ran do not hide them: as new as these, they say that the code has never run.
    """
    known = {number for name, number in opmap.items() if number < 256}
    internal = {
        n
        for name, n in opmap.items()
        if name.startswith(("INSTRUMENTED", "CACHE", "RESERVED", "INTERPRETER"))
    }
    start = len(units(("RESUME", 0), *before) if NEW else units(*before))
    # behind the return, room for the caches that the constructor believes in
    base = assemble(*before, "NOP", *RETURN, *["NOP"] * 16, co_names=("len",), **CONSTS)
    verify(base)
    # 3.12 and 3.13 cannot even make these (230 is ENTER_EXECUTOR)
    unmakeable = (
        {"INSTRUMENTED_LINE", "INSTRUMENTED_INSTRUCTION"}
        if (3, 12) <= sys.version_info[:2] <= (3, 13)
        else ()
    )
    left_out = {opmap[name] for name in unmakeable} | ({230} if sys.version_info[:2] == (3, 12) else set())
    for number in sorted((set(range(256)) - known | internal) - left_out):
        forged = patched(base, start, number)
        try:
            verify(forged)
        except UnsafeCodeError:
            continue
        # accepted is what it stands for, in its place from now on
        assert RELEASE.despecialise is not None
        runs, shown = forged._co_code_adaptive[start], forged.co_code[start]
        assert runs == shown != number or shown == opmap["RESUME"], number


@pytest.mark.skipif(RELEASE.despecialise is None, reason="nothing takes specialised opcodes out")
def test_specialised_opcodes_are_not_trusted():
    """A copy of what the interpreter wrote would run with any cache: it is refused, or runs what `co_code` shows."""
    import types

    def reads(value):
        return value.part, len("text"), value.part + 1

    value = types.SimpleNamespace(part=1)
    for _ in range(300):
        reads(value)
    specialised = reads.__code__._co_code_adaptive
    forged = reads.__code__.replace(co_code=specialised)
    try:
        verify(forged)
    except UnsafeCodeError:
        assert forged.co_code[0] == reads.__code__.co_code[0]
    else:
        starts = [each.offset for each in dis.get_instructions(forged)]
        assert all(forged._co_code_adaptive[start] == forged.co_code[start] for start in starts)
    verify(reads.__code__)
    assert reads(value) == (1, 4, 2)


@pytest.mark.skipif(RELEASE.despecialise is None, reason="no monitors")
@pytest.mark.parametrize("runs", [1, 2, 40])
def test_functions_under_a_monitor(runs):
    """A monitor that turns its events off takes the mark of the first run with it: coverage's does."""
    monitoring, tool = sys.monitoring, 3
    events = monitoring.events

    def loop(items):
        for item in items:
            item.real

    def falling(items):
        for item in items:
            try:
                item.real
            except ValueError:
                return 3
            if item is None:
                return 4
        while items:
            items = items[1:]

    def off(*args):
        return monitoring.DISABLE

    def start(code, offset):
        monitoring.set_local_events(tool, code, events.LINE)
        return monitoring.DISABLE

    monitoring.use_tool_id(tool, "lines")
    try:
        monitoring.register_callback(tool, events.LINE, off)
        monitoring.register_callback(tool, events.PY_START, start)
        monitoring.set_events(tool, events.PY_START)
        for func in (loop, falling):
            for _ in range(runs):
                func([1, 2, 3, 4, 5])
        for func in (loop, falling):
            verify(func.__code__)
            func([1, 2])
    finally:
        monitoring.set_events(tool, 0)
        monitoring.free_tool_id(tool)
    for func in (loop, falling):
        func([1, 2])
        verify(func.__code__)


@pytest.mark.skipif(sys.version_info < (3, 13), reason="no such opcode")
@pytest.mark.parametrize("name", ["ENTER_EXECUTOR", "INSTRUMENTED_LINE", "INSTRUMENTED_INSTRUCTION"])
def test_forged_opcodes_that_cannot_be_read(name):
    """Reading co_code would follow a null pointer; code that has run under a tracer holds them by right."""
    if sys.version_info < (3, 14) and name != "ENTER_EXECUTOR":
        return  # there the constructor dies
    start = len(units(("RESUME", 0)))
    forged = patched(assemble("NOP", "NOP", "NOP", *RETURN, **CONSTS), start + 4, opmap[name])
    assert refused(forged, "never run").reason.startswith(f"{name} at {start + 4} is no opcode")

    def traced(a):
        b = a
        return b

    before = sys.gettrace()
    sys.settrace(lambda *args: lambda *more: None)
    try:
        traced(1)
        verify(traced.__code__)
    finally:
        sys.settrace(before)
    verify(traced.__code__)


INDEXES = [
    ("LOAD_CONST", 5),
    ("LOAD_FAST", 1),
    ("STORE_FAST", 1),
    ("DELETE_FAST", 1),
    ("LOAD_NAME", 1),
    ("STORE_GLOBAL", 1),
]


@pytest.mark.parametrize(("name", "argument"), INDEXES)
def test_indexes_stay_in_their_tables(name, argument):
    """Constants, names and locals."""
    code = assemble(
        ("LOAD_CONST", 0), (name, argument), *RETURN, co_varnames=("x",), co_names=("n",), **CONSTS
    )
    refused(code, "out of range")


class Flagged:
    def method(self):
        return super().attribute, self.other, len


@pytest.mark.parametrize(("name", "bits"), [("LOAD_SUPER_ATTR", 2), ("LOAD_ATTR", 1), ("LOAD_GLOBAL", 1)])
def test_indexes_behind_flags_stay_in_their_table(name, bits):
    """Some releases keep flags in an argument's lowest bits; the first name behind the last is refused."""
    code = Flagged.method.__code__
    if not has(name):
        return
    offset, count = at(code, name, -1), len(code.co_names)
    index = code.co_names.index(
        {"LOAD_SUPER_ATTR": "attribute", "LOAD_ATTR": "other", "LOAD_GLOBAL": "len"}[name]
    )
    bits = bits if code.co_code[offset + 1] >> bits == index else 0
    verify(patched(code, offset + 1, count - 1 << bits))
    error = refused(patched(code, offset + 1, count << bits), "out of range")
    assert error.offset == offset


def test_deref_indexes_stay_in_their_table():
    """Cell and free variables."""
    refused(
        assemble(("LOAD_DEREF", 1), "RETURN_VALUE", co_freevars=("x",), **CONSTS),
        "out of range" if not NEW else "",
    )


def test_extended_arguments():
    """At most three prefixes, something behind them; on 3.11 and later none that adds nothing."""
    extended = opmap["EXTENDED_ARG"]
    refused(assemble(*[(extended, 0)] * 4, *RETURN, **CONSTS))
    refused(assemble(*RETURN, (extended, 1), **CONSTS))
    if sys.version_info >= (3, 11):
        refused(assemble((extended, 0), *RETURN, **CONSTS), "by nothing")


@pytest.mark.skipif(not NEW, reason="no caches")
def test_caches_are_there_and_empty():
    """An opcode's cache units follow it."""
    code = assemble(("LOAD_CONST", 1), ("LOAD_CONST", 1), ("BINARY_OP", 0), "RETURN_VALUE", **CONSTS)
    verify(code)
    offset = at(code, "BINARY_OP")
    # one unit less, and the return stands where a cache should
    refused(with_units(code, code.co_code[: offset + 2] + code.co_code[offset + 4 :]))


def test_jumps_land_on_instructions():
    """Not in front, not behind, not in caches, not behind an EXTENDED_ARG."""
    refused(assemble(("JUMP_FORWARD", 200), *RETURN, **CONSTS), "where no instruction starts")
    load = ("LOAD_GLOBAL", 0)
    if NEW:
        inside = assemble(("JUMP_FORWARD", 1), load, "RETURN_VALUE", co_names=("x",))
        refused(inside, "where no instruction starts")
    else:
        refused(assemble(("JUMP_ABSOLUTE", 200), *RETURN, **CONSTS), "where no instruction starts")
    middle = 1 * (2 if RELEASE.jump_unit == 1 else 1)
    refused(assemble(("JUMP_FORWARD", middle), ("LOAD_CONST", 256), "RETURN_VALUE", co_consts=(None,) * 300))
