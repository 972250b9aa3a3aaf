"""`Report`: what a reload changed, what it left and why; and the way back."""

from __future__ import annotations

import linecache
import warnings
from typing import TYPE_CHECKING, Any

from recell.errors import ChangeError
from recell.layers.changes import ENTERED, Change
from recell.public import public
from recell.reloading.old_texts import forget, remember

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, ModuleType, TracebackType

    from recell.reloading.work import Notes

__all__ = ["Lines", "Part", "Report"]

_WORDS = ("ran", "changed", "added", "removed")


class Lines:
    """The text of a reload that came from no file, as tracebacks and `inspect.getsource` are to show it."""

    def __init__(self, filename: str, source: str | None) -> None:
        self.filename = filename
        self.entry: Any = None
        if source is not None:
            self.entry = (len(source), None, source.splitlines(keepends=True), filename)
        self.before: Any = None

    def show(self) -> None:
        """Show these lines from now on."""
        self.before = linecache.cache.get(self.filename)
        if self.entry is None:
            linecache.checkcache(self.filename)
        else:
            linecache.cache[self.filename] = self.entry

    def hide(self) -> None:
        """Show the lines again that were shown before."""
        if self.entry is not None and linecache.cache.get(self.filename) is self.entry:
            if self.before is None:
                linecache.cache.pop(self.filename, None)
            else:
                linecache.cache[self.filename] = self.before


class Part:
    """One module in a report: what is remembered of its text while the reload is in force."""

    old_codes: list[CodeType]
    lines: Lines
    code: CodeType
    module: ModuleType

    def __init__(self, module: ModuleType, code: CodeType, lines: Lines, old_codes: list[CodeType]) -> None:
        self.module, self.code, self.lines, self.old_codes = module, code, lines, old_codes

    def begin(self) -> None:
        """The text is in force."""
        self.lines.show()
        remember(self.module, self, self.code)

    def end(self) -> None:
        """It is no longer."""
        self.lines.hide()
        forget(self.module, self)


@public
class Report(Change):
    """A change made by `reload`, active already, that prints as a table. `undo()` takes all of it back.

    In the report of a package every name begins with that of its module.

    Attributes:
        module: the module's name.
        ran: the statements of the text that were executed.
        changed: functions, classes' attributes and module-level names that the text changed.
        moved: functions that only stand on other lines now.
        added, removed: names that came and went.
        closures: how many functions were found by their code alone (closures, and others that no name leads to).
        kept: (name, what stays and why): data that the text would have made otherwise.
        left: (name, reason) of what stays as it was.
        refused: what cannot be done, as exceptions; with `partial=True` the rest was done.
        unknown: how many statements could not be compared, because the old text is lost.
        dry: whether it only tells what a reload would change.

    >>> import sys, types
    >>> from recell import reload
    >>> shop = types.ModuleType("shop")
    >>> exec("def price(net): return net * 2", vars(shop))
    >>> report = reload(shop, source="def price(net, rate=3): return net * rate")
    >>> shop.price(5), report.changed
    (15, ('price',))
    >>> print(report)
    reload of shop: 1 ran, 1 changed
      ran      price
      changed  price
    >>> report.undo()
    >>> shop.price(5)
    10
    """

    __slots__ = (
        "_parts",
        "added",
        "changed",
        "closures",
        "dry",
        "kept",
        "left",
        "module",
        "moved",
        "ran",
        "refused",
        "removed",
        "unknown",
    )

    def __init__(
        self,
        module: ModuleType,
        name: str,
        notes: Notes,
        parts: Sequence[Part] = (),
        layers: Sequence[Any] = (),
        *,
        dry: bool = False,
    ) -> None:
        super().__init__("reload", module, layers, ())
        self.module: str = name
        self.ran: tuple[str, ...] = tuple(dict.fromkeys(notes.ran))
        self.changed: tuple[str, ...] = tuple(name for name in dict.fromkeys(notes.changed))
        self.moved: tuple[str, ...] = tuple(dict.fromkeys(notes.moved))
        self.added: tuple[str, ...] = tuple(dict.fromkeys(notes.added))
        self.removed: tuple[str, ...] = tuple(dict.fromkeys(notes.removed))
        self.closures: int = notes.closures
        self.kept: tuple[tuple[str, str], ...] = tuple(dict.fromkeys(notes.kept))
        self.left: tuple[tuple[str, str], ...] = tuple(dict.fromkeys(notes.left))
        self.refused: tuple[Exception, ...] = tuple(notes.refused)
        self.unknown: int = notes.unknown
        self.dry: bool = dry
        self._parts = tuple(parts)
        if parts and not dry:
            self._fresh = ENTERED
            self._entries = (self._layers,)  # they were entered one by one
            for part in self._parts:
                part.begin()

    @property
    def running(self) -> tuple[Any, ...]:
        """The frames, generators and coroutines that are still to finish with the old text."""
        from recell.frames import running_in

        return tuple(running_in([code for part in self._parts for code in part.old_codes]))

    def __enter__(self) -> Report:
        if self._fresh == ENTERED and self._entries:
            return super().__enter__()
        if not self._parts:
            what = "it only tells what would change" if self.dry else "there is nothing to change"
            msg = f"{self!r} cannot be entered: {what}"
            raise ChangeError(msg, change=repr(self))
        with warnings.catch_warnings():  # a function may become a generator: its text says so
            warnings.simplefilter("ignore", DeprecationWarning)
            super().__enter__()
        for part in self._parts:
            part.begin()
        return self

    def undo(self) -> None:
        """Undo the reload: functions, classes and names are what they were, the very same objects.

        A report that has changed nothing has nothing to undo.

        Raises:
            ChangeError: it is not active.
            InterferenceError: somebody else assigned a function's code or closure meanwhile; nothing was changed.
        """
        if self._layers or self._entries:
            self.__exit__()

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
                for part in self._parts:
                    part.end()

    def __repr__(self) -> str:
        state = (
            "dry run"
            if self.dry
            else "active"
            if self.active
            else "refused"
            if self.refused
            else "not active"
        )
        return f"<reload of {self.module}: {self._summary()}; {state}>"

    def _summary(self) -> str:
        counts = [
            f"{count} {word}"
            for count, word in (
                (len(self.ran), "ran"),
                (len(self.changed), "changed"),
                (len(self.added), "added"),
                (len(self.removed), "removed"),
                (self.closures, "closures followed" if self.closures != 1 else "closure followed"),
                (len(self.moved), "moved"),
                (len(self.kept), "kept"),
                (len(self.left), "left"),
                (len(self.refused), "refused"),
            )
            if count
        ]
        if self.refused and not self.active and not self.dry:
            return "refused, nothing changed"
        told = ", ".join(counts) or "nothing to change"
        if self.unknown:
            told += f"; old text unknown: {self.unknown} statements not compared"
        return told

    def __str__(self) -> str:
        lines = [f"{'dry run of ' if self.dry else ''}reload of {self.module}: {self._summary()}"]
        for word in _WORDS:
            names = getattr(self, word)
            for at in range(0, len(names), 5):
                lines.append(f"  {word if at == 0 else '':7}  {', '.join(names[at : at + 5])}")
        for word, told in (("kept", self.kept), ("left", self.left)):
            lines.extend(f"  {word:7}  {name}: {why}" for name, why in told)
        lines.extend(f"  refused  {type(error).__name__}: {error}" for error in self.refused)
        return "\n".join(lines)
