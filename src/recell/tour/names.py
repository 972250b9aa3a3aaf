"""Names inside functions: `re.escape` and `random.Random.shuffle` told otherwise."""

from __future__ import annotations

from typing import Any

import recell
from recell.tour import Stage, Step


def promote_globals(stage: Stage) -> None:
    """re.escape reads its table as a global of `re`; a copy reads one of its own, from a cell."""
    import re

    stage.did("recell.scope(re.escape)", recell.scope(re.escape))
    table = recell.scope(re.escape).globals["_special_chars_map"]
    stage.did('escape = recell.promote(re.escape, _special_chars_map={**table, ord("/"): r"\\/"})')
    escape = recell.promote(re.escape, _special_chars_map={**table, ord("/"): r"\/"})
    stage.did('escape("a/b.c"), re.escape("a/b.c")', (escape("a/b.c"), re.escape("a/b.c")))
    stage.check("the copy escapes slashes too", escape("a/b.c") == r"a\/b\.c")
    stage.check("the original does not", re.escape("a/b.c") == r"a/b\.c")
    stage.check("the table is a free variable now", recell.closure(escape).names == ("_special_chars_map",))
    recell.closure(escape)["_special_chars_map"] = {}
    stage.check("and can be rebound like any other", escape("a/b.c") == "a/b.c")
    back = recell.demote(recell.promote(re.escape, _special_chars_map=table), "_special_chars_map")
    stage.check("promoted and demoted again, it does what it did", back("a/b.c") == re.escape("a/b.c"))


def nothing(values: object) -> tuple[object, ...]:
    """Stands in for `reversed`."""
    return ()


def freeze_a_method(stage: Stage) -> None:
    """random.Random.shuffle looks `reversed`, `range` and `len` up in each call; frozen, it looks up nothing."""
    import random

    report = recell.scope(random.Random.shuffle)
    stage.did("recell.scope(random.Random.shuffle).builtins", sorted(report.builtins))
    names = sorted(report.builtins)
    frozen = recell.freeze(random.Random.shuffle, *names)
    stage.did(f"recell.freeze(random.Random.shuffle, {', '.join(map(repr, names))})")
    stage.check("no builtin is looked up any more", not recell.scope(frozen).builtins)
    one, two = list(range(20)), list(range(20))
    random.Random.shuffle(random.Random(1), one)
    frozen(random.Random(1), two)
    stage.check("it shuffles as before", one == two)
    quiet = recell.freeze(random.Random.shuffle, reversed=nothing)
    quiet(random.Random(1), two)
    stage.check("with `reversed` frozen to nothing, it does nothing", one == two)


def stand_alone(stage: Stage) -> None:
    """colorsys._v reads constants of its module; a stateless copy carries all that it needs."""
    import colorsys

    needs: Any = vars(colorsys)["_v"]
    alone = recell.stateless(needs)
    stage.did("alone = recell.stateless(colorsys._v)", alone)
    left = recell.scope(alone)
    stage.check("it reads no global and no free variable", not (left.globals or left.nonlocals))
    stage.check("and does what it did", alone(0.2, 0.7, 0.4) == needs(0.2, 0.7, 0.4))


STEPS = [
    Step(
        "A global turned into a free variable, and back: re.escape",
        ("scope", "promote", "demote"),
        promote_globals,
    ),
    Step("Names turned into constants: random.Random.shuffle", ("freeze",), freeze_a_method),
    Step("A function that needs nothing around it: colorsys._v", ("stateless", "scope"), stand_alone),
]
