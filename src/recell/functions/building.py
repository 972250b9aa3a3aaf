"""Functions built from parts, and copied with everything that CPython keeps on them.

`types.FunctionType` alone loses most of a function, and on 3.13+ what it makes is never call-specialised. Here is
the one place that makes function objects; the verbs in `functions`, `scopes`, `nested` and `patching` stand on it.
"""

from __future__ import annotations

import sys
from functools import partial
from gc import get_referents
from types import CellType, CodeType, FunctionType

from recell import compat
from recell.code.guarded import EVER, behind
from recell.errors import BuiltinsMismatchError, listed, short
from recell.functions.annotations import HAS_ANNOTATE, evaluated_annotations, evaluates_to, set_annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

__all__ = ["HAS_TYPE_PARAMS", "KEEP", "build", "copy_with", "own_version", "remake", "respecialised"]


class _Keep:
    """The type of `KEEP`, which stands for whatever the function has now."""

    def __repr__(self) -> str:
        return "<kept>"


KEEP: Any = _Keep()

# What a release's functions have is asked of the type itself: no opcode fact is needed for it.
HAS_TYPE_PARAMS = "__type_params__" in vars(FunctionType)
# (mypy's cache forgets attributes of this name, so a warm and a cold run of it see different types)
_HAS_BUILTINS = "__builtins__" in vars(FunctionType)


def _factories() -> list[Any]:
    """The factories of this release, by the bits of the attributes that they set; empty where none is needed.

    The bits are MAKE_FUNCTION's (Include/internal/pycore_opcode_utils.h): defaults 1, keyword defaults 2,
    annotations 4, closure 8, `__annotate__` 16. Assigning defaults later would cost the specialisation.
    """
    release = compat.find()
    if release is None or release.function_factory is None:
        return []
    return [release.function_factory(bits) for bits in range(32)]


_FACTORIES = _factories()


def build(
    code: CodeType,
    globals: dict[str, Any],
    name: str,
    defaults: tuple[Any, ...] | None,
    closure: tuple[CellType, ...] | None,
    kwdefaults: dict[str, Any] | None = None,
    annotations: dict[str, Any] | None = None,
    annotate: object = None,
    make: Callable[..., Any] = FunctionType,
) -> FunctionType:
    """A function from its parts, called as fast as the compiler's own.

    The closure must fit the code: nothing here checks it, and one that does not fit crashes the interpreter.
    `kwdefaults` and `annotations` must be plain dicts; they are not copied. `make` is what calls `FunctionType`.
    """
    # a subclass of tuple is fine for a function, and not for SET_FUNCTION_ATTRIBUTE
    if not _FACTORIES or (defaults is not None and type(defaults) is not tuple):
        new: FunctionType = make(code, globals, name, defaults, closure)
        if kwdefaults is not None:
            new.__kwdefaults__ = kwdefaults
        if annotate is not None:
            set_annotations(new, annotations, annotate)
        elif annotations is not None:
            new.__annotations__ = annotations
        return new
    bits = 0 if defaults is None else 1
    if kwdefaults is not None:
        bits += 2
    if annotations is not None:
        bits += 4
    if closure is not None:
        bits += 8
    if annotate is not None:
        bits += 16
    new = make(_FACTORIES[bits], globals)(code, defaults, kwdefaults, annotations, closure, annotate)
    if code.co_name is not name:
        new.__name__ = name
    return new


def remake(
    func: FunctionType,
    code: CodeType | None = None,
    closure: tuple[CellType, ...] | None = None,
    globals: dict[str, Any] | None = None,
    rebound: Mapping[int, CellType] | None = None,
) -> FunctionType:
    """The same function with another code, closure or globals, and everything else carried over completely.

    Args:
        func: the function to copy; it is not touched.
        code: another code object; its free variables must fit `closure`.
        closure: another closure; without it the function's own, or none where a `code` given has no free variables.
        globals: another globals dict; builtins follow it where it has some, and the function where not.
        rebound: id of a cell -> the cell that takes its place in the closure of `__annotate__` (3.14+), where
            more cells change than those that `closure` exchanges under the same name.

    Raises:
        BuiltinsMismatchError: the function keeps builtins (3.10+) that its globals no longer hold.
    """
    own, own_closure = func.__code__, func.__closure__  # in one go: they fit each other
    if EVER:
        own = behind(own)
    if code is None:
        code = own
    if closure is None and (code is own or code.co_freevars):
        closure = own_closure
    if globals is None:
        globals = func.__globals__
    elif code is own and globals is not func.__globals__:
        code = own_version(code)
    if len(closure or ()) != len(code.co_freevars):
        names = listed(code.co_freevars)
        msg = f"{short(func)}: a closure of {len(closure or ())} cells does not fit {code!r} with {names}"
        raise ValueError(msg)
    return copy_with(func, code, closure, globals, rebound)


def respecialised(func: FunctionType) -> FunctionType:
    """The function, or a copy of it where calls are not specialised after defaults were assigned (3.13+)."""
    return remake(func) if _FACTORIES else func


def own_version(code: CodeType) -> CodeType:
    """The code itself, or, where a just-in-time compiler runs, an equal one: for a function with other globals.

    Functions that MAKE_FUNCTION made have their code's version, and those of one version must have the same globals:
    the compiler of 3.14 puts what it finds there into machine code (seen with PYTHON_JIT=1, and without recell too).
    """
    jit = getattr(sys, "_jit", None)
    return code.replace() if jit is not None and jit.is_enabled() else code


def _copy_typed(
    func: FunctionType,
    code: CodeType,
    closure: tuple[CellType, ...] | None,
    globals: dict[str, Any],
    rebound: Mapping[int, CellType] | None = None,
) -> FunctionType:
    """`copy_with` where `FunctionType` makes what MAKE_FUNCTION makes (before 3.13), and for what no factory takes."""
    new = FunctionType(code, globals, func.__name__, func.__defaults__, closure)
    kwdefaults = func.__kwdefaults__
    if kwdefaults is not None:
        new.__kwdefaults__ = {**kwdefaults}
    if not _HAS_BUILTINS:
        if "__builtins__" not in globals and "__builtins__" in func.__globals__:
            globals["__builtins__"] = func.__globals__["__builtins__"]  # before 3.10 each call looks there
    elif new.__builtins__ is not func.__builtins__:  # type: ignore[attr-defined, unused-ignore]
        new = _with_builtins(func, new)
    if HAS_ANNOTATE and func.__annotate__ is not None:  # type: ignore[attr-defined]
        annotations = evaluated_annotations(func)
        set_annotations(new, *_following(func, annotations, code, closure, globals, rebound))
    else:
        annotations = func.__annotations__
        if annotations:
            new.__annotations__ = {**annotations}
    # assigning costs no more than asking whether it is needed
    new.__qualname__ = func.__qualname__
    new.__module__ = func.__module__
    new.__doc__ = func.__doc__
    attributes = func.__dict__
    if attributes:
        new.__dict__ = {**attributes}
    if HAS_TYPE_PARAMS:
        type_params = func.__type_params__
        if type_params:
            new.__type_params__ = type_params
    return new


def _copy_made(
    func: FunctionType,
    code: CodeType,
    closure: tuple[CellType, ...] | None,
    globals: dict[str, Any],
    rebound: Mapping[int, CellType] | None = None,
) -> FunctionType:
    """`copy_with` where MAKE_FUNCTION makes a function that is called faster (3.13+): everything before it is made."""
    defaults, kwdefaults = func.__defaults__, func.__kwdefaults__
    if defaults is not None and type(defaults) is not tuple:
        return _copy_typed(func, code, closure, globals, rebound)
    annotations = annotate = type_params = None
    if HAS_ANNOTATE:
        annotate = func.__annotate__  # type: ignore[attr-defined]
    if annotate is None:
        annotations = func.__annotations__ or None
        type_params = func.__type_params__
    else:
        # `evaluated_annotations` in short: before `__annotate__` come they, or else the closure, or else the `__dict__`
        held = get_referents(func)
        before = held[-3]
        if held[-2] is not annotate or (
            before is not func.__closure__
            and issubclass(type(before), dict)
            and (before is not func.__dict__ or func.__closure__ is not None or before is held[-4])
        ):
            annotations = evaluated_annotations(func)
            type_params = func.__type_params__
        if type(annotate) is FunctionType and (
            annotate.__closure__ is not None or globals is not func.__globals__
        ):
            annotations, annotate = _following(func, annotations, code, closure, globals, rebound)
    bits = 0 if defaults is None else 1
    if kwdefaults is not None:
        kwdefaults = {**kwdefaults}
        bits += 2
    if closure is not None:
        bits += 8
    if annotations is not None:
        annotations = {**annotations}
        bits += 4 if annotate is None else 20
    new: FunctionType = FunctionType(_FACTORIES[bits], globals)(
        code, defaults, kwdefaults, annotations, closure, annotate
    )
    if new.__builtins__ is not func.__builtins__:  # type: ignore[attr-defined, unused-ignore]
        new = _with_builtins(func, new, annotations, annotate)
    if annotate is not None and annotations is None:
        new.__annotate__ = annotate  # type: ignore[attr-defined]
    name, qualname = func.__name__, func.__qualname__
    if code.co_name is not name:
        new.__name__ = name
    if code.co_qualname is not qualname:  # type: ignore[attr-defined, unused-ignore]
        new.__qualname__ = qualname
    # assigning costs no more than asking whether it is needed
    new.__module__ = func.__module__
    new.__doc__ = func.__doc__
    attributes = func.__dict__
    if attributes:
        new.__dict__ = {**attributes}
    if type_params:
        new.__type_params__ = type_params
    return new


copy_with: Callable[..., FunctionType] = _copy_made if _FACTORIES else _copy_typed
"""`remake` with every part named: kept short, because each nanosecond here is paid by every verb."""


def _with_builtins(
    func: FunctionType,
    new: FunctionType,
    annotations: dict[str, Any] | None = None,
    annotate: object = None,
) -> FunctionType:
    """`new`, made again under the builtins of `func` where its own globals do not say which.

    A function binds its builtins when it is made (3.10+): from its globals, or, where these have none, from the
    frame that runs (Python/ceval.c, `_PyEval_BuiltinsFromGlobals`).
    """
    globals = new.__globals__
    if "__builtins__" in globals:
        if globals is not func.__globals__:
            return new  # the globals that the caller gave say which
        msg = (
            f"{short(func)} was made with other builtins than its globals hold now, and a copy would get those; "
            "pass globals= with the builtins that it is to have"
        )
        raise BuiltinsMismatchError(msg, target=short(func))
    call = FunctionType(_call.__code__, {"__builtins__": func.__builtins__})  # type: ignore[attr-defined, unused-ignore]
    return build(
        new.__code__,
        globals,
        new.__name__,
        new.__defaults__,
        new.__closure__,
        new.__kwdefaults__,
        annotations,
        annotate,
        partial(call, FunctionType),
    )


def _call(function: Callable[..., Any], *values: object) -> Any:
    return function(*values)


def _following(
    func: FunctionType,
    annotations: dict[str, Any] | None,
    code: CodeType,
    closure: tuple[CellType, ...] | None,
    globals: dict[str, Any],
    rebound: Mapping[int, CellType] | None,
) -> tuple[dict[str, Any] | None, Any]:
    """Return the evaluated annotations and the `__annotate__` of a copy with this code, closure and globals (3.14+).

    The copy's `__annotate__` sees the cells and globals that the copy sees.
    """
    annotate: Any = func.__annotate__  # type: ignore[attr-defined]
    if type(annotate) is not FunctionType:
        return annotations, annotate
    own = annotate.__closure__ or ()
    replaced: dict[int, CellType] = {**(rebound or {})}
    before = dict(zip(func.__code__.co_freevars, func.__closure__ or ()))
    after = zip(code.co_freevars, closure or ())
    replaced.update((id(before[name]), cell) for name, cell in after if name in before)
    new_own = tuple(replaced.get(id(cell), cell) for cell in own)
    moved = globals is not func.__globals__ and annotate.__globals__ is func.__globals__
    if moved or any(there is not here for there, here in zip(new_own, own)):
        if annotations is not None and evaluates_to(annotate, annotations):
            annotations = None  # nobody changed them: the copy evaluates its own
        annotate = remake(annotate, closure=new_own or None, globals=globals if moved else None)
    return annotations, annotate
