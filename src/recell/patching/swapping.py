"""`swap` and `wrap`: another function's behaviour in place, under the same identity."""

from __future__ import annotations

import functools
from types import CellType, CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from recell.callables import function_of
from recell.cells import FORWARDED, contents_of
from recell.errors import ScopeError, short
from recell.frames import running
from recell.functions.building import remake
from recell.layers.changes import Change, name_of
from recell.layers.exchange import State, face_of, install, state_of
from recell.layers.function_layers import Edit, FunctionLayer, beneath, in_force
from recell.patching.closures import holder_beneath
from recell.patching.trampolines import BRIDGES, DECORATED, copied, kind_of, trampoline
from recell.public import public

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["Swap", "SwapEdit", "swap", "swap_edit", "wrap"]


class SwapEdit(Edit):
    """A replacement, as it was when the swap was asked for."""

    __slots__ = ("below", "bridge", "cells", "original", "replacement", "state", "target")
    whole = True
    follows = True

    below: State | None
    bridge: str | None
    cells: str
    replacement: Any
    state: State | None

    def __init__(
        self,
        target: FunctionType,
        replacement: Any,
        bridge: str | None,
        cells: str,
        original: FunctionType | None = None,
    ) -> None:
        self.target: FunctionType = target
        self.replacement = replacement
        self.bridge = bridge
        self.cells = cells
        self.original: FunctionType | None = original
        self.below = None  # what `original` does now
        # a replacement swapped itself later on does not change this one
        self.state = state_of(replacement) if type(replacement) is FunctionType else None
        if self.state is not None:
            self.state.face = copied(face_of(replacement))

    def follow(self, beneath: State) -> bool:
        """Lets `original` do what lies beneath, also when a layer there comes or goes."""
        original, below = self.original, self.below
        if original is None or beneath is below:
            return False
        if below is None:
            below = State(original.__code__, original.__closure__, beneath.face)
        if original.__code__ is not below.code or original.__closure__ is not below.closure:
            return False  # somebody else changed it
        self.below = beneath
        if beneath.code is below.code and beneath.closure is below.closure and beneath.face is below.face:
            return False
        face = face_of(original)
        new_face = face if beneath.face is below.face or beneath.face is None else copied(beneath.face)
        before = State(below.code, below.closure, face)
        try:
            install(original, before, State(beneath.code, beneath.closure, new_face))
        except BaseException:
            self.below = below
            raise
        return True

    def __call__(self, state: State) -> State:
        if self.replacement is self.original:  # an identity decorator's
            return state
        own = _own_cells(state)
        if self.state is None:
            return self._trampoline(self.replacement)
        closure = self._closure(own)
        if self.bridge is None:
            if closure and state.closure and len(closure) == len(state.closure):
                same = all(new is old for new, old in zip(closure, state.closure))
                closure = state.closure if same else closure  # nothing to exchange
            return State(self.state.code, closure, self.state.face)
        if closure is self.state.closure:
            return self._trampoline(self.replacement)
        return self._trampoline(remake(self.replacement, self.state.code, closure))

    def _closure(self, own: Mapping[str, CellType]) -> tuple[CellType, ...] | None:
        """The replacement's cells, with the target's where they are to be kept."""
        assert self.state is not None
        closure = self.state.closure
        if closure is None:
            return None
        names = self.state.code.co_freevars
        kept = tuple(
            own[name] if name in own and (self.cells == "keep" or name == "__class__") else cell
            for name, cell in zip(names, closure)
        )
        return closure if all(new is old for new, old in zip(kept, closure)) else kept

    def _trampoline(self, replacement: Callable[..., Any]) -> State:
        code, face = trampoline(self.target, replacement, self.bridge or "return")
        return State(code, (CellType(replacement),), face)


def _own_cells(state: State) -> dict[str, CellType]:
    """The cells that a state's function is seen to have: those of the function that it only passes on to."""
    state = state.public
    while state.code.co_freevars == (FORWARDED,) and state.closure:
        inside = state.closure[0].cell_contents
        if type(inside) is not FunctionType:
            return {}
        state = state_of(inside)
    return state.cells()


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

    __slots__ = ("_codes", "_original")

    def __init__(self, verb: str, target: FunctionType, edit: SwapEdit, original: FunctionType) -> None:
        self._original = original
        code, shown = original.__code__, beneath(target).code  # with names overridden, and without
        self._codes: tuple[CodeType, ...] = (code,) if code is shown else (code, shown)
        super().__init__(
            verb, target, (FunctionLayer(target, edit),), (name_of(edit.replacement),), stays=True
        )

    @property
    def original(self) -> FunctionType:
        """A function that does what the target did, sharing its cells; other layers come and go there, too."""
        return self._original

    @property
    def running(self) -> list[Any]:
        """The frames, generators and coroutines that finish with the old code, as of now."""
        return [found for code in self._codes for found in running(code)]


@public
def swap(target: Any, replacement: Callable[..., Any], /, *, cells: str = "keep") -> Swap:
    """`target`, the same object, now does what `replacement` does, whatever their free variables.

    Code, closure, defaults, annotations, doc and attributes are the replacement's; name, qualified name and module
    stay. What is no plain function, or lives in another module's globals, is called through a trampoline with its
    signature. The target keeps its kind: a coroutine function stays one.

    Args:
        target: a function, or what stands for one (a bound method: the class's function, for all instances).
        replacement: any callable.
        cells: which cell a free variable of both has: `"keep"`, the target's (its state survives), or `"take"`, the
            replacement's. `__class__` stays the target's.

    Returns:
        A `Change` that is active already, with `original` and `running`.

    Raises:
        TypeError: no Python function as target, no callable as replacement, or kinds that cannot be bridged.
        ScopeError: the replacement would call the target, that is itself; see `wrap`.
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
    if cells not in ("keep", "take"):
        msg = f"cells must be 'keep' (the target's) or 'take' (the replacement's), not {cells!r}"
        raise ValueError(msg)
    original = _original(function)
    edit = swap_edit(function, replacement, cells, "swap", BRIDGES, original)
    return Swap("swap", function, edit, original)


@public
def wrap(target: Any, decorator: Callable[[Any], Any], /) -> Swap:
    """Decorates a function in place: every reference to it now runs what the decorator returned.

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
    original = _original(function)
    decorated = decorator(original)
    if not callable(decorated):
        msg = f"wrap needs a decorator that returns a callable, and {short(decorator)} returned {short(decorated)}"
        raise TypeError(msg)
    edit = swap_edit(function, decorated, "take", "wrap", DECORATED, original)
    return Swap("wrap", function, edit, original)


def _original(function: FunctionType) -> FunctionType:
    state = in_force(function)
    return remake(function, state.code, state.closure)


def swap_edit(
    target: FunctionType,
    replacement: Any,
    cells: str,
    verb: str,
    bridges: Mapping[tuple[str, str], str],
    original: FunctionType | None = None,
) -> SwapEdit:
    """The edit that makes `target` do what a replacement does. Everything is checked here; nothing changes."""
    if isinstance(replacement, (staticmethod, classmethod)):
        replacement = replacement.__func__
    if not callable(replacement):
        msg = f"{verb} needs a callable as the replacement of {short(target)}, not {short(replacement)}"
        raise TypeError(msg)
    through = _leads_to(replacement, target)
    if through is not None:
        msg = (
            f"{short(replacement)} would call {short(target)} itself, in a circle: it holds it {through}; "
            "to put something around a function use wrap(target, decorator), which hands over the original"
        )
        raise ScopeError(msg, name=target.__name__, names=(target.__name__,), target=short(target))
    kinds = (kind_of(target), kind_of(replacement))
    how = bridges.get(kinds)
    if how is None:
        able = " or ".join(sorted({other for kind, other in bridges if kind == kinds[0]}))
        msg = (
            f"{short(target)} ({kinds[0]} function) keeps its kind, and {short(replacement)} ({kinds[1]} function) "
            f"cannot stand in for it; what can: {able}"
        )
        raise TypeError(msg)
    direct = (
        type(replacement) is FunctionType
        and kinds[0] == kinds[1]
        and replacement.__globals__ is target.__globals__
        and getattr(replacement, "__builtins__", None) is getattr(target, "__builtins__", None)
    )
    return SwapEdit(target, replacement, None if direct else how, cells, original)


def _leads_to(replacement: Any, target: FunctionType) -> str | None:
    """Where a replacement holds the target, so that calling it would call itself; None where it does not."""
    own = holder_beneath(target)[1].cells()
    seen: set[int] = set()
    waiting: list[tuple[Any, str]] = [(replacement, "as itself")]
    while waiting:
        obj, where = waiting.pop()
        if obj is target:
            return where
        if id(obj) in seen:
            continue
        seen.add(id(obj))
        waiting.extend(_called_by(obj, own, where))
    return None


def _called_by(obj: Any, own: Mapping[str, CellType], where: str) -> Iterator[tuple[Any, str]]:
    inside: Any = obj
    if type(obj) is MethodType:
        yield obj.__func__, "as a bound method"
    elif functools.partial in type(inside).__mro__:
        yield inside.func, "in a partial"
        for argument in (*inside.args, *inside.keywords.values()):
            if type(argument) in (FunctionType, MethodType):
                yield argument, "in a partial"
    wrapped = getattr(inside, "__dict__", {}).get("__wrapped__") if not isinstance(inside, type) else None
    if wrapped is not None:
        yield wrapped, "as `__wrapped__`"
    if type(obj) is not FunctionType or where.startswith("in the cell"):
        return
    for name, cell in zip(obj.__code__.co_freevars, obj.__closure__ or ()):
        if name in own:  # recursion: the target calls itself by this variable, too
            continue
        contents = contents_of(cell)
        if {FunctionType, MethodType, functools.partial} & {*type(contents).__mro__}:
            yield contents, f"in the cell of `{name}`"
