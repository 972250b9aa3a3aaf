"""`override`: names mean something else inside one function, and only there, for a while."""

from __future__ import annotations

from sys import modules
from types import CellType, CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from recell.callables import caches_in, describe, function_of, functions_defined_in, functions_in
from recell.cells import EMPTY, cells_of, check_mapping
from recell.code.guarded import EVER, shown_code
from recell.errors import ScopeError, short
from recell.layers.caches import around
from recell.layers.changes import Change
from recell.layers.records import in_force, record_of
from recell.patching.closures import check_class_cell
from recell.patching.imported import imported_value
from recell.patching.override_edits import OverrideEdit, cell_names, inside_of, tree_of
from recell.patching.planning import dotted, plan_of
from recell.patching.standins import attribute_of, value_of
from recell.patching.unused import unused_name
from recell.public import public

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from recell.layers.exchange import State

__all__ = ["Override", "meant", "override"]

_NOTHING: Mapping[str, object] = {}
_new: Any = object.__new__
_IN_CELLS = frozenset((CellType, type(EMPTY)))
_NO_MOCK: Any = object()


@public
class Override(Change):
    """The change that `override` makes; also a mapping from its names to the values that they have.

    >>> from recell import override
    >>> LIMIT = 10
    >>> def allowed(n):
    ...     return n <= LIMIT
    >>> with override(allowed, LIMIT=3) as fakes:
    ...     allowed(5), fakes["LIMIT"], list(fakes)
    (False, 3, ['LIMIT'])
    """

    __slots__ = (
        "_caches",
        "_cells",
        "_code",
        "_fakes",
        "_functions",
        "_mocks",
        "_owns",
        "_seen",
        "_used",
        "_values",
    )

    _renews = True
    _verb = "override"
    _fresh = 0

    _caches: Sequence[Any]
    _cells: tuple[str, ...]
    _code: CodeType | None
    """The code of a single function, when it was looked at; None where that is not all there is to look at."""
    _functions: tuple[FunctionType, ...]
    """Those meant, where the target is no function itself."""
    _mocks: tuple[str, ...]
    _owns: bool
    """True where cells and stand-ins are those of one entry."""
    _seen: tuple[tuple[FunctionType, CodeType], ...]
    _target: Any
    _used: bool

    def __init__(self, target: Any, values: Mapping[str, object]) -> None:
        self._entries = ()
        self._values = self._fakes = values
        self._target = target
        self._caches = self._cells = self._mocks = self._functions = ()
        mock = modules.get("unittest.mock")
        default = _NO_MOCK if mock is None else mock.DEFAULT
        for value in values.values():
            if type(value) in _IN_CELLS:
                self._cells = cell_names(values)
            elif value is default:
                self._mocks = tuple([name for name, value in values.items() if value is default])
        if type(target) is not FunctionType:
            self._functions, self._caches = meant(target, self._verb)
            if not isinstance(target, (type, ModuleType)):
                self._target = self._functions[0]
        if "__class__" in values and "__class__" not in self._cells:
            check_class_cell(values["__class__"], (*self._functions, self._target)[0])
        self._prepare()

    def _about(self) -> Iterable[str]:
        return self._values

    def _renew(self) -> Sequence[Any]:
        code = self._code
        if code is None or self._target.__code__ is not code:
            self._look()
        layers: Sequence[Any] = self._layers
        if self._owns:
            if self._used:
                return tuple([layer.again() if type(layer) is OverrideEdit else layer for layer in layers])
            self._used = True
        return layers

    def _look(self) -> None:
        """Look at everything anew where something is another than it was."""
        if self._mocks or not self._seen:
            self._prepare()
            return
        for func, seen in self._seen:
            if func.__code__ is not seen:
                self._prepare()
                return

    def _prepare(self) -> None:
        """Look at everything and check it; nothing changes."""
        values, cells, functions = self._values, self._cells, self._functions
        if self._mocks:
            values = self._fakes = self._with_mocks()
        if len(functions) < 2:
            func = functions[0] if functions else self._target
            code = func.__code__
            edit = self._edit(func, code, values, cells)
            plan = edit.plan
            if plan.unused:
                for name in plan.unused_of(values):
                    raise unused_name(name, self._target, (func,))
            layers = around(self._caches, (edit,)) if self._caches else (edit,)
            single = self._target is func and not self._mocks
            seen: tuple[tuple[FunctionType, CodeType], ...] = () if single else ((func, code),)
            # one line, so that no trace function comes between: it might enter this change
            self._layers, self._owns, self._used, self._seen = layers, plan.own, False, seen
            self._code = code if single else None
            return
        edits: list[OverrideEdit] = []
        used: set[str] = set()
        seen = tuple([(func, func.__code__) for func in functions])
        for func, code in seen:
            edit = self._edit(func, code, values, cells)
            unused = edit.plan.unused_of(values) if edit.plan.unused else ()
            if unused:
                own = {name: value for name, value in values.items() if name not in unused}
                if not own:
                    continue
                edit = self._edit(func, code, own, tuple([name for name in cells if name in own]))
                used.update(own)
            else:
                used.update(values)
            edits.append(edit)
        for name in values:
            if name not in used:
                raise unused_name(name, self._target, functions)
        layers = around(self._caches, edits) if self._caches else tuple(edits)
        owns = any([edit.plan.own for edit in edits])
        self._layers, self._owns, self._used, self._seen = layers, owns, False, seen
        self._code = None

    def _edit(
        self, func: FunctionType, code: CodeType, values: Mapping[str, object], cells: tuple[str, ...]
    ) -> OverrideEdit:
        """Return the edit of one function; what it cannot be made of is told."""
        record = owner = record_of(func)
        plan = None
        names = tuple(values)
        if EVER:
            code = shown_code(func)
        if record.idle is not None:  # nothing is in force
            plan = record.plans.get((names, cells, ()) if cells else names)
            if plan is None or plan.before() is not code:
                plan = plan_of(record, code, names, cells)
        if plan is None or plan.forwards:
            shown = self._shown(func).public
            inside = inside_of(shown)
            if inside is not None:
                owner, code = record_of(inside), inside.__code__
                plan = plan_of(owner, code, names, cells)
            elif plan is None:
                code = shown.code
                plan = plan_of(owner, code, names, cells)
        if plan.unused and plan.paths:  # names of what is imported, by where it comes from
            values = {
                plan.bound(name) if dotted(name)[0] in plan.unused else name: values[name] for name in values
            }
            plan = plan_of(owner, code, tuple(values), cells)
        edit: OverrideEdit = _new(OverrideEdit)
        edit.func = func
        edit.record = record
        edit.stack = record.idle
        edit.values = values
        edit.plan = plan
        edit.made = edit.stands = None
        if plan.dots:
            edit.values = tree_of(values)
            if not plan.unused:
                edit.resolved(self._shown(func))  # what cannot be faked is said now
        return edit

    def _shown(self, func: FunctionType) -> State:
        """Return the state over which the override of a function is to lie."""
        return in_force(func)

    def _with_mocks(self) -> Mapping[str, Any]:
        """Return the values, with an autospecced mock of what a name means now for each `unittest.mock.DEFAULT`."""
        from unittest.mock import MagicMock, create_autospec

        fakes = dict(self._values)
        for name in self._mocks:
            for func in self._functions or (self._target,):
                plan = self._edit(func, func.__code__, {name: None}, ()).plan
                if plan.unused and plan.unused_of([name]):
                    continue
                root, *path = dotted(name)
                bound = dotted(plan.bound(name))
                if bound[0] in plan.imported:
                    root, *path = bound
                try:
                    if root in plan.imported:
                        present = imported_value(func, *plan.imported[root])
                    else:
                        present = value_of(func, self._shown(func).public, root)
                except ScopeError:
                    if path:
                        raise
                    fakes[name] = MagicMock(name=name)  # nothing to take a specification from
                    break
                for part in path:
                    present = attribute_of(present, part, func)
                fakes[name] = create_autospec(present, _name=name)
                break
        return fakes

    def __getitem__(self, name: str) -> Any:
        return self._fakes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fakes)

    def __len__(self) -> int:
        return len(self._fakes)

    def __bool__(self) -> bool:
        return True

    def keys(self) -> Iterable[str]:
        """Return the names that are overridden."""
        return self._fakes.keys()


@public
def override(func: Any, values: Mapping[str, object] = _NOTHING, /, **more: object) -> Override:
    """Give names, for a while, another meaning that only this function, and functions nested in it, see.

    No wrapper, and no change to the module, to other functions, or to closures that share a cell. What the function
    assigns to an overridden name goes to a private cell and is dropped.

    Args:
        func: a function, or what stands for one; a class (the functions in its own `vars`) or a module (those defined
            in it), for those that use a name. The cache of an `lru_cache` is cleared on entering and on leaving.
        values: free variable, global, builtin, or what the function itself imports -> what it is to mean. A cell is
            taken as the cell, `EMPTY` as an empty one (what is imported is then not found). A dotted name fakes an
            attribute: for `{"time.sleep": fake}` the function finds a stand-in as `time`, which answers everything
            else from the real one. `unittest.mock.DEFAULT` makes an autospecced mock.
        more: the same as keywords.

    Returns:
        A `Change` to enter with `with`, `start()` or as a decorator; it is also a mapping from the names to their
        values: `with override(f, urlopen=DEFAULT) as fakes: fakes["urlopen"]`.

    Raises:
        ScopeError: the function does not use a name; the error says who does.
        TypeError: `func` holds no Python function; `__class__` would be what is no class.

    >>> from recell import override
    >>> import time
    >>> def nap(seconds):
    ...     time.sleep(seconds)
    ...     return f"slept {round(seconds)}"
    >>> naps = []
    >>> with override(nap, {"time.sleep": naps.append}, round=int):
    ...     nap(3600.9)
    'slept 3600'
    >>> naps
    [3600.9]
    """
    if values is not _NOTHING:
        check_mapping(values, "override")
        more = {**cells_of(values), **more}
    if not more:
        msg = f"override({short(func)}) without values changes nothing: name what is to mean something else"
        raise TypeError(msg)
    return Override(func, more)


def meant(target: Any, verb: str) -> tuple[tuple[FunctionType, ...], Sequence[Any]]:
    """Return the functions that are meant, and the caches in front of them; of a class and a module all that it has."""
    if not isinstance(target, (type, ModuleType)):
        return (function_of(target, verb),), caches_in(target)
    functions = functions_defined_in(target)
    if not functions:
        what = "class" if isinstance(target, type) else "module"
        msg = f"{verb} needs a {what} with Python functions, and {describe(target)} has none of its own"
        raise TypeError(msg)
    own = {id(function) for function in functions}
    holders = [target]
    if isinstance(target, ModuleType):
        holders += [value for value in vars(target).values() if isinstance(value, type)]
    found = {
        id(cache): cache
        for holder in holders
        for value in vars(holder).values()
        for cache in caches_in(value)
        if any([id(function) in own for function in functions_in(cache)])
    }
    return functions, tuple(found.values())
