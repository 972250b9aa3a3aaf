"""A definition's text, brought to the left margin without moving a character, and errors that point into it."""

from __future__ import annotations

import re

from recell.errors import SourceError, listed
from recell.source.sourcelines import lines_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "ONLY_AST",
    "flush",
    "label_of",
    "may_hold_lines",
    "problem",
    "several",
    "syntax_problem",
]

ONLY_AST = 0x400
"""`ast.PyCF_ONLY_AST`: `compile` gives the tree, without a module that knows what to do with it."""

_BLANK = " \t\f"
_NAME = re.compile(r"\bdef[ \t\f]+(\w+)")
_HEADS = ("def", "async", "lambda", "class")


def flush(text: str) -> str:
    """The text with its definition at depth zero, each character still in its line and column.

    A form feed sets the depth back to zero (the tokenizer's rule, Parser/tokenizer.c), so the last character of the
    indentation gives way to one. That is done in the lines at the definition's own level only: a body may be
    indented as it likes, and nothing inside a string changes.
    """
    if text[:1].isalpha() or text[:1] == "@":
        return text
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for number in _lines_at_margin(lines):
        line = lines[number]
        depth = len(line) - len(line.lstrip(_BLANK))
        if depth:
            lines[number] = line[: depth - 1] + "\f" + line[depth:]
    return "\n".join(lines)


def _lines_at_margin(lines: list[str]) -> Iterator[int]:
    """The lines of the decorators and of the definition's head."""
    first = 0
    while first < len(lines) and lines[first].lstrip(_BLANK)[:1] in ("", "#"):
        first += 1
    if first == len(lines):
        return
    start = lines[first].lstrip(_BLANK)
    if not start.startswith("@"):
        yield first
        return
    margin = lines[first][: len(lines[first]) - len(start)]
    if not margin:
        return
    heads = _logical_lines(lines, first) if may_hold_lines("\n".join(lines)) else range(first, len(lines))
    for number in heads:
        line = lines[number]
        if line.startswith(margin):
            word = line[len(margin) :]
            if word.startswith("@"):
                yield number
            elif word.startswith(_HEADS):
                yield number
                return


def may_hold_lines(text: str) -> bool:
    """Return whether a string in the text may go over several lines."""
    return '"""' in text or "'''" in text or "\\\n" in text


def _logical_lines(lines: list[str], first: int) -> list[int]:
    """The lines at which a logical line begins, as far as the text can be read."""
    import io
    import tokenize

    found, beginning = [], True
    try:
        for token in tokenize.generate_tokens(io.StringIO("\n".join(lines)).readline):
            if token.type in (tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT):
                continue
            if beginning and token.start[0] > first:
                found.append(token.start[0] - 1)
            beginning = token.type == tokenize.NEWLINE
    except (tokenize.TokenError, SyntaxError):  # the compiler says what is wrong
        pass
    return found


def label_of(text: str) -> str:
    """Return the name that the text seems to define, for its file name."""
    found = _NAME.search(text)
    return found.group(1) if found is not None else "lambda"


def problem(
    message: str, text: str, filename: str, line: int = 1, column: int = 1, **more: object
) -> SourceError:
    """A `SourceError` at a place in the caller's text; line and column count from one."""
    lines = lines_of(text)
    shown = lines[line - 1] if 0 < line <= len(lines) else ""
    msg = f"{message} (line {line}, column {column} of the text: {shown.strip()!r})"
    return SourceError(msg, lineno=line, offset=column, text=shown, filename=str(filename), **more)


def syntax_problem(error: Exception, text: str, filename: str) -> SourceError:
    """Return what the compiler found wrong, as a `SourceError`."""
    reason = error.msg if isinstance(error, SyntaxError) else str(error)
    at = error.start if isinstance(error, UnicodeEncodeError) else text.find("\0")
    if at >= 0:  # null bytes, or characters that UTF-8 cannot hold: the compiler does not say where
        line = text.count("\n", 0, at) + 1
        return problem(reason, text, filename, line, at - text.rfind("\n", 0, at), reason=reason)
    if not isinstance(error, SyntaxError):
        return problem(reason, text, filename, reason=reason)
    more = {}
    if getattr(error, "end_lineno", None):  # 3.10+
        more = {"end_lineno": error.end_lineno, "end_offset": error.end_offset}
    hint = "; name it in closure=" if "no binding for nonlocal" in reason else ""
    return problem(reason + hint, text, filename, error.lineno or 1, error.offset or 1, reason=reason, **more)


def several(names: list[tuple[str, int]], text: str, filename: str) -> SourceError:
    """The error for a text that defines more than one thing."""
    shown = listed(f"{name} in line {line}" for name, line in names)
    msg = f"the text must define one function, and it defines {len(names)}: {shown}; define each by itself"
    return problem(msg, text, filename, names[1][1], names=tuple(name for name, _ in names))
