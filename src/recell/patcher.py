"""`Patcher`: several changes as one transaction, with one undo stack."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, overload

from recell.dotted_names import holder_of
from recell.errors import hint_nearest, short
from recell.layers.changes import Change, refuse_travel
from recell.layers.places import AttributeLayer, ItemLayer
from recell.layers.values import ABSENT
from recell.patching.closures import patch_closure
from recell.patching.defaults import patch_defaults
from recell.patching.overriding import Override, override
from recell.patching.swapping import Swap, swap, wrap
from recell.public import public

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from contextlib import AbstractContextManager
    from types import CodeType, TracebackType
    from typing import Literal, NoReturn, SupportsIndex

    from recell.classes.verbs import Repointed
    from recell.local.changes import PutChange
    from recell.local.overriding import LocalOverride
    from recell.patching.spying import Spy
    from recell.rewriting.places import Moment
    from recell.rewriting.probing import Probe
    from recell.rewriting.verbs import Form

T = TypeVar("T")
C = TypeVar("C", bound=Change)

__all__ = ["Patcher"]

_NOTHING: Mapping[str, object] = {}
_MISSING: Any = object()


@public
class Patcher:
    """Changes that are undone together, the last one first.

    Its methods are named as the verbs, and as those of pytest's `monkeypatch`; they enter what they return at once.
    `with Patcher() as patcher:` undoes everything at the end, also when one of the changes fails; the pytest fixture
    `patcher` does so at teardown.

    >>> from recell import Patcher
    >>> import time
    >>> def stamp():
    ...     return time.time()
    >>> config = {"debug": False}
    >>> with Patcher() as patcher:
    ...     _ = patcher.override(stamp, {"time.time": lambda: 0})
    ...     _ = patcher.setitem(config, "debug", True)
    ...     stamp(), config
    (0, {'debug': True})
    >>> config
    {'debug': False}
    """

    def __init__(self) -> None:
        self._steps: list[
            Any
        ] = []  # changes; functions to be called; context managers with their type's `__exit__`

    @classmethod
    def context(cls) -> Patcher:
        """Return a patcher of its own, for a part of a test: `with patcher.context() as part:`."""
        return cls()

    def override(self, func: Any, values: Mapping[str, object] = _NOTHING, /, **more: object) -> Override:
        """Enter `recell.override`."""
        return self._enter(override(func, values, **more))

    def patch_closure(self, func: Any, values: Mapping[str, object] = _NOTHING, /, **more: object) -> Change:
        """Enter `recell.patch_closure`."""
        return self._enter(patch_closure(func, values, **more))

    def patch_defaults(self, func: Any, values: Mapping[str, object] = _NOTHING, /, **more: object) -> Change:
        """Enter `recell.patch_defaults`."""
        return self._enter(patch_defaults(func, values, **more))

    def patch_inner(
        self,
        func: Any,
        path: str | CodeType,
        new: Callable[..., Any],
        /,
        *,
        line: int | None = None,
        existing: bool = False,
    ) -> Change:
        """Enter `recell.patch_inner`."""
        from recell.nested.verbs import patch_inner

        return self._enter(patch_inner(func, path, new, line=line, existing=existing))

    def patch_code(
        self,
        func: Any,
        /,
        *edits: Callable[[Any], Any],
        values: Mapping[str, object] = _NOTHING,
        form: Form | type | None = None,
    ) -> Change:
        """Enter `recell.patch_code`."""
        from recell.rewriting.verbs import patch_code

        return self._enter(patch_code(func, *edits, values=values, form=form))

    def probe(
        self,
        func: Any,
        action: Callable[..., object],
        /,
        *,
        at: int | str | Moment,
        when: str | None = None,
        times: int | None = None,
    ) -> Probe:
        """Enter `recell.probe`."""
        from recell.rewriting.probing import probe

        return self._enter(probe(func, action, at=at, when=when, times=times))

    def swap(
        self, target: Any, replacement: Any, /, *, cells: Literal["take", "keep"] | Collection[str] = "take"
    ) -> Swap:
        """Do `recell.swap`."""
        return self._enter(swap(target, replacement, cells=cells))

    def spy(self, target: Any, /) -> Spy:
        """Do `recell.spy`."""
        from recell.patching.spying import spy

        return self._enter(spy(target))

    def wrap(self, target: Any, decorator: Callable[[Any], Any], /) -> Swap:
        """Do `recell.wrap`."""
        return self._enter(wrap(target, decorator))

    @property
    def local(self) -> LocalPatcher:
        """The changes that only the current context sees: `patcher.local.override(f, name=fake)`, `.swap`, `.wrap`."""
        return LocalPatcher(self._enter)

    def attach(self, cls: type, func: Any, name: str | None = None, /) -> Change:
        """Do `recell.attach`."""
        from recell.classes.verbs import attach

        return self._enter(attach(cls, func, name))

    def repoint(self, cls: type, /, *, old: type) -> Repointed:
        """Do `recell.repoint`."""
        from recell.classes.verbs import repoint

        return self._enter(repoint(cls, old=old))

    @overload
    def setattr(self, target: str, name: object, /, *, raising: bool = True) -> Change: ...
    @overload
    def setattr(self, target: object, name: str, value: object, *, raising: bool = True) -> Change: ...
    def setattr(self, target: Any, name: Any, value: Any = _MISSING, *, raising: bool = True) -> Change:
        """Set an attribute of an object, or what a dotted name means: `setattr("os.path.exists", fake)`.

        Args:
            target: the object; or, without `value`, a dotted name, whose new value is the second argument.
            name: the attribute's name.
            value: its new value.
            raising: refuse to set an attribute that is not there.

        Raises:
            AttributeError: there is no such attribute; the error names the nearest.
            ImportError: a dotted name leads to no module.
            TypeError: no value, and the target is no dotted name.
        """
        if value is _MISSING:
            if not isinstance(target, str):
                msg = f"setattr takes an object, a name and a value, or a dotted name and a value; got {short(target)}"
                raise TypeError(msg)
            (target, name), value = holder_of(target), name
        if raising:
            self._present(target, name, "; raising=False sets it anyway")
        return self._enter(Change("setattr", target, [AttributeLayer(target, name, value)], [name]))

    def delattr(self, target: Any, name: str = _MISSING, *, raising: bool = True) -> Change:
        """Delete an attribute of an object, or what a dotted name means: `delattr("os.path.exists")`.

        Raises:
            AttributeError: there is no such attribute (unless `raising` is false), or it is not the object's own.
            ImportError: a dotted name leads to no module.
            TypeError: no name, and the target is no dotted name.
        """
        if name is _MISSING:
            if not isinstance(target, str):
                msg = f"delattr takes an object and a name, or a dotted name; got {short(target)}"
                raise TypeError(msg)
            target, name = holder_of(target)
        layers = [AttributeLayer(target, name, ABSENT)] if hasattr(target, name) else []
        if raising:
            self._present(target, name, "")
        return self._enter(Change("delattr", target, layers, [name]))

    def setitem(self, obj: Any, key: Any, value: object) -> Change:
        """Set an item of a mapping or list."""
        return self._enter(Change("setitem", obj, [ItemLayer(obj, key, value)], [repr(key)]))

    def delitem(self, obj: Any, key: Any, *, raising: bool = True) -> Change:
        """Delete an item. Raise KeyError or IndexError where there is none, unless `raising` is false."""
        if raising:
            if not hasattr(obj, "keys"):
                obj[key]
            elif key not in obj:  # asked for, a defaultdict would make it
                raise KeyError(key)
        return self._enter(Change("delitem", obj, [ItemLayer(obj, key, ABSENT)], [repr(key)]))

    def setenv(self, name: str, value: str, prepend: str | None = None) -> Change:
        """Set an environment variable; with `prepend`, before what it holds, with that separator between them.

        Raises TypeError for a value that is no string.
        """
        if not isinstance(value, str):
            msg = f"an environment variable is a string, and {name} would become {short(value)}; pass str(…)"
            raise TypeError(msg)
        if prepend and name in os.environ:
            value = value + prepend + os.environ[name]
        return self.setitem(os.environ, name, value)

    def delenv(self, name: str, raising: bool = True) -> Change:
        """Delete an environment variable. Raise KeyError where there is none, unless `raising` is false."""
        return self.delitem(os.environ, name, raising=raising)

    def syspath_prepend(self, path: str | os.PathLike[str]) -> Change:
        """Put a folder before all others of `sys.path`. Undoing takes out that one entry."""
        from recell.process import PathEntry

        return self._enter(Change("syspath_prepend", os.fspath(path), [PathEntry(path)]))

    def chdir(self, path: str | os.PathLike[str]) -> Change:
        """Change the working directory."""
        from recell.process import WorkingDirectory

        return self._enter(Change("chdir", os.fspath(path), [WorkingDirectory(path)]))

    def enter_context(self, manager: AbstractContextManager[T]) -> T:
        """Enter a context manager, such as `unittest.mock.patch(…)`; it is left with the rest."""
        kind: Any = type(manager)
        leave = kind.__exit__
        entered: T = kind.__enter__(manager)
        self._steps.append((leave, manager))
        return entered

    def callback(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> None:
        """Call a function when the rest is undone, in its turn."""
        self._steps.append(partial(function, *args, **kwargs))

    def undo(self) -> None:
        """Undo everything, the last change first; afterwards the patcher can be used again.

        When undoing something fails, the rest is undone nevertheless, and the error is raised then: the first of
        several, with the next one as its cause. A change that is still in force can be undone by another `undo`.
        """
        self.__exit__(None, None, None)

    def __enter__(self) -> Patcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        steps, pending = self._steps, error
        failed: list[BaseException] = []
        at = len(steps)
        while at:
            at -= 1
            step: Any = steps[at]
            size = len(steps)
            left = True
            change: Any = step
            try:
                if isinstance(step, Change):
                    left = False
                    if step.active:  # it may have been undone on its own
                        step.undo()
                    left = True
                elif type(step) is tuple:
                    leave, manager = step
                    if leave(manager, None if pending is None else type(pending), pending, traceback):
                        pending = None
                else:
                    step()
            except BaseException as raised:  # noqa: BLE001 - raised when the rest is undone
                if raised is not pending:
                    failed.append(raised)
            came = len(steps) > size
            if (left or not change.active) and at < len(steps) and steps[at] is step:
                del steps[at]
            if came:
                at = len(steps)
        for first, second in zip(failed, failed[1:]):
            first.__cause__ = second
        if failed:
            raise failed[0]
        return error is not None and pending is None

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise refuse_travel(self)

    def __repr__(self) -> str:
        active = [repr(step) for step in self._steps if isinstance(step, Change) and step.active]
        return f"<Patcher: {', '.join(active) or 'nothing to undo'}>"

    def _enter(self, change: C) -> C:
        self._steps.append(change)  # listed first, so that it cannot be in force and not listed
        try:
            change.__enter__()  # one that stays is active already, and entering it does nothing
        except BaseException:
            if not change.active and self._steps and self._steps[-1] is change:
                del self._steps[-1]
            raise
        return change

    def _present(self, obj: object, name: str, advice: str) -> None:
        if not hasattr(obj, name):
            msg = f"{short(obj)} has no attribute {name!r}{hint_nearest(name, dir(obj))}{advice}"
            raise AttributeError(msg)


class LocalPatcher:
    """`Patcher.local`: enters context-local changes, which the patcher undoes with the rest."""

    __slots__ = ("_enter",)

    def __init__(self, enter: Callable[[Any], Any]) -> None:
        self._enter = enter

    def override(
        self, func: Any, values: Mapping[str, object] = _NOTHING, /, **more: object
    ) -> LocalOverride:
        """Enter `recell.local.override`."""
        from recell.local import override

        change: LocalOverride = self._enter(override(func, values, **more))
        return change

    def swap(self, target: Any, replacement: Any, /) -> PutChange:
        """Enter `recell.local.swap`."""
        from recell.local import swap

        change: PutChange = self._enter(swap(target, replacement))
        return change

    def wrap(self, target: Any, decorator: Callable[[Any], Any], /) -> PutChange:
        """Enter `recell.local.wrap`."""
        from recell.local import wrap

        change: PutChange = self._enter(wrap(target, decorator))
        return change
