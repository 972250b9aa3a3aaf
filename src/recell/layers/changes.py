"""`Change`: the one handle of everything that recell changes in place."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar

from recell.errors import ChangeError, short
from recell.layers.function_layers import LOCK
from recell.public import public

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType
    from typing import NoReturn, SupportsIndex

    from recell.layers.function_layers import Layer

    C = TypeVar("C", bound="Change")

F = TypeVar("F", bound="Callable[..., Any] | type")

__all__ = ["Change", "name_of", "refuse_travel"]


@public
class Change:
    """What a verb that works in place hands back: it undoes the change, and says whether it is active.

    Verbs that undo themselves (`override`, `patch_closure`, `patch_inner`) give one that is entered by `with`, by
    `start()`, or as a decorator of functions, coroutine functions, generators and classes (every `test*` method).
    Those that stay (`swap`, `wrap`, `attach`, `repoint`) give one that is active already.

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

    __slots__ = ("__weakref__", "_entries", "_fresh", "_layers", "_names", "_stays", "_target", "_verb")

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
        self._layers: Sequence[Layer] = tuple(layers)
        self._names = tuple(names)
        self._stays = stays
        self._entries: list[Sequence[Layer]] = []
        self._fresh = stays  # entered when it is returned: the first `with` is that entry
        if stays:
            self._enter()

    @property
    def active(self) -> bool:
        """Whether the change is in force: entered more often than left."""
        return bool(self._entries)

    def start(self: C) -> C:
        """Enters the change outside a `with` statement; `undo` leaves it. For `unittest`: `addCleanup(change.undo)`."""
        return self.__enter__()

    def undo(self) -> None:
        """Leaves the change: what was there before is there again, the very same objects.

        Raises:
            ChangeError: it is not active.
            InterferenceError: somebody else assigned code or closure meanwhile; nothing was changed.
        """
        with LOCK:
            if not self._entries:
                msg = f"{self!r} cannot be undone: it is not active (undone already, or never entered)"
                raise ChangeError(msg, change=repr(self))
            # taken out first: what an audit hook or a finalizer undoes meanwhile is another entry
            layers = self._entries[-1]
            del self._entries[-1]  # no call: a signal's handler cannot raise between this and the `try`
            try:
                if len(layers) == 1:
                    layers[0].leave()
                else:
                    for layer in layers:
                        layer.check()
                    self._leave(layers)
            except BaseException:
                self._entries.append(layers)
                raise

    def __enter__(self: C) -> C:
        fresh, self._fresh = self._fresh, False
        if not (fresh and self._entries):
            self._enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.undo()

    def _times(self) -> int:
        """How much more often it was entered than left."""
        return len(self._entries)

    def _new_layers(self) -> Sequence[Layer]:
        """The layers of one more entry."""
        return self._layers

    def _enter(self) -> None:
        with LOCK:
            layers = self._new_layers()
            entries, one = self._entries, [layers]
            if len(layers) == 1:
                layers[0].enter()
                entries += one  # no call: a signal's handler cannot raise between the two
                return
            entered = 0
            try:
                for layer in layers:
                    layer.enter()
                    entered += 1
                entries += one
            except BaseException:
                self._leave(layers[:entered])
                raise

    def _leave(self, layers: Sequence[Layer]) -> None:
        left: list[Layer] = []
        try:
            for layer in reversed(layers):
                layer.leave()
                left.append(layer)
        except BaseException:
            for layer in reversed(left):
                layer.enter()
            raise

    def __call__(self, decorated: F) -> F:
        """Decorates a function, coroutine function, generator or class: the change is in force while it runs."""
        if self._stays:
            msg = f"{self!r} stays in force until undo(): it does not decorate; use it in a `with`"
            raise TypeError(msg)
        from recell.layers.decorating import decorate

        wrapped: F = decorate(self, decorated)
        return wrapped

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise refuse_travel(self)

    def __repr__(self) -> str:
        about = f": {', '.join(self._names)}" if self._names else ""
        times = self._times()
        state = "not active" if not times else "active" if times == 1 else f"active {times} times"
        return f"<{self._verb} of {name_of(self._target)}{about}; {state}>"


def refuse_travel(change: object) -> TypeError:
    """The error for pickling or copying what undoes a change: two handles, or one elsewhere, could not keep count."""
    msg = (
        f"cannot pickle or copy {change!r}: a change is made in this process alone; "
        "make it in the process (or for the copy) where it is to be in force"
    )
    return TypeError(msg)


def name_of(target: object) -> str:
    """A function or class as `module.qualname`, anything else as its repr."""
    if isinstance(target, (FunctionType, type)):
        return f"{target.__module__}.{target.__qualname__}"
    inside = getattr(target, "__func__", None)
    return name_of(inside) if type(inside) is FunctionType else short(target)
