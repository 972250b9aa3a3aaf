"""Edits of a code object where it makes a function: another closure, another code, another object.

The object stands in `co_consts` where the nested code stood. Defaults, annotations and decorators of the function
that it replaces are evaluated as before; the first two are dropped. Where the edit fits into the instructions that
made the function, nothing else moves.
"""

from __future__ import annotations

from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from recell.cells import is_empty
from recell.code.assembler import apply, checked
from recell.code.instructions import found, opcodes
from recell.code.making import Site, sites
from recell.code.site_edits import closure_edits, iterator_edits, object_edit, without_type_parameters
from recell.code.slots import free_base, slot_names
from recell.code.to_cells import add_free_variables
from recell.code.tree import is_generic
from recell.compat._release import CLOSURE
from recell.errors import ClosureMismatchError, ScopeError, UnsupportedCodeError, listed, short
from recell.functions.building import remake

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recell.code.assembler import Edit
    from recell.code.tree import Chain

    Route = tuple[int, ...]

__all__ = ["codes_on", "inlaid", "route_of", "unheld", "variables_of"]


class Maker:
    """Makes, for the cells of one run of the outer function, a function that replaces its nested one."""

    __slots__ = ("func", "places")

    places: list[int | None]

    def __init__(self, func: FunctionType, names: tuple[str, ...]) -> None:
        self.func: FunctionType = func
        # where in the tuple of cells that is passed each free variable is; None: its own cell
        self.places = [names.index(name) if name in names else None for name in func.__code__.co_freevars]

    def __call__(self, cells: tuple[CellType, ...]) -> FunctionType:
        own = self.func.__closure__ or ()
        closure = tuple(cell if place is None else cells[place] for place, cell in zip(self.places, own))
        return remake(self.func, closure=closure)

    def __repr__(self) -> str:
        return f"<maker of {short(self.func)}>"


def variables_of(new: object) -> tuple[str, ...]:
    """The free variables that a replacement can close over; its own type parameters (PEP 695) are its own."""
    if type(new) is not FunctionType or not new.__closure__:
        return ()
    own = {id(parameter) for parameter in getattr(new, "__type_params__", ())}
    pairs = zip(new.__code__.co_freevars, new.__closure__)
    return tuple(name for name, cell in pairs if is_empty(cell) or id(cell.cell_contents) not in own)


def route_of(codes: Chain) -> Route:
    """The indexes in `co_consts` on the way from the first code down to the last: edits leave them as they are."""
    pairs = zip(codes, codes[1:])
    return tuple(
        next(i for i, const in enumerate(outer.co_consts) if const is nested) for outer, nested in pairs
    )


def codes_on(code: CodeType, chain: Chain, target: object) -> Chain:
    """The code objects on the way from `code`, an edited form of the chain's first, to the one that makes its last.

    Raises ScopeError where they are not those of the chain, edited.
    """
    codes = [code]
    for index in route_of(chain)[:-1]:
        constants = codes[-1].co_consts
        nested = constants[index] if index < len(constants) else None
        if type(nested) is CodeType:
            codes.append(nested)
    if list(map(_origin, codes)) != list(map(_origin, chain[:-1])):
        path = ".".join(code.co_name for code in chain[1:])
        msg = f"{short(target)} does not make its function `{path}` now: undo first what was put in its place"
        raise ScopeError(msg, name=path, names=(), target=short(target))
    return tuple(codes)


def _origin(code: CodeType) -> tuple[str, str, int]:
    """The fields that edits leave as they are."""
    return code.co_filename, code.co_name, code.co_firstlineno


def unheld(codes: Chain, names: tuple[str, ...]) -> tuple[str, ...]:
    """Those variables that none of the codes holds as a cell, from the innermost outwards."""
    return tuple(name for name in names if not _is_held(codes, name))


def _is_held(codes: Chain, name: str) -> bool:
    for code in reversed(codes):
        if name in code.co_cellvars or name in code.co_freevars:
            return True
        if name in code.co_varnames:
            return False  # a plain local hides what is further out
    return False


def inlaid(code: CodeType, chain: Chain, new: Any, target: FunctionType) -> CodeType:
    """The code, with `new` where it made the nested function at the end of the chain.

    Args:
        code: the outer function's.
        chain: the outer function's code, that or before other edits, and those nested in it down to the function's.
        new: any callable; a plain function whose free variables the codes on the way hold closes over those.
        target: the outer function.

    Raises:
        ScopeError: the code does not make the function now.
        ClosureMismatchError: `new` has free variables of which the outer function holds some, but not all.
        UnsupportedCodeError: a cell is not there yet where the function is made.
    """
    route, codes = route_of(chain), codes_on(code, chain, target)
    names = variables_of(new)
    absent = unheld(codes, names)
    if absent:
        if len(absent) < len(names) or any(map(is_empty, new.__closure__)):
            raise _not_held(absent, codes, new, target)
        names = ()  # all of its cells are its own: an object as any other
    parent = codes[-1]
    old = parent.co_consts[route[-1]]
    if type(old) is not CodeType:
        if names or type(old) is Maker:
            msg = (
                f"{short(target)} makes {short(old)} now where the nested function was made: undo that first"
            )
            raise ScopeError(msg, name="", names=(), target=short(target))
        constants = list(parent.co_consts)
        constants[route[-1]] = new
        added: tuple[str, ...] = ()
        edited = parent.replace(co_consts=tuple(constants))
    else:
        edited, added = _with_names(parent, names)
        edited = checked(_made_otherwise(edited, route[-1], new, names, target))
    for parent, index in zip(codes[-2::-1], route[-2::-1]):
        nested, wanted = edited, added
        edited, added = _with_names(parent, wanted)
        edited = checked(_passing_on(edited, index, nested, wanted))
    return edited


def _not_held(
    absent: Sequence[str], codes: Chain, new: FunctionType, target: FunctionType
) -> ClosureMismatchError:
    names = new.__code__.co_freevars
    held = tuple(dict.fromkeys(name for code in codes for name in (*code.co_cellvars, *code.co_freevars)))
    msg = (
        f"{short(new)} has the free variables {listed(names)}, and {short(target)} holds no cell for {listed(absent)}; "
        f"it holds: {listed(held)}. To keep the function's own cells, wrap it (functools.partial(new))"
    )
    locals_ = [name for name in absent if any(name in code.co_varnames for code in codes)]
    if locals_:
        msg += f"; {listed(locals_)}: a local that no nested function uses is no cell"
    return ClosureMismatchError(msg, before=held, after=names, missing=tuple(absent), target=short(target))


def _with_names(code: CodeType, names: Sequence[str]) -> tuple[CodeType, tuple[str, ...]]:
    """The code with free variables for those names that it does not hold, and what these are."""
    added = tuple(name for name in names if name not in code.co_cellvars and name not in code.co_freevars)
    return (add_free_variables(code, added) if added else code), added


def _passing_on(code: CodeType, index: int, nested: CodeType, names: Sequence[str]) -> CodeType:
    """The code with another nested code, whose closure has more variables at its end."""
    raw = code.co_code
    args = raw[1::2]
    edits: list[Edit] = []
    if names:
        for site in sites(code, raw[::2], args):
            if site.constant == index:
                edits += closure_edits(
                    site, [*site.slots, *(_slot(code, site, name) for name in names)], args
                )
    constants = list(code.co_consts)
    constants[index] = nested
    depth = len(names) + 1 if edits else 0
    return apply(code, sorted(edits), co_consts=tuple(constants), co_stacksize=code.co_stacksize + depth)


def _made_otherwise(
    code: CodeType, index: int, new: Any, names: tuple[str, ...], target: FunctionType
) -> CodeType:
    """The code that makes, or has, something else at one index of its constants."""
    raw = code.co_code
    ops, args = raw[::2], raw[1::2]
    places = [site for site in sites(code, ops, args) if site.constant == index]
    constants = list(code.co_consts)
    edits: list[Edit] = []
    # callable, NULL and cells; or the cells, where there was no closure
    depth = len(names) + 2 if names else 0
    generic = is_generic(code)
    if names and not generic and all(_can_take_place(new, code, site, target) for site in places):
        constants[index] = new.__code__
        for site in places:
            edits += closure_edits(site, [_slot(code, site, name) for name in names], args)
    else:
        constants[index] = Maker(new, names) if names else new
        for site in places:
            edits.append(object_edit(site, [_slot(code, site, name) for name in names], args))
            if generic:
                edits.append(without_type_parameters(code, edits[-1][1], ops))
    if places and places[0].code.co_name == "<genexpr>":
        edits += iterator_edits(ops, args)
    return apply(code, sorted(edits), co_consts=tuple(constants), co_stacksize=code.co_stacksize + depth)


def _can_take_place(new: FunctionType, code: CodeType, site: Site, target: FunctionType) -> bool:
    """Say whether MAKE_FUNCTION of the new code gives the very function, with nothing lost."""
    own = new.__code__
    if site.flags & ~CLOSURE or new.__globals__ is not target.__globals__:
        return False
    if getattr(new, "__builtins__", None) is not getattr(target, "__builtins__", None):
        return False
    type_params: tuple[object, ...] = getattr(new, "__type_params__", ())
    if new.__defaults__ or new.__kwdefaults__ or new.__dict__ or type_params:
        return False
    if getattr(new, "__annotate__", None) is not None or new.__annotations__:
        return False
    fresh = FunctionType(own, new.__globals__, None, None, new.__closure__)
    qualname = fresh.__qualname__
    if not opcodes().release.qualname_in_code:
        qualname = site.qualname()
    return (new.__name__, new.__qualname__, new.__module__) == (own.co_name, qualname, fresh.__module__) and (
        new.__doc__ == fresh.__doc__
    )


def _slot(code: CodeType, site: Site, name: str) -> int:
    """The slot of a variable's cell, at the place where a function is made."""
    nested = site.code.co_freevars
    if name in nested:
        return site.slots[nested.index(name)]
    if name in code.co_freevars:
        if name in code.co_cellvars:  # an inlined comprehension has a cell of this name, too (3.12+)
            reason = f"`{name}` is two variables, a free one and a comprehension's"
            msg = f"{code!r} cannot give the new function its `{name}`: {reason}; rename one of them"
            raise UnsupportedCodeError(msg, code=repr(code), reason=reason)
        return free_base(code) + code.co_freevars.index(name)
    slot = slot_names(code).index(name)
    if opcodes().release.unified_locals and not _is_cell_throughout(code, slot):
        reason = f"`{name}` is a cell only in a comprehension"
        msg = f"{code!r} cannot give the new function its `{name}`: {reason}, not where the function is made"
        raise UnsupportedCodeError(msg, code=repr(code), reason=reason)
    return slot


def _is_cell_throughout(code: CodeType, slot: int) -> bool:
    """Say whether a slot is a cell from the prologue on, and no inlined comprehension borrows it (3.12+)."""
    known, raw = opcodes(), code.co_code
    ops, args = raw[::2], raw[1::2]
    start = ops.find(known.resume)
    made = any(at < start and argument == slot for _, at, argument in found(ops, args, known.make_cell))
    borrowed = found(ops, args, known.load_and_clear)
    return made and not any(argument == slot for _, _, argument in borrowed)
