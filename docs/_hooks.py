"""What MkDocs fills in at build time: the reference, the table of releases, and the pictures."""

from __future__ import annotations

from typing import Any

from _drawn import draw_pictures

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


def releases() -> str:
    """A row for each release: what its file says has changed, and the facts that limit what recell can do there."""
    import importlib

    from recell import compat

    rows = ["| CPython | what changed for functions and code objects | facts |", "|---|---|---|"]
    for minor in range(compat.OLDEST[1], compat.NEWEST[1] + 1):
        facts = compat.load((3, minor))
        module = importlib.import_module(f"recell.compat.py3{minor}")
        changed = (module.__doc__ or "").splitlines()[0].partition(": ")[2].rstrip(".")
        said = [
            "cells are locals" if facts.unified_locals else "cells numbered apart",
            "exception table" if facts.exception_table else "blocks on a stack",
            f"{sum(facts.caches.values())} cache units behind {len(facts.caches)} opcodes"
            if facts.caches
            else "no inline caches",
        ]
        if facts.function_factory is not None:
            said.append("functions made by its own instruction, to be called fast")
        rows.append(f"| 3.{minor} | {changed[:1].upper()}{changed[1:]} | {'; '.join(said)} |")
    return "\n".join(rows)


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    for mark, fill in (("reference", reference), ("table of releases", releases)):
        comment = f"<!-- the {mark} is filled in here -->"
        if comment in markdown:
            markdown = markdown.replace(comment, fill())
    return draw_pictures(markdown, page.file.abs_src_path)
