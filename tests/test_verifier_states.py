"""What `verify` refuses for the state that it would lead to: the stack, locals, cells, flags, tables, generators."""

from __future__ import annotations

import dis
import sys
from opcode import opmap
from types import CodeType

import pytest
from assembling import NEW, RELEASE, assemble, at, has, no_lines, patched, units
from verifying import CONSTS, RETURN, closing, generating, guarded, inner_code, plain, refused

from recell import UnsafeCodeError, verify

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
    refused(patched(inner_code, offset, opmap["NOP"], 0), "never copied")
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
    verify(assemble(borrow, ("JUMP_FORWARD", 0), "RETURN_VALUE", **fields))
    behind = (("JUMP_FORWARD", 0), ("LOAD_CONST", 0), ("STORE_FAST", 0), "RETURN_VALUE")
    refused(assemble(borrow, *behind, **fields), "borrowed")
    cell = (("MAKE_CELL", 0), ("RESUME", 0))
    fields["co_cellvars"] = ("a",)
    verify(
        assemble(
            *cell, borrow, ("LOAD_CONST", 1), ("STORE_DEREF", 0), "RETURN_VALUE", opening=False, **fields
        )
    )
    emptied = (*cell, borrow, ("MAKE_CELL", 0), ("LOAD_CONST", 1), ("STORE_DEREF", 0), "RETURN_VALUE")
    refused(assemble(*emptied, opening=False, **fields), "borrowed")


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


@pytest.mark.skipif(sys.version_info < (3, 13), reason="takes two values, or is not there")
def test_the_end_of_a_loop_looks_at_the_iterator():
    """Traced, END_FOR looks at what lies below its value."""
    code = assemble(("LOAD_CONST", 1), "END_FOR", *RETURN, **CONSTS)
    assert "END_FOR" in refused(code, "needs").instruction


@pytest.mark.skipif(not has("RETURN_GENERATOR"), reason="the call makes it")
def test_a_generator_is_made_once():
    """No way leads back to RETURN_GENERATOR, nor past the place where it stands."""
    code = generating.__code__
    start, jump = at(code, "RETURN_GENERATOR"), at(code, "JUMP_BACKWARD")
    distance = (jump - start) // 2 + 1 + RELEASE.caches.get("JUMP_BACKWARD", 0)
    refused(patched(code, jump + 1, distance))


# -- the numbers in messages ------------------------------------------------------------------------

LOAD = ("LOAD_CONST", 0)


@pytest.mark.parametrize(
    ("instructions", "before", "reason"),
    [
        ([*[LOAD] * 5, ("LIST_APPEND", 3)], 5, "cannot take none at position 4 from the top"),
        ([LOAD, ("BUILD_LIST", 0), LOAD, LOAD, ("MAP_ADD", 1)], 4, "at position 3 from the top"),
        ([LOAD, ("LIST_APPEND", 3)], 1, "needs 4 values, the stack holds 1"),
        ([LOAD, LOAD, ("LOAD_CONST", 300)], 2, "argument 300 is out of range: there are 5"),
    ],
)
def test_messages_count_from_the_top_and_in_bytes(instructions, before, reason):
    """Which value it is, how many there are, and where the instruction stands."""
    error = refused(assemble(*instructions, "RETURN_VALUE", **CONSTS))
    opening = len(units(("RESUME", 0))) if NEW else 0
    assert error.offset == opening + len(units(*instructions[:before]))
    assert error.reason.endswith(reason) and error.instruction == "{} {}".format(*instructions[before])


def test_where_a_wrong_jump_leads():
    """In bytes, as `dis` counts."""
    code = assemble(("JUMP_FORWARD", 200), *RETURN, **CONSTS)
    offset = at(code, "JUMP_FORWARD")
    assert (
        refused(code).reason
        == f"jumps to {offset + 2 + 200 * RELEASE.jump_unit}, where no instruction starts"
    )


@pytest.mark.skipif(not NEW, reason="no tables")
def test_where_a_wrong_table_points():
    """Ranges and handlers in bytes, as `dis` counts; lines in code units."""
    code = assemble(*RETURN, **CONSTS)
    count = len(code.co_code) // 2
    for entry, reason in (
        ((0, 40, 0, 0), "co_exceptiontable: 0 to 80 is no range of instructions"),
        ((1, 0, 0, 0), "co_exceptiontable: 2 to 2 is no range of instructions"),
        ((0, count, 40, 0), "co_exceptiontable: no instruction starts at 80"),
        ((0, count, 0, 0), "reaches 0 with 1 values on the stack, not 0"),
    ):
        first, length, target, depth = entry
        assert (
            refused(code.replace(co_exceptiontable=bytes((0x80 | first, length, target, depth)))).reason
            == reason
        )
    lines = f"co_linetable describes 2 code units, there are {count}"
    assert refused(code.replace(co_linetable=b"\xf8\xf8")).reason == lines


@pytest.mark.parametrize(
    "fields",
    [
        {"co_flags": plain.__code__.co_flags | 0xA0},
        {RELEASE.line_table: getattr(plain.__code__, RELEASE.line_table) + b"\1"},
        *([{"co_exceptiontable": b"garbage"}, {"co_cellvars": ("a",)}] if NEW else []),
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_what_is_wrong_as_a_whole_is_no_single_instruction(fields):
    """The offset is -1, as the error's documentation says, and the message names none."""
    error = refused(plain.__code__.replace(**fields))
    assert (error.offset, error.instruction) == (-1, "")
    assert f"`{plain.__qualname__}` {error.reason}" in str(error)


def test_what_an_exit_function_swallows_goes_on_behind():
    """Code behind a `with` that always raises is reached that way alone, and looked at."""

    def swallowing(manager, x):
        with manager:
            raise ValueError
        return [x]

    code = swallowing.__code__
    verify(code)
    refused(patched(code, at(code, "BUILD_LIST"), opmap["POP_TOP"], 0), "the stack holds 0")
