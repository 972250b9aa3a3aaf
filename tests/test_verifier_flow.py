"""What `verify` follows along jumps, calls and handlers: values that lose their kind, and values that gain one."""

from __future__ import annotations

import sys
from opcode import opmap
from types import CodeType

import pytest
from assembling import NEW, RELEASE, assemble, at, has, patched
from verifying import CONSTS, RETURN, inner_code, plain, refused

from recell import compat, verify

FACTS = compat.require("tests")
STEP = 2 if RELEASE.jump_unit == 1 else 1
OVER = (("JUMP_FORWARD", STEP), "POP_TOP")
"""A jump that is more than padding: where it leads, ways meet."""
ENDING = [name for name in FACTS.skipped_after_loop] or ["NOP"]


# -- what is not known where ways meet --------------------------------------------------------------


def test_code_is_made_into_a_function_at_once():
    """Behind a jump it may be another code object, with other free variables."""
    name = ("LOAD_CONST", 1) if not RELEASE.qualname_in_code else "NOP"
    consts = {"co_consts": (inner_code, "inner")}
    error = refused(assemble(("LOAD_CONST", 0), name, ("MAKE_FUNCTION", 0), "RETURN_VALUE", **consts))
    assert "free variables" in error.reason or "lacks its closure" in error.reason
    error = refused(assemble(("LOAD_CONST", 0), *OVER, name, ("MAKE_FUNCTION", 0), "RETURN_VALUE", **consts))
    assert "MAKE_FUNCTION" in error.instruction and "cannot take object" in error.reason


@pytest.mark.skipif(not has("SET_FUNCTION_ATTRIBUTE"), reason="made with its closure")
def test_a_function_gets_its_closure_at_once():
    """Until then its code would read cells that are not there."""
    load = "LOAD_FAST"
    making = (
        ("MAKE_CELL", 0),
        ("RESUME", 0),
        (load, 0),
        ("BUILD_TUPLE", 1),
        ("LOAD_CONST", 0),
        "MAKE_FUNCTION",
    )
    consts = {"co_consts": (inner_code,), "co_cellvars": ("a",), "co_varnames": (), "opening": False}
    ending = (("SET_FUNCTION_ATTRIBUTE", 8), "RETURN_VALUE")
    verify(assemble(*making, *ending, **consts))
    refused(assemble(*making, *OVER, *ending, **consts), "still lacks its closure")
    refused(assemble(*making, "RETURN_VALUE", **consts), "still lacks its closure")


@pytest.mark.skipif(not has("CALL_FUNCTION_KW") and not has("CALL_KW"), reason="KW_NAMES stands at the call")
def test_names_are_counted_where_they_are_loaded():
    """Behind a jump there may be more of them than arguments."""
    pushed = [
        ("LOAD_CONST", 1),
        *(["PUSH_NULL"] if has("PUSH_NULL") else []),
        ("LOAD_CONST", 1),
        ("LOAD_CONST", 2),
    ]
    call = ("CALL_KW" if has("CALL_KW") else "CALL_FUNCTION_KW", 1)
    consts = {"co_consts": (None, 1, ("name",))}
    verify(assemble(*pushed, call, "RETURN_VALUE", **consts))
    refused(assemble(*pushed, *OVER, call, "RETURN_VALUE", **consts))


# -- depths -----------------------------------------------------------------------------------------


def test_displays_of_many_values():
    """As compilers do not make them any more, up to what the stack holds."""
    code = assemble(
        *[("LOAD_CONST", 1)] * 600, ("BUILD_LIST", 600), "RETURN_VALUE", co_stacksize=600, **CONSTS
    )
    verify(code)
    refused(code.replace(co_stacksize=599), "its stack of 599")


def test_a_loop_needs_room_for_its_value():
    """FOR_ITER pushes while it goes on, and not when it jumps."""
    code = compile("def func(values):\n  for x in values: pass\n", "<text>", "exec").co_consts[0]
    needed = next(size for size in range(12) if accepted(code.replace(co_stacksize=size)))
    refused(code.replace(co_stacksize=needed - 1), f"co_stacksize is {needed - 1}")
    looping = (("LOAD_CONST", 3), ("GET_ITER", 0), ("FOR_ITER", 0), *ENDING, *RETURN)
    error = refused(assemble(*looping, **{**CONSTS, "co_stacksize": 1 + (sys.version_info >= (3, 15))}))
    assert "FOR_ITER" in error.instruction


def accepted(code):
    try:
        verify(code)
    except ValueError:
        return False
    return True


# -- kinds ------------------------------------------------------------------------------------------


@pytest.mark.skipif(not NEW, reason="except* came with 3.11")
def test_what_except_star_collects():
    """Exceptions and None in a list, tested for None before they are raised again."""
    text = """
def func(run):
    try:
        run()
    except* ValueError as group:
        return_ = group
    except* (TypeError, KeyError):
        raise OSError
    return 1
"""
    code = compile(text, "x", "exec").co_consts[0]
    verify(code)
    # a list that was extended holds anything
    last = code.co_code.rindex(bytes((opmap["LIST_APPEND"], 1)))
    refused(patched(code, last, opmap["LIST_EXTEND"]))
    # the other way around, RERAISE gets None
    turned = next(name for name in opmap if name.startswith("POP_JUMP") and name.endswith("IF_NONE"))
    test = turned.replace("IF_NONE", "IF_NOT_NONE")
    assert "RERAISE" in refused(patched(code, at(code, test, -1), opmap[turned])).instruction


@pytest.mark.skipif(not has("TO_BOOL"), reason="every comparison is a bool")
def test_integers_compare_to_a_bool():
    """A branch tests nothing else; what other types compare to may be anything."""
    branching = (("COMPARE_OP", 2), ("POP_JUMP_IF_FALSE", 0), *RETURN)
    fields = {"co_consts": (None, 1, "text")}
    verify(assemble(("LOAD_CONST", 1), ("LOAD_CONST", 1), *branching, **fields))
    refused(assemble(("LOAD_CONST", 1), ("LOAD_CONST", 2), *branching, **fields))


@pytest.mark.skipif(sys.version_info < (3, 15), reason="iterators alone")
def test_an_index_belongs_to_what_it_counts_in():
    """GET_ITER leaves a list and an index, or an iterator and NULL: FOR_ITER believes the second about the first."""
    end = ("END_FOR", "POP_ITER", *RETURN)
    getting, loop = (("LOAD_CONST", 3), ("GET_ITER", 0)), (("FOR_ITER", 3), "POP_TOP", ("JUMP_BACKWARD", 5))
    verify(assemble(*getting, *loop, *end, **CONSTS))
    nulled = (*getting, "POP_TOP", "PUSH_NULL", ("FOR_ITER", 3), "POP_TOP", ("JUMP_BACKWARD", 5))
    refused(assemble(*nulled, *end, **CONSTS), "with another's index")


@pytest.mark.skipif(not NEW, reason="one place for the callable")
def test_functions_that_trust_their_arguments_are_not_passed_on():
    """A comprehension's function gets its iterator from the code that made it, and from nobody else."""

    def calling(a):
        return list(x for x in a)

    inner = next(value for value in calling.__code__.co_consts if isinstance(value, CodeType))
    if opmap["GET_ITER"] in inner.co_code[::2]:
        return  # it trusts nobody
    consts = {"co_consts": (None, inner)}
    made = (("LOAD_CONST", 1), ("MAKE_FUNCTION", 0))
    for arguments in (0, 1):  # as `self` of a method
        call = [*([("PRECALL", arguments)] if has("PRECALL") else ()), ("CALL", arguments), "RETURN_VALUE"]
        passed = [("LOAD_CONST", 0)] * arguments
        refused(assemble(("LOAD_CONST", 0), *made, *passed, *call, **consts))


def test_values_that_compilers_keep_for_themselves():
    """Names of type parameters, of annotations that conditions decide about, of what an interpolation is made of."""
    verify(
        compile(
            "a, *b, c = d\nif a:\n x: int = 1\nclass C:\n if b:\n  y: int = 2\n",
            "x",
            "exec",
            dont_inherit=True,
        )
    )
    if sys.version_info >= (3, 12):
        text = "def f():\n def g[T](a: T, b=1, *, c=2) -> T: return T\n class C[T](g):\n  def h[U](self): return T, U\n"
        verify(compile(text, "x", "exec"))


@pytest.mark.skipif(not has("BUILD_INTERPOLATION"), reason="no template strings")
@pytest.mark.parametrize(("conversion", "right"), [(0, True), (3, True), (4, False)])
def test_interpolations_know_three_conversions(conversion, right):
    """`!s`, `!r` and `!a`; debug builds assert."""
    pushed = (("LOAD_CONST", 1), ("LOAD_CONST", 2), ("BUILD_INTERPOLATION", conversion << 2), "RETURN_VALUE")
    code = assemble(*pushed, **CONSTS)
    verify(code) if right else refused(code, "has no meaning")


def test_one_code_object_among_the_constants_twice():
    """It is looked at once."""
    verify(assemble(*RETURN, co_consts=(None, inner_code, inner_code)))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="one opcode for all")
def test_code_that_has_run():
    """The interpreter writes opcodes of its own over the compiler's, counters that ran down into the caches."""

    def adding(values, total):
        for value in values:
            total += value
        return total

    for values, start in (([1] * 50, 0), (("a",) * 50, ""), ([0.5] * 50, 0.0)):
        for _ in range(2):  # what measures coverage may stand in RESUME's place during the first run
            adding(values, start)
        verify(adding.__code__)


# -- generators -------------------------------------------------------------------------------------


@pytest.mark.skipif(not has("RETURN_GENERATOR"), reason="the call makes it")
def test_a_frame_that_was_seen_becomes_no_generator():
    """Whoever has it would look at memory that is gone."""
    flags = {"co_flags": plain.__code__.co_flags | 0x20, **CONSTS}
    making = ("RETURN_GENERATOR", "POP_TOP", ("RESUME", 0), *RETURN)
    refused(
        assemble(("RESUME", 0), *making, opening=False, **flags),
        "runs before the generator" if RELEASE.resume_before_generator < 0 else "after RESUME 0",
    )
    if FACTS.resume_before_generator >= 0:
        verify(assemble(("RESUME", FACTS.resume_before_generator), *making, opening=False, **flags))
