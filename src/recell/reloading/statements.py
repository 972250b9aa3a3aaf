"""Statements of a module's or class's body, as the compiler left them: what each binds, evaluates and makes."""

from __future__ import annotations

from types import CodeType
from typing import TYPE_CHECKING, Any

from recell.code.tree import is_function, is_generic
from recell.layers.values import ABSENT
from recell.reloading.constants import constant_key
from recell.reloading.operations import operations
from recell.reloading.slices import lines_of, slices

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from recell.reloading.slices import Instruction

__all__ = [
    "CLASS",
    "DEF",
    "OTHER",
    "PASSING",
    "Body",
    "Imports",
    "Statement",
    "Whole",
    "is_class",
    "is_kept",
    "names_loaded",
    "nested",
    "stand_in",
]

DEF, CLASS, OTHER = "def", "class", "other"

PASSING = frozenset(("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"))
"""Functions that run while the code around them does, and that nobody keeps."""
_ANNOTATE = frozenset(("__annotate__", "__annotate_func__"))
# what the compiler binds in a class for itself, or what holds annotations, which are compared apart
_ONCE = frozenset(("__module__", "__qualname__"))
_MADE = _ANNOTATE | {
    "__firstlineno__",
    "__static_attributes__",
    "__classcell__",
    "__classdictcell__",
    "__classdict__",
    "__conditional_annotations__",
}
_HOLD_ANNOTATIONS = frozenset(("__annotations__", "__conditional_annotations__"))


def is_class(code: CodeType) -> bool:
    """Return whether this is a class body's code (or a module's)."""
    return not code.co_flags & 3


def is_kept(code: CodeType) -> bool:
    """Return whether functions of this code outlive the call that makes them, so that a reload follows them."""
    name = code.co_name
    return is_function(code) and name not in PASSING and name not in _ANNOTATE and not is_generic(code)


def nested(code: CodeType) -> list[CodeType]:
    """The code objects among the constants."""
    return [value for value in code.co_consts if type(value) is CodeType]


class Imports:
    """`import a.b` or `from .a import b as c`: the module's name and level; pairs of (its name, the name bound)."""

    names: list[tuple[str, str]]
    level: int
    module: str

    def __init__(self, module: str, level: int, names: list[tuple[str, str]]) -> None:
        self.module, self.level, self.names = module, level, names


class Whole:
    """A code object that is part of what a statement says, not one that it makes."""

    __slots__ = ("code",)

    def __init__(self, code: CodeType) -> None:
        self.code: CodeType = code


class Statement:
    """One statement.

    Attributes: `kind`; `names` that it binds or deletes; `loads`: names that it evaluates, `inner`: those that only
    class bodies in it do; `codes`: the functions and classes that it makes; `code`: that of a `def` or `class`;
    `norm`: its operations without places; `constant`: the value, for `X = 1`; `decorators`: forms of the decorators,
    outermost first, with the names that each loads; `head`: the form of a `def` without decorators.
    """

    __slots__ = (
        "body",
        "code",
        "codes",
        "constant",
        "decorator_loads",
        "decorators",
        "deletes",
        "head",
        "header",
        "imports",
        "inner",
        "is_annotation",
        "kind",
        "loads",
        "names",
        "norm",
        "position",
        "steps",
    )

    code: CodeType | None
    steps: Sequence[Instruction]
    position: int
    kind: str
    is_annotation: bool
    head: tuple[tuple[int, Any], ...]
    body: Body
    header: int | None

    def __init__(self, body: Body, steps: Sequence[Instruction], position: int) -> None:
        self.body, self.steps, self.position = body, steps, position
        self.kind, self.code, self.header = OTHER, None, None
        self.names: list[str] = []
        self.loads: set[str] = set()
        self.inner: set[str] = set()
        self.codes: list[CodeType] = []
        self.decorators: tuple[Any, ...] = ()
        self.decorator_loads: list[set[str]] = []
        self.imports: Imports | None = None
        self.constant: Any = ABSENT
        self.deletes: bool = False
        self._read()

    def _read(self) -> None:
        known, code = operations(), self.body.code
        names, constants = code.co_names, code.co_consts
        quiet, returned = known.quiet, self._returned()
        index = {step.start: number for number, step in enumerate(self.steps)}
        norm: list[tuple[int, Any]] = []
        tail: list[Instruction] = []
        annotation = False
        for number, step in enumerate(self.steps):
            op, argument = step.op, step.argument
            if op in quiet or number in returned:
                continue
            tail.append(step)
            if op in known.names:
                value: Any = names[argument >> known.names[op]]
                if op in known.stores or op in known.deletes:
                    self.names.append(value)
                    self.deletes |= op in known.deletes
                elif op in known.loads:
                    self.loads.add(value)
                    annotation |= value in _HOLD_ANNOTATIONS
                norm.append((op, (value, argument & ((1 << known.names[op]) - 1))))
            elif op in known.constants:
                value = constants[argument]
                if type(value) is CodeType:
                    self._makes(value)
                    norm.append((op, value))
                else:
                    norm.append((op, constant_key(value)))
            elif step.target >= 0:
                there = index.get(step.target, -1)
                norm.append((op, -1 if there in returned else there - number))
            else:
                norm.append((op, argument))
        self.norm: tuple[tuple[int, Any], ...] = tuple(norm)
        self.head = self.norm
        self.is_annotation = annotation and not self.names
        if (
            len(tail) > 1 and tail[-2].op in known.makes_alias and self.codes
        ):  # `type X = …`: nobody calls its code
            self.norm = self.head = tuple([(op, Whole(v) if type(v) is CodeType else v) for op, v in norm])
            self.codes = []
        if tail and tail[-1].op in known.stores and self.names:
            self._recognise(tail)
        self._imported(tail)

    def _returned(self) -> set[int]:
        """The instructions that end the body: they belong to no statement."""
        known, found = operations(), set()
        for number, step in enumerate(self.steps):
            if step.op in known.returns:
                found.add(number)
                if number and self._value(self.steps[number - 1]) is None:
                    found.add(number - 1)
        return found

    def _value(self, step: Instruction) -> Any:
        """The constant that an instruction loads; ABSENT where it loads none."""
        known = operations()
        if step.op in known.constants:
            return self.body.code.co_consts[step.argument]
        if step.op == known.small_int:
            return step.argument
        if step.op == known.common and step.argument < len(known.common_values):
            return known.common_values[step.argument]
        return ABSENT

    def _makes(self, code: CodeType) -> None:
        if is_kept(code):
            self.codes.append(code)
        elif is_class(code):
            self.codes.append(code)
            self.inner |= names_loaded(code)
        elif code.co_name not in _ANNOTATE:  # it runs at once
            self.loads |= names_loaded(code, deep=False)
            for inner in nested(code):
                self._makes(inner)

    def _recognise(self, tail: list[Instruction]) -> None:
        known, (name, *others) = operations(), self.names
        if others or not self.codes:
            if len(tail) == 2 and not others and not self.codes:
                value = self._value(tail[0])
                self.constant = ABSENT if type(value) is type and tail[0].op == known.common else value
            return
        made = self.codes[0] if any(step.op == known.build_class for step in tail) else self.codes[-1]
        named = [code for code in self.codes if name.endswith(code.co_name) and code.co_name[0] != "<"]
        if is_class(made) and made in named:
            self.kind, self.code = CLASS, made
        elif named and not is_class(named[-1]) and named[-1] is self.codes[-1]:
            self.kind, self.code = DEF, named[-1]
        if self.code is not None and not self._decorated(tail):
            self.kind, self.code = OTHER, None

    def _decorated(self, tail: list[Instruction]) -> bool:
        """Splits off the decorators, by the depth of the value stack. False where it is no definition after all."""
        known = operations()
        step = 2 if known.before_call >= 0 else 1
        count, at = 0, len(tail) - 2
        while at > 0 and tail[at].op in known.calls and tail[at].argument == known.decorator_argument:
            count, at = count + 1, at - step
        end = next((n for n, one in enumerate(tail) if self._holds(self._value(one))), None)
        if end is None:
            return False
        if is_generic(self._value(tail[end])) and count and tail[at].op not in known.calls:
            count -= 1
        if not count:
            return True
        depth, depths = 0, []
        for one in tail:
            depth += known.effect(one.op, one.argument, False)
            depths.append(depth)
        cuts: list[int] = []
        for level in range(count, 0, -1):
            end = max((n for n in range(end) if depths[n] == level), default=-1)
            if end < 0:
                return False
            cuts.insert(0, end)
        start, decorators = 0, []
        for cut in cuts:
            decorators.append(self.norm[start : cut + 1])
            start = cut + 1
        self.decorators = tuple(decorators)
        self.head = self.norm[start : len(self.norm) - 1 - count * step]
        self.decorator_loads = [
            {value[0] for op, value in form if op in known.loads} for form in self.decorators
        ]
        return True

    def _holds(self, value: Any) -> bool:
        """Return whether a constant is the code of the definition, or of the scope of its type parameters."""
        return type(value) is CodeType and (
            value is self.code or (is_generic(value) and any(self._holds(inner) for inner in nested(value)))
        )

    def _imported(self, tail: list[Instruction]) -> None:
        known = operations()
        if len(tail) < 3 or tail[2].op != known.imports:
            return
        level, names, code = self._value(tail[0]), self._value(tail[1]), self.body.code
        module = code.co_names[tail[2].argument >> known.names[known.imports]]
        found = [
            code.co_names[step.argument >> known.names[step.op]]
            for step in tail
            if step.op == known.import_from
        ]
        pairs = list(zip(found, self.names)) or ([("*", "*")] if names == ("*",) else [])
        self.imports = Imports(module, level, pairs)

    @property
    def lines(self) -> set[int]:
        """The lines that it stands on."""
        lines, quiet = self.body.lines, operations().quiet
        return {lines[step.start] for step in self.steps if step.op not in quiet} - {0}

    def attribute_changes(self) -> Iterable[tuple[str, str]]:
        """(name, attribute) of what it sets or deletes on what a name leads to."""
        known, name = operations(), None
        for op, value in self.norm:
            if op in known.loads:
                name = value[0]
            elif op in known.attribute_changes and name is not None:
                yield name, value[0]

    def constants(self) -> set[Any]:
        """The constants in it, also those inside tuples."""
        found: set[Any] = set()
        waiting = [self._value(step) for step in self.steps]
        for value in waiting:
            if type(value) is tuple:
                waiting += value
                found.add(value)
            elif value is not ABSENT and type(value) is not CodeType:
                found.add(value)
        return found

    def with_code(self, code: CodeType) -> Statement:
        """The same statement with another code for what it defines."""
        other = Statement.__new__(Statement)
        for name in Statement.__slots__:
            setattr(other, name, getattr(self, name))
        other.codes = [code if one is self.code else one for one in self.codes]
        other.code = code
        return other

    def copies_dict(self) -> bool:
        """Return whether it binds a name to a display of a dict."""
        return len(self.norm) > 1 and self.norm[-2][0] in operations().build_map

    def __repr__(self) -> str:
        return f"<{self.kind} {', '.join(self.names) or '…'}>"


def stand_in(kind: str, name: str, code: CodeType | None, body: Body) -> Statement:
    """Make a statement of an unknown text that bound a name."""
    one = Statement.__new__(Statement)
    one.body, one.steps, one.position = body, (), -1
    one.kind, one.code, one.header = kind, code, -1
    one.names, one.loads, one.inner = [name], set(), set()
    one.codes = [] if code is None else [code]
    one.decorators, one.decorator_loads, one.imports = (), [], None
    one.constant, one.deletes, one.is_annotation = ABSENT, False, False
    one.norm = one.head = ()
    return one


class Body:
    """The statements of a module's or class's code.

    Attributes: `statements`: those that are no annotations; `annotations`: those that are; `annotate`: the code that
    gives the annotations (3.14+).
    """

    def __init__(self, code: CodeType) -> None:
        self.code = code
        self._lines: list[int] | None = None
        self.statements: list[Statement] = []
        self.annotations: list[Statement] = []
        self.annotate: CodeType | None = None
        once, known = set(_ONCE) if code.co_name != "<module>" else set(), operations()
        for position, steps in enumerate(slices(code)):
            one = Statement(self, steps, position)
            names = set(one.names)
            if not one.norm or all(op in known.prologue for op, _ in one.norm):
                continue
            if names and names <= _MADE | once:
                once -= names
                if names <= _ANNOTATE:
                    self.annotate = next((made for _, made in one.norm if type(made) is CodeType), None)
                continue
            (self.annotations if one.is_annotation else self.statements).append(one)

    @property
    def lines(self) -> list[int]:
        """The line of each code unit."""
        if self._lines is None:
            self._lines = lines_of(self.code)
        return self._lines


def names_loaded(code: CodeType, deep: bool = True) -> set[str]:
    """The names that a body evaluates itself: with `deep`, also in classes and comprehensions in it."""
    known, found = operations(), set()
    raw, names, prefix = code.co_code, code.co_names, 0
    for op, argument in zip(raw[::2], raw[1::2]):
        if op == known.extended:
            prefix = (prefix | argument) << 8
            continue
        if op in known.loads:
            found.add(names[(prefix | argument) >> known.names[op]])
        prefix = 0
    if deep:
        for inner in nested(code):
            if not is_kept(inner) and inner.co_name not in _ANNOTATE:
                found |= names_loaded(inner)
    return found
