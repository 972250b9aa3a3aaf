"""Code objects written by hand, on any release: `assemble(("LOAD_CONST", 0), "RETURN_VALUE", co_consts=(1,))`."""

from __future__ import annotations

import sys
from opcode import opmap
from types import CodeType

from recell import compat

RELEASE = compat.require("tests")
NEW = RELEASE.exception_table  # 3.11: caches, RESUME, one index space


def _template():
    pass


def units(*instructions) -> bytes:
    """The code units of instructions, EXTENDED_ARG and empty caches included."""
    made = bytearray()
    for instruction in instructions:
        name, argument = (instruction, 0) if isinstance(instruction, str) else instruction
        for shift in (24, 16, 8):
            if argument >> shift:
                made += bytes((opmap["EXTENDED_ARG"], argument >> shift & 255))
        made += bytes((opmap[name] if isinstance(name, str) else name, argument & 255))
        made += bytes(2 * RELEASE.caches.get(name, 0))
    return bytes(made)


def no_lines(count: int) -> bytes:
    """A location table that names no lines."""
    table = bytearray()
    while count:
        step = min(count, 8)
        table.append(0x80 | 15 << 3 | step - 1)
        count -= step
    return bytes(table)


def assemble(*instructions, opening: bool = True, **fields) -> CodeType:
    """A function's code object of these instructions, after the RESUME that newer releases want."""
    data = b"" if not (NEW and opening) else units(("RESUME", 0))
    return with_units(_template.__code__, data + units(*instructions), **{"co_stacksize": 12, **fields})


def with_units(code: CodeType, data: bytes, **fields) -> CodeType:
    """Other code units, and a line table that fits them."""
    if NEW:
        fields.setdefault("co_linetable", no_lines(len(data) // 2))
    if "co_varnames" in fields:
        fields.setdefault("co_nlocals", len(fields["co_varnames"]))
    return code.replace(co_code=data, **fields)


def has(*names: str) -> bool:
    """Whether the running release has these opcodes."""
    return all(name in opmap for name in names)


def at(code: CodeType, name: str, nth: int = 0) -> int:
    """The offset of the nth instruction of this name."""
    import dis

    found = [instruction.offset for instruction in dis.get_instructions(code) if instruction.opname == name]
    return found[nth]


def patched(code: CodeType, offset: int, *values: int, **fields) -> CodeType:
    """Other bytes at an offset."""
    data = bytearray(code.co_code)
    data[offset : offset + len(values)] = bytes(values)
    return code.replace(co_code=bytes(data), **fields)


DEBUG = hasattr(sys, "gettotalrefcount")
