"""Reloading modules of 100, 1,000 and 10,000 functions: one of them changed, or all, beside compiling the text alone.

`importlib.reload` runs beside it; IPython's superreload and jurigged where they are importable, at the sizes that they
finish.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import tempfile
import time
import types
from pathlib import Path
from typing import Any, Callable

import recell
from bench import Benchmark

SIZES = (100, 1_000, 10_000)


def text(size: int, mark: int, every: bool) -> str:
    """A module of functions; the mark stands in the middle one, or in all."""
    return "\n".join(
        f"def f{n}(items, factor={n}):\n"
        f'    """Adds up."""\n'
        f"    total = {mark if every or n == size // 2 else 0}\n"
        f"    for item in items:\n"
        f"        if item > factor:\n"
        f"            total += item * {n}\n"
        f"    return total\n"
        for n in range(size)
    )


def module_of(size: int, every: bool) -> types.ModuleType:
    module = types.ModuleType("edited")
    sys.modules["edited"] = module
    exec(compile(text(size, 0, every), "edited.py", "exec", dont_inherit=True), vars(module))
    return module


def compared(size: int, every: bool) -> Callable[[], tuple[float, float]]:
    """Seconds of one reload, and of compiling the same text, measured next to each other."""
    state: dict[str, Any] = {}

    def round() -> tuple[float, float]:
        if not state:
            state.update(module=module_of(size, every), mark=0)
        state["mark"] += 1
        new = text(size, state["mark"], every)
        start = time.process_time()
        compile(new, "edited.py", "exec", dont_inherit=True)
        middle = time.process_time()
        report = recell.reload(state["module"], source=new)
        end = time.process_time()
        assert len(report.changed) == (size if every else 1), report
        return 1e9 * (end - middle), 1e9 * (middle - start)

    return round


def beside(
    reloader: Callable[[types.ModuleType], Any],
    size: int,
    every: bool,
    begin: Callable[[types.ModuleType], Any] | None = None,
) -> Callable[[], tuple[float, float]]:
    """The same with another reloader, which reads the text from a file."""
    state: dict[str, Any] = {}

    def round() -> tuple[float, float]:
        if not state:
            folder = tempfile.mkdtemp()
            sys.path.insert(0, folder)
            path = Path(folder) / "edited_file.py"
            path.write_text(text(size, 0, every))
            importlib.invalidate_caches()
            sys.modules.pop("edited_file", None)
            state.update(module=importlib.import_module("edited_file"), path=path, mark=0)
            if begin is not None:
                begin(state["module"])
        state["mark"] += 1
        new = text(size, state["mark"], every)
        state["path"].write_text(
            new + "\n" * state["mark"]
        )  # another size: a pyc of the same second counts as stale
        start = time.perf_counter()
        compile(new, "edited.py", "exec", dont_inherit=True)
        middle = time.perf_counter()
        reloader(state["module"])
        end = time.perf_counter()
        return 1e9 * (end - middle), 1e9 * (middle - start)

    return round


def has(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def superreload(module: types.ModuleType) -> None:
    from IPython.extensions.autoreload import superreload as reload

    reload(module)


def jurigged_begins(module: types.ModuleType) -> None:
    """It has to see the text before it changes."""
    from jurigged.register import registry

    registry.prepare(module.__name__, str(module.__file__))
    registry.get(str(module.__file__))


def jurigged(module: types.ModuleType) -> None:
    from jurigged.register import registry

    registry.get(str(module.__file__)).refresh()


def ours(module: types.ModuleType) -> None:
    recell.reload(module)


BENCHMARKS = [
    *(
        Benchmark(
            f"reload {size} functions, {'all' if every else 'one'} changed, to compiling",
            compared(size, every),
            reach=1.3 if every else 1.1,
            rounds=7,
        )
        for size in SIZES
        for every in (False, True)
    ),
    *(
        Benchmark(
            f"{name}, {size} functions, {'all' if every else 'one'} changed, to compiling",
            beside(reloader, size, every, begin),
            reach=None,
            rounds=rounds,
            only=lambda name=name: has(name.replace(".", " ").split()[0]),
        )
        for name, reloader, begin, sizes, rounds in (
            ("recell.reload of a file", ours, None, SIZES[:2], 5),
            ("importlib.reload", importlib.reload, None, SIZES[:2], 5),
            ("IPython superreload", superreload, None, SIZES[:2], 5),
            ("jurigged", jurigged, jurigged_begins, SIZES[:2], 3),
        )
        for size in sizes
        for every in (False, True)
        if not (every and name == "jurigged" and size > SIZES[0])  # minutes for one round
    ),
]
