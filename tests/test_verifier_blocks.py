"""What `verify` refuses on releases that keep a stack of blocks (3.8 to 3.10): handlers, `finally`, `with`, `async for`."""

from __future__ import annotations

import pytest
from assembling import NEW, RELEASE, assemble, has
from verifying import CONSTS, RETURN, refused

from recell import verify

pytestmark = pytest.mark.skipif(NEW, reason="exception tables since")
calls = pytest.mark.skipif(not has("CALL_FINALLY"), reason="`finally` bodies are copied")

STEP = 2 if RELEASE.jump_unit == 1 else 1
END = "END_FINALLY" if has("END_FINALLY") else "RERAISE"


def handler(*body):
    """A code object that raises, and the body of a handler, which finds six values on the stack."""
    raising = (("SETUP_FINALLY", 4 * STEP), ("LOAD_CONST", 0), "UNARY_NEGATIVE", "POP_BLOCK", "RETURN_VALUE")
    return assemble(*raising, *body, co_stacksize=30, co_consts=CONSTS["co_consts"])


def test_a_handler_is_accepted():
    """What the others here change is right to begin with."""
    leaving = ("POP_TOP", "POP_TOP", "POP_TOP", "POP_EXCEPT", *RETURN)
    raising = (("SETUP_FINALLY", 6 * STEP), ("LOAD_CONST", 0), "UNARY_NEGATIVE", "POP_TOP", "POP_BLOCK")
    verify(assemble(*raising, *RETURN, *leaving, co_stacksize=30, co_consts=CONSTS["co_consts"]))
    verify(assemble(*raising, *RETURN, END, co_stacksize=30, co_consts=CONSTS["co_consts"]))


@pytest.mark.parametrize("count", [1, 19, 20])
def test_as_many_blocks_as_there_is_room_for(count):
    """One more is a fatal error (CO_MAXBLOCKS)."""
    setups = [("SETUP_FINALLY", (2 * count + 1) * STEP)] * count
    code = assemble(
        *setups, *["POP_BLOCK"] * count, *RETURN, *[END] * count, co_stacksize=200, co_consts=(None,)
    )
    if count < 20:
        verify(code)
    else:
        refused(code, "more than 19 blocks")


def test_a_saved_exception_is_where_its_block_says():
    """POP_EXCEPT restores what lies on top, and forgets the block."""
    kept = (("LOAD_CONST", 1), "ROT_FOUR")
    popped = ("POP_TOP", "POP_TOP", "POP_TOP")
    refused(
        handler(*popped, *kept, *kept, "POP_EXCEPT", "POP_TOP", "RETURN_VALUE"), "saved exception is not at 0"
    )


@pytest.mark.skipif(has("END_FINALLY") or RELEASE.version < (3, 10), reason="RERAISE takes no argument")
def test_a_line_is_restored_for_the_handler_that_runs():
    """RERAISE 1 looks at the block on top."""
    refused(handler(("SETUP_FINALLY", 0), ("RERAISE", 1)), "a handler that is not running")


def test_a_block_does_not_end_the_code():
    """Behind it something stands."""
    code = (("SETUP_FINALLY", STEP), ("JUMP_FORWARD", STEP), END, "POP_BLOCK")
    error = refused(assemble(*code, **CONSTS), "control goes on behind it")
    assert "POP_BLOCK" in error.instruction


# -- 3.8's subroutines ------------------------------------------------------------------------------


@calls
def test_what_a_finally_body_finds():
    """NULL, a return address or an exception: END_FINALLY does with anything else what it likes."""
    refused(assemble(("LOAD_CONST", 0), END, *RETURN, **CONSTS), "no outcome that a finally body can have")
    refused(handler("DUP_TOP", END), "an exception that is not complete")
    verify(assemble("BEGIN_FINALLY", END, *RETURN, **CONSTS))


@calls
def test_leaving_a_finally_body():
    """`return` and `break` in it drop what it found, and keep a value."""
    text = """
def func(values):
    for value in values:
        try:
            value()
        finally:
            return values.x
    while values:
        try:
            values()
        finally:
            break
"""
    verify(compile(text, "x", "exec"))
    refused(assemble("BEGIN_FINALLY", ("POP_FINALLY", 1), *RETURN, **CONSTS), "has no value to keep")
    turned = ("ROT_FOUR", "ROT_FOUR", "ROT_FOUR", "POP_TOP")  # the saved type is gone, the rest in order
    refused(handler(*turned, ("POP_FINALLY", 0), *RETURN), "saved exception is not at 0 on the stack")


@calls
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (("BEGIN_FINALLY", "WITH_CLEANUP_START"), "there is no exit function"),
        (("BEGIN_FINALLY", "WITH_CLEANUP_FINISH"), "there is no result of an exit function"),
    ],
)
def test_with_has_an_exit_function(body, reason):
    """It is called, and what it returned is asked for its truth."""
    refused(assemble(*body, *RETURN, **CONSTS), reason)


@calls
def test_with_has_an_exit_function_below_an_exception():
    """A handler of `try` has none."""
    refused(handler("WITH_CLEANUP_START", "WITH_CLEANUP_FINISH", END), "no exit function below the exception")


@calls
@pytest.mark.parametrize("below", [("LOAD_CONST", 1), "BEGIN_FINALLY"])
def test_what_lies_below_a_with_stays_there(below):
    """Where an exception was swallowed it is what it was before: a value may be returned, NULL may not."""
    raising = (("LOAD_CONST", 1), ("SETUP_WITH", 6), "POP_TOP", ("LOAD_CONST", 1), ("RAISE_VARARGS", 1))
    leaving = ("WITH_CLEANUP_START", "WITH_CLEANUP_FINISH", END, "RETURN_VALUE")
    code = assemble(below, *raising, *leaving, co_stacksize=20, **CONSTS)
    if below == "BEGIN_FINALLY":
        assert "RETURN_VALUE" in refused(code, "cannot take null").instruction
    else:
        verify(code)
