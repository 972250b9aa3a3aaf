"""What MkDocs fills in at build time: the reference, the tables of releases, and the pictures."""

from __future__ import annotations

from typing import Any

from _drawn import draw_pictures
from _releases import differences, releases

TITLES = {
    "cells": "Cells and closures",
    "functions": "New functions",
    "scopes": "What a name means inside a function",
    "nested": "Functions inside functions",
    "patching": "In place, and back again",
    "classes": "Classes and super()",
    "source": "Functions from source text",
    "reloading": "Hot reload",
    "verifier": "Checking code objects",
    "errors": "Errors",
}


def reference() -> str:
    """A heading for each module, and a directive for each of its public names."""
    import recell

    homes: dict[str, list[str]] = {}
    for name, home in recell._HOMES.items():
        homes.setdefault(home, []).append(name)
    order = [*(home for home in TITLES if home in homes), *(home for home in homes if home not in TITLES)]
    parts = []
    for home in order:
        parts.append(f"## {TITLES.get(home, home)}\n")
        parts += [f"::: recell.{home}.{name}\n" for name in sorted(homes[home], key=str.lower)]
    return "\n".join(parts)


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    fills = (("reference", reference), ("table of releases", releases), ("table of differences", differences))
    for mark, fill in fills:
        comment = f"<!-- the {mark} is filled in here -->"
        if comment in markdown:
            markdown = markdown.replace(comment, fill())
    return draw_pictures(markdown, page.file.abs_src_path)
