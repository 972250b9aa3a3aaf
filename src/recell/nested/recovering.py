"""The cells, defaults and annotations of a nested function, recovered without running the outer one."""

from __future__ import annotations

from types import CellType, CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from recell.cells import is_empty
from recell.code.instructions import found, opcodes
from recell.code.making import UNKNOWN, making, plain
from recell.code.slots import free_base
from recell.code.tree import is_generic
from recell.compat._release import ANNOTATE, ANNOTATIONS
from recell.errors import ScopeError, listed, short
from recell.flags import is_function
from recell.functions.arguments import merged_defaults
from recell.functions.building import KEEP, build

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recell.code.making import Site
    from recell.code.tree import Chain

__all__ = ["Recovery", "held"]


def held(name: str, codes: Chain, own: tuple[CellType, ...] | None) -> CellType | None:
    """The cell of a function's closure that a free variable of the last of the nested codes means.

    Args:
        name: the free variable.
        codes: the function's code, and those nested in it down to the one that has the free variable.
        own: the function's closure.
    """
    outer = codes[0]
    if not own or name not in outer.co_freevars:
        return None
    for code in codes[-2:0:-1]:
        if name in code.co_cellvars:
            return None  # a local of a function in between
    if name not in outer.co_cellvars:
        return own[outer.co_freevars.index(name)]
    # one name, two variables: an inlined comprehension has one of its own (3.12+)
    made = making(outer, codes[1])
    if made is None:  # pragma: no cover - compilers make a function of every code object
        return None
    raw = outer.co_code
    made.find_closure(raw[::2], raw[1::2])
    slot = made.slots[codes[1].co_freevars.index(name)] - free_base(outer)
    return own[slot] if slot >= 0 else None


class Recovery:
    """Everything that can be known of one nested function.

    Args:
        made: where it is made.
        codes: the outer function's code, and those nested in it down to the function's.
        own: the outer function's closure.
        globals: the global names that the function is to have.
        given: the cells that the caller gives.
    """

    made: Site
    codes: Chain
    own: tuple[CellType, ...] | None
    globals: dict[str, Any]
    given: Mapping[str, CellType]

    def __init__(
        self,
        made: Site,
        codes: Chain,
        own: tuple[CellType, ...] | None,
        globals: dict[str, Any],
        given: Mapping[str, CellType],
    ) -> None:
        self.made, self.codes, self.own, self.globals, self.given = made, codes, own, globals, given
        self.generic: FunctionType | None = self._generic() if is_generic(made.outer) else None

    def _generic(self) -> FunctionType | None:
        """The function as the scope of its type parameters (PEP 695) makes it: no code of a user runs for it.

        Before 3.14 that scope evaluates annotations too, so it may raise; nothing is known then.
        """
        scope = self.made.outer
        cells = tuple(self._cell(name, self.codes[:-1]) or CellType() for name in scope.co_freevars)
        values: dict[str, Any] = {".defaults": (), ".kwdefaults": {}}
        arguments = [values.get(name) for name in opcodes().release.scope_parameters(scope)]
        try:
            new = build(scope, self.globals, scope.co_name, None, cells or None)(*arguments)
        except Exception:  # noqa: BLE001 - an annotation may raise anything
            return None
        return new if type(new) is FunctionType else None

    def _cell(self, name: str, codes: Chain) -> CellType | None:
        if name in self.given:
            return self.given[name]
        if name == "__classdict__":  # the class's namespace, in front of the globals
            return CellType({})
        return held(name, codes, self.own)

    def type_parameter(self, name: str) -> CellType | None:
        """The cell of a type parameter of the function's own."""
        if self.generic is None or name not in self.made.outer.co_cellvars:
            return None
        return dict(zip(self.generic.__code__.co_freevars, self.generic.__closure__ or ())).get(name)

    def defaults(self) -> tuple[dict[str, object], dict[str, object]]:
        """Positional and keyword-only defaults by name, `UNKNOWN` where no constant gives them."""
        if not is_generic(self.made.outer):
            return self.made.defaults()
        outer = self.codes[-3:-1]
        above = making(*outer) if len(outer) == 2 else None
        return ({}, {}) if above is None else above.defaults_passed(self.made.code)

    def merged_defaults(
        self, given: Mapping[str, object] | tuple[Any, ...] | None, leave_out: bool, target: object
    ) -> tuple[tuple[Any, ...] | None, dict[str, Any] | None]:
        """The defaults as a function keeps them, from the constant ones and those that the caller gives.

        Raises ScopeError for those that neither gives, unless they are to be left out.
        """
        code = self.codes[-1]
        own, keyword = self.defaults()
        if given is None:
            known_ones = plain(own, keyword)
            if known_ones is not None:
                return known_ones
        if isinstance(given, tuple):
            own = {}
        known = {**own, **keyword}
        if given is not None and not isinstance(given, tuple):
            if not hasattr(given, "items"):
                msg = f"defaults must be a mapping by parameter name, a tuple, or None, not {short(given)}"
                raise TypeError(msg)
            known.update(given)
        unknown = [name for name, value in known.items() if value is UNKNOWN]
        if unknown and not leave_out:
            msg = (
                f"the defaults of {listed(unknown)} of `{code.co_name}` in {short(target)} are no constants: only a "
                f"call of the outer function would give them; pass defaults={{{unknown[0]!r}: …}}"
            )
            raise ScopeError(msg, name=unknown[0], names=tuple(unknown), target=short(target))
        if unknown:
            gap = False
            for name in reversed(code.co_varnames[: code.co_argcount]):
                # defaults are right-aligned: those in front of one that is left out go with it
                gap = gap or known.get(name, UNKNOWN) is UNKNOWN
                if gap:
                    known.pop(name, None)
            known = {name: value for name, value in known.items() if value is not UNKNOWN}
        if isinstance(given, tuple):
            return merged_defaults(code, None, known or None, given, KEEP, code)
        return merged_defaults(code, None, None, known or KEEP, KEEP, code)

    def put_annotations(self, new: FunctionType) -> None:
        """Give a function its annotations and type parameters, as far as they can be known."""
        made, generic = self.made, self.generic
        if generic is not None:
            new.__type_params__ = generic.__type_params__
            annotate = getattr(generic, "__annotate__", None)
            if annotate is None:
                new.__annotations__ = generic.__annotations__
            elif not any(map(is_empty, annotate.__closure__ or ())):
                new.__annotate__ = annotate  # type: ignore[attr-defined]
            return
        if not made.flags & (ANNOTATIONS | ANNOTATE):
            return
        lazy = made.annotate()
        if lazy is None:
            annotations = made.annotations(self._look_up)
            if annotations:
                new.__annotations__ = annotations
            return
        code = lazy.code
        of_names = (self._cell(name, (*self.codes[:-1], code)) for name in code.co_freevars)
        cells = tuple(cell for cell in of_names if cell is not None)
        if len(cells) == len(code.co_freevars):  # a local of the outer function could not be evaluated
            new.__annotate__ = build(code, self.globals, code.co_name, None, cells or None)  # type: ignore[attr-defined]

    def _look_up(self, name: str, from_cell: bool) -> object:
        """Return the value of a name in an annotation."""
        if from_cell:
            cell = self._cell(name, self.codes)
            return UNKNOWN if cell is None or is_empty(cell) else cell.cell_contents
        parent = self.made.outer
        if not is_function(parent) and parent.co_name != "<module>" and name in _stored(parent):
            return UNKNOWN  # the class's own
        if name in self.globals:
            return self.globals[name]
        builtins = self.globals.get("__builtins__", {})
        names: Mapping[str, object] = vars(builtins) if isinstance(builtins, ModuleType) else builtins
        return names.get(name, UNKNOWN)


def _stored(code: CodeType) -> set[str]:
    """The names that a class body stores."""
    raw = code.co_code
    return {code.co_names[argument] for _, _, argument in found(raw[::2], raw[1::2], opcodes().store_name)}
