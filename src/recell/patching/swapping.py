"""`swap` and `wrap`: another function's behaviour in place, under the same identity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recell.callables import caches_in, function_of
from recell.code.guarded import own_code
from recell.errors import short
from recell.frames import running_in
from recell.functions.building import remake
from recell.layers.caches import around
from recell.layers.changes import MADE, Change, locked, name_of
from recell.layers.records import in_force
from recell.patching.replacements import is_default, mock_of, swap_edit, unwrapped
from recell.patching.trampolines import BRIDGES, DECORATED
from recell.public import public

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from types import FunctionType
    from typing import Literal

    from recell.patching.swap_edits import SwapEdit

__all__ = ["Swap", "copy_of", "swap", "wrap"]


@public
class Swap(Change):
    """The change that `swap` and `wrap` make: `original` does what the target did, `running` lists what still does.

    >>> from recell import swap
    >>> def greet():
    ...     return "hello"
    >>> with swap(greet, lambda: "bye") as change:
    ...     greet(), change.original()
    ('bye', 'hello')
    """

    __slots__ = ("_codes", "_edit", "_original", "_replacement")

    def __init__(
        self, verb: str, edit: SwapEdit, caches: Collection[Any] = (), replacement: Any = None
    ) -> None:
        func = edit.func
        self._verb = verb
        self._target = func
        self._names = ()
        self._entries = ()
        self._fresh = MADE
        self._edit = edit
        self._replacement = edit.replacement if replacement is None else replacement
        self._original: FunctionType | None = edit.original
        code = own_code(func)  # with names overridden, and without
        self._codes = (code,) if edit.record.idle is not None else (code, in_force(func).public.code)
        self._layers = around(caches, (edit,)) if caches else (edit,)
        self.__enter__()

    def _about(self) -> Iterable[str]:
        return (name_of(self._replacement),)

    @property
    def replacement(self) -> Any:
        """The callable that stands in for the target; for `unittest.mock.DEFAULT`, the mock."""
        return self._replacement

    @property
    def original(self) -> FunctionType:
        """A function that does what the target did, sharing its cells; other layers come and go there, too."""
        original: FunctionType = self._original or locked(self._edit.made_original)
        self._original = original
        return original

    @property
    def running(self) -> list[Any]:
        """The frames, generators and coroutines that finish with the old code, as of now."""
        return running_in(self._codes)


@public
def swap(
    target: Any, replacement: Any, /, *, cells: Literal["take", "keep"] | Collection[str] = "take"
) -> Swap:
    """Let a function do what another one does, under the same identity: every reference to it sees the change.

    Code, closure, defaults, annotations, doc and attributes are the replacement's; name, qualified name and module
    stay. What is no plain function, or lives in another module's globals, is called through a trampoline with its
    signature. The target keeps its kind: a coroutine function stays one.

    `super()` works in a method: `__class__` is the replacement's class where the class that holds the target derives
    from it, and else the target's.

    Args:
        target: a function, or what stands for one (a bound method: the class's function, for all instances). The cache
            of an `lru_cache` is cleared now and on leaving.
        replacement: any callable; `unittest.mock.DEFAULT` makes a mock with the target's signature. It is unwrapped as
            the target was: a bound class method for a bound class method.
        cells: which cell a free variable has that both have: `"take"`, the replacement's; `"keep"`, the target's
            (new code, old state); or the names of those that are kept.

    Returns:
        A `Change` that is active already, with `original`, `replacement` and `running`.

    Raises:
        TypeError: no Python function as target, no callable as replacement, or kinds that cannot be bridged.
        FreeVariableError: `cells` names what is no free variable of both.
        ScopeError: the replacement would call the target, that is itself (see `wrap`); or it calls `super()`, and no
            class holds the target.
        UnsupportedPythonError: it cannot be done safely here; nothing has changed.

    >>> from recell import swap
    >>> def greet(name):
    ...     return f"hello {name}"
    >>> everywhere = [greet]
    >>> change = swap(greet, lambda name, mark="!": f"bye {name}{mark}")
    >>> everywhere[0]("Ada"), change.original("Ada")
    ('bye Ada!', 'hello Ada')
    >>> change.undo()
    >>> greet("Ada")
    'hello Ada'
    """
    function = function_of(target, "swap")
    caches = () if target is function else caches_in(target)
    if is_default(replacement):
        edit, mock = mock_of(target, function)
        return Swap("swap", edit, caches, mock)
    replacement = unwrapped(target, replacement)
    if replacement is function:  # nothing to do, and something to undo
        replacement = copy_of(function)
        return Swap("swap", swap_edit(function, replacement, "take", "swap", BRIDGES, replacement), caches)
    return Swap("swap", swap_edit(function, replacement, cells, "swap", BRIDGES, holder=target), caches)


@public
def wrap(target: Any, decorator: Callable[[Any], Any], /) -> Swap:
    """Decorate a function in place: every reference to it now runs what the decorator returned.

    Args:
        target: a function, or what stands for one (a bound method: the class's function, for all instances).
        decorator: receives a function that does what `target` did, sharing its cells, and returns a callable.

    Returns:
        A `Change` that is active already, with `original` and `running`.

    Raises:
        TypeError: no Python function as target, what the decorator returned is not callable, or of a kind that
            cannot be bridged.

    >>> from recell import wrap
    >>> def area(a, b):
    ...     return a * b
    >>> calls = []
    >>> def counting(func):
    ...     def count(*args):
    ...         calls.append(args)
    ...         return func(*args)
    ...     return count
    >>> with wrap(area, counting):
    ...     area(2, 3)
    6
    >>> calls, area(4, 5), len(calls)
    ([(2, 3)], 20, 1)
    """
    function = function_of(target, "wrap")
    if not callable(decorator):
        msg = f"wrap takes a target and a decorator, a callable that receives the function; got {short(decorator)}"
        raise TypeError(msg)
    original = copy_of(function)
    decorated = decorator(original)
    if not callable(decorated):
        msg = f"wrap needs a decorator that returns a callable, and {short(decorator)} returned {short(decorated)}"
        raise TypeError(msg)
    caches = () if target is function else caches_in(target)
    return Swap("wrap", swap_edit(function, decorated, "take", "wrap", DECORATED, original), caches)


def copy_of(function: FunctionType) -> FunctionType:
    """Return a function that does what another one does now, sharing its cells."""
    state = in_force(function)
    return remake(function, state.code, state.closure)
