"""`inserted`: statements compiled into the scope of a function, in front of a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recell.errors import ScopeError, short
from recell.public import public
from recell.rewriting.places import ENTRY, Moment, place_of, resolved
from recell.rewriting.sites import all_lines, put_first, put_on_line
from recell.rewriting.statements import Variables, checked_text, compiled

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Insertion", "inserted"]


@public
def inserted(source: str, *, at: int | str | Moment) -> Callable[[Any], None]:
    """Return an edit that runs statements in the function's own scope, in front of a line.

    The statements see and set the function's variables; names they assign anew become locals. A variable that is not
    bound yet raises `UnboundLocalError`, as anywhere. In front of a `while` line they run before each test.

    Args:
        source: statements, indented in any way. No `yield`, `await` or `return`, and no nested function that uses a
            local of the function which is not a cell already.
        at: a line number, the stripped text of a line (unique in the function, nested functions included), or `ENTRY`.

    Returns:
        An edit for `rewrite` and `patch_code`.

    Raises:
        SourceError: the text does not compile, or contains `yield`, `await` or `return`.
        TypeError: `at` or `source` has the wrong type.

    The edit itself raises ScopeError where the function has no such line, with the candidates.

    >>> from recell import inserted, rewrite
    >>> def total(prices):
    ...     result = 0
    ...     for price in prices:
    ...         result += price
    ...     return result
    >>> line = total.__code__.co_firstlineno + 3
    >>> capped = rewrite(total, inserted("price = min(price, 10)", at=line))
    >>> capped([4, 50]), total([4, 50])
    (14, 54)
    """
    if not isinstance(source, str):
        msg = f"inserted takes the text of statements, not {short(source)}"
        raise TypeError(msg)
    place_of(at, "inserted", (ENTRY,))
    return Insertion(checked_text(source), at, source)


class Insertion:
    """The edit that `inserted` returns."""

    __slots__ = ("at", "source", "tree")
    tree: Any
    source: str
    at: Any

    def __init__(self, tree: Any, at: Any, source: str) -> None:
        self.tree, self.at, self.source = tree, at, source

    def __repr__(self) -> str:
        return f"inserted({short(self.source, 40)}, at={self.at!r})"

    def __call__(self, items: Any) -> None:
        self.edit(items, self.pieces)

    def edit(self, items: Any, pieces: Callable[[Any, int], list[Any]]) -> None:
        """Put pieces in front of the line, or at the entry."""
        if self.at is ENTRY:
            put_first(items, pieces)
            return
        line = resolved(self.at, all_lines(items), items.filename, "inserted", items.name)
        if not isinstance(line, int) or not put_on_line(items, line, pieces):
            msg = f"no statement of {items.name} starts on line {line}"
            raise ScopeError(msg, name=str(self.at), names=(), target=items.name)

    def pieces(self, items: Any, line: int) -> list[Any]:
        return compiled(self.tree, Variables.of(items), items, line)
