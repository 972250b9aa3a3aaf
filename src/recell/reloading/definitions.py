"""A `def` whose statement runs again: its decorators, and who becomes what they make.

The outermost decorators that are the same as before do not run: the object that they were given becomes what the rest
makes, so that a decorator added below `@route` works without a second registration. Decorators are handed the existing
function where it stays beneath them.
"""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

from recell.reloading.becoming import become, way_to
from recell.reloading.executing import execute_definition
from recell.reloading.faces import shown
from recell.reloading.following import follow
from recell.reloading.journal import ABSENT, text_code
from recell.reloading.operations import operations

if TYPE_CHECKING:
    from types import CodeType

    from recell.reloading.executing import Found
    from recell.reloading.statements import Statement
    from recell.reloading.work import Dirty, Work

__all__ = ["KINDS", "define", "parameters"]

KINDS = 0x20 | 0x80 | 0x200
"""CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR."""


class _Definition:
    """One `def` that runs again."""

    def __init__(
        self,
        work: Work,
        old: Statement | None,
        new: Statement,
        found: Found,
        cls: type | None,
        path: str,
        dirty: Dirty,
    ) -> None:
        self.work, self.old, self.new, self.found = work, old, new, found
        self.cls, self.path, self.dirty = cls, path, dirty
        self.namespace: Any = work.namespace if cls is None else vars(cls)
        self.name = new.names[0]
        self.was = self.namespace.get(self.name, ABSENT)
        self.raw: FunctionType | None = None
        self.mine = work.bound_by(cls, self.name, old)
        if old is not None and old.code is not None:
            functions = work.existing.of(old.code)
            self.raw = self._chosen(functions)
        self.way: list[Any] = (
            [] if self.raw is None or self.mine is ABSENT else way_to(self.mine, self.raw, work.namespace)
        )

    def _chosen(self, functions: list[FunctionType]) -> FunctionType | None:
        """The function that the statement made: of several copies, the one that its name leads to."""
        if len(functions) > 1 and self.mine is not ABSENT:
            for one in functions:
                if way_to(self.mine, one, self.work.namespace):
                    return one
        return functions[-1] if functions else None

    def run(self) -> None:
        work, old, new = self.work, self.old, self.new
        skip = self._outer_that_stay()
        at = self._place(skip)
        if skip and len(self.way) != len(self._old_stack()) + 1 and skip != len(self._old_stack()):
            skip, at = 0, self._place(0)
        before = self._shown(at) if skip else None
        result = self._make(skip, at)
        if skip and not _shows_the_same(before, self._shown(result)):
            # what stands outside read something else from it the last time
            skip = 0
            at = self._place(0)
            result = self._make(0, at)
        if old is not None and old.code is not None and new.code is not None:
            follow(work, old.code, new.code, self.path, self.cls, {id(self.raw), id(at)})
            if not work.forms.acts_alike(old.code, new.code):
                self.dirty.acting.add(self.name)
        (work.notes.added if self.was is ABSENT else work.notes.changed).append(self.path)
        self._settle(skip, at, result)

    def _old_stack(self) -> tuple[Any, ...]:
        return () if self.old is None else self.old.decorators

    def _outer_that_stay(self) -> int:
        """How many of the outermost decorators do not run."""
        work, old, new = self.work, self.old, self.new
        if self.raw is None or old is None or old.code is None or new.code is None or work.rerun:
            return 0
        part = work.forms.part
        if work.forms.head(old) != work.forms.head(new) or (old.code.co_flags ^ new.code.co_flags) & KINDS:
            return 0
        if parameters(old.code) != parameters(new.code) and old.decorators:
            return 0
        count = 0
        for one, other, loads in zip(old.decorators, new.decorators, new.decorator_loads):
            if part(one) != part(other) or loads & (self.dirty.bound | self.dirty.acting):
                break
            count += 1
        return count

    def _place(self, skip: int) -> Any:
        """The existing object that is to become what the decorators that run make; ABSENT where there is none."""
        if self.raw is None:
            return self.mine
        if skip == len(self._old_stack()):
            return self.raw
        if skip:
            return self.way[skip] if len(self.way) == len(self._old_stack()) + 1 else ABSENT
        return self.mine if self.way else self.raw

    def _returned_as_given(self) -> bool:
        """Return whether the old decorators returned the function they were given, and the new ones are of those."""
        if self.raw is None or not self._old_stack():
            return False
        return {_called(one) for one in self.new.decorators} <= {_called(one) for one in self._old_stack()}

    def _make(self, skip: int, at: Any) -> Any:
        """Run the decorators that are to run; what they get is the existing function, where that stays beneath."""
        work, raw, new = self.work, self.raw, self.new
        node: Any = self.found.nodes[0]
        count = len(node.decorator_list) - skip
        same = at is raw and self._stacks(skip)
        given = raw
        if raw is not None and at is raw and not same and count:
            given = raw if skip == 0 and self._returned_as_given() and len(self.way) <= 1 else None

        def made(function: Any) -> Any:
            if type(function) is not FunctionType:
                return function
            if function.__code__ is not new.code and new.code is not None:
                if function.__code__.co_freevars == new.code.co_freevars:
                    function.__code__ = new.code
            if given is None:
                return function
            become(work, given, function, self._attributes_that_stay())
            return given

        work.notes.ran.append(self.path)
        return execute_definition(work, new, self.found, self.cls, skip, made)

    def _stacks(self, skip: int = 0) -> bool:
        """Return whether the decorators from one on are the same as before."""
        part = self.work.forms.part
        return list(map(part, self._old_stack()[skip:])) == list(map(part, self.new.decorators[skip:]))

    def _attributes_that_stay(self) -> set[str] | None:
        """Those attributes of the function that its decorators did not set; None where all stay."""
        if not self._old_stack() or self._stacks():
            return None
        body = self.new.body.statements
        return {attribute for one in body for name, attribute in one.attribute_changes() if name == self.name}

    def _shown(self, value: Any) -> tuple[Any, ...]:
        return shown(value, text_code(value) if type(value) is FunctionType else None)

    def _settle(self, skip: int, at: Any, result: Any) -> None:
        work, dirty, name = self.work, self.dirty, self.name
        if at is ABSENT:
            if result is not self.was:
                work.journal.bind(self.cls, work.namespace, name, result)
                dirty.bound.add(name)
            return
        keep = self._attributes_that_stay()
        stays = result is at or become(work, at, result, keep)
        takes = stays and (type(at) is not FunctionType or type(result) is FunctionType)
        final = self.mine if skip else at if takes else result
        if final is not ABSENT and self.namespace.get(name, ABSENT) is not final:
            work.journal.bind(self.cls, work.namespace, name, final)
            dirty.bound.add(name)
        if not stays:
            kind = type(at).__name__
            work.notes.left.append((self.path, f"references to the old {kind} that are held elsewhere"))
        if self.old is not None and not self._stacks():
            dirty.acting.add(name)


def parameters(code: CodeType) -> tuple[Any, ...]:
    """Return the names and kinds of a code's parameters."""
    count = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 4) + bool(code.co_flags & 8)
    return code.co_varnames[:count], code.co_argcount, code.co_kwonlyargcount, code.co_flags & 12


def _called(decorator: Any) -> tuple[Any, ...]:
    """Return what a decorator calls: its name, and the attributes of it, without arguments."""
    known = operations()
    return (decorator[0], *(one for one in decorator[1:] if one[0] in known.attributes))


def _shows_the_same(one: Any, other: Any) -> bool:
    return bool(one == other)


def define(
    work: Work,
    old: Statement | None,
    new: Statement,
    found: Found,
    cls: type | None,
    path: str,
    dirty: Dirty,
) -> None:
    """Run a `def` again, as far as it has to, and put what it makes into what exists.

    Args:
        work: the reload under way.
        old: its statement in the old text, where it has one.
        new: the statement.
        found: its node.
        cls: the class that it stands in.
        path: what the report calls it.
        dirty: the names that are others now; takes this one.
    """
    _Definition(work, old, new, found, cls, path, dirty).run()
