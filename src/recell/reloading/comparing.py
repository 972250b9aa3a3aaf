"""The functions of two versions of a module's text, compared by their code objects: which is which, and what changed.

A function is known by its path (`make.<locals>.get`); several of one path (lambdas, a property's accessors) are told
apart by what they do, then by their order. Nothing runs here.
"""

from __future__ import annotations

from operator import attrgetter
from types import CodeType
from typing import TYPE_CHECKING, Any, NamedTuple

from recell import compat
from recell.code.tree import GENERIC, is_function, is_generic

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

__all__ = ["Comparison", "Grouped", "Pair", "codes_below"]

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


def codes_below(code: CodeType, path: str = "") -> list[tuple[str, CodeType]]:
    """The code objects nested in one, with their paths; outer ones first."""
    return _below([const for const in code.co_consts if type(const) is CodeType], code, path)


def _below(codes: Iterable[CodeType], code: CodeType, path: str) -> list[tuple[str, CodeType]]:
    """Some of the code objects in a code object, and those nested in them, with their paths."""
    found: list[tuple[str, CodeType]] = []
    generic = is_generic(code)  # a scope without a name of its own: what it is for has its path
    name = path.rpartition(".")[2]
    prefix = f"{path}.<locals>." if is_function(code) else f"{path}." if path else ""
    for const in codes:
        inner = const.co_name
        if inner[0] == "<" and is_generic(const):
            below = prefix + inner[len(GENERIC) : -1]
        elif not generic:
            below = prefix + inner
        elif inner == name:
            below = path
        else:
            continue  # what evaluates the bound of a type parameter
        found.append((below, const))
        if CodeType in map(type, const.co_consts):
            found += codes_below(const, below)
    return found


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
        self.single, self.several = single, several
        self.add(codes)

    def add(self, codes: Iterable[tuple[str, CodeType]]) -> None:
        """More of them."""
        single, several = self.single, self.several
        for path, code in codes:
            if (code.co_name[0] in "<_" or not code.co_flags & 1) and not is_followed(code):
                continue
            if single.setdefault(path, code) is not code:
                several.setdefault(path, [single[path]]).append(code)

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
        if not final:
            return
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
        around: the ids of the code objects in `old` that have others nested in them.
    """

    old: Grouped
    new: Grouped
    module: CodeType
    pairs: list[Pair]

    def __init__(
        self, old: Iterable[tuple[str, CodeType]], new: CodeType, around: Collection[int] = ()
    ) -> None:
        release = compat.require("comparing code objects")
        self._table = release.line_table
        self._lines = attrgetter(release.line_table)
        # since 3.11 code objects with other lines compare unequal
        self._lines_compared = release.exception_table
        self.old = Grouped(old)
        self.new = Grouped(())
        consts, changed, differ, leaves = self._taken(new, around)
        self.gone: list[tuple[str, CodeType]] = []
        self.fresh: list[tuple[str, CodeType]] = []
        self.unclear: list[str] = []
        self._stays: dict[int, CodeType] = {}  # id of a new code -> the old one that takes its place
        self.pairs = []
        unsettled: list[tuple[str, CodeType, CodeType]] = []
        places: list[int] = []  # where they go in `pairs`
        single, several = self.old.single, self.old.several
        stays, after = self._stays, self.new.single
        shared = several.keys() | self.new.several.keys()
        for path, code in after.items():
            other = single.get(path)
            if other is code:
                continue
            if other is None or (shared and path in shared):
                for match in self._matched(path, self.old[path], self.new[path]):
                    places.append(len(self.pairs))
                    unsettled.append(match)
            elif path in leaves:
                self.pairs.append(Pair(path, other, code, self._only_moved(other, code)))
            elif path not in differ and self.same(other, code):
                stays[id(code)] = after[path] = other
            else:
                places.append(len(self.pairs))
                unsettled.append((path, other, code))
        for path in single:
            if path not in after:
                self.gone.extend((path, code) for code in self.old[path])
        self._final: dict[int, CodeType] = {}
        for index in changed:
            consts[index] = self._settled_const(consts[index])
        self.module = new.replace(co_consts=tuple(consts))
        final = self._final.get
        pairs, done = self.pairs, 0
        if unsettled:
            self.pairs = []
        for place, (path, before, code) in zip(places, unsettled):
            self.pairs += pairs[done:place]
            done = place
            result = stays.get(id(code)) or final(id(code), code)
            if result is not before:
                self.pairs.append(Pair(path, before, result, self._only_moved(before, result)))
        if unsettled:
            self.pairs += pairs[done:]
        self.fresh = [(path, final(id(code), code)) for path, code in self.fresh]
        self.new.exchange({**stays, **self._final} if shared else self._final)

    def _taken(
        self, new: CodeType, around: Collection[int]
    ) -> tuple[list[Any], list[int], set[str], set[str]]:
        """Fills `new`, with the old code object wherever a function of the module has not changed.

        Returns: the module's constants; at which indices old code objects may have to come; the paths of
        functions that are known to differ, and of those in which no other is nested.
        """
        there, add = self.new.single.setdefault, self.new.add
        single, table, lines_compared = self.old.single.get, self._lines, self._lines_compared
        consts = list(new.co_consts)
        changed: list[int] = []
        differ: set[str] = set()
        leaves: set[str] = set()
        several = self.old.several
        for index, const in enumerate(consts):
            if type(const) is not CodeType:
                continue
            path = const.co_name
            other = single(path)
            if other is not None:
                if const == other and (
                    lines_compared or (table(const) == table(other) and self._same_lines_below(other, const))
                ):
                    consts[index] = const = other
                else:
                    differ.add(path)
            if path[0] in "<_" or not const.co_flags & 1 or there(path, const) is not const:
                add(_below((const,), new, ""))
            elif id(const) in around if const is other else CodeType in map(type, const.co_consts):
                add(codes_below(const, path))
            elif path in differ:
                leaves.add(path)
                if path not in several:
                    continue
            if const is not other:
                changed.append(index)
        return consts, changed, differ, leaves

    def _matched(
        self, path: str, old: Sequence[CodeType], new: Sequence[CodeType]
    ) -> Iterable[tuple[str, CodeType, CodeType]]:
        before, after = list(old), list(new)
        found: list[tuple[str, CodeType, CodeType]] = []
        if len(new) == 1 and old and new[0].co_name != "<lambda>":
            for other in old:  # earlier versions, which somebody still holds
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
        return self._lines(old) == self._lines(new) and self._same_lines_below(old, new)

    def _same_lines_below(self, old: CodeType, new: CodeType) -> bool:
        consts = old.co_consts
        if CodeType in map(type, consts):
            for one, other in zip(consts, new.co_consts):
                if type(one) is CodeType and not self._same_lines(one, other):
                    return False
        return True

    def _only_moved(self, old: CodeType, new: CodeType) -> bool:
        consts = old.co_consts
        nested = CodeType in map(type, consts)
        if consts != new.co_consts and not nested:
            return False
        if old.co_code != new.co_code or old.co_names != new.co_names or old.co_varnames != new.co_varnames:
            return False
        if nested:
            return self._unplaced(old) == self._unplaced(new)
        place: dict[str, Any] = {"co_firstlineno": old.co_firstlineno, self._table: self._lines(old)}
        return new.replace(**place) == old

    def _unplaced(self, code: CodeType) -> CodeType:
        """A code object without its positions in the text, to compare."""
        consts = tuple(
            [self._unplaced(const) if type(const) is CodeType else const for const in code.co_consts]
        )
        return code.replace(co_firstlineno=1, co_consts=consts, **{self._table: b""})  # type: ignore[arg-type]

    def _settled(self, code: CodeType) -> CodeType:
        """A new code object with the old ones in place of those in it that have not changed."""
        consts = code.co_consts
        if CodeType not in map(type, consts):
            return code
        settled = [self._settled_const(const) if type(const) is CodeType else const for const in consts]
        same = all([one is other for one, other in zip(consts, settled)])
        return code if same else code.replace(co_consts=tuple(settled))

    def _settled_const(self, const: CodeType) -> CodeType:
        settled = self._stays.get(id(const))
        if settled is None:
            settled = self._settled(const)
        if settled is not const:
            self._final[id(const)] = settled
        return settled


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
