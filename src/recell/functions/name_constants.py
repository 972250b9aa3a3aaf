"""The constants of a code object that spell names: they follow when names are exchanged, and are no placeholders."""

from __future__ import annotations

from types import CodeType
from typing import TYPE_CHECKING, Any

from recell import compat
from recell.code.assembler import apply, checked
from recell.code.instructions import before, decoded, instruction, opcodes
from recell.code.making import Site, sites
from recell.code.operands import UNKNOWN, Operands, constant
from recell.compat._release import ANNOTATIONS, KWDEFAULTS
from recell.errors import UnsupportedCodeError
from recell.flags import OPTIMIZED, is_function, parameters
from recell.functions.constants import holds, key_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from recell.code.assembler import Edit
    from recell.code.instructions import Instruction

__all__ = ["Spelled", "refusal"]

# what loads a tuple of strings that are names, not data
_NAME_TUPLES = ("KW_NAMES", "CALL_KW", "CALL_FUNCTION_KW", "IMPORT_NAME", "MATCH_CLASS")

# what takes a constant tuple or frozenset that is a display of something else in the text
_TUPLES = ("BUILD_CONST_KEY_MAP", "MATCH_KEYS", "LIST_EXTEND", "SET_UPDATE")


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
        placeholders: the key of a constant (`key_of`) -> the object that takes its place.
        qualname, new_qualname: the code's own qualified name before and after.
    """

    code: CodeType
    qualname: tuple[str, str]
    rename: Mapping[str, str]

    def __init__(
        self,
        code: CodeType,
        rename: Mapping[str, str],
        placeholders: Mapping[Any, object],
        qualname: str,
        new_qualname: str,
    ) -> None:
        compat.require("following names into constants")
        self.code, self.rename, self.qualname = code, rename, (qualname, new_qualname)
        self.instructions: list[Instruction] = list(decoded(code))
        self.at: dict[int, int] = {each.offset: at for at, each in enumerate(self.instructions)}
        self.new: dict[
            int, Any
        ] = {}  # the position of an instruction that loads a name -> what it is to load
        self.places: dict[int, tuple[str, str]] = {}
        if rename:
            self._follow()
        self.exchanged: set[Any] = set()  # the keys of placeholders that were met here
        self._exchange_plain(placeholders)
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
            at if taking.name == "KW_NAMES" else at - 1
            for at, taking in enumerate(self.instructions)
            if taking.name in names
            and (taking.name == "KW_NAMES" or self.instructions[at - 1].name == "LOAD_CONST")
        ]

    def _loads(self, index: int) -> list[int]:
        """The positions of all instructions that use a constant."""
        names = compat.require("following names into constants").const_opcodes
        return [
            at
            for at, loading in enumerate(self.instructions)
            if loading.argument == index and loading.name in names
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
        """Say whether a tuple of names is the keys of a mapping, and not names and values in turn."""
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

    def _exchange_plain(self, placeholders: Mapping[Any, object]) -> None:
        """Note the instructions that load a placeholder which is no text: others are exchanged where they stand."""
        if self.code.co_name in ("__annotate__", "__annotate_func__"):
            return  # numbers tell it what is asked for
        if all(type(key) is str for key in placeholders):
            return
        kept = self._the_compilers()
        for at, loading in enumerate(self.instructions):
            if loading.name == "RETURN_CONST":
                value = self._constant(at)
            else:
                value = constant(self.code, loading.number, loading.argument)
            if value is UNKNOWN or type(value) is str or type(value) is CodeType or at in kept:
                continue
            key = key_of(value)
            if key in placeholders:
                self.exchanged.add(key)
                self.new[at] = placeholders[key]

    def _the_compilers(self) -> set[int]:
        """The positions of constants that stand for nothing in the text."""
        kept = {*self._loaded_for((*_NAME_TUPLES, *_TUPLES)), *self.new}
        names = self.code.co_names
        for at, taking in enumerate(self.instructions):
            if taking.name == "IMPORT_NAME":
                kept.update((at - 1, at - 2))  # the names, and the level
            elif taking.name == "STORE_NAME" and names[taking.argument] == "__firstlineno__":
                kept.add(at - 1)
        return kept

    # -- exchanging ----------------------------------------------------------------------------------------------

    def _exchange(self) -> None:
        """Load the new constants; other instructions that load the old ones keep them."""
        code, raw = self.code, self.code.co_code
        opcodes_of_consts = compat.require("following names into constants").const_opcodes
        consts = list(code.co_consts)
        edits: list[Edit] = []
        by_index: dict[int, dict[int, Any]] = {}
        for at, value in self.new.items():
            loading = self.instructions[at]
            index = loading.argument if loading.name in opcodes_of_consts else -1 - at
            by_index.setdefault(index, {})[at] = value
        for index, wanted in by_index.items():
            values = list(wanted.values())
            # a text as the first constant would be taken for the docstring
            in_place = index > 0 or (index == 0 and (type(values[0]) is not str or type(consts[0]) is str))
            if (
                in_place
                and set(self._loads(index)) == set(wanted)
                and all(_is_same(v, values[0]) for v in values)
            ):
                consts[index] = values[0]
                continue
            for at, value in wanted.items():
                loading = self.instructions[at]
                start, unit, _ = before(raw[::2], raw[1::2], loading.offset // 2 + 1)
                number = loading.number if index >= 0 else opcodes().load_const
                edits.append((start, unit + 1, instruction(number, len(consts), unit + 1 - start)))
                consts.append(value)
        self.code = checked(apply(code, sorted(edits), co_consts=tuple(consts)))
        self.instructions = list(decoded(self.code))


def _is_same(one: Any, other: Any) -> bool:
    return one is other or (type(one) is str and type(other) is str and one == other)
