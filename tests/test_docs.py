"""Every example that a reader sees runs: the docstrings of all modules, and the pages' blocks, page by page.

A block ```python runs in the page's namespace; ```pycon runs as a doctest in the same one. A block that needs a newer
release than the oldest says so in the line above it: `<!-- needs 3.12 -->`. Blocks of other kinds are not run.
"""

from __future__ import annotations

import doctest
import importlib
import linecache
import os
import pkgutil
import re
import sys
import types
from pathlib import Path

import pytest

import recell

TOP = Path(__file__).parent.parent
PAGES = [
    path
    for path in [TOP / "README.md", TOP / "CONTRIBUTING.md", *sorted((TOP / "docs").glob("**/*.md"))]
    if path.exists()
]
FENCE = re.compile(r"^(?P<indent> *)```(?P<kind>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```[ ]*$", re.M | re.S)
NEEDS = re.compile(r"<!-- needs 3\.(\d+) -->\s*$")
MODULES = ["recell"] + [
    module.name
    for module in pkgutil.walk_packages(recell.__path__, "recell.")
    if not module.name.endswith(".__main__")
]


def blocks_of(text: str) -> list[tuple[str, int, str]]:
    """(kind, first line, source) of the blocks that this release can run."""
    found = []
    for match in FENCE.finditer(text):
        needs = NEEDS.search(text[: match.start()].rstrip(" "))
        if needs and sys.version_info < (3, int(needs.group(1))):
            continue
        source = re.sub(f"(?m)^{match['indent']}", "", match["text"]) if match["indent"] else match["text"]
        found.append((match["kind"], text[: match.start("text")].count("\n"), source))
    return found


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(TOP)))
def test_examples_of_pages(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's blocks, in order, in one namespace: as if a reader typed them."""
    name = "page_" + re.sub(r"\W", "_", path.stem)
    module = types.ModuleType(name)
    module.__file__ = str(path)
    monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.chdir(tmp_path)  # what an example writes does not stay
    linecache.checkcache()
    for kind, line, source in blocks_of(path.read_text(encoding="utf-8")):
        if kind == "python":
            # the empty lines give tracebacks and getsource the lines of the page
            exec(compile("\n" * line + source, str(path), "exec", dont_inherit=True), vars(module))
        elif kind == "pycon":
            example = doctest.DocTestParser().get_doctest(source, vars(module), path.name, str(path), line)
            example.globs = vars(module)
            result = doctest.DocTestRunner(verbose=False).run(example, clear_globs=False)
            assert not result.failed, f"{path.name}, line {line}"


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every example in the module's docstrings gives what it shows."""
    monkeypatch.setenv("COLUMNS", "100")
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS, verbose=False)
    assert not result.failed, f"{result.failed} of {result.attempted} examples of {name} failed"


def test_no_example_left_behind() -> None:
    """Pages open and close their blocks, and python blocks are called python."""
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        assert text.count("```") % 2 == 0, path
        for kind, line, _ in blocks_of(text):
            assert kind not in ("py", "python3"), f"{path.name}:{line} would not run"
            assert kind, f"{path.name}:{line}: a block without a language"


def test_links_between_pages_lead_somewhere() -> None:
    """Every relative link of a page names a file that exists."""
    for path in PAGES:
        prose = re.sub(r"`[^`\n]*`", "", FENCE.sub("", path.read_text(encoding="utf-8")))
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", prose):
            assert (path.parent / target).exists(), f"{path.relative_to(TOP)} links to {target}"


def test_no_page_names_a_machine() -> None:
    """No path of one machine in what readers see."""
    for path in PAGES:
        assert f"{os.sep}root{os.sep}" not in path.read_text(encoding="utf-8")
