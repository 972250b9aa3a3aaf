"""`reload`: a module's new text put to work in place, as one transaction; what lives keeps its identity and state.

The new text is compiled once. What its functions' code objects tell is compared with the living functions; then the
text runs in a namespace of its own (a copy of the module's), which gives new defaults, decorators, classes and names.
What it made is translated: functions get the module's globals, living functions and classes stand for their new
versions. All changes are layers, entered together.
"""

from __future__ import annotations

import gc
import sys
from threading import RLock
from types import CodeType, FunctionType, ModuleType
from typing import Any

from recell import compat
from recell.callables import describe
from recell.errors import RecellError, ScopeError, SourceError, short
from recell.layers.exchange import face_of, install, state_of
from recell.layers.records import layered
from recell.layers.values import ABSENT
from recell.public import public
from recell.reloading.annotations import ANNOTATING
from recell.reloading.comparing import Comparison
from recell.reloading.earlier import CODES, Constants
from recell.reloading.following import bridge, code_of
from recell.reloading.layering import layers_of
from recell.reloading.living import Inhabitants
from recell.reloading.merging import Merge
from recell.reloading.reports import Lines, Report
from recell.reloading.texts import NoTextError, compiled, text_of
from recell.reloading.translating import Translation

__all__ = ["Report", "reload"]

_RELOADING = RLock()
_STORING: set[int] = set()  # ids of the namespaces that reloads of this thread are changing
_KINDS = 0x20 | 0x80 | 0x200  # CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR
_MAIN = "__mp_main__"  # what multiprocessing calls a `__main__` that is not to run


@public
def reload(
    module: ModuleType, *, source: str | bytes | None = None, dry_run: bool = False, data: str = "keep"
) -> Report:
    """Puts a module's new text to work in place: living functions, methods, classes and closures follow it.

    Functions and classes keep their identity, so every reference to them (`from module import name`, bound methods,
    callbacks, containers) follows. Free variables are matched by name and keep their state. Everything is one
    transaction: when the text does not compile, its module code raises, or something cannot be changed, nothing has
    changed (but what the module's code did elsewhere is its own).

    Args:
        module: a module that was written in Python.
        source: its new text; without it, its file is read.
        dry_run: only tell what would change, by comparing code; nothing runs.
        data: `"keep"` leaves module-level data as it is (names that are new are added), `"rerun"` takes what the new
            text makes of it.

    Returns:
        A `Report`: a `Change`, active already, with what changed and what was left; it prints as a table. Where the
        module cannot be reloaded, `refused` says why, and nothing has changed.

    Raises:
        TypeError: `module` is no module.
        SourceError: the text does not compile (a `SyntaxError` with its line and column).
        Exception: whatever the module's own code raised.

    >>> import types
    >>> from recell import reload
    >>> counters = types.ModuleType("counters")
    >>> exec('''
    ... def counter():
    ...     count = 0
    ...     def bump():
    ...         nonlocal count
    ...         count += 1
    ...         return count
    ...     return bump
    ... ''', vars(counters))
    >>> bump = counters.counter()
    >>> bump(), bump()
    (1, 2)
    >>> report = reload(counters, source='''
    ... def counter():
    ...     count = 0
    ...     def bump(step=10):
    ...         nonlocal count
    ...         count += step
    ...         return count
    ...     return bump
    ... ''')
    >>> bump(), bump(step=1)
    (12, 13)
    >>> report.undo()
    >>> bump()
    14
    """
    if type(module) is not ModuleType and not isinstance(module, ModuleType):
        hint = "; pass the module, not its name" if isinstance(module, str) else ""
        msg = f"reload needs a module, and {short(module)} is {describe(module)}{hint}"
        raise TypeError(msg)
    if data not in ("keep", "rerun"):
        msg = f"data must be 'keep' (module-level data stays) or 'rerun' (it follows the new text), not {data!r}"
        raise ValueError(msg)
    compat.require("reload")
    name = vars(module).get("__name__")
    name = name if isinstance(name, str) else module.__class__.__name__
    with _RELOADING:
        try:
            text, filename = text_of(module, source, busy=id(vars(module)) in _STORING)
        except NoTextError as error:
            refusal = SourceError(str(error), filename=vars(module).get("__file__"))
            return Report(module, name, refused=[refusal], dry=dry_run)
        work = _Reload(module, name, compiled(text, filename, module), filename, text, source is not None)
        return work.done(dry_run, data == "rerun")


class _Reload:
    """One reload under way."""

    def __init__(
        self, module: ModuleType, name: str, code: CodeType, filename: str, text: str, given: bool
    ) -> None:
        self.module, self.name, self.filename = module, name, filename
        self.namespace = vars(module)
        self.lines = Lines(filename, text if given else None)
        self.living = Inhabitants(self.namespace, name, code_of if layered() else None, CODES.get(module))
        self.comparison = Comparison(self.living.codes(), code, self.living.around)
        if self.comparison.fresh:
            # a decorator may hide the functions of these paths: then only the heap leads to them
            self.living.search()
            del self.comparison  # what it holds would be counted
            self.comparison = Comparison(self.living.codes(), code, self.living.around)

    def done(self, dry_run: bool, rerun: bool) -> Report:
        if dry_run:
            return self._dry_run()
        comparison = self.comparison
        scratch = self._run()
        translation = Translation(self.namespace, scratch, self.name)
        constants = Constants(self.module, comparison.old)
        merge = Merge(self.living, Inhabitants(scratch, self.name), comparison, translation, constants, rerun)
        merge.left.extend(
            (path, "several functions of this name cannot be told apart") for path in comparison.unclear
        )
        if merge.refused:
            return Report(self.module, self.name, refused=merge.refused)
        layers, closures = layers_of(merge)
        kinds = any((pair.old.co_flags ^ pair.new.co_flags) & _KINDS for pair in comparison.pairs) or any(
            claim.take for claim in merge.claims.values()
        )
        _STORING.add(id(self.namespace))
        try:
            report = Report(
                self.module,
                self.name,
                layers,
                changed=merge.changed,
                moved=[pair.path for pair in comparison.pairs if pair.moved],
                added=merge.added,
                removed=merge.removed,
                closures=closures,
                kept=merge.kept,
                left=merge.left,
                lines=self.lines,
                code=comparison.module,
                quiet=kinds,
            )
        except (TypeError, AttributeError, RecellError) as error:
            return Report(self.module, self.name, refused=[error])
        finally:
            _STORING.discard(id(self.namespace))
        del merge, scratch, layers
        self._settle(translation)
        return report

    def _dry_run(self) -> Report:
        comparison = self.comparison
        new_names = {path for path in comparison.new if "." not in path}
        return Report(
            self.module,
            self.name,
            changed=[pair.path for pair in comparison.pairs if not pair.moved],
            moved=[pair.path for pair in comparison.pairs if pair.moved],
            added=[path for path, _ in comparison.fresh if "<" not in path],
            removed=[path for path, _ in comparison.gone if "<" not in path and path not in new_names],
            closures=self._closures(),
            left=[
                (path, "several functions of this name cannot be told apart") for path in comparison.unclear
            ],
            dry=True,
        )

    def _closures(self) -> int:
        pairs = [pair for pair in self.comparison.pairs if ".<locals>." in pair.path]
        owners = self.living.owners([pair.old for pair in pairs])
        return sum(len(functions) for functions in owners.values())

    def _run(self) -> dict[str, Any]:
        """The namespace that the new text makes, running in a copy of the module's; the module does not see it."""
        comparison = self.comparison
        gone = {path for path, _ in comparison.gone}
        scratch = {
            name: value
            for name, value in self.namespace.items()
            if name not in comparison.new and name not in gone and name not in ANNOTATING
        }
        for cls in self.living.classes.values():
            if scratch.get(cls.__qualname__) is cls:
                del scratch[cls.__qualname__]
        self._box = [scratch]
        self._alone = sys.getrefcount(self._box[0])
        if self.name == "__main__":  # the program under `if __name__ == "__main__"` runs already
            scratch["__name__"] = _MAIN
        before = dict(self.namespace)
        try:
            exec(comparison.module, scratch)
        finally:
            self._take_back(before, scratch)
        if self.name == "__main__":
            made = Inhabitants(scratch, _MAIN)
            for found in (*made.functions.values(), *made.classes.values()):
                if found.__module__ == _MAIN:
                    found.__module__ = "__main__"
        return scratch

    def _take_back(self, before: dict[str, Any], scratch: dict[str, Any]) -> None:
        """What the run put into the living module itself, by way of `sys.modules`, it means for its own namespace."""
        namespace, classes = self.namespace, self.living.classes
        for name, value in list(namespace.items()):
            old = before.get(name, ABSENT)
            if value is old:
                continue
            cls = value if issubclass(type(value), type) else type(value)
            if (
                value.__globals__ is scratch
                if type(value) is FunctionType
                else cls.__module__ == self.name and id(cls) not in classes
            ):
                scratch[name] = value
                if old is ABSENT:
                    del namespace[name]
                else:
                    namespace[name] = old

    def _settle(self, translation: Translation) -> None:
        """What the run's code handed to somebody else passes on to the living functions."""
        box, namespace = self._box, self.namespace
        scratch = box[0]
        for name in scratch:
            if name in namespace:
                scratch[name] = namespace[name]
        del scratch
        translation.forget()
        if sys.getrefcount(box[0]) <= self._alone:
            return
        # classes of the run are garbage in circles, and would show among their base's subclasses
        gc.collect(1)
        if sys.getrefcount(box[0]) <= self._alone:
            return
        for found in gc.get_referrers(box[0]):
            if type(found) is FunctionType and found.__globals__ is box[0]:
                _pass_on(found, translation)


def _pass_on(function: FunctionType, translation: Translation) -> None:
    """A function of the run that somebody holds from now on calls the one that stands for it."""
    there = translation.living.get(id(function))
    if there is None:
        there = translation(function)
    before = state_of(function)
    before.face = face_of(function)
    try:
        install(function, {}, before, bridge(function, there)(before))
    # it would call itself, or is called back by what stands for it
    except (ScopeError, TypeError):  # pragma: no cover - no program was met in which it does
        return
