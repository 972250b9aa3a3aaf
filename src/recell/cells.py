"""Cells and closures: make cells, look at a function's free variables, and find who shares them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping
from types import CellType, CodeType, FunctionType, MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Tuple

from recell import compat
from recell.callables import function_of
from recell.code.guarded import Guarded, is_stand_by, own_code
from recell.errors import EmptyCellError, FreeVariableError, hint_nearest, listed, nearest, short
from recell.public import public

if TYPE_CHECKING:
    from collections.abc import Mapping

    _Base = MutableMapping[str, Any]
else:
    _Base = MutableMapping

__all__ = ["EMPTY", "Closure", "SharedCell", "closure", "make_cell", "owners", "sharing"]

# The free variable of a function whose code only passes on to another function: that one's closure is meant.
FORWARDED = ".forwarded"


@public
class Empty:
    """The type of `EMPTY`: one object, also through copying and pickling."""

    __slots__ = ()

    def __new__(cls) -> Empty:
        return EMPTY

    def __repr__(self) -> str:
        return "<empty>"

    def __reduce__(self) -> str:
        return "EMPTY"


EMPTY: Empty = object.__new__(Empty)
"""No contents: given as a value, it means an empty cell."""


@public
def make_cell(contents: object = EMPTY) -> CellType:
    """Return a new cell.

    Args:
        contents: what the cell holds; a cell as contents is wrapped; without contents the cell is empty.

    Returns:
        A `types.CellType` object.

    >>> from recell import make_cell
    >>> make_cell(5).cell_contents
    5
    """
    return CellType() if contents is EMPTY else CellType(contents)


def cell_for(value: object) -> CellType:
    """The cell that a value of a new-function verb means: a cell as itself, `EMPTY` an empty one, else a fresh one."""
    if type(value) is CellType:
        return value
    return CellType() if value is EMPTY else CellType(value)


def check_mapping(values: object, verb: str) -> None:
    """Raise TypeError for values that are no mapping."""
    if not hasattr(values, "items"):
        msg = f"{verb} takes a mapping from names to values, or keywords, not {short(values)}"
        raise TypeError(msg)


def cells_of(values: Mapping[str, object]) -> Mapping[str, object]:
    """Return values as the verbs take them: a `Closure` stands for its cells, so that they are shared."""
    return values.cells if type(values) is Closure else values


@public
class Closure(_Base):
    """A live mapping of a function's free variables: name -> contents. Made by `closure`.

    Reading and writing go to the function's cells, so everyone who shares a cell sees what is written.
    An empty cell is absent for `in`, `len` and iteration; `names` and `cells` show it.

    >>> from recell import closure
    >>> def counter(count=0):
    ...     def bump():
    ...         nonlocal count
    ...         count += 1
    ...         return count
    ...     return bump
    >>> bump = counter()
    >>> live = closure(bump)
    >>> bump(), dict(live)
    (1, {'count': 1})
    >>> live["count"] = 41
    >>> bump(), live
    (42, <closure of counter.<locals>.bump: count=42>)
    """

    __slots__ = ("_function",)

    def __init__(self, function: FunctionType) -> None:
        if type(function) is not FunctionType:
            msg = f"Closure takes a Python function, not {short(function)}; closure() takes what stands for one, too"
            raise TypeError(msg)
        _set_function(self, function)

    def __getattr__(self, name: str) -> Any:
        raise self._no_attribute(name)

    def __setattr__(self, name: str, value: object) -> None:
        if name != "_function":  # copying sets it
            raise self._no_attribute(name)
        _set_function(self, value)

    def _no_attribute(self, name: str) -> AttributeError:
        msg = f"{type(self).__name__!r} object has no attribute {name!r}"
        if name[:1] != "_" and name in self.names:
            msg += f"; a closure is a mapping: closure({self._function.__name__})[{name!r}]"
        return AttributeError(msg)

    @property
    def names(self) -> tuple[str, ...]:
        """All free variables in the order of the code, those with empty cells included."""
        return self._holder().__code__.co_freevars

    @property
    def cells(self) -> Mapping[str, CellType]:
        """A read-only mapping from each free variable to its cell, empty ones included."""
        holder = self._holder()
        return MappingProxyType(dict(zip(holder.__code__.co_freevars, holder.__closure__ or ())))

    def _cells(self) -> tuple[CellType, ...]:
        return self._holder().__closure__ or ()

    def _holder(self) -> FunctionType:
        return passed_to(self._function)

    def _cell(self, name: str) -> CellType:
        holder: Any = self._holder()
        try:
            cell: CellType = holder.__closure__[holder.__code__.co_freevars.index(name)]
        except (ValueError, TypeError, IndexError):
            raise unknown_free_variable(name, self._function) from None
        return cell

    def __getitem__(self, name: str) -> Any:
        function: Any = self._function
        try:
            return function.__closure__[function.__code__.co_freevars.index(name)].cell_contents
        except (ValueError, TypeError, IndexError):
            cell = self._cell(name)
        try:
            return cell.cell_contents
        except ValueError:
            pass
        target = short(self._function)
        msg = f"free variable `{name}` of {target} is empty: nothing was assigned to it yet; set it, or look at .cells"
        raise EmptyCellError(msg, name=name, target=target)

    def __setitem__(self, name: str, value: object) -> None:
        function: Any = self._function
        if value is not EMPTY:
            try:
                function.__closure__[function.__code__.co_freevars.index(name)].cell_contents = value
            except (ValueError, TypeError, IndexError):
                self._cell(name).cell_contents = value
        else:
            del self._cell(name).cell_contents

    def __delitem__(self, name: str) -> None:
        self[name]  # an empty cell cannot be emptied once more: EmptyCellError
        del self._cell(name).cell_contents

    def __contains__(self, name: object) -> bool:
        cell = self.cells.get(name)  # type: ignore[call-overload]
        return cell is not None and not is_empty(cell)

    def __iter__(self) -> Iterator[str]:
        return (name for name, cell in self.cells.items() if not is_empty(cell))

    def __len__(self) -> int:
        return sum(not is_empty(cell) for cell in self.cells.values())

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={show_contents(cell)}" for name, cell in self.cells.items())
        return f"<closure of {self._function.__qualname__}: {shown or 'no free variables'}>"


_set_function = Closure._function.__set__  # type: ignore[attr-defined]


@public
def closure(func: object) -> Closure:
    """Return a live view of a function's closure.

    Args:
        func: a function, or what stands for one (bound method, staticmethod, classmethod, partial,
            partialmethod, cached_property).

    Returns:
        A `Closure`: reading gives the contents, setting writes them (everyone who shares the cell sees it),
        `del` empties the cell.

    Raises:
        TypeError: `func` holds no single Python function.
        FreeVariableError: (on use) the function has no such free variable.
        EmptyCellError: (on reading) the variable has no value yet.

    >>> from recell import closure
    >>> def counter(count):
    ...     def bump():
    ...         nonlocal count
    ...         count += 1
    ...         return count
    ...     return bump
    >>> bump = counter(41)
    >>> bump()
    42
    >>> closure(bump)
    <closure of counter.<locals>.bump: count=42>
    >>> closure(bump)["count"] = 0
    >>> bump()
    1
    """
    return Closure(func if type(func) is FunctionType else function_of(func, "closure"))


def passed_to(function: FunctionType) -> FunctionType:
    """Return the function whose cells are meant: behind one that only passes on, the one it passes to."""
    while function.__code__.co_freevars == (FORWARDED,):
        inside = contents_of(function.__closure__[0])  # type: ignore[index]
        if type(inside) is not FunctionType:
            break
        function = inside
    return function


def contents_of(cell: CellType) -> Any:
    """Return a cell's contents, or `EMPTY`."""
    try:
        return cell.cell_contents
    except ValueError:
        return EMPTY


def is_empty(cell: CellType) -> bool:
    """Say whether a cell has no contents."""
    try:
        cell.cell_contents  # noqa: B018 - reading is the only question a cell answers
    except ValueError:
        return True
    return False


def show_contents(cell: CellType) -> str:
    """A cell's contents as a repr shows them."""
    return short(contents_of(cell), 60)


def unknown_free_variable(name: object, func: FunctionType) -> FreeVariableError:
    """Return the error for a name that is no free variable of a function."""
    return no_such_free_variable(name, Closure(func).names, short(func), own_code(func).co_names)


def no_such_free_variable(
    name: object, names: tuple[str, ...], target: str, globals_used: tuple[str, ...] = ()
) -> FreeVariableError:
    """Return the error for a name that is no free variable: the names there are, the nearest, what would work."""
    if not isinstance(name, str):
        msg = f"free variables are named by strings, not by {name!r}; {target} has {listed(names)}"
        return FreeVariableError(msg, name=repr(name), names=names, nearest=None, target=target)
    msg = f"{target} has no free variable `{name}`; its free variables are: {listed(names)}"
    if not names:
        msg = f"{target} has no free variables, so no `{name}`"
    close = hint_nearest(name, names)
    if close:
        msg += close
    elif name in globals_used:
        msg += f"; `{name}` is a global there: `promote` makes it a free variable"
    else:
        msg += "; new names cannot be added to a closure: see `promote`"
    return FreeVariableError(msg, name=name, names=names, nearest=nearest(name, names), target=target)


@public
def owners(cell_or_code: CellType | CodeType) -> list[FunctionType]:
    """Return the existing functions that hold a cell in their closure, or that run a code object.

    They are found through the garbage collector, so objects in `gc.freeze()` are not: a `RuntimeWarning` says so.

    Args:
        cell_or_code: a cell or a code object.

    Returns:
        The functions, each once.

    Raises:
        TypeError: the argument is neither.

    >>> from recell import closure, owners
    >>> def pair(shared):
    ...     return (lambda: shared), (lambda: [shared])
    >>> one, two = pair(5)
    >>> found = owners(closure(one).cells["shared"])
    >>> len(found), one in found, two in found
    (2, True, True)
    """
    return owners_of_all([cell_or_code])


def owners_of_all(targets: Iterable[CellType | CodeType]) -> list[FunctionType]:
    """`owners` for many cells and code objects in one search of the heap."""
    import gc

    wanted = list(targets)
    cells = {id(target): target for target in wanted if type(target) is CellType}
    codes = {id(target): target for target in wanted if type(target) is CodeType}
    if len(cells) + len(codes) < len({id(target) for target in wanted}):
        stray = next(target for target in wanted if type(target) not in (CellType, CodeType))
        msg = f"owners takes a cell or a code object, not {short(stray)}; for a function's cells see `closure(f).cells`"
        raise TypeError(msg)
    compat.warn_of_frozen("owners", 3)
    found: dict[int, FunctionType] = {}
    if codes:
        for referrer in gc.get_referrers(*codes.values()):
            if type(referrer) is Guarded:  # the collector does not look into code objects
                referrer = referrer.owner()
            if type(referrer) is FunctionType and id(own_code(referrer)) in codes:
                found[id(referrer)] = referrer
    if cells:
        tuples: list[Any] = [
            referrer for referrer in gc.get_referrers(*cells.values()) if issubclass(type(referrer), tuple)
        ]
        closures = {id(items) for items in tuples}
        for referrer in gc.get_referrers(*tuples) if tuples else ():
            if type(referrer) is FunctionType and id(referrer.__closure__) in closures:
                found[id(referrer)] = referrer
    return [function for function in found.values() if not is_stand_by(function)]


@public
class SharedCell(NamedTuple):
    """A cell that several functions hold, and the (function, variable name) pairs that hold it.

    >>> from recell import sharing
    >>> def pair(shared):
    ...     return (lambda: shared), (lambda: [shared])
    >>> [found] = sharing(*pair(5))
    >>> found.cell.cell_contents, [name for function, name in found.holders]
    (5, ['shared', 'shared'])
    """

    cell: CellType
    holders: Tuple[Tuple[FunctionType, str], ...]


@public
def sharing(*funcs: object) -> tuple[SharedCell, ...]:
    """Return the cells that more than one of the given functions hold.

    Args:
        funcs: functions, or what stands for one.

    Returns:
        A `SharedCell` for each such cell, in the order in which the functions name them.

    Raises:
        TypeError: an argument holds no single Python function.

    >>> from recell import sharing
    >>> def pair(shared, own):
    ...     return (lambda: shared), (lambda: [shared, own])
    >>> [(name for _, name in found.holders) and found.cell.cell_contents for found in sharing(*pair(5, 6))]
    [5]
    """
    functions = {id(function): function for function in (function_of(func, "sharing") for func in funcs)}
    first: dict[int, FunctionType] = {}
    holders: dict[int, list[tuple[FunctionType, str]]] = {}
    for function in functions.values():
        for cell in Closure(function)._cells():
            if first.setdefault(id(cell), function) is not function:
                holders[id(cell)] = []
    cells: dict[int, CellType] = {}
    for function in functions.values() if holders else ():
        for name, cell in zip(Closure(function).names, Closure(function)._cells()):
            if id(cell) in holders:
                cells[id(cell)] = cell
                holders[id(cell)].append((function, name))
    return tuple(SharedCell(cell, tuple(holders[key])) for key, cell in cells.items())
