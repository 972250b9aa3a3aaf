"""The opcodes of module and class bodies, by what they mean for a reload: one reading for all releases."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from recell import compat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Operations", "operations"]


class Operations:
    """Sets of opcode numbers of the running release; what a release does not have is in none of them."""

    def __init__(self) -> None:
        import dis
        from opcode import opmap

        release = compat.require("reload")

        def numbers(names: Iterable[str]) -> frozenset[int]:
            return frozenset(opmap[name] for name in names if name in opmap)

        self.extended: int = opmap["EXTENDED_ARG"]
        self.caches: dict[int, int] = {opmap[name]: units for name, units in release.caches.items()}
        self.forwards: frozenset[int] = numbers(release.relative_jumps - release.backward_jumps)
        self.backwards: frozenset[int] = numbers(release.backward_jumps)
        self.absolute: frozenset[int] = numbers(release.absolute_jumps)
        self.jumps: frozenset[int] = self.forwards | self.backwards | self.absolute
        self.step: int = release.jump_unit
        self.handlers_last: bool = release.handlers_last
        self.constants: frozenset[int] = numbers(release.const_opcodes)
        self.names: dict[int, int] = {
            opmap[name]: shift for name, shift in release.name_shift.items() if name in opmap
        }
        self.loads: frozenset[int] = numbers(("LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"))
        self.cell_loads: frozenset[int] = numbers(
            ("LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF", "LOAD_DEREF")
        )
        self.cells: frozenset[int] = numbers(release.deref_opcodes)
        self.stores: frozenset[int] = numbers(("STORE_NAME", "STORE_GLOBAL"))
        self.global_stores: frozenset[int] = numbers(("STORE_GLOBAL", "DELETE_GLOBAL"))
        self.deletes: frozenset[int] = numbers(("DELETE_NAME", "DELETE_GLOBAL"))
        self.attribute_changes: frozenset[int] = numbers(("STORE_ATTR", "DELETE_ATTR"))
        self.attributes: frozenset[int] = numbers(("LOAD_ATTR", "LOAD_METHOD"))
        self.store_item: int = opmap["STORE_SUBSCR"]
        self.imports: int = opmap["IMPORT_NAME"]
        self.import_from: int = opmap["IMPORT_FROM"]
        self.build_class: int = opmap["LOAD_BUILD_CLASS"]
        self.build_map: frozenset[int] = numbers(("BUILD_MAP", "BUILD_CONST_KEY_MAP"))
        self.cell_stores: frozenset[int] = numbers(("STORE_DEREF", "DELETE_DEREF"))
        # a decorator is called with one argument; from the releases with NULLs on, without counting it
        self.calls: frozenset[int] = numbers(("CALL", "CALL_FUNCTION"))
        self.decorator_argument: int = 0 if release.global_null_bit else 1
        self.before_call: int = opmap.get("PRECALL", -1)
        self.makes_alias: frozenset[int] = numbers(("CALL_INTRINSIC_1",))
        self.quiet: frozenset[int] = numbers(
            ("NOP", "RESUME", "SETUP_ANNOTATIONS", "EXTENDED_ARG", "NOT_TAKEN", "CACHE")
        )
        self.prologue: frozenset[int] = numbers(
            ("MAKE_CELL", "COPY_FREE_VARS", "LOAD_LOCALS", "STORE_DEREF", "LOAD_CLOSURE", "LOAD_FAST")
        )
        self.returns: frozenset[int] = numbers(("RETURN_VALUE", "RETURN_CONST"))
        self.ends: frozenset[int] = self.returns | numbers(
            (
                "JUMP_FORWARD",
                "JUMP_ABSOLUTE",
                "JUMP_BACKWARD",
                "JUMP_BACKWARD_NO_INTERRUPT",
                "RAISE_VARARGS",
                "RERAISE",
            )
        )
        self.small_int: int = opmap.get("LOAD_SMALL_INT", -1)
        self.common: int = opmap.get("LOAD_COMMON_CONSTANT", -1)
        self.common_values: list[Any] = list(getattr(dis, "_common_constants", ()))
        self.effect: Callable[[int, int, bool], int] = lru_cache(maxsize=None)(_effect)


def _effect(op: int, argument: int, jump: bool) -> int:
    """How much an instruction adds to the value stack; 0 where that is not told."""
    from opcode import HAVE_ARGUMENT, stack_effect

    try:
        return stack_effect(op, argument if op >= HAVE_ARGUMENT else None, jump=jump)
    except ValueError:
        return 0


_operations: list[Operations] = []


def operations() -> Operations:
    """The opcodes of the running release, looked up once."""
    if not _operations:
        _operations.append(Operations())
    return _operations[0]
