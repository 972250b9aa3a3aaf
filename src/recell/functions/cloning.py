"""Independent copies of functions that keep the topology of their cells."""

from __future__ import annotations

from types import CellType, FunctionType
from typing import TYPE_CHECKING, Any, TypeVar, overload

from recell.callables import functions_in, functions_of, rebuild
from recell.cells import FORWARDED, unknown_free_variable
from recell.code.guarded import own_code
from recell.errors import short
from recell.functions.arguments import check_globals
from recell.functions.building import remake
from recell.public import public

if TYPE_CHECKING:
    from collections.abc import Container, Iterable
    from typing import Dict, Optional

    Globals = Optional[Dict[str, Any]]

F = TypeVar("F")
G = TypeVar("G")
H = TypeVar("H")

__all__ = ["clone"]


@overload
def clone(func: F, /, *, share: Iterable[str] = (), deep: bool = False, globals: Globals = None) -> F: ...
@overload
def clone(
    func: F, other: G, /, *, share: Iterable[str] = (), deep: bool = False, globals: Globals = None
) -> tuple[F, G]: ...
@overload
def clone(
    func: F,
    other: G,
    third: H,
    /,
    *,
    share: Iterable[str] = (),
    deep: bool = False,
    globals: Globals = None,
) -> tuple[F, G, H]: ...
@overload
def clone(
    func: F,
    other: F,
    third: F,
    fourth: F,
    /,
    *more: F,
    share: Iterable[str] = (),
    deep: bool = False,
    globals: Globals = None,
) -> tuple[F, ...]: ...
@public
def clone(
    *funcs: Any, share: Iterable[str] = (), deep: bool = False, globals: dict[str, Any] | None = None
) -> Any:
    """Return copies with cells of their own, connected among themselves as the originals are.

    Cells shared among the given functions are shared among the clones, a recursive function calls its clone,
    and an empty cell stays empty.

    Args:
        funcs: functions, or anything that stands for one.
        share: free variables whose cells stay common with the originals.
        deep: also clone the functions reachable through cells, `__wrapped__`, partials, bound methods and
            properties.
        globals: the namespace in which the clones live. Of a decorated function that is the one beneath its
            decorators, in their cells or `__wrapped__`; a decorator of another module keeps its own.

    Returns:
        The clone of one function; for several, a tuple of clones in the same order.

    Raises:
        FreeVariableError: `share` names what is no free variable of any of them.
        TypeError: an argument holds no Python function; `globals` is no dict.

    >>> from recell import clone
    >>> def account(balance):
    ...     def deposit(amount):
    ...         nonlocal balance
    ...         balance += amount
    ...     return deposit, (lambda: balance)
    >>> deposit, read = account(100)
    >>> deposit_too, read_too = clone(deposit, read)
    >>> deposit_too(11)
    >>> read(), read_too()
    (100, 111)
    """
    if not funcs:
        msg = "clone takes at least one function"
        raise TypeError(msg)
    given = [function for func in funcs for function in functions_of(func, "clone")]
    try:
        shared = {share} if isinstance(share, str) else {*share}
    except TypeError:
        msg = f"clone takes the names of free variables as share=, not {short(share)}"
        raise TypeError(msg) from None
    if globals is not None:
        check_globals(globals, "clone")
    homes = () if globals is None else {id(_beneath(function).__globals__) for function in given}
    cloning = _Cloning(shared, deep, homes, globals)
    for function in given:
        cloning.add(function)
    for name in shared:
        if not any(name in function.__code__.co_freevars for function in cloning.originals.values()):
            raise unknown_free_variable(name, given[0])
    cloning.run()
    clones = tuple(cloning.counterpart(func) for func in funcs)
    return clones[0] if len(clones) == 1 else clones


class _Cloning:
    """One call of `clone`: which functions and cells it copies, and what became of them, by id."""

    def __init__(
        self, share: set[str], deep: bool, homes: Container[int], globals: dict[str, Any] | None
    ) -> None:
        self.share = share
        self.deep = deep
        self.homes = homes  # the ids of the namespaces that the clones leave
        self.globals = globals
        self.originals: dict[int, FunctionType] = {}
        self.cells: dict[int, CellType] = {}
        self.kept: set[int] = set()
        self.new_cells: dict[int, CellType] = {}
        self.clones: dict[int, FunctionType] = {}
        self.rebuilt: dict[int, tuple[object, object]] = {}  # the original too, so that its id stays taken

    def add(self, function: FunctionType) -> None:
        """Note a function, its cells, and the functions that these lead to: with `deep`, or where it passes on."""
        waiting = [function]
        while waiting:
            function = waiting.pop()
            if id(function) in self.originals:
                continue
            self.originals[id(function)] = function
            names = function.__code__.co_freevars
            cells = function.__closure__ or ()
            for name, cell in zip(names, cells):
                if name in self.share:
                    self.kept.add(id(cell))
                else:
                    self.cells[id(cell)] = cell
            moving = self.globals is not None
            if self.deep or moving or names == (FORWARDED,):
                reached: list[object] = [function.__dict__.get("__wrapped__")] if self.deep or moving else []
                for cell in cells:
                    if id(cell) in self.cells:
                        reached.extend(_contents(cell))
                waiting.extend(
                    found
                    for obj in reached
                    for found in functions_in(obj)
                    if self.deep or names == (FORWARDED,) or id(found.__globals__) in self.homes
                )

    def run(self) -> None:
        """Make empty cells, then the functions that hold them, then fill the cells."""
        self.new_cells = {key: CellType() for key in self.cells if key not in self.kept}
        for key, function in self.originals.items():
            code, closure = own_code(function), function.__closure__
            if closure is not None:
                closure = tuple(self.new_cells.get(id(cell), cell) for cell in closure)
            space = self.globals if id(function.__globals__) in self.homes else None
            self.clones[key] = remake(function, code, closure, space, self.new_cells)
        for key, new_cell in self.new_cells.items():
            for contents in _contents(self.cells[key]):
                new_cell.cell_contents = self.counterpart(contents)
        for key, new in self.clones.items():
            wrapped = self.originals[key].__dict__.get("__wrapped__")
            if wrapped is not None:
                new.__dict__["__wrapped__"] = self.counterpart(wrapped)

    def counterpart(self, obj: Any) -> Any:
        """Return the counterpart of an object in the copy: a clone, a wrapper rebuilt around clones, or itself."""
        if type(obj) is FunctionType:
            return self.clones.get(id(obj), obj)
        inside = functions_in(obj)
        if not inside or any(id(function) not in self.clones for function in inside):
            return obj
        if id(obj) not in self.rebuilt:
            self.rebuilt[id(obj)] = obj, rebuild(obj, lambda function: self.clones[id(function)], "clone")
        return self.rebuilt[id(obj)][1]


def _beneath(function: FunctionType) -> FunctionType:
    """The function beneath decorators that say what they wrap."""
    seen = {id(function)}
    while True:
        inside = functions_in(function.__dict__.get("__wrapped__"))
        if len(inside) != 1 or id(inside[0]) in seen:
            return function
        function = inside[0]
        seen.add(id(function))


def _contents(cell: CellType) -> tuple[Any, ...]:
    """A cell's contents, or nothing: any object at all may be the contents."""
    try:
        return (cell.cell_contents,)
    except ValueError:
        return ()
