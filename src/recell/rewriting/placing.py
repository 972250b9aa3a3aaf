"""A probe's place in a code object, and its needs there: looked up anew whenever the code changes."""

from __future__ import annotations

import builtins
from types import CodeType
from typing import TYPE_CHECKING, Any

from recell.errors import ScopeError, hint_nearest, listed, short
from recell.rewriting.actions import Hook, wanted
from recell.rewriting.places import ERROR, EXIT, Moment, lines_in, place_of, resolved, source_line
from recell.rewriting.probe_edits import Point, codes_at, probed, sites_on
from recell.rewriting.statements import checked_condition, names_read

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FunctionType

__all__ = ["Placing"]

_VALUES: dict[Any, tuple[str, ...]] = {EXIT: ("result",), ERROR: ("error",)}


class Placing:
    """A probe as a pure function of code objects."""

    origin: CodeType

    def __init__(
        self,
        func: FunctionType,
        text: CodeType,
        action: Callable[..., object],
        at: Any,
        when: str | None,
        times: int | None,
    ) -> None:
        if not callable(action):
            msg = f"probe takes a callable as its action, not {short(action)}"
            raise TypeError(msg)
        if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
            msg = f"probe: times= is how often the action runs, 1 at least, not {short(times)}"
            raise TypeError(msg)
        if when is not None and not isinstance(when, str):
            msg = f"probe: when= is the text of an expression, not {short(when)}"
            raise TypeError(msg)
        place_of(at, "probe")
        self.func: FunctionType = func
        self.origin = text
        self.condition: Any | None = None if when is None else checked_condition(when)
        self.when = when
        self.target: str = short(func)
        at = at if isinstance(at, (int, Moment)) else self.by_text(at, text)
        self.at: int | Moment = at
        self.line_text: str = (
            "" if isinstance(at, Moment) else source_line(text.co_filename, at, func.__globals__)
        )
        self.sites: list[int] = sites_on(text, at) if isinstance(at, int) else []
        if isinstance(at, int) and not self.sites and not codes_at(text, at):
            resolved(
                at, lines_in(text), text.co_filename, "probe", self.target
            )  # tells the lines that there are
            msg = f"no statement of {self.target} starts on line {at}: an expression goes on there"
            raise ScopeError(msg, name=str(at), names=(), target=self.target)
        names, keywords = self.parameters(action, text)
        self.hook: Hook = Hook(action, names, keywords, times)

    def described(self) -> str:
        """Return the place as a repr shows it."""
        shown = repr(self.at) if isinstance(self.at, Moment) else f"line {self.at}"
        return f"{shown} when {self.when}" if self.when is not None else shown

    def by_text(self, text: str, code: CodeType) -> Any:
        """Return the number of the line with this text."""
        return resolved(text, lines_in(code), code.co_filename, "probe", self.target, self.func.__globals__)

    def __call__(self, code: CodeType) -> CodeType:
        """Return the code with the probe in it."""
        at = self.place_in(code)
        tested: tuple[str, ...] = ()
        if code is not self.origin or self.condition is not None:
            known = self.variables(code, at)
            self.check(self.hook.names, known)
            tested = self.tested(known)
        sites = self.sites if code is self.origin else None
        return probed(code, Point(at, self.hook, self.condition, tested), sites)

    def place_in(self, code: CodeType) -> int | Moment:
        """Return the moment, or the line: by its number where the text is that of the origin, else by its text."""
        at = self.at
        if code is self.origin or isinstance(at, Moment):
            return at
        origin = self.origin
        if (
            code.co_firstlineno == origin.co_firstlineno
            and at in (lines := set(lines_in(code)))
            and lines <= set(lines_in(origin))
            and source_line(code.co_filename, at, self.func.__globals__) == self.line_text
        ):
            return at
        if not self.line_text:
            msg = f"line {at} of {self.target} cannot be found again: its text is not known"
            raise ScopeError(msg, name=str(at), names=(), target=self.target)
        place: int | Moment = self.by_text(self.line_text, code)
        return place

    def variables(self, code: CodeType, at: int | Moment) -> list[str]:
        """Return the names that mean variables at the place."""
        codes = codes_at(code, at) if isinstance(at, int) else [code]
        each = [{*one.co_varnames, *one.co_cellvars, *one.co_freevars} for one in codes]
        shared = set.intersection(*each) if each else set()
        return sorted(name for name in shared | set(_VALUES.get(at, ())) if name.isidentifier())

    def parameters(self, action: Callable[..., object], code: CodeType) -> tuple[list[str], list[str]]:
        """Return the variables that an action asks for by position, and those it asks for by keyword."""
        positional, keyword, optional = wanted(action)
        if not positional and not keyword:
            return [], []
        known = self.variables(code, self.at)
        names: list[str] = []
        keywords: list[str] = []
        for name in positional:
            if name in known and not (len(names) < positional.index(name)):
                names.append(name)
            elif name in known:
                keywords.append(name)
            elif name not in optional:
                self.check((name,), known)
        for name in keyword:
            if name in known:
                keywords.append(name)
            elif name not in optional:
                self.check((name,), known)
        return names, keywords

    def check(self, names: tuple[str, ...], known: list[str]) -> None:
        """Raise ScopeError for a name that is no variable there."""
        for name in names:
            if name not in known:
                msg = (
                    f"the action asks for `{name}`, which is no variable of {self.target} there; "
                    f"its variables: {listed(known)}{hint_nearest(name, known)}"
                )
                raise ScopeError(msg, name=name, names=tuple(known), target=self.target)

    def tested(self, known: list[str]) -> tuple[str, ...]:
        """Return the variables that the condition reads. Raises ScopeError for a name that means nothing."""
        if self.condition is None:
            return ()
        names = names_read(self.condition)
        for name in names:
            if name not in known and name not in self.func.__globals__ and not hasattr(builtins, name):
                msg = (
                    f"the condition `{self.when}` reads `{name}`, which is neither a variable of {self.target} there "
                    f"nor a global{hint_nearest(name, known)}"
                )
                raise ScopeError(msg, name=name, names=tuple(known), target=self.target)
        values = _VALUES.get(self.at, ())
        return tuple(name for name in names if name in known and name not in values)
