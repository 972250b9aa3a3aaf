"""`swap` and `wrap`: another function's behaviour in place, under the same identity."""

from __future__ import annotations

import functools
from types import CellType, CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any
from weakref import ref

from recell.callables import function_of
from recell.cells import FORWARDED, contents_of
from recell.errors import ScopeError, short
from recell.frames import running
from recell.functions.building import remake
from recell.layers.changes import MADE, Change, locked, name_of
from recell.layers.edits import FACE, Edit
from recell.layers.exchange import State, face_of, install, new_state, put_face, state_of
from recell.layers.records import in_force, record_of
from recell.patching.closures import holder_beneath
from recell.patching.trampolines import BRIDGES, DECORATED, copied, kind_of, trampoline
from recell.public import public

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from recell.layers.exchange import Face

__all__ = ["Swap", "SwapEdit", "swap", "swap_edit", "wrap"]


class SwapEdit(Edit):
    """A replacement, as it was when the swap was asked for.

    Args:
        func: the function.
        replacement: what it is to do.
        bridge: how calls are passed on to it; None where its code takes over.
        cells: whose cells free variables of both have.
        original: what is to do what lies beneath.
    """

    __slots__ = ("below", "bridge", "cells", "follows", "original", "replacement", "state")
    touches = FACE

    below: State | None
    """What `original` does now."""
    bridge: str | None
    cells: str
    follows: bool
    replacement: Any
    state: State | None

    def __init__(
        self,
        func: FunctionType,
        replacement: Any,
        bridge: str | None,
        cells: str,
        original: FunctionType | None = None,
    ) -> None:
        record = self.record = record_of(func)
        self.func: FunctionType = func
        self.stack = record.idle
        self.replacement = replacement
        self.bridge = bridge
        self.cells = cells
        self.original: FunctionType | None = original
        self.follows = original is not None
        self.below = None
        # a replacement swapped itself later on does not change this one
        self.state = None
        if type(replacement) is FunctionType:
            face = copied(face_of(replacement))
            self.state = new_state(replacement.__code__, replacement.__closure__, face)

    def __call__(self, state: State) -> State:
        replacement, own = self.replacement, self.state
        if replacement is self.original:  # an identity decorator's
            return state
        if own is None:
            code, face = trampoline(self.func, replacement, self.bridge or "return")
            return new_state(code, (CellType(replacement),), face)
        closure = own.closure
        if closure is not None:
            closure = self._closure(_own_cells(state), closure)
        if self.bridge is None:
            below = state.closure
            if closure and below and len(closure) == len(below):
                for new, old in zip(closure, below):
                    if new is not old:
                        break
                else:
                    closure = below  # nothing to exchange
            return new_state(own.code, closure, own.face)
        if closure is not own.closure:
            replacement = remake(replacement, own.code, closure)
        code, face = self._bridged(replacement, self.bridge)
        return new_state(code, (CellType(replacement),), face)

    def _bridged(self, replacement: FunctionType, bridge: str) -> tuple[CodeType, Face]:
        """Return the code that passes on; one is kept for each code of a replacement."""
        bridges, code = self.record.bridges, replacement.__code__
        known = bridges.get(id(code))
        if known is not None and known[0]() is code and known[1] == bridge:
            assert self.state is not None
            assert self.state.face is not None
            return known[2], self.state.face
        made, face = trampoline(self.func, replacement, bridge)
        if len(bridges) > 15:
            bridges.clear()
        bridges[id(code)] = ref(code), bridge, made
        return made, face

    def _closure(self, own: Mapping[str, CellType], closure: tuple[CellType, ...]) -> tuple[CellType, ...]:
        """Return the replacement's cells, with the target's where they are to be kept."""
        assert self.state is not None
        names = self.state.code.co_freevars
        kept = tuple(
            [
                own[name] if name in own and (self.cells == "keep" or name == "__class__") else cell
                for name, cell in zip(names, closure)
            ]
        )
        return closure if all(new is old for new, old in zip(kept, closure)) else kept

    def follow(self, beneath: State) -> None:
        """Let `original` do what lies beneath, also when a layer there comes or goes."""
        original, below = self.original, self.below
        if original is None or beneath is below:
            return
        if below is None:
            below = new_state(original.__code__, original.__closure__, beneath.face)
        if original.__code__ is not below.code or original.__closure__ is not below.closure:
            return  # somebody else changed it
        if (
            beneath.code is not below.code
            or beneath.closure is not below.closure
            or beneath.face is not below.face
        ):
            face = face_of(original)
            new_face = face if beneath.face is below.face or beneath.face is None else copied(beneath.face)
            before = new_state(below.code, below.closure, face)
            install(original, self.record.limbos, before, new_state(beneath.code, beneath.closure, new_face))
        self.below = beneath

    def made_original(self) -> FunctionType:
        """Return a function that does what lies beneath; under the lock."""
        if self.original is not None:
            return self.original
        func, stack = self.func, self.stack
        layers, states = stack.now[:2] if stack is not None else ((), ())
        if self not in layers:
            return remake(func, in_force(func).code, in_force(func).closure)
        state = states[layers.index(self)]
        original = remake(func, state.code, state.closure)
        face = state.face
        assert face is not None
        face = copied(face)
        original.__defaults__, original.__kwdefaults__ = face.defaults, face.kwdefaults
        put_face(original, face_of(original), face)
        self.original, self.below = original, state
        self.follows = stack.follows = True  # type: ignore[union-attr]
        return original


def _own_cells(state: State) -> dict[str, CellType]:
    """Return the cells that a state's function is seen to have: those of the function that it only passes on to."""
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

    __slots__ = ("_codes", "_edit", "_original")

    def __init__(self, verb: str, edit: Any) -> None:
        func = edit.func
        self._verb = verb
        self._target = func
        self._names = ()
        self._entries = ()
        self._fresh = MADE
        self._edit = edit
        self._original: FunctionType | None = edit.original
        code = func.__code__  # with names overridden, and without
        self._codes = (code,) if edit.record.idle is not None else (code, in_force(func).public.code)
        self._layers = (edit,)
        self.__enter__()

    def _about(self) -> Iterable[str]:
        return (name_of(self._edit.replacement),)

    @property
    def original(self) -> FunctionType:
        """A function that does what the target did, sharing its cells; other layers come and go there, too."""
        original: FunctionType = self._original or locked(self._edit.made_original)
        self._original = original
        return original

    @property
    def running(self) -> list[Any]:
        """The frames, generators and coroutines that finish with the old code, as of now."""
        codes = {id(code): code for code in self._codes}
        return [found for code in codes.values() for found in running(code)]


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
    return Swap("swap", swap_edit(function, replacement, cells, "swap", BRIDGES))


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
    shown = in_force(function)
    original = remake(function, shown.code, shown.closure)
    decorated = decorator(original)
    if not callable(decorated):
        msg = f"wrap needs a decorator that returns a callable, and {short(decorator)} returned {short(decorated)}"
        raise TypeError(msg)
    return Swap("wrap", swap_edit(function, decorated, "take", "wrap", DECORATED, original))


def swap_edit(
    target: FunctionType,
    replacement: Any,
    cells: str,
    verb: str,
    bridges: Mapping[tuple[str, str], str],
    original: FunctionType | None = None,
    kind: type[SwapEdit] = SwapEdit,
) -> SwapEdit:
    """Return the edit that makes `target` do what a replacement does. Everything is checked here; nothing changes."""
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
    return kind(target, replacement, None if direct else how, cells, original)


def _leads_to(replacement: Any, target: FunctionType) -> str | None:
    """Return where a replacement holds the target, so that calling it would call itself; None where it does not."""
    if _is_simple(replacement, target):
        return None
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


def _is_simple(replacement: Any, target: FunctionType) -> bool:
    """Return whether it is a function that holds plain functions at most, and not the target, as most are."""
    if type(replacement) is not FunctionType or replacement is target or replacement.__dict__:
        return False
    for cell in replacement.__closure__ or ():
        inside = contents_of(cell)
        if callable(inside) and (type(inside) is not FunctionType or inside is target or inside.__dict__):
            return False
    return True


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
