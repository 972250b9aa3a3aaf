"""The layers of a reload, in the order in which they are entered: what is new comes first, so that nobody misses it."""

from __future__ import annotations

from types import CodeType
from typing import TYPE_CHECKING

from recell.code.making import making
from recell.layers.values import ABSENT
from recell.reloading.comparing import Pair
from recell.reloading.following import Follow, Reshape, bridge
from recell.reloading.likeness import stays

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recell.layers.changes import Layer
    from recell.reloading.comparing import Comparison
    from recell.reloading.merging import Merge

__all__ = ["layers_of"]


def layers_of(merge: Merge) -> tuple[list[Layer], int]:
    """The layers that do what was decided, and how many functions they reach that are known by their code alone."""
    translation = merge.translation
    bindings = [
        (
            site,
            name,
            value if value is ABSENT or name in ("__bases__", "__abstractmethods__") else translation(value),
        )
        for site, name, value in merge.bindings
    ]
    new_names: list[Layer] = []
    names: list[Layer] = []
    gone: list[Layer] = []
    for site, name, value in bindings:
        known = name in site.namespace or name == "__bases__"
        (gone if value is ABSENT else names if known else new_names).append(site.layer(name, value))
    functions, closures = _functions(merge)
    return [*new_names, *functions, *merge.cells, *names, *gone], closures


def _functions(merge: Merge) -> tuple[list[Layer], int]:
    comparison, living, claims, changed = merge.comparison, merge.living, merge.claims, merge.changed
    plain = merge.plain
    reshape = Reshape(comparison, living, merge.translation, merge.left)
    layers: list[Layer] = []
    layers.extend([Follow(living.functions[key], code, {}) for key, code in plain.items()])
    pairs = []
    for pair in (*comparison.pairs, *_with_other_defaults(comparison)):
        if id(living.only(id(pair.old))) not in plain:
            pairs.append(pair)
        elif not pair.moved:
            changed.append(pair.path)
    unchanged: set[int] = set()
    moved = {id(pair.new) for pair in comparison.pairs if pair.moved}
    for claim in claims.values():
        if claim.new is claim.living:
            continue
        edit = reshape.claimed(claim.living, claim.new, claim.take)
        if edit is None:
            unchanged.add(id(claim.living))
        else:
            layers.append(edit)
            if edit.touches or id(edit.code) not in moved:
                changed.append(claim.path)
    closures = 0
    made = {id(function.__code__): function for function in merge.scratch.functions.values()} if pairs else {}
    owners = living.owners([pair.old for pair in pairs])
    for pair in pairs:
        functions = owners[id(pair.old)]
        for function in functions:
            key = id(function)
            if key not in claims and key not in plain and function.__globals__ is living.namespace:
                whole = None if ".<locals>." in pair.path else made.get(id(pair.new))
                if whole is None:
                    follow = reshape.closure(function, pair)
                else:  # another copy of a function that is made once
                    follow = reshape.claimed(function, whole, False)
                if follow is not None:
                    layers.append(follow)
                    closures += 1
        if not pair.moved and not (functions and all(id(function) in unchanged for function in functions)):
            changed.append(pair.path)
    for function, new in merge.bridges:
        layers.append(bridge(function, merge.translation(new)))
    return layers, closures


def _with_other_defaults(comparison: Comparison) -> Iterator[Pair]:
    """Nested functions whose own text is the same, and whose constant defaults, in the text around, are not."""
    for pair in comparison.pairs:
        if pair.moved:
            continue
        for const in pair.new.co_consts:
            if type(const) is CodeType and any(const is other for other in pair.old.co_consts):
                before, after = making(pair.old, const), making(pair.new, const)
                if before is None or after is None:  # pragma: no cover - compilers make something of each
                    continue
                if not stays(_items(before.defaults()), _items(after.defaults())):
                    yield Pair(f"{pair.path}.<locals>.{const.co_name}", const, const, False)


def _items(defaults: tuple[dict[str, object], dict[str, object]]) -> tuple[object, ...]:
    return tuple([item for mapping in defaults for item in mapping.items()])
