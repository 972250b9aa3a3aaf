"""A probe's call: the action, the variables that it asks for, and the count of its passes."""

from __future__ import annotations

import sys
from itertools import repeat
from operator import length_hint
from typing import TYPE_CHECKING, Any

from recell.cells import EMPTY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Hook", "wanted"]


def wanted(action: Callable[..., Any]) -> tuple[list[str], list[str], list[str]]:
    """Return the parameters of an action: positional ones, keyword-only ones, and those of both that have a default.

    A callable that does not tell its parameters gets none.
    """
    import inspect

    try:
        parameters = inspect.signature(action).parameters.values()
    except (TypeError, ValueError):
        return [], [], []
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return (
        [each.name for each in parameters if each.kind in positional],
        [each.name for each in parameters if each.kind is inspect.Parameter.KEYWORD_ONLY],
        [each.name for each in parameters if each.default is not inspect.Parameter.empty],
    )


class Hook:
    """The constants of probed code: a callable that takes these variables in this order, and the count.

    Attributes: `names`: the variables; `call`: what is called with them; `late`: what is called where one of them is
    unbound; `steps`: an iterator of which each pass takes one, in a step that no thread can divide: the action runs as
    long as there are some.
    """

    __slots__ = ("call", "late", "names", "steps", "times")

    def __init__(
        self, action: Callable[..., Any], names: Sequence[str], keywords: Sequence[str], times: int | None
    ) -> None:
        self.names: tuple[str, ...] = (*names, *keywords)
        self.times: int = sys.maxsize if times is None else min(times, sys.maxsize)
        self.steps: repeat[None] = repeat(None, self.times)
        self.call: Any = _by_keyword(action, len(names), tuple(keywords)) if keywords else action
        self.late: Callable[[], None] = _with_empty(self.call, self.names)

    @property
    def hits(self) -> int:
        """How many passes were counted."""
        return self.times - length_hint(self.steps)


def _by_keyword(action: Callable[..., Any], count: int, keywords: tuple[str, ...]) -> Callable[..., None]:
    def by_keyword(*values: object) -> None:
        action(*values[:count], **dict(zip(keywords, values[count:])))

    return by_keyword


def _with_empty(call: Callable[..., Any], names: Sequence[str]) -> Callable[[], None]:
    """Return what is called where a variable is unbound: it finds the others in the frame."""

    def late() -> None:
        frame, unbound = sys._getframe(1), sys.exc_info()[1]
        found = frame.f_locals
        values = [found.get(name, EMPTY) for name in names]
        del frame, found
        try:
            call(*values)
        except BaseException as error:
            # the question whether the variables are bound is none of the action's
            context = error
            while context.__context__ is not None and context.__context__ is not unbound:
                context = context.__context__
            if context.__context__ is not None and unbound is not None:
                context.__context__ = unbound.__context__
            raise

    return late
