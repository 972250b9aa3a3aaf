"""`patch_defaults`: other default arguments, by name, for a while."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

from recell.callables import caches_in, function_of
from recell.cells import check_mapping
from recell.errors import ScopeError, hint_nearest, listed, short
from recell.layers.caches import around
from recell.layers.changes import Change
from recell.layers.edits import DEFAULTS, Edit
from recell.layers.exchange import new_face
from recell.layers.records import in_force
from recell.public import public

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import CodeType

    from recell.layers.exchange import State

__all__ = ["patch_defaults"]

_NOTHING: Mapping[str, object] = {}


class DefaultsEdit(Edit):
    """Other defaults, for the parameters that have one in the state beneath."""

    __slots__ = ("values",)
    touches = DEFAULTS

    values: Mapping[str, object]

    def __call__(self, state: State) -> State:
        face = state.face
        assert face is not None
        defaults, kwdefaults = face[0], face[1]
        code = state.code
        end = code.co_argcount
        first = end - len(defaults or ())
        names = code.co_varnames[first:end]
        new: list[Any] | None = None
        for name, value in self.values.items():
            if kwdefaults and name in kwdefaults:
                kwdefaults = {**kwdefaults, name: value}
            elif name in names:
                new = new or list(defaults or ())
                new[names.index(name)] = value
        if new is not None:
            defaults = tuple(new)
        return state.shown_as(new_face((defaults, kwdefaults, *face[2:])))


@public
def patch_defaults(func: Any, values: Mapping[str, object] = _NOTHING, /, **more: object) -> Change:
    """Give parameters, for a while, another default, in place: every reference to the function sees it.

    Args:
        func: a function, or what stands for one (a bound method: the class's function).
        values: parameter -> its default. The parameter must have one already.
        more: the same as keywords.

    Returns:
        A `Change` to enter with `with`, `start()` or as a decorator. Leaving puts back the very objects. Beneath a
        `swap` entered later, which brings defaults of its own, it has no effect.

    Raises:
        ScopeError: the function has no such parameter with a default.
        TypeError: `func` holds no Python function.

    >>> from recell import patch_defaults
    >>> def fetch(url, timeout=30, *, retries=3):
    ...     return url, timeout, retries
    >>> with patch_defaults(fetch, timeout=0.1, retries=0):
    ...     fetch("/")
    ('/', 0.1, 0)
    >>> fetch("/")
    ('/', 30, 3)
    """
    if values is not _NOTHING:
        check_mapping(values, "patch_defaults")
        more = {**values, **more}
    function = func if type(func) is FunctionType else function_of(func, "patch_defaults")
    if not more:
        msg = f"patch_defaults({function.__name__}) without values changes nothing: name a parameter and its default"
        raise TypeError(msg)
    return PatchedDefaults(func, function, more)


class PatchedDefaults(Change):
    """A `Change` made by `patch_defaults`."""

    __slots__ = ("_seen", "_values")

    _renews = True
    _target: Any

    def __init__(self, given: Any, func: FunctionType, values: Mapping[str, object]) -> None:
        self._verb = "patch_defaults"
        self._target = func
        self._names = self._values = values
        self._entries = ()
        self._fresh = 0
        edit = DefaultsEdit(func)
        edit.values = values
        self._layers = (edit,) if given is func else around(caches_in(given), (edit,))
        self._seen: CodeType | None = None
        self._renew()

    def _renew(self) -> Sequence[Any]:
        func = self._target
        code = func.__code__
        if code is not self._seen:  # the names are checked again over another code
            _check(func, in_force(func).code, self._values)
            self._seen = code
        layers: Sequence[Any] = self._layers
        return layers


def _check(func: FunctionType, code: CodeType, values: Mapping[str, object]) -> None:
    """Raise ScopeError for a name that is no parameter with a default."""
    positional, keywords = func.__defaults__ or (), func.__kwdefaults__ or {}
    end = code.co_argcount
    names = code.co_varnames[end - len(positional) : end]
    for name in values:
        if name in names or name in keywords:
            continue
        known = (*names, *keywords)
        stars = code.co_varnames[: end + code.co_kwonlyargcount]
        what = "is a parameter of {} without a default" if name in stars else "is no parameter of {}"
        msg = f"`{name}` {what.format(short(func))}" + (
            hint_nearest(str(name), known) or (f"; those with a default: {listed(known)}" if known else "")
        )
        raise ScopeError(msg, name=name, names=known, target=short(func))
