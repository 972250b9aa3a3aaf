"""What `verify` refuses for an instruction's own operands: functions and attributes, names, keys, yields, arguments."""

from __future__ import annotations

import dis
import sys
from opcode import opmap

import pytest
from assembling import NEW, RELEASE, assemble, at, has, patched, units
from verifying import CONSTS, RETURN, generating, inner_code, plain, refused

from recell import verify
from recell.verifier import kinds

# -- arguments --------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [3, 255])
def test_an_instruction_that_ends_the_code_has_a_range_too(count):
    """RAISE_VARARGS knows 0, 1 and 2."""
    values = [("LOAD_CONST", 0)] * min(count, 3)
    refused(assemble(*values, ("RAISE_VARARGS", count), **CONSTS), "is not in the range 0 to 2")


def test_more_values_than_a_stack_holds():
    """Said at once: a mask for a billion values would take all memory."""
    error = refused(assemble(("BUILD_LIST", 1 << 30), "RETURN_VALUE", **CONSTS), "can hold")
    assert error.instruction == f"BUILD_LIST {1 << 30}"


def test_an_append_below_nothing():
    """`LIST_APPEND 0` would append to what it appends."""
    appending = (("BUILD_LIST", 0), ("LOAD_CONST", 1), ("LIST_APPEND", 0), "RETURN_VALUE")
    refused(assemble(*appending, **CONSTS), "is not in the range 1 to")


@pytest.mark.skipif(RELEASE.jump_unit == 2, reason="jumps count instructions")
def test_half_a_jump():
    """Jumps count bytes there, and instructions take two."""
    refused(assemble(("JUMP_FORWARD", 1), "NOP", *RETURN, **CONSTS), "middle of a code unit")


@pytest.mark.skipif(not has("LOAD_FAST_LOAD_FAST"), reason="no pairs")
@pytest.mark.parametrize("pair", [0x10, 0x01])
def test_each_half_of_a_pair_stays_in_its_table(pair):
    """Two locals in one argument."""
    code = assemble(
        ("LOAD_FAST_LOAD_FAST", pair), "POP_TOP", "RETURN_VALUE", co_varnames=("a",), co_argcount=1, **CONSTS
    )
    refused(code, "local 1 is out of range")


@pytest.mark.skipif(not has("STORE_FAST_STORE_FAST"), reason="no pairs")
@pytest.mark.parametrize("last", [("RERAISE", 0), "NOP"])
def test_the_second_half_of_a_pair_raises_as_little_as_alone(last):
    """Whatever stands at the code's end: a store may take the last value that a handler would find."""
    loads = (("LOAD_CONST", 0), ("LOAD_CONST", 0))
    for stores in ((("STORE_FAST_STORE_FAST", 0x01),), (("STORE_FAST", 0), ("STORE_FAST", 1))):
        ends = (loads, (*loads, *stores), (*loads, *stores, *RETURN))
        first, behind, target = (len(units(("RESUME", 0), *end)) // 2 for end in ends)
        fields = {"co_varnames": ("a", "b"), "co_exceptiontable": table(first, behind, target, 1), **CONSTS}
        verify(assemble(*ends[-1], ("RERAISE", 0), last, **fields))


@pytest.mark.skipif(not has("STORE_FAST_STORE_FAST"), reason="no pairs")
def test_what_compilers_keep_for_themselves_is_known_behind_a_pair():
    """Type parameters' scopes get defaults as an argument of that name: a tuple."""
    setting = (("LOAD_FAST", 0), ("LOAD_CONST", 1), "MAKE_FUNCTION", ("SET_FUNCTION_ATTRIBUTE", 1))
    body = (("LOAD_CONST", 0), ("LOAD_CONST", 0), ("STORE_FAST_STORE_FAST", 0x12), *setting, "RETURN_VALUE")
    fields = {"co_argcount": 1, "co_consts": (None, plain.__code__)}
    scope = assemble(*body, co_varnames=(".defaults", "a", "b"), **fields)
    refused(scope, "cannot set attribute 1 to")  # anyone may call it
    verify(assemble(*RETURN, co_consts=(None, scope)))
    refused(assemble(*body, co_varnames=("defaults", "a", "b"), **fields), "cannot set attribute 1 to")


def test_a_constant_too_long_to_be_followed(monkeypatch):
    """An entry has room for so many items and no more; counting on would count wrong."""
    items = tuple(range(100))
    code = assemble(("LOAD_CONST", 0), "RETURN_VALUE", co_consts=(items,))
    verify(code)
    monkeypatch.setattr(kinds, "LARGEST_PARAMETER", 99)
    refused(code, "a constant with 100 items")


@pytest.mark.skipif(not has("END_FOR"), reason="nothing stands at a loop's end")
def test_a_loop_ends_in_front_of_something():
    """FOR_ITER steps over END_FOR; behind it the code goes on."""
    code = plain.__code__
    loop, end = at(code, "FOR_ITER"), at(code, "END_FOR")
    refused(patched(code, loop + 1, code.co_code[loop + 1] + 1), "its target is not END_FOR")
    last = patched(code, len(code.co_code) - 2, opmap["END_FOR"], 0)
    there = code.co_code[loop + 1] + (len(code.co_code) - 2 - end) // 2
    assert there < 256
    refused(patched(last, loop + 1, there))


# -- locals -----------------------------------------------------------------------------------------


@pytest.mark.skipif(not NEW, reason="free variables have no place among the locals")
def test_a_free_variable_stays_a_cell():
    """STORE_FAST in its place would leave something that LOAD_DEREF takes for a cell."""
    storing = (("COPY_FREE_VARS", 1), ("RESUME", 0), ("LOAD_CONST", 0), ("STORE_FAST", 0), *RETURN)
    code = assemble(*storing, opening=False, co_freevars=("x",), **CONSTS)
    refused(code, "the place of free variable `x`")


@pytest.mark.skipif(not has("LOAD_FAST_CHECK"), reason="every load checks")
def test_a_handler_sees_what_was_deleted_before():
    """What `try` deletes is unbound in `except`, where a load without a check would crash."""

    def deleting(a):
        b = a
        try:
            del b
            a()
        except TypeError:
            return b

    code = deleting.__code__
    verify(code)
    unchecked = patched(code, at(code, "LOAD_FAST_CHECK"), opmap["LOAD_FAST"])
    refused(unchecked, "reads `b`, which may be unbound")


def test_an_iterator_is_the_only_argument():
    """A local called `.0` holds an iterator where a generator expression is called with it and nothing else."""
    code = (x for x in ()).gi_code
    two = code.replace(co_argcount=2)
    verify(assemble(*RETURN, co_consts=(None, code)))
    if "GET_ITER" in [instruction.opname for instruction in dis.get_instructions(code)]:
        verify(two)  # it takes whatever can be iterated over
        verify(code)
    else:
        refused(code, "cannot take object")  # anyone may call it, with anything
        refused(assemble(*RETURN, co_consts=(None, two)))
    verify(assemble(*RETURN, co_varnames=(".0",), co_argcount=1, **CONSTS))


@pytest.mark.skipif(not has("LOAD_FAST_BORROW"), reason="no borrowed locals")
def test_a_borrowed_local_is_bound():
    """LOAD_FAST_BORROW does not look either."""
    code = assemble(("LOAD_FAST_BORROW", 0), "RETURN_VALUE", co_varnames=("x",), **CONSTS)
    refused(code, "reads `x`, which may be unbound")


def table(first, behind, target, depth):
    """An exception table of one entry, of numbers below 64."""
    assert max(behind, target) < 64
    return bytes((0x80 | first, behind - first, target, depth << 1))


@pytest.mark.skipif(not has("LOAD_FAST_BORROW"), reason="no borrowed locals")
@pytest.mark.parametrize(("one", "other"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_a_handler_finds_one_borrowed_local(one, other):
    """Two in turn at the same place of the stack: whose reference it is could not be told."""
    raising = (("LOAD_CONST", 0), "UNARY_NEGATIVE", "POP_TOP")
    code = (("LOAD_FAST_BORROW", one), *raising, "POP_TOP", ("LOAD_FAST_BORROW", other), *raising, "POP_TOP")
    handler = len(units(("RESUME", 0), *code, *RETURN)) // 2
    first, behind = len(units(("RESUME", 0), code[0])) // 2, len(units(("RESUME", 0), *code[:4])) // 2
    again = behind + 2
    ranges = table(first, behind, handler, 1) + table(again, again + behind - first, handler, 1)
    fields = {"co_varnames": ("a", "b"), "co_argcount": 2, "co_exceptiontable": ranges, **CONSTS}
    made = assemble(*code, *RETURN, ("RERAISE", 0), **fields)
    if other != one:
        refused(made, "another borrowed local")
    else:
        verify(made)


@pytest.mark.skipif(not has("LOAD_FAST_BORROW"), reason="no borrowed locals")
@pytest.mark.parametrize(("lent", "deleted"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_a_handler_does_not_delete_what_it_finds_borrowed(lent, deleted):
    """Of two locals, the other one it may."""
    body = (("LOAD_FAST_BORROW", lent), ("LOAD_CONST", 0), "UNARY_NEGATIVE", "POP_TOP", "POP_TOP", *RETURN)
    first, behind, handler = (len(units(("RESUME", 0), *body[:count])) // 2 for count in (1, 4, len(body)))
    fields = {"co_varnames": ("a", "b"), "co_argcount": 2, **CONSTS}
    fields["co_exceptiontable"] = table(first, behind, handler, 1)
    code = assemble(*body, ("DELETE_FAST", deleted), ("RERAISE", 0), **fields)
    if deleted == lent:
        refused(code, f"changes `{'ab'[lent]}` while the stack holds a borrowed reference to it")
    else:
        verify(code)


@pytest.mark.skipif(not has("LOAD_FAST_AND_CLEAR"), reason="comprehensions are functions")
def test_a_handler_sees_what_was_cleared_before():
    """What a comprehension put aside is unbound where something was raised in it."""
    first = len(units(("RESUME", 0))) // 2
    fields = {"co_varnames": ("a",), "co_argcount": 1, **CONSTS}
    popped = (("LOAD_CONST", 0), "UNARY_NEGATIVE", "POP_TOP", "POP_TOP", *RETURN)
    clearing = (("LOAD_FAST_AND_CLEAR", 0), *popped)
    fields["co_exceptiontable"] = table(first, first + 4, first + len(units(*clearing)) // 2, 0)
    verify(assemble(*clearing, "POP_TOP", *RETURN, **fields))
    refused(
        assemble(*clearing, "POP_TOP", ("LOAD_FAST", 0), "RETURN_VALUE", **fields),
        "reads `a`, which may be unbound",
    )


@pytest.mark.skipif(not NEW, reason="blocks before")
def test_what_a_handler_needs_is_not_taken():
    """The entry counts the values that stay: an instruction in its range leaves them."""
    code = (("LOAD_CONST", 1), "UNARY_NEGATIVE", "RETURN_VALUE")
    first = len(units(("RESUME", 0))) // 2 + 1
    raising = assemble(
        *code, ("RERAISE", 0), co_exceptiontable=table(first, first + 1, first + 2, 0), **CONSTS
    )
    verify(raising)
    taking = raising.replace(co_exceptiontable=table(first, first + 1, first + 2, 1))
    refused(taking, "takes a value that its handler needs, below a depth of 1")


# -- functions --------------------------------------------------------------------------------------

ATTRIBUTES = [
    (3, "cannot set attribute 3"),
    (1, "cannot set attribute 1 to"),
    (2, "cannot set attribute 2 to"),
    (4, "cannot set attribute 4 to"),
    (16, "cannot set attribute 16 to"),
]


@pytest.mark.skipif(not has("SET_FUNCTION_ATTRIBUTE"), reason="MAKE_FUNCTION takes them")
@pytest.mark.parametrize(("flag", "reason"), ATTRIBUTES)
def test_what_a_function_gets_has_its_type(flag, reason):
    """The interpreter stores it unseen: a tuple, a dict, names and values in turn, a function."""
    consts = {"co_consts": (1, plain.__code__)}
    making = (
        ("LOAD_CONST", 0),
        ("LOAD_CONST", 1),
        "MAKE_FUNCTION",
        ("SET_FUNCTION_ATTRIBUTE", flag),
        "RETURN_VALUE",
    )
    refused(assemble(*making, **consts), reason)


@pytest.mark.skipif(not has("SET_FUNCTION_ATTRIBUTE"), reason="MAKE_FUNCTION takes them")
def test_only_functions_get_attributes():
    """And only from what lies below them."""
    setting = (("LOAD_CONST", 3), ("LOAD_CONST", 1), ("SET_FUNCTION_ATTRIBUTE", 1), "RETURN_VALUE")
    refused(assemble(*setting, **CONSTS), "attribute")
    consts = {"co_consts": (plain.__code__,)}
    bare = (("LOAD_CONST", 0), "MAKE_FUNCTION", ("SET_FUNCTION_ATTRIBUTE", 1), "RETURN_VALUE")
    refused(assemble(*bare, **consts), "attribute 1 of")


@pytest.mark.skipif(not NEW, reason="closures are loaded by an instruction of their own")
@pytest.mark.parametrize("other", ["text", None])
def test_a_closure_is_made_of_cells_alone(other):
    """A tuple of a cell and something else is no closure."""
    two = inner_code.replace(co_freevars=("a", "b"))
    two = patched(two, at(two, "COPY_FREE_VARS") + 1, 2)
    load = "LOAD_CLOSURE" if has("LOAD_CLOSURE") and opmap["LOAD_CLOSURE"] < 256 else "LOAD_FAST"
    attached = has("SET_FUNCTION_ATTRIBUTE")
    making = ["MAKE_FUNCTION", ("SET_FUNCTION_ATTRIBUTE", 8)] if attached else [("MAKE_FUNCTION", 8)]
    consts = {"co_consts": (two, other), "co_cellvars": ("a",), "co_varnames": ()}

    def code(*loads):
        pushed = (*loads, ("BUILD_TUPLE", 2), ("LOAD_CONST", 0), *making, "RETURN_VALUE")
        return assemble(("MAKE_CELL", 0), ("RESUME", 0), *pushed, opening=False, **consts)

    verify(code((load, 0), (load, 0)))
    error = refused(code(("LOAD_CONST", 1), (load, 0)))
    assert "FUNCTION" in error.instruction
    refused(code((load, 0), ("LOAD_CONST", 1)))


def test_tuples_that_could_be_type_aliases():
    """Three values are most often just three values."""
    verify(compile("x = 'a', 1, lambda: 1\ny = 'a', None, lambda: 1\na[b] += 1", "x", "exec"))


@pytest.mark.skipif(not has("CALL_INTRINSIC_1"), reason="no type aliases")
def test_a_type_alias_has_a_name_parameters_and_a_function():
    """The interpreter takes the tuple apart without looking (type_alias in Python/intrinsics.c)."""
    code = compile("type A[T] = int", "x", "exec")
    verify(code)
    consts = tuple(1 if value == "A" else value for value in code.co_consts)
    inner = next(value for value in code.co_consts if hasattr(value, "co_code"))
    changed = inner.replace(co_consts=tuple(1 if value == "A" else value for value in inner.co_consts))
    refused(code.replace(co_consts=tuple(changed if value is inner else value for value in consts)))


# -- names and keys ---------------------------------------------------------------------------------


def naming(f):
    return f(1, a=2, b=3)


@pytest.mark.skipif(not has("KW_NAMES"), reason="the names lie on the stack")
def test_names_belong_to_the_call_behind_them():
    """KW_NAMES keeps them until the next call, whichever that is."""
    code = naming.__code__
    consts = tuple((1, 2) if value == ("a", "b") else value for value in code.co_consts)
    refused(code.replace(co_consts=consts), "no tuple of names")
    last = assemble(*RETURN, ("KW_NAMES", 3), **CONSTS)
    verify(last)  # it is never reached
    refused(assemble(("KW_NAMES", 3), **CONSTS), "not followed by a call")


@pytest.mark.skipif(not has("PRECALL"), reason="one instruction calls")
def test_two_instructions_that_call_agree():
    """A specialised PRECALL does what the CALL behind it is told."""
    code = naming.__code__
    offset = at(code, "PRECALL")
    refused(patched(code, offset + 1, code.co_code[offset + 1] - 1))
    behind = at(code, "CALL")
    refused(patched(code, behind + 1, code.co_code[behind + 1] - 1), "not followed by a CALL")


@pytest.mark.skipif(not has("BUILD_CONST_KEY_MAP"), reason="no constant keys")
def test_each_value_has_a_key():
    """The interpreter counts keys only to raise SystemError; debug builds assert."""
    building = (("LOAD_CONST", 0), ("LOAD_CONST", 1), ("LOAD_CONST", 2), ("BUILD_CONST_KEY_MAP", 2))
    fields = {"co_consts": (None, 1, ("a", "b"))}
    verify(assemble(*building, "RETURN_VALUE", **fields))
    for keys in (("a",), ("a", "b", "c")):
        refused(assemble(*building, "RETURN_VALUE", co_consts=(None, 1, keys)), "constant key for each value")


# -- generators -------------------------------------------------------------------------------------


@pytest.mark.skipif(not has("RETURN_GENERATOR"), reason="the call makes it")
def test_a_generator_is_made_where_the_flags_say_so():
    """And before the frame was seen by anybody."""
    flags = {"co_flags": plain.__code__.co_flags | 0x20, **CONSTS}
    making = ("RETURN_GENERATOR", "POP_TOP", ("RESUME", 0), *RETURN)
    verify(assemble(*making, opening=False, **flags))
    refused(assemble(*making, opening=False, **CONSTS), "the flags say that this is a plain function")


@pytest.mark.skipif(not has("RETURN_GENERATOR"), reason="the call makes it")
def test_what_stands_behind_a_yield():
    """RESUME, and one that says that it is resumed behind a yield."""
    code = generating.__code__
    offset = at(code, "RESUME", 1)
    assert code.co_code[offset - 2] == opmap["YIELD_VALUE"]
    refused(patched(code, offset + 1, 0), "not followed by a RESUME that says so")
    names = [instruction.opname for instruction in dis.get_instructions(code)]
    if "SEND" not in names:
        refused(patched(code, offset + 1, code.co_code[offset + 1] & ~3 | 2), "does not follow SEND")


# -- tables and openings ----------------------------------------------------------------------------


@pytest.mark.skipif(not NEW, reason="no RESUME")
def test_code_that_never_resumes():
    """Tracers and debuggers begin at RESUME."""
    refused(assemble("NOP", *RETURN, opening=False, **CONSTS))
    refused(assemble("NOP", opening=False, **CONSTS), "there is no RESUME")


@pytest.mark.skipif(not NEW, reason="blocks before")
def test_numbers_in_the_exception_table():
    """Five digits at most, zeros included: the interpreter reads them into an int."""
    code = assemble("NOP", *RETURN, ("RERAISE", 0), **CONSTS)
    first, target = len(units(("RESUME", 0))) // 2, len(code.co_code) // 2 - 1
    for digits, right in ((5, True), (6, False)):
        zeros = bytes((0x80 | 0x40, *[0x40] * (digits - 2), first))
        padded = code.replace(co_exceptiontable=zeros + bytes((1, target, 0)))
        verify(padded) if right else refused(padded, "more than five digits")


@pytest.mark.skipif(NEW, reason="another format since")
def test_half_an_entry_of_the_line_table():
    """Lengths and steps come in pairs: a tracer reads on otherwise."""
    table = getattr(plain.__code__, RELEASE.line_table)
    refused(plain.__code__.replace(**{RELEASE.line_table: table + b"\1"}), "half an entry")


@pytest.mark.skipif(sys.version_info < (3, 13), reason="nobody counts on it")
def test_lines_begin_at_the_first():
    """Debug builds assert that no line is more than one before `co_firstlineno`."""
    code = plain.__code__
    ten_up = bytes((0x80 | 13 << 3 | code.co_linetable[0] & 7, 10 << 1 | 1))  # as many units, without columns
    assert code.co_linetable[0] >> 3 & 15 == 0  # a short form: one byte follows
    refused(code.replace(co_linetable=ten_up + code.co_linetable[2:]), "before the first")


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="locals() looks before it reads")
def test_locals_reads_cells_that_were_never_copied():
    """It takes for a cell what lies in the place of a free variable (PyFrame_FastToLocalsWithError)."""
    refused(assemble(*RETURN, co_freevars=("x",), co_names=("locals",), **CONSTS), "looks at all locals")


@pytest.mark.skipif(not has("LOAD_CLASSDEREF"), reason="the namespace lies on the stack")
def test_only_class_bodies_read_their_namespace():
    """A function has none: LOAD_CLASSDEREF would follow a null pointer."""

    def outer(value):
        class Body:
            found = value

        return Body, lambda: value

    code = outer.__code__
    verify(code)
    inner = outer(1)[1].__code__
    offset = at(inner, "LOAD_DEREF")
    refused(patched(inner, offset, opmap["LOAD_CLASSDEREF"]), "a namespace that this code does not have")
    body = next(const for const in code.co_consts if getattr(const, "co_name", "") == "Body")
    refused(body.replace(co_flags=body.co_flags | 1))


@pytest.mark.skipif(sys.version_info[:2] != (3, 14), reason="loads are not marked")
def test_marks_for_immortal_constants():
    """3.14 marks each LOAD_CONST: one that says "immortal" of another constant would not count its references."""
    import opcode

    marks, consts = opcode._specialized_opmap, (*range(300), object())
    verify(assemble(("LOAD_CONST", 1), "POP_TOP", ("LOAD_CONST", 300), "RETURN_VALUE", co_consts=consts))
    for index, other in ((0, object()), (300, None)):
        code = assemble(("LOAD_CONST", index), "RETURN_VALUE", co_consts=(other, *consts[1:]))
        offset = code.co_code.index(opmap["LOAD_CONST"], 2)
        verify(patched(code, offset, marks["LOAD_CONST_MORTAL"]))
        forged = patched(code, offset, marks["LOAD_CONST_IMMORTAL"])
        assert forged._co_code_adaptive[offset] == marks["LOAD_CONST_IMMORTAL"]
        verify(forged)  # from now on it runs what the compiler wrote
        assert forged._co_code_adaptive[offset] == opmap["LOAD_CONST"]


@pytest.mark.skipif(not NEW, reason="blocks before")
@pytest.mark.parametrize("below", [("BUILD_LIST", 0), ("LOAD_CONST", 0)])
def test_what_lies_below_a_handlers_exception_keeps_its_kind(below):
    """The handler may append to a list there, and to nothing else."""
    body = (below, ("LOAD_CONST", 1), "UNARY_NEGATIVE", "POP_TOP", "RETURN_VALUE")
    first, behind, target = (len(units(("RESUME", 0), *body[:count])) // 2 for count in (1, 4, 5))
    made = assemble(
        *body,
        ("LIST_APPEND", 1),
        "RETURN_VALUE",
        co_exceptiontable=table(first, behind, target, 1),
        **CONSTS,
    )
    if below[0] == "BUILD_LIST":
        verify(made)
    else:
        assert refused(made, "cannot take none at position 2").offset == 2 * target


@pytest.mark.skipif(not NEW, reason="blocks before")
@pytest.mark.parametrize(
    ("between", "right"),
    [
        ((("COPY", 1), ("SWAP", 2), "POP_TOP"), True),
        ((("LOAD_CONST", 0), ("SWAP", 2), "POP_TOP"), False),
    ],
)
def test_a_handler_finds_what_was_put_in_a_values_place(between, right):
    """Taking a value from below a handler's depth raises nothing; what raises later leaves what lies there by then.

    In between there is always as much as the handler needs: a trace function raises in front of any instruction.
    """
    raising = (("LOAD_CONST", 1), "UNARY_NEGATIVE", "POP_TOP")
    body = (("BUILD_LIST", 0), *raising, *between, *raising, "RETURN_VALUE")
    ends = (1, len(body) - 1, len(body))
    first, behind, target = (len(units(("RESUME", 0), *body[:count])) // 2 for count in ends)
    appending = (("LIST_APPEND", 1), "RETURN_VALUE")
    code = assemble(*body, *appending, co_exceptiontable=table(first, behind, target, 1), **CONSTS)
    gap = (("BUILD_LIST", 0), *raising, "POP_TOP", ("LOAD_CONST", 0), *raising, "RETURN_VALUE")
    ends = tuple(len(units(("RESUME", 0), *gap[:count])) // 2 for count in (1, len(gap) - 1, len(gap)))
    refused(assemble(*gap, *appending, co_exceptiontable=table(*ends, 1), **CONSTS), "its handler needs 1")
    if right:
        verify(code)
    else:
        assert "LIST_APPEND" in refused(code, "cannot take").instruction
