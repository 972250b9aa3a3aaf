"""The list of checks, and what several of them need."""

from __future__ import annotations

import dis
import opcode
import subprocess
import sys
import types
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable

import recell

HEADROOM = 256  # pseudo-instructions of the compiler are numbered from here
CHECKS: dict[str, Callable[[Any], None]] = {}
SPECIALISED = set(getattr(opcode, "_specialized_opmap", {}))
TABLE = {
    name: number for name, number in opcode.opmap.items() if number < HEADROOM and name not in SPECIALISED
}
WRITTEN = {name for name in TABLE if not name.startswith("INSTRUMENTED_")}
"""The opcodes that a code object may hold without having run."""


def check(*fields: str) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    def register(function: Callable[[Any], None]) -> Callable[[Any], None]:
        for field in fields:
            CHECKS[field] = function
        return function

    return register


def failures(facts: Any) -> dict[str, str]:
    """`{field: reason}` of the checks that fail."""
    found = {}
    for field in type(facts)._fields:
        try:
            CHECKS[field](facts)
        except Exception as error:  # noqa: BLE001 - a wrong fact may lead to any
            found[field] = f"{type(error).__name__}: {error}"
    return found


def real(numbers: Any) -> set[str]:
    """The names of those opcodes that stand in code objects."""
    return {dis.opname[number] for number in numbers} & WRITTEN


def same(wanted: Any, stated: Any) -> None:
    """Fail with the difference of two sets or mappings, or with both values."""
    if isinstance(wanted, (set, frozenset)):
        assert wanted == stated, f"missing {sorted(wanted - stated)}, wrong {sorted(stated - wanted)}"
    elif isinstance(wanted, dict):
        different = {
            key: f"{stated.get(key)!r}, not {wanted.get(key)!r}"
            for key in {*wanted, *stated}
            if stated.get(key) != wanted.get(key)
        }
        assert not different, different
    else:
        assert wanted == stated, f"is {stated!r}, the interpreter says {wanted!r}"


def function_of(text: str, **options: Any) -> types.CodeType:
    """The first function in a text."""
    constants = compile(text, "<text>", "exec", **options).co_consts
    return next(value for value in constants if isinstance(value, types.CodeType))


def nested(code: types.CodeType) -> list[types.CodeType]:
    found = [code]
    for value in code.co_consts:
        if isinstance(value, types.CodeType):
            found += nested(value)
    return found


_programs: list[types.CodeType] = []


def programs() -> list[types.CodeType]:
    """Code of all kinds: some modules of the standard library and all that a hand-written one holds."""
    if not _programs:
        import argparse
        import asyncio.tasks
        import contextlib

        for module in (argparse, asyncio.tasks, contextlib, dis):
            text = Path(module.__file__).read_text(encoding="utf-8")
            _programs.extend(nested(compile(text, module.__file__, "exec")))
    return _programs


@lru_cache(maxsize=None)
def used_instructions() -> set[tuple[str, int]]:
    """Opcodes and arguments in `programs()`."""
    return {(each.opname, each.arg or 0) for code in programs() for each in dis.get_instructions(code)}


def code_with(*units: tuple[str, int], caches: Any, **fields: Any) -> types.CodeType:
    """A code object of these units that is only looked at."""
    raw = bytearray()
    for name, argument in units:
        for shift in (24, 16, 8):
            if argument >> shift:
                raw += bytes((opcode.opmap["EXTENDED_ARG"], argument >> shift & 255))
        raw += bytes((opcode.opmap[name], argument & 255)) + bytes(2 * caches.get(name, 0))
    template = function_of("def f(): pass")
    return template.replace(co_code=bytes(raw), **fields)


def loading(function: Any, name: str) -> str:
    """The text that loads a function of a file of facts, wherever that stands."""
    return (
        "import importlib.util\n"
        f"spec = importlib.util.spec_from_file_location('recell.compat.loaded', {function.__code__.co_filename!r})\n"
        "module = importlib.util.module_from_spec(spec)\nspec.loader.exec_module(module)\n"
        f"{name} = module.{function.__qualname__}\n"
    )


def in_child(script: str) -> None:
    """Run in a child process: a wrong fact may end it."""
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", script, str(Path(recell.__file__).parent.parent)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, f"exit {done.returncode}: {done.stderr[-400:]}"
