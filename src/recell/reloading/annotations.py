"""The annotations of a module and of a class: what a new text makes of them, and how they are put there.

Up to 3.13, and with `from __future__ import annotations`, they are a dict. From 3.14 on (PEP 649, PEP 749) a function
gives them, and what it gave is kept beside it: `__annotations__` in a module, `__annotations_cache__` in a class.
Setting the function forgets the dict, and setting or deleting the dict forgets the function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recell.layers.values import ABSENT, ValueLayer, ValueStack
from recell.reloading.likeness import alike, equal, same_annotation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["ANNOTATING", "AnnotationsLayer", "of_class", "of_module"]

ANNOTATING = frozenset(
    (
        "__annotations__",
        "__annotate__",
        "__annotate_func__",
        "__annotations_cache__",
        "__conditional_annotations__",
    )
)


def of_module(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The names to be bound in a module, with their values; `ABSENT` for those that go."""
    lazy, new_lazy = old.get("__annotate__"), new.get("__annotate__")
    which, new_which = (space.get("__conditional_annotations__", ABSENT) for space in (old, new))
    if new_lazy is not None:
        if alike(lazy, new_lazy) and equal(which, new_which):
            return
        yield "__annotate__", new_lazy
    elif lazy is None and _same(old.get("__annotations__"), new.get("__annotations__")):
        return
    elif lazy is not None:
        yield "__annotate__", ABSENT
    if which is not new_which:
        yield "__conditional_annotations__", new_which
    # also where there are none yet: what is evaluated meanwhile goes when the reload is undone
    yield "__annotations__", ABSENT if new_lazy is not None else new.get("__annotations__", ABSENT)


def of_class(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The attribute of a class to be set, if its annotations are others now; `ABSENT` where there are none any more."""
    before, after = _held(old), _held(new)
    if after is ABSENT or not after[1]:
        if before is not ABSENT and before[1]:
            yield "__annotations__", ABSENT
        return
    same = alike if after[0] == "__annotate__" else _same
    if before is ABSENT or before[0] != after[0] or not same(before[1], after[1]):
        yield after


def _held(own: Mapping[str, Any]) -> Any:
    """What gives a class's annotations, as the attribute that sets it and its value."""
    lazy = own.get("__annotate_func__")
    if lazy is not None:
        return "__annotate__", lazy
    for name in ("__annotations__", "__annotations_cache__"):
        if name in own:
            return "__annotations__", own[name]
    return ABSENT


def _same(old: Any, new: Any) -> bool:
    if not old or not new or type(old) is not dict or type(new) is not dict:
        return not old and not new
    return list(old) == list(new) and all(same_annotation(value, new[name]) for name, value in old.items())


class _AnnotationsStack(ValueStack):
    """A class's annotations, as one place: the attribute that sets them and its value."""

    __slots__ = ("cls",)

    cls: Any

    def __init__(self, cls: type) -> None:
        super().__init__()
        self.cls = cls

    def read(self) -> object:
        return _held(vars(self.cls))

    def write(self, value: Any) -> None:
        cls, own = self.cls, vars(self.cls)
        if own.get("__annotate_func__") is not None:
            cls.__annotations__ = {}  # forgets the function
        while "__annotations__" in own or "__annotations_cache__" in own:
            del cls.__annotations__
        if value is not ABSENT:
            setattr(cls, *value)


class AnnotationsLayer(ValueLayer):
    """Annotations over those of a class."""

    __slots__ = ()

    def __init__(self, cls: type, name: str, value: object) -> None:
        entry = value if value is ABSENT else (name, value)
        super().__init__((id(cls), "annotations"), _AnnotationsStack(cls), entry)
