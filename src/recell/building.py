"""Functions built from parts, and copied with everything that CPython keeps on them.

`types.FunctionType` alone loses most of a function, and on 3.13+ what it makes is never call-specialised. Here is
the one place that makes function objects; the verbs in `functions`, `scopes`, `nested` and `patching` stand on it.
"""

from __future__ import annotations

import sys
from gc import get_referents
from types import CellType, CodeType, FunctionType

from recell import compat
from recell.errors import BuiltinsMismatchError, listed, short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

__all__ = ["KEEP", "build", "copy_with", "own_version", "remake"]


class _Keep:
    """The type of `KEEP`, which stands for whatever the function has now."""

    def __repr__(self) -> str:
        return "<kept>"


KEEP: Any = _Keep()

# What a release's functions have is asked of the type itself: no opcode fact is needed for it.
_HAS_TYPE_PARAMS = "__type_params__" in vars(FunctionType)
_HAS_ANNOTATE = "__annotate__" in vars(FunctionType)
# (mypy's cache forgets attributes of this name, so a warm and a cold run of it see different types)
_HAS_BUILTINS = "__builtins__" in vars(FunctionType)

# MAKE_FUNCTION's attribute bits (Include/internal/pycore_opcode_utils.h), as `function_factory` takes them
_DEFAULTS, _KWDEFAULTS, _ANNOTATIONS, _CLOSURE, _ANNOTATE = 1, 2, 4, 8, 16


def _factories() -> list[Any]:
    """The factories of this release, by attribute bits; empty where `types.FunctionType` makes equal functions."""
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
) -> FunctionType:
    """A function from its parts, called as fast as the compiler's own.

    The closure must fit the code: nothing here checks it, and one that does not fit crashes the interpreter.
    `kwdefaults` must be a plain dict; it is not copied.
    """
    # a subclass of tuple is fine for a function, and not for SET_FUNCTION_ATTRIBUTE
    if not _FACTORIES or (defaults is not None and type(defaults) is not tuple):
        new: FunctionType = FunctionType(code, globals, name, defaults, closure)
        if kwdefaults is not None:
            new.__kwdefaults__ = kwdefaults
        return new
    # the factory is chosen by attribute bits; assigning an attribute later would cost the specialisation
    if closure is not None:
        if defaults is not None:
            if kwdefaults is not None:
                new = FunctionType(_FACTORIES[11], globals)(code, defaults, kwdefaults, closure)
            else:
                new = FunctionType(_FACTORIES[9], globals)(code, defaults, closure)
        elif kwdefaults is not None:
            new = FunctionType(_FACTORIES[10], globals)(code, kwdefaults, closure)
        else:
            new = FunctionType(_FACTORIES[8], globals)(code, closure)
    elif defaults is not None:
        if kwdefaults is not None:
            new = FunctionType(_FACTORIES[3], globals)(code, defaults, kwdefaults)
        else:
            new = FunctionType(_FACTORIES[1], globals)(code, defaults)
    elif kwdefaults is not None:
        new = FunctionType(_FACTORIES[2], globals)(code, kwdefaults)
    else:
        new = FunctionType(_FACTORIES[0], globals)(code)
    if code.co_name is not name:
        new.__name__ = name
    return new


def _assemble(
    like: FunctionType,
    builtins: dict[str, Any],
    annotations: dict[str, Any] | None = None,
    annotate: object = None,
) -> FunctionType:
    """A function with the parts of `like`, made in a frame with these builtins (3.10+)."""
    call = FunctionType(_call.__code__, {"__builtins__": builtins})
    name, globals = like.__name__, like.__globals__
    defaults = like.__defaults__
    if not _FACTORIES or (defaults is not None and type(defaults) is not tuple):
        new: FunctionType = call(FunctionType, like.__code__, globals, name, defaults, like.__closure__)
        new.__kwdefaults__ = like.__kwdefaults__
        if annotations is not None:
            _set_annotations(new, annotations, annotate)
        return new
    bits = 0
    values: list[object] = []
    for bit, value in (
        (_DEFAULTS, defaults),
        (_KWDEFAULTS, like.__kwdefaults__),
        (_ANNOTATIONS, annotations),
        (_CLOSURE, like.__closure__),
        (_ANNOTATE, annotate),
    ):
        if value is not None:
            bits |= bit
            values.append(value)
    new = call(FunctionType, _FACTORIES[bits], globals)(like.__code__, *values)
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
    own_code, own_closure = func.__code__, func.__closure__  # in one go: they fit each other
    if code is None:
        code = own_code
    if closure is None and (code is own_code or code.co_freevars):
        closure = own_closure
    if globals is None:
        globals = func.__globals__
    elif code is own_code and globals is not func.__globals__:
        code = own_version(code)
    if len(closure or ()) != len(code.co_freevars):
        names = listed(code.co_freevars)
        msg = f"{short(func)}: a closure of {len(closure or ())} cells does not fit {code!r} with {names}"
        raise ValueError(msg)
    return copy_with(func, code, closure, globals, rebound)


def own_version(code: CodeType) -> CodeType:
    """The code itself, or, where a just-in-time compiler runs, an equal one: for a function with other globals.

    Functions that MAKE_FUNCTION made have their code's version, and those of one version must have the same globals:
    the compiler of 3.14 puts what it finds there into machine code (seen with PYTHON_JIT=1, and without recell too).
    """
    jit = getattr(sys, "_jit", None)
    return code.replace() if jit is not None and jit.is_enabled() else code


def copy_with(
    func: FunctionType,
    code: CodeType,
    closure: tuple[CellType, ...] | None,
    globals: dict[str, Any],
    rebound: Mapping[int, CellType] | None = None,
) -> FunctionType:
    """`remake` with every part named: kept short, because each nanosecond here is paid by every verb."""
    kwdefaults = func.__kwdefaults__
    if kwdefaults is not None:
        kwdefaults = {**kwdefaults}
    if _FACTORIES:
        new = build(code, globals, func.__name__, func.__defaults__, closure, kwdefaults)
    else:  # `build` itself, without the cost of a call
        new = FunctionType(code, globals, func.__name__, func.__defaults__, closure)
        if kwdefaults is not None:
            new.__kwdefaults__ = kwdefaults
    if not _HAS_BUILTINS:
        if "__builtins__" not in globals and "__builtins__" in func.__globals__:
            globals["__builtins__"] = func.__globals__["__builtins__"]  # before 3.10 each call looks there
    elif new.__builtins__ is not func.__builtins__:  # type: ignore[attr-defined, unused-ignore]
        new = _with_builtins(func, new)
    if _HAS_ANNOTATE and func.__annotate__ is not None:  # type: ignore[attr-defined]
        new = _with_lazy_annotations(func, new, rebound)
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
    if _HAS_TYPE_PARAMS:
        type_params = func.__type_params__
        if type_params:
            new.__type_params__ = type_params
    return new


def _with_builtins(func: FunctionType, new: FunctionType) -> FunctionType:
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
    return _assemble(new, func.__builtins__)  # type: ignore[attr-defined, unused-ignore]


def _set_annotations(new: FunctionType, annotations: dict[str, Any], annotate: Any) -> None:
    """Both `__annotate__` and the evaluated dict on a finished function (3.14+); assigning one drops the other."""
    new.__annotate__ = annotate  # type: ignore[attr-defined]
    try:
        evaluated = new.__annotations__
    except Exception:  # noqa: BLE001 - annotations may raise anything; what was evaluated once is kept
        new.__annotations__ = annotations
    else:
        evaluated.clear()
        evaluated.update(annotations)


def _call(function: Callable[..., Any], *values: object) -> Any:
    return function(*values)


def _with_lazy_annotations(
    func: FunctionType, new: FunctionType, rebound: Mapping[int, CellType] | None
) -> FunctionType:
    """`new` with the `__annotate__` of `func` (3.14+), and with the annotations that were evaluated already.

    The copy's `__annotate__` sees the cells and globals that the copy sees.
    """
    annotate: Any = func.__annotate__  # type: ignore[attr-defined]
    evaluated = _evaluated_annotations(func)
    own = annotate.__closure__ if type(annotate) is FunctionType else None
    moved = new.__globals__ is not func.__globals__ and type(annotate) is FunctionType
    if own is not None or moved:
        replaced: dict[int, CellType] = {**(rebound or {})}
        before = dict(zip(func.__code__.co_freevars, func.__closure__ or ()))
        after = zip(new.__code__.co_freevars, new.__closure__ or ())
        replaced.update((id(before[name]), cell) for name, cell in after if name in before)
        new_own = tuple(replaced.get(id(cell), cell) for cell in own or ())
        moved = moved and annotate.__globals__ is func.__globals__
        if moved or any(there is not here for there, here in zip(new_own, own or ())):
            if evaluated is not None and _evaluates_to(annotate, evaluated):
                evaluated = None  # nobody changed them: the copy evaluates its own
            annotate = remake(annotate, closure=new_own or None, globals=new.__globals__ if moved else None)
    if evaluated is None:
        new.__annotate__ = annotate  # type: ignore[attr-defined]
        return new
    # assigning one of the two drops the other: both are set while the function is made
    return _assemble(new, new.__builtins__, {**evaluated}, annotate)  # type: ignore[attr-defined, unused-ignore]


def _evaluated_annotations(func: FunctionType) -> dict[str, Any] | None:
    """The dict of evaluated annotations, if there is one, without evaluating them (3.14+).

    Reading `__annotations__` would evaluate; the garbage collector shows what the function holds.
    """
    known = [func.__globals__, func.__builtins__, func.__dict__]  # type: ignore[attr-defined, unused-ignore]
    if func.__kwdefaults__ is not None:
        known.append(func.__kwdefaults__)
    dicts: list[Any] = [held for held in get_referents(func) if issubclass(type(held), dict)]
    if len(dicts) <= len(known):
        return None
    others: list[object] = [*known, func.__annotate__, func.__module__, func.__doc__]  # type: ignore[attr-defined]
    return next((held for held in dicts if not any(held is other for other in others)), None)


def _evaluates_to(annotate: Callable[[int], object], evaluated: dict[str, Any]) -> bool:
    try:
        return annotate(1) == evaluated
    except Exception:  # noqa: BLE001 - annotations may raise anything; what was evaluated once is kept
        return False
