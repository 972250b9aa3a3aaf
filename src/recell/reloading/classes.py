"""An existing class becomes what the new text makes of its statement, where that ran as a whole: or it is refused."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

from recell.cells import contents_of
from recell.errors import ScopeError, short
from recell.reloading.annotations import AnnotationsLayer, annotations_of
from recell.reloading.becoming import become
from recell.reloading.constants import same_value
from recell.reloading.journal import ABSENT, RefusedError, text_code

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from recell.reloading.statements import Statement
    from recell.reloading.work import Work

__all__ = ["OWN", "abstract_methods", "derived", "has_machinery", "is_own", "remake", "slot_names"]

OWN = frozenset(
    (
        "__dict__",
        "__weakref__",
        "__module__",
        "__qualname__",
        "__firstlineno__",
        "__static_attributes__",
        "__classcell__",
        "__classdictcell__",
        "__annotations__",
        "__annotate__",
        "__annotate_func__",
        "__annotations_cache__",
        "__conditional_annotations__",
        "__abstractmethods__",
        "__subclasshook__",
        "_abc_impl",
    )
)
"""Names that a class has of itself, or of the compiler: never copied from a class that was made again."""
_BOUND = frozenset(("member_descriptor", "getset_descriptor"))  # they belong to one class's layout


def is_own(value: object, path: str) -> bool:
    """Return whether a class is the one that the text defines there; its `__module__` may name any other."""
    return isinstance(value, type) and value.__qualname__ == path


def derived(cls: type, statement: Statement) -> bool:
    """Return whether a decorator or metaclass makes members of a class from its text."""
    return bool(statement.decorators) or has_machinery(cls)


def has_machinery(cls: type) -> bool:
    """Return whether a metaclass, or a base that is one, makes members of a class, as far as it shows that."""
    from abc import ABCMeta

    return type(cls) not in (type, ABCMeta) or issubclass(cls, tuple) or "__dataclass_fields__" in vars(cls)


def slot_names(cls: type, whole: bool = True) -> list[str]:
    """The names of what the layout of a class's instances adds to that of its base.

    Args:
        cls: the class.
        whole: with the places for `__dict__` and weak references.
    """
    return sorted(
        name
        for name, value in vars(cls).items()
        if type(value).__name__ == "member_descriptor" or (whole and name in ("__dict__", "__weakref__"))
    )


def abstract_methods(work: Work, cls: type) -> None:
    """Say again which methods of a class are abstract."""
    if not hasattr(cls, "__abstractmethods__"):
        return
    names = {name for name, value in vars(cls).items() if getattr(value, "__isabstractmethod__", False)}
    for base in cls.__bases__:
        for name in getattr(base, "__abstractmethods__", ()):
            if getattr(getattr(cls, name, None), "__isabstractmethod__", False):
                names.add(name)
    if names != set(cls.__abstractmethods__):
        work.journal.attribute(cls, "__abstractmethods__", frozenset(names))


def _refuse(cls: type, why: str) -> RefusedError:
    target = f"{short(cls)}"
    return RefusedError(ScopeError(f"{target} {why}", name=cls.__qualname__, names=(), target=target))


def _check(cls: Any, new: Any) -> None:
    """Raise RefusedError where a class cannot become the other."""
    if type(cls) is not type(new):
        raise _refuse(
            cls, f"cannot change its metaclass from {short(type(cls))} to {short(type(new))} while it exists"
        )
    if "_member_map_" in vars(cls) and "_member_names_" in vars(cls):
        old, after = ([(n, m._value_) for n, m in one._member_map_.items()] for one in (cls, new))
        if [n for n, _ in old] != [n for n, _ in after] or not all(
            a is b or same_value(a, b) or (type(a) is type(b) and a == b)
            for (_, a), (_, b) in zip(old, after)
        ):
            raise _refuse(cls, "cannot change its members while it exists: they are held by identity")


def remake(work: Work, cls: Any, new: Any, path: str, names: Collection[str]) -> None:
    """Make an existing class what another is, which its text makes now.

    Args:
        work: the reload under way.
        cls: the existing class.
        new: the one that the text made.
        path: its path in the text.
        names: what the old text bound in it.

    Raises:
        RefusedError: it cannot become that.
    """
    _check(cls, new)
    journal = work.journal
    bases = tuple(cls if base is new else base for base in new.__bases__)
    same_bases = bases == cls.__bases__
    if not same_bases:
        journal.attribute(cls, "__bases__", bases)  # layouts that do not fit are refused there
    if slot_names(cls, same_bases) != slot_names(new, same_bases):
        raise _refuse(
            cls,
            f"cannot change its `__slots__` from {slot_names(cls)} to {slot_names(new)} while it exists: "
            "its instances are laid out already",
        )
    before, after = annotations_of(cls), annotations_of(new)
    if after is not ABSENT and (before is ABSENT or before[1] is not after[1]):
        _point_back(after[1], new, cls)
        journal.annotations(AnnotationsLayer(cls, after))
    elif after is ABSENT and before is not ABSENT:
        journal.annotations(AnnotationsLayer(cls, ABSENT))
    own, fresh = vars(cls), vars(new)
    is_enum = "_member_map_" in own
    for name, value in list(fresh.items()):
        if name in OWN or type(value).__name__ in _BOUND or name == "__slots__":
            continue
        if is_enum and (name in own["_member_map_"] or _of_enum(name, value, work)):
            continue
        _point_back(value, new, cls)
        _member(work, cls, name, own.get(name, ABSENT), value)
    if "__slots__" in fresh and "__slots__" not in own:  # the text may delete it again
        journal.attribute(cls, "__slots__", fresh["__slots__"])
    gone = [name for name in own if name not in fresh and name not in OWN and name != "__slots__"]
    for name in gone:
        made = name in names or (name[:2] == "__" and type(own[name]).__name__ not in _BOUND)
        if made:
            journal.attribute(cls, name, ABSENT)
    abstract_methods(work, cls)


def _of_enum(name: str, value: Any, work: Work) -> bool:
    """Return whether a member of an enumeration is the machinery's: only functions of the text are followed."""
    inside = getattr(value, "fget" if isinstance(value, property) else "__func__", value)
    if type(inside) is FunctionType and inside.__globals__ is work.namespace:
        return False
    return name != "__doc__"


def _member(work: Work, cls: type, name: str, old: Any, value: Any) -> None:
    lazy = name == "__doc__" and hasattr(type(value), "__get__")  # the class keeps what it computes when read
    if not lazy and (old is value or same_value(old, value)):
        return
    if type(old) is type(value) is FunctionType:
        mine = old.__globals__ is value.__globals__ is work.namespace
        if mine and text_code(old).co_name == value.__code__.co_name:
            become(work, old, value)
            return
    elif type(old) is type(value) and isinstance(value, (classmethod, staticmethod, property)):
        if become(work, old, value):
            return
    work.journal.attribute(cls, name, value)


def _functions(value: Any, depth: int = 0) -> Iterator[FunctionType]:
    """The functions that a member of a class is or holds."""
    if type(value) is FunctionType:
        yield value
        for cell in value.__closure__ or ():
            inside = contents_of(cell)
            if type(inside) is FunctionType and depth < 5:
                yield from _functions(inside, depth + 1)
    elif depth < 5 and not isinstance(value, type):
        held: list[Any] = []
        if isinstance(value, (classmethod, staticmethod)):
            held.append(value.__func__)
        elif isinstance(value, property):
            held += [value.fget, value.fset, value.fdel]
        own = getattr(value, "__dict__", None)
        if type(own) is dict:
            held += own.values()
        for inside in held:
            if inside is not value:
                yield from _functions(inside, depth + 1)


def _point_back(value: Any, new: type, cls: type) -> None:
    """Let the cells of a new member that hold the class made again hold the existing one."""
    for function in _functions(value):
        for cell in function.__closure__ or ():
            if contents_of(cell) is new:
                cell.cell_contents = cls
