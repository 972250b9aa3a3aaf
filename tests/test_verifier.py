"""`verify` accepts what compilers make and what runs well, and refuses what would crash, saying where and why."""

from __future__ import annotations

import dis
import sys
from opcode import opmap
from types import CellType, CodeType

import pytest
from assembling import DEBUG, NEW, RELEASE, assemble, at, has, no_lines, patched, units, with_units

from recell import UnsafeCodeError, verify

RETURN = (("LOAD_CONST", 0), "RETURN_VALUE")
CONSTS = {"co_consts": (None, 1, "text", (), "other")}


def refused(code: CodeType, reason: str = "") -> UnsafeCodeError:
    with pytest.raises(UnsafeCodeError) as caught:
        verify(code)
    assert reason in caught.value.reason, caught.value
    return caught.value


def plain(a, b=2):
    total = a
    for x in range(b):
        total += x
    return total


def closing(a):
    value = a

    def inner(c=1):
        return value + c

    return inner


def guarded(a):
    try:
        return 1 / a
    except ZeroDivisionError as error:
        return str(error)
    finally:
        str(a)


def generating(n):
    for i in range(n):
        yield i


inner_code = closing(1).__code__


# -- what is accepted -------------------------------------------------------------------------------


def test_every_construct_is_accepted():
    """The functions of this file, nested ones included."""
    for func in (plain, closing, guarded, generating, test_every_construct_is_accepted):
        verify(func.__code__)
    with open(__file__, encoding="utf-8") as file:
        verify(compile(file.read(), __file__, "exec"))


def test_only_code_objects():
    """Anything else is a TypeError that shows it."""
    with pytest.raises(TypeError, match=r"takes a code object, not <function plain .*; pass its `__code__`"):
        verify(plain)


def test_assembled_code_is_accepted():
    """What the other tests here change is right to begin with."""
    verify(assemble(*RETURN, **CONSTS))


def test_declared_free_variables_that_nothing_reads():
    """They need no COPY_FREE_VARS."""
    verify(plain.__code__.replace(co_freevars=("more",)))


@pytest.mark.parametrize(
    "fields",
    [
        {"co_varnames": ("x", "x"), "co_nlocals": 2},
        {"co_varnames": ("x", "y"), "co_nlocals": 2, "co_freevars": ("x",)},
    ],
)
def test_duplicate_names(fields):
    """Slots count, names do not."""
    verify(assemble(*RETURN, **CONSTS, **fields))


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
def test_unknown_and_internal_opcodes():
    """Only what a compiler emits: no gaps, no specialised or instrumented ones, no CACHE."""
    known = {number for name, number in opmap.items() if number < 256}
    internal = {
        n
        for name, n in opmap.items()
        if name.startswith(("INSTRUMENTED", "CACHE", "RESERVED", "INTERPRETER"))
    }
    start = len(units(("RESUME", 0))) if NEW else 0
    # behind the return, room for the caches that the constructor believes in
    base = assemble("NOP", *RETURN, *["NOP"] * 16, **CONSTS)
    verify(base)
    # 3.12 and 3.13 cannot even make these (230 is ENTER_EXECUTOR)
    unmakeable = (
        {"INSTRUMENTED_LINE", "INSTRUMENTED_INSTRUCTION"}
        if (3, 12) <= sys.version_info[:2] <= (3, 13)
        else ()
    )
    left_out = {opmap[name] for name in unmakeable} | ({230} if sys.version_info[:2] == (3, 12) else set())
    for number in sorted((set(range(256)) - known | internal) - left_out):
        refused(patched(base, start, number))


@pytest.mark.skipif(sys.version_info < (3, 13), reason="no such opcode")
@pytest.mark.parametrize("name", ["ENTER_EXECUTOR", "INSTRUMENTED_LINE", "INSTRUMENTED_INSTRUCTION"])
def test_forged_opcodes_that_cannot_be_read(name):
    """Reading co_code would follow a null pointer; code that has run under a tracer holds them by right."""
    if sys.version_info < (3, 14) and name != "ENTER_EXECUTOR":
        return  # there the constructor dies
    start = len(units(("RESUME", 0)))
    refused(patched(assemble("NOP", *RETURN, **CONSTS), start, opmap[name]), "never run")

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


# -- what is refused: the stack ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "instructions", [("POP_TOP",), (("LOAD_CONST", 1), ("BUILD_LIST", 2), "RETURN_VALUE"), ("RETURN_VALUE",)]
)
def test_the_stack_does_not_underflow(instructions):
    """What lies below belongs to others."""
    refused(assemble(*instructions, *RETURN, **CONSTS), "the stack holds")


def test_the_stack_stays_within_its_size():
    """co_stacksize is what is allocated."""
    code = assemble(*[("LOAD_CONST", 0)] * 3, ("BUILD_TUPLE", 3), "RETURN_VALUE", **CONSTS)
    verify(code.replace(co_stacksize=3))
    refused(code.replace(co_stacksize=2), "co_stacksize is 2")
    for func in (plain, closing, guarded):
        refused(func.__code__.replace(co_stacksize=1))


def test_a_stack_beyond_all_reason():
    """CPython computes a frame's size in an int."""
    if sys.version_info >= (3, 11) and hasattr(sys, "gettotalrefcount"):
        return  # the constructor asserts
    refused(plain.__code__.replace(co_stacksize=2**31 - 1), "co_stacksize")


def test_a_loop_that_grows_the_stack():
    """One instruction has one depth."""
    back = ("JUMP_BACKWARD", 2 + RELEASE.caches.get("JUMP_BACKWARD", 0)) if NEW else ("JUMP_ABSOLUTE", 0)
    refused(assemble(("LOAD_CONST", 0), back, **CONSTS))


def test_values_have_kinds():
    """An iterator for FOR_ITER, a code object for MAKE_FUNCTION, a list for LIST_APPEND."""
    offset = at(plain.__code__, "GET_ITER")
    refused(patched(plain.__code__, offset, opmap["NOP"]))
    make = closing.__code__
    index = make.co_consts.index(inner_code)
    consts = tuple(1 if i == index else value for i, value in enumerate(make.co_consts))
    assert "MAKE_FUNCTION" in refused(make.replace(co_consts=consts)).instruction
    appending = (("LOAD_CONST", 3), ("LOAD_CONST", 1), ("LIST_APPEND", 1), "RETURN_VALUE")
    assert "LIST_APPEND" in refused(assemble(*appending, **CONSTS)).instruction
    verify(assemble(("BUILD_LIST", 0), *appending[1:], **CONSTS))


@pytest.mark.skipif(not has("PUSH_NULL"), reason="no NULL on the stack")
def test_null_is_no_value():
    """Only a call takes it."""
    assert "RETURN_VALUE" in refused(assemble("PUSH_NULL", "RETURN_VALUE", **CONSTS)).instruction
    refused(assemble("PUSH_NULL", ("COPY", 1), ("BUILD_TUPLE", 2), "RETURN_VALUE", **CONSTS))


@pytest.mark.skipif(not has("COPY"), reason="DUP_TOP before")
def test_copy_and_swap_follow_the_kinds():
    """What was an iterator below is one after it was moved."""
    loop = (("LOAD_CONST", 3), ("GET_ITER", 0), ("LOAD_CONST", 1), ("SWAP", 2))
    more = (("SWAP", 3), ("SWAP", 2)) if sys.version_info >= (3, 15) else (("SWAP", 2),)
    refused(assemble(*loop, ("FOR_ITER", 2), "POP_TOP", "POP_TOP", *RETURN, **CONSTS)) if len(
        more
    ) > 1 else None
    assert refused(assemble(("LOAD_CONST", 1), ("COPY", 1), ("COPY", 3), "RETURN_VALUE", **CONSTS))


# -- what is refused: locals and cells --------------------------------------------------------------


def test_a_local_that_may_be_unbound():
    """Where LOAD_FAST does not look; before, and with LOAD_FAST_CHECK, it raises."""
    code = assemble(("LOAD_FAST", 0), "RETURN_VALUE", co_varnames=("x",), **CONSTS)
    if sys.version_info < (3, 12):
        verify(code)
        return
    assert "`x`" in refused(code, "may be unbound").reason
    verify(assemble(("LOAD_FAST_CHECK", 0), "RETURN_VALUE", co_varnames=("x",), **CONSTS))
    deleted = (("LOAD_CONST", 1), ("STORE_FAST", 0), ("DELETE_FAST", 0), ("LOAD_FAST", 0), "RETURN_VALUE")
    refused(assemble(*deleted, co_varnames=("x",), **CONSTS), "may be unbound")


def test_free_variables_removed():
    """The cell would be read from somewhere else."""
    refused(inner_code.replace(co_freevars=()))


@pytest.mark.skipif(not NEW, reason="the frame does it")
def test_free_variables_are_copied_first_and_all():
    """COPY_FREE_VARS is the first instruction and copies as many as there are."""
    offset = at(inner_code, "COPY_FREE_VARS")
    refused(patched(inner_code, offset, opmap["NOP"], 0), "hold no cell")
    refused(patched(inner_code, offset + 1, 2), "copies 2 free variables of 1")
    refused(
        inner_code.replace(co_freevars=("other", *inner_code.co_freevars)), "copies 1 free variables of 2"
    )
    late = (("LOAD_DEREF", 0), "RETURN_VALUE")
    fields = {"co_freevars": ("x",), **CONSTS}
    verify(assemble(("COPY_FREE_VARS", 1), ("RESUME", 0), *late, opening=False, **fields))
    refused(assemble(("COPY_FREE_VARS", 1), *late, **fields))


@pytest.mark.skipif(not NEW, reason="the frame does it")
def test_cells_are_made_before_they_are_used():
    """MAKE_CELL for each; no other slot is a cell."""
    code = closing.__code__
    refused(patched(code, at(code, "MAKE_CELL"), opmap["NOP"], 0))
    fields = {"co_varnames": ("a",), **CONSTS}
    refused(assemble(("LOAD_DEREF", 0), "RETURN_VALUE", **fields), "may hold no cell")
    refused(assemble(("MAKE_CELL", 0), ("RESUME", 0), *RETURN, opening=False, **fields), "no cell variable")


def test_argument_cells():
    """`super()` looks for the first argument's cell without checking."""
    if NEW:
        refused(plain.__code__.replace(co_cellvars=("a",)), "not made a cell first")


def test_closures_fit_the_code_they_are_for():
    """As many cells as free variables, and cells they are."""
    code = closing.__code__
    two = inner_code.replace(co_freevars=("value", "more"))
    if NEW:
        two = patched(two, at(two, "COPY_FREE_VARS") + 1, 2)
    consts = tuple(two if value == inner_code else value for value in code.co_consts)
    refused(code.replace(co_consts=consts), "free variables")
    loads = [opmap.get(name) for name in ("LOAD_CLOSURE", "LOAD_FAST_BORROW", "LOAD_FAST")]
    data = code.co_code
    offset = data.index(bytes((opmap["BUILD_TUPLE"], 1))) - 2
    assert data[offset] in loads
    error = refused(patched(code, offset, opmap["LOAD_CONST"], 0))
    assert "FUNCTION" in error.instruction


@pytest.mark.skipif(not has("LOAD_FAST_BORROW"), reason="no borrowed locals")
def test_borrowed_locals_outlive_their_use():
    """The slot does not change and no other run begins while a borrowed reference is on the stack."""
    fields = {"co_varnames": ("a",), "co_argcount": 1, **CONSTS}
    borrow = ("LOAD_FAST_BORROW", 0)
    verify(assemble(borrow, "RETURN_VALUE", **fields))
    refused(assemble(borrow, ("LOAD_CONST", 0), ("STORE_FAST", 0), "RETURN_VALUE", **fields), "borrowed")
    refused(assemble(borrow, ("DELETE_FAST", 0), "RETURN_VALUE", **fields), "borrowed")
    refused(assemble(borrow, ("STORE_FAST", 0), *RETURN, **fields), "borrowed")
    refused(assemble(borrow, ("JUMP_FORWARD", 0), "RETURN_VALUE", **fields), "borrowed")


# -- what is refused: flags, tables, generators -----------------------------------------------------


def test_local_counts():
    """co_nlocals is the number of co_varnames; 3.11 and later refuse it themselves."""
    try:
        code = plain.__code__.replace(co_nlocals=9)
    except ValueError:
        return
    refused(code, "co_nlocals is 9")


def test_yields_belong_into_generators():
    """The flag or RETURN_GENERATOR, as the release has it."""
    code = generating.__code__
    refused(code.replace(co_flags=code.co_flags & ~0x20))
    refused(code.replace(co_flags=code.co_flags | 0x80), "more than one kind")
    yielding = [
        ("LOAD_CONST", 0),
        ("YIELD_VALUE", 0),
        *([("RESUME", 1), "POP_TOP"] if NEW else ["POP_TOP"]),
        *RETURN,
    ]
    refused(assemble(*yielding, **CONSTS))


@pytest.mark.skipif(sys.version_info < (3, 14), reason="no such flag")
def test_the_docstring_flag_needs_a_constant():
    """A function is not even made of such code."""
    refused(assemble(("LOAD_SMALL_INT", 0), "RETURN_VALUE", co_consts=(), co_flags=0x4000003), "docstring")


@pytest.mark.skipif(not NEW, reason="blocks before")
def test_exception_tables():
    """Whole, in order, on instructions, and not deeper than the stack."""
    code = guarded.__code__
    table = code.co_exceptiontable
    for cut in range(1, len(table)):
        changed = code.replace(co_exceptiontable=table[:cut])
        try:
            verify(changed)
        except UnsafeCodeError:
            continue
        assert table[cut] & 0x80  # a whole entry is gone: the handler is, too
    refused(code.replace(co_exceptiontable=b"garbage"), "co_exceptiontable")
    refused(code.replace(co_exceptiontable=bytes([0x81, 1, 0x40 | 63, 63, 0])), "co_exceptiontable")
    # the first entry's fourth number is the depth, doubled, and whether the index is pushed
    ends = [index for index, byte in enumerate(table) if not byte & 0x40]
    deep = bytearray(table)
    deep[ends[3]] |= 5 << 1
    refused(code.replace(co_exceptiontable=bytes(deep)), "its handler needs 5")


@pytest.mark.skipif(not NEW, reason="wrong lines only")
def test_line_tables():
    """Well-formed and as long as the code; a tracer reads on otherwise."""
    code = plain.__code__
    for table in (b"", b"\x00" * 9, code.co_linetable[:-1], code.co_linetable + no_lines(1)):
        refused(code.replace(co_linetable=table), "co_linetable")


@pytest.mark.skipif(NEW, reason="exception tables since")
def test_blocks():
    """Set up and left in order; a handler's saved exception stays where its block says."""
    refused(assemble("POP_BLOCK", *RETURN, **CONSTS), "no block")
    refused(assemble("POP_EXCEPT", *RETURN, **CONSTS))
    code = guarded.__code__
    for name in ("POP_BLOCK", "POP_EXCEPT", "SETUP_FINALLY"):
        refused(patched(code, at(code, name), opmap["NOP"], 0))
    deep = [("SETUP_FINALLY", 0)] * 21
    refused(assemble(*deep, *RETURN, **CONSTS))


@pytest.mark.skipif(not has("KW_NAMES") and not has("CALL_KW") and not has("CALL_FUNCTION_KW"), reason="none")
def test_keyword_names():
    """A tuple of texts, no longer than the arguments."""

    def calling(f):
        return f(1, a=2, b=3)

    code = calling.__code__
    assert ("a", "b") in code.co_consts
    for names in (("a", "b", "c", "d"), ("a", 1), None, "ab"):
        consts = tuple(names if value == ("a", "b") else value for value in code.co_consts)
        refused(code.replace(co_consts=consts))


def test_comprehensions_get_iterators():
    """A generator expression's function loops over its argument unchecked (3.13.15 and 3.15 check)."""

    def calling(a):
        return list(x for x in a)

    code = calling.__code__
    inner = next(value for value in code.co_consts if isinstance(value, CodeType))
    names = [instruction.opname for instruction in dis.get_instructions(inner)]
    if names.count("GET_ITER") == 0:
        refused(patched(code, at(code, "GET_ITER"), opmap["NOP"]), "calls a generator expression")
    else:
        verify(code)


def test_an_asynchronous_generator_returns_nothing():
    """Debug builds stop where it returns a value."""

    async def giving(a):
        yield a

    code = giving.__code__
    verify(code)
    consts = tuple(1 if value is None else value for value in code.co_consts)
    if sys.version_info < (3, 15):  # there None comes from LOAD_COMMON_CONSTANT
        refused(code.replace(co_consts=consts), "asynchronous generator")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="no outcomes in the argument")
def test_comparisons_say_their_outcomes():
    """The low bits repeat the operator."""

    def comparing(a):
        return a < 2

    code = comparing.__code__
    offset = at(code, "COMPARE_OP")
    refused(patched(code, offset + 1, code.co_code[offset + 1] ^ 1), "no meaning")
