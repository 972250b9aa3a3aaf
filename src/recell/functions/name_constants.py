"""The constants of a code object that spell names: they follow when names are exchanged, and are no placeholders."""

from __future__ import annotations

from types import CodeType
from typing import TYPE_CHECKING, Any

from recell import compat
from recell.code.instructions import decoded
from recell.code.making import Site, sites
from recell.code.operands import Operands
from recell.compat._release import ANNOTATIONS, KWDEFAULTS
from recell.errors import UnsupportedCodeError
from recell.flags import OPTIMIZED, is_function, parameters
from recell.functions.constants import holds

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from recell.code.instructions import Instruction

__all__ = ["Spelled", "refusal"]

# what loads a tuple of strings that are names, not data
_NAME_TUPLES = ("KW_NAMES", "CALL_KW", "CALL_FUNCTION_KW", "IMPORT_NAME", "MATCH_CLASS")


def refusal(code: CodeType, what: str) -> UnsupportedCodeError:
    """Return the error for names that nobody can follow."""
    msg = f"{code!r} has {what} that cannot be followed without compiling it again; define it from its source"
    return UnsupportedCodeError(msg, code=repr(code), reason=what)


class Spelled:
    """One code object whose names are exchanged.

    Attributes: `code`: the code with the constants renamed that spell names; `protected`: the indexes of the constants
    that are names; `places`: id of a nested code -> its qualified name before and after.

    Args:
        code: the code object.
        rename: old name -> new name.
        placeholders: the keys of the constants that will be exchanged for objects.
        qualname, new_qualname: the code's own qualified name before and after.
    """

    code: CodeType
    qualname: tuple[str, str]
    rename: Mapping[str, str]

    def __init__(
        self,
        code: CodeType,
        rename: Mapping[str, str],
        placeholders: Container[Any],
        qualname: str,
        new_qualname: str,
    ) -> None:
        compat.require("following names into constants")
        self.code, self.rename, self.qualname = code, rename, (qualname, new_qualname)
        self.instructions = list(decoded(code))
        self.at = {instruction.offset: at for at, instruction in enumerate(self.instructions)}
        self.new: dict[
            int, Any
        ] = {}  # the position of an instruction that loads a name -> what it is to load
        self.places: dict[int, tuple[str, str]] = {}
        if rename:
            self._follow()
        names = {at for at in self._loaded_for(_NAME_TUPLES) if holds(self._constant(at), placeholders)}
        for at in names:
            if not names.issuperset(self._loads(self.instructions[at].argument)):
                self.new[at] = self._constant(at)  # one of its own, for the name
        self.protected: Container[int] = ()
        if self.new or names:
            loading = [*names, *self.new]
            if self.new:
                self._exchange()
            self.protected = {self.instructions[at].argument for at in loading}

    # -- finding -------------------------------------------------------------------------------------------------

    def _constant(self, at: int) -> Any:
        return self.code.co_consts[self.instructions[at].argument]

    def _loaded_for(self, names: tuple[str, ...]) -> list[int]:
        """The positions of LOAD_CONST right before one of the opcodes named, and of KW_NAMES where it is named."""
        return [
            at if instruction.name == "KW_NAMES" else at - 1
            for at, instruction in enumerate(self.instructions)
            if instruction.name in names
            and (instruction.name == "KW_NAMES" or self.instructions[at - 1].name == "LOAD_CONST")
        ]

    def _loads(self, index: int) -> list[int]:
        """The positions of all instructions that use a constant."""
        opcodes = compat.require("following names into constants").const_opcodes
        return [
            at
            for at, instruction in enumerate(self.instructions)
            if instruction.argument == index and instruction.name in opcodes
        ]

    def _follow(self) -> None:
        code, rename = self.code, self.rename
        raw = code.co_code
        before, after = self.qualname
        for site in sites(code, raw[::2], raw[1::2]):
            old, new = self._nested_names(site)
            self.places[id(site.code)] = old, new
            if not is_function(site.code):
                self._follow_class(site)
            elif not rename.keys().isdisjoint(site.code.co_varnames[: parameters(site.code)]):
                for attribute in (KWDEFAULTS, ANNOTATIONS):
                    if site.flags & attribute:
                        self._follow_keys(site.key_units(attribute))
            if new != old and not hasattr(code, "co_qualname"):  # MAKE_FUNCTION takes it from the stack
                own = rename.get(site.code.co_name, site.code.co_name)
                self.new[self.at[2 * site.make] - 1] = new if is_function(site.code) else own
        if after != before:
            for at in self._loaded_for(("STORE_NAME",)):  # a class body
                if self._constant(at) == before:
                    self.new[at] = after
        if code.co_name == "__annotate__":
            self._follow_annotate()

    def _nested_names(self, site: Site) -> tuple[str, str]:
        """The qualified name of a nested function or class, before and after."""
        nested, (qualname, new_qualname) = site.code, self.qualname
        old = getattr(nested, "co_qualname", None)
        if old is None:
            old = site.qualname()
            if not is_function(nested):  # a class's is spelled in its body
                old = f"{qualname}.{'<locals>.' * (self.code.co_flags & OPTIMIZED)}{old}"
        new = old
        if new_qualname != qualname and old.startswith(qualname + "."):
            new = new_qualname + old[len(qualname) :]
        name = nested.co_name
        if name in self.rename and new.endswith(name):
            new = new[: -len(name)] + self.rename[name]
        return old, new

    def _follow_class(self, site: Site) -> None:
        """Note the constant behind a class's body that spells its name."""
        name = site.code.co_name
        if name in self.rename:
            first = self.at[2 * site.make]
            for at in range(first + 1, min(first + 4, len(self.instructions))):
                if self.instructions[at].name == "LOAD_CONST" and self._constant(at) == name:
                    self.new[at] = self.rename[name]

    def _follow_keys(self, units: Iterable[int | None]) -> None:
        """Note the constants, each in front of a unit, that spell the parameters of a nested function."""
        for unit in units:
            at = None if unit is None else self.at.get(2 * unit - 2)
            if at is None or self.instructions[at].name != "LOAD_CONST":
                raise refusal(self.code, "names of defaults or annotations")
            self._rename_at(at)

    def _rename_at(self, at: int) -> None:
        names, rename = self._constant(at), self.rename
        new: Any
        if type(names) is str:
            new = rename.get(names, names)
        else:  # keys, or names and values in turn
            keys = 1 if self._loads_keys(at) else 2
            new = tuple(
                rename.get(name, name) if type(name) is str and index % keys == 0 else name
                for index, name in enumerate(names)
            )
        if new != names:
            self.new[at] = new

    def _loads_keys(self, at: int) -> bool:
        """Whether a tuple of names is the keys of a mapping, and not names and values in turn."""
        return self.instructions[at + 1].name == "BUILD_CONST_KEY_MAP"

    def _follow_annotate(self) -> None:
        """Note the keys of the dict that a function's `__annotate__` returns (3.14+)."""
        texts = (const for const in self.code.co_consts if type(const) is str)
        if self.rename.keys().isdisjoint(texts):
            return
        operands = Operands(self.code)
        for built, returned in zip(self.instructions, self.instructions[1:]):
            if built.name == "BUILD_MAP" and returned.name == "RETURN_VALUE":
                self._follow_keys(operands.key_ends(built.offset // 2 + 1))

    # -- exchanging ----------------------------------------------------------------------------------------------

    def _exchange(self) -> None:
        """Load the new constants; other instructions that load the old ones keep them."""
        code = self.code
        consts = list(code.co_consts)
        raw = bytearray(code.co_code)
        by_index: dict[int, dict[int, Any]] = {}
        for at, value in self.new.items():
            by_index.setdefault(self.instructions[at].argument, {})[at] = value
        for index, wanted in by_index.items():
            values = list(wanted.values())
            if set(self._loads(index)) == set(wanted) and all(value == values[0] for value in values):
                consts[index] = values[0]
                continue
            for at, value in wanted.items():
                new = len(consts)
                instruction: Instruction = self.instructions[at]
                if instruction.wide or new > 255:
                    raise refusal(code, "more than 255 constants")
                consts.append(value)
                raw[instruction.offset + 1] = new
        self.code = code.replace(co_consts=tuple(consts), co_code=bytes(raw))
        self.instructions = list(decoded(self.code))
