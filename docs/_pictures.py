"""The graphs that `recell inspect --dot` prints, drawn as SVG without Graphviz: they are small, and of one kind.

A function is a box with a slot for each name that leads somewhere; a cell is a rounded box with its contents. Columns
are distances from the functions that were asked for. Colours are those of the page around the picture.
"""

from __future__ import annotations

import re
from html import escape
from typing import Dict, List, NamedTuple, Tuple

NODE = re.compile(r'^\s*(\w+) \[shape=(\w+)(?:, style=(\w+))?, label="((?:[^"\\]|\\.)*)"(.*)\];$')
EDGE = re.compile(r'^\s*(\w+) -> (\w+)(?: \[(?:label="((?:[^"\\]|\\.)*)")?.*\])?;$')

CHARACTER, LINE, PAD, BETWEEN, ACROSS = 7.3, 22, 10, 14, 74


class Node:
    """A box: where it stands, and what leaves it."""

    def __init__(self, key: str, shape: str, style: str, label: str, root: bool) -> None:
        self.key, self.shape, self.style, self.label, self.root = key, shape, style, label, root
        self.slots: List[Tuple[str, str]] = []
        """(name, key of what it leads to) for each labelled arrow."""
        self.holds: List[str] = []
        self.column, self.x, self.y = -1, 0.0, 0.0

    @property
    def width(self) -> float:
        longest = max([len(self.label), *(len(name) + 3 for name, _ in self.slots)])
        return 2 * PAD + CHARACTER * longest

    @property
    def height(self) -> float:
        return 6 + LINE * (1 + len(self.slots))

    def slot(self, index: int) -> Tuple[float, float]:
        """Where the arrow of a slot begins."""
        return self.x + self.width - PAD, self.y + 3 + LINE * (index + 1.5)


class Arrow(NamedTuple):
    start: Tuple[float, float]
    end: Node
    dotted: bool


def parse(lines: List[str]) -> Dict[str, Node]:
    """The nodes of a graph, with their arrows."""
    nodes: Dict[str, Node] = {}
    for line in lines:
        found = NODE.match(line)
        if found:
            key, shape, style, label, rest = found.groups()
            nodes[key] = Node(key, shape, style or "solid", plain(label), "penwidth" in rest)
    for line in lines:
        found = EDGE.match(line)
        if found:
            start, end, label = found.groups()
            if label is not None:
                nodes[start].slots.append((plain(label), end))
            else:
                nodes[start].holds.append(end)
    return nodes


def plain(label: str) -> str:
    """A label as a person reads it: without quoting, addresses and the words around names."""
    text = re.sub(r"\\(.)", r"\1", label)
    text = re.sub(r" at 0x[0-9a-fA-F]+", "", text)
    text = re.sub(r"<class '(?:\w+\.)*(\w+)'>", r"class \1", text)
    return re.sub(r"<(function|bound method) (?:[\w.]+\.)?(?:<locals>\.)?(\w+|<lambda>)>", r"\1 \2", text)


def place(nodes: Dict[str, Node]) -> Tuple[float, float]:
    """Gives every node its column and position; returns width and height of the whole."""
    level = [node for node in nodes.values() if node.root]
    column = 0
    while level:
        for node in level:
            node.column = column
        reached = [key for node in level for key in (*(end for _, end in node.slots), *node.holds)]
        level = [nodes[key] for key in dict.fromkeys(reached) if nodes[key].column < 0]
        column += 1
    columns: Dict[int, List[Node]] = {}
    for node in nodes.values():
        node.column = max(node.column, 0)  # those that hold a cell and were not asked for
        columns.setdefault(node.column, []).append(node)
    order = {node.key: position for position, node in enumerate(nodes.values())}
    for position in sorted(columns)[1:]:  # what one function leads to stands in the order of its slots
        before = [
            end for node in columns[position - 1] for end in (*(end for _, end in node.slots), *node.holds)
        ]
        columns[position].sort(
            key=lambda node: before.index(node.key) if node.key in before else order[node.key]
        )
    x, tallest = 2.0, 0.0
    heights = {
        at: sum(node.height for node in each) + BETWEEN * (len(each) - 1) for at, each in columns.items()
    }
    tallest = max(heights.values())
    for at in sorted(columns):
        y = 2 + (tallest - heights[at]) / 2
        for node in columns[at]:
            node.x, node.y = x, y
            y += node.height + BETWEEN
        x += max(node.width for node in columns[at]) + ACROSS
    return x - ACROSS + 2, tallest + 4


def arrows(nodes: Dict[str, Node]) -> List[Arrow]:
    found = []
    for node in nodes.values():
        found += [Arrow(node.slot(index), nodes[end], False) for index, (_, end) in enumerate(node.slots)]
        middle = (node.x + node.width, node.y + node.height / 2)
        found += [Arrow(middle, nodes[end], node.shape != "box") for end in node.holds]
    return found


def svg(dot: str, title: str) -> str:
    """The picture of a graph that `recell inspect --dot` printed."""
    nodes = parse(dot.splitlines())
    width, height = place(nodes)
    drawn = [curve(arrow, arrows(nodes)) for arrow in arrows(nodes)] + [box(node) for node in nodes.values()]
    return (
        f'<svg class="recell-picture" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" aria-label="{escape(title)}">'
        + "".join(drawn)
        + "</svg>"
    )


def curve(arrow: Arrow, among: List[Arrow]) -> str:
    """An arrow; several that end at one box end beside each other, in the order in which they come."""
    alike = sorted({other.start[::-1] for other in among if other.end is arrow.end})
    share = (alike.index(arrow.start[::-1]) + 1) / (len(alike) + 1)
    (x, y), end_y = arrow.start, arrow.end.y + arrow.end.height * share
    dash = ' stroke-dasharray="2 4"' if arrow.dotted else ""
    if arrow.end.x > x:
        end_x = arrow.end.x - 2
        bend = (end_x - x) / 2
        path = f"M{x:.0f} {y:.0f} C{x + bend:.0f} {y:.0f} {end_x - bend:.0f} {end_y:.0f} {end_x - 7:.0f} {end_y:.0f}"
        tip = f"M{end_x:.0f} {end_y:.0f} l-8 -4 v8 z"
    else:  # back to something on the left: from beneath
        end_x, end_y = arrow.end.x + arrow.end.width / 2, arrow.end.y + arrow.end.height + 2
        path = f"M{x:.0f} {y:.0f} c40 60 {end_x - x - 40:.0f} 60 {end_x - x:.0f} {end_y - y + 7:.0f}"
        tip = f"M{end_x:.0f} {end_y:.0f} l-4 8 h8 z"
    start = "" if arrow.dotted else f'<circle class="dot" cx="{x:.0f}" cy="{y:.0f}" r="3"/>'
    return f'<path class="arrow" d="{path}"{dash}/><path class="tip" d="{tip}"/>{start}'


def box(node: Node) -> str:
    """A function with its slots, a cell, or another place where a name is found."""
    kind = {"box": "function", "ellipse": "cell", "cylinder": "globals", "note": "constant"}[node.shape]
    radius = {"cell": (node.height - 2) / 2, "function": 4}.get(kind, 0)
    dash = ' stroke-dasharray="5 4"' if node.style == "dashed" else ""
    x, y, middle = node.x, node.y, node.x + node.width / 2
    size = f'x="{x:.0f}" y="{y:.0f}" width="{node.width:.0f}" height="{node.height:.0f}"'
    parts = [f'<rect class="{kind}" {size} rx="{radius:.0f}"{dash}/>']
    if node.slots:
        parts.append(f'<path class="{kind}" d="M{x:.0f} {y + 3 + LINE:.0f} h{node.width:.0f}"/>')
        parts.append(words(node.label, x + PAD, y + 18, 'class="name"'))
    else:
        look = ' class="name"' if kind == "function" else ""
        parts.append(words(node.label, middle, y + 18, f'text-anchor="middle"{look}'))
    for index, (name, _) in enumerate(node.slots):
        parts.append(words(name, x + PAD, y + 18 + LINE * (index + 1), ""))
    return "".join(parts)


def words(text: str, x: float, y: float, look: str) -> str:
    return f'<text {look} x="{x:.0f}" y="{y:.0f}">{escape(text)}</text>'


STYLE = """
.recell-pictures { display: flex; flex-wrap: wrap; gap: 8px 48px; align-items: flex-start; margin: 16px 0 24px }
.recell-pictures figure { margin: 0 }
.recell-pictures figcaption { font-size: 85%; opacity: .7; margin-bottom: 4px }
.recell-picture { max-width: 100%; height: auto; color: inherit }
.recell-picture text { font: 12px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: currentColor }
.recell-picture .name { font-weight: 600 }
.recell-picture rect, .recell-picture path { stroke-width: 1.3 }
.recell-picture .function { fill: #0969da1a; stroke: #388bfd }
.recell-picture .cell { fill: #d2992226; stroke: #bf8700 }
.recell-picture .globals { fill: #2da44e1f; stroke: #2da44e }
.recell-picture .constant { fill: #8957e51f; stroke: #8957e5 }
.recell-picture .arrow { fill: none; stroke: currentColor; opacity: .65 }
.recell-picture .tip, .recell-picture .dot { fill: currentColor; stroke: none; opacity: .75 }
"""
