"""The page of a run: a table for each task, what importing costs, and the figures to reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Iterator, List, Mapping, Tuple

from .plot import shown
from .ways import PACKAGES, installed

if TYPE_CHECKING:
    from ..measure import Result
    from .goals import Goal
    from .run import Entry

HEAD = """# Figures

recell beside other libraries and beside what people write by hand, for the same tasks; and the figures that it set itself. All of
this page comes out of one run, on CPython {version} and {cores} cores, in {seconds:.0f} seconds:

```sh
nox -s peers
```

or, in an environment that has the libraries, `PYTHONPATH=tests python -m bench peers --write docs`.

A figure is a ratio: how long something took, divided by how long the first line of its task took *in the same round*; in every
round each way of each task takes its turn, so that what disturbs the machine disturbs all alike. Shown is the median of the
rounds, and the quartiles behind it. Read them as sizes, not as ranks: whoever is faster often does less, and the last column says what.

Measured were {versions}.{missing}

![The ratios of all tasks on a logarithmic axis](figures.svg)
"""


def write(
    field: List[List[Entry]],
    imports: Mapping[str, Tuple[float, float, float]],
    reached: List[Tuple[Goal, List[Result]]],
    about: Dict[str, object],
) -> str:
    """The whole page, in Markdown."""
    versions = {package: installed(package) for package in PACKAGES}
    present = [f"{package} {version}" for package, version in versions.items() if version]
    missing = [package for package, version in versions.items() if not version]
    return (
        HEAD.format(
            **about,
            versions=", ".join(present) or "no other libraries",
            missing=f" Not installed: {', '.join(missing)}." if missing else "",
        )
        + "".join(f"{line}\n" for line in lines(field, imports, reached)).rstrip()
        + "\n"
    )


def lines(
    field: List[List[Entry]],
    imports: Mapping[str, Tuple[float, float, float]],
    reached: List[Tuple[Goal, List[Result]]],
) -> Iterator[str]:
    for entries in field:
        yield from _task(entries)
    yield from _imports(imports)
    if reached:
        yield from _goals(reached)


def _task(entries: List[Entry]) -> Iterator[str]:
    task, reference = entries[0].task, entries[0]
    yield f"\n## {task.title}\n\n{task.about}\n"
    yield "| by | what is written | × | quartiles | remarks |\n|---|---|---:|---|---|"
    for entry in entries:
        written = f"| {entry.way.who} | {code(entry.way.code)} "
        if entry.failure:
            yield f"{written}| – | | {cell(entry.failure)} |"
            continue
        low, median, high = entry.quartiles
        spread = "the reference" if entry is reference else f"{shown(low)}–{shown(high)}"
        yield f"{written}| {bold(entry, shown(median))} | {spread} | {cell(entry.seen)} |"


def _imports(imports: Mapping[str, Tuple[float, float, float]]) -> Iterator[str]:
    yield "\n## Import\n\nAn interpreter that starts, imports the package and ends, against one that only starts and ends.\n"
    yield "| | × | quartiles |\n|---|---:|---|"
    for package, (low, median, high) in sorted(imports.items(), key=lambda each: each[1][1]):
        name = f"**{package}**" if package == "recell" else package
        yield f"| {name} | {median:.2f} | {low:.2f}–{high:.2f} |"


def _goals(reached: List[Tuple[Goal, List[Result]]]) -> Iterator[str]:
    met = sum(all(result.verdict == "ok" for result in results) for _, results in reached)
    yield (
        "\n## Figures to reach\n\nWhat recell set itself, measured in the same process by the benchmarks of `tests/bench`; "
        f"{met} of {len(reached)} are met on this interpreter. What falls short is stated, not left out.\n"
    )
    yield "| what | to reach | measured (quartiles) | |\n|---|---|---|---|"
    for goal, results in reached:
        figures = ", ".join(figure(result) for result in results) or "left out on this interpreter"
        verdict = "met" if all(result.verdict == "ok" for result in results) else "**short**"
        yield f"| {goal.what} | {goal.reach} | {figures} | {verdict} |"


def figure(result: Result) -> str:
    """The median with its quartiles; bold where it falls short."""
    digits = 2 if result.figure < 10 else 1
    text = f"{result.figure:.{digits}f} ({result.low:.{digits}f}–{result.high:.{digits}f})"
    return text if result.verdict == "ok" else f"**{text}**"


def bold(entry: Entry, text: str) -> str:
    return f"**{text}**" if entry.way.who == "recell" else text


def code(text: str) -> str:
    """A line of code in a cell of a table."""
    return "`" + " ".join(text.split()).replace("|", "\\|") + "`"


def cell(text: str) -> str:
    """A text in a cell of a table."""
    return text.replace("|", "\\|").replace("\n", " ")
