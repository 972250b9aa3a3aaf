"""Modules to reload, made from a text or a file, and everything of one that a reload may change."""

from __future__ import annotations

import importlib
import linecache
import os
import sys
import textwrap
import types
from pathlib import Path
from typing import Any, Callable, Dict, Iterator

import pytest


def text(source: str) -> str:
    return textwrap.dedent(source).strip("\n") + "\n"


@pytest.fixture()
def make(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., types.ModuleType]]:
    """Makes a module of a text, as if it had been imported."""

    def module_of(source: str, name: str = "edited") -> types.ModuleType:
        module = types.ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
        lines = text(source)
        exec(compile(lines, f"{name}.py", "exec", dont_inherit=True), vars(module))
        # the lines of the file, as a traceback would have read them: the old text is known
        linecache.cache[f"{name}.py"] = (len(lines), 1.0, lines.splitlines(keepends=True), f"{name}.py")
        return module

    yield module_of
    linecache.clearcache()


@pytest.fixture()
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """Writes the file of a module that can be imported under the name `edited_file`."""
    monkeypatch.syspath_prepend(str(tmp_path))
    path = tmp_path / "edited_file.py"
    count = [0]

    def written(source: str) -> Path:
        path.write_text(text(source), encoding="utf-8")
        count[0] += 1
        os.utime(path, (count[0] * 10, count[0] * 10))  # each text is of another second
        importlib.invalidate_caches()
        return path

    yield written
    sys.modules.pop("edited_file", None)
    linecache.clearcache()


def snapshot(module: types.ModuleType) -> Dict[str, Any]:
    """Everything of a module that a reload may touch, by identity."""
    found: Dict[str, Any] = {}

    def function(key: str, func: types.FunctionType) -> None:
        annotations = None if sys.version_info >= (3, 14) else func.__annotations__
        parts = (
            func.__code__,
            func.__closure__,
            func.__defaults__,
            func.__kwdefaults__,
            func.__doc__,
            func.__dict__,
        )
        for number, part in enumerate((*parts, annotations) if annotations else parts):
            found[f"{key}#{number}"] = part
        for name, cell in zip(func.__code__.co_freevars, func.__closure__ or ()):
            found[f"{key}:{name}"] = cell.cell_contents

    for name, value in vars(module).items():
        found[name] = value
        if isinstance(value, types.FunctionType):
            function(name, value)
        elif isinstance(value, type) and value.__module__ == module.__name__:
            found[f"{name}.__bases__"] = value.__bases__
            for attribute, member in vars(value).items():
                if attribute not in ("__dict__", "__weakref__"):
                    found[f"{name}.{attribute}"] = member
                if isinstance(member, types.FunctionType):
                    function(f"{name}.{attribute}", member)
    return found


def same(one: Dict[str, Any], other: Dict[str, Any]) -> bool:
    if one.keys() != other.keys():
        raise AssertionError(sorted(one.keys() ^ other.keys()))
    changed = [name for name in one if one[name] is not other[name] and not name.endswith("__bases__")]
    changed += [name for name in one if name.endswith("__bases__") and one[name] != other[name]]
    if changed:
        raise AssertionError(changed)
    return True


RICH = """
    import functools
    LIMIT = 1
    def loud(f):
        calls = 0
        @functools.wraps(f)
        def wrapper(*args):
            nonlocal calls
            calls += 1
            return f(*args)
        return wrapper
    def plain(a, b=1, *, c=2): return a, b, c
    @loud
    def decorated(a): return a
    class Base:
        def f(self): return 1
    class Other(Base):
        rate = 1
        def f(self): return 1
        @property
        def p(self): return 1
        def gone(self): return 1
        def rooted(self): return super()
    class Third(Base):
        def mine(self, a=1): return __class__, a
    def removed(): return 1
"""
RICHER = """
    import functools, json
    LIMIT = 2
    NEW = [1]
    def loud(f):
        calls = 0
        @functools.wraps(f)
        def wrapper(*args):
            nonlocal calls
            calls += 10
            return 'loud', f(*args)
        return wrapper
    @loud
    def plain(a, b=3, *, c=4): return a, b, c, NEW
    @loud
    def decorated(a, more=5): return a, more
    class Base:
        def f(self): return 2
    class Mixed(Base):
        def g(self): return __class__
    class Other(Mixed):
        rate = 2
        def f(self): return super().f(), json.dumps(1)
        @property
        def p(self): return 2
        @p.setter
        def p(self, value): pass
        def rooted(self): return super().f()
    class Third(Base):
        def mine(self, a=2): return a, __class__
"""
