"""Annotations of modules, classes and functions after a reload: those of the text, freshly run; and back."""

from __future__ import annotations

import itertools
import random
import types
import typing
from typing import Any

import pytest
from sizes import SEED, pick

import recell

STRINGS = "from __future__ import annotations\n"

# what the annotations are of, and its text in four versions: other types, none at all, more of them
TEXTS: dict[str, tuple[str, ...]] = {
    "module": ("x: int = 1\n", "x: str = 1\n", "q = 1\n", "x: int = 1\nz: int = 2\n"),
    "f": (
        "def f(x: int): pass\n",
        "def f(x: str): pass\n",
        "def f(x): pass\n",
        "def f(x, z: int = 1): pass\n",
    ),
    "C": ("class C:\n x: int\n", "class C:\n x: str\n", "class C: pass\n", "class C:\n x: int\n z: int\n"),
    "C.f": (
        "class C:\n def f(self, x: int): pass\n",
        "class C:\n def f(self, x: str): pass\n",
        "class C:\n def f(self, x): pass\n",
        "class C:\n def f(self, x, z: int = 1): pass\n",
    ),
    "D": tuple(
        "import typing\nclass K: pass\nclass D:\n " + body
        for body in (
            "x: typing.List[K]\n",
            "x: typing.List[int]\n",
            "pass\n",
            "x: K\n z: typing.Optional[K]\n",
        )
    ),
}
VERSIONS = {what: texts + tuple(STRINGS + text for text in texts) for what, texts in TEXTS.items()}


def run(text: str) -> types.ModuleType:
    module = types.ModuleType("annotated")
    exec(compile(text, "annotated.py", "exec", dont_inherit=True), vars(module))
    return module


def annotations(module: Any, what: str) -> dict[str, Any]:
    found = module
    for name in what.split(".") if what != "module" else ():
        found = getattr(found, name)
    return dict(getattr(found, "__annotations__", None) or {})  # a module has none of its own before 3.10


@pytest.mark.parametrize("seen", [True, False], ids=["evaluated", "not evaluated"])
@pytest.mark.parametrize("what", VERSIONS)
def test_annotations_follow_and_come_back(what: str, seen: bool) -> None:
    """From each version to each other, and on to a third; whether somebody has looked at them or not."""
    versions = VERSIONS[what]
    expected = {text: repr(annotations(run(text), what)) for text in versions}
    paths = list(itertools.product(versions, repeat=2))
    paths += [(one, other, one) for one, other in paths] + [(one, other, other) for one, other in paths]
    for first, *others in random.Random(SEED).sample(paths, pick(32, len(paths), debug=6)):
        module = run(first)
        if seen:
            assert repr(annotations(module, what)) == expected[first]
        reports, was = [], first
        for text in others:
            reports.append(recell.reload(module, source=text, was=was))
            was = text
            assert repr(annotations(module, what)) == expected[text], (first, others, text)
        for report in reversed(reports):
            report.undo()
        assert repr(annotations(module, what)) == expected[first], (first, others)


@pytest.mark.parametrize("what", VERSIONS)
def test_the_same_text_touches_nothing(what: str) -> None:
    for text in VERSIONS[what]:
        module = run(text)
        annotations(module, what)
        before = {name: id(value) for name, value in vars(module).items()}
        inside = {name: id(value) for name, value in vars(vars(module).get("C", object)).items()}
        assert "nothing to change" in str(recell.reload(module, source=text))
        assert {name: id(value) for name, value in vars(module).items()} == before
        assert {name: id(value) for name, value in vars(vars(module).get("C", object)).items()} == inside


@pytest.mark.parametrize("what", VERSIONS)
def test_a_run_that_raises_leaves_annotations_alone(what: str) -> None:
    """The module's dict of annotations is not the one that the run fills."""
    for text, other in itertools.product(VERSIONS[what], repeat=2):
        module = run(text)
        own = vars(module).get("__annotations__")
        before = repr(annotations(module, "module")), repr(annotations(module, what))
        with pytest.raises(ZeroDivisionError):
            recell.reload(module, source=other + "\nmore: float = 1\n1 / 0", was=text)
        assert (repr(annotations(module, "module")), repr(annotations(module, what))) == before
        assert own is None or vars(module)["__annotations__"] is own


def test_annotations_mean_the_living_classes() -> None:
    module = run(VERSIONS["D"][1])
    living = module.K
    recell.reload(module, source=VERSIONS["D"][3], was=VERSIONS["D"][1])
    assert module.D.__annotations__["x"] is living is module.K
    assert module.D.__annotations__["z"].__args__[0] is living


class _Secretive:
    """Metadata that cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError


def test_annotations_that_cannot_be_compared_are_the_new_ones() -> None:
    typing = pytest.importorskip("typing")
    if not hasattr(typing, "Annotated"):
        pytest.skip("typing.Annotated came with 3.9")
    text = "import typing\nclass C:\n x: typing.Annotated[int, note]\n"
    module = types.ModuleType("annotated")
    vars(module)["note"] = _Secretive()
    exec(compile(text, "annotated.py", "exec", dont_inherit=True), vars(module))
    recell.reload(module, source=text)
    assert module.C.__annotations__["x"].__origin__ is int


@pytest.mark.skipif(not hasattr(typing, "Annotated"), reason="PEP 593 came with 3.9")
def test_annotations_that_cannot_be_shown_count_as_new() -> None:
    """What stands in `Annotated` may refuse to be shown: the reload goes on."""
    text = (
        "import typing\n"
        "class Shy:\n def __repr__(self): raise ValueError\n"
        "class C:\n x: typing.Annotated[int, Shy()]\n"
    )
    module = run(text)
    before = module.C.__annotations__["x"]
    assert "nothing to change" in str(recell.reload(module, source=text, was=text))
    assert module.C.__annotations__["x"] is before

    module = run(text)
    before = module.C.__annotations__["x"]
    report = recell.reload(module, source=text)
    assert not report.refused
    # a class keeps the code of its annotations, where it evaluates them later: that tells what a lost text does not
    stays = callable(getattr(module.C, "__annotate__", None))
    assert (module.C.__annotations__["x"] is before) is stays
    assert type(module.C.__annotations__["x"].__metadata__[0]) is module.Shy
    report.undo()
    assert module.C.__annotations__["x"] is before

    other = text.replace("[int, Shy()]", "[int, Shy(), Shy()]")
    for was in (text, None):
        module = run(text)
        before = module.C.__annotations__["x"]
        report = recell.reload(module, source=other, was=was)
        assert [type(one) for one in module.C.__annotations__["x"].__metadata__] == [module.Shy] * 2
        report.undo()
        again = module.C.__annotations__["x"]
        assert [type(one) for one in again.__metadata__] == [module.Shy]
        assert stays or again is before  # annotations that are evaluated later are evaluated again
