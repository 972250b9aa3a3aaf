"""`Change`: the one handle of everything that recell changes in place, with the one way in and the one way out."""

from __future__ import annotations

from contextlib import suppress
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar, Union

from recell.callables import functions_in
from recell.errors import ChangeError, short
from recell.layers.computing import room
from recell.layers.locking import acquire, let_go, release
from recell.public import public

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType
    from typing import NoReturn, SupportsIndex

    from recell.layers.edits import Edit
    from recell.layers.values import ValueLayer

    C = TypeVar("C", bound="Change")
    Layer = Union[Edit, ValueLayer]

F = TypeVar("F", bound="Callable[..., Any] | type")

__all__ = ["ENTERED", "MADE", "Change", "active_changes", "locked", "name_of", "refuse_travel"]

MADE, ENTERED = 1, 2
"""The phases of a change that stays: being made, and before the first `with`, which is that entry."""


@public
class Change:
    """The handle of a change in place: it undoes the change, and says whether it is active.

    Verbs that undo themselves (`override`, `patch_closure`, `patch_defaults`, `patch_inner`) give one that is entered
    by `with`, by `start()`, or as a decorator of functions, coroutine functions, generators and classes (every
    `test*` method). Those that stay (`swap`, `wrap`, `attach`, `repoint`) give one that is active already; used as a
    decorator it is undone at once, and in force while the decorated function runs.

    A change entered twice is two layers: it is left twice, in whatever order.

    Raises:
        ChangeError: left or undone more often than it was entered.
        InterferenceError: somebody else assigned code or closure of the function meanwhile; nothing was changed.

    >>> from recell import override
    >>> LIMIT = 10
    >>> def allowed(n):
    ...     return n <= LIMIT
    >>> change = override(allowed, LIMIT=3)
    >>> with change:
    ...     allowed(5), change.active
    (False, True)
    >>> allowed(5), change.active
    (True, False)
    """

    __slots__ = ("__weakref__", "_entries", "_fresh", "_layers", "_names", "_target", "_verb")

    _renews = False
    """True where `_renew` gives the layers of each entry."""
    _picks = False
    """True where `_pick` says which entry is left; else the last one."""

    def __init__(
        self,
        verb: str,
        target: object,
        layers: Iterable[Layer] = (),
        names: Iterable[str] = (),
        *,
        stays: bool = False,
    ) -> None:
        self._verb = verb
        self._target = target
        self._layers: Any = tuple(layers)
        self._names = names
        self._entries: tuple[Sequence[Layer], ...] = ()
        self._fresh = MADE if stays else 0
        if stays:
            self.__enter__()

    @property
    def active(self) -> bool:
        """True while the change is in force: entered more often than left."""
        return bool(self._entries)

    def start(self: C) -> C:
        """Enter the change outside a `with` statement; `undo` leaves it. For `unittest`: `addCleanup(change.undo)`."""
        return self.__enter__()

    def undo(self) -> None:
        """Leave the change: what was there before is there again, the very same objects. `stop` is the same.

        Raises:
            ChangeError: it is not active.
            InterferenceError: somebody else assigned code or closure meanwhile; nothing was changed.
        """
        self.__exit__()

    stop = undo

    def __enter__(self: C) -> C:
        fresh = self._fresh
        if fresh == ENTERED:
            self._fresh = fresh = 0
            if self._entries:
                return self
        layers: Sequence[Layer] = ()
        held, listed = None, False
        try:
            held = acquire()
            layers = self._renew() if self._renews else self._layers
            known = self._entries
            entries = (*known, layers)
            if len(layers) != 1:
                room()
            for layer in layers:
                stack: Any = layer.stack or layer.find()
                stack.enter(layer)
            # something that ran meanwhile may have entered it, too, or left it; nothing runs within one line
            self._entries, listed = (entries if self._entries is known else (*self._entries, layers)), True
            if fresh:
                self._fresh = ENTERED
            held = None
            release()
            return self  # noqa: TRY300 - an interruption here takes it back, too
        except BaseException:
            try:
                if held is None:
                    let_go()
                    if layers:
                        held = acquire()
                if layers:
                    self._withdraw(layers, listed)
            finally:
                if held:
                    release()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        layers: Sequence[Layer] = ()
        held, out = None, False
        try:
            held = acquire()
            while not out:
                known = self._entries
                if not known:
                    raise self._not_active()  # noqa: TRY301 - the lock is given back below
                layers, entries = self._pick(known) if self._picks else (known[-1], known[:-1])
                if len(layers) != 1:
                    room()
                    for layer in layers:
                        layer.check()
                # listed no longer first: what runs meanwhile leaves another entry
                out, self._entries = (True, entries) if self._entries == known else (False, self._entries)
            for layer in reversed(layers):
                layer.stack.leave(layer)  # type: ignore[union-attr, arg-type]
            held = None
            release()
        except BaseException:
            try:
                if held is None:
                    let_go()
                    if out:
                        held = acquire()
                if out:
                    self._finish(layers)
            except RecursionError:
                if out:
                    self._entries = (*self._entries, layers)
            finally:
                if held:
                    release()
            raise

    def _not_active(self) -> ChangeError:
        msg = f"{self!r} cannot be undone: it is not active (undone already, or never entered)"
        return ChangeError(msg, change=repr(self))

    def _renew(self) -> Sequence[Layer]:
        """Return the layers of one more entry; called under the lock."""
        raise NotImplementedError

    def _pick(
        self, entries: tuple[Sequence[Layer], ...]
    ) -> tuple[Sequence[Layer], tuple[Sequence[Layer], ...]]:
        """Return the entry to leave, and the others; called under the lock."""
        raise NotImplementedError

    def _is_of(self, targets: Sequence[object]) -> bool:
        changed = [
            self._target,
            *(getattr(layer, "func", None) for layers in self._entries for layer in layers),
        ]
        return any(one is target for one in changed for target in targets)

    def _surplus(self, layer: Layer) -> int:
        """Return how much more often a layer lies in its stack than the entries say."""
        if layer.stack is None:
            return 0
        listed = sum([one is layer for layers in self._entries for one in layers])
        return layer.stack.times(layer) - listed  # type: ignore[arg-type]

    def _withdraw(self, layers: Sequence[Layer], listed: bool) -> None:
        """After a failure on the way in: all of it is out."""
        entries = self._entries
        at = len(entries) - 1 if listed else -1
        while at >= 0 and entries[at] is not layers:
            at -= 1
        if at >= 0:
            self._entries = entries[:at] + entries[at + 1 :]
        for layer in reversed(layers):
            with suppress(Exception):  # the first failure is the one to tell
                if self._surplus(layer) > 0:
                    layer.stack.leave(layer)  # type: ignore[union-attr, arg-type]

    def _finish(self, layers: Sequence[Layer]) -> None:
        """After a failure on the way out: all of it is out; or, where somebody objects again, all of it is in."""
        try:
            for layer in reversed(layers):
                if self._surplus(layer) > 0:
                    layer.stack.leave(layer)  # type: ignore[union-attr, arg-type]
        except RecursionError:
            raise
        except BaseException:  # noqa: BLE001 - the first failure is the one to tell
            if any([self._surplus(layer) > 0 for layer in layers]):
                for layer in layers:
                    if self._surplus(layer) == 0:
                        with suppress(Exception):  # the rest can still be undone
                            layer.stack.enter(layer)  # type: ignore[union-attr, arg-type]
                self._entries = (*self._entries, layers)

    def __call__(self, decorated: F) -> F:
        """Decorate a function, coroutine function, generator or class: the change is in force while it runs."""
        from recell.layers.decorating import decorate

        if self._fresh == ENTERED:
            self._fresh = 0
            if self._entries:
                self.undo()
        wrapped: F = decorate(self, decorated)
        return wrapped

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise refuse_travel(self)

    def _about(self) -> Iterable[str]:
        return self._names

    def __repr__(self) -> str:
        names = ", ".join(self._about())
        about = f": {names}" if names else ""
        times = len(self._entries)
        state = "not active" if not times else "active" if times == 1 else f"active {times} times"
        return f"<{self._verb} of {name_of(self._target)}{about}; {state}>"


def locked(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function under the lock."""
    held = None
    try:
        held = acquire()
        return function(*args)
    finally:
        if held:
            release()
        else:
            let_go()


@public
def active_changes(target: object = None) -> list[Change]:
    """Find the changes in force that somebody can still undo.

    Args:
        target: a function, class or other object: only changes of it. Without one: all.

    Returns:
        The changes, in no particular order. They are found through the garbage collector, so those in `gc.freeze()`
        are not: a `RuntimeWarning` says so.

    >>> from recell import active_changes, override
    >>> def area(r):
    ...     return PI * r * r
    >>> PI = 3.14
    >>> with override(area, PI=3) as change:
    ...     active_changes(area) == [change]
    True
    >>> active_changes(area)
    []
    """
    import gc

    from recell import compat

    compat.warn_of_frozen("changes", 2)
    targets = [target, *functions_in(target)]
    return [
        one
        for one in gc.get_objects()
        if issubclass(type(one), Change) and one._entries and (target is None or one._is_of(targets))
    ]


def refuse_travel(change: object) -> TypeError:
    """Return the error for pickling or copying a change: two handles, or one elsewhere, could not keep count."""
    msg = (
        f"cannot pickle or copy {change!r}: a change is made in this process alone; "
        "make it in the process (or for the copy) where it is to be in force"
    )
    return TypeError(msg)


def name_of(target: object) -> str:
    """Return a function or class as `module.qualname`, anything else as its repr."""
    if isinstance(target, (FunctionType, type)):
        return f"{target.__module__}.{target.__qualname__}"
    inside = getattr(target, "__func__", None)
    return name_of(inside) if type(inside) is FunctionType else short(target)
