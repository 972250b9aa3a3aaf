"""The safe exchange of what a function runs: code, closure, defaults, and the attributes that go with them.

A function's code and closure must fit each other at every instant: other threads, garbage collection and audit
hooks may call it between any two steps. Only the code changed: one store. Only the closure, at the same length: one
`PyFunction_SetClosure`. Everything else goes through the release's `exchange` (compat), which nobody can see half
done. What that allocates is made ahead, by `prepare`, for the way in and for the way back.
"""

from __future__ import annotations

import sys
from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from recell import compat
from recell.code.guarded import sink_of
from recell.errors import ClosureMismatchError, UnsupportedPythonError, listed, short
from recell.functions.annotations import HAS_ANNOTATE, evaluated_annotations
from recell.functions.building import HAS_TYPE_PARAMS

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "CODE",
    "DEFAULTS",
    "FACE",
    "NO_GIL",
    "UNSEEN",
    "Face",
    "State",
    "closure_setter",
    "defaults_of",
    "face_of",
    "found_state",
    "install",
    "needs_no_other_threads",
    "new_face",
    "new_state",
    "prepare",
    "put_face",
    "state_of",
]


CODE, DEFAULTS, FACE = 0, 1, 2
"""How much of a function is changed: code and closure; the defaults too; everything that it shows."""


class _Unseen:
    """The type of `UNSEEN`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<unseen>"


UNSEEN: Any = _Unseen()
"""In a face: nobody has looked at this attribute, and it stays as it is."""


class Face(NamedTuple):
    """The very objects that a function shows and is called with, besides code and closure."""

    defaults: tuple[Any, ...] | None
    kwdefaults: dict[str, Any] | None
    annotations: dict[str, Any] | None
    """None where none were evaluated yet (3.14+)."""
    annotate: Any
    """`__annotate__`; None before 3.14."""
    doc: Any
    attributes: dict[str, Any]
    type_params: tuple[Any, ...]


class State:
    """The parts of a function that recell exchanges. The face is None where nothing of it is changed."""

    __slots__ = ("closure", "code", "face", "kept", "ready")

    closure: tuple[CellType, ...] | None
    code: CodeType
    face: Face | None
    kept: Any
    """Parts that the release's exchange needs to come here, from the state that it came from last."""
    ready: State
    """The state beneath with which all is made ahead for exchanges there and back; unset where there is none."""
    given: Any = None
    """Overridden names and their values."""

    @property
    def public(self) -> State:
        """The state without what belongs to this function alone (overridden names)."""
        return self

    def shown_as(self, face: Face) -> State:
        """Return the same with another face."""
        return new_state(self.code, self.closure, face)

    def cells(self) -> dict[str, CellType]:
        """Return the free variables and their cells."""
        return dict(zip(self.code.co_freevars, self.closure or ()))


def new_state(code: CodeType, closure: tuple[CellType, ...] | None, face: Face | None) -> State:
    """Return a state."""
    state = State()  # without an `__init__`, which would cost more than the rest
    state.code = code
    state.closure = closure
    state.face = face
    state.kept = None
    return state


_new: Any = tuple.__new__  # a third of what calling a NamedTuple costs


def new_face(parts: tuple[Any, ...]) -> Face:
    """Return a face of its seven parts."""
    face: Face = _new(Face, parts)
    return face


def state_of(func: FunctionType) -> State:
    """Return the code and closure that a function has now; behind a guard, where there is one."""
    sink = sink_of(func)
    state: State = new_state(func.__code__, func.__closure__, None) if sink is None else sink.top(func)
    return state


def defaults_of(func: FunctionType) -> Face:
    """Return a face of which only the defaults were looked at."""
    return new_face((func.__defaults__, func.__kwdefaults__, UNSEEN, UNSEEN, UNSEEN, UNSEEN, UNSEEN))


def face_of(func: FunctionType) -> Face:
    """Return everything else of a function, without evaluating annotations that are not."""
    annotate = func.__annotate__ if HAS_ANNOTATE else None  # type: ignore[attr-defined]
    annotations = func.__annotations__ if annotate is None else evaluated_annotations(func)
    parameters = func.__type_params__ if HAS_TYPE_PARAMS else ()
    defaults, kwdefaults = func.__defaults__, func.__kwdefaults__
    return new_face((defaults, kwdefaults, annotations, annotate, func.__doc__, func.__dict__, parameters))


def found_state(func: FunctionType, known: Face | None) -> State:
    """Return what an interruption left behind in a function.

    Args:
        func: the function.
        known: a face that says which attributes are looked at; they count as unlike any other.
    """
    face = None
    if known is not None:
        others: Any = [value if value is UNSEEN else object() for value in known[2:]]
        face = Face(func.__defaults__, func.__kwdefaults__, *others)
    return new_state(func.__code__, func.__closure__, face)


_STORE, _CELLS, _DEFAULTS, _ALL = range(4)


def _parts(func: FunctionType, before: State, after: State) -> tuple[Any, Any, int]:
    """Code, closure and defaults of two states, and which way leads from one to the other."""
    face, old_face = after.face, before.face
    if face is old_face or face is None or old_face is None:
        defaults, kwdefaults = old_defaults, old_kwdefaults = func.__defaults__, func.__kwdefaults__
    else:
        old_defaults, old_kwdefaults = old_face[0], old_face[1]
        defaults, kwdefaults = face[0], face[1]
    code, closure, old_code, old_closure = after.code, after.closure, before.code, before.closure
    old, new = (
        (old_code, old_closure, old_defaults, old_kwdefaults),
        (code, closure, defaults, kwdefaults),
    )
    if defaults is old_defaults and kwdefaults is old_kwdefaults:
        if closure is old_closure:
            return old, new, _STORE
        if code is old_code and closure and old_closure and len(closure) == len(old_closure):
            return old, new, _CELLS
    elif code is old_code and closure is old_closure:
        return old, new, _DEFAULTS
    return old, new, _ALL


def prepare(func: FunctionType, limbos: dict[Any, Any], one: State, other: State) -> None:
    """Make ahead what the exchange of two states, there and back, allocates; the states keep it.

    Args:
        func: the function.
        limbos: what was made for earlier exchanges of this function.
        one: the state that it will have then.
        other: the state that it is to have.

    Raises:
        ClosureMismatchError: the code of a state has not as many free variables as its closure has cells.
        UnsupportedPythonError: this release is not known, or lacks what is needed.
    """
    closure, old_closure, code = other.closure, one.closure, other.code
    if closure is old_closure:
        if code is one.code or other.face is one.face:
            return
        set_closure = None
    else:
        set_closure = _set_closure or closure_setter()
        if code is one.code and other.face is one.face and closure and old_closure:
            if len(closure) == len(old_closure):
                other.ready = one
                return
    before, after, way = _parts(func, one, other)
    if way is not _ALL:
        other.ready = one
        return
    if len(code.co_freevars) != len(closure or ()):
        names = code.co_freevars
        msg = f"{short(func)} cannot run code with the free variables {listed(names)} on {len(closure or ())} cells"
        raise ClosureMismatchError(
            msg, before=one.code.co_freevars, after=names, missing=(), target=short(func)
        )
    release = compat.find() or compat.require("exchanging a function's code and closure at once")
    other.kept = release.prepare(func, before, after, set_closure, other.kept, limbos)
    one.kept = release.prepare(func, after, before, set_closure, one.kept, limbos)
    other.ready = one


def install(func: FunctionType, limbos: dict[Any, Any], before: State, after: State) -> None:
    """Take a function from one state to another; when anything raises, it is as it was.

    Raises:
        UnsupportedPythonError: it cannot be done safely here; nothing has changed.
    """
    if NO_GIL:
        needs_no_other_threads("exchanging a function's code and closure")
    try:
        face, old_face = after.face, before.face
        if face is old_face or face is None or old_face is None:
            closure, old_closure = after.closure, before.closure
            if after.code is before.code and closure and old_closure and len(closure) == len(old_closure):
                (_set_closure or closure_setter())(func, closure)
            else:
                _exchange(func, limbos, before, after)
            return
        _exchange(func, limbos, before, after)
        try:
            put_face(func, old_face, face)
        except BaseException:
            try:
                put_face(func, face, old_face)
            finally:
                _exchange(func, limbos, after, before)
            raise
    except _exhausted as error:  # the function is as it was
        msg = str(error)
        raise (MemoryError if "MemoryError" in msg else RecursionError)(msg) from None


def _exchange(func: FunctionType, limbos: dict[Any, Any], before: State, after: State) -> None:
    """Exchange code, closure, defaults and keyword defaults."""
    old, new, way = _parts(func, before, after)
    if way is _ALL:
        set_closure = None if new[1] is old[1] else _set_closure or closure_setter()
        release = compat.find() or compat.require("exchange")
        # what was prepared may have been for coming from elsewhere
        kept = after.kept = release.prepare(func, old, new, set_closure, after.kept, limbos)
        release.exchange(func, old, new, set_closure, kept)
    elif way is _CELLS:
        (_set_closure or closure_setter())(func, new[1])
    elif way is _DEFAULTS:
        try:
            if new[2] is not old[2]:
                func.__defaults__ = new[2]
            if new[3] is not old[3]:
                func.__kwdefaults__ = new[3]
        except BaseException:
            func.__defaults__ = old[2]
            func.__kwdefaults__ = old[3]
            raise
    elif new[0] is not old[0]:
        func.__code__ = new[0]


def put_face(func: FunctionType, old: Face, new: Face) -> None:
    """Put what a function shows, defaults excepted, where it is another."""
    if new[5] is UNSEEN:
        return
    if new[3] is not old[3] or new[2] is not old[2]:
        _put_annotations(func, new)
    if new[4] is not old[4]:
        func.__doc__ = new[4]
    if new[5] is not old[5]:
        func.__dict__ = new[5]
    if new[6] is not old[6] and HAS_TYPE_PARAMS:
        func.__type_params__ = new[6]


def _put_annotations(func: FunctionType, face: Face) -> None:
    """Setting either of the two drops the other (3.14+), so evaluated annotations come back equal, not identical."""
    if face.annotate is None:
        func.__annotations__ = face.annotations  # type: ignore[assignment]
        return
    func.__annotate__ = face.annotate  # type: ignore[attr-defined]
    if face.annotations is None:
        return
    try:
        fresh = func.__annotations__
    except Exception:  # noqa: BLE001 - an annotation may raise anything; they stay lazy then
        return
    if fresh is not face.annotations:  # not compared: what annotations hold may refuse
        fresh.clear()
        fresh.update(face.annotations)


_set_closure: Callable[[FunctionType, tuple[CellType, ...] | None], object] | None = None
_exhausted: tuple[type[BaseException], ...] = ()
"""ctypes' error, once it is loaded: it hides that the stack or the memory came to its end in a call of the setter."""


def closure_setter() -> Callable[[FunctionType, tuple[CellType, ...] | None], object]:
    """Return CPython's `PyFunction_SetClosure`, which checks nothing but that it gets a tuple or None."""
    global _set_closure, _exhausted  # noqa: PLW0603 - loaded on first need
    if _set_closure is None:
        try:
            from ctypes import PYFUNCTYPE, ArgumentError, c_int, py_object, pythonapi

            _exhausted = (ArgumentError,)
            _set_closure = PYFUNCTYPE(c_int, py_object, py_object)(("PyFunction_SetClosure", pythonapi))
        except (ImportError, AttributeError) as error:
            msg = f"exchanging a function's closure needs ctypes and CPython's PyFunction_SetClosure: {error}"
            raise UnsupportedPythonError(msg, feature="closure exchange", version=compat.version()) from error
    return _set_closure


def _without_gil() -> bool:
    enabled: Any = getattr(sys, "_is_gil_enabled", None)  # None before 3.13
    return enabled is not None and not enabled()


NO_GIL = _without_gil()
"""True without the GIL. One that is on when recell is imported stays on."""


def needs_no_other_threads(what: str) -> None:
    """Refuse where there is no GIL and other threads run: a store to a function races with their calls (gh-145272).

    Raises:
        UnsupportedPythonError: it would be unsafe.
    """
    if not NO_GIL or not _without_gil():
        return
    import _thread

    if _thread._count() > 0:
        msg = (
            f"{what} while other threads run is unsafe without the GIL (CPython issue 145272); "
            "stop them first, or use patch_closure, which is safe"
        )
        raise UnsupportedPythonError(msg, feature=what, version=compat.version())
