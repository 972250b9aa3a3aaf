"""`local.override`, `local.swap`, `local.wrap`; `localize` and `localized`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from recell.callables import caches_in, function_of, rebuild
from recell.cells import cells_of, check_mapping
from recell.code.guarded import own_code
from recell.errors import ScopeError, listed, short
from recell.functions.building import remake
from recell.layers.changes import Change, locked, name_of
from recell.local.changes import PutChange
from recell.local.guards import guarded
from recell.local.layers import Held
from recell.local.overriding import LocalOverride, shares_results
from recell.local.places import Place
from recell.local.replacing import replacing, wrapping
from recell.patching.overriding import meant
from recell.patching.replacements import is_default, mock_of, unwrapped
from recell.public import public

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FunctionType

F = TypeVar("F", bound="Callable[..., Any]")

__all__ = ["localize", "localized", "override", "patch_closure", "swap", "wrap"]

_NOTHING: Mapping[str, object] = {}


def override(func: Any, values: Mapping[str, object] = _NOTHING, /, **more: object) -> LocalOverride:
    """Give names another meaning in a function, for calls made in this context alone.

    As `recell.override`, which does so for the whole process; but other threads, tasks and requests do not see it. A
    context that is copied from this one, as tasks and `asyncio.to_thread` do, does. It starts from the function's own
    code and the process-wide overrides in force: a swap or wrap beneath it is not seen.

    Args:
        func: a function, what stands for one, a class (the functions in its own `vars`) or a module (those defined in
            it), for those that use a name. Not behind a cache, which all contexts share.
        values: name -> what it is to mean, as for `recell.override`.
        more: the same as keywords.

    Returns:
        A `Change` to enter with `with`, `start()` or as a decorator, with `carry`; it is also a mapping from the names
        to their values. It can be undone from any context.

    Raises:
        ScopeError: the function does not use a name; the error says who does.
        TypeError: `func` holds no Python function.
        UnsupportedPythonError: without the GIL, other threads run, and the function is not localized.

    >>> from threading import Thread
    >>> from recell import local
    >>> LIMIT = 10
    >>> def allowed(n):
    ...     return n <= LIMIT
    >>> with local.override(allowed, LIMIT=3):
    ...     other = Thread(target=lambda: print("other thread:", allowed(5)))
    ...     other.start(); other.join()
    ...     allowed(5)
    other thread: True
    False
    """
    if values is not _NOTHING:
        check_mapping(values, "local.override")
        more = {**cells_of(values), **more}
    if not more:
        msg = f"local.override({short(func)}) without values changes nothing: name what is to mean something else"
        raise TypeError(msg)
    return LocalOverride(func, more)


def swap(target: Any, replacement: Any, /) -> PutChange:
    """Let a function do what another one does, for calls made in this context alone.

    The target keeps its parameters and its kind. The replacement is called with the arguments as they are bound to
    them: positional ones by position, keyword-only ones by name, defaults filled in.

    Args:
        target: a function, or what stands for one (a bound method: the class's function, for all instances).
        replacement: any callable that takes the target's parameters; `unittest.mock.DEFAULT`: an autospecced mock.

    Returns:
        A `Change` to enter with `with`, `start()` or as a decorator, with `carry` and `replacement`.

    Raises:
        TypeError: no Python function as target, no callable as replacement, parameters that it cannot take, or
            kinds that cannot be bridged.
        ScopeError: the replacement would call the target, that is itself; see `local.wrap`.
        UnsupportedPythonError: without the GIL, other threads run, and the function is not localized.

    >>> from recell import local
    >>> def connect(host, port=5432):
    ...     raise OSError("no network here")
    >>> with local.swap(connect, lambda host, port: f"connected to {host}:{port}"):
    ...     connect("db")
    'connected to db:5432'
    """
    function = _function_of(target, "local.swap")
    if is_default(replacement):
        edit, mock = mock_of(target, function)
        called = edit.replacement
        return PutChange("local.swap", function, mock, lambda: replacing(function, called))
    called = replacement if target is replacement else unwrapped(target, replacement)
    return PutChange("local.swap", function, called, lambda: replacing(function, called))


def wrap(target: Any, decorator: Callable[[Any], Any], /) -> PutChange:
    """Decorate a function for calls made in this context alone.

    Args:
        target: a function, or what stands for one (a bound method: the class's function, for all instances).
        decorator: receives a function that does what the target does beneath this change, and returns a callable that
            takes the target's parameters. It is called once for each entry.

    Returns:
        A `Change` to enter with `with`, `start()` or as a decorator, with `carry`.

    Raises:
        TypeError: no Python function as target, what the decorator returned is not callable, cannot take the
            target's parameters, or is of a kind that cannot be bridged.
        UnsupportedPythonError: without the GIL, other threads run, and the function is not localized.

    >>> from recell import local
    >>> def area(a, b):
    ...     return a * b
    >>> def doubled(func):
    ...     return lambda a, b: 2 * func(a, b)
    >>> with local.wrap(area, doubled):
    ...     area(2, 3)
    12
    >>> area(2, 3)
    6
    """
    function = _function_of(target, "local.wrap")
    if not callable(decorator):
        msg = (
            f"local.wrap takes a target and a decorator, which receives the function; got {short(decorator)}"
        )
        raise TypeError(msg)
    return PutChange("local.wrap", function, decorator, lambda: wrapping(function, decorator))


def patch_closure(func: Any, values: Mapping[str, object] = _NOTHING, /, **more: object) -> NoReturn:
    """Refuse: a cell has one content for all contexts, and everyone who shares the cell sees it.

    Raises:
        ScopeError: always; it says what to use instead.
    """
    names = tuple({**values, **more})
    shown = short(func)
    msg = (
        f"the cells of {shown} have one content for all contexts and everyone who shares them, so {listed(names)} "
        f"cannot be patched for this context: use local.override(…), which gives names another meaning in one "
        "function, or patch_closure for the whole process"
    )
    raise ScopeError(msg, name=names[0] if names else "", names=names, target=shown)


def _function_of(target: Any, verb: str) -> FunctionType:
    function = function_of(target, verb)
    if target is not function:
        for cache in caches_in(target):
            raise shares_results(cache, verb)
    return function


@public
def localize(*targets: Any) -> Change:
    """Prepare functions so that entering and leaving context-local changes stores nothing into them.

    Without it the first local change of a function does so, and the last one takes it back. It is itself such a store:
    without the GIL call it before threads start.

    Args:
        targets: functions, what stands for one, classes and modules (the functions in them).

    Returns:
        A `Change` that is active already. Undoing it leaves local changes that are in force as they are.

    Raises:
        TypeError: a target holds no Python function, or there is none.
        UnsupportedPythonError: without the GIL, other threads run.

    >>> from recell import local, localize
    >>> def today():
    ...     return DAY
    >>> DAY = "monday"
    >>> change = localize(today)
    >>> with local.override(today, DAY="friday"):
    ...     today()
    'friday'
    >>> change.undo()
    """
    if not targets:
        msg = "localize takes the functions, classes or modules that local changes are to be made in, and got none"
        raise TypeError(msg)
    functions = {id(func): func for target in targets for func in meant(target, "localize")[0]}
    names = [name_of(target) for target in targets[1:]]
    layers: Any = [Held(func) for func in functions.values()]
    return Change("localize", targets[0], layers, names, stays=True)


@public
def localized(func: F) -> F:
    """Decorate a function so that context-local changes of it store nothing, for good.

    Calls of it stay as fast as CPython makes them, which a function that is localized later loses on 3.13 and later.

    Args:
        func: a function that is being defined, or what stands for one; a class: its functions are localized in place.

    Returns:
        The function, made anew with everything it has; the class itself.

    Raises:
        TypeError: it holds no Python function.

    >>> from recell import local, localized
    >>> @localized
    ... def rate(currency):
    ...     return RATES[currency]
    >>> RATES = {"EUR": 1.0}
    >>> with local.override(rate, RATES={"EUR": 2.0}):
    ...     rate("EUR")
    2.0
    """
    given: Any = func
    if isinstance(given, type):
        localize(given)
        return func
    return rebuild(func, _made_anew, "localized")


def _made_anew(func: FunctionType) -> FunctionType:
    return locked(_guarded, func)  # type: ignore[no-any-return]


def _guarded(func: FunctionType) -> FunctionType:
    place, code = Place(), own_code(func)
    guard = guarded(func, code, place.var.get, place)
    new = remake(func, guard, func.__closure__)
    place.belong(new, [(code, "on", guard)])
    place.held = 1
    return new
