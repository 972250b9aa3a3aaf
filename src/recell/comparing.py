"""The functions of two versions of a module's text, compared by their code objects: which is which, and what changed.

A function is known by its path (`make.<locals>.get`); several of one path (lambdas, a property's accessors) are told
apart by what they do, then by their order. Nothing runs here.
"""

from __future__ import annotations

from types import CodeType
from typing import TYPE_CHECKING, NamedTuple

from recell import compat
from recell.paths import is_function, is_generic

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["Comparison", "Pair", "codes_below", "is_followed", "parameters"]

GENERIC = "<generic parameters of "
_PARAMETERS = 12  # CO_VARARGS, CO_VARKEYWORDS

# functions that nobody keeps: they run while the function around them does; lazy annotations go with their function
_PASSING = frozenset(
    ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>", "__annotate__", "__annotate_func__")
)


class Pair(NamedTuple):
    """A function's old code and the new one."""

    path: str
    old: CodeType
    new: CodeType
    moved: bool
    """Only its place in the text has changed."""


def is_followed(code: CodeType) -> bool:
    """Whether functions of this code outlive the call that makes them, so that a reload follows them."""
    name = code.co_name
    return is_function(code) and name not in _PASSING and (name[0] != "<" or name == "<lambda>")


def codes_below(code: CodeType, path: str = "") -> Iterator[tuple[str, CodeType]]:
    """The code objects nested in one, with their paths; outer ones first."""
    generic = is_generic(code)  # a scope without a name of its own: what it is for has its path
    name = path.rpartition(".")[2]
    prefix = f"{path}.<locals>." if is_function(code) else f"{path}." if path else ""
    for const in code.co_consts:
        if type(const) is not CodeType:
            continue
        if is_generic(const):
            below = prefix + const.co_name[len(GENERIC) : -1]
        elif not generic:
            below = prefix + const.co_name
        elif const.co_name == name:
            below = path
        else:
            continue  # what evaluates the bound of a type parameter
        yield below, const
        if any([type(other) is CodeType for other in const.co_consts]):
            yield from codes_below(const, below)


class Grouped:
    """Code objects by their path: nearly always one each.

    Attributes: `single`: the (first) code object of each path; `several`: all of those that share a path.
    """

    __slots__ = ("several", "single")

    several: dict[str, list[CodeType]]
    single: dict[str, CodeType]

    def __init__(self, codes: Iterable[tuple[str, CodeType]]) -> None:
        single: dict[str, CodeType] = {}
        several: dict[str, list[CodeType]] = {}
        for path, code in codes:
            if code.co_name[0] == "<" or not code.co_flags & 1 or code.co_name in _PASSING:
                if not is_followed(code):
                    continue
            if single.setdefault(path, code) is not code:
                several.setdefault(path, [single[path]]).append(code)
        self.single, self.several = single, several

    def __getitem__(self, path: str) -> list[CodeType]:
        found = self.several.get(path)
        if found is None:
            code = self.single.get(path)
            found = [] if code is None else [code]
        return found

    def __contains__(self, path: object) -> bool:
        return path in self.single

    def __iter__(self) -> Iterator[str]:
        return iter(self.single)

    def exchange(self, final: dict[int, CodeType]) -> None:
        """Puts other code objects in the place of some, given by their ids."""
        if len(final) < len(self.single):
            ids = {id(code): path for path, code in self.single.items() if id(code) in final}
            for key, path in ids.items():
                self.single[path] = final[key]
        else:
            self.single = {path: final.get(id(code), code) for path, code in self.single.items()}
        self.several = {
            path: [final.get(id(code), code) for code in codes] for path, codes in self.several.items()
        }


class Comparison:
    """What became of the old functions' code.

    Attributes: `module`: the new module's code, with the old code objects wherever nothing changed; `pairs`: the
    changed ones; `old` and `new`: all of each version; `gone` and `fresh`: paths with their code that only one of the
    versions has; `unclear`: paths whose functions cannot be told apart.

    Args:
        old: paths and code objects of the functions there are.
        new: the new module's code, just compiled.
    """

    old: Grouped
    new: Grouped
    module: CodeType
    pairs: list[Pair]

    def __init__(self, old: Iterable[tuple[str, CodeType]], new: CodeType) -> None:
        release = compat.require("comparing code objects")
        self._table = release.line_table
        self._lines_compared = (
            release.exception_table
        )  # since 3.11 code objects with other lines compare unequal
        self.old = Grouped(old)
        self.new = Grouped(codes_below(new))
        self.gone: list[tuple[str, CodeType]] = []
        self.fresh: list[tuple[str, CodeType]] = []
        self.unclear: list[str] = []
        self._stays: dict[int, CodeType] = {}  # id of a new code -> the old one that takes its place
        matches: list[tuple[str, CodeType, CodeType]] = []
        single, several = self.old.single, self.old.several
        lines_compared, stays = self._lines_compared, self._stays
        for path, code in self.new.single.items():
            other = single.get(path)
            if other is None or path in several or path in self.new.several:
                matches.extend(self._matched(path, self.old[path], self.new[path]))
            elif code == other and (lines_compared or self._same_lines(other, code)):
                stays[id(code)] = other
            else:
                matches.append((path, other, code))
        for path in single:
            if path not in self.new.single:
                self.gone.extend((path, code) for code in self.old[path])
        self._final: dict[int, CodeType] = {}
        self.module = self._settled(new)
        self.pairs = [
            Pair(path, before, after, self._only_moved(before, after))
            for path, before, new_code in matches
            for after in (stays.get(id(new_code)) or self._final.get(id(new_code), new_code),)
            if after is not before
        ]
        final = self._final.get
        self.fresh = [(path, final(id(code), code)) for path, code in self.fresh]
        self.new.exchange(self._final)

    def _matched(
        self, path: str, old: Sequence[CodeType], new: Sequence[CodeType]
    ) -> Iterable[tuple[str, CodeType, CodeType]]:
        before, after = list(old), list(new)
        found: list[tuple[str, CodeType, CodeType]] = []
        if (
            len(new) == 1 and old and new[0].co_name != "<lambda>"
        ):  # earlier versions, which somebody still holds
            for other in old:
                self._compare(other, new[0])
            return [(path, other, new[0]) for other in old]
        for alike in (self.same, self._only_moved, _same_parameters):
            for code in list(after):
                for other in before:
                    if alike(other, code):
                        found.append((path, other, code))
                        self._compare(other, code)
                        before.remove(other)
                        after.remove(code)
                        break
            if alike is self._only_moved and len(before) == len(after):
                break
        if len(before) == len(after):
            found.extend((path, *both) for both in zip(before, after))
        elif before and after:
            self.unclear.append(path)
        elif before:
            self.gone.extend((path, code) for code in before)
        else:
            self.fresh.extend((path, code) for code in after)
        return found

    def _compare(self, old: CodeType, new: CodeType) -> None:
        if self.same(old, new):
            self._stays[id(new)] = old

    def same(self, old: CodeType, new: CodeType) -> bool:
        """Whether two code objects are interchangeable, tracebacks included."""
        return old is new or (old == new and (self._lines_compared or self._same_lines(old, new)))

    def _same_lines(self, old: CodeType, new: CodeType) -> bool:
        """Asked before 3.11, where code objects with other lines compare equal."""
        if getattr(old, self._table) != getattr(new, self._table):
            return False
        for one, other in zip(old.co_consts, new.co_consts):
            if type(one) is CodeType and not self._same_lines(one, other):
                return False
        return True

    def _only_moved(self, old: CodeType, new: CodeType) -> bool:
        if old.co_code != new.co_code or old.co_names != new.co_names or old.co_varnames != new.co_varnames:
            return False
        consts, others = old.co_consts, new.co_consts
        if consts != others and not any([type(const) is CodeType for const in consts]):
            return False
        return self._unplaced(old) == self._unplaced(new)

    def _unplaced(self, code: CodeType) -> CodeType:
        """A code object without its positions in the text, to compare."""
        consts = tuple(
            [self._unplaced(const) if type(const) is CodeType else const for const in code.co_consts]
        )
        return code.replace(co_firstlineno=1, co_consts=consts, **{self._table: b""})  # type: ignore[arg-type]

    def _settled(self, code: CodeType) -> CodeType:
        """A new code object with the old ones in place of those in it that have not changed."""
        changed = False
        consts: list[object] = []
        if not any([type(const) is CodeType for const in code.co_consts]):
            return code
        for const in code.co_consts:
            if type(const) is CodeType:
                stays = self._stays.get(id(const))
                settled = self._settled(const) if stays is None else stays
                if settled is not const:
                    changed = True
                    self._final[id(const)] = settled
                consts.append(settled)
            else:
                consts.append(const)
        return code.replace(co_consts=tuple(consts)) if changed else code


def _same_parameters(old: CodeType, new: CodeType) -> bool:
    return parameters(old) == parameters(new)


def parameters(code: CodeType) -> tuple[object, ...]:
    """What a code object's parameters are: their names and kinds."""
    count = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 4) + bool(code.co_flags & 8)
    return (
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_flags & _PARAMETERS,
        code.co_varnames[:count],
    )
