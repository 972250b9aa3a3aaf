"""The instructions where a code object makes a function, written anew: another closure, or an object instead."""

from __future__ import annotations

from recell.code.instructions import found, instruction, opcodes
from recell.compat._release import CLOSURE
from recell.errors import UnsupportedCodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType

    from recell.code.assembler import Edit
    from recell.code.making import Site

__all__ = ["closure_edits", "iterator_edits", "object_edit", "with_closure", "without_type_parameters"]


def with_closure(site: Site) -> tuple[int, int, bytes]:
    """The edit by which MAKE_FUNCTION takes a closure where it took none."""
    known, make = opcodes(), site.make
    if known.set_attribute < 0:
        return make, make + 1, bytes((known.make_function, site.flags | CLOSURE))
    return make, make + 1, bytes((known.make_function, 0, known.set_attribute, CLOSURE))


def _from_closure(site: Site, args: bytes) -> tuple[int, bytes]:
    """Return the unit where the loads of the closure start (or the code's), and the load in front that stays."""
    if site.build is None:
        return site.load[0], b""
    start, at, half = site.loads[0]
    if half == 2:  # pragma: no cover - CPython pairs cells with cells
        return start, instruction(opcodes().load_closure, args[at] >> 4)  # the other half of the pair
    return start, b""


def closure_edits(site: Site, slots: Sequence[int], args: bytes) -> list[Edit]:
    """The edits that make the closure of a nested function of these slots, one at least, in this order."""
    known = opcodes()
    if list(slots) == site.slots:
        return []
    start, raw = _from_closure(site, args)
    raw += b"".join(instruction(known.load_closure, slot) for slot in slots)
    raw += instruction(known.build_tuple, len(slots))
    edit = (start, site.load[0], raw)
    return [edit] if site.slots else [edit, with_closure(site)]


def object_edit(site: Site, slots: Sequence[int], args: bytes) -> Edit:
    """The constant at the site's index instead of a function made of it; with slots, called with these cells."""
    known = opcodes()
    start, raw = _from_closure(site, args)
    attributes = bin(site.flags & ~CLOSURE).count("1")
    raw += bytes((known.pop_top, 0)) * attributes
    load = instruction(known.load_const, site.constant, site.load[1] - site.load[0])
    raw += _call(load, slots) if slots else load
    end = site.make + 1
    if known.set_attribute >= 0:
        end += bin(site.flags).count("1")
    slack = end - start - len(raw) // 2
    return start, end, raw + bytes((known.nop, 0)) * slack


def _call(load: bytes, slots: Sequence[int]) -> bytes:
    """A callable constant called with a tuple of cells."""
    from opcode import opmap

    known = opcodes()
    caches = known.release.caches
    cells = b"".join(instruction(known.load_closure, slot) for slot in slots)
    cells += instruction(known.build_tuple, len(slots))
    if not known.release.global_null_bit:
        return load + cells + bytes((opmap["CALL_FUNCTION"], 1))
    null = bytes((known.push_null, 0))
    raw = load + null + cells if known.release.null_after_callable else null + load + cells
    for name in ("PRECALL", "CALL"):
        if name in opmap:
            raw += bytes((opmap[name], 1)) + b"\0\0" * caches.get(name, 0)
    return raw


def iterator_edits(ops: bytes, args: bytes) -> list[Edit]:
    """Iterate over the result of a call by way of GET_ITER, where a loop takes it for a generator unseen (3.14+).

    So `any`, `all` and `tuple` of a generator expression are compiled. FOR_ITER crashes on what is no iterator.
    """
    known = opcodes()
    edits: list[Edit] = []
    call, get_iter = known.call, known.get_iter
    for start, _, _ in found(ops, args, known.for_iter):
        end = start - 1 if ops[start - 1] == known.push_null else start
        at = end - 1 - known.caches[call]
        if at > 0 and ops[at] == call and not args[at]:
            raw = bytes((call, 0)) + b"\0\0" * known.caches[call] + bytes((get_iter, 0))
            edits.append((at, start, raw + b"\0\0" * known.caches[get_iter]))
    return edits


def without_type_parameters(code: CodeType, end: int, ops: bytes) -> Edit:
    """Drop a generic function's type parameters (PEP 695): setting them on any other object would crash."""
    from opcode import opmap

    expected = bytes((opmap["SWAP"], opmap["CALL_INTRINSIC_2"]))
    if ops[end : end + 2] != expected:  # pragma: no cover - compilers set them so
        reason = "the type parameters are not set the way the compiler does it"
        msg = f"{code!r} cannot be edited: {reason}"
        raise UnsupportedCodeError(msg, code=repr(code), reason=reason)
    return end + 1, end + 2, bytes((opcodes().pop_top, 0))
