"""Normal forms of code, apart from its place in the file: numbers, equal where two pieces of code say the same.

Code objects are compared, not texts. A form holds operations, resolved names, typed constants and jumps inside the
piece; lines, caches and what the compiler adds for itself are left out. Functions and classes nested in a body are
placeholders there, compared apart.
"""

from __future__ import annotations

from types import CodeType
from typing import TYPE_CHECKING, Any

from recell.code.tree import is_function, is_generic
from recell.reloading.constants import constant_key
from recell.reloading.statements import PASSING, Body, Whole, is_class, is_kept, nested

if TYPE_CHECKING:
    from recell.reloading.statements import Statement

__all__ = ["Forms", "made_in"]


class Forms:
    """Numbers for what code says, the same for equal pieces, as long as this object lives."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}
        self._bodies: dict[int, Body] = {}
        self._codes: dict[tuple[int, bool], tuple[CodeType, int]] = {}

    def body(self, code: CodeType) -> Body:
        """The statements of a module's or class's code, read once."""
        known = self._bodies.get(id(code))
        if known is None:
            known = self._bodies[id(code)] = Body(code)
        return known

    def annotations(self, body: Body) -> int:
        """The number of a body's annotations."""
        lazy = None if body.annotate is None else self.code(body.annotate)
        # the marks of annotations that were passed are numbered through (3.14+): what is said stands in the code
        return self.number((lazy, *(() if lazy is not None else map(self.statement, body.annotations))))

    def number(self, key: Any) -> int:
        """A number for a key."""
        return self._numbers.setdefault(key, len(self._numbers))

    def code(self, code: CodeType) -> int:
        """The number of a code object, with everything nested in it."""
        return self._code(code, False)

    def shell(self, code: CodeType) -> int:
        """The same without the functions and classes nested in it, which have placeholders."""
        return self._code(code, True)

    def _code(self, code: CodeType, shell: bool) -> int:
        known = self._codes.get((id(code), shell))
        if known is not None:
            return known[1]
        if is_class(code) and not shell:
            body = self.body(code)
            numbers = map(self.statement, body.statements)
            key: Any = ("class", code.co_name, code.co_freevars, self.annotations(body), *numbers)
        else:
            key = (
                code.co_name,
                code.co_flags,
                code.co_argcount,
                getattr(code, "co_posonlyargcount", 0),
                code.co_kwonlyargcount,
                code.co_code,
                code.co_names,
                code.co_varnames,
                code.co_freevars,
                code.co_cellvars,
                getattr(code, "co_exceptiontable", None),
                tuple([self._constant(value, shell) for value in code.co_consts]),
            )
        number = self.number(key)
        self._codes[id(code), shell] = code, number
        return number

    def _constant(self, value: Any, shell: bool) -> Any:
        if type(value) is not CodeType:
            return constant_key(value)
        if shell and (is_kept(value) or is_class(value)):
            return CodeType, value.co_name, is_class(value)
        if shell and (is_generic(value) or value.co_name in PASSING):
            return CodeType, self._code(value, True)
        return CodeType, self._code(value, False)

    def header(self, statement: Statement) -> int:
        """The number of a statement without the functions and classes that it makes."""
        if statement.header is None:
            norm = tuple([(op, self._operand(value)) for op, value in statement.norm])
            statement.header = self.number(norm)
        return statement.header

    def part(self, norm: Any) -> int:
        """The number of a part of a statement's form, a decorator, with the functions that it makes."""
        return self.number(
            tuple(
                [
                    (op, self.code(value) if type(value) is CodeType else self._operand(value))
                    for op, value in norm
                ]
            )
        )

    def head(self, statement: Statement) -> int:
        """The number of a definition without its decorators and without what it makes."""
        return self.number(tuple([(op, self._operand(value)) for op, value in statement.head]))

    def _operand(self, value: Any) -> Any:
        if type(value) is Whole:
            return CodeType, self._code(value.code, False)
        if type(value) is not CodeType:
            return value
        if is_kept(value) or is_class(value):
            return CodeType, value.co_name, is_class(value)
        return CodeType, self._code(value, True)

    def statement(self, statement: Statement) -> int:
        """The number of a statement, with everything in it."""
        return self.number(("statement", self.header(statement), *map(self.code, statement.codes)))

    def acts_alike(self, one: CodeType, other: CodeType) -> bool:
        """Return whether calls of two functions do the same but for what the functions do that they make."""
        return self.shell(one) == self.shell(other)

    def matched_inside(self, old: CodeType, new: CodeType) -> list[tuple[CodeType, CodeType]]:
        """Pairs the functions and classes that two codes make."""
        olds, news = made_in(old), made_in(new)
        if olds and len(olds) == len(news) and self.shell(old) == self.shell(new):
            return list(zip(olds, news))  # each stands where it stood
        return self.matched(olds, news) if olds else []

    def matched(self, olds: list[CodeType], news: list[CodeType]) -> list[tuple[CodeType, CodeType]]:
        """Pairs functions and classes of one name: by what they say, then by place from the first."""
        found: list[tuple[int, CodeType, CodeType]] = []
        left_old, left_new = dict(enumerate(olds)), dict(enumerate(news))
        for by_content in (True, False):
            waiting: dict[Any, list[int]] = {}
            for at, code in left_old.items():
                key = code.co_name, is_class(code), self.code(code) if by_content else 0
                waiting.setdefault(key, []).append(at)
            for at, code in list(left_new.items()):
                key = code.co_name, is_class(code), self.code(code) if by_content else 0
                if waiting.get(key):
                    found.append((at, left_old.pop(waiting[key].pop(0)), left_new.pop(at)))
        found.sort(key=lambda one: one[0])
        return [(one, other) for _, one, other in found]


def made_in(code: CodeType) -> list[CodeType]:
    """The functions and classes that a code object makes, also those in its comprehensions."""
    found: list[CodeType] = []
    for inner in nested(code):
        if is_kept(inner) or is_class(inner):
            found.append(inner)
        elif is_function(inner):
            found += made_in(inner)
    return found
