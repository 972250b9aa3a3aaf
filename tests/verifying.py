"""What the tests of the verifier share: functions whose code they change, and how a refusal is checked."""

from __future__ import annotations

from opcode import opname
from types import CodeType

import pytest

from recell import UnsafeCodeError, verify
from recell.verifier.verify import verify_all

RETURN = (("LOAD_CONST", 0), "RETURN_VALUE")
CONSTS = {"co_consts": (None, 1, "text", (), "other")}


def refused(code: CodeType, reason: str = "") -> UnsafeCodeError:
    with pytest.raises(UnsafeCodeError) as caught:
        verify(code)
    error = caught.value
    assert reason in error.reason, error
    assert error.reason in str(error) and error.instruction in str(error)
    if error.offset >= 0 and error.code == repr(code):
        there = opname[code.co_code[error.offset]]
        assert error.offset % 2 == 0 and there in ("EXTENDED_ARG", error.instruction.split()[0])
    return error


def verify_nested(code: CodeType) -> None:
    """Verify code that only code around it, verified as well, makes a function of: a comprehension's, say."""
    verify_all(code, trusted=True)


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
