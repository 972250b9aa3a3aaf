"""`verify` against the raw walk: a loop over the code units, a copy of the bytes, one `replace`."""

from __future__ import annotations

import opcode
import os
import random
import statistics
import time
from pathlib import Path
from types import CodeType
from typing import Any, Iterator

from bench import Benchmark, linear
from recell import compat, verify

CACHES = [0] * 256
for _name, _units in compat.require("benchmarks").caches.items():
    CACHES[opcode.opmap[_name]] = 2 * _units
LOAD_GLOBAL = opcode.opmap["LOAD_GLOBAL"]


def raw(code: CodeType) -> CodeType:
    """The least that anything which looks at each instruction and changes some must do."""
    units = code.co_code
    changed, index, length, found = bytearray(units), 0, len(units), 0
    while index < length:
        number = units[index]
        if number == LOAD_GLOBAL:
            found += 1
        index += 2 + CACHES[number]
    return code.replace(co_code=bytes(changed))


def inside(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from inside(constant)


def leaves(count: int) -> list[CodeType]:
    """Functions of the standard library without functions inside, the same ones every time."""
    found = []
    for path in sorted(Path(os.__file__).parent.glob("*.py")):
        try:
            module = compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
        except (OSError, SyntaxError, ValueError):  # Debian links to files of other packages
            continue
        for code in inside(module):
            if any(name.startswith(".") for name in code.co_varnames):
                continue  # a comprehension is verified with the code around it
            if code.co_flags & 2 and not any(isinstance(constant, CodeType) for constant in code.co_consts):
                found.append(code)
    return random.Random(1).sample(found, min(count, len(found)))


CODES: list[CodeType] = []


def median_ratio() -> tuple[float, float]:
    """The median over functions of verify's time over the raw walk's."""
    if not CODES:
        CODES.extend(leaves(600))
    clock, ratios = time.perf_counter, []
    for code in CODES:
        times = [9e9, 9e9]
        for _ in range(3):
            start = clock()
            verify(code)
            middle = clock()
            raw(code)
            end = clock()
            times = [min(times[0], middle - start), min(times[1], end - middle)]
        ratios.append(times[0] / times[1])
    return statistics.median(ratios), 1.0


def of_size(statements: int) -> CodeType:
    lines = [
        "def f(a, b):",
        *(f"    c{i % 50} = a + {i} if b else [a, b]" for i in range(statements)),
        "    return a",
    ]
    space: dict[str, Any] = {}
    exec("\n".join(lines), space)
    code: CodeType = space["f"].__code__
    return code


BENCHMARKS = [
    Benchmark("verify over the raw walk, standard library", median_ratio, reach=25, rounds=5),
    linear("verify n statements", verify, of_size),
]
