"""What the `bytecode` library does wrong, or not at all, is right in a rewriting, or refused."""

from __future__ import annotations

import random
import sys
import sysconfig
import warnings
from pathlib import Path
from types import CodeType
from typing import Any, Iterator

import pytest
from sizes import DEBUG, FULL, SEED, pick

import recell
from recell import rewrite
from recell.code import tables
from recell.code.assembler import positions
from recell.rewriting.assembling import joined
from recell.rewriting.reading import decode

bytecode = pytest.importorskip("bytecode")
Instr = bytecode.Instr
HANDLERS = sys.version_info >= (3, 11)


def nothing(code: Any) -> None:
    """An edit that does nothing."""


def codes_in(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if type(constant) is CodeType:
            yield from codes_in(constant)


def standard_library() -> Iterator[CodeType]:
    """The code of the standard library, tests included: some of the codes of some of the files, or all of them."""
    top = Path(sysconfig.get_paths()["stdlib"])
    rng = random.Random(SEED)
    paths = [path for path in sorted(top.rglob("*.py")) if "site-packages" not in path.parts]
    rng.shuffle(paths)
    left = pick(120, sys.maxsize, debug=40)
    for path in paths:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                codes = [*codes_in(compile(path.read_bytes(), str(path), "exec", dont_inherit=True))]
            except (SyntaxError, ValueError, OSError):
                continue  # written so for a test, or a link that leads nowhere
        if not FULL:
            codes = rng.sample(codes, min(len(codes), 10, left))
        yield from codes
        left -= len(codes)
        if not left:
            return


def meaning(code: CodeType) -> list[Any]:
    """The instructions of a code object with what their arguments mean: opcode, operand, position."""
    import dis

    decoded, where = decode(code), positions(code)
    at = decoded.index_of()
    jumps = decoded.jumps()
    result: list[Any] = []
    operands = [each for each in dis.get_instructions(code) if each.opname not in ("EXTENDED_ARG", "CACHE")]
    assert len(operands) == len(decoded.numbers)
    for index, (number, unit) in enumerate(zip(decoded.numbers, decoded.units)):
        each = operands[index]
        operand: Any = each.argval if each.arg is not None else None
        if type(operand) is CodeType:
            operand = "code", operand.co_name
        if index in jumps:
            operand = "jump", jumps[index]
        result.append((number, repr(operand) if type(operand) is not tuple else operand, where[unit]))
    if HANDLERS:
        for start, end, target, depth in joined(tables.handlers(code.co_exceptiontable)):
            result.append(("handler", at.get(start), at.get(end), at[target], depth))
    return result


KEPT = ("co_name", "co_flags", "co_varnames", "co_cellvars", "co_freevars", "co_stacksize")


def test_the_standard_library_comes_back_equal() -> None:
    """An edit that does nothing leaves instructions, targets, positions and handlers; at most 1 in 1,000 is refused."""
    count, refused, wrong = 0, [], []
    for code in standard_library():
        count += 1
        try:
            new = rewrite(code, nothing)
        except recell.UnsupportedCodeError as error:
            refused.append((code.co_filename, code.co_name, error.reason))
            continue
        except recell.UnsafeCodeError as error:
            wrong.append((code, error))
            continue
        if meaning(new) != meaning(code) or any(getattr(new, name) != getattr(code, name) for name in KEPT):
            wrong.append((code, "another meaning"))
    print(f"{count} codes, {len(refused)} refused, {len(wrong)} wrong")
    print(*refused, *wrong, sep="\n")
    assert not wrong
    assert count > (30 if DEBUG else 100)
    assert len(refused) <= count / 1000, refused


def test_a_handler_around_a_handler_keeps_its_depth() -> None:
    """The library puts the outer one too deep; a debug build would abort."""

    def find(table: Any, key: str) -> Any:
        try:
            try:
                return table.missing
            except AttributeError:
                return table["x"]
        except KeyError:
            return key

    new = rewrite(find, nothing)
    assert [new(table, "k") for table in ({}, {"x": 1}, {"y": 1})] == ["k", 1, "k"]


@pytest.mark.parametrize("count", [14, 15, 16, 17, 18, 40])
def test_many_locals(count: int) -> None:
    """Pairs of locals hold two slots of four bits: the library gets the seventeenth wrong."""
    names = [f"v{number}" for number in range(count)]
    text = f"def f({', '.join(names)}):\n"
    text += "".join(f"    w{n} = ({names[n]}, {names[-n - 1]})\n" for n in range(count))
    text += f"    return [{', '.join(f'w{n}' for n in range(count))}]\n"
    space: dict[str, Any] = {}
    exec(text, space)
    arguments = list(range(count))

    def touched(code: Any) -> None:
        code[:] = [item.copy() if isinstance(item, Instr) else item for item in code]

    for edit in (nothing, touched):
        assert rewrite(space["f"], edit)(*arguments) == space["f"](*arguments)


def test_columns_beyond_127() -> None:
    """The library writes them in a form that CPython reads as something else."""
    padding = " " * 120
    space: dict[str, Any] = {}
    exec(f"def f(x):\n  a = (1,{padding}x)\n  return (2,{padding}x.real)\n", space)
    new = rewrite(space["f"], nothing)
    assert positions(new.__code__) == positions(space["f"].__code__)


def test_regions_may_nest() -> None:
    """A region that an edit puts inside another cuts it, and the outer one goes on behind it."""
    if not HANDLERS:
        pytest.skip("handlers are blocks before 3.11")

    def divide(a: int, b: int) -> Any:
        try:
            return a // b + 1 // (a - 5)
        except ZeroDivisionError:
            return "outer"

    def edit(code: Any) -> None:
        names = [getattr(item, "name", "") for item in code]
        start = next(k for k, name in enumerate(names) if name.startswith("LOAD_FAST"))
        at = names.index("BINARY_OP")
        handler, after = bytecode.Label(), bytecode.Label()
        begin = bytecode.TryBegin(handler, push_lasti=False)
        code[at + 1 : at + 1] = [bytecode.TryEnd(begin), after]
        code[start:start] = [begin]
        code += [
            handler,
            Instr("PUSH_EXC_INFO"),
            Instr("POP_TOP"),
            Instr("POP_EXCEPT"),
            Instr("LOAD_CONST", "inner"),
            Instr("RETURN_VALUE"),
        ]

    new = rewrite(divide, edit)
    assert (new(6, 3), new(5, 1), new(1, 0), divide(1, 0)) == (3, "outer", "inner", "outer")


def test_a_name_that_is_local_and_free_is_refused_where_the_library_cannot_tell_them_apart() -> None:
    """The reason is in the error; other functions are rewritten."""
    space: dict[str, Any] = {}
    exec(
        "def make(k=7):\n def f(): return k, [k for k in [5]], [lambda: k for k in [6]][0]()\n return f\n",
        space,
    )
    func = space["make"]()
    try:
        new = rewrite(func, nothing)
    except recell.UnsupportedCodeError as error:
        assert "IndexError" in error.reason
    else:
        assert new() == func()
