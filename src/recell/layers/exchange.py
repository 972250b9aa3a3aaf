"""The safe exchange of what a function runs: code, closure, defaults, and the attributes that go with them.

A function's code and closure must fit each other at every instant: other threads, garbage collection and audit
hooks may call it between any two steps. Only the code changed: one store. Only the closure, at the same length: one
`PyFunction_SetClosure`. Everything else goes through the release's `exchange` (compat), which nobody can see half done.
"""

from __future__ import annotations

import sys
from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from recell import compat
from recell.errors import ClosureMismatchError, UnsupportedPythonError, listed, short
from recell.functions.annotations import HAS_ANNOTATE, evaluated_annotations
from recell.functions.building import HAS_TYPE_PARAMS

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "GIL",
    "WITH_GIL",
    "Face",
    "State",
    "closure_setter",
    "face_of",
    "install",
    "needs_no_other_threads",
    "state_of",
]


class Face(NamedTuple):
    """What a function shows and is called with, besides code and closure: the very objects."""

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
    """What a function is, as far as recell exchanges it. The face is None where nothing of it was touched."""

    __slots__ = ("closure", "code", "face", "kept")

    closure: tuple[CellType, ...] | None
    code: CodeType
    face: Face | None

    def __init__(
        self, code: CodeType, closure: tuple[CellType, ...] | None, face: Face | None = None
    ) -> None:
        self.code = code
        self.closure = closure
        self.face = face
        self.kept: tuple[Any, ...] | None = None  # what the release's exchange needs to come here again

    @property
    def public(self) -> State:
        """The state without what belongs to this function alone (overridden names)."""
        return self

    def cells(self) -> dict[str, CellType]:
        """The free variables and their cells."""
        return dict(zip(self.code.co_freevars, self.closure or ()))


def state_of(func: FunctionType) -> State:
    """The code and closure that a function has now."""
    return State(func.__code__, func.__closure__)


def face_of(func: FunctionType) -> Face:
    """Everything else of a function, without evaluating annotations that are not."""
    annotate = func.__annotate__ if HAS_ANNOTATE else None  # type: ignore[attr-defined]
    return Face(
        func.__defaults__,
        func.__kwdefaults__,
        evaluated_annotations(func) if HAS_ANNOTATE else func.__annotations__,
        annotate,
        func.__doc__,
        func.__dict__,
        func.__type_params__ if HAS_TYPE_PARAMS else (),
    )


def install(func: FunctionType, before: State, after: State) -> None:
    """Takes a function from one state to another; when anything raises, it is as it was.

    Raises:
        UnsupportedPythonError: it cannot be done safely here; nothing has changed.
    """
    code, closure = after.code, after.closure
    old_face, new_face = before.face, after.face
    if new_face is old_face:
        needs_no_other_threads("setting a function's code or closure")
        if closure is before.closure:
            if code is not before.code:
                func.__code__ = code
            return
        if code is before.code and closure and before.closure and len(closure) == len(before.closure):
            (_set_closure or closure_setter())(func, closure)
            return
        defaults, kwdefaults = func.__defaults__, func.__kwdefaults__
        old = before.code, before.closure, defaults, kwdefaults
        _exchange(func, old, (code, closure, defaults, kwdefaults), after)
        return
    assert old_face is not None  # a stack knows the faces of all its states, or of none
    assert new_face is not None
    old = (before.code, before.closure, old_face.defaults, old_face.kwdefaults)
    new = (code, closure, new_face.defaults, new_face.kwdefaults)
    if old[0] is not new[0] or old[1] is not new[1] or old[2] is not new[2] or old[3] is not new[3]:
        needs_no_other_threads("exchanging a function's code and closure")
        _exchange(func, old, new, after)
    try:
        _put_face(func, old_face, new_face)
    except BaseException:
        try:
            _put_face(func, new_face, old_face)
        finally:
            _exchange(func, new, old, before)
        raise


def _exchange(func: FunctionType, old: tuple[Any, ...], new: tuple[Any, ...], after: State) -> None:
    """Code, closure, defaults and keyword defaults at once."""
    code, closure = new[0], new[1]
    if len(code.co_freevars) != len(closure or ()):
        names = code.co_freevars
        msg = f"{short(func)} cannot run code with the free variables {listed(names)} on {len(closure or ())} cells"
        raise ClosureMismatchError(
            msg, before=old[0].co_freevars, after=names, missing=(), target=short(func)
        )
    release = compat.require("exchanging a function's code and closure at once")
    set_closure = None if closure is old[1] else _set_closure or closure_setter()
    after.kept = release.exchange(func, old, new, set_closure, after.kept)


def _put_face(func: FunctionType, old: Face, new: Face) -> None:
    if new.annotate is not old.annotate or new.annotations is not old.annotations:
        _put_annotations(func, new)
    if new.doc is not old.doc:
        func.__doc__ = new.doc
    if new.attributes is not old.attributes:
        func.__dict__ = new.attributes
    if new.type_params is not old.type_params:  # before 3.12 both are ()
        func.__type_params__ = new.type_params


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


def closure_setter() -> Callable[[FunctionType, tuple[CellType, ...] | None], object]:
    """CPython's `PyFunction_SetClosure`, which checks nothing but that it gets a tuple or None."""
    global _set_closure  # noqa: PLW0603 - loaded on first need
    if _set_closure is None:
        try:
            from ctypes import PYFUNCTYPE, c_int, py_object, pythonapi

            _set_closure = PYFUNCTYPE(c_int, py_object, py_object)(("PyFunction_SetClosure", pythonapi))
        except (ImportError, AttributeError) as error:
            msg = f"exchanging a function's closure needs ctypes and CPython's PyFunction_SetClosure: {error}"
            raise UnsupportedPythonError(msg, feature="closure exchange", version=compat.version()) from error
    return _set_closure


_sys = vars(sys)
# None before 3.13; a GIL that is on stays on
WITH_GIL: Any = _sys.get("_is_gil_enabled") if getattr(sys, "_is_gil_enabled", bool)() else None


class _AlwaysGil:
    _is_gil_enabled = None


# where `_is_gil_enabled` is to be compared with WITH_GIL
GIL: Any = sys if "_is_gil_enabled" in _sys else _AlwaysGil


def needs_no_other_threads(what: str) -> None:
    """Refuses where the GIL is off and other threads run: a store to a function races with their calls (gh-145272)."""
    enabled: Any = _sys.get("_is_gil_enabled")
    if enabled is WITH_GIL or enabled():
        return
    import _thread

    if _thread._count() > 0:
        msg = (
            f"{what} while other threads run is unsafe where the GIL is off (CPython issue 145272); "
            "stop them first, or use patch_closure, which is safe"
        )
        raise UnsupportedPythonError(msg, feature=what, version=compat.version())
