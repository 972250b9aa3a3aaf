"""Generator expressions and comprehensions made safe to call: their argument becomes an iterator on the way in.

The code around them passes an iterator, and FOR_ITER crashes on anything else.
"""

from __future__ import annotations

from recell.code.assembler import apply, checked
from recell.code.instructions import found, opcodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType

    from recell.code.assembler import Edit

__all__ = ["with_iterator"]


def with_iterator(code: CodeType) -> CodeType:
    """Return a code object that may be called with anything; itself where it makes the iterator, or takes none."""
    if code.co_varnames[:1] != (".0",) or not code.co_argcount:
        return code
    known = opcodes()
    raw = code.co_code
    ops, args = raw[::2], raw[1::2]
    make_iterator = bytes((known.get_iter, 0)) + b"\0\0" * known.caches[known.get_iter]
    loops = {start for start, _, _ in found(ops, args, known.for_iter)}
    edits: list[Edit] = []
    for number in known.local_loads:
        for start, at, slot in found(ops, args, number):
            if not slot and at + 1 in loops:
                edits.append((start, at + 1, raw[2 * start : 2 * at + 2] + make_iterator))
    return checked(apply(code, sorted(edits))) if edits else code
