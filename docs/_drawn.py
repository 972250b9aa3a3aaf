"""The pictures of a page: its examples run, and at each mark the functions of that moment are drawn.

    <!-- picture before: bump, read -->
    <!-- picture during: shout | WIDTH, LIMIT=3 -->
    <!-- pictures -->

A picture is what `recell inspect --dot` prints for the functions (and classes) that are named; `<!-- pictures -->` is
where those since the last stand, side by side. Behind the bar stand names whose meaning is shown where no cell holds
it: globals, builtins, and, with the value they are to have, constants of the code.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
import types
from html import escape
from typing import Any, Dict, List

from _pictures import STYLE, svg

PART = re.compile(
    r"^```python\n(?P<python>.*?)^```[ ]*$"
    r"|^<!-- picture (?P<when>[^:\n]+): (?P<what>[^\n]+?) -->$"
    r"|^<!-- pictures -->$",
    re.M | re.S,
)


def draw_pictures(markdown: str, path: str) -> str:
    """The page with its pictures."""
    if "<!-- pictures -->" not in markdown:
        return markdown
    name = re.sub(r".*/|\.md$", "", path.replace("\\", "/")).replace("-", "_")
    module = sys.modules[name] = types.ModuleType(name)
    waiting: List[str] = []
    found = [False]

    def part(match: re.Match[str]) -> str:
        if match["python"] is not None:
            with contextlib.redirect_stdout(io.StringIO()):
                source = "\n" * markdown[: match.start("python")].count("\n") + match["python"]
                exec(compile(source, path, "exec", dont_inherit=True), vars(module))
            return match[0]
        if match["when"]:
            waiting.append(figure(match["when"], match["what"], vars(module)))
            return ""
        drawn = f'<div class="recell-pictures">{"".join(waiting)}</div>'
        style = "" if found[0] else f"<style>{STYLE}</style>\n\n"
        found[0] = True
        waiting.clear()
        return style + drawn

    try:
        drawn = PART.sub(part, markdown)
    finally:
        del sys.modules[name]
    if waiting:
        msg = f"{path}: pictures without a place"
        raise ValueError(msg)
    return drawn


def figure(when: str, what: str, names: Dict[str, Any]) -> str:
    asked, _, looked_up = what.partition("|")
    keys = [key.strip() for key in asked.split(",")]
    wanted = [each.strip() for each in looked_up.split(",") if each.strip()]
    picture = svg("\n".join(graph(keys, wanted, names)), f"{when}: {', '.join(keys)}")
    return f"<figure><figcaption>{escape(when)}</figcaption>{picture}</figure>"


def graph(keys: List[str], wanted: List[str], names: Dict[str, Any]) -> List[str]:
    """The lines that `recell inspect --dot` prints for several functions, and what other names mean in them."""
    from recell.inspecting import draw_dot, explore, quoted

    holder = type(
        "holder", (), {f"{at:03}": function for at, function in enumerate(functions(keys, names).values())}
    )
    found = explore(holder)
    prefix = re.escape(names["__name__"]) + r"\."
    lines = [re.sub(f'label="{prefix}', 'label="', line) for line in draw_dot(found)][:-1]
    titles = dict(zip(functions(keys, names), found.roots))
    for number, function in enumerate(found.functions.values(), 1):
        shown = [key for key, root in titles.items() if root is function] or [
            function.__qualname__.split(".")[-1]
        ]
        lines = [
            re.sub(rf'^(  f{number} \[.*label=)"[^"]*"', rf"\g<1>{quoted(shown[0])}", line) for line in lines
        ]
    places: Dict[str, str] = {}
    for number, function in enumerate(found.functions.values(), 1):
        for name in wanted:
            lines += meaning(name, number, function, names, places)
    return [*lines, "}"]


def functions(keys: List[str], names: Dict[str, Any]) -> Dict[str, Any]:
    """What the page calls them; a class stands for the functions in it, `A.f` for what stands in its namespace."""
    asked: Dict[str, Any] = {}
    for key in keys:
        owner, dot, attribute = key.partition(".")
        found = vars(names[owner])[attribute] if dot else names[owner]
        if isinstance(found, type):
            methods = {at: value for at, value in vars(found).items() if hasattr(value, "__code__")}
            asked.update({f"{key}.{at}": value for at, value in methods.items()})
        else:
            asked[key] = found
    return asked


def meaning(
    wanted: str, number: int, function: Any, names: Dict[str, Any], places: Dict[str, str]
) -> List[str]:
    """Where a name that no cell holds is found: an arrow and, the first time, the place it leads to."""
    from recell import scope
    from recell.inspecting import quoted, short

    name, _, expression = wanted.partition("=")
    found = scope(function)
    if name in found.nonlocals:
        return []
    for words, values in (("globals", found.globals), ("builtins", found.builtins)):
        if name in values:
            label, shape = f"{words}: {name} = {short(values[name], 40)}", "cylinder"
            break
    else:
        if not expression:
            return []
        value = eval(expression, names)
        constants = function.__code__.co_consts
        assert any(value is constant or value == constant for constant in constants), (name, function)
        label, shape = f"constant {short(value, 40)}", "note"
    lines = []
    if label not in places:
        places[label] = f"p{len(places) + 1}"
        lines.append(f"  {places[label]} [shape={shape}, label={quoted(label)}];")
    return [*lines, f"  f{number} -> {places[label]} [label={quoted(name)}];"]
