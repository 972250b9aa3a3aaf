"""A reload of one module or of several as one transaction: all of it, or nothing."""

from __future__ import annotations

import sys
from threading import RLock
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any

from recell.errors import ReloadRefused, SourceError, short
from recell.reloading.bodies import follow_module
from recell.reloading.existing import Existing, functions_of
from recell.reloading.journal import Journal
from recell.reloading.old_texts import believed, remembered
from recell.reloading.reports import Lines, Part, Report
from recell.reloading.texts import NoTextError, compiled, text_of
from recell.reloading.work import Dirty, Notes, Work

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

__all__ = ["Text", "Transaction", "loaded_modules"]

_RELOADING = RLock()
_BUSY: set[int] = set()  # ids of the modules that this thread is reloading


class Text:
    """One module's new text, read and compiled, with the code of the old one where that is known."""

    filename: str
    text: str

    def __init__(self, module: ModuleType, source: str | bytes | None, was: str | bytes | None) -> None:
        own = vars(module).get("__name__")
        self.module = module
        self.name: str = own if isinstance(own, str) else type(module).__name__
        self.text, self.filename = text_of(module, source)
        self.given: bool = source is not None
        self.code: CodeType = compiled(self.text, self.filename, module)
        self.old: CodeType | None = None
        self.seems_unchanged: bool = False  # as far as cached bytecode tells
        if was is not None:
            self.old = compiled(_decoded(was), self.filename, module, "old")
        else:
            self.old = remembered(module)

    def look(self, existing: Existing) -> None:
        """Look for the old text where nobody gave it."""
        if self.old is None:
            old = believed(self.module, self.filename, existing)
            self.seems_unchanged = old is not None and not _differs(old, self.code)
            # bytecode of the new text tells nothing: somebody imported that meanwhile
            self.old = None if old is None or old == self.code else old


def _decoded(source: str | bytes) -> str:
    if isinstance(source, str):
        return source
    if not isinstance(source, bytes):
        msg = f"was must be the module's old text, not {short(source)}"
        raise TypeError(msg)
    from importlib.util import decode_source

    return decode_source(source)


def loaded_modules(package: ModuleType) -> list[ModuleType]:
    """The modules of a package that are loaded, itself first."""
    name = package.__name__
    return [package] + [
        module
        for path, module in list(sys.modules.items())
        if path.startswith(f"{name}.")
        and isinstance(module, ModuleType)
        and isinstance(getattr(module, "__file__", None), str)
        and str(module.__file__).endswith(".py")
    ]


class Transaction:
    """A reload under way.

    Args:
        target: what the caller asked for.
        data, rerun, partial: as in `reload`.
    """

    def __init__(
        self, target: ModuleType, data: str | Collection[str], rerun: bool, partial: bool, dry: bool
    ) -> None:
        self._target, self._data, self._rerun, self._partial, self._dry = target, data, rerun, partial, dry
        own = vars(target).get("__name__")
        self._name: str = own if isinstance(own, str) else type(target).__name__

    def run(self, modules: Sequence[ModuleType], source: Any = None, was: Any = None) -> Report:
        """Reload modules; return the report."""
        with _RELOADING:
            texts, without = self._texts(modules, source, was)
            if without.refused:
                if self._dry:
                    return Report(self._target, self._name, without, dry=True)
                if not self._partial or not texts:
                    raise self._refusal(without)
            found = functions_of(one.module for one in texts) if len(texts) > 1 else {}
            if len(modules) > 1:
                for one in texts:  # before anything of them runs
                    one.look(Existing(one.module, found[id(one.module)]))
                texts = [one for one in texts if _changed(one)]
                texts = _in_order(texts)
            self._check_busy(texts)
            journal, works = Journal(self._dry), []
            busy = [id(one.module) for one in texts]
            _BUSY.update(busy)
            others: dict[str, Dirty] = {}
            try:
                for one in texts:
                    work = Work(
                        one.module,
                        one.name,
                        one.text,
                        one.filename,
                        one.code,
                        journal,
                        data=self._data,
                        rerun=self._rerun,
                        others=others,
                        functions=found.get(id(one.module)),
                        partial=self._partial,
                        dry=self._dry,
                    )
                    works.append(work)
                    if len(modules) == 1:
                        one.look(work.existing)
                    follow_module(work, one.old)
                    others[one.name] = work.dirty
                notes = self._notes(works)
                notes.refused += without.refused
                why = "a swap of it hides the new text until that is undone"
                notes.left += [(function.__qualname__, why) for function in journal.hidden]
                if self._dry:
                    return Report(self._target, self._name, notes, dry=True)
                if notes.refused and not self._partial:
                    raise self._refusal(notes)  # noqa: TRY301 - all of it is left below
                parts = [
                    Part(
                        one.module,
                        one.code,
                        Lines(one.filename, one.text if one.given else None),
                        work.old_codes,
                    )
                    for one, work in zip(texts, works)
                ]
                return Report(self._target, self._name, notes, parts, journal.layers)
            except BaseException:
                journal.back()
                raise
            finally:
                _BUSY.difference_update(busy)

    def _check_busy(self, texts: Sequence[Text]) -> None:
        notes = Notes()
        for one in texts:
            if id(one.module) in _BUSY:
                msg = f"another reload of {short(one.module)} is under way: reload it when that is done"
                notes.refused.append(SourceError(msg, filename=one.filename))
        if notes.refused:
            raise self._refusal(notes)

    def _texts(self, modules: Sequence[ModuleType], source: Any, was: Any) -> tuple[list[Text], Notes]:
        texts, notes = [], Notes()
        for module in modules:
            try:
                texts.append(Text(module, source, was))
            except NoTextError as error:
                notes.refused.append(SourceError(str(error), filename=vars(module).get("__file__")))
        return texts, notes

    def _notes(self, works: Sequence[Work]) -> Notes:
        """The notes of all modules; of several, each name begins with the module's."""
        if len(works) == 1:
            return works[0].notes
        notes = Notes()
        for work in works:
            for name, value in vars(work.notes).items():
                ours = getattr(notes, name)
                if type(value) is not list:
                    setattr(notes, name, ours + value)
                elif name == "refused":
                    ours += value
                elif name in ("kept", "left"):
                    ours += [(f"{work.name}.{path}", why) for path, why in value]
                else:
                    ours += [f"{work.name}.{path}" for path in value]
        return notes

    def _refusal(self, notes: Notes) -> ReloadRefused:
        reasons = tuple(str(error) for error in notes.refused)
        shown = reasons[0] if len(reasons) == 1 else "".join(f"\n  {reason}" for reason in reasons)
        msg = f"{short(self._target)} was not reloaded, nothing was changed: {shown}"
        error = ReloadRefused(msg, reasons=reasons)
        bare = Notes()
        bare.refused = notes.refused
        error.report = Report(self._target, self._name, bare)
        return error


def _changed(text: Text) -> bool:
    """Return whether a module's text is another than that in force, as far as this shows without running anything."""
    if text.old is None:
        return not text.seems_unchanged
    return _differs(text.old, text.code)


def _differs(old: CodeType, new: CodeType) -> bool:
    from recell.reloading.following import moved

    return old != new or moved(old, new)


def _in_order(texts: list[Text]) -> list[Text]:
    """Modules that others import from come before those."""
    by_name = {one.name: one for one in texts}
    done: dict[str, Text] = {}
    under_way: set[str] = set()

    def visit(one: Text) -> None:
        if one.name in done or one.name in under_way:
            return
        under_way.add(one.name)
        for name in _imported(one):
            if name in by_name:
                visit(by_name[name])
        done[one.name] = one

    for one in texts:
        visit(one)
    return list(done.values())


def _imported(text: Text) -> Iterator[str]:
    """The modules that a text imports at its top level, by their full names."""
    from recell.reloading.statements import Body

    package = vars(text.module).get("__package__") or ""
    for one in Body(text.code).statements:
        imports = one.imports
        if imports is None:
            continue
        base = imports.module
        if imports.level:
            above = package.rsplit(".", imports.level - 1)[0] if imports.level > 1 else package
            base = f"{above}.{base}" if base else above
        yield base
        for name, _ in imports.names:
            yield f"{base}.{name}"
