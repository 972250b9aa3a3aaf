"""Another library reads what the editor wrote: `bytecode` sees the same code units, targets and handlers as CPython does."""

from __future__ import annotations

import builtins
import dis
import random
from types import CodeType

import corpus
import pytest
from sizes import SEED, pick

import recell

bytecode = pytest.importorskip("bytecode")


def some_globals(code: CodeType) -> list[str]:
    return sorted({each.argval for each in dis.get_instructions(code) if each.opname == "LOAD_GLOBAL"})


def units(code: CodeType) -> list[tuple[int, int]]:
    """The code units; 3.10's compiler leaves arguments on instructions that take none, and `bytecode` drops them."""
    raw = code.co_code
    return [
        (number, argument if number >= dis.HAVE_ARGUMENT else 0)
        for number, argument in zip(raw[::2], raw[1::2])
    ]


def test_bytecode_reads_promoted_code_as_cpython_does() -> None:
    """What `bytecode` takes apart and puts together again has the very same code units."""
    functions = [func for func in corpus.live_functions() if some_globals(func.__code__)]
    random.Random(SEED).shuffle(functions)
    read = 0
    count = pick(60, 3000, debug=20)
    for func in functions[:count]:
        name = some_globals(func.__code__)[0]
        code = recell.promote(func, {name: getattr(builtins, name, None)}).__code__
        again = bytecode.ConcreteBytecode.from_code(code, extended_arg=True)
        rebuilt = again.to_code(
            stacksize=code.co_stacksize,
            **({"compute_exception_stack_depths": False} if hasattr(code, "co_exceptiontable") else {}),
        )
        assert units(rebuilt) == units(code), (func, name)
        assert rebuilt.co_freevars == code.co_freevars
        assert getattr(rebuilt, "co_exceptiontable", b"") == getattr(code, "co_exceptiontable", b"")
        read += 1
    assert read == count
