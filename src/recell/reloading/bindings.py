"""Where a module's names are bound, which of them are its own affair, and who takes whose place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from recell.layers.values import AttributeLayer, ItemLayer
from recell.reloading.annotations import ANNOTATING, AnnotationsLayer
from recell.reloading.translating import OWN

if TYPE_CHECKING:
    from recell.layers.values import ValueLayer

__all__ = ["CLASS_OWN", "DECLARED", "MODULE_OWN", "Claim", "Site"]

# what the text says of the module or class as a whole: it is followed, whatever data is
DECLARED = frozenset(("__doc__", "__all__"))
MODULE_OWN = ANNOTATING | frozenset(
    [
        "__name__",
        "__file__",
        "__spec__",
        "__loader__",
        "__package__",
        "__path__",
        "__cached__",
        "__builtins__",
    ]
)
CLASS_OWN = OWN | ANNOTATING | {"__module__", "__slots__", "__abstractmethods__"}


class Claim(NamedTuple):
    """A living function, and the run's function whose behaviour it gets."""

    living: Any
    new: Any
    path: str
    take: bool
    """With the cells of the run's function: it is another function than before (a decorator came or went)."""


class Site(NamedTuple):
    """A namespace that names are bound in: the module's, or a class's."""

    cls: type | None
    namespace: Any
    path: str

    def layer(self, name: str, value: object) -> ValueLayer:
        """What binds a name there."""
        if self.cls is None:
            return ItemLayer(self.namespace, name, value)
        if name in ANNOTATING:
            return AnnotationsLayer(self.cls, name, value)
        return AttributeLayer(self.cls, name, value)
