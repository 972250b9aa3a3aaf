"""Random edits of random functions: what the code does afterwards is what the edited text would do."""

from __future__ import annotations

from typing import Any, Callable, List, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import sampled

from recell import inserted, rewrite

bytecode = pytest.importorskip("bytecode")
Instr = bytecode.Instr


class Text(NamedTuple):
    """The lines of a function, each with its indentation, and the constants in them."""

    lines: List[str]
    constants: int


@st.composite
def texts(draw: Any) -> Text:
    """A function `f(a, b)` of assignments, calls, branches, loops and handlers; every constant stands once."""
    lines = ["def f(a, b):", "    c = 0"]
    count = 0

    def constant() -> int:
        nonlocal count
        count += 1
        return 1000 + count

    def expression() -> str:
        name = draw(st.sampled_from("abc"))
        kind = draw(st.integers(0, 4))
        if kind == 0:
            return f"{name} + {constant()}"
        if kind == 1:
            return f"one({name})"
        if kind == 2:
            return f"{constant()} // {name}"
        if kind == 3:
            return f"[x + {name} for x in (1, {name})][-1]"
        return f"{name} - {draw(st.sampled_from('abc'))}"

    def test() -> str:
        parts = [
            f"{draw(st.sampled_from('abc'))} {draw(st.sampled_from(['<', '>=', '==']))} {constant()}"
            for _ in range(draw(st.integers(1, 2)))
        ]
        return draw(st.sampled_from([" and ", " or "])).join(parts)

    def block(depth: int, indent: str) -> None:
        for _ in range(draw(st.integers(1, 3))):
            kind = draw(st.integers(0, 6 if depth else 2))
            name = draw(st.sampled_from("abc"))
            if kind < 3:
                lines.append(f"{indent}{name} = {expression()}")
            elif kind == 3:
                lines.append(f"{indent}if {test()}:")
                block(depth - 1, indent + "    ")
                lines.append(f"{indent}else:")
                block(depth - 1, indent + "    ")
            elif kind == 4:
                lines.append(f"{indent}for i{depth} in range({draw(st.integers(0, 2))}):")
                block(depth - 1, indent + "    ")
            elif kind == 5:
                lines.append(f"{indent}try:")
                block(depth - 1, indent + "    ")
                lines.append(f"{indent}except ZeroDivisionError:")
                block(depth - 1, indent + "    ")
            else:
                lines.append(f"{indent}with held():")
                block(depth - 1, indent + "    ")

    block(2, "    ")
    lines.append("    return a, b, c")
    return Text(lines, count)


class Held:
    def __enter__(self) -> None: ...

    def __exit__(self, *error: object) -> None: ...


def made(lines: list[str], log: list[Any]) -> Any:
    """The function of these lines; what it calls writes a log."""

    def one(x: Any) -> Any:
        log.append(("one", x))
        return x + 1

    def two(x: Any) -> Any:
        log.append(("two", x))
        return x * 2

    space: dict[str, Any] = {"one": one, "two": two, "log": log, "held": Held}
    exec(compile("\n".join(lines) + "\n", "<random>", "exec"), space)
    return space["f"]


def another_constant(old: int, new: int) -> Callable[[Any], None]:
    def edit(code: Any) -> None:
        for item in code:
            if getattr(item, "arg", None) == old and "CONST" in item.name:
                item.arg = new

    return edit


def another_callee(code: Any) -> None:
    for item in code:
        if getattr(item, "name", "") == "LOAD_GLOBAL":
            if item.arg == "one":
                item.arg = "two"
            elif isinstance(item.arg, tuple) and item.arg[1] == "one":
                item.arg = (item.arg[0], "two")


def inverted(code: Any) -> None:
    """Every conditional jump ahead becomes its opposite around a jump."""
    behind: dict[int, int] = {
        id(item): at for at, item in enumerate(code) if isinstance(item, bytecode.Label)
    }
    result: list[Any] = []
    for at, item in enumerate(code):
        name = getattr(item, "name", "")
        ends = [end for end in ("IF_TRUE", "IF_FALSE") if name.endswith(end)]
        if not name.startswith("POP_JUMP") or not ends or behind[id(item.arg)] < at:
            result.append(item)
            continue
        other = "IF_FALSE" if ends[0] == "IF_TRUE" else "IF_TRUE"
        on = bytecode.Label()
        result.append(Instr(name.replace(ends[0], other), on, location=item.location))
        result.append(Instr("JUMP_FORWARD", item.arg, location=item.location))
        result.append(on)
    code[:] = result


def outcome(func: Any, log: list[Any], arguments: tuple[int, int]) -> tuple[Any, list[Any]]:
    log.clear()
    try:
        result: Any = func(*arguments)
    except Exception as error:  # noqa: BLE001 - which one it is is compared
        result = type(error).__name__
    return result, [*log]


@sampled
@given(texts(), st.data())
def test_edited_code_does_what_edited_text_would(text: Text, data: Any) -> None:
    """Constants, names, jumps inverted, statements inserted: alone and together."""
    lines = [*text.lines]
    edits: list[Any] = []
    if text.constants and data.draw(st.booleans(), "a constant"):
        old = 1000 + data.draw(st.integers(1, text.constants))
        edits.append(another_constant(old, old - 999))
        lines = [line.replace(str(old), str(old - 999)) for line in lines]
    if data.draw(st.booleans(), "a name"):
        edits.append(another_callee)
        lines = [line.replace("one(", "two(") for line in lines]
    if data.draw(st.booleans(), "jumps"):
        edits.append(inverted)
    places = [at for at, line in enumerate(lines) if at and not line.rstrip().endswith(("else:", "Error:"))]
    for at in sorted(data.draw(st.sets(st.sampled_from(places), max_size=3), "insertions"), reverse=True):
        new = data.draw(st.sampled_from([f"log.append(('at', {at}, a, b)); b = b + 1", "b = 7 // a"]), "text")
        edits.append(inserted(new, at=at + 1))
        indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
        lines.insert(at, f"{indent}{new}")
    if not edits:
        edits.append(lambda code: None)
    log: list[Any] = []
    original, model = made(text.lines, log), made(lines, log)
    new = rewrite(original, *edits)
    before = [outcome(original, log, arguments) for arguments in ((0, 1), (3, -2), (1500, 7))]
    for arguments in ((0, 1), (3, -2), (1500, 7)):
        assert outcome(new, log, arguments) == outcome(model, log, arguments)
    assert before == [outcome(original, log, arguments) for arguments in ((0, 1), (3, -2), (1500, 7))]
