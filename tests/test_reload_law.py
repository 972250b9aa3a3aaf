"""After any edit a module, and everyone who holds parts of it, behaves as a fresh import does; or the report says what does not."""

from __future__ import annotations

import collections
import random
import sys
from typing import Any, Counter, Iterator, List, Tuple

import pytest
from reload_law import HEAD, Held, Part, Text, edited, first_text, look, module_of, source
from sizes import SEED, pick

import recell

DATA = ("value", "lambdas", "registry")  # where the text makes another object, who holds the old one keeps it
EDITS = pick(240, 20_000, debug=120)


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    yield
    sys.modules.pop("lawful", None)


def named(report: recell.Report) -> str:
    """The report's words on what does not follow, and on what ran."""
    told = [*report.kept, *report.left]
    return " ".join([f"{name} {why}" for name, why in told] + list(report.ran))


def differences(module: Any, fresh: Any, held: Held, text: Text) -> List[Tuple[str, Any, Any]]:
    found = []
    for _, part in text:
        expected = look(part.kind, getattr(fresh, part.name))
        now = look(part.kind, getattr(module, part.name, None)) if hasattr(module, part.name) else "absent"
        if now != expected:
            found.append((part.name, now, expected))
        elif part.name in held.parts and held.parts[part.name][0] == part.kind and part.kind not in DATA:
            sees = held.sees(part.name)
            if sees != expected:
                found.append((f"held {part.name}", sees, expected))
    return found


def excused(name: str, report: recell.Report) -> bool:
    """Whether the report names what does not follow: as kept, left, or (registries, held values) run again."""
    bare = name.partition("held ")[2] or name
    told = [one for one, _ in (*report.kept, *report.left)]
    return any(one == bare or one.startswith(f"{bare}.") or one.endswith(f"_of_{bare}") for one in told)


def stored_elsewhere(part: Any, now: Any, expected: Any, report: recell.Report) -> bool:
    """Whether nothing differs but what statements that ran, or that are gone, have stored in a registry.

    Everything that the new text registers is there and behaves so; what was registered before may still be there.
    """
    told = {*report.ran, *(name for name, _ in report.left)}
    if part.kind == "registry" and f"_of_{part.name}" in told:
        there = list(now)
        return all(one in there and (there.remove(one) or True) for one in expected)  # type: ignore[func-returns-value]
    if part.kind == "dispatch" and "_" in told:
        kinds = ("object", "int", "str", "list")
        asked = [at for at, kind in enumerate(kinds) if not at or f".register({kind})" in part.lines]
        return all(now[at] == expected[at] for at in asked)
    return False


def one_edit(seed: int, reasons: Counter[str]) -> None:
    rng = random.Random(seed)
    first = first_text(rng)
    old = source(first)
    module = module_of(old)
    before = dict(vars(module))
    held = Held(module, first)
    was = {part.name: look(part.kind, getattr(module, part.name)) for _, part in first}
    reports = []
    text = first
    for _ in range(rng.choice([1, 1, 1, 2])):
        after = edited(rng, text)
        new = source(after, rng.randint(0, 2))
        try:
            report = recell.reload(module, source=new, was=old)
        except recell.ReloadRefused as error:
            reasons[error.reasons[0].rpartition("cannot")[2][:40]] += 1
            for name, seen in was.items():
                if not reports and held.parts[name][0] not in ("registry", "dispatch"):
                    assert look(held.parts[name][0], getattr(module, name)) == seen, (
                        seed,
                        name,
                        "after a refusal",
                    )
            break
        reports.append(report)
        fresh = module_of(new)
        sys.modules["lawful"] = module
        parts = {part.name: part for _, part in after}
        for name, now, expected in differences(module, fresh, held, after):
            part = parts[name.partition("held ")[2] or name]
            if any(stored_elsewhere(part, now, expected, one) for one in reports):
                reasons["stored elsewhere"] += 1
                continue
            if excused(name, report) or any(excused(name, one) for one in reports):
                reasons["named"] += 1
                continue
            raise AssertionError(
                f"seed {seed}: {name} is\n{now}\nnot\n{expected}\n--- old\n{source(text)}\n--- new\n{new}\n{report}"
            )
        text, old = after, new
        reasons["followed"] += 1
    for report in reversed(reports):
        report.undo()
    names = dict(vars(module))
    assert names.keys() == before.keys(), (seed, names.keys() ^ before.keys())
    for name, value in before.items():
        assert names[name] is value, (seed, name)
    for name, seen in was.items():
        kind = held.parts[name][0]
        if kind not in ("registry", "dispatch"):  # what registered itself elsewhere stays there
            assert look(kind, getattr(module, name)) == seen, (seed, name, "after undo")


@pytest.mark.parametrize("shard", range(4))
def test_any_edit(shard: int) -> None:
    reasons: Counter[str] = collections.Counter()
    for number in range(shard, EDITS, 4):
        one_edit(SEED + number, reasons)
    print(dict(reasons))
    assert reasons["followed"]


FOLLOWED: List[Tuple[str, str, str]] = [
    ("function", "def n0(): return 'v0'\n", "def n0(): return 'v1'\n"),
    ("function", "def n0(a=1): return a\n", "def n0(a=2, *, k=3): return a, k\n"),
    ("function", "@bare\ndef n0(): return 'v0'\n", "@tag('x')\n@bare\ndef n0(): return 'v1'\n"),
    (
        "function",
        "@given(helper_a)\n@noted\ndef n0(): return 1\n",
        "@given(helper_b)\n@noted\ndef n0(): return 1\n",
    ),
    ("function", "@tag('x')\ndef n0():\n 'one'\n return 1\n", "@tag('x')\ndef n0():\n 'two'\n return 2\n"),
    ("function", "def n0(): return 1\n", "def n0():\n def nested(): return 2\n return nested()\n"),
    (
        "registry",
        "n0 = []\n@n0.append\ndef _of_n0(): return 1\n",
        "n0 = []\n@n0.append\ndef _of_n0(): return 2\n",
    ),
    (
        "dispatch",
        "@singledispatch\ndef n0(x): return 1\n@n0.register(int)\ndef _(x): return 1\n",
        "@singledispatch\ndef n0(x): return 1\n@n0.register(int)\ndef _(x): return 2\n",
    ),
    ("value", "n0 = 1\n", "n0 = True\n"),
    ("value", "n0 = re.compile('a')\n", "n0 = re.compile('b')\n"),
    ("value", "n0 = [1, 2]\n", "n0 = [1, 2, 3]\n"),
    ("lambdas", "n0 = [lambda: 1, lambda: 1]\n", "n0 = [lambda: 1, lambda: 2]\n"),
    ("class", "class n0:\n def one(self): return 1\n", "class n0:\n def two(self): return 2\n"),
    ("class", "class n0(Base):\n one = 1\n", "class n0(Other):\n one = staticmethod(lambda: 2)\n"),
    (
        "class",
        "class n0:\n __slots__ = ('x',)\n def one(self): return 1\n",
        "class n0:\n __slots__ = ('x',)\n def one(self): return 2\n",
    ),
    (
        "class",
        "@dataclasses.dataclass\nclass n0:\n x: int = 1\n",
        "@dataclasses.dataclass\nclass n0:\n x: int = 2\n y: str = 'y'\n",
    ),
    (
        "class",
        "class n0(typing.NamedTuple):\n x: int = 1\n def one(self): return 1\n",
        "class n0(typing.NamedTuple):\n x: int = 1\n def one(self): return 2\n",
    ),
    (
        "enum",
        "class n0(enum.Enum):\n A = 1\n def one(self): return 1\n",
        "class n0(enum.Enum):\n A = 1\n def one(self): return 2\n",
    ),
]


@pytest.mark.parametrize(("kind", "old", "new"), FOLLOWED)
def test_what_has_to_follow(kind: str, old: str, new: str) -> None:
    """Usual edits of each kind follow altogether: no report may excuse them."""
    module = module_of(HEAD + old)
    text = [(0, Part("n0", kind, old))]
    held = Held(module, text)
    report = recell.reload(module, source=HEAD + new, was=HEAD + old)
    fresh = module_of(HEAD + new)
    assert not differences(module, fresh, held, [(0, Part("n0", kind, new))]), str(report)
    assert not report.left
    report.undo()
    assert not differences(module, module_of(HEAD + old), held, text)
