"""A probe's call: the action, the variables that it asks for, and the count of its passes."""

from __future__ import annotations

import sys
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
    """The constants of the probed code: a callable that takes these variables in this order, and the count.

    Attributes: `names`: the variables; `call`: what is called with them; `late`: what is called where one of them is
    unbound; `counts`: a list whose only item is counted up in place, or None where `call` counts itself.
    """

    __slots__ = ("call", "counts", "late", "names", "steps")

    def __init__(
        self, action: Callable[..., Any], names: Sequence[str], keywords: Sequence[str], times: int | None
    ) -> None:
        self.names: tuple[str, ...] = (*names, *keywords)
        self.steps: Any = None
        self.counts: list[int] | None = None
        call: Any = action
        if keywords:
            call = _by_keyword(action, len(names), tuple(keywords))
        if times is not None or not _counts_in_place():
            self.steps = iter(range(sys.maxsize if times is None else times))
            call = _limited(call, self.steps)
        else:
            self.counts = [0]
        self.call: Any = call
        self.late: Callable[[], None] = _with_empty(call, self.names)

    def hits(self, times: int | None) -> int:
        """Return how many passes were counted."""
        if self.counts is not None:
            return self.counts[0]
        from operator import length_hint

        return (sys.maxsize if times is None else times) - length_hint(self.steps)


def _counts_in_place() -> bool:
    """Say whether `counts[0] += 1` loses no pass: before 3.10 threads may be switched in its midst."""
    from opcode import opmap

    return "BINARY_OP" in opmap  # 3.11+: the only form that is known here


def _by_keyword(action: Callable[..., Any], count: int, keywords: tuple[str, ...]) -> Callable[..., None]:
    def by_keyword(*values: object) -> None:
        action(*values[:count], **dict(zip(keywords, values[count:])))

    return by_keyword


def _limited(call: Callable[..., Any], steps: Any) -> Callable[..., None]:
    """Return a callable that counts and goes on as long as there are steps left: one C call, so no pass is lost."""

    def limited(*values: object) -> None:
        if next(steps, None) is not None:
            call(*values)

    return limited


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
