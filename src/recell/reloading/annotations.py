"""The annotations of a module and of a class: what a new text makes of them, and how they are put there.

Up to 3.13, and with `from __future__ import annotations`, they are a dict. From 3.14 on (PEP 649, PEP 749) a function
gives them, and what it gave is kept beside it: `__annotations__` in a module, `__annotations_cache__` in a class.
Setting the function forgets the dict, and setting or deleting the dict forgets the function.
"""

from __future__ import annotations

import ast
from types import FunctionType
from typing import TYPE_CHECKING, Any

from recell.layers.edits import TEXT
from recell.layers.values import ABSENT, ValueLayer, ValueStack
from recell.reloading.executing import Found, class_around, run_nodes
from recell.reloading.likeness import alike, same_annotations

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from recell.reloading.statements import Body
    from recell.reloading.work import Work

__all__ = ["ANNOTATING", "AnnotationsLayer", "follow_annotations"]

ANNOTATING = frozenset(
    (
        "__annotations__",
        "__annotate__",
        "__annotate_func__",
        "__annotations_cache__",
        "__conditional_annotations__",
    )
)


def follow_annotations(work: Work, body: Body, cls: type | None, path: str) -> bool:
    """Give a module or class the annotations of its new text; return whether they are others now."""
    return _of_module(work, body) if cls is None else _of_class(work, cls, path)


def _of_module(work: Work, body: Body) -> bool:
    namespace, put = work.namespace, work.journal.item
    lazy = namespace.get("__annotate__")
    if body.annotate is not None:
        new = FunctionType(body.annotate, namespace)
        if alike(lazy, new):
            return False
        put(namespace, "__annotate__", new)
        marks = set(range(len(body.annotations)))
        if marks or "__conditional_annotations__" in namespace:
            put(namespace, "__conditional_annotations__", marks)
        put(namespace, "__annotations__", ABSENT)
        return True
    found: Any = {}
    if body.annotations:
        tree = work.syntax()
        alone = Found(list(_bare(tree.body)), [])
        found = run_nodes(work, alone, None, {"__annotations__": {}})["__annotations__"]
        found = _with_nested(tree.body, namespace.get("__annotations__"), found)
    if lazy is None and same_annotations(namespace.get("__annotations__"), found):
        return False
    if lazy is not None:
        put(namespace, "__annotate__", ABSENT)
    put(namespace, "__annotations__", found or ABSENT)
    return True


def _bare(body: Iterable[ast.stmt]) -> Iterable[ast.stmt]:
    """The annotations of a body, without the values."""
    for node in body:
        if isinstance(node, ast.AnnAssign):
            fields: dict[str, Any] = {
                "target": node.target,
                "annotation": node.annotation,
                "simple": node.simple,
            }
            yield ast.copy_location(ast.AnnAssign(**fields, value=None), node)


def _with_nested(body: list[ast.stmt], old: Any, new: dict[str, Any]) -> dict[str, Any]:
    """With those under `if` and the like, which are not evaluated again."""
    nested = {
        one.target.id
        for node in body
        if isinstance(node, (ast.If, ast.Try, ast.With, ast.For, ast.While))
        for one in ast.walk(node)
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
    }
    if nested and type(old) is dict:
        new.update((name, value) for name, value in old.items() if name in nested and name not in new)
    return new


def _of_class(work: Work, cls: type, path: str) -> bool:
    around = class_around(work, path)
    if around is None:
        return False
    nodes = list(_bare(around[-1].body))
    members = run_nodes(work, Found(nodes, around), cls) if nodes else {}
    before, after = _held(vars(cls)), _held(dict(members))
    if after is ABSENT or not after[1]:
        if before is ABSENT or not before[1]:
            return False
        work.journal.annotations(AnnotationsLayer(cls, ABSENT))
        return True
    same = alike if after[0] == "__annotate__" else same_annotations
    if before is not ABSENT and before[0] == after[0] and same(before[1], after[1]):
        return False
    work.journal.annotations(AnnotationsLayer(cls, after))
    return True


def _held(own: Mapping[str, Any]) -> Any:
    """Return the source of a class's annotations, as the attribute that sets it and its value."""
    lazy = own.get("__annotate_func__") or own.get("__annotate__")
    if lazy is not None:
        return "__annotate__", lazy
    for name in ("__annotations__", "__annotations_cache__"):
        if name in own:
            return "__annotations__", own[name]
    return ABSENT


def annotations_of(cls: type) -> Any:
    """Return the attribute that sets a class's annotations, and its value; ABSENT where there are none."""
    return _held(vars(cls))


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
    """Annotations over those of a class: a pair of the attribute that sets them and its value, or `ABSENT`."""

    __slots__ = ()

    def __init__(self, cls: type, value: object) -> None:
        super().__init__((id(cls), "annotations"), _AnnotationsStack(cls), value, rank=TEXT)
