"""The figures that recell set itself, measured by the benchmarks of the other topics in the same process."""

from __future__ import annotations

from typing import List, NamedTuple, Tuple

from ..measure import Benchmark, Result, load_benchmarks


class Goal(NamedTuple):
    """What is to be reached, and the benchmarks that show it, as (topic, beginning of the name)."""

    what: str
    reach: str
    shown_by: Tuple[Tuple[str, str], ...]


GOALS = (
    Goal(
        "`rebind`, `replace(closure=…)`: build",
        "≤ 1.6 × `FunctionType` and all metadata, nothing lost",
        (("functions", "rebind("), ("functions", "replace(f, closure=")),
    ),
    Goal(
        "calling a rebuilt, rebound or cloned function",
        "≤ 1.03 × the compiler's own",
        tuple(("functions", f"call of a {kind} function") for kind in ("rebuilt", "rebound", "cloned")),
    ),
    Goal(
        "a promoted or frozen function that reads the name in a loop",
        "≤ 1.03 × the original",
        tuple(
            ("scopes", f"loop {does} a {kind} name")
            for does in ("reading", "calling")
            for kind in ("promoted", "frozen")
        ),
    ),
    Goal(
        "`promote`, `freeze` of one name, leaf functions of the standard library",
        "≤ 3.5 × a raw walk over the instructions",
        (("scopes", "promote one name"), ("scopes", "freeze one name")),
    ),
    Goal(
        "`verify`, over the standard library",
        "≤ 25 × the raw walk",
        (("verifier", "verify over the raw walk"),),
    ),
    Goal(
        "`override` of a name that is only read: a fresh value",
        "≤ 1.9 × `mock.patch.object`, as written",
        (("patching", "override of a read name, a fresh"),),
    ),
    Goal(
        "the same literal again",
        "≤ 1.5 × `mock.patch.object`, as written",
        (("patching", "override of a read name, the same"),),
    ),
    Goal(
        "the first time ever",
        "≤ 6 × `mock.patch.object`, as written",
        (("patching", "override of a read name, the first"),),
    ),
    Goal(
        "`override` of a free variable",
        "≤ 2 × `mock.patch.object`, as written",
        (("patching", "override of a free variable /"),),
    ),
    Goal(
        "`override` of a dotted name",
        "≤ 3.5 × `mock.patch.object`, as written",
        (("patching", "override of a dotted name"),),
    ),
    Goal(
        "`override` that has to grow the closure",
        "≤ 4.5 × `mock.patch.object`, as written",
        (("patching", "override that grows /"),),
    ),
    Goal(
        "`override` of a class of ten methods",
        "≤ 15 × `mock.patch.object`, as written",
        (("patching", "override of a class"),),
    ),
    Goal(
        "`patch_closure` of one variable",
        "≤ 1.15 × `mock.patch.object`, as written",
        (("patching", "patch_closure /"),),
    ),
    Goal(
        "`patch_defaults`",
        "≤ 2 × `mock.patch.object`, as written",
        (("patching", "patch_defaults"),),
    ),
    Goal(
        "`swap` in the same module, from another one",
        "≤ 3.6, ≤ 4.2 × `mock.patch.object`, as written",
        (
            ("patching", "swap in the same"),
            ("patching", "swap from another"),
        ),
    ),
    Goal(
        "`wrap`",
        "≤ 6 × `mock.patch.object`, as written",
        (("patching", "wrap /"),),
    ),
    Goal(
        "prepared once, entered and left: `override`, `patch_closure`",
        "≤ 1.3, ≤ 0.75 × `mock.patch.object`",
        (
            ("patching", "override of a read name, prepared"),
            ("patching", "patch_closure, prepared"),
        ),
    ),
    Goal(
        "a call inside it",
        "≤ 1.05 × a function whose `__code__` was assigned",
        (("patching", "a call inside an override / with __code__"),),
    ),
    Goal(
        "`substitute` of names and constants",
        "≤ 3 × `code.replace` and `FunctionType`",
        (("source", "substitute of a name and a constant / code.replace"),),
    ),
    Goal(
        "`reload` of 10,000 functions, one changed",
        "≤ 1.1 × compiling the text",
        (("reload", "reload 10000 functions, one changed"),),
    ),
    Goal("`import recell`", "≤ 10 ms over a bare interpreter", (("functions", "import recell"),)),
    Goal(
        "memory of a rebound function",
        "≤ 1.2 × `FunctionType` and one cell",
        (("functions", "memory of a rebound function"),),
    ),
    Goal(
        "linear in what it touches: the cost of one unit at the largest of three sizes",
        "≤ 1.5 × that at the smallest (1.2 for edits)",
        (
            ("functions", "linear: clone"),
            ("functions", "linear: sharing"),
            ("functions", "linear: rebind"),
            ("scopes", "promote, 500"),
            ("scopes", "freeze, 500"),
            ("scopes", "demote, 500"),
            ("patching", "swap and undo, for each"),
            ("classes", "repoint: linear"),
            ("verifier", "verify n statements"),
        ),
    ),
)


def chosen() -> List[Tuple[Goal, List[Benchmark]]]:
    """Each goal with its benchmarks; one that is not there is an error."""
    topics = sorted({topic for goal in GOALS for topic, _ in goal.shown_by})
    benchmarks = load_benchmarks(topics)
    found = []
    for goal in GOALS:
        matched = [
            [one for one in benchmarks if one.topic == topic and one.name.startswith(beginning)]
            for topic, beginning in goal.shown_by
        ]
        for (topic, beginning), ones in zip(goal.shown_by, matched):
            assert len(ones) == 1, f"{len(ones)} benchmarks of {topic} begin with {beginning!r}"
        found.append((goal, [ones[0] for ones in matched]))
    return found


def measure() -> List[Tuple[Goal, List[Result]]]:
    """Runs what this interpreter is meant to run."""
    return [(goal, [one.run() for one in ones if one.only()]) for goal, ones in chosen()]
