"""The slots of cells and free variables: where they start, what they are called, and who inherits them."""

from __future__ import annotations

from recell.code.instructions import found, opcodes
from recell.errors import UnsupportedCodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import CodeType

    from recell.code.making import Site

__all__ = [
    "copying_units",
    "free_base",
    "free_slots",
    "inherited_slots",
    "left_over",
    "refuse_doubled",
    "refuse_remade",
    "slot_names",
]


def free_base(code: CodeType) -> int:
    """The slot of the code's first free variable."""
    cells = code.co_cellvars
    if not opcodes().release.unified_locals:
        return len(cells)
    return code.co_nlocals + (len(set(cells).difference(code.co_varnames)) if cells else 0)


def free_slots(code: CodeType, names: Iterable[str]) -> dict[int, str]:
    """The slots of those of the code's free variables that are named."""
    wanted = set(names)
    return {slot: name for slot, name in enumerate(code.co_freevars, free_base(code)) if name in wanted}


def slot_names(code: CodeType) -> tuple[str, ...]:
    """The names of the slots that the *_DEREF instructions count in."""
    own = code.co_varnames if opcodes().release.unified_locals else ()
    return (*own, *(name for name in code.co_cellvars if name not in own), *code.co_freevars)


def inherited_slots(site: Site, slots: Mapping[int, str]) -> dict[int, str]:
    """The slots of the nested code that are the same variables as some slots of the code that makes it."""
    if not slots:
        return {}
    base = free_base(site.code)
    return {base + i: slots[slot] for i, slot in enumerate(site.slots) if slot in slots}


def copying_units(ops: bytes) -> int:
    """Return the number of code units that COPY_FREE_VARS takes at the start; 0 where there is none."""
    known = opcodes()
    unit = 0
    while ops[unit] == known.extended_arg:
        unit += 1
    return unit + 1 if ops[unit] == known.copy_free_vars else 0


def refuse_remade(code: CodeType, ops: bytes, args: bytes, slots: Mapping[int, str]) -> None:
    """Raise where the code makes a new cell in the place of one of its free variables.

    CPython 3.12+ compiles that, wrongly, for an inlined comprehension whose own cell has the name of a free
    variable (gh-121377).
    """
    for _, at, argument in found(ops, args, opcodes().make_cell):
        if argument in slots:
            raise left_over(code, at)


def refuse_doubled(code: CodeType, names: Iterable[str]) -> None:
    """Raise where one of these names is a cell variable and a free variable at once, here or in nested code.

    CPython 3.12+ makes such code for inlined comprehensions (gh-121377, gh-156664): which of the two is read nobody can
    tell by the name.
    """
    both = set(code.co_cellvars).intersection(code.co_freevars, names) if code.co_cellvars else ()
    if both:
        reason = (
            f"`{min(both)}` is a variable of its own and a free variable at once, as no correct compiler does"
        )
        msg = f"{code!r} cannot be edited: {reason}; rename one of two variables of that name"
        raise UnsupportedCodeError(msg, code=repr(code), reason=reason)
    for constant in code.co_consts:
        if constant.__class__ is code.__class__ and constant.co_freevars:
            refuse_doubled(constant, names)


def left_over(code: CodeType, unit: int) -> UnsupportedCodeError:
    """The error for an instruction that uses a free variable as no correct compiler does."""
    reason = (
        f"the instruction at offset {2 * unit} uses a free variable in a way that no correct compiler does"
    )
    msg = f"{code!r} cannot be edited: {reason}; rename one of two variables of that name"
    return UnsupportedCodeError(msg, code=repr(code), reason=reason)
