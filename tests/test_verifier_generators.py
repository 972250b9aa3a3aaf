"""What generators must keep to, on pain of an assertion in debug builds: where they wait, and what may leave them."""

from __future__ import annotations

import ast
import sys
from opcode import opmap

import pytest
from assembling import at, patched, units, with_units
from verifying import generating, refused

from recell import compat, verify

FACTS = compat.require("tests")
STOP_ITERATION = FACTS.stop_iteration_error
sees_to_it = pytest.mark.skipif(not STOP_ITERATION, reason="the interpreter sees to StopIteration itself")


def delegating(values):
    yield from values


async def waiting(values):
    async for value in values:
        await value
        yield value


async def comprehending(values):
    return [await x for x in values if x]


def finishing(values):
    while True:
        try:
            yield next(values)
        except StopIteration:
            return
        finally:
            next(values)


GENERATORS = (generating, delegating, waiting, comprehending, finishing)


@pytest.mark.parametrize("func", GENERATORS, ids=lambda func: func.__name__)
def test_generators_are_accepted(func):
    """As compilers make them."""
    verify(func.__code__)


# -- where they wait --------------------------------------------------------------------------------


@pytest.mark.skipif(not FACTS.delegating_yields, reason="RESUME alone says it")
def test_a_delegating_yield_is_resumed_as_one():
    """Asked what it waits for, a generator looks at its RESUME (_PyGen_yf in Objects/genobject.c)."""
    code = delegating.__code__
    offset = at(code, "RESUME", 1)
    assert code.co_code[offset + 1] & 3 == 2
    verify(patched(code, offset + 1, code.co_code[offset + 1] ^ 1))  # `await` in place of `yield from`
    error = refused(patched(code, offset + 1, code.co_code[offset + 1] ^ 3), "the resumption")
    assert error.instruction.startswith("SEND")


# -- what leaves them -------------------------------------------------------------------------------


@sees_to_it
@pytest.mark.parametrize("func", GENERATORS, ids=lambda func: func.__name__)
def test_stop_iteration_does_not_leave(func):
    """Without handlers, nothing makes a RuntimeError of it (gen_send_ex2 asserts that)."""
    refused(func.__code__.replace(co_exceptiontable=b""), "may let StopIteration out")


@sees_to_it
def test_the_handler_that_raises_raises_what_it_made():
    """A RERAISE that follows something else might raise StopIteration."""
    code = generating.__code__
    made = at(code, "CALL_INTRINSIC_1")
    assert code.co_code[made : made + 3 : 2] == bytes((opmap["CALL_INTRINSIC_1"], opmap["RERAISE"]))
    skipped = patched(code, made, opmap["NOP"], 0, opmap["RERAISE"], 1)
    verify(skipped)  # as a lambda: nothing in it claims to see to StopIteration
    inverted = (opmap["RERAISE"], code.co_code[made + 3], opmap["CALL_INTRINSIC_1"], STOP_ITERATION)
    assert refused(patched(code, made, *inverted), "may let StopIteration out").offset == made


@sees_to_it
def test_no_way_leads_past_the_making():
    """A jump onto the RERAISE, with what was raised on the stack."""
    code = generating.__code__
    made = at(code, "CALL_INTRINSIC_1")
    table = code.co_exceptiontable
    target = made // 2
    assert table[2:4] == bytes((target,)) + table[3:4], "one entry of one-byte numbers"
    past = table[:2] + bytes((target + 1,)) + table[3:]
    refused(code.replace(co_exceptiontable=past), "may let StopIteration out")


@sees_to_it
def test_generators_that_compilers_leave_open():
    """A lambda's, and a module that awaits: StopIteration leaves them, and on debug builds that is the program's end."""
    open_ = (lambda: (yield 1)).__code__
    assert bytes((opmap["CALL_INTRINSIC_1"], STOP_ITERATION)) not in open_.co_code
    verify(open_)
    verify(compile("await x\n[y async for y in z]", "module", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT))


@sees_to_it
def test_only_generators_make_a_runtime_error_of_it():
    """The intrinsic looks at the generator that runs (stopiteration_error in Python/intrinsics.c)."""

    def raising():
        try:
            len()
        except TypeError:
            raise

    code = raising.__code__
    offset = at(code, "RAISE_VARARGS") - 2
    assert code.co_code[offset] == opmap["POP_TOP"]
    wrong = patched(code, offset, opmap["CALL_INTRINSIC_1"], STOP_ITERATION)
    assert refused(wrong, "no generator was made").offset == offset


@sees_to_it
def test_a_generator_begins_where_it_is_made():
    """No later RETURN_GENERATOR, which nothing reaches, and no handler around the first one hides what may leave it."""
    code = generating.__code__
    start, table = at(code, "RETURN_GENERATOR") // 2, code.co_exceptiontable
    longer = with_units(code, code.co_code + units("RETURN_GENERATOR"), co_exceptiontable=b"")
    assert refused(longer, "may let StopIteration out").offset < len(code.co_code)
    around = code.replace(co_exceptiontable=bytes((0x80 | start, 1, *table[2:4])))
    assert refused(around, "may let StopIteration out").offset > 2 * start


# -- what lies on the stack of a handler ------------------------------------------------------------


async def borrowing(values):
    return [x async for x in values if x]


def test_an_asynchronous_comprehension_over_a_local():
    """3.15 asks for the iterator behind what may raise: the local still lies borrowed on the handler's stack."""
    verify(borrowing.__code__)


@pytest.mark.skipif(sys.version_info < (3, 15), reason="nothing is borrowed there")
def test_a_handler_leaves_borrowed_locals_alone():
    """The comprehension's handler stores what it saved: not into the local that is borrowed."""
    code = borrowing.__code__
    offset = at(code, "STORE_FAST", 1)
    assert code.co_code[offset - 4 : offset : 2] == bytes((opmap["POP_TOP"], opmap["SWAP"]))
    verify(patched(code, offset + 1, 0))  # the borrowed reference is gone by then
    early = patched(code, offset - 4, opmap["STORE_FAST"], 1)
    refused(early, "stores a borrowed local")
    changing = patched(code, offset - 6, opmap["DELETE_FAST"], 0)
    refused(changing, "while the stack holds a borrowed reference")
