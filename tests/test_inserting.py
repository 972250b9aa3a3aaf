"""`inserted` and `call_replaced`: statements in a function's own scope, and another callable at its calls."""

from __future__ import annotations

import asyncio
import inspect
import json
from contextlib import suppress
from typing import Any, Iterator

import pytest

import recell
from recell import ENTRY, call_replaced, inserted, rewrite

seen: list[Any] = []


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    seen.clear()


def line_of(func: Any, text: str) -> int:
    """The number of the line of a function that contains a text."""
    lines, start = inspect.getsourcelines(func)
    return next(start + number for number, line in enumerate(lines) if text in line)


def summed(n: int) -> int:
    total = 0
    while n:
        n -= 1  # step
        total += n
    return total


def stream(n: int) -> Iterator[int]:
    total = 0
    for i in range(n):
        total += i  # add
        yield total  # give
    return


def divided(x: int) -> Any:
    try:
        y = 10 // x  # try
    except ZeroDivisionError:
        y = -1  # except
    finally:
        z = 5  # finally
    return y + z


def guarded(x: int) -> Any:
    with suppress(ZeroDivisionError):
        return 1 // x  # with
    return "suppressed"


def closing(a: int) -> Any:
    b = a

    def inside() -> int:
        return b

    b = b + 1  # cell
    return inside()


def nesting(a: int) -> Any:
    def inner(c: int) -> int:
        d = c + a
        return d

    return inner(a)


def spread(x: int) -> Any:
    return max(
        x,
        x + 1,
    )


@pytest.mark.parametrize(
    ("func", "arguments", "text", "source", "expected"),
    [
        (summed, (5,), "# step", "if n == 3: seen.append((n, total))", 10),
        (summed, (5,), "# step", "n = n - 1 if n > 1 else n", 4),
        (summed, (5,), "return", "total = total * 2; new = total; total = new + 1", 21),
        (stream, (3,), "# give", "total = total + 1", [1, 3, 6]),
        (stream, (3,), "# add", "try:\n  1 / i\nexcept ZeroDivisionError:\n  total += 100", [100, 101, 103]),
        (stream, (3,), "# add", "for q in range(2): total += q", [1, 3, 6]),
        (divided, (2,), "# try", "x = 5", 7),
        (divided, (0,), "# except", "seen.append(x)", 4),
        (divided, (0,), "# finally", "y = y * 10", -5),
        (divided, (2,), "# finally", "y = y * 10", 55),
        (guarded, (1,), "# with", "x = 0", "suppressed"),
        (closing, (1,), "# cell", "b = b * 10", 11),
        (closing, (1,), "# cell", "seen.append((lambda: b)())", 2),
        (nesting, (1,), "return d", "d = d * 10; a", 20),
        (spread, (1,), "return max", "seen.append(x); x += 5", 7),
    ],
)
def test_statements_run_in_the_scope_of_the_function(
    func: Any, arguments: tuple[Any, ...], text: str, source: str, expected: Any
) -> None:
    """They read and set its locals, cells and free variables, in front of the line."""
    new = rewrite(func, inserted(source, at=line_of(func, text)))
    result = new(*arguments)
    assert (list(result) if inspect.isgenerator(result) else result) == expected
    assert seen == {"if n": [(3, 7)], "seen": [arguments[0]]}.get(source[:4], [])


def test_a_line_by_its_text_and_the_entry() -> None:
    """The text is stripped and unique; ENTRY is behind the prologue, in generators and coroutines too."""
    assert rewrite(divided, inserted("y = 0", at="z = 5  # finally"))(2) == 5
    assert list(rewrite(stream, inserted("n = 1", at=ENTRY))(5)) == [0]

    async def wait(n: int) -> int:
        await asyncio.sleep(0)
        return n

    assert asyncio.run(rewrite(wait, inserted("n = 7", at=ENTRY))(1)) == 7
    assert asyncio.run(rewrite(wait, inserted("n = 8", at="return n"))(1)) == 8


def test_an_unbound_variable_is_an_error_of_the_call() -> None:
    """As anywhere: UnboundLocalError, not a crash."""

    def late(x: int) -> int:
        if x:
            y = 1
        x = 2  # unbound
        return x

    new = rewrite(late, inserted("seen.append(y)", at=line_of(late, "# unbound")))
    assert new(1) == 2 and seen == [1]
    with pytest.raises(UnboundLocalError):
        new(0)


def test_positions_of_inserted_statements_are_those_of_the_line() -> None:
    """A traceback leads to the line in front of which they stand."""
    line = line_of(summed, "# step")
    new = rewrite(summed, inserted("\n\n1 / 0", at=line))
    with pytest.raises(ZeroDivisionError) as caught:
        new(1)
    assert caught.traceback[-1].lineno + 1 == line


def test_private_names_are_those_of_the_class() -> None:
    """Where CPython says which class it is; before 3.11 it does not."""

    class Safe:
        def __init__(self) -> None:
            self.__code = 5

        def open(self) -> int:
            return 0

    edit = inserted("return_value = self.__code; seen.append(return_value)", at=ENTRY)
    if hasattr(Safe.open.__code__, "co_qualname"):
        assert rewrite(Safe.open, edit)(Safe()) == 0 and seen == [5]
    else:
        with pytest.raises(recell.ScopeError, match="private name"):
            rewrite(Safe.open, edit)


@pytest.mark.parametrize(
    ("source", "error", "text"),
    [
        ("return 1", SyntaxError, "`return`"),
        ("yield 1", SyntaxError, "`yield`"),
        ("x = yield from ()", SyntaxError, "`yield from`"),
        ("x =", recell.SourceError, "invalid syntax"),
        ("", recell.SourceError, "no statement"),
        ("break", recell.SourceError, "'break' outside loop"),
        ("range = 5", recell.ScopeError, "reads as a global"),
        ("f = lambda: total", recell.UnsupportedCodeError, "no cell"),
    ],
)
def test_statements_that_cannot_stand_there(source: str, error: type[Exception], text: str) -> None:
    """A typed error when the edit is made or applied; nothing has changed."""
    with pytest.raises(error, match=text):
        rewrite(stream, inserted(source, at=ENTRY))
    assert list(stream(2)) == [0, 1]


@pytest.mark.parametrize(
    ("at", "error", "text"),
    [
        (1, recell.ScopeError, "nearest lines"),
        ("y = 11 // x  # try", recell.ScopeError, "did you mean `y = 10 // x"),
        ("", recell.ScopeError, "one line"),
        (None, TypeError, "at= is a line number"),
        (True, TypeError, "at= is a line number"),
    ],
)
def test_places_that_are_not_there(at: Any, error: type[Exception], text: str) -> None:
    """The error names the candidates."""
    with pytest.raises(error, match=text) as caught:
        rewrite(divided, inserted("x = 1", at=at))
    if error is recell.ScopeError:
        assert isinstance(caught.value.names, tuple)


def test_a_text_that_several_lines_have() -> None:
    """The error names their numbers."""

    def twice(x: int) -> int:
        if x:
            x += 1
        else:
            x += 1
        return x

    with pytest.raises(recell.ScopeError, match="2 lines of .* read `x \\+= 1`") as caught:
        rewrite(twice, inserted("x = 0", at="x += 1"))
    assert len(caught.value.names) == 2


def calling(x: list[str], f: Any = abs) -> Any:
    dumped = json.dumps(x, sort_keys=True)
    unpacked = json.dumps(*[x])
    kept = len
    return len(x), f(-1), dumped, unpacked, [len(each) for each in x], kept, (len(x) if x else 0), x.copy()


def test_calls_of_a_spelling_are_replaced() -> None:
    """All of them, in nested functions too; what only reads the name, or passes it on, does not change."""
    before = calling(["a"])

    def changed(name: str, **options: Any) -> list[int]:
        after = rewrite(calling, call_replaced(name, lambda *args, **more: 42, **options))(["a"])
        assert all(new == 42 or new == [42] for old, new in zip(before, after) if old != new)
        return [index for index, (old, new) in enumerate(zip(before, after)) if old != new]

    assert changed("len") == [0, 4, 6]
    assert changed("json.dumps") == [2, 3]
    assert changed("f") == [1]
    assert changed("x.copy") == [7]
    assert changed("json.dumps", at="unpacked = json.dumps(*[x])") == [3]
    assert changed("json.dumps", at=line_of(calling, "dumped = json")) == [2]


@pytest.mark.parametrize("name", ["x", "lens", "json", "kept"])
def test_calls_that_are_not_there(name: str) -> None:
    """An argument is no callee; the error names the calls that there are."""
    with pytest.raises(recell.ScopeError, match=f"does not call `{name}`; it calls .*json.dumps"):
        rewrite(calling, call_replaced(name, print))


def test_bad_arguments_of_ready_edits() -> None:
    """They are refused before anything is edited."""
    with pytest.raises(TypeError, match="puts a callable"):
        call_replaced("len", 5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="dotted name"):
        call_replaced("len()", len)
    with pytest.raises(TypeError, match="text of statements"):
        inserted(5, at=1)  # type: ignore[arg-type]
