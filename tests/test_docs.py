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
from typing import Iterator
from xml.etree import ElementTree

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


def home_of(obj: object) -> str | None:
    """The module whose text a function, or a class with methods, stands in."""
    functions = vars(obj).values() if isinstance(obj, type) else [obj]
    homes = {value.__globals__["__name__"] for value in functions if isinstance(value, types.FunctionType)}
    return next((name for name in homes if name.startswith("recell.")), None)


class Finder(doctest.DocTestFinder):
    """Finds the examples of public objects where they are defined, whatever module they report."""

    def _from_module(self, module: types.ModuleType, obj: object) -> bool:
        if getattr(obj, "__module__", None) == "recell":
            return home_of(obj) == module.__name__
        return super()._from_module(module, obj)


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every example in the module's docstrings gives what it shows."""
    monkeypatch.setenv("COLUMNS", "100")
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False)
    examples = Finder(exclude_empty=True).find(module, name)
    for example in examples:
        runner.run(example)
    result = runner.summarize(verbose=False)
    assert not result.failed, f"{result.failed} of {result.attempted} examples of {name} failed"
    shown = {example.name.rpartition(".")[2] for example in examples}
    defined = {public for public in recell._HOMES if home_of(getattr(recell, public)) == name}
    assert {public for public in defined if ">>>" in getattr(recell, public).__doc__} <= shown


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
    for path in [*PAGES, *(TOP / "docs").glob("*.svg")]:
        text = path.read_text(encoding="utf-8")
        assert f"{os.sep}root{os.sep}" not in text
        assert f"{os.sep}home{os.sep}" not in text


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """What the site's build calls for each page."""
    monkeypatch.syspath_prepend(str(TOP / "docs"))
    before = set(sys.modules)
    yield importlib.import_module("_hooks")
    for name in set(sys.modules) - before:
        if name.startswith("_") and getattr(sys.modules[name], "__file__", "").startswith(str(TOP / "docs")):
            del sys.modules[name]


def built(hooks: types.ModuleType, path: Path) -> str:
    """The Markdown of a page after the hooks."""
    page = types.SimpleNamespace(file=types.SimpleNamespace(abs_src_path=str(path)))
    return hooks.on_page_markdown(path.read_text(encoding="utf-8"), page)


@pytest.mark.parametrize("path", sorted((TOP / "docs").glob("**/*.md")), ids=lambda path: path.name)
def test_pages_are_filled_in(path: Path, hooks: types.ModuleType) -> None:
    """Every mark is replaced, every picture is drawn once and is well-formed, and the code of the page stays."""
    text = path.read_text(encoding="utf-8")
    result = built(hooks, path)
    assert "is filled in here" not in result
    assert "<!-- picture" not in result
    pictures = re.findall(r"<svg.*?</svg>", result, re.S)
    assert len(pictures) == len(re.findall("^<!-- picture [^:]+:", text, re.M))
    for picture in pictures:
        ElementTree.fromstring(picture)
        assert " at 0x" not in picture, "an address would differ from build to build"
    assert [found[0] for found in FENCE.finditer(result)] == [found[0] for found in FENCE.finditer(text)]


def drawn(picture: str) -> tuple[list[str], int]:
    """The texts in a picture, and how many cells it shows."""
    root = ElementTree.fromstring(picture)
    space = "{http://www.w3.org/2000/svg}"
    texts = [element.text or "" for element in root.iter(f"{space}text")]
    return texts, sum(element.get("class") == "cell" for element in root.iter(f"{space}rect"))


def test_pictures_show_the_functions_of_that_moment(hooks: types.ModuleType, tmp_path: Path) -> None:
    """Before and after `rebind`: one cell more, and the shared one drawn once."""
    page = tmp_path / "page.md"
    page.write_text(
        "```python\nimport recell\ndef make(x, y):\n    return lambda: (x, y)\nf = make(1, 2)\n```\n"
        "<!-- picture before: f -->\n"
        "```python\ng = recell.rebind(f, x='new')\n```\n"
        "<!-- picture after: f, g | len -->\n<!-- pictures -->\n",
        encoding="utf-8",
    )
    before, after = re.findall(r"<svg.*?</svg>", built(hooks, page), re.S)
    texts, cells = drawn(before)
    assert cells == 2
    assert sorted(texts) == ["1", "2", "f", "x", "y"]
    texts, cells = drawn(after)
    assert cells == 3
    assert {"f", "g", "'new'"} <= {*texts}
    assert texts.count("2") == 1


def test_what_the_table_of_releases_says_holds_here(hooks: types.ModuleType) -> None:
    """Rows that can be found out by doing it are, on the interpreter that runs."""
    from recell import compat

    releases = importlib.import_module("_releases")
    for row in releases.DIFFERENCES:
        assert len(row.answers) == 2
        if row.here is not None:
            assert bool(row.here()) == bool(row.answer(compat.CURRENT)), row.what
    table = releases.differences().splitlines()
    assert all(line.count("|") == table[0].count("|") for line in table)
    assert table[0].count("3.") == compat.NEWEST[1] - compat.OLDEST[1] + 1
