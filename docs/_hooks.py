"""What MkDocs fills in at build time: the reference, the tables of releases, and the pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from _drawn import draw_pictures
from _releases import differences, releases

TITLES = {
    "cells": "Cells and closures",
    "functions": "New functions",
    "scopes": "What a name means inside a function",
    "nested": "Functions inside functions",
    "patching": "In place, and back again",
    "local": "In this context only",
    "rewriting": "Rewriting and probes",
    "classes": "Classes and super()",
    "source": "Functions from source text",
    "reloading": "Hot reload",
    "verifier": "Checking code objects",
    "errors": "Errors",
}
BESIDE = {
    "layers": "patching",
    "patcher": "patching",
    "frames": "patching",
}  # what belongs to a chapter of another name


def reference() -> str:
    """A heading for each package, and a directive for each of its public names."""
    import recell

    chapters: dict[str, list[str]] = {title: [] for title in TITLES.values()}
    for name, home in recell._HOMES.items():
        package = home.partition(".")[0]
        chapters.setdefault(TITLES[BESIDE.get(package, package)], []).append(name)
    parts = []
    for title, names in chapters.items():
        if not names:
            continue
        parts.append(f"## {title}\n")
        # verbs first, then the types of what they return
        ordered = sorted(names, key=lambda name: (name[0].isupper(), name.lower()))
        if title == TITLES["local"]:
            ordered = [*(f"local.{verb}" for verb in recell.local.__all__), *ordered]
        parts += [f"::: recell.{name}\n" for name in ordered]
    return "\n".join(parts)


def on_files(files: Any, config: Any, **_: Any) -> Any:
    """Make pages of the files at the top of the project, and the colours of code for light and dark."""
    from mkdocs.structure.files import File
    from pygments.formatters import HtmlFormatter

    for name in ("CHANGELOG", "CONTRIBUTING", "SECURITY"):
        text = (Path(config.config_file_path).parent / f"{name}.md").read_text(encoding="utf-8")
        files.append(File.generated(config, f"{name.lower()}.md", content=text))
    colours = HtmlFormatter(style="default", nobackground=True).get_style_defs(".highlight")
    dark = HtmlFormatter(style="github-dark", nobackground=True).get_style_defs(
        "[data-bs-theme=dark] .highlight"
    )
    files.append(File.generated(config, "css/highlight.css", content=f"{colours}\n{dark}\n"))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    fills = (("reference", reference), ("table of releases", releases), ("table of differences", differences))
    for mark, fill in fills:
        comment = f"<!-- the {mark} is filled in here -->"
        if comment in markdown:
            markdown = markdown.replace(comment, fill())
    return draw_pictures(markdown, page.file.abs_src_path)
