"""`Report`: what a reload changed, what it left and why; and the way back."""

from __future__ import annotations

import linecache
import warnings
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from recell.errors import ChangeError
from recell.layers.changes import ENTERED, Change
from recell.public import public
from recell.reloading.earlier import CODES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import CodeType, TracebackType

    from recell.layers.changes import Layer

__all__ = ["Lines", "Report"]

_AS_IT_IS: Any = nullcontext()


@public
class Report(Change):
    """What `reload` returns: a change, active already, that prints as a table. `undo()` takes all of it back.

    Attributes:
        module: the module's name.
        changed: the names of functions, classes' attributes and module-level names that the text changed.
        moved: functions that only stand on other lines now.
        added, removed: names that came and went.
        closures: how many functions were found by their code alone (closures, and others that no name leads to).
        kept: (name, what stays and why): data that the text would have made otherwise.
        left: (name, reason) of what lives on as it was.
        refused: why nothing was changed, as exceptions; empty where the reload took place.
        dry: whether it only tells what a reload would change.

    >>> import sys, types
    >>> from recell import reload
    >>> shop = types.ModuleType("shop")
    >>> exec("def price(net): return net * 2", vars(shop))
    >>> report = reload(shop, source="def price(net, rate=3): return net * rate")
    >>> shop.price(5), report.changed
    (15, ('price',))
    >>> print(report)
    reload of shop: 1 changed
      changed  price
    >>> report.undo()
    >>> shop.price(5)
    10
    """

    __slots__ = (
        "_code",
        "_code_before",
        "_lines",
        "_quiet",
        "added",
        "changed",
        "closures",
        "dry",
        "kept",
        "left",
        "module",
        "moved",
        "refused",
        "removed",
    )

    added: tuple[str, ...]
    changed: tuple[str, ...]
    closures: int
    dry: bool
    kept: tuple[tuple[str, str], ...]
    left: tuple[tuple[str, str], ...]
    module: str
    moved: tuple[str, ...]
    refused: tuple[BaseException, ...]
    removed: tuple[str, ...]

    def __init__(
        self,
        module: Any,
        name: str,
        layers: Iterable[Layer] = (),
        *,
        changed: Iterable[str] = (),
        moved: Iterable[str] = (),
        added: Iterable[str] = (),
        removed: Iterable[str] = (),
        closures: int = 0,
        kept: Iterable[tuple[str, str]] = (),
        left: Iterable[tuple[str, str]] = (),
        refused: Iterable[BaseException] = (),
        dry: bool = False,
        lines: Lines | None = None,
        code: CodeType | None = None,
        quiet: bool = False,
    ) -> None:
        self.module = name
        self.changed = tuple(dict.fromkeys(changed))
        self.moved = tuple(dict.fromkeys(moved))
        self.added = tuple(added)
        self.removed = tuple(removed)
        self.closures = closures
        self.kept = tuple(kept)
        self.left = tuple(dict.fromkeys(left))
        self.refused = tuple(refused)
        self.dry = dry
        self._lines = lines
        self._code = code
        self._code_before: CodeType | None = None
        self._quiet = quiet
        super().__init__("reload", module, layers, self.changed, stays=not dry and not self.refused)

    def __enter__(self) -> Report:
        if self._fresh == ENTERED and self._entries:
            return super().__enter__()
        if self.dry or self.refused:
            msg = f"{self!r} changes nothing: {'it only tells what would change' if self.dry else self.refused[0]}"
            raise ChangeError(msg, change=repr(self))
        with warnings.catch_warnings() if self._quiet else _AS_IT_IS:
            if self._quiet:  # a function may become a generator: its text says so
                warnings.simplefilter("ignore", DeprecationWarning)
            super().__enter__()
        if self._lines is not None:
            self._lines.show()
        if self._code is not None:
            self._code_before = CODES.get(self._target)  # type: ignore[call-overload]
            CODES[self._target] = self._code  # type: ignore[index]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        times = len(self._entries)
        try:
            with warnings.catch_warnings():  # a generator may be beneath, where another reload left before
                warnings.simplefilter("ignore", DeprecationWarning)
                super().__exit__()
        finally:
            if len(self._entries) < times:  # also where it was interrupted, and left
                self._forget()

    def _forget(self) -> None:
        if self._lines is not None:
            self._lines.hide()
        if CODES.get(self._target) is self._code:  # type: ignore[call-overload]
            if self._code_before is None:
                CODES.pop(self._target, None)  # type: ignore[call-overload]
            else:
                CODES[self._target] = self._code_before  # type: ignore[index]

    def __repr__(self) -> str:
        state = (
            "dry run"
            if self.dry
            else "refused"
            if self.refused
            else "active"
            if self.active
            else "not active"
        )
        return f"<reload of {self.module}: {self._summary()}; {state}>"

    def _summary(self) -> str:
        counts = [
            f"{count} {word}"
            for count, word in (
                (len(self.changed), "changed"),
                (len(self.added), "added"),
                (len(self.removed), "removed"),
                (self.closures, "closures followed" if self.closures != 1 else "closure followed"),
                (len(self.moved), "moved"),
                (len(self.kept), "kept"),
                (len(self.left), "left"),
            )
            if count
        ]
        if self.refused:
            return "refused, nothing changed"
        return ", ".join(counts) or "nothing to change"

    def __str__(self) -> str:
        lines = [f"{'dry run of ' if self.dry else ''}reload of {self.module}: {self._summary()}"]
        for word, names in (("changed", self.changed), ("added", self.added), ("removed", self.removed)):
            for at in range(0, len(names), 5):
                lines.append(f"  {word if at == 0 else '':7}  {', '.join(names[at : at + 5])}")
        for word, notes in (("kept", self.kept), ("left", self.left)):
            lines.extend(f"  {word:7}  {name}: {why}" for name, why in notes)
        lines.extend(f"  refused  {type(error).__name__}: {error}" for error in self.refused)
        return "\n".join(lines)


class Lines:
    """The text of a reload that came from no file, as tracebacks and `inspect.getsource` are to show it."""

    def __init__(self, filename: str, source: str | None) -> None:
        self.filename = filename
        self.entry: Any = None
        if source is not None:
            self.entry = (len(source), None, source.splitlines(keepends=True), filename)
        self.before: Any = None

    def show(self) -> None:
        """From now on these lines are shown."""
        self.before = linecache.cache.get(self.filename)
        if self.entry is None:
            linecache.checkcache(self.filename)
        else:
            linecache.cache[self.filename] = self.entry

    def hide(self) -> None:
        """The lines shown before are shown again."""
        if self.entry is not None and linecache.cache.get(self.filename) is self.entry:
            if self.before is None:
                linecache.cache.pop(self.filename, None)
            else:
                linecache.cache[self.filename] = self.before
