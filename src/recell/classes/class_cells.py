"""`__class__` cells: those that a class's attributes lead to, and code objects that get one."""

from __future__ import annotations

from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from recell.code.assembler import apply, checked
from recell.code.making import sites
from recell.code.site_edits import closure_edits
from recell.code.slots import free_base
from recell.code.to_cells import add_free_variables, globals_to_cells
from recell.flags import is_function
from recell.walking import CLASS, LEAVES, held_by, registered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recell.code.assembler import Edit
    from recell.walking import Plan

__all__ = ["class_cells", "uses_class", "with_class_cell"]


def class_cells(namespace: Mapping[str, object], old: type) -> list[CellType]:
    """Return every `__class__` cell that the values of a class's namespace lead to and that holds `old`, each once."""
    found: list[CellType] = []
    seen: set[int] = set()  # ids of objects and cells, all of which the class keeps alive
    plans: dict[type, Plan] = {}
    leaves, function = LEAVES, FunctionType
    layer: dict[int, Any] = {id(value): value for value in namespace.values()}
    while layer:
        seen.update(layer)
        further: list[object] = []
        for obj in layer.values():
            kind = type(obj)  # pyright: ignore[reportUnknownVariableType]
            if kind is not function:
                if kind not in leaves:
                    further += held_by(obj, plans)
                continue
            closure = obj.__closure__
            if closure:
                for cell in closure:
                    if id(cell) not in seen:
                        contents = _contents(cell)
                        if obj.__code__.co_freevars[_position(closure, cell)] != CLASS:
                            further.append(contents)
                            continue
                        seen.add(id(cell))
                        if contents is old:
                            found.append(cell)
            # as `held_by` does, without a list for each of a thousand methods
            defaults = obj.__defaults__
            if defaults:
                for value in defaults:
                    if type(value) not in leaves:
                        further.append(value)
            values = obj.__kwdefaults__
            if values:
                further += values.values()
            values = obj.__dict__
            if values:
                further += values.values()
                further += registered(values)
        layer = {id(value): value for value in further if id(value) not in seen}
    return found


def _contents(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _position(closure: tuple[CellType, ...], cell: CellType) -> int:
    """The index of a cell in a closure: cells compare by contents, so `index` is no use."""
    return next(index for index, other in enumerate(closure) if other is cell)


def uses_class(code: CodeType) -> bool:
    """Say whether a function, or one nested in it, says `super` or `__class__`."""
    if CLASS in code.co_freevars or "super" in code.co_names or CLASS in code.co_names:
        return True
    return any(
        uses_class(constant)
        for constant in code.co_consts
        if type(constant) is CodeType and is_function(constant)
    )


def with_class_cell(code: CodeType) -> CodeType:
    """Return the code with the free variable `__class__`, which functions in it that say `super` get too.

    The compiler gives it to what stands in a class body. A class inside the function has one of its own.
    """
    for constant in code.co_consts:
        if type(constant) is CodeType:
            return _given_class(globals_to_cells(code, (CLASS,)))
    if CLASS in code.co_names:
        code = globals_to_cells(code, (CLASS,))
    return code if CLASS in code.co_freevars else add_free_variables(code, (CLASS,))


def _given_class(code: CodeType) -> CodeType:
    if CLASS not in code.co_freevars:
        code = add_free_variables(code, (CLASS,))
    constants = list(code.co_consts)
    slot = free_base(code) + code.co_freevars.index(CLASS)
    raw = code.co_code
    args = raw[1::2]
    edits: list[Edit] = []
    for site in sites(code, raw[::2], args):
        nested = site.code
        if is_function(nested) and uses_class(nested):
            constants[site.constant] = _given_class(nested)
            if CLASS not in nested.co_freevars:
                edits += closure_edits(site, [*site.slots, slot], args)
    if all(new is old for new, old in zip(constants, code.co_consts)):
        return code
    return checked(apply(code, sorted(edits), co_consts=tuple(constants), co_stacksize=code.co_stacksize + 1))
