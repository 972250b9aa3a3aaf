"""Functions built from parts, and copied with everything that CPython keeps on them.

`types.FunctionType` alone loses most of a function, and on 3.13+ what it makes is never call-specialised. Here is
the one place that makes function objects; the verbs in `functions`, `scopes`, `nested` and `patching` stand on it.
"""

from __future__ import annotations

from types import CellType, CodeType, FunctionType

from recell import compat
from recell.errors import BuiltinsMismatchError, short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

__all__ = ["build", "remake"]

# What a release's functions have is asked of the type itself: no opcode fact is needed for it.
_HAS_TYPE_PARAMS = hasattr(FunctionType, "__type_params__")
_HAS_ANNOTATE = hasattr(FunctionType, "__annotate__")
_HAS_BUILTINS = hasattr(FunctionType, "__builtins__")

# MAKE_FUNCTION's attribute bits (Include/internal/pycore_opcode_utils.h)
_DEFAULTS, _KWDEFAULTS, _ANNOTATIONS, _CLOSURE, _ANNOTATE = 1, 2, 4, 8, 16


def _factories() -> list[Any]:
    """The factories of this release, by attribute bits; empty where `types.FunctionType` makes equal functions."""
    release = compat.find()
    if release is None or release.function_factory is None:
        return []
    return [release.function_factory(bits) for bits in range(32)]


_FACTORIES = _factories()
_PLAIN, _WITH_DEFAULTS, _WITH_CLOSURE, _WITH_BOTH = (
    (_FACTORIES[0], _FACTORIES[_DEFAULTS], _FACTORIES[_CLOSURE], _FACTORIES[_CLOSURE | _DEFAULTS])
    if _FACTORIES
    else (None, None, None, None)
)


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
    """
    if not _FACTORIES:
        new = FunctionType(code, globals, name, defaults, closure)
        if kwdefaults is not None:
            new.__kwdefaults__ = kwdefaults
        return new
    if kwdefaults is not None:
        return _assemble(FunctionType, code, globals, name, defaults, closure, kwdefaults)
    if closure:
        if defaults:
            new = FunctionType(_WITH_BOTH, globals)(code, defaults, closure)
        else:
            new = FunctionType(_WITH_CLOSURE, globals)(code, closure)
    elif defaults:
        new = FunctionType(_WITH_DEFAULTS, globals)(code, defaults)
    else:
        new = FunctionType(_PLAIN, globals)(code)
    if code.co_name is not name:
        new.__name__ = name
    return new


def _assemble(
    make: Callable[..., Any],
    code: CodeType,
    globals: dict[str, Any],
    name: str,
    defaults: tuple[Any, ...] | None,
    closure: tuple[CellType, ...] | None,
    kwdefaults: dict[str, Any] | None,
    annotations: dict[str, Any] | None = None,
    annotate: object = None,
) -> FunctionType:
    """`build` by way of `make` (`FunctionType`, or one that runs elsewhere), with all that MAKE_FUNCTION can set."""
    if not _FACTORIES:
        new: FunctionType = make(code, globals, name, defaults, closure)
        new.__kwdefaults__ = kwdefaults
        return new
    bits = 0
    values: list[object] = []
    for bit, value in (
        (_DEFAULTS, defaults),
        (_KWDEFAULTS, kwdefaults),
        (_ANNOTATIONS, annotations),
        (_CLOSURE, closure or None),
        (_ANNOTATE, annotate),
    ):
        if value is not None:
            bits |= bit
            values.append(value)
    new = make(_FACTORIES[bits], globals)(code, *values)
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
        closure: another closure.
        globals: another globals dict; builtins follow it where it has some, and the function where not.
        rebound: id of a cell -> the cell that takes its place in the closure of `__annotate__` (3.14+), where
            more cells change than those that `closure` exchanges under the same name.

    Raises:
        BuiltinsMismatchError: the function keeps builtins (3.10+) that its globals no longer hold.
    """
    own_code = func.__code__
    own_globals = func.__globals__
    kwdefaults = func.__kwdefaults__
    if kwdefaults is not None:
        kwdefaults = dict(kwdefaults)
    annotations: dict[str, Any] | None = None
    annotate = func.__annotate__ if _HAS_ANNOTATE else None  # type: ignore[attr-defined]
    if annotate is not None:
        annotations, annotate = _lazy_annotations(func, annotate, code, closure, globals, rebound)
    if code is None:
        code = own_code
    if closure is None:
        closure = func.__closure__
    space = own_globals if globals is None else globals
    if annotate is None:
        new = build(code, space, func.__name__, func.__defaults__, closure, kwdefaults)
    else:
        new = _assemble(
            FunctionType, code, space, func.__name__, func.__defaults__, closure, kwdefaults, annotations, annotate
        )
    if _HAS_BUILTINS:
        if new.__builtins__ is not func.__builtins__ and (  # type: ignore[attr-defined]
            globals is None or "__builtins__" not in globals
        ):
            make = _maker_under(func, space)
            new = _assemble(
                make, code, space, func.__name__, func.__defaults__, closure, kwdefaults, annotations, annotate
            )
    elif "__builtins__" not in space and "__builtins__" in own_globals:
        space["__builtins__"] = own_globals["__builtins__"]  # before 3.10 each call looks there
    text = func.__qualname__
    if new.__qualname__ is not text:
        new.__qualname__ = text
    text = func.__module__
    if new.__module__ is not text:
        new.__module__ = text
    doc = func.__doc__
    if new.__doc__ is not doc:
        new.__doc__ = doc
    attributes = func.__dict__
    if attributes:
        new.__dict__.update(attributes)
    if _HAS_TYPE_PARAMS:
        type_params = func.__type_params__  # type: ignore[attr-defined]
        if type_params:
            new.__type_params__ = type_params  # type: ignore[attr-defined]
    if annotate is None:
        annotations = func.__annotations__
        if annotations:
            new.__annotations__ = dict(annotations)
    return new


def _maker_under(func: FunctionType, globals: dict[str, Any]) -> Callable[..., Any]:
    """`FunctionType`, called from a frame whose builtins are those of `func`.

    A function binds its builtins when it is made (3.10+): from its globals, or, where these have none, from the
    frame that runs (Python/ceval.c, `_PyEval_BuiltinsFromGlobals`).
    """
    if "__builtins__" in globals:
        msg = (
            f"{short(func)} was made with other builtins than its globals hold now, and a copy would get those; "
            "pass globals= with the builtins that it is to have"
        )
        raise BuiltinsMismatchError(msg, target=short(func))
    builtins = func.__builtins__  # type: ignore[attr-defined]
    call = FunctionType(_call.__code__, {"__builtins__": builtins})
    return lambda *values: call(FunctionType, *values)


def _call(function: Callable[..., Any], *values: object) -> Any:
    return function(*values)


def _lazy_annotations(
    func: FunctionType,
    annotate: Any,
    code: CodeType | None,
    closure: tuple[CellType, ...] | None,
    globals: dict[str, Any] | None,
    rebound: Mapping[int, CellType] | None,
) -> tuple[dict[str, Any] | None, Any]:
    """The annotations already evaluated (a copy, or None) and the `__annotate__` for a copy of `func` (3.14+)."""
    cached = _evaluated_annotations(func)
    if type(annotate) is not FunctionType:
        return (None if cached is None else dict(cached)), annotate
    replaced = dict(rebound or ())
    if closure is not None:
        before = dict(zip(func.__code__.co_freevars, func.__closure__ or ()))
        after = zip((func.__code__ if code is None else code).co_freevars, closure)
        replaced.update((id(before[name]), cell) for name, cell in after if name in before)
    own = annotate.__closure__ or ()
    new_own = tuple(replaced.get(id(cell), cell) for cell in own)
    moved = globals is not None and annotate.__globals__ is func.__globals__
    if not moved and all(new is old for new, old in zip(new_own, own)):
        return (None if cached is None else dict(cached)), annotate
    new_annotate = remake(annotate, closure=new_own or None, globals=globals if moved else None)
    if cached is not None:
        try:
            if annotate(1) == cached:  # nobody changed it: the copy evaluates its own
                cached = None
        except Exception:  # noqa: BLE001 - annotations may raise anything; what was evaluated once is kept
            pass
    return (None if cached is None else dict(cached)), new_annotate


def _evaluated_annotations(func: FunctionType) -> dict[str, Any] | None:
    """The dict of evaluated annotations, if there is one, without evaluating them (3.14+).

    Reading `__annotations__` would evaluate; the garbage collector shows what the function holds.
    """
    import gc

    others = (func.__globals__, func.__builtins__, func.__dict__, func.__kwdefaults__)  # type: ignore[attr-defined]
    for held in gc.get_referents(func):
        if isinstance(held, dict) and not any(held is other for other in others):
            if held is not func.__module__ and held is not func.__doc__:
                return held
    return None
