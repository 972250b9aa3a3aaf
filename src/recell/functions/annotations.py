"""Annotations, evaluated and on demand (3.14+), as a copy of a function is to have them."""

from __future__ import annotations

from gc import get_referents
from types import FunctionType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["HAS_ANNOTATE", "evaluated_annotations", "evaluates_to", "set_annotations"]

HAS_ANNOTATE = "__annotate__" in vars(FunctionType)
"""True where functions evaluate their annotations on demand: asked of the type itself, without an opcode fact."""

# the attributes of a function that are dicts, or may be
_DICTS = [
    f"__{part}__" for part in ("globals", "builtins", "kwdefaults", "dict", "doc", "module", "annotate")
]


def evaluated_annotations(func: FunctionType) -> dict[str, Any] | None:
    """The dict of evaluated annotations, if there is one, without evaluating them (3.14+).

    Reading `__annotations__` would evaluate. The garbage collector shows what the function holds, in whatever order;
    of that, they are the dict that no other attribute gives.
    """
    found = [held for held in get_referents(func) if issubclass(type(held), dict)]
    for attribute in _DICTS:
        known = getattr(func, attribute)
        for at, held in enumerate(found):
            if held is known:
                del found[at]
                break
    return found[0] if len(found) == 1 else None


def set_annotations(new: FunctionType, annotations: dict[str, Any] | None, annotate: Any) -> None:
    """Both `__annotate__` and the evaluated dict on a finished function (3.14+); assigning one drops the other."""
    new.__annotate__ = annotate  # type: ignore[attr-defined]
    if annotations is None:
        return
    try:
        evaluated = new.__annotations__
    except Exception:  # noqa: BLE001 - annotations may raise anything; what was evaluated once is kept
        new.__annotations__ = {**annotations}
    else:
        evaluated.clear()
        evaluated.update(annotations)


def evaluates_to(annotate: Callable[[int], object], evaluated: dict[str, Any]) -> bool:
    """Say whether an `__annotate__` gives these annotations now: then nobody has changed them."""
    try:
        return annotate(1) == evaluated
    except Exception:  # noqa: BLE001 - annotations may raise anything; what was evaluated once is kept
        return False
