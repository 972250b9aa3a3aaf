"""The choice of the statements of a body that run again, and the reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recell.reloading.classes import derived
from recell.reloading.definitions import KINDS, parameters
from recell.reloading.place import reruns
from recell.reloading.statements import CLASS, DEF, OTHER, is_class

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType

    from recell.reloading.place import Place
    from recell.reloading.statements import Statement

__all__ = ["Decisions"]


class Decisions:
    """The statements of a body that run.

    Attributes: `must`: for each statement whether it runs for what it says itself, or because another one that does
    needs what it binds.

    Args:
        place: where the body binds its names.
        olds, news: the statements of both texts.
        pairs: the position of a new statement -> that of its old one.
    """

    def __init__(
        self, place: Place, olds: Sequence[Statement], news: Sequence[Statement], pairs: dict[int, int]
    ) -> None:
        self._place, self._work = place, place.work
        self._olds, self._news = olds, news
        self._forced = place.work.forced.get(place.path, set()) if place.cls is not None else set()
        self.must: list[bool] = [self._must(one, pairs.get(at)) for at, one in enumerate(news)]
        self._earlier_bindings()
        self._reordered(pairs)

    def _must(self, new: Statement, old_at: int | None) -> bool:
        """Return whether a statement runs for what it says itself."""
        work = self._work
        if old_at is None or work.rerun or self._forced & set(new.names):
            return True
        old = self._olds[old_at]
        if work.forms.header(old) != work.forms.header(new):
            return True
        if new.kind == DEF and old.decorators and old.code is not None and new.code is not None:
            if (old.code.co_flags ^ new.code.co_flags) & KINDS:
                return True  # another kind of function: its decorators may ask
            if parameters(old.code) != parameters(new.code):
                return True
        return self._place.cls is None and reruns(work, new)

    def _earlier_bindings(self) -> None:
        """A statement that reads what it binds, as `X += 1` does, needs those before it; so does one that reads a name
        which the text deletes further down."""
        deleted = {name for one in self._news if one.deletes for name in one.names} - set(
            self._place.namespace
        )
        dirty: set[str] = set()
        may = []
        for at, one in enumerate(self._news):
            may.append(self.must[at] or bool(one.loads & dirty))
            if may[at]:
                dirty.update(one.names)
        for at in range(len(self._news) - 1, -1, -1):
            one = self._news[at]
            needed = set(one.names) & one.loads if self.must[at] and one.kind == OTHER else set()
            if may[at] and not one.deletes:
                needed |= (one.loads | one.inner) & deleted
            if needed:
                for before in range(at):
                    other = self._news[before]
                    if (
                        needed & set(other.names)
                        and not other.deletes
                        and (other.kind == OTHER or needed & deleted)
                    ):
                        self.must[before] = may[before] = True

    def evaluates(self, one: Statement) -> bool:
        """Return whether a statement evaluates what is something else by now."""
        dirty = self._place.dirty
        if one.imports is not None:
            return self._imports(one)
        if one.deletes and set(one.names) & self._place.rebound:
            return True
        if one.kind == CLASS:
            cls = self._place.namespace.get(one.names[0])
            if one.loads & dirty.remade and isinstance(cls, type) and derived(cls, one):
                return True
        if one.loads & dirty.bound:
            return True
        return any(loads & dirty.acting for loads in one.decorator_loads)

    def _imports(self, one: Statement) -> bool:
        """Return whether an import gives something else, since its module was reloaded in this transaction."""
        assert one.imports is not None
        there = self._work.others.get(self._resolved(one.imports.module, one.imports.level))
        if there is None:
            return False
        again = False
        for name, bound in one.imports.names:
            again |= bool(there.bound) if name == "*" else name in there.bound
            if name in there.acting:
                self._place.dirty.acting.add(bound)
            if name in there.remade:
                self._place.dirty.remade.add(bound)
        return again

    def _resolved(self, name: str, level: int) -> str:
        if not level:
            return name
        package = self._work.namespace.get("__package__") or ""
        base = package.rsplit(".", level - 1)[0] if level > 1 else package
        return f"{base}.{name}" if name else base

    def _reordered(self, pairs: dict[int, int]) -> None:
        """Tells of decorated definitions in another order: what their decorators stored keeps the old one."""
        last = -1
        for at, one in enumerate(self._news):
            if at in pairs and one.decorators and not self.must[at]:
                if pairs[at] < last:
                    why = "stands elsewhere in the text; what its decorators stored keeps the old order"
                    self._work.notes.left.append((self._place.title(one), why))
                last = max(last, pairs[at])

    def lost(self, old: Statement, new: Statement, pairs: list[tuple[CodeType, CodeType]]) -> bool:
        """Return whether a statement's functions have changed and cannot be followed: then it has to run."""
        work = self._work
        changed = [pair for pair in pairs if work.forms.code(pair[0]) != work.forms.code(pair[1])]
        for one, _ in changed:
            if not is_class(one) and not work.existing.of(one):
                if new.kind != DEF or old.decorators or one is not old.code:
                    return True  # only its result was kept
        if changed and len(pairs) > 1:  # two that are the same, of which one changed
            known: dict[int, int] = {}
            for one, other in pairs:
                after = work.forms.code(other)
                if known.setdefault(work.forms.code(one), after) != after:
                    return True
        return False
