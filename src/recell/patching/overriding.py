"""`override`: names mean something else inside one function, and only there, for a while."""

from __future__ import annotations

import sys
from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from recell.callables import describe, function_of, functions_of
from recell.cells import cells_of, check_mapping
from recell.code.uses import uses
from recell.errors import ScopeError, short
from recell.layers.exchange import state_of
from recell.layers.function_layers import LOCK, FunctionLayer, in_force
from recell.patching.closures import check_class_cell
from recell.patching.code_switching import CodeSwitch, Switching
from recell.patching.override_edits import OverrideEdit, Prepared, dotted, inside_of
from recell.patching.standins import attribute_of, value_of
from recell.patching.switching import CellSwitch, CellSwitches
from recell.patching.unused import unused_name
from recell.public import public

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from recell.layers.exchange import State
    from recell.layers.function_layers import Edit, Layer

__all__ = ["Override", "override"]

_NOTHING: Mapping[str, object] = {}


@public
class Override(Switching):
    """The change that `override` makes; also a mapping from its names to the values that they have.

    >>> from recell import override
    >>> LIMIT = 10
    >>> def allowed(n):
    ...     return n <= LIMIT
    >>> with override(allowed, LIMIT=3) as fakes:
    ...     allowed(5), fakes["LIMIT"], list(fakes)
    (False, 3, ['LIMIT'])
    """

    __slots__ = ("_again", "_fakes", "_functions", "_mocks", "_pairs", "_seen", "_values")

    def __init__(self, target: Any, values: Mapping[str, object]) -> None:
        self._functions = _functions(target)
        for name, value in values.items():
            if not isinstance(name, str):
                msg = f"override needs names as strings, not {short(name)}"
                raise TypeError(msg)
            if name == "__class__" and type(value) is not CellType:
                check_class_cell(value, self._functions[0])
        self._values = self._fakes = values
        self._mocks = [name for name, value in values.items() if _is_default(value)]
        self._pairs: list[tuple[Prepared, FunctionLayer]] = []
        self._seen: list[CodeType] = []
        self._switch = self._cells = self._known = None
        self._again = False
        super().__init__("override", target if isinstance(target, type) else self._functions[0], (), values)
        self._prepare()

    def _new_layers(self) -> Sequence[Layer]:
        seen = self._seen
        for at, func in enumerate(self._functions):
            if self._mocks or func.__code__ is not seen[at]:
                self._prepare()
                break
        return [
            layer if prepared.switches else layer.again(OverrideEdit(prepared))
            for prepared, layer in self._pairs
        ]

    def _enter_and_remember(self) -> None:
        if not self._again:  # most are entered once
            self._again = True
            self._enter()
            return
        with LOCK:
            self._enter()
            self._remember()

    def _remember(self) -> None:
        """What the next entry needs, where this one was the only layer and changed either code or closure, or grew."""
        self._cells = self._known = None
        layers = self._entries[-1]
        if self._mocks or len(layers) != 1:
            return
        layer, prepared = layers[0], self._pairs[0][0]
        assert isinstance(layer, FunctionLayer)
        stack, how = layer.stack, prepared.known
        if how is None or len(stack.edits) != 1 or stack.installed is not stack.states[-1]:
            return
        base = stack.states[0]
        if base.face is not None or base.code is not how.before:
            return
        self._stack = stack
        if not how.places and not how.grown:
            switch = self._known = CodeSwitch(self, stack)
            self._switch = switch.parts(stack)
        elif not (how.places and how.after is not how.before):

            def as_edit(closure: tuple[CellType, ...]) -> Edit:
                edit = OverrideEdit(prepared)
                edit.adopt(base, how, closure)
                return edit

            known = self._known = CellSwitch(self, stack, as_edit)
            self._cells = CellSwitches(known, stack, how, prepared.values)

    def _layer(self, edit: Edit) -> Layer:
        return self._pairs[0][1].again(edit)

    def _prepare(self) -> None:
        """Everything is looked at and checked here; nothing changes."""
        states = [in_force(func) for func in self._functions]
        shown = [_shown(state.public).code for state in states]
        of_each = [self._values] * len(states)
        if self._mocks or "." in "".join(self._values):
            of_each = [_used(code, self._values) for code in shown]
            self._fakes = self._with_mocks(states, of_each)
        used: set[str] = set()
        pairs: list[tuple[Prepared, FunctionLayer]] = []
        for func, state, code, own in zip(self._functions, states, shown, of_each):
            if not own:
                continue
            values = own if self._fakes is self._values else {name: self._fakes[name] for name in own}
            prepared = Prepared(func, values)
            how = prepared.plan(code, prepared.resolve(state))
            unused = how.unused
            found = {name for name in own if dotted(name)[0] not in unused} if unused else {*own}
            if found:
                pairs.append((prepared, FunctionLayer(func, OverrideEdit(prepared))))
                used |= found
        for name in self._values:
            if name not in used:
                raise unused_name(name, self._target, self._functions)
        self._pairs = pairs
        self._seen = [func.__code__ for func in self._functions]

    def _with_mocks(
        self, states: Sequence[State], of_each: Sequence[Mapping[str, object]]
    ) -> Mapping[str, Any]:
        """The values, with an autospecced mock of what a name means now for each `unittest.mock.DEFAULT`."""
        if not self._mocks:
            return self._values
        from unittest.mock import MagicMock, create_autospec

        fakes = dict(self._values)
        for name in self._mocks:
            for func, state, own in zip(self._functions, states, of_each):
                if name in own:
                    root, *path = dotted(name)
                    try:
                        present = value_of(func, state.public, root)
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
        """The names that are overridden."""
        return self._fakes.keys()


@public
def override(func: Any, values: Mapping[str, object] = _NOTHING, /, **more: object) -> Override:
    """Temporarily gives names another meaning that only this function, and functions nested in it, see.

    No wrapper, and no change to the module, to other functions, or to closures that share a cell. What the function
    assigns to an overridden name goes to a private cell and is dropped.

    Args:
        func: a function, what stands for one, or a class (the functions in its own `vars`, for those that use a name).
        values: free variable, global or builtin -> what it is to mean. A cell is taken as the cell, `EMPTY` as an
            empty one. A dotted name fakes an attribute: for `{"time.sleep": fake}` the function finds a stand-in as
            `time`, which answers everything else from the real one. `unittest.mock.DEFAULT` makes an autospecced mock.
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
    return Override(func, more)


def _functions(target: Any) -> tuple[FunctionType, ...]:
    """The functions that are meant; for a class all that its own attributes hold."""
    if type(target) is FunctionType:
        return (target,)
    if not isinstance(target, type):
        return (function_of(target, "override"),)
    found: dict[int, FunctionType] = {}
    members: Mapping[str, object] = vars(target)
    for value in members.values():
        if isinstance(value, type) or not (callable(value) or hasattr(value, "__get__")):
            continue
        try:
            functions = functions_of(value, "override")
        except TypeError:  # no function in it
            continue
        found.update((id(function), function) for function in functions)
    if not found:
        msg = f"override needs a class with Python functions, and {describe(target)} has none of its own"
        raise TypeError(msg)
    return tuple(found.values())


def _shown(origin: State) -> State:
    inside = inside_of(origin)
    return origin if inside is None else state_of(inside)


def _used(code: CodeType, values: Mapping[str, object]) -> dict[str, object]:
    table = uses(code, [dotted(name)[0] for name in values])
    return {
        name: value
        for name, value in values.items()
        if (use := table[dotted(name)[0]]).free or use.read or use.written
    }


def _is_default(value: object) -> bool:
    mock = sys.modules.get("unittest.mock")
    return mock is not None and value is mock.DEFAULT
