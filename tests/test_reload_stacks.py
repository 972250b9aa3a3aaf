"""Every edit of a decorator stack: who holds the function, and the name, see what a fresh import gives."""

from __future__ import annotations

import itertools
import random
import sys
import types
from typing import Any, Iterator, List, Tuple

import pytest
from sizes import SEED, pick

import recell

HEAD = """
def one(f):
    def wrapper(*a): return ["one", f(*a)]
    return wrapper
def two(f):
    def wrapper(*a): return ["two", f(*a)]
    return wrapper
def same(f): return f
"""
NAMES = ("one", "two", "same")
STACKS = [stack for size in range(4) for stack in itertools.product(NAMES, repeat=size)]
PAIRS = [(old, new, body) for old in STACKS for new in STACKS for body in ("v", "w")]


def text(stack: Tuple[str, ...], body: str, kind: str = "") -> str:
    lines = "".join(f"@{name}\n" for name in stack)
    if not kind:
        return HEAD + lines + f"def view(*a): return {body!r}\n"
    indented = "".join(f"    @{name}\n" for name in stack)
    return HEAD + f"class C:\n    @{kind}\n{indented}    def view(*a): return {body!r}\n"


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    yield
    sys.modules.pop("stacked", None)


def run(source: str) -> Any:
    module = types.ModuleType("stacked")
    exec(compile(source, "stacked.py", "exec", dont_inherit=True), vars(module))
    return module


def expected(stack: Tuple[str, ...], body: str) -> Any:
    value: Any = body
    for name in reversed(stack):
        value = value if name == "same" else [name, value]
    return value


def sample(most: int) -> List[Tuple[Tuple[str, ...], Tuple[str, ...], str]]:
    return random.Random(SEED).sample(PAIRS, min(most, len(PAIRS)))


def test_there_are_as_many_as_said() -> None:
    assert len(STACKS) ** 2 == 1_600 and len(PAIRS) == 3_200


@pytest.mark.parametrize("shard", range(4))
def test_every_pair_of_stacks(shard: int) -> None:
    for old, new, body in sample(pick(160, len(PAIRS), debug=20))[shard::4]:
        module = run(text(old, "v"))
        held = module.view
        report = recell.reload(module, source=text(new, body), was=text(old, "v"))
        assert module.view() == held() == expected(new, body), (old, new, body, str(report))
        assert module.view is held and not report.left
        report.undo()
        assert module.view() == held() == expected(old, "v"), (old, new, body)


@pytest.mark.parametrize("kind", ["classmethod", "staticmethod", "property"])
def test_stacks_in_a_class(kind: str) -> None:
    for old, new, body in sample(pick(40, 800, debug=6)):
        module = run(text(old, "v", kind))
        c = module.C()
        held = None if kind == "property" else c.view
        report = recell.reload(module, source=text(new, body, kind), was=text(old, "v", kind))
        seen = c.view if kind == "property" else c.view()
        assert seen == expected(new, body), (old, new, body, str(report))
        if held is not None:
            assert held() == expected(new, body), (old, new, body)
        report.undo()
        assert (c.view if kind == "property" else c.view()) == expected(old, "v"), (old, new, body)
