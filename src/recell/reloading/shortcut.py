"""The short way: texts in which nothing but the bodies of functions differs, or where they stand. No statement runs."""

from __future__ import annotations

from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from recell.functions.constants import docstring_of
from recell.reloading.classes import is_own
from recell.reloading.constants import constant_key
from recell.reloading.edits import Follow
from recell.reloading.following import follow, moved
from recell.reloading.journal import layered
from recell.reloading.operations import operations
from recell.reloading.statements import is_class, is_kept, names_loaded

if TYPE_CHECKING:
    from recell.reloading.work import Work

__all__ = ["follow_bodies"]

_NOTHING: dict[str, Any] = {}


def follow_bodies(work: Work, old: CodeType, new: CodeType, cls: type | None, path: str) -> bool:
    """Follow a body whose statements are all the same, if it is such a one; False where it has to be compared."""
    pairs = _aligned(old, new)
    if pairs is None:
        return False
    namespace: Any = work.namespace if cls is None else vars(cls)
    used = names_loaded(new) if cls is None else set()
    plain, rest = _plain(work, pairs, namespace, used)
    notes = work.notes
    classes = {}
    for one, other in rest:
        if is_class(one):
            inner = namespace.get(one.co_name)
            if not is_own(inner, f"{path}.{one.co_name}" if path else one.co_name):
                return False
            if _aligned(one, other) is None:
                return False
            classes[id(one)] = inner
        elif one.co_name in used and not work.forms.acts_alike(one, other):
            return False  # a decorator, perhaps
        elif docstring_of(one) != docstring_of(other):
            return False  # decorators may have copied it
        elif not work.existing.of(one) and work.forms.code(one) != work.forms.code(other):
            return False
    mark = work.journal.mark()
    state = notes.mark()
    prefix = f"{path}." if path else ""
    for function, one, other in plain:
        was = function.__code__
        work.journal.follow(Follow(function, other, _NOTHING))
        if _says_the_same(one, other):
            notes.moved.append(prefix + one.co_name)
        else:
            notes.changed.append(prefix + one.co_name)
            work.replaced(was, one)
    for one, other in rest:
        full = prefix + one.co_name
        if not is_class(one):
            follow(work, one, other, full, cls)
        elif not follow_bodies(work, one, other, classes[id(one)], full):
            work.journal.back(mark)
            notes.back(state)
            return False
    return True


def _aligned(old: CodeType, new: CodeType) -> list[tuple[CodeType, CodeType]] | None:
    """The functions and classes of two bodies that run alike, where they differ; None for other bodies."""
    if (
        old.co_code != new.co_code
        or old.co_names != new.co_names
        or old.co_flags != new.co_flags
        or len(old.co_consts) != len(new.co_consts)
        or getattr(old, "co_exceptiontable", None) != getattr(new, "co_exceptiontable", None)
    ):
        return None
    pairs = []
    for one, other in zip(old.co_consts, new.co_consts):
        if type(one) is CodeType is type(other):
            if one == other and not moved(one, other):
                continue
            both = (is_kept(one) and is_kept(other)) or (is_class(one) and is_class(other))
            if one.co_name != other.co_name or not both or one.co_name == "<lambda>":
                return None
            pairs.append((one, other))
        elif one is not other and (type(one) is not type(other) or constant_key(one) != constant_key(other)):
            line = "__firstlineno__" in old.co_names and one == old.co_firstlineno
            if not line or other != new.co_firstlineno:
                return None
    if pairs and any(op in old.co_code[::2] for op in operations().makes_alias):
        return None  # `type X = …` keeps its value, not its function
    return pairs


def _plain(
    work: Work, pairs: list[tuple[CodeType, CodeType]], namespace: Any, used: set[str]
) -> tuple[list[tuple[FunctionType, CodeType, CodeType]], list[tuple[CodeType, CodeType]]]:
    """Those functions that their names lead to and that have nothing around them or inside; and the rest."""
    stacks, mine, get = layered(), work.namespace, namespace.get
    plain: list[tuple[FunctionType, CodeType, CodeType]] = []
    rest: list[tuple[CodeType, CodeType]] = []
    for one, other in pairs:
        function = get(one.co_name) if one.co_flags & 1 else None
        if (
            type(function) is FunctionType
            and function.__globals__ is mine
            and function.__closure__ is None
            and not other.co_freevars
            and (function.__code__ is one or function.__code__ == one)
            and not (stacks and id(function) in stacks)
            and one.co_name not in used
            and CodeType not in map(type, one.co_consts)
            and CodeType not in map(type, other.co_consts)
            and (one.co_consts[:1] == other.co_consts[:1] or docstring_of(one) == docstring_of(other))
            and len(work.existing.of(one)) == 1  # else another function of this text is held elsewhere
        ):
            plain.append((function, one, other))
        else:
            rest.append((one, other))
    return plain, rest


def _says_the_same(one: CodeType, other: CodeType) -> bool:
    return (
        one.co_code == other.co_code
        and one.co_names == other.co_names
        and one.co_varnames == other.co_varnames
        and one.co_flags == other.co_flags
        and one.co_argcount == other.co_argcount
        and one.co_kwonlyargcount == other.co_kwonlyargcount
        and (
            one.co_consts == other.co_consts and constant_key(one.co_consts) == constant_key(other.co_consts)
        )
    )
