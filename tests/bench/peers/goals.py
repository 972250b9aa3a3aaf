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
        "`override` of a name that is only read, prepared: enter and leave",
        "≤ 0.25 × `mock.patch.object`",
        (("patching", "override a read name, prepared"),),
    ),
    Goal(
        "a call inside it",
        "≤ 1.05 × a function whose `__code__` was assigned",
        (("patching", "a call inside an override / with __code__"),),
    ),
    Goal(
        "`override` that has to grow the closure: enter and leave",
        "≤ 1.5 × `mock.patch.object`",
        (("patching", "override that grows, prepared"),),
    ),
    Goal(
        "`patch_closure` of one variable, prepared: enter and leave",
        "≤ 0.35 × `mock.patch.object`",
        (("patching", "patch_closure, prepared"),),
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
