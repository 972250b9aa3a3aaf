"""The plot of a run as SVG: a dot for each way at its ratio, on a logarithmic axis, the quartiles as a bar."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Iterator, List

if TYPE_CHECKING:
    from .run import Entry

WIDTH, LEFT, RIGHT, TOP, ROW, GAP = 860, 330, 64, 62, 17, 40
STYLE = """
.back { fill: #ffffff } .text { fill: #24292f } .dim { fill: #6e7781 } .line { stroke: #d0d7de }
.one { stroke: #8c959f } .ours { fill: #0969da } .theirs { fill: #9a6700 } .hand { fill: #6e7781 }
.bar { stroke: #24292f }
@media (prefers-color-scheme: dark) {
  .back { fill: #161b22 } .text { fill: #e6edf3 } .dim { fill: #9198a1 } .line { stroke: #30363d }
  .one { stroke: #6e7681 } .ours { fill: #58a6ff } .theirs { fill: #d29922 } .hand { fill: #9198a1 }
  .bar { stroke: #e6edf3 }
}
text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif }
.title { font-weight: 600 } .small { font-size: 11px }
"""


def draw(field: List[List[Entry]]) -> str:
    """The whole picture."""
    shown = [[entry for entry in entries if not entry.failure] for entries in field]
    highest = max(entry.quartiles[2] for entries in shown for entry in entries)
    lowest = min(entry.quartiles[0] for entries in shown for entry in entries)
    first, last = math.floor(math.log10(lowest)), math.ceil(math.log10(highest))
    height = TOP + sum(GAP + ROW * len(entries) for entries in shown) + 20

    def across(ratio: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (math.log10(ratio) - first) / (last - first)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'role="img" aria-label="Ratios of time, for each task and each way to do it">',
        f"<style>{STYLE}</style>",
        f'<rect class="back" width="{WIDTH}" height="{height}" rx="6"/>',
        '<text class="text" x="16" y="24">Time as a multiple of the first line of each task; '
        "left is faster, each line across is ten times the one before</text>",
        *_legend(),
        *_axis(across, first, last, height),
    ]
    y = TOP
    for entries in shown:
        y += GAP - ROW
        lines.append(f'<text class="text title" x="16" y="{y}">{escape(entries[0].task.title)}</text>')
        for entry in entries:
            y += ROW
            lines += _row(entry, entry is entries[0], y, across)
        y += ROW
    return "\n".join(lines) + "\n</svg>\n"


def _legend() -> Iterator[str]:
    for x, kind, words in ((16, "ours", "recell"), (84, "theirs", "others"), (152, "hand", "the reference")):
        yield f'<circle class="{kind}" cx="{x + 4}" cy="42" r="4"/>'
        yield f'<text class="dim small" x="{x + 13}" y="46">{words}</text>'


def _axis(across, first: int, last: int, height: int) -> Iterator[str]:
    for power in range(first, last + 1):
        x = across(10.0**power)
        kind = "one" if power == 0 else "line"
        yield f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{height - 14}"/>'
        yield f'<text class="dim small" x="{x:.1f}" y="{TOP - 6}" text-anchor="middle">{10.0**power:,g}×</text>'


def _row(entry: Entry, reference: bool, y: float, across) -> Iterator[str]:
    low, median, high = entry.quartiles
    kind = "hand" if reference else "ours" if entry.way.who == "recell" else "theirs"
    middle, name = y - 4, f"{entry.way.who}: {entry.way.short}"
    yield f'<text class="text small" x="{LEFT - 14}" y="{y}" text-anchor="end">{escape(name)}</text>'
    yield (
        f'<line class="bar" x1="{across(low):.1f}" x2="{across(high):.1f}" y1="{middle}" y2="{middle}" stroke-width="2"/>'
    )
    yield f'<circle class="{kind}" cx="{across(median):.1f}" cy="{middle}" r="4"/>'
    yield f'<text class="dim small" x="{across(high) + 9:.1f}" y="{y}">{shown(median)}</text>'


def shown(ratio: float) -> str:
    """Three digits at most, and thousands in groups."""
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.3g}"
